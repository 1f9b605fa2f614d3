/** The nasty values of random histories: texts of JSON members that are fine, and every way to spoil a record (CUSTOMER.md §1, F23-F25). */
import type { OracleJob } from '../oracle/ground-truth.ts';
import { instantText } from '../oracle/time.ts';
import { CUSTOMER, ORDER } from './entities.ts';

/** One member of a value: its name and the exact JSON text of its value. */
export type Member = readonly [name: string, json: string];

export interface EntityProfile {
  readonly name: 'customer' | 'order';
  readonly job: OracleJob;
  readonly key: (index: number) => string;
  /** Column that carries a text of its own in every record, so that a row shows which record gave it. */
  readonly tag: string;
  /** Members beside key, time and tag, as exact JSON texts; each may stand more than once in a value. */
  readonly fields: readonly Member[];
  /** Members that no schema allows. */
  readonly wrong: readonly Member[];
  /** The op's member for a topic that reads it from the value. */
  readonly opMember: (op: 'c' | 'u' | 'd', variant: number) => Member | undefined;
}

const member = (name: string, ...jsons: string[]): Member[] => jsons.map((json): Member => [name, json]);

const TEXTS = [
  '"Hamburg"',
  '""',
  'null',
  String.raw`"Sch\u00e4fer \ud83d\ude00"`,
  '"東京 e\u0301 É"',
  String.raw`"a\"b\\c\n\t{{ x }}';--"`,
  String.raw`"\u0000a\u0001"`,
];
const NUMBERS = ['12345.67', '1e2', '-0', '0.10', '1.500', 'null', '-1.5E+3'];
const INTEGERS = ['9007199254740993', '-9223372036854775808', '9223372036854775807', '12.0', '1e2', '-0', 'null'];

/** Unknown fields and names that fool a reader of columns. */
const STRANGE: readonly Member[] = [
  ['__proto__', '{"status":"deactivated","id":"X"}'],
  ['constructor', '"x"'],
  ['unknown_field', '{"n":1234567890123456.78,"list":[1,{"a":null}]}'],
  ['', '1'],
  ['ID', '"OTHER"'],
  ['Status', '"deactivated"'],
  ['select', '"reserved"'],
  ['x'.repeat(300), 'true'],
];

const JSON_OBJECTS = [
  '{"source":"web","tags":["a","b"]}',
  '{}',
  'null',
  '{"n":9007199254740993,"d":1234567890123456.78,"e":1E+2}',
  '{"a":1,"a":2,"__proto__":{"b":1}}',
  String.raw`{"\u0061":"\u00e4","b c":[[],{}]}`,
  `${'{"a":'.repeat(60)}0${'}'.repeat(60)}`,
];

const CUSTOMER_PROFILE: EntityProfile = {
  name: 'customer',
  job: CUSTOMER,
  key: (index) => ['K-é中', 'k-1', 'K-1', "K-'1", 'K 2/3'][index] ?? `K-${index}`,
  tag: 'advisor_id',
  fields: [
    ...member('status', '"active"', '"deactivated"', '"Deactivated"', 'null', '""'),
    ...member('credit_limit', ...NUMBERS, '1234567890123456.78', '-9999999999999999.99'),
    ...member('external_ref', ...INTEGERS),
    ...member('attributes', ...JSON_OBJECTS),
    ...member('birth_date', '"1980-02-29"', '"2000-02-29"', '"1900-12-31"', '"9999-12-31"', '"0001-01-01"', 'null'),
    ...member('newsletter', 'true', 'false', 'null'),
    ...['city', 'street', 'first_name', 'phone'].flatMap((name) => member(name, ...TEXTS)),
    ...STRANGE,
  ],
  wrong: [
    ...member('city', '5', '{}', '["a"]', 'true', String.raw`"\ud800"`),
    ...member('status', '{"a":1}', String.raw`"\udc00\ud800"`),
    ...member('newsletter', '"true"', '1'),
    ...member('credit_limit', '"1"', '1.234', '1e-3', '10000000000000000', '1e400', '0.001', '1234567890123456.789'),
    ...member('external_ref', '9223372036854775808', '-9223372036854775809', '1.5', '"7"', '1e19', 'true'),
    ...member('birth_date', '"1981-02-29"', '"2026-13-01"', '"1980-2-9"', '""', '19800229', '"1980-02-29T00:00:00Z"'),
    ...member(
      'attributes',
      '"text"',
      '[1]',
      '5',
      `${'['.repeat(600)}${']'.repeat(600)}`,
      '{"n":1e400}',
      '{"n":1e400,"n":1}',
    ),
    ...member('attributes', String.raw`{"a":"\ud800","a":1}`, String.raw`[[{"\udead":1}]]`),
    ...member('unknown_field', String.raw`{"deep":["\ud83d"]}`, '-1e999'),
    ...member(String.raw`\udfff`, '1'),
    ...member(
      'updated_at',
      '5',
      'null',
      '"yesterday"',
      '"2026-03-10"',
      '"2026-02-30T00:00:00Z"',
      '"2026-03-10T23:59:60Z"',
      '"2026-03-10 10:00:00Z"',
    ),
    ...member('id', '5', 'null', '""', '"someone else"', '["K-1"]'),
  ],
  opMember: () => undefined,
};

