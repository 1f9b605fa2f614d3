/**
 * Two short stories, one per entity, in which every key carries one value that a warehouse could read wrongly: the table behind "the same
 * job gives equal values on both warehouses". What makes a record bad is not in here (RELIABILITY F23-F25 has its own tests), but what is
 * barely good.
 */
import { nastyPages } from './nasty-listing.ts';
import type { History, ProducedRecord } from './history-build.ts';
import { jsonText, type Member } from './history-values.ts';

const NUMBERS = [
  '0',
  '-0',
  '-0.00',
  '0.1',
  '0.10',
  '1.500',
  '1e2',
  '1E+2',
  '-1.5E+3',
  '12e-1',
  '0.00000001e8',
  '1e15',
  '12345.67',
  '9007199254740993',
  '9007199254740993.01',
  '-9007199254740993.01',
  '1234567890123456.78',
  '9999999999999999.99',
  '-9999999999999999.99',
  '99999999999999999.9e-1',
  '0.01',
  '-0.01',
  '123456789012345.6',
] as const;
/** What NUMERIC(12,2) holds at its ends. */
const SMALL_NUMBERS = [
  '9999999999.99',
  '-9999999999.99',
  '9999999999.9900',
  '0.01',
  '-0',
  '1e9',
  '99999999.999e1',
] as const;
const INTEGERS = [
  '0',
  '-0',
  '12.0',
  '1e2',
  '1.5e1',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '1234567890123456789',
  '9223372036854775807',
  '-9223372036854775808',
  '9.223372036854775807e18',
  '922337203685477580700e-2',
] as const;
const FLOATS = [
  '0',
  '-0',
  '-0.0',
  '0.1',
  '1e22',
  '1e23',
  '1.7976931348623157e308',
  '-1.7976931348623157e308',
  '5e-324',
  '2.2250738585072014e-308',
  '1234567890.123456789',
  '123456789012345680000',
  '0.30000000000000004',
  '1e-7',
  '9007199254740993',
] as const;
const TEXTS = [
  '""',
  '" "',
  '"null"',
  '"NULL"',
  '"true"',
  '"0"',
  '"1e5"',
  '"2026-03-01"',
  String.raw`"Sch\u00e4fer"`,
  '"Schäfer"',
  String.raw`"e\u0301"`,
  '"é"',
  '"é"',
  '"😀"',
  String.raw`"\ud83d\ude00"`,
  '"👩‍👩‍👧"',
  '"東京"',
  '"שלום"',
  '"ﬀ"',
  '"İ"',
  String.raw`"a\"b"`,
  `"it's"`,
  String.raw`"\\"`,
  String.raw`"\\n"`,
  String.raw`"a\nb"`,
  String.raw`"a\r\nb"`,
  String.raw`"\t"`,
  String.raw`"\/"`,
  '"/"',
  String.raw`"\b\f"`,
  String.raw`"\u0001"`,
  String.raw`"\u001f"`,
  '"\u007f"',
  '"\u0080"',
  '"\u00a0"',
  '"\u2028"',
  '"\ufeff"',
  '"\uffff"',
  String.raw`"\u00000"`,
  String.raw`"a\u0000b"`,
  '"`"',
  '"--"',
  '"/* */"',
  '"{{ x }}"',
  '"{% raw %}"',
  '"$.a"',
  '"%s"',
  '"@@x"',
  '"?"',
  `"';drop table x;--"`,
  '"<b>&amp;</b>"',
  `"${'x'.repeat(20_000)}"`,
] as const;
const DATES = [
  '"2000-01-01"',
  '"2000-02-29"',
  '"2024-02-29"',
  '"1900-02-28"',
  '"1970-01-01"',
  '"1582-10-10"',
  '"0001-01-01"',
  '"9999-12-31"',
] as const;
const OBJECTS = [
  '{}',
  '{ }',
  '{"b":1,"a":2}',
  '{"a":{"z":1,"y":[1,2,{"x":null}]}}',
  '{"a":1,"a":2}',
  '{"a":[],"b":{},"c":""}',
  '{\n\t"a" : [ 1 , 2 ]\r\n}',
  '{"n":9007199254740993}',
  '{"n":1234567890123456.78,"m":-0,"e":1E+2,"f":1.10}',
  '{"n":18446744073709551616}',
  '{"n":123456789012345678901234567890}',
  '{"n":0.1234567890123456789012345}',
  '{"n":5e-324,"m":1.7976931348623157e308}',
  '{"deep":[[[[[[[[[[1]]]]]]]]]]}',
  String.raw`{"\u0061":"\u00e4","":0," ":1,"a.b":2,"$":3,"q\"q":4,"b\\s":5}`,
  '{"t":true,"f":false,"n":null}',
  '{"s":"it\'s \\"x\\" \\\\ \\n \\u0000 😀"}',
  '{"null":"null"}',
  '{"__proto__":{"a":1}}',
  '{"e\u0301":1,"é":2}',
  '{"n":[1.0,1,1e0,10e-1]}',
  '{"v":"2026-03-01T00:00:00Z","w":"1e5"}',
] as const;
const ARRAYS = [
  '[]',
  '[null]',
  '[[],{}]',
  '[1.10,-0,"x"]',
  '[9007199254740993,0.1234567890123456789]',
  '["a","a"]',
  '[ 1 ,\n2 ]',
  '[{"sku":"A","n":1e2}]',
] as const;

