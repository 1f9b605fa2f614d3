/** Landing lines of plain records, written as bytes: the same line that `streamLine` makes of the exact way's verdict, several times as fast. */
import type { JobDefinition, TopicDefinition } from '../core/job.ts';
import type { Op, SourceRecord } from '../core/record.ts';
import { MAX_TIMESTAMP_MS } from '../core/time.ts';
import type { DriftSink } from './drift.ts';
import { eventTimeBounds, type EventTimeBounds } from './event-time.ts';
import { headersText, timestampText } from './envelope.ts';
import type { LineBlock } from './landing-writer.ts';
import { equalBytes, MINUS, NUMBER, TEXT, ZERO } from './plain-json.ts';
import { microsAt } from './plain-time.ts';
import { PlainRewriter } from './plain-rewrite.ts';
import { createPlainValueReader, type PlainMember, type PlainValueReader } from './plain-value.ts';
import { hasIntegerKey } from './record-id.ts';

const MINUTE_MS = 60_000;

/** Bytes of a line besides prefix, key, headers and value; rounded up. */
const OWN_BYTES = 256;
/** Shorter pieces are copied byte by byte, which costs less than a call. */
const SHORT_BYTES = 24;

const BEHIND_OFFSET = ',"_timestamp":"';
const BEHIND_TIMESTAMP = '","_key":"';
const BEHIND_KEY = Buffer.from('",');
const OP = Buffer.from('"_op":"?","_has_value":true,"_event_at":"');
const OP_AT = OP.indexOf('?');
const BEHIND_EVENT_TIME = Buffer.from('","value":"');
const BEFORE_REWRITTEN = Buffer.from('","_json":"');
const LINE_END = Buffer.from('"}\n');
const NOTHING = new Uint8Array(0);

interface TopicOp {
  readonly op: Op | null;
  readonly member: PlainMember | undefined;
  readonly texts: readonly { readonly text: Uint8Array; readonly op: Op }[];
}

function put(out: Uint8Array, at: number, bytes: Uint8Array): number {
  if (bytes.length > SHORT_BYTES) out.set(bytes, at);
  else for (let index = 0; index < bytes.length; index++) out[at + index] = bytes[index] as number;
  return at + bytes.length;
}

function putRange(out: Uint8Array, at: number, bytes: Uint8Array, from: number, to: number): number {
  for (let index = from, end = at; index < to; index++, end++) out[end] = bytes[index] as number;
  return at + to - from;
}

function putNumber(out: Uint8Array, at: number, number: number): number {
  let end = at + 1;
  for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) end++;
  let rest = number;
  for (let here = end - 1; here >= at; here--) {
    const next = Math.floor(rest / 10);
    out[here] = ZERO + rest - next * 10;
    rest = next;
  }
  return end;
}

function headersMember(record: SourceRecord): Uint8Array {
  const text = record.headers === undefined ? null : headersText(record.headers);
  return text === null ? NOTHING : Buffer.from(`"_headers":${JSON.stringify(text)},`, 'utf8');
}

/** `prefix` is what `streamLinePrefix` made. */
export function plainLinePrefix(prefix: string): Uint8Array {
  return Buffer.from(`${prefix}"_offset":`, 'utf8');
}

/** null: this job's records all need the exact way. */
export function createPlainLines(job: JobDefinition, onDrift: DriftSink): PlainLines | null {
  const reader = createPlainValueReader(job);
  const key = reader?.member(job.key.field);
  const time = reader?.member(job.eventTime.field);
  if (reader === null || key === undefined || time === undefined) return null;
  return new PlainLines({ job, reader, key, time, onDrift });
}

interface Parts {
  readonly job: JobDefinition;
  readonly reader: PlainValueReader;
  readonly key: PlainMember;
  readonly time: PlainMember;
  readonly onDrift: DriftSink;
}

