import { createEvent, deleteEvent, updateEvent, type ChangeEvent } from './change-events.ts';
import { customerJson, type Customer, type CustomerField } from './customers.ts';

/**
 * The customers that the simulated service knows: what its REST API lists. Each change gives the event that the real service
 * would publish; who wants lost, late or doubled events drops, keeps back or repeats it.
 */
export class CustomerDirectory {
  readonly #customers = new Map<string, Customer>();
  readonly #texts = new Map<string, string>();
  #ids: string[] | undefined = [];
  /** Fields that the service does not have yet: neither rows nor events carry them. */
  readonly hiddenFields = new Set<CustomerField>();

  constructor(customers: Iterable<Customer> = []) {
    for (const customer of customers) this.put(customer);
  }

  get size(): number {
    return this.#customers.size + this.#texts.size;
  }

  get(id: string): Customer {
    const customer = this.#customers.get(id);
    if (customer === undefined) throw new RangeError(`There is no customer ${id}.`);
    return customer;
  }

  /** Adds or replaces silently, as a migration of the service's database would: without an event. */
  put(customer: Customer): void {
    this.#texts.delete(customer.id);
    if (!this.#customers.has(customer.id)) this.#ids = undefined;
    this.#customers.set(customer.id, customer);
  }

  /** Lists any text in the place of this id: broken rows, unknown fields. */
  putText(id: string, text: string): void {
    this.#customers.delete(id);
    this.#texts.set(id, text);
    this.#ids = undefined;
  }

  /** The customer vanishes from the listing without an event. */
  remove(id: string): void {
    this.#customers.delete(id);
    this.#texts.delete(id);
    this.#ids = undefined;
  }

  create(customer: Customer): ChangeEvent {
    this.put(customer);
    return createEvent(customer, { without: this.hiddenFields });
  }

  /** `at`: RFC 3339, becomes `updated_at`. */
  update(id: string, at: string, change: Partial<Omit<Customer, 'id' | 'updated_at'>>): ChangeEvent {
    const customer = { ...this.get(id), ...change, updated_at: at };
    this.put(customer);
    return updateEvent(customer, { without: this.hiddenFields });
  }

  deactivate(id: string, at: string): ChangeEvent {
    const customer: Customer = { ...this.get(id), status: 'deactivated', updated_at: at };
    this.put(customer);
    return deleteEvent(customer, { without: this.hiddenFields });
  }

  /** At most `limit` rows behind this id (from the start for null), in the order of ids; `moved` skips rows, negative ones come again. */
  page(
    after: string | null,
    limit: number,
    moved = 0,
  ): { readonly rows: readonly string[]; readonly last: string | null } {
    this.#ids ??= [...this.#customers.keys(), ...this.#texts.keys()].toSorted();
    const start = Math.max(0, (after === null ? 0 : firstBehind(this.#ids, after)) + moved);
    const ids = this.#ids.slice(start, start + limit);
    const isEnd = start + limit >= this.#ids.length;
    return { rows: ids.map((id) => this.#text(id)), last: isEnd ? null : (ids.at(-1) ?? null) };
  }

  #text(id: string): string {
    return this.#texts.get(id) ?? customerJson(this.get(id), this.hiddenFields);
  }
}

function firstBehind(ids: readonly string[], after: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