/** Spellings of instants; broker timestamps follow them by ten minutes. */
const INSTANTS = [
  '2000-01-01T00:00:00Z',
  '2000-01-01T00:00:00.000001Z',
  '2000-01-01T05:30:00+05:30',
  '2000-02-29T23:59:59.999999Z',
  '1999-12-31T19:00:00.5-05:00',
  '2024-02-29T12:00:00+14:00',
  '2024-12-31T23:59:59.9999999Z',
  '2026-03-29T01:59:59.999999+01:00',
  '2026-03-29T03:00:00+02:00',
  '2026-10-25T02:30:00+02:00',
  '2026-10-25T02:30:00+01:00',
  '2026-10-25T00:59:59.999999Z',
  '2026-10-25T01:00:00Z',
  '2026-10-24T22:00:00Z',
  '2026-10-24T21:59:59.999999Z',
  '2026-10-25t00:00:00.1234567890123456789z',
  '2026-10-25T00:00:00-00:00',
  '2026-10-25T00:00:00.1+23:59',
  '2026-10-25T00:00:00.12-23:59',
  '9999-12-31T23:59:59.999999Z',
  '9999-12-31T23:59:59.9999999+00:00',
  '9999-12-31T00:00:00Z',
] as const;

const MINUTE = 60_000;
/** Inside of the repeated hour of Europe/Berlin; most events lie right before it. */
const LOGICAL_TIME = '2026-10-25T01:30:00Z';
const LATER_TIME = '2026-10-26T08:00:00Z';
const NEWEST_TIME = '2026-10-28T08:00:00Z';

const members = (name: string, jsons: readonly string[]): readonly Member[] =>
  jsons.map((json): Member => [name, json]);

interface Shape {
  readonly entity: 'customer' | 'order';
  readonly topic: string;
  readonly key: string;
  readonly time: string;
  readonly always: readonly Member[];
  readonly nasty: readonly Member[];
}

const CUSTOMER_SHAPE: Shape = {
  entity: 'customer',
  topic: 'kundenservice-kunde-update',
  key: 'id',
  time: 'updated_at',
  always: [],
  nasty: [
    ...members('credit_limit', [...NUMBERS, 'null']),
    ...members('external_ref', [...INTEGERS, 'null']),
    ...members('first_name', [...TEXTS, 'null']),
    ...members('birth_date', [...DATES, 'null']),
    ...members('newsletter', ['true', 'false', 'null']),
    ...members('attributes', [...OBJECTS, 'null']),
    ...members('status', ['"deactivated"', '"Deactivated"', '"deactivated "', 'null']),
    ...members('unknown', ['1234567890123456789012', '{"id":"X"}']),
    ...members('ID', ['"other"']),
    ...members('First_Name', ['"other"']),
  ],
};

const ORDER_SHAPE: Shape = {
  entity: 'order',
  topic: 'shop-order-changes',
  key: 'order_number',
  time: 'changed_at',
  always: [['change', '"created"']],
  nasty: [
    ...members('total_amount', [...SMALL_NUMBERS, 'null']),
    ...members('item_count', ['9223372036854775807', '1e2', 'null']),
    ...members('weight_kg', [...FLOATS, 'null']),
    ...members('items', [...ARRAYS, 'null']),
    ...members('express', ['true', 'false']),
    ...members('ordered_on', DATES),
    ...members('currency', ['""', '"€"', String.raw`"\"\\\n"`]),
  ],
};

function record(shape: Shape, key: string, text: string, timestampMs: number): ProducedRecord {
  return { topic: shape.topic, partition: 0, timestampMs, key: Buffer.from(key), value: Buffer.from(text) };
}

function eventsOf(shape: Shape): readonly ProducedRecord[] {
  const byValue = shape.nasty.map((member, index): ProducedRecord => {
    const key = `V-${String(index)}`;
    const at = Date.parse('2026-10-24T20:00:00Z') + index * MINUTE;
    const all: readonly Member[] = [
      [shape.key, JSON.stringify(key)],
      [shape.time, `"${new Date(at).toISOString()}"`],
      ...shape.always,
      member,
    ];
    // Every fourth value names its member twice: the last one counts.
    const doubled: readonly Member[] = index % 4 === 3 ? [[member[0], 'null'], ...all] : all;
    return record(shape, key, jsonText(doubled, index), at + MINUTE);
  });
  // The history of orders begins with their first event: a few hundred thousand rows would say no more than those of 2026 do.
  const instants = shape.entity === 'order' ? INSTANTS.filter((time) => time > '2026') : INSTANTS;
  const byTime = instants.map((time, index): ProducedRecord => {
    const key = `T-${String(index)}`;
    const brokerMs = Math.min(Date.parse(time.toUpperCase()) + 10 * MINUTE, Date.parse('9999-12-31T23:59:59.999Z'));
    const all: readonly Member[] = [
      [shape.key, JSON.stringify(key)],
      [shape.time, JSON.stringify(time)],
      ...shape.always,
    ];
    return record(shape, key, jsonText(all, 0), brokerMs);
  });
  return [...byValue, ...byTime];
}

