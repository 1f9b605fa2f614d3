/** What a model costs beyond its own SQL: 300 trivial views, beside the same 300 statements through DuckDB's own interface. */
import { rmSync } from 'node:fs';
import type { Bench } from './bench.ts';
import { seconds } from './format.ts';
import { median, pairs } from './rounds.ts';

const LIMIT_MS = 5;

const PROJECT = `name: trivial
version: '1.0.0'
targets:
  dev:
    warehouse:
      type: duckdb
      path: "{{ env_var('SLUICE_HOME') }}/warehouse.duckdb"
      schema: analytics
target: dev
`;

export const modelOverhead: Bench = {
  name: 'model-overhead',
  about: '300 trivial views, beside the bare statements',
  run: async (context) => {
    const models = context.quick ? 30 : 300;
    const workspace = context.workspace('models');
    workspace.linkPackage();
    workspace.write('project.yml', PROJECT);
    const numbers = Array.from({ length: models }, (_, index) => index + 1);
    for (const number of numbers) {
      workspace.write(`models/m${number}.sql`, `{{ config(materialized='view') }}\nselect ${number} as id\n`);
    }
    const run = async (args: readonly string[]): Promise<number> => (await workspace.sluice(['run', ...args])).seconds;
    const statements = numbers.map((number) => `create or replace view analytics.m${number} as select ${number} as id`);
    const bare = async (): Promise<number> => {
      const path = workspace.path('bare.duckdb');
      rmSync(path, { force: true });
      const { result } = await workspace.bare('sql', { path, statements: ['create schema analytics', ...statements] });
      return result.seconds.slice(1).reduce((sum, part) => sum + part, 0);
    };
    await run([]);
    const runs = await pairs(
      context.rounds,
      async () => ({ one: await run(['--select', 'm1']), all: await run([]) }),
      bare,
    );
    const perModelMs = (1000 * median(runs.ours.map((pair) => pair.all - pair.one))) / (models - 1);
    const perStatementMs = (1000 * median(runs.bare)) / models;
    const wholeSeconds = median(runs.ours.map((pair) => pair.all));
    return [
      {
        work: `each of ${models} trivial views (whole \`sluice run\`: ${seconds(wholeSeconds)})`,
        sluice: `${perModelMs.toFixed(1)} ms`,
        bare: `bare statement: ${perStatementMs.toFixed(1)} ms`,
        ratio: null,
        target: `≤ ${LIMIT_MS} ms`,
        met: perModelMs <= LIMIT_MS,
        numbers: { perModelMs, perStatementMs, wholeSeconds },
      },
    ];
  },
};
