/** The two functions that a project's models call: `sluice.current_rows` and `sluice.daily_rows`. */
import { addDays, laterOf } from '../../../core/time.ts';
import type { RelationName } from '../../../core/relation.ts';
import { GONE_SINCE, type DayWindow, type ModelChanges } from '../../plan/changes.ts';
import { currentRows } from './current-rows.ts';
import { dailyRows } from './daily-rows.ts';
import type { EntityBase, EntityScope } from './records.ts';
import { keyText } from './key-text.ts';

type Scope = Omit<EntityScope, 'keys' | 'base'> & { readonly lacksMemory?: boolean };

/**
 * One row per key: of all keys, or in an incremental run of the keys that can differ. `self`: the model, when its rows are what the function
 * gives, so that new rows may be made from them; null: always from raw.
 */
export function currentModelSql(
  scope: Scope,
  changes: Pick<ModelChanges, 'full' | 'keys' | 'base'>,
  self: RelationName | null,
): string {
  const keys = changes.full ? null : changes.keys;
  return currentRows({ ...scope, keys, ...baseOf(keys, changes.base, self) });
}

/** Only for some keys: a fold of all of them is what makes a table anew. */
function baseOf(
  keys: RelationName | null,
  published: ModelChanges['base'],
  relation: RelationName | null,
): { readonly base?: EntityBase } {
  return keys === null || relation === null || published == null ? {} : { base: { ...published, relation } };
}

function carriedColumns(scope: Scope): string {
  const names = scope.job.columns.map((column) => `carried.${scope.dialect.quote(column.name)}`);
  const memory =
    scope.lacksMemory === true
      ? `cast(null as ${scope.dialect.timestampType}) as ${GONE_SINCE}`
      : `carried.${GONE_SINCE}`;
  return [...names, 'carried._op', 'carried._event_at', 'carried._is_deleted', 'carried._batch_id', memory].join(', ');
}

/** Rows of keys that did not change: the state of the day before the first new day, for every new day. */
function carriedForward(scope: Scope, self: RelationName, keys: RelationName, source: string, days: DayWindow): string {
  const { dialect } = scope;
  const repeat = dialect
    .eachDay(dialect.date(days.from), dialect.date(days.to))
    .replace(' as day)', ' as new_day)')
    .replace(/\) as day$/, ') as new_day');
  return `select new_day as day, ${carriedColumns(scope)}
from ${dialect.relation(self)} as carried
${repeat}
where carried.day = ${dialect.date(source)}
    and ${keyText(scope, 'carried')} not in (select _key from ${dialect.relation(keys)})`;
}

/** Rows of keys that did not change, on days that exist: only where whole partitions are overwritten. */
function keptRows(scope: Scope, self: RelationName, keys: RelationName, days: DayWindow): string {
  const { dialect } = scope;
  return `select carried.day, ${carriedColumns(scope)}
from ${dialect.relation(self)} as carried
where carried.day between ${dialect.date(days.from)} and ${dialect.date(days.to)}
    and ${keyText(scope, 'carried')} not in (select _key from ${dialect.relation(keys)})`;
}

/**
 * One row per key and day of the planned window. With changed keys only those are folded again; the others are carried forward into days
 * that are new (and, where whole partitions are overwritten, kept in days that exist).
 */
export function dailyModelSql(
  scope: Scope,
  changes: Pick<ModelChanges, 'full' | 'today' | 'window' | 'newDaysFrom' | 'keys' | 'base' | 'lacksMemory'>,
  self: RelationName,
): string {
  const { window, newDaysFrom } = changes;
  const keys = changes.full ? null : changes.keys;
  if (window === null) {
    return `select * from (\n${dailyRows({ ...scope, keys }, { from: changes.today, to: changes.today })}\n) as no_history where false`;
  }
  const parts = [
    `select * from (\n${dailyRows({ ...scope, keys, ...baseOf(keys, changes.base, self) }, window)}\n) as folded`,
  ];
  const carrying = { ...scope, lacksMemory: changes.lacksMemory ?? false };
  if (keys !== null) {
    const lastExisting = newDaysFrom === null ? window.to : addDays(newDaysFrom, -1);
    if (scope.dialect.name === 'bigquery' && lastExisting >= window.from) {
      parts.push(keptRows(carrying, self, keys, { from: window.from, to: lastExisting }));
    }
    if (newDaysFrom !== null) {
      parts.push(
        carriedForward(carrying, self, keys, lastExisting, { from: laterOf(newDaysFrom, window.from), to: window.to }),
      );
    }
  }
  return parts.join('\nunion all\n');
}
