/**
 * Puts rebuilt relations in place of the ones that readers use. On DuckDB all statements run in one transaction, so readers get
 * everything at once; on BigQuery each table is replaced by one atomic statement. Renaming and replacing lose comments: they are part of
 * the swap, those written by hand in the warehouse too (FACTS.md §7).
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

export function swapStatements(dialect: Dialect, swaps: readonly Swap[]): readonly string[] {
  return swaps.flatMap((swap) => [
    ...(swap.viewSelect === null ? swapTable(dialect, swap) : swapView(dialect, swap, swap.viewSelect)),
    ...commentStatements(
      dialect,
      { kind: swap.viewSelect === null ? 'table' : 'view', relation: swap.real, columns: swap.columns },
      swap.comments,
      { info: swap.existing, recreated: true },
    ),
  ]);
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
