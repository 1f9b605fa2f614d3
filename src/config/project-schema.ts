/**
 * What may stand in project.yml, as JSON Schema. Leaves carry the keyword `leaf` (schema-check.ts): a value of that kind, or text with
 * `{{ env_var(…) }}` that becomes one when the section is used. `secret: true`: the value is never shown.
 */
import type { JobLimits } from '../core/job.ts';

export type LeafKind = 'text' | 'integer' | 'number' | 'ratio' | 'boolean' | 'identifier' | 'timezone' | 'url' | 'list';

export interface Leaf {
  readonly leaf: LeafKind;
  readonly secret?: true;
  /** The words that the text may be. */
  readonly words?: readonly string[];
}

type Section = Readonly<Record<string, Leaf>>;

const GOOGLE_CREDENTIALS = {
  keyfile: { leaf: 'text' },
  impersonate_service_account: { leaf: 'text' },
  allow_credential_executables: { leaf: 'boolean' },
  allow_credential_urls: { leaf: 'boolean' },
} as const satisfies Section;

/** Every kind of every section of a target: key -> leaf, required keys first in `required`. */
export const SECTIONS = {
  stream: {
    topic_log: { required: ['path'], keys: { path: { leaf: 'text' } } },
    kafka: {
      required: ['brokers'],
      keys: {
        brokers: { leaf: 'list' },
        sasl_mechanism: { leaf: 'text', words: ['plain', 'scram-sha-256', 'scram-sha-512'] },
        username: { leaf: 'text' },
        password: { leaf: 'text', secret: true },
        ssl: { leaf: 'boolean' },
        ssl_ca: { leaf: 'text' },
        ssl_cert: { leaf: 'text' },
        ssl_key: { leaf: 'text', secret: true },
        client_id: { leaf: 'text' },
      },
    },
  },
  landing: {
    local: {
      required: ['path'],
      keys: { path: { leaf: 'text' }, compression: { leaf: 'text', words: ['none', 'gzip'] } },
    },
    gcs: {
      required: ['bucket'],
      keys: {
        bucket: { leaf: 'text' },
        prefix: { leaf: 'text' },
        project: { leaf: 'text' },
        ...GOOGLE_CREDENTIALS,
        api_endpoint: { leaf: 'url' },
        compression: { leaf: 'text', words: ['none', 'gzip'] },
        request_timeout_seconds: { leaf: 'integer' },
      },
    },
  },
  warehouse: {
    duckdb: {
      required: ['path'],
      keys: {
        path: { leaf: 'text' },
        schema: { leaf: 'identifier' },
        memory_limit: { leaf: 'text' },
        threads: { leaf: 'integer' },
        lock_timeout_seconds: { leaf: 'number' },
      },
    },
    bigquery: {
      required: ['project', 'dataset', 'location'],
      keys: {
        project: { leaf: 'text' },
        dataset: { leaf: 'identifier' },
        location: { leaf: 'text' },
        api_endpoint: { leaf: 'url' },
        ...GOOGLE_CREDENTIALS,
        maximum_bytes_billed: { leaf: 'integer' },
        priority: { leaf: 'text', words: ['interactive', 'batch'] },
        job_execution_timeout_seconds: { leaf: 'integer' },
        keep_replaced_days: { leaf: 'integer' },
        request_timeout_seconds: { leaf: 'integer' },
        threads: { leaf: 'integer' },
      },
    },
  },
  state: {
    sqlite: { required: ['path'], keys: { path: { leaf: 'text' } } },
    postgres: {
      required: ['url'],
      keys: { url: { leaf: 'text', secret: true }, request_timeout_seconds: { leaf: 'integer' } },
    },
  },
} as const satisfies Record<string, Record<string, { readonly required: readonly string[]; readonly keys: Section }>>;

export type SectionName = keyof typeof SECTIONS;
export const SECTION_NAMES = Object.keys(SECTIONS) as readonly SectionName[];

/** The keys that a section of this kind may have. */
export function leavesOf(name: SectionName, type: unknown): Readonly<Record<string, Leaf>> {
  const kinds: Readonly<Record<string, { readonly keys: Section }>> = SECTIONS[name];
  return typeof type === 'string' && Object.hasOwn(kinds, type) ? (kinds[type]?.keys ?? {}) : {};
}

function sectionSchema(
  kinds: Readonly<Record<string, { readonly required: readonly string[]; readonly keys: Section }>>,
): object {
  return {
    type: 'object',
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: Object.entries(kinds).map(([type, { required, keys }]) => ({
      properties: { type: { const: type }, ...keys },
      required: [...required],
      additionalProperties: false,
    })),
  };
}

const folders = { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } };
/** A tree of folders with `+key` defaults; what the keys may be is the models' business (transform/compile). */
const tree = { type: 'object' };

/** Limits that a project sets for all its jobs: snake_case names of JobLimits. */
export const LIMIT_KEYS = {
  max_batch_rows: 'maxBatchRows',
  max_batch_bytes: 'maxBatchBytes',
  max_record_bytes: 'maxRecordBytes',
  max_quarantine_ratio: 'maxQuarantineRatio',
  min_quarantine_records: 'minQuarantineRecords',
  max_delete_ratio: 'maxDeleteRatio',
  min_deletes: 'minDeletes',
  max_shrink_ratio: 'maxShrinkRatio',
  max_recompute_days: 'maxRecomputeDays',
} as const satisfies Record<string, keyof JobLimits>;

const limits = Object.fromEntries(
  Object.keys(LIMIT_KEYS).map((key) => [key, { leaf: key.endsWith('_ratio') ? 'ratio' : 'integer' }]),
);

export const PROJECT_SCHEMA = {
  type: 'object',
  required: ['name', 'targets'],
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      pattern: '^[A-Za-z][A-Za-z0-9_]{0,59}$',
      expected: 'a name of letters, digits and underscores',
    },
    version: { type: ['string', 'number'] },
    'config-version': { const: 2 },
    timezone: { leaf: 'timezone' },
    target: { leaf: 'text' },
    targets: {
      type: 'object',
      minProperties: 1,
      propertyNames: {
        pattern: '^[A-Za-z][A-Za-z0-9_-]{0,59}$',
        expected: 'a target name of letters, digits, "_" and "-"',
      },
      additionalProperties: {
        type: 'object',
        required: ['warehouse'],
        additionalProperties: false,
        properties: Object.fromEntries(SECTION_NAMES.map((name) => [name, sectionSchema(SECTIONS[name])])),
      },
    },
    'model-paths': folders,
    'macro-paths': folders,
    'seed-paths': folders,
    'test-paths': folders,
    'job-paths': folders,
    'target-path': { type: 'string', minLength: 1 },
    vars: { type: 'object' },
    models: tree,
    seeds: tree,
    data_tests: tree,
    ...limits,
  },
};
