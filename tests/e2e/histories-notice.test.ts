/** The harness itself: a table that is off by one cell, one row or one byte does not pass. */
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import type { History } from '../support/history-build.ts';
import { CUSTOMER } from '../support/entities.ts';
import { playHistory } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';

const event = (id: string, city: string): History['runs'][number]['produced'][number] => ({
  topic: 'kundenservice-kunde-update',
  partition: 0,
  timestampMs: Date.parse('2026-03-10T10:00:00Z'),
  key: Buffer.from(id),
  value: Buffer.from(`{"id":"${id}","updated_at":"2026-03-10T10:00:00Z","city":${city}}`),
});

const HISTORY: History = {
  entity: 'customer',
  topics: CUSTOMER.topics.map(({ name }) => ({ name, partitions: 1 })),
  runs: [
    {
      logicalTime: '2026-03-10T12:00:00.000Z',
      mode: 'all',
      fullLoad: [{ items: ['{"id":"A"}', '{"id":"B"}', '{"id":"C","city":7}'], total: 3, takesMs: 0 }],
      maxBatchRows: null,
      acceptDeletes: false,
      produced: [event('A', '"Hamburg"'), event('B', '5')],
    },
  ],
};

async function tamper(home: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(join(home, 'warehouse.duckdb'));
  const connection = await instance.connect();
  await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

describe('the harness', () => {
  it('is content with what the job leaves', async () => {
    await playHistory(HISTORY, inProcess());
  });

  it.each([
    [
      'a wrong cell',
      "update analytics.current_customer set city = 'x' where customer_id = 'A'",
      'A city: expected NULL, got x',
    ],
    ['an empty text for NULL', "update analytics.history_customer set street = ''", 'street: expected NULL, got'],
    [
      'a microsecond',
      'update analytics.current_customer set _event_at = _event_at + interval 1 microsecond',
      '_event_at',
    ],
    ['the batch of another record', "update analytics.history_customer set _batch_id = 'other'", '_batch_id'],
    ['a missing row', "delete from analytics.history_customer where customer_id = 'B'", 'expected one row, got none'],
    ['a row there twice', 'insert into analytics.current_customer from analytics.current_customer', 'got 2 rows'],
    [
      'a day too many',
      'insert into analytics.history_customer select * replace (day + 1 as day) from analytics.history_customer',
      'expected no row',
    ],
    [
      'a published column of no meaning',
      'alter table analytics.current_customer add column extra int',
      'columns of no meaning: extra',
    ],
    [
      'a raw text touched',
      "update analytics_raw.raw_customer_stream set value = value || ' '",
      'raw_customer_stream differs',
    ],
    [
      'a dead letter that lost a byte',
      'update analytics_raw.raw_customer_dead_letter set value_base64 = left(value_base64, 4)',
      'raw_customer_dead_letter differs',
    ],
    [
      'a reason that does not fit',
      "update analytics_raw.raw_customer_dead_letter set reason_code = 'key_null'",
      'expected wrong_type',
    ],
    [
      'a snapshot of another time',
      'update analytics_raw.raw_customer_snapshot_load set _snapshot_finished_at = _snapshot_finished_at + interval 1 second',
      'is not what the manifest says',
    ],
  ])('notices %s', async (_name, sql, told) => {
    const run = inProcess();
    const spoilt = playHistory(HISTORY, async (call) => {
      const outcome = await run(call);
      await tamper(call.home, sql);
      return outcome;
    });
    await expect(spoilt).rejects.toThrow(told);
  });

  it('notices a run that fails', async () => {
    const failing = playHistory(HISTORY, () =>
      Promise.resolve({ exitCode: 1, errors: [{ code: 'internal', message: 'broken' }] }),
    );
    await expect(failing).rejects.toThrow('internal: broken');
  });
});
