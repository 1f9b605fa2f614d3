import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NewRecord } from '../../../src/core/record.ts';
import { murmur2, partitionOfKey } from '../../../src/core/partitioner.ts';
import { readAll, temporaryLog, text } from './temporary-log.ts';

describe('topics', () => {
  it('refuses a topic that exists, and one that does not for everything else', async () => {
    const { log } = await temporaryLog();
    await log.create('t', 2);
    await expect(log.create('t', 2)).rejects.toMatchObject({ code: 'topic_exists' });
    await expect(log.append('u', [{ key: 'a', value: 'b' }])).rejects.toMatchObject({ code: 'topic_missing' });
    await expect(log.trim('u', 0, 0n)).rejects.toMatchObject({ code: 'topic_missing' });
    await expect(log.delete('u')).rejects.toMatchObject({ code: 'topic_missing' });
    await expect(log.addPartitions('u', 3)).rejects.toMatchObject({ code: 'topic_missing' });
  });

  it.each(['', '.', '..', '../up', 'a/b', 'a\\b', 'ü', 'a b', 'x'.repeat(250), 'a\0', '+locks', '%2e%2e'])(
    'refuses the name %j, which Kafka would refuse (S06)',
    async (name) => {
      const { log, stream, root } = await temporaryLog();
      for (const attempt of [
        log.create(name, 1),
        log.append(name, []),
        log.trim(name, 0, 0n),
        log.delete(name),
        log.addPartitions(name, 2),
      ]) {
        await expect(attempt).rejects.toMatchObject({ code: 'usage' });
      }
      await expect(stream.partitions([name])).rejects.toMatchObject({ code: 'topic_missing' });
      await expect(stream.recordAt(name, 0, 0n)).rejects.toMatchObject({ code: 'topic_missing' });
      expect(await readdir(root)).toEqual([]);
    },
  );

  it('takes every name that Kafka takes, up to 249 characters', async () => {
    const { log } = await temporaryLog();
    const names = ['x'.repeat(249), '...', '.hidden', '-', '_', 'topic.json', 'CON', 'a.B-c_9'];
    for (const name of names) {
      await log.create(name, 1);
      await log.append(name, [{ key: name, value: name }]);
    }
    expect((await log.describe()).map(({ topic }) => topic)).toEqual(names.toSorted());
    for (const name of names) await log.delete(name);
    expect(await log.describe()).toEqual([]);
  });

  it.each([0, -1, 1.5, Number.NaN, 1025])('refuses %d partitions', async (partitions) => {
    const { log } = await temporaryLog();
    await expect(log.create('t', partitions)).rejects.toMatchObject({ code: 'usage' });
  });

  it('never shrinks a topic', async () => {
    const { log } = await temporaryLog();
    await log.create('t', 3);
    await log.addPartitions('t', 3);
    await expect(log.addPartitions('t', 2)).rejects.toMatchObject({ code: 'usage' });
  });

  it('is empty, and no error, while its folder does not exist', async () => {
    const { log, stream } = await temporaryLog();
    expect(await log.describe()).toEqual([]);
    await expect(stream.partitions(['t'])).rejects.toMatchObject({ code: 'topic_missing' });
  });

  it('describes start, end, records and bytes', async () => {
    const { log } = await temporaryLog();
    await log.create('t', 2);
    await log.append('t', [{ key: 'a', value: 'x'.repeat(100), partition: 1 }]);
    const [topic] = await log.describe(['t']);
    expect(topic?.partitions[0]).toEqual({ partition: 0, start: 0n, end: 0n, records: 0n, bytes: 0 });
    expect(topic?.partitions[1]).toMatchObject({ partition: 1, start: 0n, end: 1n, records: 1n });
    expect(topic?.partitions[1]?.bytes).toBeGreaterThan(100);
  });
});

