import { expect, test } from 'vitest';
import customer from '../../../jobs/customer.ts';
import order from '../../../jobs/order.ts';
import type { EventOfJob } from '../../../src/index.ts';

test('the customer job has the columns of the reference case in their order', () => {
  expect(customer.columns.map((column) => `${column.name} ${column.type}`)).toEqual([
    'customer_id STRING',
    'updated_at TIMESTAMP',
    'status STRING',
    'first_name STRING',
    'last_name STRING',
    'birth_date DATE',
    'email STRING',
    'phone STRING',
    'street STRING',
    'postal_code STRING',
    'city STRING',
    'country STRING',
    'segment STRING',
    'advisor_id STRING',
    'newsletter BOOL',
    'credit_limit NUMERIC(18,2)',
    'external_ref INT64',
    'attributes JSON',
  ]);
  expect(customer.columns.filter((column) => column.required).map((column) => column.field)).toEqual([
    'id',
    'updated_at',
  ]);
});

test('the customer job carries the names and limits of the reference case', () => {
  expect(customer.topics).toEqual([
    { name: 'kundenservice-kunde-create', op: 'c' },
    { name: 'kundenservice-kunde-update', op: 'u' },
    { name: 'kundenservice-kunde-delete', op: 'd' },
  ]);
  expect(customer).toMatchObject({
    name: 'customer',
    entity: 'customer',
    key: { field: 'id', column: 'customer_id' },
    eventTime: { field: 'updated_at', earliest: '2000-01-01', maxFutureMs: 3_600_000 },
    deletes: 'soft',
    deletedWhen: `status = 'deactivated'`,
    historyStart: 'first_snapshot',
    models: ['current_customer', 'history_customer'],
    limits: {
      maxQuarantineRatio: 0.5,
      minQuarantineRecords: 100,
      maxDeleteRatio: 0.2,
      minDeletes: 10,
      maxShrinkRatio: 0.2,
      maxRecomputeDays: 400,
    },
  });
  expect(customer.snapshot?.toleranceMs).toBe(300_000);
});

test('the REST endpoint is resolved against the environment only when it is asked for', () => {
  const set: Record<string, string> = { CUSTOMER_API_URL: 'http://api.test', CUSTOMER_API_TOKEN: 'geheim' };
  const env = (name: string, fallback?: string): string => {
    const value = set[name] ?? fallback;
    if (value === undefined) throw new Error(`missing ${name}`);
    return value;
  };
  expect(customer.snapshot?.endpoint(env)).toMatchObject({
    baseUrl: 'http://api.test',
    path: '/customers',
    auth: { type: 'bearer', token: 'geheim' },
    paginator: { type: 'cursor', parameter: 'cursor', nextPath: 'next_cursor', limitParameter: 'limit', limit: 500 },
    itemsPath: 'items',
    totalPath: 'total',
  });
  delete set['CUSTOMER_API_TOKEN'];
  expect(customer.snapshot?.endpoint(env).auth).toBeNull();
  delete set['CUSTOMER_API_URL'];
  expect(() => customer.snapshot?.endpoint(env)).toThrow('missing CUSTOMER_API_URL');
});

test('the order job is another shape: op in a field, hard deletes, no snapshot', () => {
  expect(order.topics[0]?.op).toEqual({
    field: 'change',
    values: { created: 'c', changed: 'u', paid: 'u', shipped: 'u', cancelled: 'd' },
  });
  expect(order).toMatchObject({
    deletes: 'hard',
    historyStart: 'first_event',
    snapshot: null,
    key: { field: 'order_number', column: 'order_number' },
  });
});

test("an event's type follows from the job's schema", () => {
  const event: EventOfJob<typeof order> = {
    order_number: 'O-1',
    changed_at: '2026-03-01T10:00:00Z',
    change: 'created',
    total_amount: null,
    channel: 'web',
  };
  // @ts-expect-error: a required field is missing
  const broken: EventOfJob<typeof order> = { order_number: 'O-1', change: 'created' };
  // @ts-expect-error: not one of the values
  const wrong: EventOfJob<typeof order> = { order_number: 'O-1', changed_at: '', change: '', channel: 'fax' };
  expect([event, broken, wrong]).toHaveLength(3);
});
