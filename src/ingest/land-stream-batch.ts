/**
 * Lands a stream batch: each range is read to its end position, every record is judged once, and good and bad ones are written to
 * objects named by their offsets. Nothing is sealed here; the caller seals what comes back.
 *
 * If the process dies in here, the objects that were finished stay, unnamed by any manifest; the next attempt at the same intent
 * writes the same names with the same bytes.
 */
import type { BatchId, Manifest, ManifestObject, ManifestRange, StreamIntent } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import type { OffsetRange, SourceRecord } from '../core/record.ts';
import { BufferGarbage } from './buffer-garbage.ts';
import { driftCounter, driftOf } from './drift.ts';
import type { BatchTag } from './envelope.ts';
import { replacingLeftovers } from './landing-writer.ts';
import type { ObjectStore, StreamSource } from './ports.ts';
import { recordChecksum } from './record-checksum.ts';
import { createJudge, SliceWriter, type RangeTally, type RecordJudge, type SliceRequest } from './slice-writer.ts';
import { TimeBounds } from './time-bounds.ts';

/**
 * Offsets per object: 200,000 small events are some 100 MB, large enough that files do not count, small enough that several ranges
 * are read at once and a retry repeats little. The cut is by offset, so the same intent gives the same objects.
 */
export const OFFSETS_PER_OBJECT = 200_000n;

/** Ranges read at once: more do not help one process on two cores, and each holds a chunk in memory. */
export const PARALLEL_RANGES = 4;

export interface LandStreamRequest extends SliceRequest {
  readonly tag: BatchTag & { readonly batchId: BatchId };
  readonly logicalTime: string;
  readonly intent: StreamIntent;
  readonly signal?: AbortSignal;
  readonly onProgress?: (records: number) => void;
}

interface LandedRange {
  readonly range: ManifestRange;
  readonly objects: readonly ManifestObject[];
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
