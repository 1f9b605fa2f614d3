/**
 * The two entities of the reference project as the oracle sees them, written down from CUSTOMER.md and not read from `jobs/`: a mistake in a
 * job file shows as a difference.
 */
import type { OracleColumn, OracleJob } from '../oracle/ground-truth.ts';

const text = (...names: string[]): OracleColumn[] => names.map((name) => ({ name, field: name, type: 'STRING' }));

export const CUSTOMER: OracleJob = {
  columns: [
    { name: 'customer_id', field: 'id', type: 'STRING', required: true },
    { name: 'updated_at', field: 'updated_at', type: 'TIMESTAMP', required: true },
    ...text('status', 'first_name', 'last_name'),
    { name: 'birth_date', field: 'birth_date', type: 'DATE' },
    ...text('email', 'phone', 'street', 'postal_code', 'city', 'country', 'segment', 'advisor_id'),
    { name: 'newsletter', field: 'newsletter', type: 'BOOL' },
    { name: 'credit_limit', field: 'credit_limit', type: 'NUMERIC(18,2)' },
    { name: 'external_ref', field: 'external_ref', type: 'INT64' },
    { name: 'attributes', field: 'attributes', type: 'JSON', json: 'object' },
  ],
  keyField: 'id',
  keyColumn: 'customer_id',
  eventTimeField: 'updated_at',
  topics: [
    { name: 'kundenservice-kunde-create', op: 'c' },
    { name: 'kundenservice-kunde-update', op: 'u' },
    { name: 'kundenservice-kunde-delete', op: 'd' },
  ],
  toleranceMs: 5 * 60_000,
  deletes: 'soft',
  deletedWhen: { column: 'status', equals: 'deactivated' },
  historyStart: 'first_snapshot',
  timezone: 'Europe/Berlin',
  earliest: '2000-01-01T00:00:00Z',
  maxFutureMs: 60 * 60_000,
};

const CHANGE = { created: 'c', changed: 'u', paid: 'u', shipped: 'u', cancelled: 'd' } as const;

export const ORDER: OracleJob = {
  columns: [
    { name: 'order_number', field: 'order_number', type: 'STRING', required: true },
    { name: 'changed_at', field: 'changed_at', type: 'TIMESTAMP', required: true },
    { name: 'change', field: 'change', type: 'STRING', required: true },
    ...text('customer_id'),
    { name: 'ordered_on', field: 'ordered_on', type: 'DATE' },
    { name: 'channel', field: 'channel', type: 'STRING', values: ['web', 'app', 'phone'] },
    ...text('currency'),
    { name: 'total_amount', field: 'total_amount', type: 'NUMERIC(12,2)' },
    { name: 'item_count', field: 'item_count', type: 'INT64' },
    { name: 'weight_kg', field: 'weight_kg', type: 'FLOAT64' },
    { name: 'express', field: 'express', type: 'BOOL' },
    { name: 'items', field: 'items', type: 'JSON', json: 'array' },
  ],
  keyField: 'order_number',
  keyColumn: 'order_number',
  eventTimeField: 'changed_at',
  topics: [{ name: 'shop-order-changes', op: { field: 'change', values: CHANGE } }],
  toleranceMs: 0,
  deletes: 'hard',
  deletedWhen: null,
  historyStart: 'first_event',
  timezone: 'Europe/Berlin',
  earliest: '2000-01-01T00:00:00Z',
  maxFutureMs: 60 * 60_000,
};
