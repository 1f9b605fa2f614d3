/** Dead letters as landing keeps them, and their second judgement (`dlq replay`). */
import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import type { BatchId, Manifest, ManifestObject } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import type { JobDefinition } from '../core/job.ts';
import { replayRowsName } from '../core/object-key.ts';
import type { RecordHeaders, SourceRecord } from '../core/record.ts';
import { formatLastMicros, formatMicros, formatMillis, microsOfMillis, millisOf } from '../core/time.ts';
import { createRecordDecoder, createRowDecoder } from './decode.ts';
import { snapshotLine, snapshotLinePrefix, streamLine, streamLinePrefix, type BatchTag } from './envelope.ts';
import { driftCounter, driftOf } from './drift.ts';
import { openLandingObject, replacingLeftovers, type LandingWriter } from './landing-writer.ts';
import type { ObjectStore } from './ports.ts';
import type { GoodVerdict, Verdict } from './verdict.ts';

/** One line of a dead-letter object; members are absent where they do not apply. */
export interface DeadLetter {
  readonly _topic?: string;
  readonly _epoch?: number;
  readonly _partition?: number;
  readonly _offset?: bigint;
  readonly _timestamp_ms?: number;
  readonly _snapshot_id?: string;
  readonly _snapshot_started_at?: string;
  readonly _page?: number;
  readonly _row?: number;
  readonly _headers?: string;
  readonly _key?: string;
  readonly key_base64?: string;
  readonly value_base64?: string;
  readonly reason_code: string;
  readonly reason: string;
  readonly json_path?: string;
  readonly _batch_id: string;
  readonly _seq: number;
  readonly _object: string;
}

/** Identity of a record's place: a stream position or a snapshot's row. */
export function placeOf(
  letter: Pick<DeadLetter, '_topic' | '_epoch' | '_partition' | '_offset' | '_snapshot_id' | '_page' | '_row'>,
): string {
  return letter._snapshot_id === undefined
    ? `${letter._topic}|${letter._epoch ?? 0}|${letter._partition}|${letter._offset}`
    : `${letter._snapshot_id}|${letter._page}|${letter._row}`;
}

function parseLine(line: string): DeadLetter {
  return JSON.parse(line, (name, value: unknown, context?: { source?: string }) =>
    name === '_offset' && typeof value === 'number' ? BigInt(context?.source ?? value) : value,
  ) as DeadLetter;
}

async function* linesOf(store: ObjectStore, name: string): AsyncIterable<string> {
  const stored = Readable.from(store.read(name));
  // Here, because every run loads this file, and 3 ms are much for what only a replay needs.
  const { createInterface } = await import('node:readline');
  const plain = name.endsWith('.gz') ? stored.pipe(createGunzip()) : stored;
  yield* createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY });
}

export async function* readDeadLetters(store: ObjectStore, manifests: readonly Manifest[]): AsyncIterable<DeadLetter> {
  for (const manifest of manifests) {
    for (const object of manifest.objects) {
      if (object.role !== 'dead') continue;
      for await (const line of linesOf(store, object.name)) if (line !== '') yield parseLine(line);
    }
  }
}

/** The places that replays have landed already. */
export async function replayedPlaces(store: ObjectStore, manifests: readonly Manifest[]): Promise<Set<string>> {
  const places = new Set<string>();
  for (const manifest of manifests) {
    if (manifest.kind !== 'replay') continue;
    for (const object of manifest.objects) {
      for await (const line of linesOf(store, object.name)) if (line !== '') places.add(placeOf(parseLine(line)));
    }
  }
  return places;
}

function headersOf(text: string | undefined): RecordHeaders | undefined {
  if (text === undefined) return undefined;
  const list = JSON.parse(text) as readonly { key: string; value?: string | null; value_base64?: string }[];
  return list.map(({ key, value, value_base64: coded }) => {
    if (coded !== undefined) return [key, Buffer.from(coded, 'base64')] as const;
    return [key, value === null || value === undefined ? null : Buffer.from(value, 'utf8')] as const;
  });
}

function recordOf(letter: DeadLetter): SourceRecord {
  const headers = headersOf(letter._headers);
  return {
    offset: letter._offset ?? 0n,
    timestampMs: letter._timestamp_ms ?? -1,
    key: letter.key_base64 === undefined ? null : Buffer.from(letter.key_base64, 'base64'),
    value: letter.value_base64 === undefined ? null : Buffer.from(letter.value_base64, 'base64'),
    ...(headers === undefined ? {} : { headers }),
  };
}

export interface ReplayRequest {
  readonly job: JobDefinition;
  readonly tag: BatchTag & { readonly batchId: BatchId };
  readonly logicalTime: string;
  /** Every sealed batch before the replay. */
  readonly manifests: readonly Manifest[];
  /** Only dead letters of these batches; empty: of all. */
  readonly sourceBatches: readonly BatchId[];
  readonly reasonCode: string | null;
  readonly gzip: boolean;
  readonly guard: () => Promise<void>;
}

type Judge = (letter: DeadLetter) => Verdict | null;

/** Judges a dead letter by today's schema; null when its topic or snapshot is not the job's any more. */
export async function createJudge(
  job: JobDefinition,
  manifests: readonly Manifest[],
  onDrift: (field: string) => void,
): Promise<Judge> {
  const decodeRecord = await createRecordDecoder(job, onDrift);
  const decodeRow = await createRowDecoder(job, onDrift);
  const snapshots = new Map(
    manifests.flatMap(({ snapshot }) => (snapshot === undefined ? [] : [[snapshot.snapshotId, snapshot] as const])),
  );
  return (letter) => {
    if (letter._snapshot_id !== undefined) {
      const snapshot = snapshots.get(letter._snapshot_id);
      if (snapshot === undefined || letter.value_base64 === undefined) return null;
      return decodeRow(Buffer.from(letter.value_base64, 'base64').toString('utf8'), millisOf(snapshot.finishedAt));
    }
    const topic = job.topics.find((candidate) => candidate.name === letter._topic);
    return topic === undefined ? null : decodeRecord(recordOf(letter), topic);
  };
}

