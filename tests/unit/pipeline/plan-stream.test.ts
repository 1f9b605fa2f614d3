import { describe, expect, it } from 'vitest';
import {
  advance,
  inspectReadable,
  inspectTopics,
  planStream,
  type TopicsView,
} from '../../../src/pipeline/plan-stream.ts';
import { SluiceError } from '../../../src/core/errors.ts';
import { MemoryStream } from '../../../src/adapters/memory/stream.ts';
import { recordChecksum } from '../../../src/ingest/record-checksum.ts';
import type { SourceRecord } from '../../../src/core/record.ts';
import type { StreamSource } from '../../../src/ingest/ports.ts';
import type { Position } from '../../../src/state/ports.ts';

const record = (offset: bigint, text: string): SourceRecord => ({
  offset,
  timestampMs: 1,
  key: Buffer.from('k'),
  value: Buffer.from(text),
});

function log(
  partitions: readonly { topic?: string; partition: number; start: bigint; end: bigint }[],
  records: readonly SourceRecord[] = [],
): StreamSource {
  return {
    partitions: () => Promise.resolve(partitions.map((entry) => ({ topic: 't', ...entry }))),
    recordAt: (_topic, _partition, offset) => Promise.resolve(records.find((candidate) => candidate.offset === offset)),
    read: () => {
      throw new Error('planning reads no range');
    },
    commitOffsets: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

const position = (next: string, last: Position['last'] = null, extra: Partial<Position> = {}): Position => ({
  topic: 't',
  epoch: 0,
  partition: 0,
  next,
  last,
  closed: false,
  ...extra,
});

const options = { maxRows: 1000, acceptGap: false };

describe('planStream', () => {
  it('reads a first partition from the start of its log, which is no gap', async () => {
    const view = await inspectTopics(log([{ partition: 0, start: 7n, end: 9n }]), ['t'], []);
    const plan = planStream(view, options);
    expect(plan.intent?.ranges).toEqual([{ topic: 't', epoch: 0, partition: 0, from: '7', to: '9' }]);
    expect(plan.refusedGaps).toEqual([]);
  });

  it('plans nothing when nothing is new', async () => {
    const view = await inspectTopics(log([{ partition: 0, start: 0n, end: 9n }]), ['t'], [position('9')]);
    expect(planStream(view, options)).toEqual({ intent: null, refusedGaps: [], refusedTopics: [] });
  });

  it('keeps a partition back whose records were deleted unread, and names the exact range', async () => {
    const view = await inspectTopics(
      log([
        { partition: 0, start: 20n, end: 30n },
        { partition: 1, start: 0n, end: 5n },
      ]),
      ['t'],
      [position('9')],
    );
    const plan = planStream(view, options);
    expect(plan.refusedGaps).toEqual([{ topic: 't', partition: 0, from: 9n, to: 20n }]);
    expect(plan.intent?.ranges.map(({ partition }) => partition)).toEqual([1]);
  });

  it('records an accepted gap and goes on behind it', async () => {
    const view = await inspectTopics(log([{ partition: 0, start: 20n, end: 30n }]), ['t'], [position('9')]);
    const plan = planStream(view, { ...options, acceptGap: true });
    expect(plan.intent?.gaps).toEqual([
      { topic: 't', epoch: 0, partition: 0, from: '9', to: '20', reason: 'retention' },
    ]);
    expect(plan.intent?.ranges).toEqual([{ topic: 't', epoch: 0, partition: 0, from: '20', to: '30' }]);
  });

  it('finds a recreated topic by another record at the last landed offset', async () => {
    const last = { offset: '8', checksum: recordChecksum(record(8n, 'old')) };
    const same = await inspectTopics(
      log([{ partition: 0, start: 0n, end: 12n }], [record(8n, 'old')]),
      ['t'],
      [position('9', last)],
    );
    expect(same.recreated.size).toBe(0);
    const other = await inspectTopics(
      log([{ partition: 0, start: 0n, end: 12n }], [record(8n, 'new')]),
      ['t'],
      [position('9', last)],
    );
    expect(planStream(other, options).refusedTopics).toHaveLength(1);
    expect(planStream(other, options).intent).toBeNull();
  });

  it('finds a recreated topic by an end before the next offset, and gives the new life its own epoch', async () => {
    const view = await inspectTopics(log([{ partition: 0, start: 0n, end: 3n }]), ['t'], [position('9')]);
    expect(planStream(view, options).refusedTopics).toHaveLength(1);
    const plan = planStream(view, { ...options, acceptGap: true });
    expect(plan.intent).toEqual({
      kind: 'stream',
      ranges: [{ topic: 't', epoch: 1, partition: 0, from: '0', to: '3' }],
      gaps: [{ topic: 't', epoch: 0, partition: 0, from: '9', to: null, reason: 'recreated' }],
    });
    expect(
      planStream(advance(view, plan.intent ?? { kind: 'stream', ranges: [], gaps: [] }), options).intent,
    ).toBeNull();
  });

  it('reads on in the newest epoch', async () => {
    const positions = [position('9', null, { closed: true }), position('3', null, { epoch: 1 })];
    const view = await inspectTopics(log([{ partition: 0, start: 0n, end: 5n }]), ['t'], positions);
    expect(planStream(view, options).intent?.ranges).toEqual([
      { topic: 't', epoch: 1, partition: 0, from: '3', to: '5' },
    ]);
  });

  it('cuts a backlog into batches that chain without hole or overlap up to the end', () => {
    let view: TopicsView = {
      partitions: [
        { topic: 't', partition: 0, start: 0n, end: 1000n, epoch: 0, next: null, lost: null },
        { topic: 't', partition: 1, start: 5n, end: 17n, epoch: 0, next: 9n, lost: null },
      ],
      recreated: new Map(),
    };
    const next = new Map([
      [0, 0n],
      [1, 9n],
    ]);
    for (let batch = 0; ; batch++) {
      const { intent } = planStream(view, { maxRows: 100, acceptGap: false });
      if (intent === null) break;
      expect(batch).toBeLessThan(50);
      for (const range of intent.ranges) {
        expect(BigInt(range.from)).toBe(next.get(range.partition));
        expect(BigInt(range.to)).toBeGreaterThan(BigInt(range.from));
        next.set(range.partition, BigInt(range.to));
      }
      view = advance(view, intent);
    }
    expect(next).toEqual(
      new Map([
        [0, 1000n],
        [1, 17n],
      ]),
    );
  });

  it('fills every batch of a long backlog but the last', () => {
    const partition = (number: number, end: bigint): TopicsView['partitions'][number] => ({
      topic: 't',
      partition: number,
      start: 0n,
      end,
      epoch: 0,
      next: null,
      lost: null,
    });
    let view: TopicsView = {
      partitions: [partition(0, 700n), partition(1, 33n), partition(2, 267n)],
      recreated: new Map(),
    };
    const rows: number[] = [];
    for (;;) {
      const { intent } = planStream(view, { maxRows: 300, acceptGap: false });
      if (intent === null) break;
      rows.push(intent.ranges.reduce((sum, { from, to }) => sum + Number(to) - Number(from), 0));
      view = advance(view, intent);
    }
    expect(rows).toEqual([300, 300, 300, 100]);
  });
});

describe('inspectReadable', () => {
  const filled = (...topics: readonly string[]): MemoryStream => {
    const stream = new MemoryStream();
    for (const topic of topics) {
      stream.create(topic, 1);
      stream.append(topic, [{ key: 'k', value: 'v' }]);
    }
    return stream;
  };

  it('leaves a missing topic out and names it; the others are planned', async () => {
    const { view, failures } = await inspectReadable(filled('a', 'c'), ['a', 'b', 'c'], []);
    expect(planStream(view, options).intent?.ranges.map(({ topic }) => topic)).toEqual(['a', 'c']);
    expect(failures).toMatchObject([{ code: 'topic_missing', details: { topics: ['b'] } }]);
  });

  it('leaves out a topic whose last landed record may not be read any more', async () => {
    const source = filled('a', 'b');
    const denied = new SluiceError('broker_auth', 'Reading b partition 0 at offset 0 failed');
    const recordAt: StreamSource['recordAt'] = (topic, partition, offset) =>
      topic === 'b' ? Promise.reject(denied) : source.recordAt(topic, partition, offset);
    const limited: StreamSource = {
      partitions: (topics) => source.partitions(topics),
      recordAt,
      read: (request) => source.read(request),
      commitOffsets: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const read = position('1', { offset: '0', checksum: 'crc32:00000000' }, { topic: 'b' });
    const { view, failures } = await inspectReadable(limited, ['a', 'b'], [read]);
    expect(view.partitions.map(({ topic }) => topic)).toEqual(['a']);
    expect(failures).toEqual([denied]);
  });

  it('fails as a whole when no topic can be read, and when the broker is away', async () => {
    await expect(inspectReadable(filled(), ['a', 'b'], [])).rejects.toMatchObject({
      code: 'topic_missing',
      details: { topics: ['a', 'b'] },
    });
    const away = new SluiceError('broker_unreachable', 'nobody answers');
    const source = { ...log([]), partitions: () => Promise.reject(away) };
    await expect(inspectReadable(source, ['a', 'b'], [])).rejects.toBe(away);
  });
});
