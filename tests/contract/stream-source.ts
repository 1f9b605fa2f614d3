/** What every StreamSource has to do, whatever is behind it (src/ingest/ports.ts). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSluiceError } from '../../src/core/errors.ts';
import type { NewRecord, SourceRecord } from '../../src/core/record.ts';
import type { ReadRequest, RecordChunk, StreamSource } from '../../src/ingest/ports.ts';

/** The source under test and the means to fill what is behind it. Topics are fresh in every test. */
export interface StreamHarness {
  readonly source: StreamSource;
  create(topic: string, partitions: number): Promise<void>;
  append(topic: string, records: readonly NewRecord[]): Promise<void>;
  /** Moves the log start. */
  trim(topic: string, partition: number, beforeOffset: bigint): Promise<void>;
  addPartitions(topic: string, total: number): Promise<void>;
  delete(topic: string): Promise<void>;
  close(): Promise<void>;
}

export function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}

export async function chunksOf(source: StreamSource, request: ReadRequest): Promise<RecordChunk[]> {
  const chunks: RecordChunk[] = [];
  for await (const chunk of source.read(request)) chunks.push(chunk);
  return chunks;
}

export async function recordsOf(source: StreamSource, request: ReadRequest): Promise<SourceRecord[]> {
  return (await chunksOf(source, request)).flatMap((chunk) => [...chunk.records]);
}

function numbered(from: number, to: number, partition = 0): NewRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    key: `k${from + i}`,
    value: `v${from + i}`,
    timestampMs: 1_700_000_000_000 + from + i,
    partition,
  }));
}

