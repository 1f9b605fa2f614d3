/** Scenarios 1 to 4 of DESIGN.md §4 by the command line, against rows written down by hand. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CUSTOMER_TOPICS } from '../../src/demo/change-events.ts';
import type { RunReport } from '../../src/pipeline/request.ts';
import { CliProject } from '../support/cli.ts';
import { customersOf } from '../support/customer-service.ts';

const COLUMNS = ['customer_id', 'street', 'status', 'newsletter', '_op', '_is_deleted'] as const;

interface Moment {
  readonly report: RunReport;
  readonly current: readonly string[];
  readonly history: readonly string[];
}

/** Plays the story once; each test looks at one moment of it. */
describe('the customer job', () => {
  let project: CliProject;
  const moments: Record<string, Moment> = {};
  const at = (name: string): Moment => {
    const moment = moments[name];
    if (moment === undefined) throw new Error(`the story has no moment "${name}"`);
    return moment;
  };
  const hour = async (name: string, logicalTime: string, ...flags: string[]): Promise<void> => {
    const report = await project.hour(logicalTime, ...flags);
    moments[name] = {
      report,
      current: await project.rows('current_customer', ...COLUMNS),
      history: await project.rows('history_customer', 'day', ...COLUMNS),
    };
  };
  let beforeRefresh: Awaited<ReturnType<CliProject['published']>>;
  let afterRefresh: Awaited<ReturnType<CliProject['published']>>;

  beforeAll(async () => {
    project = await CliProject.create({ customers: 0 });
    const { directory } = project;
    // The service has no newsletter yet.
    directory.hiddenFields.add('newsletter');
    const [anna, bert, cleo, dora] = customersOf(4).map((customer, index) => ({
      ...customer,
      id: `K-${index + 1}`,
      street: `Wendenstraße ${index + 1}`,
      newsletter: true,
    }));
    if (anna === undefined || bert === undefined || cleo === undefined || dora === undefined) throw new Error('four');
    for (const customer of [anna, bert, cleo]) directory.put(customer);
    await hour('first', '2026-03-01T06:00:00Z', '--full-load');

    await project.produce([
      directory.update('K-1', '2026-03-02T05:30:00Z', { street: 'Heidenkampsweg 1' }),
      directory.create({ ...dora, updated_at: '2026-03-02T05:40:00Z' }),
      directory.deactivate('K-3', '2026-03-02T05:50:00Z'),
    ]);
    await hour('hourly', '2026-03-02T06:00:00Z');
    await hour('quiet', '2026-03-02T07:00:00Z');

    // Two days late, and older than nothing else of this customer.
    const late = directory.update('K-2', '2026-03-01T20:00:00Z', { street: 'Am Markt 2' });
    await project.produce([{ ...late, timestampMs: Date.parse('2026-03-03T08:00:00Z') }]);
    // Older than what is known: changes the past only.
    const older = { ...anna, street: 'Altweg 1', updated_at: '2026-03-01T21:00:00Z' };
    await project.produce([
      {
        topic: CUSTOMER_TOPICS.update,
        key: 'K-1',
        value: JSON.stringify({ id: 'K-1', street: older.street, updated_at: older.updated_at }),
        timestampMs: Date.parse('2026-03-03T08:00:00Z'),
      },
    ]);
    await hour('late', '2026-03-03T09:00:00Z');

    directory.hiddenFields.clear();
    await hour('field', '2026-03-04T09:00:00Z', '--full-load');
    await hour('after', '2026-03-05T09:00:00Z');
    beforeRefresh = await project.published();
    await hour('refresh', '2026-03-05T10:00:00Z', '--full-refresh');
    afterRefresh = await project.published();
  }, 300_000);
  afterAll(() => project[Symbol.asyncDispose]());

  it('fills current and the day of the download from the first full load', () => {
    expect(at('first').report).toMatchObject({ exitCode: 0, errors: [] });
    expect(at('first').current).toEqual([
      'K-1 | Wendenstraße 1 | active | - | r | false',
      'K-2 | Wendenstraße 2 | active | - | r | false',
      'K-3 | Wendenstraße 3 | active | - | r | false',
    ]);
    expect(at('first').history).toEqual(at('first').current.map((row) => `2026-03-01 | ${row}`));
  });

  it('takes an hourly batch into current, and into history only from its day on', () => {
    expect(at('hourly').report).toMatchObject({ exitCode: 0, errors: [] });
    expect(at('hourly').current).toEqual([
      'K-1 | Heidenkampsweg 1 | active | - | u | false',
      'K-2 | Wendenstraße 2 | active | - | r | false',
      'K-3 | Wendenstraße 3 | deactivated | - | d | true',
      'K-4 | Wendenstraße 4 | active | - | c | false',
    ]);
    expect(at('hourly').history).toEqual([
      ...at('first').history,
      ...at('hourly').current.map((row) => `2026-03-02 | ${row}`),
    ]);
    expect(at('hourly').report.models.find(({ name }) => name === 'history_customer')?.partitions).toEqual([
      '2026-03-02',
    ]);
  });

  it('changes nothing when nothing came', () => {
    expect(at('quiet').report).toMatchObject({ exitCode: 0, errors: [], batches: [] });
    expect(at('quiet').current).toEqual(at('hourly').current);
    expect(at('quiet').history).toEqual(at('hourly').history);
  });

  it('places late events on their days, and an older one never over newer state', () => {
    expect(at('late').report).toMatchObject({ exitCode: 0, errors: [] });
    expect(at('late').current).toEqual([
      'K-1 | Heidenkampsweg 1 | active | - | u | false',
      'K-2 | Am Markt 2 | active | - | u | false',
      'K-3 | Wendenstraße 3 | deactivated | - | d | true',
      'K-4 | Wendenstraße 4 | active | - | c | false',
    ]);
    expect(at('late').history).toEqual([
      '2026-03-01 | K-1 | Altweg 1 | - | - | u | false',
      '2026-03-01 | K-2 | Am Markt 2 | active | - | u | false',
      '2026-03-01 | K-3 | Wendenstraße 3 | active | - | r | false',
      ...at('late').current.map((row) => `2026-03-02 | ${row}`),
      ...at('late').current.map((row) => `2026-03-03 | ${row}`),
    ]);
  });

  it("takes a new field's values from a full load in between, from its start day on", () => {
    expect(at('field').report).toMatchObject({ exitCode: 0, errors: [] });
    expect(at('field').current).toEqual([
      'K-1 | Heidenkampsweg 1 | active | true | r | false',
      'K-2 | Am Markt 2 | active | true | r | false',
      'K-3 | Wendenstraße 3 | deactivated | true | d | true',
      'K-4 | Wendenstraße 4 | active | true | r | false',
    ]);
    expect(at('field').history).toEqual([
      ...at('late').history,
      ...at('field').current.map((row) => `2026-03-04 | ${row}`),
    ]);
  });

  it('carries quiet customers forward into a new day', () => {
    expect(at('after').report).toMatchObject({ exitCode: 0, errors: [], batches: [] });
    expect(at('after').history).toEqual([
      ...at('field').history,
      ...at('field').current.map((row) => `2026-03-05 | ${row}`),
    ]);
  });

  it('gives the same tables by a full refresh, every column of every row', () => {
    expect(at('refresh').report).toMatchObject({ exitCode: 0, errors: [] });
    expect(beforeRefresh.history).toHaveLength(3 + 4 * 4);
    expect(afterRefresh).toEqual(beforeRefresh);
  });
});
