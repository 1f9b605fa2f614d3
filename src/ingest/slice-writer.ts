/** A slice of a partition's offsets on its way into landing: every record is judged once, and becomes a line of one object or of the other. */
import type { ManifestObject } from '../core/batch.ts';
import type { JobDefinition, TopicDefinition } from '../core/job.ts';
import { deadLetterObjectName, streamObjectName } from '../core/object-key.ts';
import type { OffsetRange, SourceRecord } from '../core/record.ts';
import { microsOfMillis } from '../core/time.ts';
import { createRecordDecoder, type RecordDecoder } from './decode.ts';
import type { DriftSink } from './drift.ts';
import { deadStreamLine, streamLine, streamLinePrefix, type BatchTag } from './envelope.ts';
import { openLandingObject, type LandingWriter } from './landing-writer.ts';
import { createPlainLines, plainLinePrefix, type PlainLines } from './plain-line.ts';
import type { ObjectStore } from './ports.ts';
import type { TimeBounds } from './time-bounds.ts';

/** How a record becomes a line: the quick way where there is one, and the exact way for what that leaves. */
export interface RecordJudge {
  readonly decode: RecordDecoder;
  readonly plain: PlainLines | null;
}

export async function createJudge(job: JobDefinition, onDrift: DriftSink): Promise<RecordJudge> {
  const plain = createPlainLines(job, onDrift);
  const decode = await createRecordDecoder(job, (field) => {
    onDrift(field);
    plain?.learn(field);
  });
  return { decode, plain };
}

export interface RangeTally {
  landed: number;
  quarantined: number;
  readonly times: TimeBounds;
}

/** What the slices of a batch have in common. */
export interface SliceRequest {
  readonly job: JobDefinition;
  readonly tag: BatchTag;
  readonly gzip: boolean;
  /** Throws `lease_lost` when the run may not write any more. */
  readonly guard: () => Promise<void>;
}

/** The two objects (good rows, dead letters) of one slice of offsets, opened when their first row comes. */
export class SliceWriter {
  readonly #request: SliceRequest;
  readonly #store: ObjectStore;
  readonly slice: OffsetRange;
  #good: LandingWriter | undefined;
  #dead: LandingWriter | undefined;
  #goodPrefix = '';
  /** The same for plain lines. */
  #plainPrefix: Uint8Array = new Uint8Array(0);
  #deadPrefix = '';

  constructor(request: SliceRequest, store: ObjectStore, slice: OffsetRange) {
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
