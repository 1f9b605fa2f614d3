/**
 * Puts rebuilt relations in place of the ones that readers use. On DuckDB all statements run in one transaction, so readers get
 * everything at once; on BigQuery each table is replaced by one atomic statement. Renaming and replacing lose comments: they are part of
 * the swap, those written by hand in the warehouse too (FACTS.md §7).
 *
 * On BigQuery the replaced table may be kept for a while under another name, as a copy of its metadata: that takes seconds and costs the storage
 * of the old rows until it expires by itself.
 */
import type { RelationInfo, RelationName } from '../../core/relation.ts';
import { commentStatements, type WantedComments } from './comments.ts';
import type { Dialect } from './dialect.ts';

export interface Swap {
  readonly real: RelationName;
  readonly aside: RelationName;
  /** A view is made anew under its real name from this select; null: a table. */
  readonly viewSelect: string | null;
  /** What readers use now. */
  readonly existing: RelationInfo | undefined;
  /** Columns of the rebuilt relation. */
  readonly columns: readonly string[];
  readonly comments: WantedComments;
}

export interface KeepReplaced {
  /** Until the copies expire. */
  readonly hours: number;
  /** Which refresh replaced them: the value of the label `sluice_refresh`. */
  readonly refresh: string;
}

export const REFRESH_LABEL = 'sluice_refresh';

/** Where a replaced table is kept. */
export function keptRelation(real: RelationName): RelationName {
  return { ...real, name: `${real.name}__sluice_previous` };
}

export function swapStatements(
  dialect: Dialect,
  swaps: readonly Swap[],
  keep: KeepReplaced | null = null,
): readonly string[] {
  return swaps.flatMap((swap) => [
    ...(keep === null ? [] : keepStatements(dialect, swap, keep)),
    ...(swap.viewSelect === null ? swapTable(dialect, swap) : swapView(dialect, swap, swap.viewSelect)),
    ...commentStatements(
      dialect,
      { kind: swap.viewSelect === null ? 'table' : 'view', relation: swap.real, columns: swap.columns },
      swap.comments,
      { info: swap.existing, recreated: true },
    ),
  ]);
}

/** Dropped first: an older copy may have other partitions, which nothing can replace. */
function keepStatements(
  dialect: Dialect,
  { real, existing }: Swap,
  { hours, refresh }: KeepReplaced,
): readonly string[] {
  if (dialect.name !== 'bigquery' || existing?.kind !== 'table') return [];
  const kept = dialect.relation(keptRelation(real));
  const options = [
    `expiration_timestamp = timestamp_add(current_timestamp(), interval ${String(hours)} hour)`,
    `labels = [(${dialect.text(REFRESH_LABEL)}, ${dialect.text(refresh)})]`,
  ];
  return [
    `drop table if exists ${kept}`,
    `create table ${kept} copy ${dialect.relation(real)}\noptions (${options.join(', ')})`,
  ];
}

/**
 * A kept copy becomes the table again. `free` comes first, by itself: the copy loses its expiration and its label, so that the restored table
 * never has them (an option that is NULL in `create … copy` is ignored).
 */
export function restoreStatements(
  dialect: Dialect,
  real: RelationName,
): { readonly free: string; readonly put: readonly string[] } {
  const kept = dialect.relation(keptRelation(real));
  return {
    free: `alter table ${kept} set options (expiration_timestamp = null, labels = [])`,
    put: [`create or replace table ${dialect.relation(real)} copy ${kept}`, `drop table ${kept}`],
  };
}

function swapTable(dialect: Dialect, { real, aside, existing }: Swap): readonly string[] {
  const isView = existing?.kind === 'view';
  if (dialect.name === 'bigquery') {
    return [
      ...(isView ? [`drop view ${dialect.relation(real)}`] : []),
      `create or replace table ${dialect.relation(real)} copy ${dialect.relation(aside)}`,
      `drop table ${dialect.relation(aside)}`,
    ];
  }
  return [
    ...(existing === undefined ? [] : [`drop ${existing.kind} ${dialect.relation(real)}`]),
    `alter table ${dialect.relation(aside)} rename to ${dialect.identifier(real.name)}`,
  ];
}

function swapView(dialect: Dialect, { real, aside, existing }: Swap, select: string): readonly string[] {
  return [
    ...(existing?.kind === 'table' ? [`drop table ${dialect.relation(real)}`] : []),
    `create or replace view ${dialect.relation(real)} as\n${select}`,
    `drop view if exists ${dialect.relation(aside)}`,
  ];
}
