/** From a source's bytes to a verdict: keys, UTF-8, event times, then the value's columns. */
import { isUtf8 } from 'node:buffer';
import type { JobDefinition, TopicDefinition } from '../core/job.ts';
import type { Op, SourceRecord } from '../core/record.ts';
import { MAX_TIMESTAMP_MS, microsOfMillis } from '../core/time.ts';
import { createValueChecker, type JsonObject, type ValueChecker } from './check-value.ts';
import type { DriftSink } from './drift.ts';
import { checkEventTime, eventTimeBounds, readEventTime } from './event-time.ts';
import { createIdReader, hasIntegerKey, isIntegerKey, type IdReader } from './record-id.ts';
import { Rejection, type BadVerdict, type Verdict } from './verdict.ts';

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('utf8');
}

function reject(error: unknown, key: string | null): BadVerdict {
  if (!(error instanceof Rejection)) throw error;
  return { ok: false, code: error.code, reason: error.message, path: error.path, key };
}

export type RecordDecoder = (record: SourceRecord, topic: TopicDefinition) => Verdict;

/**
 * Decodes stream records of a job. A verdict depends on the record alone (its bytes and its broker timestamp), never on the wall clock or
 * on how the stream was cut.
 */
export async function createRecordDecoder(job: JobDefinition, onDrift: DriftSink): Promise<RecordDecoder> {
  const check: ValueChecker = await createValueChecker(job, onDrift);
  const bounds = eventTimeBounds(job);
  const readId = createIdReader(job);
  const isNumbered = hasIntegerKey(job);

  function opOf(topic: TopicDefinition, object: JsonObject): Op {
    if (typeof topic.op === 'string') return topic.op;
    const raw = object[topic.op.field];
    const op = typeof raw === 'string' && Object.hasOwn(topic.op.values, raw) ? topic.op.values[raw] : undefined;
    if (op === undefined)
      throw new Rejection('op_unknown', `$.${topic.op.field} names no operation`, `$.${topic.op.field}`);
    return op;
  }

  function keyOf(record: SourceRecord): string {
    if (record.key === null) throw new Rejection('key_null', 'the record has no key');
    if (record.key.length === 0) throw new Rejection('key_null', 'the key is empty');
    if (!isUtf8(record.key)) throw new Rejection('key_invalid', 'the key is not UTF-8');
    return textOf(record.key);
  }

  function checkKey(key: string): void {
    if (isNumbered && !isIntegerKey(key)) throw new Rejection('key_invalid', 'the key is no 64-bit integer');
  }

  function decodeTombstone(record: SourceRecord, key: string): Verdict {
    const micros = microsOfMillis(record.timestampMs);
    if (micros < bounds.earliestMicros) {
      throw new Rejection(
        'broker_timestamp_out_of_bounds',
        'the broker timestamp of the tombstone lies outside of the event time bounds',
      );
    }
    const text = new Date(record.timestampMs).toISOString();
    return { ok: true, key, op: 'd', eventAt: { micros, text }, value: null, json: null };
  }

  function decodeValue(record: SourceRecord, value: Uint8Array, key: string, topic: TopicDefinition): Verdict {
    if (value.length > job.limits.maxRecordBytes) {
      throw new Rejection(
        'record_too_large',
        `the value has ${value.length} bytes, allowed are ${job.limits.maxRecordBytes}`,
      );
    }
    if (!isUtf8(value)) throw new Rejection('utf8_invalid', 'the value is not UTF-8');
    const text = textOf(value);
    const { object, json } = check(text);
    const id = readId(object, text);
    if (id !== key)
      throw new Rejection('key_mismatch', `$.${job.key.field} is not the record's key`, `$.${job.key.field}`);
    const eventAt = readEventTime(object, job.eventTime.field);
    if (eventAt === null) {
      throw new Rejection('event_time_missing', `$.${job.eventTime.field} is missing`, `$.${job.eventTime.field}`);
    }
    checkEventTime(eventAt, record.timestampMs * 1000 + bounds.maxFutureMicros, bounds, job.eventTime.field);
    return { ok: true, key, op: opOf(topic, object), eventAt, value: text, json };
  }

  return (record, topic) => {
    let key: string | null = null;
    try {
      key = keyOf(record);
      checkKey(key);
      if (record.timestampMs > MAX_TIMESTAMP_MS) {
        throw new Rejection('broker_timestamp_out_of_bounds', 'the broker timestamp lies beyond the year 9999');
      }
      return record.value === null ? decodeTombstone(record, key) : decodeValue(record, record.value, key, topic);
    } catch (error) {
      return reject(error, key);
    }
  };
}

/** Decodes one row of a REST page. `finishedAtMs` is S1: a row may be an hour ahead of it at most (CUSTOMER.md §1). */
export type RowDecoder = (text: string, finishedAtMs: number) => Verdict;

export async function createRowDecoder(job: JobDefinition, onDrift: DriftSink): Promise<RowDecoder> {
  const check = await createValueChecker(job, onDrift);
  const bounds = eventTimeBounds(job);
  const readId = createIdReader(job);
  return (text, finishedAtMs) => {
    let key: string | null = null;
    try {
      key = readRowKey(text, readId);
      if (!text.isWellFormed()) throw new Rejection('surrogate_lone', 'the row holds a lone surrogate');
      const { object, json } = check(text);
      const id = readId(object, text);
      const eventAt = readEventTime(object, job.eventTime.field);
      if (eventAt !== null)
        checkEventTime(eventAt, finishedAtMs * 1000 + bounds.maxFutureMicros, bounds, job.eventTime.field);
      return { ok: true, key: id, op: 'r', eventAt, value: text, json };
    } catch (error) {
      return reject(error, key);
    }
  };
}

/** The id of a row that may be bad in every other field: it still counts as present. null when it cannot be read. */
function readRowKey(text: string, readId: IdReader): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  try {
    return readId(parsed as JsonObject, text);
  } catch (error) {
    if (error instanceof Rejection) return null;
    throw error;
  }
}
