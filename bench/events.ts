/** Seeded change events of the reference case: the same sizes and keys on every machine and in every run. */
import type { NewRecord } from '../src/core/record.ts';
import { CUSTOMER_TOPICS } from '../src/demo/change-events.ts';
import { customerId, customerJson, generateCustomer, seededRandom } from '../src/demo/customers.ts';

export const TOPICS = [CUSTOMER_TOPICS.create, CUSTOMER_TOPICS.update, CUSTOMER_TOPICS.delete] as const;
export const PARTITIONS = 4;
/** How long after the change the broker got the event. */
const PUBLISH_DELAY_MS = 40;

export interface EventPlan {
  readonly seed: number;
  readonly count: number;
  readonly customers: number;
  /** Event times are spread evenly over [from, to), in order. */
  readonly fromMs: number;
  readonly toMs: number;
  /** small: 155 bytes; whole: every field of the reference case, some 430 bytes. */
  readonly size: 'small' | 'whole';
}

export type TopicEvent = NewRecord & { readonly topic: (typeof TOPICS)[number] };

const SMALL_BYTES = 155;
const STREETS = ['Wendenstraße', 'Heidenkampsweg', 'Nordkanalstraße', 'Amsinckstraße', 'Süderstraße', 'Spaldingstraße'];
const PADDING = 'x'.repeat(80);
const encoder = new TextEncoder();

/** One event in twenty is a create, one a delete; who is deactivated comes back before going again. */
export function* customerEvents(plan: EventPlan): Generator<TopicEvent> {
  const random = seededRandom(plan.seed);
  const isGone = new Uint8Array(plan.customers + 1);
  const step = (plan.toMs - plan.fromMs) / plan.count;
  for (let index = 0; index < plan.count; index++) {
    const number = 1 + Math.floor(random() * plan.customers);
    const at = Math.floor(plan.fromMs + index * step);
    const dice = random();
    const topic = dice < 0.05 ? TOPICS[0] : dice < 0.95 || isGone[number] === 1 ? TOPICS[1] : TOPICS[2];
    isGone[number] = topic === TOPICS[2] ? 1 : 0;
    const status = topic === TOPICS[2] ? 'deactivated' : 'active';
    const value =
      plan.size === 'small' ? smallValue(number, at, status, random) : wholeValue(number, at, status, random);
    yield { topic, key: customerId(number), value, timestampMs: at + PUBLISH_DELAY_MS };
  }
}

function smallValue(number: number, at: number, status: string, random: () => number): string {
  const limit = (random() * 50_000).toFixed(1);
  const head =
    `{"id":"${customerId(number)}","updated_at":"${new Date(at).toISOString()}","status":"${status}",` +
    `"credit_limit":${limit},"street":"${street(random)}","email":"`;
  const missing = SMALL_BYTES - encoder.encode(head).length - 2;
  return `${head}${PADDING.slice(0, Math.max(0, missing))}"}`;
}

function wholeValue(number: number, at: number, status: 'active' | 'deactivated', random: () => number): string {
  const customer = generateCustomer(number, { seed: 7, before: '2026-01-01T00:00:00Z' });
  return customerJson({ ...customer, updated_at: new Date(at).toISOString(), status, street: street(random) });
}

function street(random: () => number): string {
  return `${STREETS[Math.floor(random() * STREETS.length)] ?? ''} ${1 + Math.floor(random() * 140)}`;
}

/** What the REST API lists before the first event. */
export function listedCustomers(count: number, beforeMs: number): readonly string[] {
  const before = new Date(beforeMs).toISOString();
  return Array.from({ length: count }, (_, index) => customerJson(generateCustomer(index + 1, { seed: 7, before })));
}
