/** CUSTOMER.md §1, dead letters: what makes a record a bad one, and the cells of a good one. */
import type { EventOp, OracleColumn, OracleJob, OracleRecord, Row } from './ground-truth.ts';
import { BrokenJson, canonicalJson, exactNumber, hasInfinite, isNumber, isObject, readJson } from './json.ts';
import type { Json } from './json.ts';
import { instant, instantText, isDate, readInstant } from './time.ts';

/** The good record's cells (null: a tombstone), its event time (null: a REST row without one), or all that is wrong. */
export type Verdict =
  | {
      readonly good: true;
      readonly key: string;
      readonly op: EventOp | 'r';
      readonly cells: Row | null;
      readonly eventAt: bigint | null;
    }
  | { readonly good: false; readonly key: string | undefined; readonly reasons: readonly string[] };

type Cell = string | null | { readonly wrong: readonly string[] };
const wrong = (...reasons: string[]): Cell => ({ wrong: reasons });

/** "Text columns are NULL when JSON null or missing": so is every other. */
export function readCell(value: Json | undefined, column: OracleColumn): Cell {
  if (value === undefined || value === null) return null;
  if (column.type === 'JSON') {
    const fits = column.json === undefined || (column.json === 'object' ? isObject(value) : Array.isArray(value));
    return fits ? canonicalJson(value) : wrong('wrong_type');
  }
  if (column.type === 'BOOL') return typeof value === 'boolean' ? String(value) : wrong('wrong_type');
  if (column.type === 'INT64' || column.type === 'FLOAT64' || column.type.startsWith('NUMERIC')) {
    return isNumber(value) ? readNumber(value.number, column.type) : wrong('wrong_type');
  }
  if (typeof value !== 'string') return wrong('wrong_type');
  if (column.values !== undefined && !column.values.includes(value)) return wrong('not_allowed');
  if (column.type === 'DATE') return isDate(value) ? value : wrong('impossible_date');
  if (column.type !== 'TIMESTAMP') return value;
  const at = readInstant(value);
  return at === undefined ? wrong('unreadable_time') : instantText(at);
}

