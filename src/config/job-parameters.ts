/** A job's own command line options. */
import type { JobDefinition } from '../core/job.ts';
import type { JobCheck } from './job-check.ts';

/** The options that every job has; a parameter of the same name could not be told from them. */
export const RESERVED_PARAMETERS = [
  'full-load',
  'full-refresh',
  'only',
  'target',
  'logical-time',
  'dry-run',
  'json',
  'accept-deletes',
  'accept-gap',
  'accept-quarantine',
  'accept-shrink',
  'project-dir',
  'vars',
  'help',
  'version',
] as const;

export function readParameters(check: JobCheck, value: unknown): JobDefinition['parameters'] {
  const map = value === undefined ? {} : check.map(value, 'parameters', null);
  const reserved = new Set<string>(RESERVED_PARAMETERS.map(plain));
  return Object.fromEntries(
    Object.entries(map).map(([name, inner]) => {
      const path = `parameters.${name}`;
      if (!/^[A-Za-z][A-Za-z0-9_-]{0,47}$/.test(name))
        check.wrong(path, 'a parameter is named with letters, digits, "_" and "-"');
      if (reserved.has(plain(name)))
        check.wrong(path, `every job has an option --${name} already; choose another name`);
      const parameter = check.map(inner, path, ['type', 'description', 'default']);
      const type = check.oneOf(parameter['type'], `${path}.type`, ['string', 'number', 'boolean']);
      const description = check.text(parameter['description'], `${path}.description`, {
        expected: 'a sentence that --help shows',
      });
      const fallback = parameter['default'];
      if (fallback === undefined) return [name, { type, description }];
      if (typeof fallback !== type) check.expected(`${path}.default`, fallback, `a ${type}`);
      return [name, { type, description, default: fallback as string | number | boolean }];
    }),
  );
}

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase();
}
