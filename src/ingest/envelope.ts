/**
 * The landing envelope: one JSON line per record, its members named like the raw tables' columns, so that both warehouses load the
 * files as they are. `value` is the text as it came; a dead letter keeps key and value as bytes in base64. `_topic_partition` and
 * `_has_value` are BigQuery's: it takes no column named `_partition`, and its load jobs compute nothing.
 */
import { isUtf8 } from 'node:buffer';
import type { RecordHeaders, SourceRecord } from '../core/record.ts';
import type { BadVerdict, GoodVerdict } from './verdict.ts';

export interface StreamOrigin {
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
}

export interface BatchTag {
  readonly seq: number;
  readonly batchId: string;
}

export interface RowPlace {
  readonly snapshotId: string;
  /** RFC 3339 UTC: S0. */
  readonly startedAt: string;
  /** From 1, and from 0 within the page. */
  readonly page: number;
  readonly row: number;
}

/** The members that every line of one object shares, as JSON text ending with a comma. */
export function streamLinePrefix(tag: BatchTag, origin: StreamOrigin, object: string): string {
  return (
    `{"_topic":${JSON.stringify(origin.topic)},"_epoch":${origin.epoch},"_partition":${origin.partition},"_topic_partition":${origin.partition},` +
    `"_seq":${tag.seq},"_batch_id":${JSON.stringify(tag.batchId)},"_object":${JSON.stringify(object)},`
  );
}

export function snapshotLinePrefix(tag: BatchTag, snapshotId: string, startedAt: string, object: string): string {
  return (
    `{"_snapshot_id":${JSON.stringify(snapshotId)},"_snapshot_started_at":${JSON.stringify(startedAt)},` +
    `"_seq":${tag.seq},"_batch_id":${JSON.stringify(tag.batchId)},"_object":${JSON.stringify(object)},`
  );
}

const MINUTE_MS = 60_000;
const DIGITS = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

let cachedMinute = Number.NaN;
let cachedPrefix = '';

/** As `toISOString`, which costs a tenth of landing: the records of a batch lie in few minutes, so all but seconds is kept from the one before. */
export function timestampText(millis: number): string {
  const minute = Math.floor(millis / MINUTE_MS);
  if (minute !== cachedMinute) {
    const text = new Date(minute * MINUTE_MS).toISOString();
    cachedPrefix = text.slice(0, -7);
    cachedMinute = minute;
  }
  const rest = millis - minute * MINUTE_MS;
  const seconds = Math.floor(rest / 1000);
  return `${cachedPrefix}${seconds < 10 ? '0' : ''}${seconds}.${DIGITS[rest - seconds * 1000]}Z`;
}

function isWarehouseTimestamp(millis: number): boolean {
  return millis >= -62_135_596_800_000 && millis <= 253_402_300_799_999;
}

/** `[{"key":…,"value":…}]` in the order of the log; a value that is not UTF-8 stands as `value_base64`. */
export function headersText(headers: RecordHeaders | undefined): string | null {
  if (headers === undefined || headers.length === 0) return null;
  return JSON.stringify(
    headers.map(([key, value]) => {
      if (value === null) return { key, value: null };
      return isUtf8(value) ? { key, value: Buffer.from(value).toString('utf8') } : { key, value_base64: base64(value) };
    }),
  );
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function streamLine(prefix: string, record: SourceRecord, verdict: GoodVerdict): string {
  const headers = headersText(record.headers);
  return (
    `${prefix}"_offset":${record.offset},"_timestamp":"${timestampText(record.timestampMs)}","_key":${JSON.stringify(verdict.key)},` +
    (headers === null ? '' : `"_headers":${JSON.stringify(headers)},`) +
    `"_op":"${verdict.op}","_has_value":${String(verdict.value !== null)},"_event_at":"${verdict.eventAt?.text ?? ''}"` +
    (verdict.json === null ? '' : `,"_json":${JSON.stringify(verdict.json)}`) +
    (verdict.value === null ? '' : `,"value":${JSON.stringify(verdict.value)}`) +
    '}\n'
  );
}

function reasonMembers(verdict: BadVerdict): string {
  const key = verdict.key !== null && verdict.key.isWellFormed() ? `"_key":${JSON.stringify(verdict.key)},` : '';
  const path =
    verdict.path !== null && verdict.path.isWellFormed() ? `,"json_path":${JSON.stringify(verdict.path)}` : '';
  return `${key}"reason_code":"${verdict.code}","reason":${JSON.stringify(verdict.reason.toWellFormed())}${path}`;
}

export function deadStreamLine(prefix: string, record: SourceRecord, verdict: BadVerdict): string {
  const headers = headersText(record.headers);
  const timestamp = isWarehouseTimestamp(record.timestampMs)
    ? `"_timestamp":"${timestampText(record.timestampMs)}",`
    : '';
  return (
    `${prefix}"_offset":${record.offset},${timestamp}"_timestamp_ms":${record.timestampMs},` +
    (headers === null ? '' : `"_headers":${JSON.stringify(headers)},`) +
    (record.key === null ? '' : `"key_base64":"${base64(record.key)}",`) +
    (record.value === null ? '' : `"value_base64":"${base64(record.value)}",`) +
    `${reasonMembers(verdict)}}\n`
  );
}

export function snapshotLine(prefix: string, place: RowPlace, verdict: GoodVerdict): string {
  return (
    `${prefix}"_page":${place.page},"_row":${place.row},"_key":${JSON.stringify(verdict.key)}` +
    (verdict.eventAt === null ? '' : `,"_event_at":"${verdict.eventAt.text}"`) +
    (verdict.json === null ? '' : `,"_json":${JSON.stringify(verdict.json)}`) +
    `,"value":${JSON.stringify(verdict.value)}}\n`
  );
}

export function deadSnapshotLine(prefix: string, place: RowPlace, text: string, verdict: BadVerdict): string {
  const value = base64(Buffer.from(text, 'utf8'));
  return `${prefix}"_page":${place.page},"_row":${place.row},"value_base64":"${value}",${reasonMembers(verdict)}}\n`;
}