const CHANGES = { c: ['created'], u: ['changed', 'paid', 'shipped'], d: ['cancelled'] } as const;

const ORDER_PROFILE: EntityProfile = {
  name: 'order',
  job: ORDER,
  key: (index) => ['O-é中', 'o-1', 'O-1'][index] ?? `O-${index}`,
  tag: 'customer_id',
  fields: [
    ...member('total_amount', ...NUMBERS, '9999999999.99', '-9999999999.99'),
    ...member('item_count', ...INTEGERS),
    ...member('weight_kg', '0.1', '1e22', '-0', '1234567890.123456789', '5e-324', 'null', '1e2'),
    ...member('items', '[]', '[{"sku":"A","n":9007199254740993}]', 'null', '[[1.10,-0],"x"]'),
    ...member('ordered_on', '"2024-02-29"', '"2026-03-29"', 'null'),
    ...member('channel', '"web"', '"app"', 'null'),
    ...member('express', 'true', 'false', 'null'),
    ...member('currency', ...TEXTS),
    ...STRANGE,
  ],
  wrong: [
    ...member('channel', '"fax"', '""', '5'),
    ...member('total_amount', '10000000000', '1.234', '"1"', '1e400'),
    ...member('item_count', '1.5', '9223372036854775808'),
    ...member('weight_kg', '1e400', '"1"'),
    ...member('items', '{}', '"x"'),
    ...member('express', '0'),
    ...member('ordered_on', '"2023-02-29"'),
    ...member('change', '"moved"', 'null', '5', '"toString"', '"Created"'),
    ...member('changed_at', '5', 'null', '"soon"'),
    ...member('order_number', '5', 'null', '"another"'),
    ...member('currency', String.raw`"\ud800"`),
  ],
  opMember: (op, variant) => ['change', JSON.stringify(CHANGES[op][variant % CHANGES[op].length])],
};

export const PROFILES = { customer: CUSTOMER_PROFILE, order: ORDER_PROFILE } as const;

/** A choice by any index. */
export const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('an empty list of choices');
  return found;
};

/** `updated_at` in one of many spellings of the same microsecond. */
export function timeText(us: number, format: number): string {
  const shifted = (minutes: number): string => instantText(BigInt(us) + BigInt(minutes) * 60_000_000n).slice(0, -1);
  const utc = shifted(0);
  const spellings = [
    utc.endsWith('000') ? `${utc.slice(0, -3)}Z` : `${utc}Z`,
    `${shifted(120)}+02:00`,
    `${utc}789Z`,
    `${shifted(-330).replace(/\.?0+$/, '')}-05:30`,
    `${utc}9Z`,
    `${utc.toLowerCase()}z`,
    `${utc.replace(/\.?0+$/, '')}-00:00`,
    `${utc}${'9'.repeat(20)}+00:00`,
  ];
  return at(spellings, format);
}

/** A value's text; `spacing` varies the white space that JSON allows. */
export function jsonText(members: readonly Member[], spacing: number): string {
  const [open, colon, comma, close] = spacing % 4 === 1 ? ['{ ', ' : ', ' ,\n', '\t}\n'] : ['{', ':', ',', '}'];
  // A name is written as it stands when it holds an escape of its own.
  const name = (text: string): string => (text.startsWith('\\u') ? `"${text}"` : JSON.stringify(text));
  return `${open}${members.map(([key, json]) => `${name(key)}${colon}${json}`).join(comma)}${close}`;
}

export interface Bytes {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

const value = (make: (text: string) => string | Buffer): ((bytes: Bytes) => Bytes) => {
  return ({ key, value: old }) => ({ key, value: Buffer.from(make(old?.toString() ?? '{}')) });
};

/** Ways to spoil the bytes of a record (a tombstone included, which some turn into a value). */
export const SPOILERS: readonly ((bytes: Bytes) => Bytes)[] = [
  ({ value: old }) => ({ key: null, value: old }),
  ({ value: old }) => ({ key: Buffer.alloc(0), value: old }),
  ({ key, value: old }) => ({ key: Buffer.concat([key ?? Buffer.alloc(0), Buffer.from([0xff])]), value: old }),
  ({ key, value: old }) => ({ key: Buffer.from(`${key?.toString()} `), value: old }),
  value((text) => text.slice(0, -2)),
  value(() => ''),
  value(() => 'null'),
  value(() => '[]'),
  value(() => '"text"'),
  value((text) => `\ufeff${text}`),
  value((text) => `${text}${text}`),
  value((text) => text.replace(/\}\s*$/, ',}')),
  value((text) => text.replace(/\}\s*$/, ',"n":NaN}')),
  value((text) => text.replace(/\}\s*$/, ',"n":01}')),
  value((text) => text.replace(/\}\s*$/, ',"n":"a\nb"}')),
  value((text) => text.replace(/\}\s*$/, String.raw`,"n":"\x41"}`)),
  value((text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from([0x22, 0xc3, 0x28, 0x22])])),
  value((text) => text.replaceAll('"', "'")),
];