describe('partitions of records', () => {
  // Kafka's own test vectors (UtilsTest.testMurmur2).
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %j as the Java client does', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  it('puts records of a key where its hash says', async () => {
    const { log, stream } = await temporaryLog();
    await log.create('t', 7);
    const keys = Array.from({ length: 100 }, (_, i) => `K-${i}`);
    await log.append(
      't',
      keys.map((key) => ({ key, value: key })),
    );
    for (let partition = 0; partition < 7; partition += 1) {
      const there = (await readAll(stream, 't', partition)).map(({ key }) => text(key));
      expect(there).toEqual(keys.filter((key) => partitionOfKey(Buffer.from(key), 7) === partition));
    }
  });

  it('sends records without a key round, going on where the last append stopped', async () => {
    const { log } = await temporaryLog();
    await log.create('t', 3);
    const record: NewRecord = { key: null, value: 'v' };
    for (let i = 0; i < 5; i += 1) await log.append('t', [record]);
    await log.append('t', [record, record, record, record]);
    const [topic] = await log.describe(['t']);
    expect(topic?.partitions.map(({ records }) => records)).toEqual([3n, 3n, 3n]);
  });

  it('says what was appended where', async () => {
    const { log } = await temporaryLog();
    await log.create('t', 3);
    await log.append('t', [{ key: null, value: 'v', partition: 2 }]);
    const ranges = await log.append('t', [
      { key: null, value: 'v', partition: 2 },
      { key: null, value: 'v', partition: 0 },
      { key: null, value: 'v', partition: 2 },
    ]);
    expect(ranges).toEqual([
      { partition: 0, from: 0n, to: 1n },
      { partition: 2, from: 1n, to: 3n },
    ]);
    expect(await log.append('t', [])).toEqual([]);
  });
});

describe('appending', () => {
  it('takes the time from the clock where a record has none', async () => {
    const { log, stream } = await temporaryLog({ now: () => 1_234_567 });
    await log.create('t', 1);
    await log.append('t', [
      { key: 'a', value: null },
      { key: 'b', value: null, timestampMs: -1 },
    ]);
    expect((await readAll(stream, 't')).map(({ timestampMs }) => timestampMs)).toEqual([1_234_567, -1]);
  });

  it('appends nothing at all when the records end in an error', async () => {
    const { log, stream } = await temporaryLog();
    await log.create('t', 4);
    await log.append('t', [{ key: 'before', value: 'v', partition: 1 }]);
    const boom = new Error('boom');
    function* failing(): Generator<NewRecord> {
      for (let i = 0; i < 5000; i += 1) yield { key: `k${i}`, value: 'x'.repeat(200) };
      throw boom;
    }
    await expect(log.append('t', failing())).rejects.toBe(boom);
    await expect(
      log.append('t', [
        { key: 'a', value: 'b' },
        { key: 'a', value: 'b', partition: 4 },
      ]),
    ).rejects.toMatchObject({
      code: 'topic_record_invalid',
    });
    await expect(log.append('t', [{ key: 'a', value: 'b', timestampMs: 1.5 }])).rejects.toMatchObject({
      code: 'topic_record_invalid',
    });
    const ends = (await stream.partitions(['t'])).map(({ end }) => end);
    expect(ends).toEqual([0n, 1n, 0n, 0n]);
    await log.append('t', [{ key: 'after', value: 'v', partition: 1 }]);
    expect((await readAll(stream, 't', 1)).map(({ key }) => text(key))).toEqual(['before', 'after']);
  });

  it('takes records from an asynchronous source, larger than any batch or chunk', async () => {
    const { log, stream } = await temporaryLog();
    await log.create('t', 1);
    const big = 'ü'.repeat(2_500_000);
    async function* slow(): AsyncGenerator<NewRecord> {
      yield { key: 'small', value: '1' };
      await Promise.resolve();
      yield { key: 'big', value: big };
      yield { key: 'last', value: null };
    }
    await log.append('t', slow());
    const records = await readAll(stream, 't');
    expect(records.map(({ key }) => text(key))).toEqual(['small', 'big', 'last']);
    expect(text(records[1]?.value ?? null)).toBe(big);
    expect((await stream.recordAt('t', 0, 2n))?.value).toBeNull();
  });

  it('waits for another writer, and gives up naming the topic when that takes too long', async () => {
    const { log, root } = await temporaryLog();
    const { TopicLog } = await import('../../../src/adapters/topic-log/topic-log.ts');
    const impatient = new TopicLog(root, { lockWaitMs: 50 });
    await log.create('t', 1);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    async function* holding(): AsyncGenerator<NewRecord> {
      begin();
      yield { key: 'first', value: '1' };
      await held;
    }
    const writing = log.append('t', holding());
    await begun;
    const waiting = log.append('t', [{ key: 'second', value: '2' }]);
    await expect(impatient.append('t', [{ key: 'x', value: 'y' }])).rejects.toMatchObject({ code: 'topic_busy' });
    await impatient.create('other', 1);
    release();
    expect(await writing).toEqual([{ partition: 0, from: 0n, to: 1n }]);
    expect(await waiting).toEqual([{ partition: 0, from: 1n, to: 2n }]);
  });
});

