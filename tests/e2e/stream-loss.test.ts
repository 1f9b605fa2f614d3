/** What the log lost, and what it gained: the retention gap, the recreated topic and the added partition of DESIGN.md §4.5, by the command line. */
import { describe, expect, it } from 'vitest';
import { CUSTOMER_TOPICS, type ChangeEvent } from '../../src/demo/change-events.ts';
import type { GapJson } from '../../src/core/batch.ts';
import { CliProject } from '../support/cli.ts';

const UPDATES = CUSTOMER_TOPICS.update;
const COLUMNS = ['customer_id', 'street', '_op'] as const;

/** Moves this customer to a street at this time, on the topic of updates. */
function moved(id: string, street: string, at: string): ChangeEvent {
  const value = JSON.stringify({ id, updated_at: at, status: 'active', street });
  return { topic: UPDATES, key: id, value, timestampMs: Date.parse(at) + 1000 };
}

interface Status {
  readonly gaps: readonly GapJson[];
}

describe('a retention gap', () => {
  /** Two partitions; offsets 2 to 4 of partition 0 are deleted before they were read, partition 1 goes on. */
  async function withGap(): Promise<CliProject> {
    const project = await CliProject.create({ customers: 0, partitions: 2 });
    const hour = '2026-03-01T05';
    await project.produce([moved('A', 'Alt 0', `${hour}:00:00Z`), moved('A', 'Alt 1', `${hour}:01:00Z`)], 0);
    await project.produce([moved('B', 'Alt 0', `${hour}:00:00Z`)], 1);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0 });
    const lost = [2, 3, 4].map((minute) => moved('A', `Lost ${minute}`, `2026-03-01T06:0${minute}:00Z`));
    await project.produce([...lost, moved('A', 'Neu 5', '2026-03-01T06:05:00Z')], 0);
    await project.produce([moved('B', 'Neu 1', '2026-03-01T06:05:00Z')], 1);
    await project.topics.trim(UPDATES, 0, 5n);
    return project;
  }

  it('stops its partition with the exact range, while the others land and are published', async () => {
    await using project = await withGap();
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 1, errors: [{ code: 'retention_gap' }] });
    expect(report.errors[0]?.message).toContain(`${UPDATES}/0 offsets 2 to 4`);
    expect(report.errors[0]?.hint).toContain('sluice job run customer --accept-gap');
    expect(report.batches).toMatchObject([{ ranges: [{ topic: UPDATES, partition: 1, from: '1', to: '2' }] }]);
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Alt 1 | u', 'B | Neu 1 | u']);
    // It stays refused until someone decides.
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 1, batches: [] });
    expect(await project.json<Status>('job', 'status', 'customer')).toMatchObject({ gaps: [] });
  });

  it('that is accepted goes on record, and the partition goes on behind it', async () => {
    await using project = await withGap();
    expect(await project.hour('2026-03-01T07:00:00Z', '--accept-gap')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu 5 | u', 'B | Neu 1 | u']);
    const gap = { topic: UPDATES, epoch: 0, partition: 0, from: '2', to: '5', reason: 'retention' };
    expect(await project.json<Status>('job', 'status', 'customer')).toMatchObject({ gaps: [gap] });
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, batches: [] });
    // The loss is in landing as well: a state store that is built anew knows it.
    expect(await project.run(['job', 'recover', 'customer'])).toMatchObject({ exitCode: 0 });
    expect(await project.json<Status>('job', 'status', 'customer')).toMatchObject({ gaps: [gap] });
  });

  it('is bridged by a full load', async () => {
    await using project = await withGap();
    project.directory.putText('A', '{"id":"A","street":"Listed A","status":"active"}');
    project.directory.putText('B', '{"id":"B","street":"Listed B","status":"active"}');
    project.directory.putText('C', '{"id":"C","street":"Only in a lost event","status":"active"}');
    const report = await project.hour('2026-03-01T07:00:00Z', '--accept-gap', '--full-load');
    expect(report).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual([
      'A | Listed A | r',
      'B | Listed B | r',
      'C | Only in a lost event | r',
    ]);
  });

  it('is none at the first run, whatever the start of the log', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce([moved('A', 'Alt', '2026-03-01T05:00:00Z'), moved('A', 'Neu', '2026-03-01T05:01:00Z')]);
    await project.topics.trim(UPDATES, 0, 1n);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu | u']);
  });
});

describe('a recreated topic', () => {
  it('is found though it holds as many records, and is read as a new life once that is accepted', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce([moved('A', 'Alt', '2026-03-01T05:00:00Z'), moved('B', 'Alt', '2026-03-01T05:00:00Z')]);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0 });
    await project.topics.delete(UPDATES);
    await project.topics.create(UPDATES, 1);
    const again = [moved('A', 'Neu', '2026-03-01T06:10:00Z'), moved('C', 'Neu', '2026-03-01T06:11:00Z')];
    await project.produce([...again, moved('D', 'Neu', '2026-03-01T06:12:00Z')]);

    const refused = await project.hour('2026-03-01T07:00:00Z');
    expect(refused).toMatchObject({ exitCode: 1, batches: [], errors: [{ code: 'topic_recreated' }] });
    expect(refused.errors[0]?.message).toContain(UPDATES);
    expect(refused.errors[0]?.hint).toContain('--accept-gap');
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Alt | u', 'B | Alt | u']);

    const accepted = await project.hour('2026-03-01T07:00:00Z', '--accept-gap');
    expect(accepted).toMatchObject({ exitCode: 0, batches: [{ ranges: [{ from: '0', to: '3' }] }] });
    const now = ['A | Neu | u', 'B | Alt | u', 'C | Neu | u', 'D | Neu | u'];
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(now);
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, batches: [] });
    expect(await project.hour('2026-03-01T08:00:00Z', '--full-refresh')).toMatchObject({ exitCode: 0 });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(now);
  });

  it('is found when it is shorter than what was read', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce([moved('A', 'Alt', '2026-03-01T05:00:00Z')]);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0 });
    await project.topics.delete(UPDATES);
    await project.topics.create(UPDATES, 1);
    const refused = await project.hour('2026-03-01T07:00:00Z');
    expect(refused).toMatchObject({ exitCode: 1, errors: [{ code: 'topic_recreated' }] });
  });
});

describe('an added partition', () => {
  it('is read from its start', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce([moved('A', 'Alt', '2026-03-01T05:00:00Z')]);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0 });
    await project.topics.addPartitions(UPDATES, 2);
    await project.produce([moved('A', 'Neu', '2026-03-01T06:10:00Z'), moved('B', 'Neu', '2026-03-01T06:10:00Z')], 1);
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({
      exitCode: 0,
      errors: [],
      batches: [{ ranges: [{ topic: UPDATES, partition: 1, from: '0', to: '2' }] }],
    });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu | u', 'B | Neu | u']);
  });
});
