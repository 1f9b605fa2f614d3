/** Names of generic tests, made as dbt makes them, so that logs, selectors and artifacts look as users know them. */
import { createHash } from 'node:crypto';
import type { YamlValue } from '../../config/yaml-source.ts';

function flattened(value: YamlValue): readonly string[] {
  if (Array.isArray(value)) return (value as readonly YamlValue[]).map(plainText);
  if (value !== null && typeof value === 'object') return Object.values(value).map(plainText);
  return [plainText(value)];
}

function plainText(value: YamlValue): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export interface TestNames {
  readonly name: string;
  /** Short enough for a file or a table. */
  readonly short: string;
}

/** `unique_current_customer_customer_id`, `accepted_values_current_customer__op__c__u__d__r`. */
export function testNames(macro: string, subject: string, args: Readonly<Record<string, YamlValue>>): TestNames {
  const parts = Object.keys(args)
    .sort()
    .flatMap((name) => flattened(args[name] ?? null))
    .map((part) => part.replaceAll(/[^0-9a-zA-Z_]+/g, '_'));
  const stem = `${macro.replaceAll('.', '_')}_${subject}`;
  return shortened(`${stem}_${parts.join('__')}`, stem);
}

export function shortened(name: string, stem: string = name): TestNames {
  if (name.length < 64) return { name, short: name };
  return { name, short: `${stem.slice(0, 30)}_${createHash('md5').update(name).digest('hex')}` };
}

/** dbt puts ten digits of a hash behind the name in a test's id. */
export function testHash(parts: readonly unknown[]): string {
  return createHash('md5').update(JSON.stringify(parts)).digest('hex').slice(-10);
}

export function contentHash(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
