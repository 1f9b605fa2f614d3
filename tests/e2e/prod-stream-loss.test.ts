/** What Kafka lost, and what it gained, on `--target prod` by the command line (DESIGN.md §4.5); after each decision the tables are the oracle's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRODUCTION_START_MS, startProduction, type Production } from '../services/production.ts';
import { ProductionStory, type ToldRecord } from '../support/production-story.ts';

const UPDATES = 'kundenservice-kunde-update';
const ORDERS = 'shop-order-changes';
const OK = { exitCode: 0, errors: [] };

let production: Production;

beforeAll(async () => {
  production = await startProduction();
}, PRODUCTION_START_MS);
afterAll(() => production.stop());

function moved(key: string, street: string, at: string, partition = 0): ToldRecord {
  return { key, value: { id: key, updated_at: at, status: 'active', street }, at, partition };
}

function ordered(key: string, change: string, at: string, partition = 0): ToldRecord {
  return { key, value: { order_number: key, changed_at: at, change }, at, partition };
}

describe('a retention gap in production', () => {
  it('stops its partition alone, goes on record when accepted, and is bridged by a full load', async () => {
    await using story = await ProductionStory.create(production, 'customer');
    story.list({ id: 'A', street: 'Listed A', status: 'active' }, { id: 'B', street: 'Listed B', status: 'active' });
    await story.produce(
      UPDATES,
      moved('A', 'Alt', '2026-03-01T05:00:00Z'),
      moved('B', 'Alt', '2026-03-01T05:00:00Z', 1),
    );
    expect(await story.run('2026-03-01T06:00:00Z', '--full-load')).toMatchObject(OK);
    await story.produce(
      UPDATES,
      moved('A', 'Lost 1', '2026-03-01T06:01:00Z'),
      moved('A', 'Lost 2', '2026-03-01T06:02:00Z'),
      moved('A', 'Neu', '2026-03-01T06:03:00Z'),
      moved('B', 'Neu', '2026-03-01T06:03:00Z', 1),
    );
    await story.lose(UPDATES, 0, 1, 3);

    const refused = await story.run('2026-03-01T07:00:00Z');
    expect(refused).toMatchObject({ exitCode: 1, errors: [{ code: 'retention_gap' }] });
    expect(refused.errors[0]?.message).toContain(`${UPDATES}/0 offsets 1 to 2`);
    expect(refused.batches).toMatchObject([{ ranges: [{ topic: UPDATES, partition: 1, from: '1', to: '2' }] }]);

    expect(await story.run('2026-03-01T08:00:00Z', '--accept-gap', '--full-load')).toMatchObject(OK);
    expect(await story.differences('2026-03-01T08:00:00Z')).toBe('');
    const gap = { topic: UPDATES, epoch: 0, partition: 0, from: '1', to: '3', reason: 'retention' };
    expect(await story.json('job', 'status', 'customer')).toMatchObject({ gaps: [gap] });
    expect(await story.command('job', 'recover', 'customer')).toMatchObject({ exitCode: 0 });
    expect(await story.json('job', 'status', 'customer')).toMatchObject({ gaps: [gap] });
    expect(await story.run('2026-03-01T09:00:00Z', '--full-refresh')).toMatchObject(OK);
    expect(await story.differences('2026-03-01T09:00:00Z')).toBe('');
  }, 600_000);
});

describe('a recreated topic in production', () => {
  it('is found though it holds as many records, and is read as a new life once that is accepted', async () => {
    await using story = await ProductionStory.create(production, 'order', 1);
    await story.produce(
      ORDERS,
      ordered('A', 'created', '2026-03-01T05:00:00Z'),
      ordered('B', 'created', '2026-03-01T05:01:00Z'),
    );
    expect(await story.run('2026-03-01T06:00:00Z')).toMatchObject(OK);
    await story.recreate(ORDERS, 1);
    await story.produce(
      ORDERS,
      ordered('A', 'paid', '2026-03-01T06:10:00Z'),
      ordered('C', 'created', '2026-03-01T06:11:00Z'),
    );

    const refused = await story.run('2026-03-01T07:00:00Z');
    expect(refused).toMatchObject({ exitCode: 1, batches: [], errors: [{ code: 'topic_recreated' }] });
    const accepted = await story.run('2026-03-01T07:00:00Z', '--accept-gap');
    expect(accepted).toMatchObject({ exitCode: 0, batches: [{ ranges: [{ from: '0', to: '2' }] }] });
    expect(await story.differences('2026-03-01T07:00:00Z')).toBe('');
    expect(await story.run('2026-03-01T08:00:00Z')).toMatchObject({ ...OK, batches: [] });
    expect(await story.run('2026-03-01T08:00:00Z', '--full-refresh')).toMatchObject(OK);
    expect(await story.differences('2026-03-01T08:00:00Z')).toBe('');
  }, 600_000);
});

describe('an added partition in production', () => {
  it('is read from its start', async () => {
    await using story = await ProductionStory.create(production, 'order', 1);
    await story.produce(ORDERS, ordered('A', 'created', '2026-03-01T05:00:00Z'));
    expect(await story.run('2026-03-01T06:00:00Z')).toMatchObject(OK);
    await story.topics.addPartitions(ORDERS, 2);
    const added = [
      ordered('A', 'shipped', '2026-03-01T06:10:00Z', 1),
      ordered('B', 'created', '2026-03-01T06:11:00Z', 1),
    ];
    await story.produce(ORDERS, ...added);
    const report = await story.run('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({
      ...OK,
      batches: [{ ranges: [{ topic: ORDERS, partition: 1, from: '0', to: '2' }] }],
    });
    expect(await story.differences('2026-03-01T07:00:00Z')).toBe('');
  }, 600_000);
});
