/** What a Kafka log may hold, on a real broker: every offset range has to end at its last position with just the right records. */
import type { Admin, ITopicConfig, Kafka, Message, Producer } from 'kafkajs';
import kafkajs from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKafka } from '../../src/adapters/kafka/kafkajs-internals.ts';
import { KafkaStream } from '../../src/adapters/kafka/stream.ts';
import { KafkaTopics } from '../../src/adapters/kafka/topics.ts';
import { partitionOfKey } from '../../src/core/partitioner.ts';
import type { SourceRecord } from '../../src/core/record.ts';
import { chunksOf, recordsOf, text } from '../contract/stream-source.ts';
import { KAFKA_START_MS, type KafkaBroker, startKafka } from '../services/kafka/broker.ts';

let broker: KafkaBroker;
let kafka: Kafka;
let admin: Admin;
let producer: Producer;
let source: KafkaStream;
const warnings: string[] = [];

beforeAll(async () => {
  broker = await startKafka();
  kafka = createKafka({ brokers: [broker.brokers], retry: { retries: 20 } });
  admin = kafka.admin();
  producer = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await Promise.all([admin.connect(), producer.connect()]);
  source = new KafkaStream(
    { brokers: [broker.brokers] },
    { fetchBytes: 10_000, endWaitMs: 200, onWarning: (line) => warnings.push(line) },
  );
}, KAFKA_START_MS);

afterAll(async () => {
  await Promise.all([source?.close(), producer?.disconnect(), admin?.disconnect()]);
  await broker?.stop();
});

async function create(topic: string, configs: Readonly<Record<string, string>> = {}, partitions = 1): Promise<void> {
  const settings: ITopicConfig = {
    topic,
    numPartitions: partitions,
    replicationFactor: 1,
    configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
  };
  await admin.createTopics({ topics: [settings], waitForLeaders: false });
  await waitFor(async () => (await source.partitions([topic]).catch(() => [])).length === partitions);
}

async function end(topic: string, partition = 0): Promise<bigint> {
  const bounds = (await source.partitions([topic])).find((found) => found.partition === partition);
  return bounds?.end ?? -1n;
}

async function readTo(topic: string, to: bigint, from = 0n): Promise<SourceRecord[]> {
  const chunks = await chunksOf(source, { topic, partition: 0, from, to });
  expect(chunks.at(-1)?.nextOffset).toBe(to);
  return chunks.flatMap(({ records }) => [...records]);
}

const values = (records: readonly SourceRecord[]): (string | null)[] => records.map(({ value }) => text(value));
const numbered = (name: string, count: number): Message[] =>
  Array.from({ length: count }, (_, i) => ({ value: `${name}${i}` }));

