/**
 * Orders: one change topic whose records say in a field what happened, and no API to list them. A cancelled order leaves the tables
 * (hard delete). Publishes current_order and history_order.
 */
import { defineJob, runJobFile } from 'sluice';

export default defineJob({
  name: 'order',
  description: 'Orders of the shop: open orders now and on each day',

  topics: [
    {
      name: 'shop-order-changes',
      op: {
        field: 'change',
        values: { created: 'create', changed: 'update', paid: 'update', shipped: 'update', cancelled: 'delete' },
      },
    },
  ],

  schema: {
    type: 'object',
    required: ['order_number', 'changed_at', 'change'],
    properties: {
      order_number: { type: 'string' },
      changed_at: { type: 'string', format: 'date-time' },
      change: { type: 'string' },
      customer_id: { type: ['string', 'null'] },
      ordered_on: { type: ['string', 'null'], format: 'date' },
      channel: { type: ['string', 'null'], enum: ['web', 'app', 'phone', null] },
      currency: { type: ['string', 'null'] },
      total_amount: { type: ['number', 'null'], sqlType: 'NUMERIC(12,2)' },
      item_count: { type: ['integer', 'null'] },
      weight_kg: { type: ['number', 'null'] },
      express: { type: ['boolean', 'null'] },
      items: { type: ['array', 'null'] },
    },
  },
  key: 'order_number',
  eventTime: 'changed_at',

  deletes: 'hard',
  historyStart: 'first_event',

  models: ['current_order', 'history_order'],
  schedule: '10 * * * *',
});

runJobFile(import.meta);
