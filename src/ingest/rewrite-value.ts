/**
 * A value as warehouses read it right: numbers that a double does not hold as texts, times in the one spelling that both know, every name once. Only a
 * value that needs it is rewritten; it stands beside the value's own text, which is never touched.
 */
import type { EntityColumn, JobDefinition } from '../core/job.ts';
import { documentSlice, memberSlices, withoutRepeats } from '../core/json-slices.ts';
import { parseInstant } from '../core/time.ts';
import { exactNumber, isExactType } from './column-check.ts';
import { LONG_NUMBER } from './json-suspicion.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface ValueRewriter {
  /** Whether a time is written in another way than both warehouses read: digits beyond microseconds, an offset past 14 hours, a small t. */
  hasForeignTime(object: JsonObject): boolean;
  /** null: the text is right as it is. `mayRepeat`: a name may stand in it more than once. Throws `Rejection`. */
  rewrite(text: string, object: JsonObject, mayRepeat: boolean): string | null;
}

export function createValueRewriter(job: JobDefinition): ValueRewriter {
  const others = job.columns.filter(({ field }) => field !== job.key.field && field !== job.eventTime.field);
  const exactColumns = new Map<string, EntityColumn>(
    others.filter(isExactType).map((column) => [column.field, column]),
  );
  const timestampFields = others.filter(({ type }) => type === 'TIMESTAMP').map(({ field }) => field);
  const jsonFields = job.columns.filter(({ type }) => type === 'JSON').map(({ field }) => field);

  function hasForeignTime(object: JsonObject): boolean {
    for (const field of timestampFields) {
      const value = object[field];
      if (typeof value === 'string' && parseInstant(value)?.text !== value) return true;
    }
    return false;
  }

  function rewrite(text: string, object: JsonObject, mayRepeat: boolean): string | null {
    const members = Object.keys(object);
    const slices = memberSlices(text);
    let differs = slices.length !== members.length;
    const sources = new Map<string, string>();
    for (const slice of slices) sources.set(slice.name, text.slice(slice.start, slice.end));
    for (const [field, column] of exactColumns) {
      const source = sources.get(field);
      if (source === undefined || source === 'null') continue;
      const exact = exactNumber(column, source);
      if (exact === null || exact === source) {
        if (source.length <= 15) continue;
      }
      if (exact !== null) {
        sources.set(field, `"${exact}"`);
        differs = true;
      }
    }
    for (const field of timestampFields) {
      const value = object[field];
      const instant = typeof value === 'string' ? parseInstant(value) : undefined;
      if (instant === undefined || instant.text === value) continue;
      sources.set(field, JSON.stringify(instant.text));
      differs = true;
    }
    // A JSON column stands as the text of its JSON: readers re-print numbers, and lose digits of those that they hold as doubles. Of repeated
    // names within it DuckDB would keep all and BigQuery the first.
    for (const field of jsonFields) {
      const source = sources.get(field);
      if (source === undefined || source === 'null') continue;
      const single = mayRepeat ? withoutRepeats(source, documentSlice(source)) : source;
      sources.set(field, JSON.stringify(single));
      if (single.length !== source.length || LONG_NUMBER.test(source)) differs = true;
    }
    if (!differs) return null;
    return `{${[...sources].map(([name, source]) => `${JSON.stringify(name)}:${source}`).join(',')}}`;
  }

  return { hasForeignTime, rewrite };
}