export function streamSourceContract(name: string, open: () => Promise<StreamHarness>, openTimeoutMs = 30_000): void {
  describe(`StreamSource contract: ${name}`, () => {
    let harness: StreamHarness;
    let counter = 0;

    beforeAll(async () => {
      harness = await open();
    }, openTimeoutMs);
    afterAll(async () => {
      await harness.close();
    });

    async function topicOf(partitions: number): Promise<string> {
      counter += 1;
      const topic = `contract-${counter}`;
      await harness.create(topic, partitions);
      return topic;
    }

    it('lists every partition of every topic sorted by topic and partition, empty ones included', async () => {
      const first = await topicOf(3);
      const second = await topicOf(2);
      await harness.append(first, numbered(0, 5, 2));
      const listed = await harness.source.partitions([second, first]);
      expect(listed).toEqual([
        { topic: first, partition: 0, start: 0n, end: 0n },
        { topic: first, partition: 1, start: 0n, end: 0n },
        { topic: first, partition: 2, start: 0n, end: 5n },
        { topic: second, partition: 0, start: 0n, end: 0n },
        { topic: second, partition: 1, start: 0n, end: 0n },
      ]);
    });

    it('names all missing topics in one error', async () => {
      const there = await topicOf(1);
      const failure = await harness.source
        .partitions(['no-such-b', there, 'no-such-a'])
        .catch((error: unknown) => error);
      expect(isSluiceError(failure, 'topic_missing')).toBe(true);
      expect(String(failure)).toContain('no-such-a');
      expect(String(failure)).toContain('no-such-b');
      expect(String(failure)).not.toContain(there);
    });

    it('returns keys, values, headers and timestamps byte for byte, null and empty told apart', async () => {
      const topic = await topicOf(1);
      const odd = Uint8Array.from([0, 255, 128, 10, 13]);
      await harness.append(topic, [
        { key: 'Schäfer', value: '{"a":12.50}', timestampMs: 1_700_000_000_123, partition: 0 },
        { key: null, value: '', timestampMs: 1, partition: 0 },
        { key: '', value: null, timestampMs: 2, partition: 0 },
        {
          key: odd,
          value: odd,
          timestampMs: 3,
          partition: 0,
          headers: [
            ['h', 'ä'],
            ['h', odd],
            ['i', ''],
          ],
        },
      ]);
      const records = await recordsOf(harness.source, { topic, partition: 0, from: 0n, to: 4n });
      expect(records.map(({ offset }) => offset)).toEqual([0n, 1n, 2n, 3n]);
      expect(records.map(({ timestampMs }) => timestampMs)).toEqual([1_700_000_000_123, 1, 2, 3]);
      expect(records.map(({ key }) => (key === null ? null : [...key]))).toEqual([
        [...Buffer.from('Schäfer')],
        null,
        [],
        [...odd],
      ]);
      expect(records.map(({ value }) => (value === null ? null : [...value]))).toEqual([
        [...Buffer.from('{"a":12.50}')],
        [],
        null,
        [...odd],
      ]);
      expect(records[0]?.headers ?? []).toEqual([]);
      const headers = records[3]?.headers?.map(([header, value]) => [header, value === null ? null : [...value]]);
      expect(headers).toEqual([
        ['h', [...Buffer.from('ä')]],
        ['h', [...odd]],
        ['i', []],
      ]);
    });

    it('reads exactly the offsets asked for and ends at exactly `to`', async () => {
      const topic = await topicOf(1);
      for (let from = 0; from < 500; from += 50) await harness.append(topic, numbered(from, from + 50));
      for (const [from, to] of [
        [0, 500],
        [0, 1],
        [499, 500],
        [49, 51],
        [123, 377],
      ] as const) {
        const chunks = await chunksOf(harness.source, { topic, partition: 0, from: BigInt(from), to: BigInt(to) });
        const offsets = chunks.flatMap(({ records }) => records.map(({ offset }) => Number(offset)));
        expect(offsets).toEqual(Array.from({ length: to - from }, (_, i) => from + i));
        expect(chunks.at(-1)?.nextOffset).toBe(BigInt(to));
        const keys = chunks.flatMap(({ records }) => records.map(({ key }) => text(key)));
        expect(keys).toEqual(offsets.map((offset) => `k${offset}`));
      }
    });

    it('moves the position forward with every chunk, never past the records it gave', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 1000));
      let position = 0n;
      for (const chunk of await chunksOf(harness.source, { topic, partition: 0, from: 0n, to: 1000n })) {
        for (const { offset } of chunk.records) expect(offset >= position && offset < chunk.nextOffset).toBe(true);
        expect(chunk.nextOffset > position).toBe(true);
        position = chunk.nextOffset;
      }
      expect(position).toBe(1000n);
    });

    it('yields nothing for an empty range', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 3));
      expect(await recordsOf(harness.source, { topic, partition: 0, from: 2n, to: 2n })).toEqual([]);
    });

    it('reads several partitions of several topics at the same time', async () => {
      const topics = [await topicOf(3), await topicOf(3)];
      const partitions = topics.flatMap((topic) => [0, 1, 2].map((partition) => ({ topic, partition })));
      for (const { topic, partition } of partitions)
        await harness.append(topic, numbered(partition * 1000, partition * 1000 + 300, partition));
      const read = await Promise.all(
        partitions.map(({ topic, partition }) => recordsOf(harness.source, { topic, partition, from: 0n, to: 300n })),
      );
      for (const [i, { partition }] of partitions.entries()) {
        expect(read[i]?.map(({ value }) => text(value))).toEqual(
          Array.from({ length: 300 }, (_, n) => `v${partition * 1000 + n}`),
        );
      }
    });

    it('throws offset_out_of_range below the log start, with the place and the log start', async () => {
      const topic = await topicOf(2);
      await harness.append(topic, numbered(0, 20, 1));
      await harness.trim(topic, 1, 8n);
      expect(await harness.source.partitions([topic])).toContainEqual({ topic, partition: 1, start: 8n, end: 20n });
      const failure = await chunksOf(harness.source, { topic, partition: 1, from: 7n, to: 20n }).catch(
        (e: unknown) => e,
      );
      expect(isSluiceError(failure, 'offset_out_of_range')).toBe(true);
      if (!isSluiceError(failure)) return;
      expect(failure.message).toContain(topic);
      expect(failure.details).toMatchObject({ topic, partition: 1, offset: '7', logStart: '8' });
      const rest = await recordsOf(harness.source, { topic, partition: 1, from: 8n, to: 20n });
      expect(rest.map(({ offset }) => offset)).toEqual(Array.from({ length: 12 }, (_, i) => BigInt(8 + i)));
    });

    it('throws offset_out_of_range for a range that reaches behind the end', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 3));
      await expect(chunksOf(harness.source, { topic, partition: 0, from: 0n, to: 4n })).rejects.toMatchObject({
        code: 'offset_out_of_range',
      });
      await expect(chunksOf(harness.source, { topic, partition: 0, from: 7n, to: 9n })).rejects.toMatchObject({
        code: 'offset_out_of_range',
      });
    });

    it('throws topic_missing when it reads a topic or partition that is not there', async () => {
      const topic = await topicOf(1);
      await expect(
        chunksOf(harness.source, { topic: 'no-such', partition: 0, from: 0n, to: 1n }),
      ).rejects.toMatchObject({
        code: 'topic_missing',
      });
      await expect(chunksOf(harness.source, { topic, partition: 5, from: 0n, to: 1n })).rejects.toMatchObject({
        code: 'topic_missing',
      });
    });

    it('finds the record at an offset, and undefined where the log has none', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 30));
      await harness.trim(topic, 0, 10n);
      expect(text((await harness.source.recordAt(topic, 0, 17n))?.value ?? null)).toBe('v17');
      expect((await harness.source.recordAt(topic, 0, 29n))?.offset).toBe(29n);
      expect(await harness.source.recordAt(topic, 0, 9n)).toBeUndefined();
      expect(await harness.source.recordAt(topic, 0, 30n)).toBeUndefined();
      expect(await harness.source.recordAt(topic, 0, 12_345n)).toBeUndefined();
    });

    it('sees an added partition', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 2));
      await harness.source.partitions([topic]);
      await harness.addPartitions(topic, 3);
      await harness.append(topic, numbered(0, 4, 2));
      expect(await harness.source.partitions([topic])).toEqual([
        { topic, partition: 0, start: 0n, end: 2n },
        { topic, partition: 1, start: 0n, end: 0n },
        { topic, partition: 2, start: 0n, end: 4n },
      ]);
      expect(await recordsOf(harness.source, { topic, partition: 2, from: 0n, to: 4n })).toHaveLength(4);
    });

    it('shows the new life of a topic that was deleted and created again', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 10));
      expect(await recordsOf(harness.source, { topic, partition: 0, from: 0n, to: 10n })).toHaveLength(10);
      await harness.delete(topic);
      await expect(harness.source.partitions([topic])).rejects.toMatchObject({ code: 'topic_missing' });
      await harness.create(topic, 1);
      await harness.append(topic, [{ key: 'new', value: 'life', partition: 0 }]);
      expect(await harness.source.partitions([topic])).toEqual([{ topic, partition: 0, start: 0n, end: 1n }]);
      expect(text((await harness.source.recordAt(topic, 0, 0n))?.value ?? null)).toBe('life');
      expect(await harness.source.recordAt(topic, 0, 9n)).toBeUndefined();
    });

    it('keeps reading a range while the topic grows', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 400));
      const seen: string[] = [];
      let grown = false;
      for await (const chunk of harness.source.read({ topic, partition: 0, from: 0n, to: 400n })) {
        if (!grown) await harness.append(topic, numbered(400, 450));
        grown = true;
        for (const { key } of chunk.records) seen.push(text(key) ?? '');
      }
      expect(seen).toEqual(Array.from({ length: 400 }, (_, i) => `k${i}`));
    });

    it('can be left in the middle of a read and used again', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 400));
      for await (const chunk of harness.source.read({ topic, partition: 0, from: 0n, to: 400n })) {
        expect(chunk.records.length).toBeGreaterThan(0);
        break;
      }
      expect(await recordsOf(harness.source, { topic, partition: 0, from: 0n, to: 400n })).toHaveLength(400);
    });

    it('stops with the reason of an aborted signal', async () => {
      const topic = await topicOf(1);
      await harness.append(topic, numbered(0, 400));
      const abort = new AbortController();
      const reason = new Error('ctrl-c');
      abort.abort(reason);
      await expect(
        chunksOf(harness.source, { topic, partition: 0, from: 0n, to: 400n, signal: abort.signal }),
      ).rejects.toBe(reason);
    });

    it('commits group offsets without failing, for a topic that is not there too', async () => {
      const topic = await topicOf(1);
      await harness.source.commitOffsets('sluice-test', [{ topic, partition: 0, offset: 3n }]);
      await harness.source.commitOffsets('sluice-test', [{ topic: 'no-such', partition: 9, offset: 3n }]);
      await harness.source.commitOffsets('sluice-test', []);
    });
  });
}
