/** Records that cannot be used, on `--target prod` by the command line: kept whole, listed, replayed after the schema was mended. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRODUCTION_START_MS, startProduction, type Production } from '../services/production.ts';
import { ProductionStory } from '../support/production-story.ts';

const ORDERS = 'shop-order-changes';
const UPDATES = 'kundenservice-kunde-update';
const OK = { exitCode: 0, errors: [] };

let production: Production;

beforeAll(async () => {
  production = await startProduction();
}, PRODUCTION_START_MS);
afterAll(() => production.stop());

interface Listing {
  readonly total: number;
  readonly deadLetters: readonly {
    readonly _offset: string;
    readonly reason_code: string;
    readonly replayed: boolean;
  }[];
}

const RAW = { topic: '_topic', partition: '_partition', offset: '_offset' } as const;

describe('a dead letter in production', () => {
  it('stands in its table with all its bytes, and is landed at its own position once the schema takes it', async () => {
    await using story = await ProductionStory.create(production, 'order');
    const order = (key: string, at: string, channel: string) => ({
      key,
      value: { order_number: key, changed_at: at, change: 'created', channel },
      at,
    });
    const faxed = order('B', '2026-03-01T05:01:00Z', 'fax');
    await story.produce(ORDERS, order('A', '2026-03-01T05:00:00Z', 'web'), faxed, {
      ...faxed,
      value: '{"order_number":',
    });
    expect(await story.run('2026-03-01T06:00:00Z')).toMatchObject({ ...OK, batches: [{ landed: 1, quarantined: 2 }] });
    expect(await story.differences('2026-03-01T06:00:00Z')).toBe('');
    const dead = await story.tables.read('analytics_raw.raw_order_dead_letter', [
      { name: RAW.topic, type: 'STRING' },
      { name: RAW.partition, type: 'INT64' },
      { name: RAW.offset, type: 'INT64' },
      { name: 'reason_code', type: 'STRING' },
      { name: 'value_base64', type: 'STRING' },
    ]);
    expect(dead.toSorted((a, b) => Number(a[RAW.offset]) - Number(b[RAW.offset]))).toMatchObject([
      {
        _topic: ORDERS,
        _partition: '0',
        _offset: '1',
        value_base64: Buffer.from(JSON.stringify(faxed.value)).toString('base64'),
      },
      { _topic: ORDERS, _partition: '0', _offset: '2', reason_code: 'json_invalid' },
    ]);

    // A day goes by; then the schema knows the channel.
    expect(await story.run('2026-03-02T06:00:00Z')).toMatchObject({ ...OK, batches: [] });
    story.edit('jobs/order.ts', "['web', 'app', 'phone', null]", "['web', 'app', 'phone', 'fax', null]");
    story.job = {
      ...story.job,
      columns: story.job.columns.map((column) =>
        column.name === 'channel' ? { ...column, values: ['web', 'app', 'phone', 'fax'] } : column,
      ),
    };
    const replay = await story.json('dlq', 'replay', 'order', '--logical-time', '2026-03-02T07:00:00Z');
    expect(replay).toMatchObject({ exitCode: 0, dead: 2, passing: 1, batches: [{ kind: 'replay', landed: 1 }] });
    expect(await story.differences('2026-03-02T07:00:00Z')).toBe('');
    expect((await story.json<Listing>('dlq', 'list', 'order')).deadLetters).toMatchObject([
      { _offset: '1', replayed: true },
      { _offset: '2', replayed: false },
    ]);
    expect(await story.run('2026-03-02T08:00:00Z', '--full-refresh')).toMatchObject(OK);
    expect(await story.differences('2026-03-02T08:00:00Z')).toBe('');
  }, 600_000);

  it('of the listing still counts as there, and too many of them are refused until that is accepted', async () => {
    await using story = await ProductionStory.create(production, 'customer');
    const customer = (id: string, city: unknown) => ({ id, updated_at: '2026-03-01T04:00:00Z', city });
    story.list(customer('A', 'Hamburg'), customer('B', 'Berlin'));
    expect(await story.run('2026-03-01T06:00:00Z', '--full-load')).toMatchObject(OK);
    story.list(customer('A', 'Bremen'), customer('B', 5));
    expect(await story.run('2026-03-02T06:00:00Z', '--full-load')).toMatchObject(OK);
    expect(await story.differences('2026-03-02T06:00:00Z')).toBe('');

    const bad = Array.from({ length: 100 }, (_, index) => ({
      key: `C-${index}`,
      value: '{',
      at: '2026-03-02T07:00:00Z',
    }));
    await story.produce(UPDATES, ...bad);
    const refused = await story.run('2026-03-02T08:00:00Z');
    expect(refused).toMatchObject({ exitCode: 1, errors: [{ code: 'quarantine_ratio' }] });
    expect(await story.run('2026-03-02T09:00:00Z', '--accept-quarantine')).toMatchObject(OK);
    expect(await story.differences('2026-03-02T09:00:00Z')).toBe('');
    expect((await story.json<Listing>('dlq', 'list', 'customer')).total).toBe(101);
  }, 600_000);
});