/** Keys as nasty as values: they are join keys, cluster keys and bounds of merges. */
const KEYS = [
  "K'1",
  'K"2',
  'K\\3',
  'K\n4',
  'K 5',
  'K/6',
  'K;7',
  'k-8',
  'K-8',
  'é',
  'e\u0301',
  '😀',
  '東京',
  '`',
  '--',
  '{{ k }}',
  '\u007f',
  '\uffff',
  ' ',
  'null',
  '0',
  'x'.repeat(500),
];

function keyEvents(shape: Shape): readonly ProducedRecord[] {
  return KEYS.map((key, index) => {
    const at = Date.parse('2026-10-24T23:00:00Z') + index * 1000;
    const all: readonly Member[] = [
      [shape.key, JSON.stringify(key)],
      [shape.time, `"${new Date(at).toISOString()}"`],
      ...shape.always,
    ];
    return record(shape, key, jsonText(all, index), at);
  });
}

/** Older, newer and gone: what the second run folds on top. */
function laterEvents(shape: Shape): readonly ProducedRecord[] {
  const tombstones = KEYS.filter((_, index) => index % 3 === 0).map((key, index): ProducedRecord => ({
    topic: shape.topic,
    partition: 0,
    timestampMs: Date.parse('2026-10-25T22:59:59Z') + index * 500,
    key: Buffer.from(key),
    value: null,
  }));
  const updates = KEYS.filter((_, index) => index % 3 === 1).map((key, index) => {
    const at = new Date(Date.parse('2026-10-25T22:30:00Z') + index * MINUTE).toISOString();
    const all: readonly Member[] = [
      [shape.key, JSON.stringify(key)],
      [shape.time, `"${at}"`],
      ...shape.always,
      shape.nasty[index * 5] ?? ['x', '1'],
    ];
    return record(shape, key, jsonText(all, 1), Date.parse(at) + 100);
  });
  const late = KEYS.filter((_, index) => index % 3 === 2).map((key) => {
    const all: readonly Member[] = [
      [shape.key, JSON.stringify(key)],
      [shape.time, '"2026-10-24T10:00:00Z"'],
      ...shape.always,
      ...shape.nasty.slice(0, 1),
    ];
    return record(shape, key, jsonText(all, 2), Date.parse('2026-10-25T12:00:00Z'));
  });
  return [...tombstones, ...updates, ...late];
}

/** Days behind the listing, so that rows are made from the published ones: most values are carried as they stand, by tombstones. */
function newestEvents(shape: Shape): readonly ProducedRecord[] {
  const values = shape.nasty.map((_, index) => `V-${String(index)}`).filter((_, index) => index % 2 === 0);
  const gone = [...values, ...KEYS.filter((_, index) => index % 2 === 0)].map((key, index): ProducedRecord => {
    const timestampMs = Date.parse('2026-10-27T10:00:00.001Z') + index * 1000;
    return { topic: shape.topic, partition: 0, timestampMs, key: Buffer.from(key), value: null };
  });
  const back = KEYS.filter((_, index) => index % 3 !== 1).map((key, index) => {
    const at = new Date(Date.parse('2026-10-27T23:30:00Z') + index * MINUTE).toISOString();
    const all: readonly Member[] = [
      [shape.key, JSON.stringify(key)],
      [shape.time, `"${at}"`],
      ...shape.always,
      shape.nasty[index * 7 + 1] ?? ['x', '1'],
    ];
    return record(shape, key, jsonText(all, 3), Date.parse(at) + 5);
  });
  return [...gone, ...back];
}

export function nastyHistory(entity: 'customer' | 'order'): History {
  const shape = entity === 'customer' ? CUSTOMER_SHAPE : ORDER_SHAPE;
  const topics =
    entity === 'customer' ? ['create', 'update', 'delete'].map((name) => `kundenservice-kunde-${name}`) : [shape.topic];
  const run = { mode: 'all', maxBatchRows: null, acceptDeletes: false } as const;
  return {
    entity,
    topics: topics.map((name) => ({ name, partitions: 1 })),
    runs: [
      {
        ...run,
        logicalTime: LOGICAL_TIME,
        fullLoad:
          entity === 'customer'
            ? nastyPages(
                shape.nasty,
                [...shape.nasty.keys()].map((index) => `V-${String(index)}`),
              )
            : null,
        produced: [...eventsOf(shape), ...keyEvents(shape)],
      },
      { ...run, logicalTime: LATER_TIME, fullLoad: null, produced: laterEvents(shape) },
      { ...run, logicalTime: NEWEST_TIME, fullLoad: null, produced: newestEvents(shape) },
    ],
  };
}
