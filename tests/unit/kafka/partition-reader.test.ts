/** The reader of one partition against a scripted broker: what cannot be made to happen on a real one at will. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { FetchedPartition } from '../../../src/adapters/kafka/fetch-response.ts';
import {
  DEFAULT_READ,
  type PartitionFetcher,
  PartitionReader,
  type ReadSettings,
} from '../../../src/adapters/kafka/partition-reader.ts';
import type { RecordChunk } from '../../../src/ingest/ports.ts';
import { encodeBatch, type TestBatch } from './encode-batch.ts';

interface Ask {
  readonly offset: bigint;
  readonly maxBytes: number;
}

interface BrokerScript {
  readonly batches: readonly TestBatch[];
  readonly start?: bigint;
  readonly end: bigint;
  /** With the offset of the marker that ended it: a broker names those that reach into what it sends. */
  readonly aborted?: readonly (FetchedPartition['aborted'][number] & { readonly marker: bigint })[];
  /** How a broker of old cuts: at the number of bytes, also inside the first batch. */
  readonly cutsFirst?: boolean;
  /** Answers instead of the log, by number of the ask; undefined: the log's. */
  readonly answer?: (ask: Ask, number: number) => Partial<FetchedPartition> | undefined;
}

/** A broker's log: answers with the batches from the one that holds the offset on, cut at the number of bytes. */
class ScriptedBroker implements PartitionFetcher {
  readonly asks: Ask[] = [];
  readonly #script: BrokerScript;

  constructor(script: BrokerScript) {
    this.#script = script;
  }

