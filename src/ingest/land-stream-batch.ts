/**
 * Lands a stream batch: each range is read to its end position, every record is judged once, and good and bad ones are written to
 * objects named by their offsets. Nothing is sealed here; the caller seals what comes back.
 *
 * If the process dies in here, the objects that were finished stay, unnamed by any manifest; the next attempt at the same intent
 * writes the same names with the same bytes.
 */
import { createHash } from 'node:crypto';
import type {
  BatchId,
  DriftField,
  Manifest,
  ManifestObject,
  ManifestRange,
  ManifestTimes,
  StreamIntent,
} from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import type { JobDefinition, TopicDefinition } from '../core/job.ts';
import { deadLetterObjectName, streamObjectName } from '../core/object-key.ts';
import type { OffsetRange, SourceRecord } from '../core/record.ts';
import { formatLastMicros, formatMicros, formatMillis, microsOfMillis } from '../core/time.ts';
import { BufferGarbage } from './buffer-garbage.ts';
import type { DriftSink } from './check-value.ts';
import { createRecordDecoder, type RecordDecoder } from './decode.ts';
import { deadStreamLine, streamLine, streamLinePrefix, type BatchTag } from './envelope.ts';
import { createPlainLines, plainLinePrefix, type PlainLines } from './plain-line.ts';
import { openLandingObject, replacingLeftovers, type LandingWriter } from './landing-writer.ts';
import type { ObjectStore, StreamSource } from './ports.ts';

/**
 * Offsets per object: 200,000 small events are some 100 MB, large enough that files do not count, small enough that several ranges
 * are read at once and a retry repeats little. The cut is by offset, so the same intent gives the same objects.
 */
export const OFFSETS_PER_OBJECT = 200_000n;

/** Ranges read at once: more do not help one process on two cores, and each holds a chunk in memory. */
export const PARALLEL_RANGES = 4;

export interface LandStreamRequest {
  readonly job: JobDefinition;
  readonly tag: BatchTag & { readonly batchId: BatchId };
  readonly logicalTime: string;
  readonly intent: StreamIntent;
  readonly gzip: boolean;
  /** Throws `lease_lost` when the run may not write any more. */
  readonly guard: () => Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (records: number) => void;
}

/** Identifies a record's content: the same offset with another content means another life of the topic. */
export function recordChecksum(record: SourceRecord): string {
  const hash = createHash('sha256');
  hash.update(`${record.timestampMs}|${record.key?.length ?? -1}|${record.value?.length ?? -1}|`);
  if (record.key !== null) hash.update(record.key);
  if (record.value !== null) hash.update(record.value);
  return `sha256:${hash.digest('hex').slice(0, 32)}`;
}

/** Smallest and largest times of a batch's good records. */
class TimeBounds {
  minEvent = Number.POSITIVE_INFINITY;
  maxEvent = Number.NEGATIVE_INFINITY;
  minBroker = Number.POSITIVE_INFINITY;
  maxBroker = Number.NEGATIVE_INFINITY;

  add(eventMicros: number, brokerMs: number): void {
    if (eventMicros < this.minEvent) this.minEvent = eventMicros;
    if (eventMicros > this.maxEvent) this.maxEvent = eventMicros;
    if (brokerMs < this.minBroker) this.minBroker = brokerMs;
    if (brokerMs > this.maxBroker) this.maxBroker = brokerMs;
  }

  toJson(): ManifestTimes | null {
    if (this.minEvent > this.maxEvent) return null;
    return {
      minEventAt: formatMicros(this.minEvent),
      maxEventAt: formatLastMicros(this.maxEvent),
      minBrokerAt: formatMillis(this.minBroker),
      maxBrokerAt: formatMillis(this.maxBroker),
    };
  }
}

interface LandedRange {
  readonly range: ManifestRange;
  readonly objects: readonly ManifestObject[];
}

/** The two objects (good rows, dead letters) of one slice of offsets, opened when their first row comes. */
class SliceWriter {
  readonly #request: LandStreamRequest;
  readonly #store: ObjectStore;
  readonly slice: OffsetRange;
  #good: LandingWriter | undefined;
  #dead: LandingWriter | undefined;
  #goodPrefix = '';
  /** The same for plain lines. */
  #plainPrefix: Uint8Array = new Uint8Array(0);
  #deadPrefix = '';

  constructor(request: LandStreamRequest, store: ObjectStore, slice: OffsetRange) {
    this.#request = request;
    this.#store = store;
    this.slice = slice;
  }

