/**
 * Of two transactions that change one table BigQuery aborts the second one, and what it has read and written until then is billed. Units
 * of one run (which share the table of marks, for instance) therefore follow each other here instead.
 */
import type { ScriptStep } from './publish-script.ts';
import { dmlTarget, plainRelation, tokens } from './sql-text.ts';

/** Tables whose rows are updated, deleted or merged; inserts alone do not conflict. */
export function changedTables(steps: readonly ScriptStep[]): readonly string[] {
  const targets = steps.flatMap(({ sql }) => {
    const target = tokens(sql)[0]?.toLowerCase() === 'insert' ? undefined : dmlTarget(sql);
    return target === undefined ? [] : [plainRelation(target)];
  });
  return [...new Set(targets)];
}

export class TableLocks {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when everybody who asked earlier for one of the tables has ended. No dead lock: the order of asking decides. */
  async holding<T>(tables: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = tables.map((table) => this.#last.get(table) ?? Promise.resolve());
    const turn = Promise.allSettled(earlier).then(work);
    for (const table of tables) this.#last.set(table, turn);
    return turn;
  }
}
