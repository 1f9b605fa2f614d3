/**
 * The quick way over a record against the exact way: what it takes, the exact way takes too, with the same bytes, the same event time and the same
 * unknown fields. And it does take the ordinary ones, or it would be of no use.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobDefinition } from '../../../src/core/job.ts';
import type { SourceRecord } from '../../../src/core/record.ts';
import { customerJson, generateCustomer } from '../../../src/demo/customers.ts';
import { defineJob } from '../../../src/index.ts';
import { createRecordDecoder, type RecordDecoder } from '../../../src/ingest/decode.ts';
import { streamLine, streamLinePrefix } from '../../../src/ingest/envelope.ts';
import { createPlainLines, plainLinePrefix, type PlainLines } from '../../../src/ingest/plain-line.ts';

const BASE = { eventTime: 'at', deletes: 'hard', historyStart: 'first_event', models: ['current_thing'] } as const;

const typed = defineJob({
  ...BASE,
  name: 'thing',
  key: 'id',
  topics: [
    { name: 'creates', op: 'create' },
    { name: 'changes', op: { field: 'op', values: { c: 'create', 'u\\p': 'update', gone: 'delete' } } },
  ],
  schema: {
    type: 'object',
    required: ['id', 'at', 'kind'],
    properties: {
      id: { type: 'string' },
      at: { type: 'string', format: 'date-time' },
      kind: { type: 'string', enum: ['a', 'größer', 'q"'] },
      name: { type: ['string', 'null'] },
      born: { type: ['string', 'null'], format: 'date' },
      op: { type: ['string', 'null'] },
      seen_at: { type: ['string', 'null'], format: 'date-time' },
      flag: { type: ['boolean', 'null'] },
      count: { type: ['integer', 'null'] },
      ratio: { type: ['number', 'null'] },
      price: { type: ['number', 'null'], sqlType: 'NUMERIC(10,2)' },
      total: { type: ['number', 'null'], sqlType: 'NUMERIC(18,2)' },
      other: { type: ['integer', 'null'] },
      tags: { type: ['array', 'null'] },
      free: {},
    },
  },
});

const numbered = defineJob({
  ...BASE,
  name: 'number',
  key: 'id',
  topics: [{ name: 'creates', op: 'update' }],
  schema: {
    type: 'object',
    required: ['id', 'at'],
    properties: { id: { type: 'integer' }, at: { type: 'string', format: 'date-time' }, more: { type: 'object' } },
  },
});

const customer = defineJob({
  ...BASE,
  name: 'customer',
  key: { field: 'id', column: 'customer_id' },
  eventTime: 'updated_at',
  topics: [{ name: 'creates', op: 'create' }],
  schema: {
    type: 'object',
    required: ['id', 'updated_at'],
    properties: {
      id: { type: 'string' },
      updated_at: { type: 'string', format: 'date-time' },
      status: { type: ['string', 'null'] },
      birth_date: { type: ['string', 'null'], format: 'date' },
      credit_limit: { type: ['number', 'null'], sqlType: 'NUMERIC(18,2)' },
      newsletter: { type: ['boolean', 'null'] },
      external_ref: { type: ['integer', 'null'] },
      attributes: { type: ['object', 'null'] },
    },
  },
});

const BROKER_MS = Date.parse('2026-03-02T00:00:00.045Z');
const ORIGIN = { topic: 'creates', epoch: 0, partition: 3 };
const PREFIX = streamLinePrefix({ seq: 7, batchId: 'b7' }, ORIGIN, 'some/object.ndjson');
const PLAIN_PREFIX = plainLinePrefix(PREFIX);
const AT = 5;

class Ways {
  readonly job: JobDefinition;
  readonly #drift: { quick: string[]; exact: string[] } = { quick: [], exact: [] };
  readonly #plain: PlainLines;
  #decode: RecordDecoder | undefined;
  readonly #block = { bytes: Buffer.alloc(64 * 1024), at: AT };

  constructor(job: JobDefinition) {
    this.job = job;
    const plain = createPlainLines(job, (field) => this.#drift.quick.push(field));
    if (plain === null) throw new Error(`job ${job.name} has no quick way`);
    this.#plain = plain;
  }

  /** Compares them and says whether the quick way took the record. */
  async areOne(record: SourceRecord, topicNumber = 0): Promise<boolean> {
    this.#decode ??= await createRecordDecoder(this.job, (field) => {
      this.#drift.exact.push(field);
      this.#plain.learn(field);
    });
    this.#drift.quick = [];
    this.#drift.exact = [];
    const topic = this.job.topics[topicNumber];
    if (topic === undefined) throw new Error('no such topic');
    const end = this.#plain.write(record, topic, PLAIN_PREFIX, this.#block);
    if (end === 0) {
      this.#decode(record, topic);
      return false;
    }
    const verdict = this.#decode(record, topic);
    if (!verdict.ok) throw new Error(`taken, though ${verdict.reason}`);
    expect(this.#block.bytes.toString('utf8', AT, end)).toBe(streamLine(PREFIX, record, verdict));
    expect(this.#plain.eventMicros).toBe(verdict.eventAt?.micros);
    expect(this.#drift.quick.toSorted()).toEqual(this.#drift.exact.toSorted());
    return true;
  }
}

function record(key: string | null, value: string | Uint8Array | null, more: Partial<SourceRecord> = {}): SourceRecord {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return { offset: 12n, timestampMs: BROKER_MS, key: key === null ? null : Buffer.from(key), value: bytes, ...more };
}

const ways = { typed: new Ways(typed), numbered: new Ways(numbered), customer: new Ways(customer) };
const HEAD = '"id":"k1","at":"2026-03-01T10:00:00.5Z","kind":"a"';

describe('the quick way takes', () => {
  it('customers of the reference case, unknown fields learnt, numbers that a double cannot hold among them', async () => {
    let long = 0;
    for (let number = 0; number <= 200; number++) {
      const json = customerJson(generateCustomer(number, { seed: 3, before: '2026-03-01T00:00:00Z' }));
      const { id } = JSON.parse(json) as { readonly id: string };
      const taken = await ways.customer.areOne(record(id, json, { offset: BigInt(number) * 99_999_999_999n }));
      if (number > 0) expect(taken, json).toBe(true);
      if (/\d{16}/.test(json)) long++;
    }
    expect(long).toBeGreaterThan(50);
  });

  it.each([
    [`{${HEAD}}`],
    [`{ ${HEAD.replaceAll('":', '": ').replaceAll(',', ' , ')} }`],
    ['{"kind":"größer","at":"2026-02-28T23:59:59Z","id":"k1","name":"Wenden\u2028straße 😀"}'],
    [
      `{${HEAD},"name":"a \\"quoted\\" \\\\ \\n \\u00e4 name","flag":null,"count":-12,"ratio":0.25,"price":99999999.99}`,
    ],
    [`{${HEAD},"born":"2024-02-29","seen_at":"2026-03-01T10:00:00.123456Z","flag":true}`],
    [`{${HEAD},"tags":[],"free":{"a":[1,{"b":"x","a":-0.5}],"b":{},"c":[true,false,null,"12345678901234567"]}}`],
    [`{${HEAD},"free":"0e1","name":"0e1 1234567890123456","price":12.50}`],
    [`{${HEAD},"count":-123456789012345,"price":12.50}`],
    [`{${HEAD},"count":1234567890123456,"price":12.50}`],
    [`{${HEAD},"count":1234567890123456,"price":12.00}`],
    [`{${HEAD},"count":1234567890123456,"price":-12.10}`],
    [`{${HEAD},"count":1234567890123456,"price":-0}`],
    [`{${HEAD},"count":1234567890123456,"price":-0.0}`],
    [`{${HEAD},"count":1234567890123456,"price":0.00}`],
    [`{${HEAD},"count":1234567890123456,"price":0}`],
    [`{${HEAD},"count":1234567890123456,"price":10}`],
    [`{${HEAD},"count":1234567890123456,"price":-0.50}`],
    [`{${HEAD},"count":1234567890123456,"other":-123456789012345,"total":-123456789012.34}`],
    [`{${HEAD},"count":1234567890123456,"other":123456789012345,"total":123456789012.34}`],
    [`{${HEAD},"count":1234567890123456,"other":-12345678901234,"total":-123456789012.30}`],
    [`{${HEAD},"total":1234567890123456,"other":0}`],
    [`{"count":1234567890123456,${HEAD}}`],
    [`{ ${HEAD} , "tags": [1, "a\\"\\n ß"] , "count": -123456789012345678 , "price": 12.05 , "free": "\\\\\\"" }`],
    [`{${HEAD},"tags":null,"count":1234567890123456,"price":100,"name":"\\"\\\\","seen_at":"2026-03-01T10:00:00.5Z"}`],
    [`{${HEAD},"free":"${'\\\\'.repeat(1000)}","count":1234567890123456}`],
  ])('%s', async (value) => {
    expect(await ways.typed.areOne(record('k1', value))).toBe(true);
  });

  it.each([['c'], ['gone']])('an operation that the value names: %s', async (op) => {
    expect(await ways.typed.areOne(record('k1', `{${HEAD},"op":"${op}"}`), 1)).toBe(true);
  });

  it('integer keys, headers, and offsets of any length', async () => {
    const headers = [['trace', Buffer.from('ä"')]] as const;
    for (const [id, offset] of [
      ['0', 0n],
      ['7', 9n],
      ['123456789012345', 10n],
      ['99', 123_456_789_012_345n],
    ] as const) {
      const value = `{"id":${id},"at":"2026-03-01T10:00:00Z","more":{"a":1}}`;
      expect(await ways.numbered.areOne(record(id, value, { headers, offset }))).toBe(true);
    }
  });

  it('an unknown field from the second time on', async () => {
    const fresh = new Ways(typed);
    const value = `{${HEAD},"brand_new":{"a":1}}`;
    expect(await fresh.areOne(record('k1', value))).toBe(false);
    expect(await fresh.areOne(record('k1', value))).toBe(true);
  });
});

describe('the quick way leaves', () => {
  it.each([
    ['another id', `{${HEAD.replace('k1', 'k2')}}`],
    ['an id whose bytes, escaped, are the key', String.raw`{${HEAD.replace('k1', String.raw`\u006b1`)}}`],
    ['a repeated name', `{${HEAD},"kind":"a"}`],
    ['a repeated name further down', `{${HEAD},"free":{"a":1,"a":1}}`],
    ['a name with an escape', String.raw`{${HEAD},"n\u0061me":"x"}`],
    ['a missing field', '{"id":"k1","at":"2026-03-01T10:00:00.5Z"}'],
    ['a wrong kind', `{${HEAD.replace('"a"', '"b"')}}`],
    ['an escaped kind', String.raw`{${HEAD.replace('"a"', String.raw`"\u0061"`)}}`],
    ['a number too long', `{${HEAD},"count":1234567890123456789}`],
    ['a long number within a value', `{${HEAD},"free":[1234567890123456]}`],
    ['a long number that is its column’s JSON', `{${HEAD},"free":1234567890123456}`],
    ['a long number of a double', `{${HEAD},"ratio":1234567890123456}`],
    ['a long fraction', `{${HEAD},"ratio":0.12345678901234567}`],
    ['a long price', `{${HEAD},"price":1234567890123456}`],
    ['an exponent', `{${HEAD},"ratio":1e3}`],
    ['a leading zero', `{${HEAD},"ratio":01}`],
    ['a lone surrogate', String.raw`{${HEAD},"name":"\ud800"}`],
    ['too many decimals', `{${HEAD},"price":1.001}`],
    ['a price too large', `{${HEAD},"price":100000000}`],
    ['a day that is none', `{${HEAD},"born":"2026-02-29"}`],
    ['a time with an offset', `{${HEAD},"seen_at":"2026-03-01T10:00:00+01:00"}`],
    ['an event too far ahead', `{${HEAD.replace('2026-03-01', '2026-03-05')}}`],
    ['an event before all times', `{${HEAD.replace('2026-03-01', '1999-12-31')}}`],
    ['half a value', `{${HEAD},"name":"x`],
    ['something behind', `{${HEAD}} x`],
    ['a control character', `{${HEAD},"name":"\u0001"}`],
    ['a new line', `{${HEAD},\n"name":"x"}`],
  ])('%s', async (_what, value) => {
    expect(await ways.typed.areOne(record('k1', value))).toBe(false);
  });

  it('what is not UTF-8, null, or beyond the limits', async () => {
    const bad = Buffer.from(`{${HEAD},"name":"ä"}`, 'utf8');
    bad[bad.length - 3] = 0x20;
    const good = `{${HEAD}}`;
    const long = `{${HEAD},"name":"${'x'.repeat(40_000)}"}`;
    for (const some of [
      record('k1', bad),
      record('k1', null),
      record(null, good),
      record('', good.replace('k1', '')),
      record('k1', good, { timestampMs: -1 }),
      record('k1', good, { timestampMs: 253_402_300_800_000 }),
      record('k1', long),
    ]) {
      expect(await ways.typed.areOne(some)).toBe(false);
    }
  });
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('2026-03-01T10:00:00Z', '2026-03-01t10:00:00.123456789z', '2026-02-30', '2024-02-29', 'a', 'k1', 'ß'),
);
const number = fc.oneof(
  fc.integer().map(String),
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom(
    '0',
    '-0',
    '-',
    '01',
    '1.',
    '.5',
    '1.50',
    '-3.10',
    '99999999.99',
    '100000000',
    '9007199254740993',
    '-123456789012345678',
    '-123456789012345',
    '-123456789012.34',
    '123456789012.30',
    '1234567890123456789',
    '123456789012345',
    '0.0',
    '1E2',
  ),
);
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    text.map((some) => JSON.stringify(some)),
    number,
    fc.constantFrom(
      'true',
      'false',
      'null',
      'nul',
      String.raw`"\u00e4"`,
      String.raw`"\ud83d\ude00"`,
      String.raw`"\ud83d"`,
    ),
    fc.array(tie('json'), { maxLength: 3 }).map((some) => `[${some.join(',')}]`),
    fc
      .array(fc.tuple(fc.constantFrom('a', 'b', '__proto__', 'ä', String.raw`\u0061`), tie('json')), { maxLength: 3 })
      .map((some) => `{${some.map(([name, value]) => `"${name}":${value}`).join(',')}}`),
  ),
}));
const COLUMN_NAMES = [
  'kind',
  'name',
  'born',
  'seen_at',
  'flag',
  'count',
  'ratio',
  'price',
  'total',
  'other',
  'tags',
  'free',
  'op',
  'new',
  'at',
];
const space = fc.constantFrom('', '', '', '', ' ', '  ', '\n', '\t');
const value = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...COLUMN_NAMES), json, space, space), { maxLength: 4 }),
    fc.integer({ min: 0, max: 2 ** 31 }),
    fc.option(fc.integer({ min: 0, max: 255 }), { freq: 3 }),
  )
  .map(([members, where, byte]) => {
    const more = members.map(([name, some, before, behind]) => `,"${name}":${before}${some}${behind}`).join('');
    const bytes = Buffer.from(`{${HEAD}${more}}`, 'utf8');
    if (byte !== null) bytes[where % bytes.length] = byte;
    return bytes;
  });

describe('random values', () => {
  it('are taken only with the line of the exact way', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(value, fc.nat(1), async (some, topic) => {
        if (await ways.typed.areOne(record('k1', some), topic)) taken++;
      }),
      { numRuns: 20_000 },
    );
    expect(taken).toBeGreaterThan(200);
  });
});
