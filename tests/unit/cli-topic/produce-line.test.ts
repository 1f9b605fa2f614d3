import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineError, parseProduceLine } from '../../../src/cli/topic/produce-line.ts';

function value(line: string): string | Uint8Array | null {
  return parseProduceLine(line).value;
}

describe('the value of a line', () => {
  it.each([
    ['{"key":"k","value":{"b":1, "a" :[1,2] ,"c":"\\u00fc"}}', '{"b":1, "a" :[1,2] ,"c":"\\u00fc"}'],
    [
      '{"value":{"n":9007199254740993,"m":12.50,"e":1e400,"z":-0}}',
      '{"n":9007199254740993,"m":12.50,"e":1e400,"z":-0}',
    ],
    ['{"value":{"a":1,"a":2,"__proto__":{"x":1}}}', '{"a":1,"a":2,"__proto__":{"x":1}}'],
    ['{"value":{"s":"}\\"]{ \\\\"}}', '{"s":"}\\"]{ \\\\"}'],
    ['{"value":{"lone":"\\ud800"}}', '{"lone":"\\ud800"}'],
    ['  {  "value"  :  [ 1 , 2 ]  ,  "key" : "k" }  \r', '[ 1 , 2 ]'],
    ['{"value":12.50}', '12.50'],
    ['{"value":123456789012345678901234567890}', '123456789012345678901234567890'],
    ['{"value":true}', 'true'],
    ['{"val\\u0075e":{}}', '{}'],
  ])('that is no text is the exact text of the line: %s', (line, expected) => {
    expect(value(line)).toBe(expected);
  });

  it.each([
    ['{"value":"text"}', 'text'],
    ['{"value":""}', ''],
    ['{"value":"{broken json"}', '{broken json'],
    ['{"value":"a\\nb\\u00fc\\ud83d\\ude00\\/"}', 'a\nbü😀/'],
    ['{"value":null}', null],
  ])('in quotes is its characters, null a tombstone: %s', (line, expected) => {
    expect(value(line)).toBe(expected);
  });

  it('is bytes by value_base64', () => {
    expect(value('{"value_base64":"/wAB"}')).toEqual(Buffer.from([255, 0, 1]));
    expect(value('{"value_base64":""}')).toEqual(Buffer.alloc(0));
    expect(value('{"value_base64":"YQ"}')).toEqual(Buffer.from('a'));
    expect(parseProduceLine('{"key_base64":"YQ==","value":null}').key).toEqual(Buffer.from('a'));
  });

  it('comes out as it went in, whatever JSON it is', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.json(), (json, other) => {
        const parsed: unknown = JSON.parse(json);
        const expected = typeof parsed === 'string' ? parsed : parsed === null ? null : json;
        if (typeof expected === 'string' && !expected.isWellFormed()) return;
        expect(value(`{"key":"k", "headers":{"h":${other}}, "value": ${json} , "partition":0}`)).toBe(expected);
      }),
    );
  });

  it('may be nested ten thousand levels deep', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    expect(value(`{"value":${deep}}`)).toBe(deep);
  });
});

describe('the other members', () => {
  it('may all be left out', () => {
    expect(parseProduceLine('{"value":null}')).toEqual({ key: null, value: null });
    expect(parseProduceLine('{"value":null,"key":null,"timestamp":null,"partition":null,"headers":null}')).toEqual({
      key: null,
      value: null,
    });
  });

  it.each([
    ['1767225600123', 1_767_225_600_123],
    ['0', 0],
    ['"2026-03-01T10:15:30.1239Z"', Date.UTC(2026, 2, 1, 10, 15, 30, 123)],
    ['"2026-03-01T12:15:30+02:00"', Date.UTC(2026, 2, 1, 10, 15, 30)],
  ])('a timestamp %s is milliseconds or RFC 3339', (source, expected) => {
    expect(parseProduceLine(`{"value":null,"timestamp":${source}}`).timestampMs).toBe(expected);
  });

  it('a key that is no text is the exact text of the line', () => {
    expect(parseProduceLine('{"value":null,"key":12.0}').key).toBe('12.0');
    expect(parseProduceLine('{"value":null,"key":{"id":  1}}').key).toBe('{"id":  1}');
  });

  it('headers keep their order, duplicates and exact values', () => {
    expect(parseProduceLine('{"value":null,"headers":{"b":"x","a":1.50,"b":null,"c":{"d":1}}}').headers).toEqual([
      ['b', 'x'],
      ['a', '1.50'],
      ['b', null],
      ['c', '{"d":1}'],
    ]);
  });
});

describe('a line that is refused', () => {
  it.each([
    ['', /not JSON/],
    ['{"value":', /not JSON/],
    ['{"value":NaN}', /not JSON/],
    ['{"value":01}', /not JSON/],
    ["{'value':1}", /not JSON/],
    ['{"value":1} x', /not JSON/],
    ['[1]', /not an object/],
    ['"text"', /not an object/],
    ['{"key":"k"}', /"value" is missing/],
    ['{}', /"value" is missing/],
    ['{"Value":1}', /unknown member "Value"/],
    ['{"value":1,"ts":5}', /unknown member "ts"/],
    ['{"value":1,"__proto__":5}', /unknown member "__proto__"/],
    ['{"value":1,"value":2}', /twice/],
    ['{"value":1,"value_base64":"YQ=="}', /exclude each other/],
    ['{"value_base64":"a"}', /not base64/],
    ['{"value_base64":"****"}', /not base64/],
    ['{"value_base64":5}', /not base64/],
    ['{"value":"\\ud800"}', /surrogate/],
    ['{"value":1,"key":"\\udfff"}', /surrogate/],
    ['{"value":1,"timestamp":1.5}', /"timestamp"/],
    ['{"value":1,"timestamp":-1}', /"timestamp"/],
    ['{"value":1,"timestamp":1e3}', /"timestamp"/],
    ['{"value":1,"timestamp":"yesterday"}', /"timestamp"/],
    ['{"value":1,"timestamp":"2026-02-30T00:00:00Z"}', /"timestamp"/],
    ['{"value":1,"timestamp":"2026-02-03T00:00:00"}', /"timestamp"/],
    ['{"value":1,"partition":-1}', /"partition"/],
    ['{"value":1,"partition":1.0}', /"partition"/],
    ['{"value":1,"partition":"1"}', /"partition"/],
    ['{"value":1,"headers":[]}', /"headers"/],
    ['{"value":1,"headers":{"h":"\\ud800"}}', /surrogate/],
  ])('%s', (line, message) => {
    expect(() => parseProduceLine(line)).toThrow(LineError);
    expect(() => parseProduceLine(line)).toThrow(message);
  });
});