class ReplayObjects {
  readonly #request: ReplayRequest;
  readonly #store: ObjectStore;
  readonly #open = new Map<'stream' | 'snapshot', LandingWriter>();

  constructor(request: ReplayRequest, store: ObjectStore) {
    this.#request = request;
    this.#store = store;
  }

  #name(role: 'stream' | 'snapshot'): string {
    const { job, tag, gzip } = this.#request;
    return replayRowsName(job.name, tag.batchId, role === 'stream' ? 1 : 2, { gzip });
  }

  async write(role: 'stream' | 'snapshot', line: (object: string) => string): Promise<void> {
    const name = this.#name(role);
    let writer = this.#open.get(role);
    if (writer === undefined) {
      writer = await openLandingObject({ store: this.#store, name, role, gzip: this.#request.gzip });
      this.#open.set(role, writer);
    }
    const pending = writer.line(line(name));
    if (pending !== undefined) await pending;
  }

  async commit(): Promise<readonly ManifestObject[]> {
    const objects: ManifestObject[] = [];
    for (const writer of this.#open.values()) objects.push(await writer.commit(this.#request.guard));
    return objects;
  }

  async abort(): Promise<void> {
    for (const writer of this.#open.values()) await writer.abort();
  }
}

function replayLine(request: ReplayRequest, letter: DeadLetter, verdict: GoodVerdict, object: string): string {
  const { tag } = request;
  if (letter._snapshot_id !== undefined) {
    const place = {
      snapshotId: letter._snapshot_id,
      startedAt: letter._snapshot_started_at ?? '',
      page: letter._page ?? 0,
      row: letter._row ?? 0,
    };
    return snapshotLine(snapshotLinePrefix(tag, place.snapshotId, place.startedAt, object), place, verdict);
  }
  const origin = { topic: letter._topic ?? '', epoch: letter._epoch ?? 0, partition: letter._partition ?? 0 };
  return streamLine(streamLinePrefix(tag, origin, object), recordOf(letter), verdict);
}

async function landOnce(request: ReplayRequest, store: ObjectStore): Promise<Manifest> {
  const { job, manifests, sourceBatches, reasonCode } = request;
  const wanted = new Set(sourceBatches);
  const sources = manifests.filter((manifest) => wanted.size === 0 || wanted.has(manifest.batchId));
  const done = await replayedPlaces(store, manifests);
  const drift = driftCounter();
  const judge = await createJudge(job, manifests, drift.sink);
  const output = new ReplayObjects(request, store);
  const used = new Set<BatchId>();
  let read = 0;
  let landed = 0;
  let minEvent = Number.POSITIVE_INFINITY;
  let maxEvent = Number.NEGATIVE_INFINITY;
  let minBroker = Number.POSITIVE_INFINITY;
  let maxBroker = Number.NEGATIVE_INFINITY;
  try {
    for await (const letter of readDeadLetters(store, sources)) {
      if (done.has(placeOf(letter)) || (reasonCode !== null && letter.reason_code !== reasonCode)) continue;
      read++;
      const verdict = judge(letter);
      if (verdict === null || !verdict.ok) continue;
      await output.write(letter._snapshot_id === undefined ? 'stream' : 'snapshot', (object) =>
        replayLine(request, letter, verdict, object),
      );
      landed++;
      used.add(letter._batch_id);
      // A snapshot's row is effective from S0 on at the earliest; see ManifestTimes.
      const broker =
        letter._snapshot_started_at === undefined ? (letter._timestamp_ms ?? 0) : millisOf(letter._snapshot_started_at);
      const event =
        letter._snapshot_started_at === undefined
          ? (verdict.eventAt?.micros ?? microsOfMillis(broker))
          : microsOfMillis(broker);
      minEvent = Math.min(minEvent, event);
      maxEvent = Math.max(maxEvent, event);
      minBroker = Math.min(minBroker, broker);
      maxBroker = Math.max(maxBroker, broker);
    }
    const objects = await output.commit();
    return {
      version: 1,
      job: job.name,
      seq: request.tag.seq,
      batchId: request.tag.batchId,
      kind: 'replay',
      logicalTime: request.logicalTime,
      ranges: [],
      gaps: [],
      objects,
      counts: { read, landed, quarantined: read - landed },
      times:
        landed === 0
          ? null
          : {
              minEventAt: formatMicros(minEvent),
              maxEventAt: formatLastMicros(maxEvent),
              minBrokerAt: formatMillis(minBroker),
              maxBrokerAt: formatMillis(maxBroker),
            },
      drift: driftOf(drift.counts),
      replay: {
        sourceBatches: [...used].sort(),
        objects: sources.flatMap((manifest) =>
          manifest.objects.filter((object) => object.role === 'dead').map((object) => object.name),
        ),
      },
    };
  } catch (error) {
    await output.abort();
    throw error;
  }
}

/** Lands what passes by today's schema at its original position; what does not pass stays a dead letter. */
export async function landReplayBatch(request: ReplayRequest, store: ObjectStore): Promise<Manifest> {
  if (request.manifests.some((manifest) => manifest.seq >= request.tag.seq)) {
    throw new SluiceError('internal', `replay ${request.tag.batchId} was handed batches that came after it`);
  }
  return replacingLeftovers(store, request.guard, () => landOnce(request, store));
}
