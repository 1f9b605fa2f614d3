/** The customers of the reference case (CUSTOMER.md §1) and a seeded generator of believable ones. */
import { CITIES, FIRST_NAMES, LAST_NAMES } from './german-places.ts';

/** Field order is the order in the JSON text. Numbers that a double cannot hold are kept as what they are. */
export interface Customer {
  readonly id: string;
  /** RFC 3339. */
  readonly updated_at: string;
  readonly status: 'active' | 'deactivated';
  readonly first_name: string;
  readonly last_name: string;
  readonly birth_date: string;
  readonly email: string;
  readonly phone: string | null;
  readonly street: string;
  readonly postal_code: string;
  readonly city: string;
  readonly country: string;
  readonly segment: string;
  readonly advisor_id: string;
  readonly newsletter: boolean;
  /** Decimal text with two places, written as a JSON number. */
  readonly credit_limit: Decimal;
  readonly external_ref: bigint;
  readonly attributes: { readonly source: string; readonly tags: readonly string[] };
}

export type CustomerField = keyof Customer;
export type Decimal = `${number}.${number}`;

export interface Address {
  readonly street: string;
  readonly postal_code: string;
  readonly city: string;
}

/** The exact JSON text of a customer, as the REST API lists it and the topics carry it. */
export function customerJson(customer: Customer, without: ReadonlySet<CustomerField> = new Set()): string {
  const members: string[] = [];
  let field: CustomerField;
  for (field in customer) {
    if (!without.has(field)) members.push(`${JSON.stringify(field)}:${valueJson(field, customer)}`);
  }
  return `{${members.join(',')}}`;
}

function valueJson(field: CustomerField, customer: Customer): string {
  switch (field) {
    case 'credit_limit':
    case 'external_ref':
      return String(customer[field]);
    default:
      return JSON.stringify(customer[field]);
  }
}

export function customerId(number: number): string {
  return `K-${String(number).padStart(6, '0')}`;
}

export interface GeneratorOptions {
  /** The same seed gives the same customers, whatever the order they are asked for. */
  readonly seed: number;
  /** RFC 3339; customers were last changed in the 300 days before it. */
  readonly before: string;
}

/** The customer of this number. */
export function generateCustomer(number: number, { seed, before }: GeneratorOptions): Customer {
  const random = seededRandom(seed * 0x9e3779b1 + number);
  const first = pick(FIRST_NAMES, random);
  const last = pick(LAST_NAMES, random);
  const age = 18 + Math.floor(random() * 70);
  const birth = Date.UTC(2025 - age, Math.floor(random() * 12), 1 + Math.floor(random() * 28));
  const changed = Date.parse(before) - Math.floor(random() * 300 * 86_400_000) - 1;
  return {
    id: customerId(number),
    updated_at: new Date(changed).toISOString(),
    status: 'active',
    first_name: first,
    last_name: last,
    birth_date: new Date(birth).toISOString().slice(0, 10),
    email: `${plainLetters(first)}.${plainLetters(last)}${String(number)}@example.com`,
    phone: random() < 0.3 ? null : `+49 ${String(150 + Math.floor(random() * 30))} ${digits(random, 7)}`,
    ...generateAddress(random),
    country: 'DE',
    segment: random() < 0.8 ? 'retail' : 'business',
    advisor_id: `B-${String(1 + Math.floor(random() * 40))}`,
    newsletter: random() < 0.5,
    credit_limit: `${Math.floor(random() * 50_000)}.${digits(random, 2)}` as Decimal,
    // Every third one is odd and above 2^53: a reader that goes through a double changes it.
    external_ref: number % 3 === 0 ? 9_007_199_254_740_993n + 2n * BigInt(number) : BigInt(1_000_000 + number),
    attributes: { source: pick(['web', 'branch', 'phone', 'app'], random), tags: random() < 0.4 ? ['a', 'b'] : [] },
  };
}

export function* generateCustomers(count: number, options: GeneratorOptions): Generator<Customer> {
  for (let number = 1; number <= count; number++) yield generateCustomer(number, options);
}

export function generateAddress(random: () => number): Address {
  const city = pick(CITIES, random);
  return {
    street: `${pick(city.streets, random)} ${String(1 + Math.floor(random() * 140))}`,
    postal_code: pick(city.postalCodes, random),
    city: city.name,
  };
}

/** mulberry32: small, fast, and the same on every machine. Numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function pick<T>(choices: readonly [T, ...T[]] | readonly T[], random: () => number): T {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) throw new RangeError('There is nothing to pick from.');
  return choice;
}

function digits(random: () => number, count: number): string {
  return String(Math.floor(random() * 10 ** count)).padStart(count, '0');
}

const LETTERS: Readonly<Record<string, string>> = { ä: 'ae', ö: 'oe', ü: 'ue', ß: 'ss', ł: 'l', ı: 'i' };

function plainLetters(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[äöüßłı]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFD')
    .replaceAll(/[^a-z]/g, '');
}