  async #open(role: 'stream' | 'dead'): Promise<LandingWriter> {
    const { job, gzip, tag } = this.#request;
    const nameOf = role === 'stream' ? streamObjectName : deadLetterObjectName;
    const name = nameOf(job.name, this.slice, { gzip });
    const prefix = streamLinePrefix(tag, this.slice, name);
    const writer = await openLandingObject({ store: this.#store, name, role, gzip });
    if (role === 'stream') {
      this.#good = writer;
      this.#goodPrefix = prefix;
      this.#plainPrefix = plainLinePrefix(prefix);
    } else {
      this.#dead = writer;
      this.#deadPrefix = prefix;
    }
    return writer;
  }

  async writeAll(
    records: readonly SourceRecord[],
    { decode, plain }: RecordJudge,
    topic: TopicDefinition,
    tally: RangeTally,
  ): Promise<void> {
    for (const record of records) {
      if (plain !== null && this.#good !== undefined) {
        const writer = this.#good;
        const flushed = writer.makeRoom(plain.room(record, this.#plainPrefix));
        if (flushed !== undefined) await flushed;
        const end = plain.write(record, topic, this.#plainPrefix, writer);
        if (end > 0) {
          writer.written(end);
          tally.times.add(plain.eventMicros, record.timestampMs);
          tally.landed++;
          continue;
        }
      }
      const verdict = decode(record, topic);
      if (verdict.ok) {
        const writer = this.#good ?? (await this.#open('stream'));
        const pending = writer.line(streamLine(this.#goodPrefix, record, verdict));
        if (pending !== undefined) await pending;
        tally.times.add(verdict.eventAt?.micros ?? microsOfMillis(record.timestampMs), record.timestampMs);
        tally.landed++;
      } else {
        const writer = this.#dead ?? (await this.#open('dead'));
        const pending = writer.line(deadStreamLine(this.#deadPrefix, record, verdict));
        if (pending !== undefined) await pending;
        tally.quarantined++;
      }
    }
  }

  async commit(): Promise<readonly ManifestObject[]> {
    const objects: ManifestObject[] = [];
    if (this.#good !== undefined) objects.push(await this.#good.commit(this.#request.guard));
    if (this.#dead !== undefined) objects.push(await this.#dead.commit(this.#request.guard));
    return objects;
  }

  async abort(): Promise<void> {
    await this.#good?.abort();
    await this.#dead?.abort();
  }
}

/** How a record becomes a line: the quick way where there is one, and the exact way for what that leaves. */
interface RecordJudge {
  readonly decode: RecordDecoder;
  readonly plain: PlainLines | null;
}

async function createJudge(job: JobDefinition, onDrift: DriftSink): Promise<RecordJudge> {
  const plain = createPlainLines(job, onDrift);
  const decode = await createRecordDecoder(job, (field) => {
    onDrift(field);
    plain?.learn(field);
  });
  return { decode, plain };
}

interface RangeTally {
  landed: number;
  quarantined: number;
  readonly times: TimeBounds;
}

function nextSlice(range: OffsetRange, from: bigint): OffsetRange {
  const boundary = (from / OFFSETS_PER_OBJECT + 1n) * OFFSETS_PER_OBJECT;
  return { ...range, from, to: boundary < range.to ? boundary : range.to };
}

/** Cuts a chunk's records at the slice's end: [those inside, those behind]. */
function splitAt(
  records: readonly SourceRecord[],
  end: bigint,
): readonly [readonly SourceRecord[], readonly SourceRecord[]] {
  const last = records.at(-1);
  if (last === undefined || last.offset < end) return [records, []];
  const cut = records.findIndex((record) => record.offset >= end);
  return [records.slice(0, cut), records.slice(cut)];
}

function bytesOf(records: readonly SourceRecord[]): number {
  let bytes = 0;
  for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0);
  return bytes;
}

class RangeLander {
  readonly #request: LandStreamRequest;
  readonly #source: StreamSource;
  readonly #store: ObjectStore;
  readonly #judge: RecordJudge;
  /** Of all ranges together. */
  readonly #garbage = new BufferGarbage();

  constructor(request: LandStreamRequest, ports: { source: StreamSource; store: ObjectStore }, judge: RecordJudge) {
    this.#request = request;
    this.#source = ports.source;
    this.#store = ports.store;
    this.#judge = judge;
  }

  async land(range: OffsetRange, times: TimeBounds): Promise<LandedRange> {
    const topic = this.#request.job.topics.find((candidate) => candidate.name === range.topic);
    if (topic === undefined) {
      throw new SluiceError(
        'job_invalid',
        `job ${this.#request.job.name} has an unfinished batch over topic ${range.topic}, which it no longer names`,
        {
          hint: `Add ${range.topic} to the job's topics until the batch is finished.`,
        },
      );
    }
    const tally: RangeTally = { landed: 0, quarantined: 0, times };
    const objects: ManifestObject[] = [];
    let last: SourceRecord | undefined;
    let position = range.from;
    let writer = new SliceWriter(this.#request, this.#store, nextSlice(range, range.from));
    const { signal } = this.#request;
    try {
      const { topic: name, partition, from, to } = range;
      for await (const chunk of this.#source.read({
        topic: name,
        partition,
        from,
        to,
        ...(signal === undefined ? {} : { signal }),
      })) {
        let rest = chunk.records;
        while (rest.length > 0) {
          const [inside, behind] = splitAt(rest, writer.slice.to);
          await writer.writeAll(inside, this.#judge, topic, tally);
          rest = behind;
          if (behind.length > 0) {
            objects.push(...(await writer.commit()));
            writer = new SliceWriter(this.#request, this.#store, nextSlice(range, behind[0]?.offset ?? range.to));
          }
        }
        last = chunk.records.at(-1) ?? last;
        position = chunk.nextOffset;
        this.#request.onProgress?.(chunk.records.length);
        this.#garbage.add(bytesOf(chunk.records));
        signal?.throwIfAborted();
      }
      if (position !== range.to) {
        throw new SluiceError(
          'broker_error',
          `reading ${range.topic}/${range.partition} ended at offset ${position}, before the planned end ${range.to}`,
          {
            hint: 'Run the job again; nothing of this batch was sealed.',
          },
        );
      }
      objects.push(...(await writer.commit()));
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return {
      objects,
      range: {
        topic: range.topic,
        epoch: range.epoch,
        partition: range.partition,
        from: range.from.toString(),
        to: range.to.toString(),
        read: tally.landed + tally.quarantined,
        landed: tally.landed,
        quarantined: tally.quarantined,
        last: last === undefined ? null : { offset: last.offset.toString(), checksum: recordChecksum(last) },
      },
    };
  }
}

/** Runs at most `limit` at once; the first failure stops the rest from starting and is thrown when all running ones have ended. */
async function mapLimited<T, R>(items: readonly T[], limit: number, run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  let next = 0;
  async function worker(): Promise<void> {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await run(items[index] as T);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}

export function driftOf(counts: ReadonlyMap<string, number>): readonly DriftField[] {
  return [...counts]
    .map(([field, records]) => ({ path: `$.${field}`, records }))
    .sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** Unknown fields named in one manifest: a producer that invents names must not grow it without bound. */
const MAX_DRIFT_FIELDS = 200;

export function driftCounter(): {
  readonly counts: ReadonlyMap<string, number>;
  readonly sink: (field: string) => void;
} {
  const counts = new Map<string, number>();
  return {
    counts,
    sink: (field) => {
      const known = counts.get(field);
      if (known !== undefined) counts.set(field, known + 1);
      else if (counts.size < MAX_DRIFT_FIELDS) counts.set(field.toWellFormed(), 1);
    },
  };
}

/** Lands all ranges of the intent and returns the manifest to seal. */
export async function landStreamBatch(
  request: LandStreamRequest,
  ports: { readonly source: StreamSource; readonly store: ObjectStore },
): Promise<Manifest> {
  const { job, intent, tag, logicalTime, guard } = request;
  const drift = driftCounter();
  const times = new TimeBounds();
  const lander = new RangeLander(request, ports, await createJudge(job, drift.sink));
  const ranges = intent.ranges.map((range) => ({ ...range, from: BigInt(range.from), to: BigInt(range.to) }));
  const landed = await mapLimited(ranges, PARALLEL_RANGES, (range) =>
    replacingLeftovers(ports.store, guard, () => lander.land(range, times)),
  );
  const sum = (pick: (range: ManifestRange) => number): number =>
    landed.reduce((total, { range }) => total + pick(range), 0);
  return {
    version: 1,
    job: job.name,
    seq: tag.seq,
    batchId: tag.batchId,
    kind: 'stream',
    logicalTime,
    ranges: landed.map(({ range }) => range),
    gaps: intent.gaps,
    objects: landed.flatMap(({ objects }) => objects),
    counts: {
      read: sum((range) => range.read),
      landed: sum((range) => range.landed),
      quarantined: sum((range) => range.quarantined),
    },
    times: times.toJson(),
    drift: driftOf(drift.counts),
  };
}
