import { describe, expect, it } from 'vitest';
import type { OracleRecord } from '../../oracle/ground-truth.ts';
import { expectedTables } from '../../oracle/oracle.ts';
import { base64, event, raw, snapshot, tombstone, truth } from './story.ts';

const reasons = (record: OracleRecord): readonly string[] =>
  expectedTables(truth([record])).deadLetters[0]?.reasons ?? [];
const cells = (fields: string): Record<string, string | null> =>
  expectedTables(truth([raw(`{"id":"K","updated_at":"2026-03-10T12:00:00Z",${fields}}`)])).current[0]?.row ?? {};
const field = (text: string): readonly string[] =>
  reasons(raw(`{"id":"K","updated_at":"2026-03-10T12:00:00Z",${text}}`));
const time = (text: string): readonly string[] => reasons(raw(`{"id":"K","updated_at":"${text}"}`));
const bytes = (...values: number[]): string => Buffer.from(values).toString('base64');

describe('dead letters', () => {
  it.each([
    ['missing id', raw('{"updated_at":"2026-03-10T12:00:00Z"}'), ['missing_field']],
    ['null id', raw('{"id":null,"updated_at":"2026-03-10T12:00:00Z"}'), ['missing_field']],
    ['id of a wrong type', raw('{"id":5,"updated_at":"2026-03-10T12:00:00Z"}'), ['wrong_type']],
    ['missing updated_at', raw('{"id":"K"}'), ['missing_field']],
    ['key other than id', raw('{"id":"k","updated_at":"2026-03-10T12:00:00Z"}'), ['key_mismatch']],
    ['null key', { ...event('u', 'K', '12:00'), key: null }, ['null_key']],
    ['null key on a tombstone', { ...tombstone('K', '12:00'), key: null }, ['null_key']],
    ['empty key', { ...tombstone('K', '12:00'), key: '' }, ['empty_key']],
    ['key in no UTF-8', { ...tombstone('K', '12:00'), key: bytes(0x4b, 0xff) }, ['invalid_utf8']],
    ['value in no UTF-8', { ...event('u', 'K', '12:00'), value: bytes(0x7b, 0xc3, 0x28, 0x7d) }, ['invalid_utf8']],
    [
      'a surrogate in the bytes',
      { ...event('u', 'K', '12:00'), value: bytes(0x22, 0xed, 0xa0, 0x80, 0x22) },
      ['invalid_utf8'],
    ],
    ['an empty value', raw(''), ['broken_json']],
    ['a byte order mark', raw('\ufeff{"id":"K","updated_at":"2026-03-10T12:00:00Z"}'), ['broken_json']],
    ['the text null', raw('null'), ['wrong_type']],
    ['a list', raw('[]'), ['wrong_type']],
    ['two values', raw('{"id":"K","updated_at":"2026-03-10T12:00:00Z"} {}'), ['broken_json']],
    ['a comma too many', raw('{"id":"K",}'), ['broken_json']],
    ['NaN', raw('{"id":"K","updated_at":"2026-03-10T12:00:00Z","credit_limit":NaN}'), ['broken_json']],
    ['a bare line break in a string', raw('{"id":"K","city":"a\nb"}'), ['broken_json']],
    ['a leading zero', raw('{"credit_limit":01}'), ['broken_json']],
  ])('%s', (_name, record, wanted) => {
    expect(reasons(record)).toEqual(wanted);
  });

  it.each([
    ['"city":"\\ud800"', ['lone_surrogate']],
    ['"city":"\\udc00\\ud800"', ['lone_surrogate']],
    ['"unknown":{"deep":["\\ud83d"]}', ['lone_surrogate']],
    ['"\\udfff":1', ['lone_surrogate']],
    ['"city":"\\ud800","city":"fine"', ['lone_surrogate']],
    ['"city":"\\ud83d\\ude00"', []],
    ['"city":5', ['wrong_type']],
    ['"city":{}', ['wrong_type']],
    ['"newsletter":"true"', ['wrong_type']],
    ['"newsletter":1', ['wrong_type']],
    ['"credit_limit":"1"', ['wrong_type']],
    ['"credit_limit":1.234', ['too_many_decimals']],
    ['"credit_limit":1.230', []],
    ['"credit_limit":1e-3', ['too_many_decimals']],
    ['"credit_limit":9999999999999999.99', []],
    ['"credit_limit":10000000000000000', ['out_of_range']],
    ['"credit_limit":1e400', ['out_of_range']],
    ['"credit_limit":-12345678901234567.891', ['out_of_range', 'too_many_decimals']],
    ['"external_ref":9223372036854775807', []],
    ['"external_ref":9223372036854775808', ['out_of_range']],
    ['"external_ref":-9223372036854775808', []],
    ['"external_ref":-9223372036854775809', ['out_of_range']],
    ['"external_ref":1.5', ['wrong_type']],
    ['"external_ref":1.0', []],
    ['"external_ref":1e18', []],
    ['"external_ref":1e19', ['out_of_range']],
    ['"unknown":[1e400]', ['out_of_range']],
    ['"attributes":{"n":1e400,"n":1}', []],
    ['"attributes":[]', ['wrong_type']],
    [`"attributes":${'{"a":'.repeat(499)}1${'}'.repeat(499)}`, []],
    [`"attributes":${'{"a":'.repeat(500)}1${'}'.repeat(500)}`, ['too_deep']],
    [`"unknown":${'['.repeat(10_000)}${']'.repeat(10_000)}`, ['too_deep']],
    ['"birth_date":"1981-02-29"', ['impossible_date']],
    ['"birth_date":"1980-02-29"', []],
    ['"birth_date":"1980-2-9"', ['impossible_date']],
    ['"birth_date":""', ['impossible_date']],
    ['"birth_date":19800229', ['wrong_type']],
  ])('field %s', (text, wanted) => {
    expect(field(text)).toEqual(wanted);
  });

  it.each([
    ['2026-03-10T12:00:00Z', []],
    ['2026-03-10T12:00:00.123456789Z', []],
    ['2026-03-10T13:00:00+01:00', []],
    ['2026-03-10t12:00:00z', []],
    ['2026-03-10T12:00:00', ['unreadable_time']],
    ['2026-03-10 12:00:00Z', ['unreadable_time']],
    ['2026-03-10T12:00Z', ['unreadable_time']],
    ['2026-03-10T24:00:00Z', ['unreadable_time']],
    ['2026-02-29T12:00:00Z', ['unreadable_time']],
    ['2026-03-10T12:00:00.Z', ['unreadable_time']],
    ['2026-03-10T12:00:00+24:00', ['unreadable_time']],
    ['', ['unreadable_time']],
    ['yesterday', ['unreadable_time']],
    ['1999-12-31T23:59:59.999999Z', ['time_out_of_bounds']],
    ['2000-01-01T00:00:00Z', []],
    ['2026-03-10T13:00:00Z', []],
    ['2026-03-10T13:00:00.0000009Z', []],
    ['2026-03-10T13:00:00.000001Z', ['time_out_of_bounds']],
    ['2036-03-10T12:00:00Z', ['time_out_of_bounds']],
  ])('updated_at %s, the broker at 12:00', (text, wanted) => {
    expect(time(text)).toEqual(wanted);
  });

  it('bind a tombstone to the lower bound', () => {
    expect(reasons(tombstone('K', '1999-12-31T23:59:59Z'))).toEqual(['time_out_of_bounds']);
  });

  it('bind a REST row to the end of its snapshot', () => {
    const row = (updatedAt: string): string => `{"id":"K","updated_at":"${updatedAt}"}`;
    const given = snapshot('10:00', [row('2026-03-10T11:20:00Z'), row('2026-03-10T11:20:01Z')], {
      end: '10:20',
      total: 1,
    });
    const { deadLetters, counts } = expectedTables(truth([], [given]));
    expect(deadLetters).toEqual([{ at: 's00000001/1/2', reasons: ['time_out_of_bounds'] }]);
    expect(counts).toEqual({ stream: 0, snapshot: 1, loads: 1 });
  });

  it('let a REST row do without updated_at, but not with an unreadable one', () => {
    const given = snapshot('10:00', [{ id: 'A' }, { id: 'B', updated_at: null }, { id: 'C', updated_at: 'x' }]);
    expect(expectedTables(truth([], [given])).deadLetters).toEqual([
      { at: 's00000001/1/3', reasons: ['unreadable_time'] },
    ]);
  });

  it('take the op from the value where the topic says so', () => {
    const op = { field: 'op', values: { made: 'c', gone: 'd' } } as const;
    const job = { topics: [{ name: 'kundenservice-kunde-update', op }], deletedWhen: null };
    const found = expectedTables(
      truth(
        [
          event('u', 'A', '08:00', { op: 'made' }),
          event('u', 'B', '08:00', { op: 'gone' }),
          event('u', 'C', '08:00', { op: 'toString' }),
        ],
        [],
        { job },
      ),
    );
    expect(found.current.map(({ key, row }) => [key, row['_op']])).toEqual([
      ['A', 'c'],
      ['B', 'd'],
    ]);
    expect(found.deadLetters[0]?.reasons).toEqual(['unknown_op']);
  });

  it('carry everything that is wrong', () => {
    const record = { ...raw('{"id":"X","credit_limit":"1"}'), key: base64('K') };
    expect(reasons(record).toSorted()).toEqual(['key_mismatch', 'missing_field', 'wrong_type']);
  });
});

