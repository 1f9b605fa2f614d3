/**
 * The keywords of a job's JSON Schema beyond types and formats (`pattern`, `minLength`, nested schemas, …) are ajv's work. Most schemas
 * have none: then ajv is not even loaded, and the hot path is the column checks alone.
 */
import type { JobDefinition } from '../core/job.ts';
import { Rejection } from './verdict.ts';

/** Keywords that the column checks cover, or that say nothing about validity. */
const COVERED = new Set([
  'type',
  'format',
  'enum',
  'sqlType',
  'column',
  'title',
  'description',
  'examples',
  'default',
  '$schema',
  '$id',
  '$comment',
  'required',
  'properties',
]);

function hasMore(schema: unknown, depth: number): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'additionalProperties' && value === true) continue;
    if (!COVERED.has(keyword)) return true;
    // Columns are checked one level deep; a schema below that needs ajv.
    if (
      keyword === 'properties' &&
      (depth > 0 || Object.values(value as object).some((property) => hasMore(property, depth + 1)))
    )
      return true;
  }
  return false;
}

/** Throws `Rejection` for a parsed value that the schema refuses. */
export type SchemaValidator = (value: unknown) => void;

/** Whether the schema says more than the column checks do. */
export function needsValidator(job: JobDefinition): boolean {
  return hasMore(job.schema, 0);
}

/** null: the column checks say everything that the schema says. */
export async function loadSchemaValidator(job: JobDefinition): Promise<SchemaValidator | null> {
  if (!needsValidator(job)) return null;
  const { Ajv } = await import('ajv');
  const ajv = new Ajv({ strict: false, validateFormats: false, allowUnionTypes: true });
  const validate = ajv.compile(job.schema);
  return (value) => {
    if (validate(value)) return;
    const error = validate.errors?.[0];
    const path = `$${(error?.instancePath ?? '').replaceAll('/', '.')}`;
    throw new Rejection('schema_violation', `${path} ${error?.message ?? 'does not fit the schema'}`, path);
  };
}