/** "more than two decimals, a number out of range": by value, so 1.500 has one decimal and 1e2 none. */
function readNumber(text: string, type: string): Cell {
  const { sign, digits, scale } = exactNumber(text);
  if (type === 'FLOAT64') {
    return Number.isFinite(Number(text)) ? canonicalJson({ number: String(Number(text)) }) : wrong('out_of_range');
  }
  const [precision, decimals] = type === 'INT64' ? [19, 0] : (/\d+,\d+/.exec(type)?.[0].split(',').map(Number) ?? []);
  if (precision === undefined || decimals === undefined) throw new Error(`no such type: ${type}`);
  const tooLarge = digits.length - scale > precision - decimals ? ['out_of_range'] : [];
  const tooFine = scale > decimals ? [type === 'INT64' ? 'wrong_type' : 'too_many_decimals'] : [];
  if (tooLarge.length + tooFine.length > 0) return wrong(...tooLarge, ...tooFine);
  const unscaled = BigInt(`${sign}${digits}${'0'.repeat(decimals - scale)}` || '0');
  if (type === 'INT64') return unscaled === BigInt.asIntN(64, unscaled) ? String(unscaled) : wrong('out_of_range');
  const padded = String(unscaled < 0n ? -unscaled : unscaled).padStart(decimals + 1, '0');
  const places = decimals === 0 ? '' : `.${padded.slice(-decimals)}`;
  return `${sign}${padded.slice(0, padded.length - decimals)}${places}`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function text(base64: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

/** A stream record: "key ≠ id, a null key" and the event time's bounds by its own broker timestamp. */
export function judgeRecord(record: OracleRecord, job: OracleJob): Verdict {
  const key = record.key === null ? undefined : text(record.key);
  const reasons: string[] = [];
  if (record.key === null) reasons.push('null_key');
  else if (key === undefined) reasons.push('invalid_utf8');
  else if (key === '') reasons.push('empty_key');
  const brokerAt = BigInt(record.timestampMs) * 1000n;
  // "A null value (tombstone) on any of them is a delete"; its event time is the broker timestamp.
  if (record.value === null) {
    if (brokerAt < instant(job.earliest)) reasons.push('time_out_of_bounds');
    return reasons.length === 0 && key !== undefined
      ? { good: true, key, op: 'd', cells: null, eventAt: brokerAt }
      : { good: false, key, reasons };
  }
  const value = text(record.value);
  if (value === undefined) return { good: false, key, reasons: [...reasons, 'invalid_utf8'] };
  const found = judgeValue(value, job, brokerAt, true);
  reasons.push(...found.reasons);
  if (key !== undefined && found.id !== undefined && key !== found.id) reasons.push('key_mismatch');
  const op = found.members === undefined ? undefined : eventOp(record.topic, found.members, job);
  if (found.members !== undefined && op === undefined) reasons.push('unknown_op');
  return reasons.length === 0 && key !== undefined && op !== undefined
    ? { good: true, key, op, cells: found.cells, eventAt: found.eventAt }
    : { good: false, key, reasons };
}

/** A REST row: `updated_at` may be missing; the bound is "the snapshot's end + 1 h". `key` is its readable id, good or not. */
export function judgeRestRow(item: string, job: OracleJob, finishedAt: bigint): Verdict {
  const { id, cells, eventAt, reasons } = judgeValue(item, job, finishedAt, false);
  return reasons.length === 0 && id !== undefined
    ? { good: true, key: id, op: 'r', cells, eventAt }
    : { good: false, key: id, reasons };
}

function eventOp(topic: string, members: ReadonlyMap<string, Json>, job: OracleJob): EventOp | undefined {
  const op = job.topics.find(({ name }) => name === topic)?.op;
  if (op === undefined || typeof op === 'string') return op;
  const value = members.get(op.field);
  return typeof value === 'string' && Object.hasOwn(op.values, value) ? op.values[value] : undefined;
}

interface JudgedValue {
  readonly reasons: readonly string[];
  readonly members?: ReadonlyMap<string, Json>;
  readonly id?: string | undefined;
  readonly cells: Row;
  readonly eventAt: bigint | null;
}

function judgeValue(source: string, job: OracleJob, latestFrom: bigint, isEvent: boolean): JudgedValue {
  const bad = (reason: string): JudgedValue => ({ reasons: [reason], cells: {}, eventAt: null });
  let json: ReturnType<typeof readJson>;
  try {
    json = readJson(source);
  } catch (error) {
    if (error instanceof BrokenJson) return bad('broken_json');
    throw error;
  }
  if (!isObject(json.value)) return bad('wrong_type');
  const members = json.value;
  const reasons = new Set<string>();
  if (json.tooDeep) reasons.add('too_deep');
  if (json.loneSurrogate) reasons.add('lone_surrogate');
  if (hasInfinite(json.value)) reasons.add('out_of_range');
  const read = (field: string, column: OracleColumn, required: boolean): string | null => {
    const cell = readCell(members.get(field), column);
    if (cell === null && required) reasons.add('missing_field');
    if (cell === null || typeof cell === 'string') return cell;
    cell.wrong.forEach((reason) => reasons.add(reason));
    return null;
  };
  // "`id` and `updated_at` are required in events; in REST rows `updated_at` may be missing."
  const id = read(job.keyField, { name: '', field: job.keyField, type: 'STRING' }, true);
  if (id === '') reasons.add('empty_key');
  const time = read(job.eventTimeField, { name: '', field: job.eventTimeField, type: 'TIMESTAMP' }, isEvent);
  const cells = Object.fromEntries(
    job.columns.map((column) => {
      const free = column.field === job.eventTimeField || column.required !== true;
      return [column.name, read(column.field, column, !free)];
    }),
  );
  const eventAt = time === null ? null : instant(time);
  // "an event time outside event_time_bounds"; both bounds belong to the inside.
  if (eventAt !== null && (eventAt < instant(job.earliest) || eventAt > latestFrom + BigInt(job.maxFutureMs) * 1000n)) {
    reasons.add('time_out_of_bounds');
  }
  // A readable id: what absence and completeness of a snapshot go by.
  const readable = id !== null && id !== '' && id.isWellFormed() ? id : undefined;
  return { reasons: [...reasons], members, id: readable, cells, eventAt };
}
