/**
 * Scenarios 1 to 4 of DESIGN.md §4 on `--target prod` by the command line: real Kafka, fake GCS, the bare BigQuery emulator, PostgreSQL. After
 * every run the published tables are held against the oracle, whole rows.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRODUCTION_START_MS, startProduction, type Production } from '../services/production.ts';
import { ProductionStory } from '../support/production-story.ts';

const CREATE = 'kundenservice-kunde-create';
const UPDATE = 'kundenservice-kunde-update';
const DELETE = 'kundenservice-kunde-delete';
const ORDERS = 'shop-order-changes';

let production: Production;

beforeAll(async () => {
  production = await startProduction();
}, PRODUCTION_START_MS);
afterAll(() => production.stop());

const OK = { exitCode: 0, errors: [] };

describe('the customer job in production', () => {
  const customer = (number: number, updatedAt: string, more: object = {}): Readonly<Record<string, unknown>> => ({
    id: `K-${number}`,
    updated_at: updatedAt,
    status: 'active',
    street: `Wendenstraße ${number}`,
    credit_limit: 12345.67,
    external_ref: 9007199254740993n,
    attributes: { source: 'web', tags: ['a', 'b'] },
    ...more,
  });

  it('loads in full, streams, takes late events and a new field, and gives the same by a full refresh', async () => {
    await using story = await ProductionStory.create(production, 'customer');
    const same = async (logicalTime: string): Promise<void> => expect(await story.differences(logicalTime)).toBe('');

    // 1. Initial full load; dataset and tables do not exist yet.
    const known = [1, 2, 3].map((number) => customer(number, '2026-03-01T05:00:00Z'));
    story.list(...known);
    expect(await story.run('2026-03-01T06:00:00Z', '--full-load')).toMatchObject(OK);
    await same('2026-03-01T06:00:00Z');

    // 2. Streaming, with a tombstone and a record that cannot be used.
    const [moved, created] = [
      customer(1, '2026-03-02T05:30:00Z', { street: 'Heidenkampsweg 1' }),
      customer(4, '2026-03-02T05:40:00Z'),
    ];
    await story.produce(UPDATE, { key: 'K-1', value: moved, at: '2026-03-02T05:30:01Z' });
    await story.produce(CREATE, { key: 'K-4', value: created, at: '2026-03-02T05:40:01Z', partition: 1 });
    const left = customer(3, '2026-03-02T05:50:00Z', { status: 'deactivated' });
    await story.produce(
      DELETE,
      { key: 'K-3', value: left, at: '2026-03-02T05:50:01Z' },
      { key: 'K-5', value: null, at: '2026-03-02T05:51:00Z', partition: 1 },
      { key: 'K-6', value: '{"id":"K-6",', at: '2026-03-02T05:52:00Z', partition: 1 },
    );
    const hourly = await story.run('2026-03-02T06:00:00Z');
    expect(hourly).toMatchObject({ ...OK, batches: [{ kind: 'stream', read: 5, landed: 4, quarantined: 1 }] });
    expect(hourly.models.find(({ name }) => name === 'history_customer')?.partitions).toEqual(['2026-03-02']);
    await same('2026-03-02T06:00:00Z');
    expect(await story.run('2026-03-02T07:00:00Z')).toMatchObject({ ...OK, batches: [] });
    await same('2026-03-02T07:00:00Z');

    // Two days late, and one that is older than what is known.
    await story.produce(
      UPDATE,
      { key: 'K-2', value: customer(2, '2026-03-01T20:00:00Z', { street: 'Am Markt 2' }), at: '2026-03-03T08:00:00Z' },
      { key: 'K-1', value: customer(1, '2026-03-01T21:00:00Z', { street: 'Altweg 1' }), at: '2026-03-03T08:00:00Z' },
    );
    const late = await story.run('2026-03-03T09:00:00Z');
    expect(late).toMatchObject(OK);
    expect(late.models.find(({ name }) => name === 'history_customer')?.partitions).toEqual([
      '2026-03-01',
      '2026-03-02',
      '2026-03-03',
    ]);
    await same('2026-03-03T09:00:00Z');

    // 3. A full load in between brings a field without events; K-2 is not listed any more.
    story.list(...[moved, left, created].map((listed) => ({ ...listed, newsletter: true })));
    expect(await story.run('2026-03-04T09:00:00Z', '--full-load')).toMatchObject(OK);
    await same('2026-03-04T09:00:00Z');

    // A day without anything; 4. the full rebuild.
    expect(await story.run('2026-03-05T09:00:00Z')).toMatchObject({ ...OK, batches: [] });
    await same('2026-03-05T09:00:00Z');
    const refresh = await story.run('2026-03-05T10:00:00Z', '--full-refresh');
    expect(refresh).toMatchObject({ ...OK, batches: [{ kind: 'refresh', quarantined: 1 }] });
    await same('2026-03-05T10:00:00Z');

    // What runs around it: the state store built anew from landing, and days computed again.
    expect(await story.command('job', 'recover', 'customer')).toMatchObject({ exitCode: 0 });
    await story.produce(UPDATE, {
      key: 'K-4',
      value: customer(4, '2026-03-06T05:00:00Z', { city: 'Hamburg' }),
      at: '2026-03-06T05:00:01Z',
      partition: 1,
    });
    const after = await story.run('2026-03-06T09:00:00Z');
    expect(after).toMatchObject(OK);
    expect(after.batches.at(-1)).toMatchObject({ kind: 'stream', read: 1, landed: 1 });
    await same('2026-03-06T09:00:00Z');
    const backfill = ['--from', '2026-03-02', '--to', '2026-03-03'];
    expect(await story.command('job', 'backfill', 'customer', ...backfill)).toMatchObject({ exitCode: 0 });
    await same('2026-03-06T09:00:00Z');
    const status = await story.json('job', 'status', 'customer');
    expect(status).toMatchObject({ target: 'prod', unfinished: [], deadLetters: 1, gaps: [] });
  }, 600_000);
});

describe('the order job in production', () => {
  const order = (number: number, changedAt: string, change: string, more: object = {}): object => ({
    order_number: `O-${number}`,
    changed_at: changedAt,
    change,
    total_amount: 19.99,
    weight_kg: 0.1,
    items: [{ sku: 'A', n: 9007199254740993n }],
    ...more,
  });

  it('deletes cancelled orders for good, brings one back when it is created again, and rebuilds the same', async () => {
    await using story = await ProductionStory.create(production, 'order');
    const same = async (logicalTime: string): Promise<void> => expect(await story.differences(logicalTime)).toBe('');
    const say = (
      number: number,
      at: string,
      change: string | null,
      more: Readonly<Record<string, string | boolean>> & { readonly published?: string } = {},
    ) => {
      const { published = at, ...fields } = more;
      const value = change === null ? null : { ...order(number, at, change, fields) };
      return story.produce(ORDERS, { key: `O-${number}`, value, at: published, partition: number % 2 });
    };
    await say(1, '2026-03-28T10:00:00Z', 'created');
    await say(2, '2026-03-28T11:00:00Z', 'created', { channel: 'web' });
    await say(3, '2026-03-28T12:00:00Z', 'created', { express: true });
    expect(await story.run('2026-03-28T13:00:00Z')).toMatchObject({ ...OK, batches: [{ read: 3, landed: 3 }] });
    await same('2026-03-28T13:00:00Z');

    // Over the night in which the clock goes forward.
    await say(1, '2026-03-28T22:59:59.999999Z', 'paid', { currency: 'EUR' });
    await say(2, '2026-03-28T23:00:00Z', 'cancelled');
    await say(3, '2026-03-29T00:30:00Z', null);
    expect(await story.run('2026-03-29T02:00:00Z')).toMatchObject(OK);
    await same('2026-03-29T02:00:00Z');

    // An older update of a cancelled order, late; then it is ordered again.
    await say(2, '2026-03-28T20:00:00Z', 'changed', { published: '2026-03-30T08:00:00Z', channel: 'app' });
    expect(await story.run('2026-03-30T09:00:00Z')).toMatchObject(OK);
    await same('2026-03-30T09:00:00Z');
    await say(2, '2026-03-30T10:00:00Z', 'created', { channel: 'phone' });
    expect(await story.run('2026-03-31T09:00:00Z')).toMatchObject(OK);
    await same('2026-03-31T09:00:00Z');

    expect(await story.run('2026-03-31T10:00:00Z', '--full-refresh')).toMatchObject(OK);
    await same('2026-03-31T10:00:00Z');
  }, 600_000);
});