describe('cells', () => {
  it('keep numbers exact', () => {
    expect(cells('"credit_limit":1234567890123456.78,"external_ref":9007199254740993')).toMatchObject({
      credit_limit: '1234567890123456.78',
      external_ref: '9007199254740993',
    });
    expect(cells('"credit_limit":1e2,"external_ref":12.0e1')).toMatchObject({
      credit_limit: '100.00',
      external_ref: '120',
    });
    expect(cells('"credit_limit":-0,"external_ref":-0')).toMatchObject({ credit_limit: '0.00', external_ref: '0' });
    expect(cells('"credit_limit":-0.5')).toMatchObject({ credit_limit: '-0.50' });
  });

  it('take the last of duplicate names, spelling matters, __proto__ is a name like any other', () => {
    expect(cells('"city":"A","city":"B","CITY":"C","__proto__":{"city":"D"}')).toMatchObject({ city: 'B' });
  });

  it('are NULL when missing or null, and empty when empty', () => {
    expect(cells('"city":null,"street":""')).toMatchObject({ city: null, street: '', phone: null });
  });

  it('hold JSON in one canonical form', () => {
    expect(cells('"attributes":{ "b":[1.50,-0], "a":{"x":1e2,"x":9007199254740993} }')).toMatchObject({
      attributes: '{"a":{"x":9007199254740993e0},"b":[15e-1,0]}',
    });
    expect(cells('"attributes":null')).toMatchObject({ attributes: null });
  });

  it('cut times to microseconds and show them in UTC', () => {
    const record = raw('{"id":"K","updated_at":"2026-03-10T13:59:59.1234569+02:00"}');
    expect(expectedTables(truth([record])).current[0]?.row['updated_at']).toBe('2026-03-10T11:59:59.123456Z');
  });
});