describe('trimming', () => {
  it('moves the log start, frees whole segments, and never moves back', async () => {
    const { log, stream, root } = await temporaryLog({ segmentBytes: 1000 });
    await log.create('t', 1);
    for (let i = 0; i < 20; i += 1) await log.append('t', [{ key: `k${i}`, value: 'x'.repeat(400) }]);
    const files = async (): Promise<number> =>
      (await readdir(join(root, 't', '0'))).filter((name) => name.endsWith('.log')).length;
    const before = await files();
    expect(await log.trim('t', 0, 10n)).toBe(10n);
    expect(await files()).toBeLessThan(before);
    expect((await readAll(stream, 't')).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 10 }, (_, i) => BigInt(i + 10)),
    );
    expect(await log.trim('t', 0, 3n)).toBe(10n);
    await expect(log.trim('t', 0, 21n)).rejects.toMatchObject({ code: 'offset_out_of_range' });
    await expect(log.trim('t', 1, 0n)).rejects.toMatchObject({ code: 'topic_missing' });
    expect(await log.trim('t', 0, 20n)).toBe(20n);
    expect(await readAll(stream, 't')).toEqual([]);
    await log.append('t', [{ key: 'next', value: 'v' }]);
    expect((await readAll(stream, 't')).map(({ offset }) => offset)).toEqual([20n]);
  });
});

describe('reading beside changes', () => {
  it('says so when the topic is deleted, or deleted and made again, in the middle of a read', async () => {
    for (const again of [false, true]) {
      const { log, stream } = await temporaryLog({ segmentBytes: 500, chunkBytes: 300 });
      await log.create('t', 1);
      const records = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: 'x'.repeat(200) }));
      for (const record of records) await log.append('t', [record]);
      const reading = (async () => {
        let first = true;
        for await (const chunk of stream.read({ topic: 't', partition: 0, from: 0n, to: 50n })) {
          if (first) await log.delete('t');
          if (first && again) {
            await log.create('t', 1);
            for (const record of records) await log.append('t', [{ ...record, value: 'other'.repeat(60) }]);
          }
          first = false;
          for (const { value } of chunk.records) expect(text(value)).toMatch(/^x/);
        }
      })();
      await expect(reading).rejects.toMatchObject({
        code: again ? expect.stringMatching(/topic_missing|topic_log_corrupt/) : 'topic_missing',
      });
    }
  });

  it('finishes a range whose beginning is trimmed away while it is read, or says which offsets are gone', async () => {
    const { log, stream } = await temporaryLog({ segmentBytes: 500, chunkBytes: 300 });
    await log.create('t', 1);
    for (let i = 0; i < 30; i += 1) await log.append('t', [{ key: `k${i}`, value: 'x'.repeat(200) }]);
    const reading = (async () => {
      for await (const chunk of stream.read({ topic: 't', partition: 0, from: 0n, to: 30n })) {
        expect(chunk.records.length).toBeGreaterThan(0);
        await log.trim('t', 0, 28n);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'offset_out_of_range', details: { logStart: '28' } });
  });
});