export class PlainLines {
  readonly #parts: Parts;
  readonly #bounds: EventTimeBounds;
  readonly #keyToken: number;
  readonly #ops = new Map<TopicDefinition, TopicOp>();
  /** `,"_timestamp":"…","_key":"` of the minute of the record before; seconds are written over. */
  #minute = -1;
  #timestamp: Uint8Array = NOTHING;
  readonly #rewriter = new PlainRewriter();
  /** Of the record before: most have the same, and then the value need not be moved. */
  #eventTimeBytes = 24;
  /** Where the value of the line that is being written begins. */
  #valueAt = 0;
  /** Event time of the line that was written last, microseconds. */
  eventMicros = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#bounds = eventTimeBounds(parts.job);
    this.#keyToken = hasIntegerKey(parts.job) ? NUMBER : TEXT;
    for (const topic of parts.job.topics) this.#ops.set(topic, topicOp(topic, parts.reader));
  }

  /** See `PlainValueReader.learn`. */
  learn(field: string): void {
    this.#parts.reader.learn(field);
  }

  /** The bytes that `write` may need; headers come on top. */
  room(record: SourceRecord, prefix: Uint8Array): number {
    return prefix.length + (record.key?.length ?? 0) + 2 * (record.value?.length ?? 0) + OWN_BYTES;
  }

  /**
   * Writes the record's line into the block and says where it ends; 0 when the record has to go the exact way. `prefix` is made by
   * `plainLinePrefix`.
   */
  write(record: SourceRecord, topic: TopicDefinition, prefix: Uint8Array, block: LineBlock): number {
    const { bytes: out, at } = block;
    const { key, value, timestampMs } = record;
    const { job, reader } = this.#parts;
    if (key === null || value === null || key.length === 0 || value.length > job.limits.maxRecordBytes) return 0;
    if (!Number.isInteger(timestampMs) || timestampMs < 0 || timestampMs > MAX_TIMESTAMP_MS) return 0;
    const offset = Number(record.offset);
    if (!Number.isSafeInteger(offset)) return 0;
    const headers = headersMember(record);
    if (this.room(record, prefix) + headers.length > out.length - at) return 0;

    let end = putNumber(out, put(out, at, prefix), offset);
    end = this.#putTimestamp(out, end, timestampMs);
    end = put(out, put(out, putRange(out, end, key, 0, key.length), BEHIND_KEY), headers);
    const opAt = end + OP_AT;
    end = put(out, end, OP);
    const valueAt = end + this.#eventTimeBytes + BEHIND_EVENT_TIME.length;
    if (!reader.read(value, out, valueAt)) return 0;
    const op = this.#op(topic, value);
    if (op === undefined || !this.#isOwnKey(key, value) || !this.#readEventTime(value, timestampMs)) return 0;
    out[opAt] = op.charCodeAt(0);
    end = this.#putEventTime(value, out, end, valueAt);
    if (reader.hasLong) end = this.#putRewritten(value, out, end);
    if (end === 0) return 0;
    for (const { field } of reader.drift) this.#parts.onDrift(field);
    return put(out, end, LINE_END);
  }

  #putTimestamp(out: Uint8Array, at: number, timestampMs: number): number {
    const minute = Math.floor(timestampMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#timestamp = Buffer.from(BEHIND_OFFSET + timestampText(minute * MINUTE_MS) + BEHIND_TIMESTAMP);
      this.#minute = minute;
    }
    const end = put(out, at, this.#timestamp);
    const rest = timestampMs - minute * MINUTE_MS;
    // `00.000Z","_key":"`
    const secondsAt = end - BEHIND_TIMESTAMP.length - 7;
    out[secondsAt] = ZERO + Math.floor(rest / 10_000);
    out[secondsAt + 1] = ZERO + (Math.floor(rest / 1000) % 10);
    out[secondsAt + 3] = ZERO + (Math.floor(rest / 100) % 10);
    out[secondsAt + 4] = ZERO + (Math.floor(rest / 10) % 10);
    out[secondsAt + 5] = ZERO + (rest % 10);
    return end;
  }

  #op(topic: TopicDefinition, value: Uint8Array): Op | undefined {
    const { op, member, texts } = this.#ops.get(topic) ?? topicOp(topic, this.#parts.reader);
    if (op !== null) return op;
    if (member === undefined || !this.#parts.reader.has(member, TEXT)) return undefined;
    return texts.find(({ text }) => equalBytes(value, member.start, member.end, text))?.op;
  }

  /** The id in the value, whose text has no escapes, is the record's key byte by byte: so the key needs none either. */
  #isOwnKey(key: Uint8Array, value: Uint8Array): boolean {
    const { reader, key: member } = this.#parts;
    if (!reader.has(member, this.#keyToken) || !equalBytes(value, member.start, member.end, key)) return false;
    return this.#keyToken === TEXT || key[0] !== MINUS;
  }

  #readEventTime(value: Uint8Array, timestampMs: number): boolean {
    const { reader, time } = this.#parts;
    if (!reader.has(time, TEXT)) return false;
    const micros = microsAt(value, time.start, time.end);
    this.eventMicros = micros;
    // False for NaN too.
    return micros >= this.#bounds.earliestMicros && micros <= timestampMs * 1000 + this.#bounds.maxFutureMicros;
  }

  /** Puts the rewritten value before the value, which ends at `end`; 0 when that cannot be done. */
  #putRewritten(value: Uint8Array, out: Uint8Array, end: number): number {
    const rewriter = this.#rewriter;
    if (!rewriter.write(value, this.#parts.reader.members)) return 0;
    const bytes = BEFORE_REWRITTEN.length + rewriter.length;
    if (end + bytes + LINE_END.length > out.length) return 0;
    const at = this.#valueAt - BEHIND_EVENT_TIME.length;
    out.copyWithin(at + bytes, at, end);
    out.set(rewriter.bytes.subarray(0, rewriter.length), put(out, at, BEFORE_REWRITTEN));
    return end + bytes;
  }

  /** Puts the event time before the value, which stands at `valueAt`. */
  #putEventTime(value: Uint8Array, out: Uint8Array, at: number, valueAt: number): number {
    const { reader, time } = this.#parts;
    const bytes = time.end - time.start;
    const moved = at + bytes + BEHIND_EVENT_TIME.length;
    if (moved !== valueAt) {
      out.copyWithin(moved, valueAt, reader.end);
      this.#eventTimeBytes = bytes;
    }
    put(out, putRange(out, at, value, time.start, time.end), BEHIND_EVENT_TIME);
    this.#valueAt = moved;
    return reader.end + moved - valueAt;
  }
}

function topicOp({ op }: TopicDefinition, reader: PlainValueReader): TopicOp {
  if (typeof op === 'string') return { op, member: undefined, texts: [] };
  // A backslash in the value's bytes does not mean itself.
  const texts = Object.entries(op.values)
    .filter(([text]) => !text.includes('\\'))
    .map(([text, code]) => ({ text: Buffer.from(text, 'utf8'), op: code }));
  return { op: null, member: reader.member(op.field), texts };
}
