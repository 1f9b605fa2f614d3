/**
 * Customers: three change topics of one schema, and a REST API that lists all customers. "delete" means deactivated here: the row stays and is
 * marked. Publishes one row per customer (current_customer) and one per customer and day (history_customer).
 *
 *   npx sluice job run customer            one hourly batch
 *   node jobs/customer.ts --full-load      download the listing first
 */
import { defineJob, runJobFile } from 'sluice';

export default defineJob({
  name: 'customer',
  description: 'Customers of the Kundenservice: newest state and one row per customer and day',

  topics: [
    { name: 'kundenservice-kunde-create', op: 'create' },
    { name: 'kundenservice-kunde-update', op: 'update' },
    { name: 'kundenservice-kunde-delete', op: 'delete' },
  ],

  // Columns come in this order; a field may be missing or null unless it is required.
  schema: {
    type: 'object',
    required: ['id', 'updated_at'],
    properties: {
      id: { type: 'string' },
      updated_at: { type: 'string', format: 'date-time' },
      status: { type: ['string', 'null'] },
      first_name: { type: ['string', 'null'] },
      last_name: { type: ['string', 'null'] },
      birth_date: { type: ['string', 'null'], format: 'date' },
      email: { type: ['string', 'null'] },
      phone: { type: ['string', 'null'] },
      street: { type: ['string', 'null'] },
      postal_code: { type: ['string', 'null'] },
      city: { type: ['string', 'null'] },
      country: { type: ['string', 'null'] },
      segment: { type: ['string', 'null'] },
      advisor_id: { type: ['string', 'null'] },
      newsletter: { type: ['boolean', 'null'] },
      credit_limit: { type: ['number', 'null'], sqlType: 'NUMERIC(18,2)' },
      external_ref: { type: ['integer', 'null'] },
      attributes: { type: ['object', 'null'] },
    },
  },
  key: { field: 'id', column: 'customer_id' },
  eventTime: { field: 'updated_at', earliest: '2000-01-01', maxFuture: '1 hour' },

  deletes: 'soft',
  deletedWhen: `status = 'deactivated'`,

  snapshot: {
    type: 'rest',
    baseUrl: { env: 'CUSTOMER_API_URL' },
    path: '/customers',
    auth: { type: 'bearer', token: { env: 'CUSTOMER_API_TOKEN', optional: true } },
    paginator: { type: 'cursor', parameter: 'cursor', nextPath: 'next_cursor', limitParameter: 'limit', limit: 500 },
    itemsPath: 'items',
    totalPath: 'total',
    tolerance: '5 minutes',
  },
  historyStart: 'first_snapshot',

  models: ['current_customer', 'history_customer'],
  schedule: '5 * * * *',
});

runJobFile(import.meta);
