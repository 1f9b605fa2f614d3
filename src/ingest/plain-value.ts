/**
 * The quick way over an event value: one pass over its bytes that checks them against the job's columns and writes them escaped. It takes
 * only what is beyond doubt (plain-json.ts; known names, values of the declared kind). For everything else, and for everything that
 * looks wrong, `read` says false and the exact way (check-value.ts) decides: this one never rejects, and what it takes the exact way
 * takes as it is, with nothing to rewrite.
 */
import type { EntityColumn, JobDefinition } from '../core/job.ts';
import {
  ANYTHING,
  ARRAY,
  BOOLEAN,
  CLOSE_BRACE,
  COLON,
  COMMA,
  DOT,
  equalBytes,
  LONG,
  MINUS,
  NULL,
  NUMBER,
  OBJECT,
  OPEN_BRACE,
  PlainJson,
  TEXT,
} from './plain-json.ts';
import { isDateAt, microsAt } from './plain-time.ts';
import { hasIntegerKey } from './record-id.ts';
import { needsValidator } from './schema-validator.ts';

/** Unknown names remembered: a producer that invents names must not grow the table without bound. */
const MAX_DRIFT_NAMES = 100;
const MAX_NAME_CHARACTERS = 100;

/** Says whether the text (without quotes) or number at [from, to) is right for the column. */
type BytesCheck = (bytes: Uint8Array, from: number, to: number) => boolean;

interface MemberKind {
  /** What the value may be. */
  readonly tokens: number;
  readonly check?: BytesCheck;
  /** It may not be missing. */
  readonly required?: boolean;
  /** The text's bytes are looked at, so they must be what they mean. */
  readonly unescaped?: boolean;
  readonly drift?: boolean;
  /** A number that warehouses keep as it is written, or a value that they keep as JSON text: `PlainRewriter` writes them otherwise. */
  readonly rewritten?: 'number' | 'json';
}

/** One top-level name. */
export class PlainMember {
  readonly field: string;
  readonly name: Uint8Array;
  readonly kind: MemberKind;
  /** The number of the value in which it stood last, and where in it: a text without its quotes. */
  seen = 0;
  token = 0;
  start = 0;
  end = 0;

  constructor(field: string, kind: MemberKind) {
    this.field = field;
    this.name = Buffer.from(field, 'utf8');
    this.kind = kind;
  }
}

function isInteger(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] === DOT) return false;
  return true;
}

function oneOf(values: readonly string[]): BytesCheck {
  const allowed = values.map((value) => Buffer.from(value, 'utf8'));
  return (bytes, from, to) => allowed.some((value) => equalBytes(bytes, from, to, value));
}

/** By the digits written: 12.340 with scale 2 goes the exact way. */
function fitsNumeric(wholeDigits: number, scale: number): BytesCheck {
  return (bytes, from, to) => {
    const start = bytes[from] === MINUS ? from + 1 : from;
    let dot = start;
    while (dot < to && bytes[dot] !== DOT) dot++;
    return dot - start <= wholeDigits && to - dot - 1 <= scale;
  };
}

const JSON_TOKENS: Readonly<Record<string, number>> = {
  string: TEXT,
  number: NUMBER,
  boolean: BOOLEAN,
  object: OBJECT,
  array: ARRAY,
};

function jsonTokens(job: JobDefinition, field: string): number {
  const properties = job.schema['properties'] as Readonly<Record<string, { readonly type?: unknown }>> | undefined;
  const declared = properties?.[field]?.type;
  if (declared === undefined) return ANYTHING;
  const types = (Array.isArray(declared) ? declared : [declared]) as readonly string[];
  return types.reduce((tokens, type) => tokens | (JSON_TOKENS[type] ?? 0), 0);
}

function columnKind(job: JobDefinition, { field, type, values }: EntityColumn): MemberKind {
  switch (type) {
    case 'STRING':
      return values === undefined ? { tokens: TEXT } : { tokens: TEXT, check: oneOf(values), unescaped: true };
    case 'BOOL':
      return { tokens: BOOLEAN };
    case 'DATE':
      return { tokens: TEXT, check: isDateAt, unescaped: true };
    case 'TIMESTAMP':
      return { tokens: TEXT, check: (bytes, from, to) => !Number.isNaN(microsAt(bytes, from, to)), unescaped: true };
    case 'INT64':
      return { tokens: NUMBER | LONG, check: isInteger, rewritten: 'number' };
    case 'FLOAT64':
      return { tokens: NUMBER };
    case 'JSON':
      return { tokens: jsonTokens(job, field), rewritten: 'json' };
    default: {
      const [, precision, scale] = /^NUMERIC\((\d+),\s*(\d+)\)$/.exec(type) ?? [];
      if (precision === undefined || scale === undefined) throw new RangeError(`unknown column type ${type}`);
      const check = fitsNumeric(Number(precision) - Number(scale), Number(scale));
      return { tokens: NUMBER | LONG, check, rewritten: 'number' };
    }
  }
}