  async fetch(offset: bigint, maxBytes: number): Promise<FetchedPartition> {
    const ask: Ask = { offset, maxBytes };
    this.asks.push(ask);
    await sleep(0);
    const { batches, end, start = 0n, aborted = [], cutsFirst = false } = this.#script;
    const isOut = offset < start || offset > end;
    const found = batches.filter((batch) => lastOffset(batch) >= Number(offset)).map(encodeBatch);
    const whole = Buffer.concat(found);
    const first = cutsFirst ? 0 : (found[0]?.length ?? 0);
    const fetched: FetchedPartition = {
      errorCode: isOut ? 1 : 0,
      lastStableOffset: end,
      logStartOffset: start,
      aborted: aborted.filter(({ marker }) => marker >= offset),
      records: isOut ? Buffer.alloc(0) : whole.subarray(0, Math.max(maxBytes, first)),
      throttled: false,
    };
    return { ...fetched, ...this.#script.answer?.(ask, this.asks.length) };
  }

  bounds(): Promise<{ start: bigint; end: bigint }> {
    return Promise.resolve({ start: this.#script.start ?? 0n, end: this.#script.end });
  }
}

function lastOffset(batch: TestBatch): number {
  return batch.lastOffset ?? batch.records?.at(-1)?.offset ?? batch.baseOffset;
}

function records(from: number, to: number): TestBatch {
  return {
    baseOffset: from,
    records: Array.from({ length: to - from }, (_, i) => ({ offset: from + i, value: `v${from + i}` })),
  };
}

async function read(
  broker: PartitionFetcher,
  from: number,
  to: number,
  settings: Partial<ReadSettings> = {},
): Promise<{ readonly offsets: number[]; readonly chunks: RecordChunk[] }> {
  const request = { topic: 't', partition: 3, from: BigInt(from), to: BigInt(to) };
  const chunks: RecordChunk[] = [];
  let position = request.from;
  for await (const chunk of new PartitionReader(broker, request, {
    ...DEFAULT_READ,
    endWaitMs: 100,
    ...settings,
  }).chunks()) {
    expect(chunk.nextOffset >= position && chunk.nextOffset <= request.to).toBe(true);
    for (const { offset } of chunk.records) expect(offset >= position && offset < chunk.nextOffset).toBe(true);
    position = chunk.nextOffset;
    chunks.push(chunk);
  }
  expect(position).toBe(request.to);
  return { offsets: chunks.flatMap((chunk) => chunk.records.map(({ offset }) => Number(offset))), chunks };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('reading a range', () => {
  it('goes on from batch to batch and asks for the next while the last is worked on', async () => {
    const broker = new ScriptedBroker({ batches: [records(0, 10), records(10, 20), records(20, 30)], end: 30n });
    const request = { topic: 't', partition: 0, from: 4n, to: 27n };
    const seen: number[] = [];
    for await (const chunk of new PartitionReader(broker, request, { ...DEFAULT_READ, fetchBytes: 1 }).chunks()) {
      const isLast = chunk.nextOffset === 27n;
      // The fetch behind this chunk is under way already.
      if (!isLast) expect(broker.asks.at(-1)?.offset).toBe(chunk.nextOffset);
      for (const { offset } of chunk.records) seen.push(Number(offset));
    }
    expect(seen).toEqual(range(4, 27));
    expect(broker.asks.map(({ offset }) => offset)).toEqual([4n, 10n, 20n]);
  });

  it('closes chunks at their size, between batches', async () => {
    const broker = new ScriptedBroker({ batches: range(0, 50).map((i) => records(i * 10, i * 10 + 10)), end: 500n });
    const { offsets, chunks } = await read(broker, 5, 495, { chunkBytes: 300 });
    expect(offsets).toEqual(range(5, 495));
    expect(chunks.length).toBeGreaterThan(5);
    expect(broker.asks).toHaveLength(1);
  });

  it('moves over batches and slots that compaction emptied', async () => {
    const batches: TestBatch[] = [
      { baseOffset: 0, lastOffset: 9 },
      { baseOffset: 10, lastOffset: 19, records: [{ offset: 13, value: 'a' }] },
      { baseOffset: 40, lastOffset: 59, records: [{ offset: 55, value: 'b' }] },
      { baseOffset: 60, lastOffset: 70 },
    ];
    for (const fetchBytes of [1, 1000]) {
      expect((await read(new ScriptedBroker({ batches, end: 71n }), 0, 71, { fetchBytes })).offsets).toEqual([13, 55]);
      expect((await read(new ScriptedBroker({ batches, end: 71n }), 0, 30, { fetchBytes })).offsets).toEqual([13]);
      expect((await read(new ScriptedBroker({ batches, end: 71n }), 20, 45, { fetchBytes })).offsets).toEqual([]);
      expect((await read(new ScriptedBroker({ batches, end: 71n }), 14, 56, { fetchBytes })).offsets).toEqual([55]);
    }
  });

  it('believes in a hole up to the end only after several answers at several offsets', async () => {
    const broker = new ScriptedBroker({ batches: [records(0, 5)], end: 1000n });
    const { offsets } = await read(broker, 0, 1000);
    expect(offsets).toEqual(range(0, 5));
    const asked = broker.asks.slice(1).map(({ offset }) => Number(offset));
    expect(asked.slice(0, 5)).toEqual([5, 5, 5, 6, 7]);
    expect(asked.at(-1)).toBe(999);
    expect(asked.length).toBeLessThan(25);
    // Each with more room than the one before.
    expect(broker.asks[3]?.maxBytes).toBeGreaterThan(broker.asks[2]?.maxBytes ?? 0);
  });

  it('loses nothing when data shows up while it steps over what looked like a hole', async () => {
    const broker = new ScriptedBroker({
      batches: [records(0, 5), records(5, 40)],
      end: 100n,
      answer: ({ offset }, number) => (offset >= 5n && number < 7 ? { records: Buffer.alloc(0) } : undefined),
    });
    expect((await read(broker, 0, 100)).offsets).toEqual(range(0, 40));
  });

  it('takes a batch that is larger than it asked for, from brokers that send it and from those that cut it', async () => {
    const big: TestBatch = { baseOffset: 3, records: [{ offset: 3, value: 'x'.repeat(300_000) }] };
    for (const cutsFirst of [false, true]) {
      const broker = new ScriptedBroker({ batches: [records(0, 3), big, records(4, 8)], end: 8n, cutsFirst });
      expect((await read(broker, 0, 8, { fetchBytes: 1000 })).offsets).toEqual(range(0, 8));
    }
  });
});

describe('read committed', () => {
  const sent = (producer: bigint, from: number, to: number): TestBatch => ({
    ...records(from, to),
    producerId: producer,
    transactional: true,
  });
  const end = (producer: bigint, offset: number, marker: 'abort' | 'commit'): TestBatch => ({
    baseOffset: offset,
    producerId: producer,
    marker,
  });

  it('leaves out aborted transactions and every control record, also where they interleave', async () => {
    const script: BrokerScript = {
      batches: [
        sent(1n, 0, 2), // 0, 1: aborted
        sent(2n, 2, 4), // 2, 3: committed
        records(4, 5), // no transaction
        end(1n, 5, 'abort'),
        sent(1n, 6, 8), // the same producer's next one: committed
        end(2n, 8, 'commit'),
        sent(2n, 9, 10), // aborted
        end(1n, 10, 'commit'),
        end(2n, 11, 'abort'),
      ],
      aborted: [
        { producerId: 2n, firstOffset: 9n, marker: 11n },
        { producerId: 1n, firstOffset: 0n, marker: 5n },
      ],
      end: 12n,
    };
    expect((await read(new ScriptedBroker(script), 0, 12)).offsets).toEqual([2, 3, 4, 6, 7]);
    // From the middle of the aborted transaction: its beginning is not in the response.
    expect((await read(new ScriptedBroker(script), 1, 12)).offsets).toEqual([2, 3, 4, 6, 7]);
    for (const at of range(0, 12)) {
      expect((await read(new ScriptedBroker(script), at, at + 1)).offsets).toEqual(
        [2, 3, 4, 6, 7].includes(at) ? [at] : [],
      );
    }
  });

  it('ends a range whose last slot is a control record', async () => {
    const script: BrokerScript = { batches: [sent(1n, 0, 3), end(1n, 3, 'commit')], end: 4n };
    const { offsets, chunks } = await read(new ScriptedBroker(script), 0, 4);
    expect(offsets).toEqual([0, 1, 2]);
    expect(chunks.at(-1)?.nextOffset).toBe(4n);
  });
});

describe('what stops a read', () => {
  it("is an offset that is gone, also in the middle, with the log's bounds", async () => {
    const broker = new ScriptedBroker({
      batches: [records(0, 5), records(5, 10)],
      start: 0n,
      end: 10n,
      answer: ({ offset }) => (offset === 5n ? { errorCode: 1 } : undefined),
    });
    await expect(read(broker, 0, 10, { fetchBytes: 1 })).rejects.toMatchObject({
      code: 'offset_out_of_range',
      details: { topic: 't', partition: 3, offset: '5', to: '10', logStart: '0', logEnd: '10' },
    });
  });

  it('is an end that the log does not reach, after a short wait', async () => {
    await expect(read(new ScriptedBroker({ batches: [records(0, 5)], end: 5n }), 0, 6)).rejects.toMatchObject({
      code: 'offset_out_of_range',
      details: { logEnd: '5' },
    });
  });

  it('is not an end that the log reaches a moment later', async () => {
    const broker = new ScriptedBroker({
      batches: [records(0, 5), records(5, 10)],
      end: 10n,
      answer: ({ offset }, number) =>
        offset === 5n && number < 4 ? { lastStableOffset: 5n, records: Buffer.alloc(0) } : undefined,
    });
    expect((await read(broker, 0, 10, { fetchBytes: 1, endWaitMs: 5000 })).offsets).toEqual(range(0, 10));
  });

  it('is not a quota: empty answers while throttled prove nothing', async () => {
    const broker = new ScriptedBroker({
      batches: [records(0, 5)],
      end: 5n,
      answer: (_, number) => (number < 12 ? { throttled: true, records: Buffer.alloc(0) } : undefined),
    });
    expect((await read(broker, 0, 5)).offsets).toEqual(range(0, 5));
    expect(new Set(broker.asks.map(({ offset }) => offset))).toEqual(new Set([0n]));
  });

  it('is a batch that cannot be decoded, with its place (F23)', async () => {
    const broken = encodeBatch(records(5, 10));
    broken[70] = (broken[70] ?? 0) ^ 1;
    const answers: readonly [Buffer, RegExp][] = [
      [broken, /checksum/],
      [encodeBatch({ ...records(5, 10), magic: 1 }), /message format v1/],
      [encodeBatch({ ...records(5, 10), codec: 6 }), /codec 6/],
    ];
    for (const [bytes, message] of answers) {
      const broker = new ScriptedBroker({
        batches: [records(0, 5), records(5, 10)],
        end: 10n,
        answer: ({ offset }) => (offset === 5n ? { records: bytes } : undefined),
      });
      const failure = await read(broker, 0, 10, { fetchBytes: 1 }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'record_undecodable', details: { topic: 't', partition: 3, offset: '5' } });
      expect(String(failure)).toMatch(message);
    }
  });

  it('is a broker that claims a batch of more than a gigabyte', async () => {
    const endless = encodeBatch(records(0, 1));
    endless.writeInt32BE(2_000_000_000, 8);
    const broker = new ScriptedBroker({ batches: [], end: 5n, answer: () => ({ records: endless }) });
    await expect(read(broker, 0, 5)).rejects.toMatchObject({ code: 'record_undecodable' });
  });

  it('is an abort, also while it waits', async () => {
    const abort = new AbortController();
    const broker = new ScriptedBroker({ batches: [], end: 0n });
    const request = { topic: 't', partition: 0, from: 0n, to: 5n, signal: abort.signal };
    const reading = (async () => {
      for await (const chunk of new PartitionReader(broker, request, { ...DEFAULT_READ, endWaitMs: 60_000 }).chunks())
        void chunk;
    })();
    const reason = new Error('ctrl-c');
    setTimeout(() => abort.abort(reason), 60);
    await expect(reading).rejects.toBe(reason);
  });
});
