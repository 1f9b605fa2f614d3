/** Records that cannot be used: kept whole, listed, replayed after the schema was mended, and never the end of a run. */
import { describe, expect, it } from 'vitest';
import { CUSTOMER_TOPICS, type ChangeEvent } from '../../src/demo/change-events.ts';
import { CliProject } from '../support/cli.ts';

const TIME = '2026-03-01T05:30:00Z';

function event(id: string, fields: Readonly<Record<string, unknown>>, key = id): ChangeEvent {
  const value = JSON.stringify({ id, updated_at: TIME, status: 'active', ...fields });
  return { topic: CUSTOMER_TOPICS.update, key, value, timestampMs: Date.parse(TIME) };
}

interface Listing {
  readonly total: number;
  readonly deadLetters: readonly {
    readonly _offset: string;
    readonly reason_code: string;
    readonly json_path?: string;
    readonly value_base64?: string | null;
    readonly replayed: boolean;
  }[];
}

describe('a record that cannot be used', () => {
  it('goes to the dead letters, whole and with its reason, and does not stop the run', async () => {
    await using project = await CliProject.create({ customers: 0 });
    const bad = event('B', { city: 5 });
    await project.produce([event('A', { city: 'Hamburg' }), bad, event('C', {}, 'other'), { ...bad, value: '{"id":' }]);
    const report = await project.hour('2026-03-01T06:00:00Z');
    expect(report).toMatchObject({ exitCode: 0, batches: [{ read: 4, landed: 1, quarantined: 3 }] });
    expect(await project.rows('current_customer', 'customer_id')).toEqual(['A']);
    const listed = await project.json<Listing>('dlq', 'list', 'customer');
    expect(listed.total).toBe(3);
    const shown = await project.json<Listing>('dlq', 'show', 'customer', '--reason', 'wrong_type');
    expect(shown.deadLetters).toMatchObject([{ reason_code: 'wrong_type', replayed: false }]);
    expect(Buffer.from(shown.deadLetters[0]?.value_base64 ?? '', 'base64').toString()).toBe(bad.value);
    expect((await project.run(['dlq', 'show', 'customer'])).stdout).toContain('"city":5');
    const table = await project.rows('analytics_raw.raw_customer_dead_letter', '_offset');
    expect(table).toEqual(['1', '2', '3']);
  });

  it('is landed at its own position by a replay after the schema was mended, and a full refresh keeps it', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce([event('A', { segment: 7 }), event('B', { city: 5 })]);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0, batches: [{ quarantined: 2 }] });
    expect(await project.rows('current_customer', 'customer_id')).toEqual([]);
    project.edit(
      'jobs/customer.ts',
      "city: { type: ['string', 'null'] }",
      "city: { type: ['string', 'number', 'null'] }",
    );
    const replay = await project.json('dlq', 'replay', 'customer', '--logical-time', '2026-03-01T07:00:00Z');
    expect(replay).toMatchObject({ exitCode: 0, dead: 2, passing: 1, batches: [{ kind: 'replay', landed: 1 }] });
    expect(await project.rows('current_customer', 'customer_id', 'city')).toEqual(['B | 5']);
    expect(await project.rows('analytics_raw.raw_customer_stream', '_offset', '_key')).toEqual(['1 | B']);
    expect((await project.json<Listing>('dlq', 'list', 'customer')).deadLetters).toMatchObject([
      { _offset: '0', replayed: false },
      { _offset: '1', replayed: true },
    ]);
    const published = await project.published();
    expect(await project.hour('2026-03-01T08:00:00Z', '--full-refresh')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.published()).toEqual(published);
    // What was replayed is not replayed twice.
    const again = await project.json('dlq', 'replay', 'customer', '--logical-time', '2026-03-01T09:00:00Z');
    expect(again).toMatchObject({ exitCode: 0, passing: 0 });
  });
});

describe('a batch of which most records are bad', () => {
  it('stops before anything of it is loaded, until that is accepted', async () => {
    await using project = await CliProject.create({ customers: 0 });
    const bad = Array.from({ length: 60 }, (_, index) => event(`B${index}`, { city: 5 }));
    const good = Array.from({ length: 50 }, (_, index) => event(`A${index}`, {}));
    await project.produce([...bad, ...good]);
    const refused = await project.hour('2026-03-01T06:00:00Z');
    expect(refused).toMatchObject({ exitCode: 1, errors: [{ code: 'quarantine_ratio' }] });
    expect(refused.errors[0]?.message).toContain('60 of 110 records are bad');
    expect(refused.errors[0]?.hint).toContain('--accept-quarantine');
    expect(await project.rows('current_customer', 'customer_id')).toEqual([]);
    const accepted = await project.hour('2026-03-01T07:00:00Z', '--accept-quarantine');
    expect(accepted).toMatchObject({ exitCode: 0, batches: [{ landed: 50, quarantined: 60 }] });
    expect(await project.rows('current_customer', 'customer_id')).toHaveLength(50);
  });
});
