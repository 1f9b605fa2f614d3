/** What `_json` says where one of the warehouses would read the text as it came in another way than the other. */
import { describe, expect, it } from 'vitest';
import { createValueChecker } from '../../../src/ingest/check-value.ts';
import { defineJob } from '../../../src/index.ts';

const job = defineJob({
  name: 'thing',
  topics: [{ name: 'things', op: 'update' }],
  schema: {
    type: 'object',
    required: ['id', 'at'],
    properties: {
      id: { type: 'string' },
      at: { type: 'string', format: 'date-time' },
      seen_at: { type: ['string', 'null'], format: 'date-time' },
      count: { type: ['integer', 'null'] },
      free: {},
    },
  },
  key: 'id',
  eventTime: 'at',
  deletes: 'hard',
  historyStart: 'first_event',
  models: ['current_thing'],
});

async function rewritten(members: string): Promise<unknown> {
  const check = await createValueChecker(job, () => undefined);
  const { json } = check(`{"id":"a","at":"2026-03-01T00:00:00.123456789+23:59",${members}}`);
  return json === null ? null : (JSON.parse(json) as Record<string, unknown>);
}

describe('a value that both warehouses read alike', () => {
  it.each([
    ['"seen_at":"2026-03-01T10:00:00.123Z"'],
    ['"seen_at":null'],
    ['"count":12.0'],
    ['"free":{"b":[1,{"a":"x"}],"a":1.5}'],
  ])('is not rewritten: %s', async (members) => {
    expect(await rewritten(members)).toBeNull();
  });
});

describe('a time that one of them refuses or shifts', () => {
  it.each([
    ['2026-03-01T10:00:00.1234567Z', '2026-03-01T10:00:00.123456Z'],
    ['2026-03-01T10:00:00+18:30', '2026-02-28T15:30:00.000000Z'],
    ['2026-03-01t10:00:00z', '2026-03-01T10:00:00.000000Z'],
    ['9999-12-31T23:59:59.9999999Z', '9999-12-31T23:59:59.999999Z'],
  ])('stands in UTC with microseconds: %s', async (came, expected) => {
    expect(await rewritten(`"seen_at":"${came}"`)).toMatchObject({ seen_at: expected });
  });
});

describe('nesting', () => {
  const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

  it('may have 500 levels, the value itself among them', async () => {
    await expect(rewritten(`"free":${nested(499)}`)).resolves.toBeNull();
    await expect(rewritten(`"free":${nested(500)}`)).rejects.toMatchObject({ code: 'json_too_deep' });
  });

  it('counts in a member that a later one of its name replaces, and not in a string', async () => {
    await expect(rewritten(`"free":${nested(600)},"free":1`)).rejects.toMatchObject({ code: 'json_too_deep' });
    await expect(rewritten(`"free":${nested(499)},"free":1`)).resolves.toMatchObject({ free: '1' });
    await expect(rewritten(`"free":"${'[{'.repeat(600)}"`)).resolves.toBeNull();
  });
});

describe('a JSON column', () => {
  it('has the last of repeated members at any depth, and numbers as they were written', async () => {
    const free = String.raw`{"a":{"x":1,"y":2.50,"x":9007199254740993},"b":[{"c":1,"\u0063":2}],"a ":0}`;
    const expected = '{"a":{"x":9007199254740993,"y":2.50},"b":[{"c":2}],"a ":0}';
    expect(await rewritten(`"free":${free}`)).toMatchObject({ free: expected });
  });

  it('keeps its text where a colon stands in a string and nothing is repeated', async () => {
    expect(await rewritten(String.raw`"free":{"a":"\":"}`)).toBeNull();
  });
});
