/** Fields that the schema does not name: counted, kept in raw, told in the manifest. */
import type { DriftField } from '../core/batch.ts';

/** Called once for every unknown field name that a value brings. */
export type DriftSink = (field: string) => void;

export function driftOf(counts: ReadonlyMap<string, number>): readonly DriftField[] {
  return [...counts]
    .map(([field, records]) => ({ path: `$.${field}`, records }))
    .sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** Unknown fields named in one manifest: a producer that invents names must not grow it without bound. */
const MAX_DRIFT_FIELDS = 200;

export function driftCounter(): {
  readonly counts: ReadonlyMap<string, number>;
  readonly sink: DriftSink;
} {
  const counts = new Map<string, number>();
  return {
    counts,
    sink: (field) => {
      const known = counts.get(field);
      if (known !== undefined) counts.set(field, known + 1);
      else if (counts.size < MAX_DRIFT_FIELDS) counts.set(field.toWellFormed(), 1);
    },
  };
}
