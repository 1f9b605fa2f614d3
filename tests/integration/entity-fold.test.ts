/** The SQL that folds an entity, over everything raw holds, against the oracle: no models, no increments, all the rest of the pipeline. */
import { describe, it } from 'vitest';
import type { ModelChanges } from '../../src/transform/plan/changes.ts';
import { entityScope } from '../../src/pipeline/entity-sql.ts';
import type { ModelRunner, RunnerNode, RunnerResult } from '../../src/pipeline/model-runner.ts';
import type { JobPorts, OpenWarehouse } from '../../src/pipeline/ports.ts';
import { currentRows } from '../../src/transform/sql/entity/current-rows.ts';
import { dailyRows } from '../../src/transform/sql/entity/daily-rows.ts';
import { checkHistories } from '../support/histories.ts';
import { playHistory } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';

/** An incremental window, widened to all days that the table has. */
async function sinceFirstDay(
  warehouse: OpenWarehouse,
  of: RunnerNode,
  changes: ModelChanges | undefined,
): Promise<ModelChanges | undefined> {
  if (changes?.window == null || !of.isDaily || changes.full) return changes;
  const { rows } = await warehouse.models.query(`select cast(min(day) as varchar) from analytics.${of.name}`);
  const first = rows[0]?.[0];
  const from = typeof first === 'string' && first < changes.window.from ? first : changes.window.from;
  return { ...changes, window: { ...changes.window, from } };
}

/** Builds both tables anew each time, right from the fold. */
export function foldRunner(ports: JobPorts): ModelRunner {
  const { entity, deletes } = ports.job;
  const node = (name: string, isDaily: boolean): RunnerNode => ({
    name,
    materialized: 'table',
    isDaily,
    isPublished: true,
    relation: { schema: 'analytics', name },
  });
  const nodes = [node(`current_${entity}`, false), node(`history_${entity}`, true)];
  const tableSql = (of: RunnerNode, changes: ModelChanges | undefined, suffix: string): string[] => {
    const scope = entityScope(ports, null, suffix);
    const today = changes?.today ?? '2000-01-01';
    const window = changes?.window ?? { from: today, to: today };
    const current = `select * from (${currentRows(scope)}) as folded ${deletes === 'hard' ? 'where not _is_deleted' : ''}`;
    // A window that starts later than history is no whole table; these runs always ask for all of it.
    const daily = `select * from (${dailyRows(scope, window)}) as folded ${changes?.window == null ? 'where false' : ''}`;
    return [
      'create schema if not exists analytics',
      `create or replace table analytics.${of.name} as ${of.isDaily ? daily : current}`,
    ];
  };
  const done = (of: RunnerNode): RunnerResult => ({
    name: of.name,
    state: 'done',
    rows: 0,
    seconds: 0,
    error: null,
    warnings: [],
  });
  return {
    nodes: () => Promise.resolve(nodes),
    preview: () => Promise.resolve([]),
    run: async ({ warehouse, changes, names, marks, onPublished, guard }) => {
      const wanted = nodes.filter(({ name }) => names.includes(name));
      for (const of of wanted) {
        const change = changes.get(of.name);
        const statements = tableSql(of, await sinceFirstDay(warehouse, of, change), '').map((sql) => ({ sql }));
        await warehouse.models.publish({ node: of.name, statements, tests: [], marks: marks(of.name) }, guard);
        await onPublished(of.name);
      }
      return wanted.map(done);
    },
    buildAside: ({ changes, suffix }) => {
      const swap = nodes.flatMap((of) => tableSql(of, changes.get(of.name), ''));
      void suffix;
      return Promise.resolve({ results: nodes.map(done), counts: [], swap });
    },
    finish: () => Promise.resolve(),
  };
}

describe.each(['customer', 'order'] as const)('the fold of %s in SQL', (entity) => {
  it('gives the rows of the oracle', async () => {
    await checkHistories(entity, 40, async (history) => {
      // Without increments a run publishes whole tables, so let every run start from nothing published.
      const runs = history.runs.map((run) => ({
        ...run,
        mode: run.mode === 'transform' ? ('all' as const) : run.mode,
      }));
      await playHistory(
        { ...history, runs },
        inProcess(({ ports }) => Promise.resolve(foldRunner(ports))),
      );
    });
  }, 300_000);
});
