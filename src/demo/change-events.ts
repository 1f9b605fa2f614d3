/** Change events of the reference case, with keys and values exactly as CUSTOMER.md §1 has them. */
import { customerJson, type Customer, type CustomerField } from './customers.ts';

export const CUSTOMER_TOPICS = {
  create: 'kundenservice-kunde-create',
  update: 'kundenservice-kunde-update',
  delete: 'kundenservice-kunde-delete',
} as const;

export type CustomerTopic = (typeof CUSTOMER_TOPICS)[keyof typeof CUSTOMER_TOPICS];

export interface ChangeEvent {
  readonly topic: CustomerTopic;
  readonly key: string;
  /** Exact text; null: a tombstone. */
  readonly value: string | null;
  /** Broker timestamp, milliseconds since the epoch. */
  readonly timestampMs: number;
}

export interface EventOptions {
  /** When the broker got it; without it shortly after `updated_at`. */
  readonly timestampMs?: number;
  readonly without?: ReadonlySet<CustomerField>;
}

/** How long the service takes to publish what it changed. */
const PUBLISH_DELAY_MS = 40;

export function createEvent(customer: Customer, options: EventOptions = {}): ChangeEvent {
  return valueEvent('create', customer, options);
}

export function updateEvent(customer: Customer, options: EventOptions = {}): ChangeEvent {
  return valueEvent('update', customer, options);
}

/** In this case "delete" means deactivated: the value stays whole and says so. */
export function deleteEvent(customer: Customer, options: EventOptions = {}): ChangeEvent {
  return valueEvent('delete', { ...customer, status: 'deactivated' }, options);
}

export function tombstone(id: string, timestampMs: number, topic: CustomerTopic = CUSTOMER_TOPICS.delete): ChangeEvent {
  return { topic, key: id, value: null, timestampMs };
}

function valueEvent(kind: keyof typeof CUSTOMER_TOPICS, customer: Customer, options: EventOptions): ChangeEvent {
  return {
    topic: CUSTOMER_TOPICS[kind],
    key: customer.id,
    value: customerJson(customer, options.without),
    timestampMs: options.timestampMs ?? Date.parse(customer.updated_at) + PUBLISH_DELAY_MS,
  };
}
