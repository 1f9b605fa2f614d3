import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TopicLogStream } from '../../../src/adapters/topic-log/stream.ts';
import { TopicLog } from '../../../src/adapters/topic-log/topic-log.ts';
import { Output } from '../../../src/cli/output.ts';
import { listTopics } from '../../../src/cli/topic/list-topics.ts';
import { alterTopic, createTopic, deleteTopic, trimTopic } from '../../../src/cli/topic/manage-topic.ts';
import { produceTopic } from '../../../src/cli/topic/produce-topic.ts';
import { openTopicAdmin, type TopicAdmin } from '../../../src/cli/topic/topic-admin.ts';
import { Redactor } from '../../../src/config/secret.ts';
import type { SourceRecord } from '../../../src/core/record.ts';

let folder: string;
let admin: TopicAdmin;
let printed: string[];
let output: Output;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-topic-cli-'));
  admin = await openTopicAdmin({ type: 'topic_log', path: join(folder, 'topics') }, () => 1_750_000_000_000);
  printed = [];
  const stdout = { write: (line: string) => printed.push(line.trimEnd()) };
  output = new Output({ stdout, stderr: stdout, json: false, redactor: new Redactor(), env: {} });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await admin.close();
  await rm(folder, { recursive: true });
});

async function records(topic: string): Promise<SourceRecord[]> {
  const stream = new TopicLogStream(new TopicLog(join(folder, 'topics')));
  const found: SourceRecord[] = [];
  for (const { partition, start, end } of await stream.partitions([topic])) {
    for await (const chunk of stream.read({ topic, partition, from: start, to: end })) found.push(...chunk.records);
  }
  return found;
}

async function produce(content: string | Buffer, topic = 't'): Promise<unknown> {
  const file = join(folder, 'f.ndjson');
  await writeFile(file, content);
  return produceTopic(admin, { topic, file, stdin: Readable.from([]) }, output);
}

describe('topic create, alter, ls, trim, delete', () => {
  it('tell what they did', async () => {
    await createTopic(admin, { topic: 't', partitions: 1 }, output);
    await alterTopic(admin, { topic: 't', partitions: 2 }, output);
    await produce('{"value":"a","partition":0}\n{"value":"b","partition":0}\n');
    await trimTopic(admin, { topic: 't', partition: 0, beforeOffset: 1n }, output);
    await listTopics(admin, {}, output);
    await deleteTopic(admin, { topic: 't' }, output);
    await listTopics(admin, { topics: [] }, output);
    expect(printed).toEqual([
      'created t with 1 partition',
      't has 2 partitions now',
      't: appended 2 records',
      '  partition 0: 2 (offsets 0 to 1)',
      't partition 0 starts at offset 1 now',
      'topic  partition  start  end  records  bytes',
      expect.stringMatching(/^t {14}0 {6}1 {4}2 {8}1 +\d+$/),
      't              1      0    0        0      0',
      'deleted t',
      'no topics; make one with: sluice topic create <topic> --partitions <n>',
    ]);
  });

  it('give their facts for --json', async () => {
    const created = await createTopic(admin, { topic: 't', partitions: 1 }, output);
    expect(created).toEqual({ exitCode: 0, json: { topic: 't', partitions: 1 } });
    const listed = await listTopics(admin, { topics: ['t'] }, output);
    expect(listed.json).toEqual({
      topics: [{ topic: 't', partitions: [{ partition: 0, start: 0n, end: 0n, records: 0n, bytes: 0 }] }],
    });
    await expect(createTopic(admin, { topic: 't', partitions: 1 }, output)).rejects.toMatchObject({
      code: 'topic_exists',
    });
    await expect(listTopics(admin, { topics: ['nope', 't'] }, output)).rejects.toMatchObject({ code: 'topic_missing' });
  });
});

describe('topic produce', () => {
  beforeEach(async () => {
    await admin.create('t', 2);
  });

  it('appends the lines of a file in their order, with blank lines, a byte order mark and carriage returns around them', async () => {
    const value = '{"n":9007199254740993,"m":12.50, "n":1}';
    await produce(
      `\uFEFF{"key":"k","value":${value},"partition":1}\r\n\n  \n{"value":"last","partition":1,"timestamp":7}`,
    );
    const found = await records('t');
    expect(found.map((record) => Buffer.from(record.value ?? []).toString())).toEqual([value, 'last']);
    expect(found.map(({ timestampMs }) => timestampMs)).toEqual([1_750_000_000_000, 7]);
  });

  it('takes a file larger than what it reads at once', async () => {
    const lines = Array.from(
      { length: 4000 },
      (_, i) => `{"key":"K-${i}","value":{"i":${i},"ü":"${'ö'.repeat(i % 400)}"}}`,
    );
    const result = await produce(lines.join('\n'));
    const found = await records('t');
    expect(found).toHaveLength(4000);
    expect(result).toMatchObject({ exitCode: 0 });
    const indexes = found.map(({ value }) => (JSON.parse(Buffer.from(value ?? []).toString()) as { i: number }).i);
    expect(indexes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 4000 }, (_, i) => i));
  });

  it('reads standard input for -, and leaves no copy of it behind', async () => {
    vi.stubEnv('TMPDIR', folder);
    const stdin = Readable.from([Buffer.from('{"value":"a'), Buffer.from('b"}\n{"value":null}')]);
    await produceTopic(admin, { topic: 't', file: '-', stdin }, output);
    expect((await records('t')).map(({ value }) => (value === null ? null : Buffer.from(value).toString()))).toEqual(
      expect.arrayContaining(['ab', null]),
    );
    const wrong = Readable.from([Buffer.from('{"value":')]);
    await expect(produceTopic(admin, { topic: 't', file: '-', stdin: wrong }, output)).rejects.toThrow(
      /standard input line 1: it is not JSON/,
    );
    expect(await readdir(folder)).toEqual(['topics']);
  });

  it('names every bad line and appends nothing of the file', async () => {
    const failure = await produce(
      Buffer.concat([
        Buffer.from('{"value":"good"}\n{"value":\n{"key":"no value"}\n\n{"value":"x","partition":2}\n{"value":"'),
        Buffer.from([0xff]),
        Buffer.from('"}\n{"value":"good"}\n'),
      ]),
    ).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'topic_record_invalid', exitCode: 1, details: { wrong: 4, records: 2 } });
    const lines = (failure as Error).message.split('\n');
    expect(lines.map((line) => /line (\d+): (.{10})/.exec(line)?.slice(1))).toEqual([
      ['2', 'it is not '],
      ['3', '"value" is'],
      ['5', 'partition '],
      ['6', 'it is not '],
    ]);
    expect(await records('t')).toEqual([]);
  });

  it('shows ten of many mistakes and counts the rest', async () => {
    const failure = await produce('x\n'.repeat(25)).catch((error: unknown) => error);
    const lines = (failure as Error).message.split('\n');
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('… and 15 more');
  });

  it('appends nothing, and says so, for a file without records', async () => {
    expect(await produce('\n \n')).toEqual({ exitCode: 0, json: { topic: 't', appended: [] } });
    expect(printed).toEqual(['t: appended 0 records']);
  });

  it('refuses a topic, a file or a folder that cannot be meant', async () => {
    await expect(produce('{"value":1}', 'nope')).rejects.toMatchObject({ code: 'topic_missing' });
    for (const file of [join(folder, 'nope'), folder]) {
      await expect(produceTopic(admin, { topic: 't', file, stdin: Readable.from([]) }, output)).rejects.toMatchObject({
        code: 'usage',
      });
    }
  });
});