function memberOf(job: JobDefinition, column: EntityColumn): PlainMember {
  const { field, required } = column;
  if (field === job.key.field) {
    const isNumber = hasIntegerKey(job);
    return new PlainMember(field, isNumber ? { tokens: NUMBER, check: isInteger } : { tokens: TEXT, unescaped: true });
  }
  if (field === job.eventTime.field) return new PlainMember(field, { tokens: TEXT, unescaped: true });
  const kind = columnKind(job, column);
  const tokens = required ? kind.tokens & ~NULL : kind.tokens | NULL;
  return new PlainMember(field, { ...kind, required, tokens });
}

/** null: this job's values all need the exact way. */
export function createPlainValueReader(job: JobDefinition): PlainValueReader | null {
  return needsValidator(job) ? null : new PlainValueReader(job.columns.map((column) => memberOf(job, column)));
}

export class PlainValueReader {
  readonly #json = new PlainJson();
  readonly #known: PlainMember[];
  readonly #required: number;
  /** By position, as in the value before: producers write their members in one order. */
  readonly #order: PlainMember[] = [];
  readonly #drift: PlainMember[] = [];
  /** Of the value that was read last, in its order. */
  readonly members: PlainMember[] = [];
  /** Whether it has a number that its readers might take for a double: then the line needs the value rewritten as well. */
  hasLong = false;
  #driftNames = 0;
  #count = 0;

  constructor(members: PlainMember[]) {
    this.#known = members;
    this.#required = members.filter(({ kind }) => kind.required === true).length;
  }

  member(field: string): PlainMember | undefined {
    return this.#known.find((member) => member.field === field);
  }

  /** A name that the exact way met and does not know; from now on it is no reason to go that way. */
  learn(field: string): void {
    if (this.#driftNames >= MAX_DRIFT_NAMES || field.length > MAX_NAME_CHARACTERS || !/^[\w.-]+$/.test(field)) return;
    if (field === '__proto__' || this.member(field) !== undefined) return;
    this.#driftNames++;
    this.#known.push(new PlainMember(field, { tokens: ANYTHING, drift: true }));
  }

  /** Whether the value that was read last has this member with such a token. */
  has(member: PlainMember, token: number): boolean {
    return member.seen === this.#count && member.token === token;
  }

  /** Unknown names of the value that was read last. */
  get drift(): readonly PlainMember[] {
    return this.#drift;
  }

  /** Where the written text ends. */
  get end(): number {
    return this.#json.outAt;
  }

  /** Writes `value` to `out` from `at` on, as the inside of a JSON string: at most twice its bytes. false: it has to go the exact way. */
  read(value: Uint8Array, out: Uint8Array, at: number): boolean {
    const json = this.#json;
    json.begin(value, out, at);
    this.#count++;
    this.#drift.length = 0;
    this.members.length = 0;
    this.hasLong = false;
    if (!json.take(OPEN_BRACE)) return false;
    let required = 0;
    for (let position = 0; ; position++) {
      const member = this.#takeMember(value, position);
      if (member === undefined) return false;
      this.members.push(member);
      if (member.token === LONG) this.hasLong = true;
      if (member.kind.required === true) required++;
      if (member.kind.drift === true) this.#drift.push(member);
      json.blanks();
      if (!json.take(COMMA)) break;
    }
    return json.take(CLOSE_BRACE) && json.isEnd() && required === this.#required;
  }

  #takeMember(value: Uint8Array, position: number): PlainMember | undefined {
    const json = this.#json;
    const nameAt = json.at + 1;
    if (!json.text() || json.escaped) return undefined;
    const member = this.#find(value, nameAt, json.at - 1, position);
    if (member === undefined || member.seen === this.#count || !json.take(COLON)) return undefined;
    const { kind } = member;
    const from = json.at;
    const token = json.value();
    if ((token & kind.tokens) === 0) return undefined;
    const quote = token === TEXT ? 1 : 0;
    member.seen = this.#count;
    member.token = token;
    member.start = from + quote;
    member.end = json.at - quote;
    if (token === NULL) return member;
    if (quote === 1 && kind.unescaped === true && json.escaped) return undefined;
    return kind.check === undefined || kind.check(value, member.start, member.end) ? member : undefined;
  }

  #find(value: Uint8Array, from: number, to: number, position: number): PlainMember | undefined {
    const expected = this.#order[position];
    if (expected !== undefined && equalBytes(value, from, to, expected.name)) return expected;
    const found = this.#known.find(({ name }) => equalBytes(value, from, to, name));
    if (found !== undefined && position <= this.#order.length) this.#order[position] = found;
    return found;
  }
}
