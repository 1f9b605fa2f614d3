/** Full refresh and rollback of a whole job on BigQuery behind the strict front, against rows written down by hand. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunReport } from '../../src/pipeline/request.ts';
import { FrontProject } from '../support/bigquery-front/front-project.ts';

const CURRENT = 'select order_number, channel from shop.current_order';
const HISTORY = 'select cast(day as string), order_number, channel from shop.history_order';

interface Moment {
  readonly report: RunReport;
  readonly current: readonly string[];
  readonly history: readonly string[];
}

function change(order: string, at: string, channel: string): Readonly<Record<string, unknown>> {
  return { order_number: order, changed_at: at, change: 'changed', channel };
}

/** Plays the story once; each test looks at one moment of it. */
describe('a job whose full refresh is rolled back', () => {
  let project: FrontProject;
  const moments: Record<string, Moment> = {};
  const at = (name: string): Moment => {
    const moment = moments[name];
    if (moment === undefined) throw new Error(`the story has no moment "${name}"`);
    return moment;
  };
  const play = async (name: string, call: Parameters<FrontProject['run']>[0]): Promise<void> => {
    const report = await project.run(call);
    // What comes after would only fail for this.
    if (call.rollback !== true) expect(report.errors).toEqual([]);
    moments[name] = { report, current: await project.rows(CURRENT), history: await project.rows(HISTORY) };
  };

  beforeAll(async () => {
    project = await FrontProject.start();
    await project.produce(change('A', '2026-03-01T08:00:00Z', 'web'), change('B', '2026-03-01T08:00:00Z', 'web'));
    await play('first', { logicalTime: '2026-03-01T10:00:00Z' });
    await project.produce(change('A', '2026-03-02T08:00:00Z', 'app'));
    await play('second', { logicalTime: '2026-03-02T10:00:00Z' });
    // Somebody changes a row by hand: the refresh will mend it, and the rollback brings it back.
    await project.warehouse((models) =>
      models.execute("update shop.current_order set channel = 'by hand' where order_number = 'B'"),
    );
    await play('refresh', { logicalTime: '2026-03-02T11:00:00Z', fullRefresh: true });
    await project.produce(change('C', '2026-03-02T11:30:00Z', 'phone'));
    await play('after', { logicalTime: '2026-03-02T12:00:00Z' });
    await play('preview', { logicalTime: '2026-03-02T12:10:00Z', rollback: true, dryRun: true });

    // The ledger is set back, and then BigQuery refuses the script that would put the tables back.
    const { faults } = project.front;
    const isPutBack = (body: unknown): boolean =>
      /copy `[^`]+`\.`shop`\.`current_order__sluice_previous`/.test(JSON.stringify(body));
    faults.add({
      on: ({ kind, body }) => kind === 'job_insert' && isPutBack(body),
      fault: { type: 'fail_job', reason: 'stopped', message: 'Job execution was cancelled' },
    });
    await play('broken', { logicalTime: '2026-03-02T12:20:00Z', rollback: true });
    await play('between', { logicalTime: '2026-03-02T12:30:00Z' });

    await play('rollback', { logicalTime: '2026-03-02T12:40:00Z', rollback: true });
    await project.produce(change('B', '2026-03-02T12:45:00Z', 'phone'));
    await play('next', { logicalTime: '2026-03-02T13:00:00Z' });
    await play('plan', { logicalTime: '2026-03-02T13:05:00Z', dryRun: true });
    await play('again', { logicalTime: '2026-03-02T13:10:00Z', rollback: true });
  }, 1_800_000);
  afterAll(() => project[Symbol.asyncDispose]());

  const DAY_1 = ['2026-03-01 A web', '2026-03-01 B web'];

  it('rebuilds from landing and keeps the replaced tables', () => {
    expect(at('second').current).toEqual(['A app', 'B web']);
    expect(at('refresh')).toMatchObject({ report: { exitCode: 0, errors: [] }, current: ['A app', 'B web'] });
    expect(project.told.join('')).toMatch(/kept until 2026-03-09T11:00:\d\d.*: sluice job rollback order/);
    expect(at('after').current).toEqual(['A app', 'B web', 'C phone']);
  });

  it('says what it would put back, and does nothing, with --dry-run', () => {
    expect(at('preview')).toMatchObject({ report: { exitCode: 0, steps: [] }, current: at('after').current });
    expect(project.told.join('')).toMatch(
      /would put back current_order, history_order: as they were before the refresh/,
    );
  });

  it('leaves tables that hold at least what the ledger tells when it fails in the middle', () => {
    expect(at('broken').report).toMatchObject({ exitCode: 1, errors: [{ code: 'warehouse_cancelled' }] });
    expect(at('broken').current).toEqual(['A app', 'B web', 'C phone']);
    expect(at('between')).toMatchObject({ report: { exitCode: 0 }, current: ['A app', 'B web', 'C phone'] });
  });

  it('gives readers the tables of before, also when an earlier try was broken off', () => {
    expect(at('rollback').report).toMatchObject({ exitCode: 0, errors: [] });
    expect(at('rollback').current).toEqual(['A app', 'B by hand']);
    expect(at('rollback').history).toEqual([...DAY_1, '2026-03-02 A app', '2026-03-02 B web']);
  });

  it('lets the next run publish what has come since', () => {
    expect(at('next').report).toMatchObject({ exitCode: 0, errors: [], warnings: [] });
    expect(at('next').current).toEqual(['A app', 'B phone', 'C phone']);
    expect(at('next').history).toEqual([...DAY_1, '2026-03-02 A app', '2026-03-02 B phone', '2026-03-02 C phone']);
  });

  it('can be planned, with the bytes that each model would read', () => {
    const { report, current } = at('plan');
    expect(report).toMatchObject({ exitCode: 0, errors: [] });
    expect(report.models.find(({ name }) => name === 'current_order')).toMatchObject({
      state: 'skipped',
      estimatedBytes: 4096,
    });
    expect(project.told.join('')).toContain('would run current_order (reads about 4,096 bytes):');
    expect(current).toEqual(at('next').current);
  });

  it('cannot be done twice', () => {
    expect(at('again').report).toMatchObject({ exitCode: 1, errors: [{ code: 'rollback_missing' }] });
    expect(at('again').current).toEqual(at('next').current);
  });

  it('tells what BigQuery’s jobs cost, per model and together', () => {
    const { models, usage } = at('second').report;
    for (const model of models.filter(({ name }) => name.endsWith('_order') && !name.startsWith('stg')))
      expect(model).toMatchObject({
        bytesProcessed: expect.any(Number),
        bytesBilled: expect.any(Number),
        slotMs: expect.any(Number),
        jobId: expect.stringMatching(/^sluice_order_/),
      });
    expect(usage?.jobs).toBeGreaterThan(models.length);
    expect(usage?.bytesBilled).toBeGreaterThan(0);
    expect(project.front.jobs.every(({ configuration }) => configuration.labels?.['sluice_job'] === 'order')).toBe(
      true,
    );
    const labelled = project.front.jobs.filter(
      ({ configuration }) => configuration.labels?.['sluice_model'] === 'current_order',
    );
    // The staging table and the merge.
    expect(labelled.length).toBeGreaterThanOrEqual(2);
  });
});