describe('transactions (F20)', () => {
  it('show committed records only, up to the first open transaction, and every range ends where it should', async () => {
    const topic = 'transactions';
    await create(topic);
    const transactional = kafka.producer({
      transactionalId: 'tx-a',
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    const second = kafka.producer({
      transactionalId: 'tx-b',
      maxInFlightRequests: 1,
      idempotent: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await Promise.all([transactional.connect(), second.connect()]);
    try {
      const committed = await transactional.transaction();
      await committed.send({ topic, messages: numbered('a', 3) }); // 0 1 2
      await committed.commit(); // 3
      const aborted = await transactional.transaction();
      await aborted.send({ topic, messages: numbered('lost', 3) }); // 4 5 6
      await producer.send({ topic, messages: numbered('b', 2) }); // 7 8
      await aborted.abort(); // 9
      const interleaved = await second.transaction();
      await interleaved.send({ topic, messages: numbered('c', 1) }); // 10
      const again = await transactional.transaction();
      await again.send({ topic, messages: numbered('gone', 1) }); // 11
      await interleaved.send({ topic, messages: numbered('d', 1) }); // 12
      await again.abort(); // 13
      await interleaved.commit(); // 14
      expect(await end(topic)).toBe(15n);

      const open = await transactional.transaction();
      await open.send({ topic, messages: numbered('open', 2) }); // 15 16
      await producer.send({ topic, messages: numbered('behind', 1) }); // 17
      expect(await end(topic)).toBe(15n);
      expect(values(await readTo(topic, 15n))).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'c0', 'd0']);
      await expect(readTo(topic, 16n)).rejects.toMatchObject({ code: 'offset_out_of_range' });
      expect(await source.recordAt(topic, 0, 15n)).toBeUndefined();

      await open.commit(); // 18
      await waitFor(async () => (await end(topic)) === 19n);
      const all = await readTo(topic, 19n);
      expect(all.map(({ offset }) => Number(offset))).toEqual([0, 1, 2, 7, 8, 10, 12, 15, 16, 17]);
      // Every single range, however it is cut, also where it begins or ends inside a transaction or on a marker.
      const visible = new Map(all.map((record) => [record.offset, text(record.value)]));
      for (let from = 0n; from < 19n; from += 1n) {
        for (let to = from + 1n; to <= 19n; to += 3n) {
          const expected = [...visible].filter(([offset]) => offset >= from && offset < to).map(([, value]) => value);
          expect(values(await readTo(topic, to, from)), `${from} to ${to}`).toEqual(expected);
        }
        expect(text((await source.recordAt(topic, 0, from))?.value ?? null)).toBe(visible.get(from) ?? null);
      }
    } finally {
      await Promise.all([transactional.disconnect(), second.disconnect()]);
    }
  });
});

describe('compaction (F19)', () => {
  it('leaves holes, up to the end of the range too, and nothing is read twice or missed', async () => {
    const topic = 'compacted';
    await create(topic, {
      'cleanup.policy': 'compact',
      'segment.ms': '50',
      'min.cleanable.dirty.ratio': '0.001',
      'delete.retention.ms': '0',
      'min.compaction.lag.ms': '0',
    });
    for (let round = 0; round < 6; round += 1) {
      const messages = Array.from({ length: 5 }, (_, i) => ({ key: `k${i}`, value: `round ${round}` }));
      await producer.send({ topic, messages });
      await sleep(60);
    }
    const stop = await end(topic);
    expect(stop).toBe(30n);
    let rolls = 0;
    let records: SourceRecord[] = [];
    await waitFor(async () => {
      // Only segments that are closed are cleaned, and one is closed by the next record.
      await producer.send({ topic, messages: [{ key: 'roll', value: String(rolls) }] });
      rolls += 1;
      records = await readTo(topic, stop);
      return records.length <= 5;
    });
    for (const record of records) expect(text(record.value)).toBe('round 5');
    expect(records.map(({ offset }) => Number(offset))).toEqual([25, 26, 27, 28, 29]);
    expect((await source.partitions([topic]))[0]?.start).toBe(0n);
    for (const [from, to] of [
      [0n, 10n],
      [3n, 26n],
      [26n, 28n],
    ] as const) {
      expect((await readTo(topic, to, from)).map(({ offset }) => offset)).toEqual(
        [25n, 26n, 27n, 28n, 29n].filter((offset) => offset >= from && offset < to),
      );
    }
    expect(await source.recordAt(topic, 0, 3n)).toBeUndefined();
    expect((await source.recordAt(topic, 0, 27n))?.offset).toBe(27n);
  });
});

describe('sizes and codecs', () => {
  it('reads a message of 5 MB among small ones, with small fetches (F22)', async () => {
    const topic = 'large';
    await create(topic, { 'max.message.bytes': '12000000' });
    const big = Buffer.alloc(5_000_000, 'x');
    big.writeUInt32BE(0xdeadbeef, 4_999_996);
    await producer.send({ topic, messages: numbered('before', 3) });
    await producer.send({ topic, messages: [{ key: 'big', value: big }] });
    await producer.send({ topic, messages: numbered('after', 3) });
    const records = await readTo(topic, 7n);
    expect(records).toHaveLength(7);
    expect(Buffer.compare(Buffer.from(records[3]?.value ?? []), big)).toBe(0);
    expect((await source.recordAt(topic, 0, 3n))?.value?.length).toBe(5_000_000);
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed'])(
    'reads batches that the broker compressed with %s',
    async (codec) => {
      const topic = `codec-${codec}`;
      await create(topic, { 'compression.type': codec });
      // Texts that compress well, bytes that do not, and everything in between, over several blocks of every codec.
      let seed = 42;
      const random = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) >>> 16;
      const bodies = Array.from({ length: 60 }, (_, i) => {
        if (i % 3 === 0) return Buffer.from(`${'abc'.repeat(random() % 3000)}${i}`);
        if (i % 3 === 1) return Buffer.from(Array.from({ length: random() % 9000 }, () => random() & 255));
        return Buffer.from(
          JSON.stringify({ id: i, list: Array.from({ length: random() % 400 }, (_unused, n) => `item ${n % 7}`) }),
        );
      });
      const messages = bodies.map((value, i) => ({ key: `k${i}`, value, headers: { h: String(i) } }));
      await producer.send({ topic, messages });
      await producer.send({ topic, messages: messages.slice(0, 2) });
      const records = await readTo(topic, 62n);
      expect(records).toHaveLength(62);
      for (const [i, record] of records.entries()) {
        expect(text(record.key)).toBe(`k${i % 60}`);
        expect(Buffer.compare(Buffer.from(record.value ?? []), bodies[i % 60] ?? Buffer.alloc(1))).toBe(0);
        expect(record.headers?.map(([name, value]) => [name, text(value)])).toEqual([['h', String(i % 60)]]);
      }
      expect((await readTo(topic, 40n, 37n)).map(({ offset }) => offset)).toEqual([37n, 38n, 39n]);
    },
  );

  it("gives the broker's time where the topic says LogAppendTime", async () => {
    await create('append-time', { 'message.timestamp.type': 'LogAppendTime' });
    await producer.send({
      topic: 'append-time',
      messages: [
        { value: 'x', timestamp: '1000' },
        { value: 'y', timestamp: '2000' },
      ],
    });
    const records = await readTo('append-time', 2n);
    for (const { timestampMs } of records) expect(Math.abs(timestampMs - Date.now())).toBeLessThan(60_000);
  });
});

describe('groups and topics', () => {
  it('commits offsets that lag monitors see, again and again, and only warns when it cannot', async () => {
    await create('committed', {}, 2);
    await source.commitOffsets('sluice-shop-customer', [
      { topic: 'committed', partition: 0, offset: 3n },
      { topic: 'committed', partition: 1, offset: 12_345_678_901n },
    ]);
    await source.commitOffsets('sluice-shop-customer', [{ topic: 'committed', partition: 0, offset: 4n }]);
    const [seen] = await admin.fetchOffsets({ groupId: 'sluice-shop-customer', topics: ['committed'] });
    expect(seen?.partitions.toSorted((a, b) => a.partition - b.partition).map(({ offset }) => offset)).toEqual([
      '4',
      '12345678901',
    ]);
    expect(warnings).toEqual([]);
    await source.commitOffsets('sluice-shop-customer', [{ topic: 'no-such', partition: 0, offset: 4n }]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('sluice-shop-customer');
  });

  it('produces a key to the partition where kafkajs and the Java client do', async () => {
    await create('keys', {}, 5);
    const keys = Array.from({ length: 50 }, (_, i) => `K-${i}-ü`);
    await producer.send({ topic: 'keys', messages: keys.map((key) => ({ key, value: key })) });
    for (const { partition, start, end: stop } of await source.partitions(['keys'])) {
      const there = await recordsOf(source, { topic: 'keys', partition, from: start, to: stop });
      expect(there.map(({ key }) => text(key))).toEqual(
        keys.filter((key) => partitionOfKey(Buffer.from(key), 5) === partition),
      );
    }
  });

  it("are administered as the topic log's are", async () => {
    const topics = new KafkaTopics({ brokers: [broker.brokers] }, { now: () => 1_234 });
    try {
      await topics.create('managed', 3);
      await expect(topics.create('managed', 3)).rejects.toMatchObject({ code: 'topic_exists' });
      const ranges = await topics.append('managed', [
        { key: 'a', value: '1', partition: 1 },
        {
          key: 'b',
          value: null,
          partition: 1,
          headers: [
            ['h', '1'],
            ['h', '2'],
          ],
        },
        { key: null, value: '3', partition: 2, timestampMs: 99 },
      ]);
      expect(ranges).toEqual([
        { partition: 1, from: 0n, to: 2n },
        { partition: 2, from: 0n, to: 1n },
      ]);
      expect(
        (await recordsOf(source, { topic: 'managed', partition: 1, from: 0n, to: 2n })).map(
          ({ timestampMs }) => timestampMs,
        ),
      ).toEqual([1234, 1234]);
      expect(await topics.trim('managed', 1, 1n)).toBe(1n);
      await topics.addPartitions('managed', 4);
      const [described] = await topics.describe(['managed']);
      expect(described?.partitions).toEqual([
        { partition: 0, start: 0n, end: 0n, records: 0n, bytes: null },
        { partition: 1, start: 1n, end: 2n, records: 1n, bytes: null },
        { partition: 2, start: 0n, end: 1n, records: 1n, bytes: null },
        { partition: 3, start: 0n, end: 0n, records: 0n, bytes: null },
      ]);
      expect((await topics.describe()).map(({ topic }) => topic)).not.toContain('__consumer_offsets');
      await expect(topics.trim('managed', 1, 99n)).rejects.toMatchObject({ code: 'offset_out_of_range' });
      await expect(topics.trim('managed', 7, 0n)).rejects.toMatchObject({ code: 'topic_missing' });
      await expect(topics.addPartitions('managed', 2)).rejects.toMatchObject({ code: 'usage' });
      await topics.delete('managed');
      await expect(topics.describe(['managed'])).rejects.toMatchObject({ code: 'topic_missing' });
      await expect(topics.delete('managed')).rejects.toMatchObject({ code: 'topic_missing' });
      await expect(topics.append('managed', [{ key: 'a', value: '1' }])).rejects.toMatchObject({
        code: 'topic_missing',
      });
    } finally {
      await topics.close();
    }
  });
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 40_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited for 40 s');
    await sleep(100);
  }
}
