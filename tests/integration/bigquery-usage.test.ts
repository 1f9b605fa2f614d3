/** What the jobs of models cost, against the strict front (which gives every script 1,000 bytes, 10 MB billed and 42 ms). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planRun, runPlan, runResultsOf, estimateOf, type Project } from '../../src/transform/index.ts';
import { behindFront, type Behind } from '../support/bigquery-front/behind.ts';
import { modelProject, type ProjectFixture } from '../support/model-project.ts';

let behind: Behind;
let fixture: ProjectFixture | undefined;

beforeEach(async () => {
  behind = await behindFront();
});
afterEach(async () => {
  await fixture?.dispose();
  await behind.close();
});

const clock = { now: () => Date.parse('2026-03-05T10:00:00Z'), monotonic: () => performance.now() };

async function project(files: Readonly<Record<string, string>>): Promise<Project> {
  fixture = await modelProject(files);
  return fixture.compile({
    target: { type: 'bigquery', database: behind.front.project, schema: 'ds', rawSchema: 'ds', threads: 2 },
  });
}

interface Entry {
  readonly unique_id: string;
  readonly adapter_response: Readonly<Record<string, unknown>>;
}

describe('a run of models', () => {
  it('sums the jobs of each model, names the one that published, and labels all of them', async () => {
    const compiled = await project({
      'models/a.sql':
        "{{ config(materialized='incremental', unique_key='id', cluster_by=['id']) }} select 1 as id, 'a' as label",
      'models/b.sql': "{{ config(materialized='table') }} select count(*) as n from {{ ref('a') }}",
      'models/broken.sql': "{{ config(materialized='table') }} select nope from {{ ref('a') }}",
      'models/schema.yml': 'version: 2\nmodels:\n  - name: a\n    columns:\n      - {name: id, data_tests: [unique]}\n',
    });
    const run = async (): ReturnType<typeof runPlan> =>
      runPlan(compiled, planRun(compiled, { command: 'build', withSql: false }), behind.warehouse, { clock });
    await run();
    const before = behind.front.jobs.length;
    const result = await run();
    const jobs = behind.front.jobs.slice(before);
    const of = (model: string): typeof jobs =>
      jobs.filter(({ configuration }) => configuration.labels?.['sluice_model'] === model);

    const a = result.nodes.find(({ name }) => name === 'a');
    // Staging table, the merge with its test, and the drop; the bounds of the keys are a query of its own.
    expect(of('a')).toHaveLength(3);
    expect(a?.usage).toMatchObject({ jobs: 4, bytesProcessed: 3010, bytesBilled: 4 * 10_485_760, slotMs: 127 });
    const merge = of('a').find(({ configuration }) => configuration.query?.query.includes('merge into') === true);
    expect(a?.usage?.jobId).toBe(merge?.jobId);
    expect(result.nodes.find(({ name }) => name === 'broken')).toMatchObject({
      state: 'failed',
      usage: { jobId: null },
    });
    for (const { configuration } of jobs)
      expect(configuration.labels).toMatchObject({ sluice_job: 'contract', sluice_batch: 'run-1' });

    const { results } = runResultsOf(compiled, result, { generatedAt: '', args: {} }) as {
      readonly results: readonly Entry[];
    };
    expect(results.find(({ unique_id: id }) => id === 'model.shop.a')?.adapter_response).toEqual({
      rows_affected: 0,
      code: 'SCRIPT',
      bytes_processed: 3010,
      bytes_billed: 4 * 10_485_760,
      slot_ms: 127,
      location: 'EU',
      project_id: behind.front.project,
      job_id: merge?.jobId,
    });
  });

  it('is estimated by free dry runs; what reads a table that is not there yet is no mistake', async () => {
    const jobs = behind.front.jobs.length;
    expect(await estimateOf(behind.warehouse, 'select 1 as id')).toEqual({
      bytes: 4096,
      text: 'reads about 4,096 bytes',
    });
    const unknown = await estimateOf(behind.warehouse, 'select * from `ds`.`not_yet`');
    expect(unknown).toEqual({ bytes: null, text: 'what it reads is known once its inputs exist' });
    await expect(estimateOf(behind.warehouse, 'selec 1')).rejects.toMatchObject({ code: 'model_failed' });
    expect(behind.front.jobs).toHaveLength(jobs);
  });
});
