/** A few words to tell a ground truth by hand. A time is `HH:MM[:SS]` UTC on 2026-03-10, or RFC 3339. */
import type { GroundTruth, OracleJob, OracleRecord, OracleSnapshot } from '../../oracle/ground-truth.ts';
import { CUSTOMER } from '../../support/entities.ts';

export const at = (time: string): string =>
  time.includes('T') ? time : `2026-03-10T${time.length === 5 ? `${time}:00` : time}Z`;

export const base64 = (text: string): string => Buffer.from(text).toString('base64');

let nextOffset = 0;

interface EventOptions {
  /** Broker timestamp; by default the event's own time. */
  readonly broker?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly value?: string;
}

const TOPIC = { c: 'kundenservice-kunde-create', u: 'kundenservice-kunde-update', d: 'kundenservice-kunde-delete' };

/** An event of one key with `fields` beside id and updated_at. */
export function event(
  op: 'c' | 'u' | 'd',
  key: string,
  time: string,
  fields: Readonly<Record<string, unknown>> = {},
  options: EventOptions = {},
): OracleRecord {
  const value = options.value ?? JSON.stringify({ id: key, updated_at: at(time), ...fields });
  return {
    topic: TOPIC[op],
    epoch: 0,
    partition: options.partition ?? 0,
    offset: options.offset ?? nextOffset++,
    timestampMs: Date.parse(at(options.broker ?? time)),
    key: base64(key),
    value: base64(value),
  };
}

export function tombstone(key: string, broker: string, options: EventOptions = {}): OracleRecord {
  return { ...event('d', key, broker, {}, options), value: null };
}

/** An update whose value is this text, of key `K`. */
export const raw = (value: string, broker = '12:00'): OracleRecord => event('u', 'K', broker, {}, { value });

interface SnapshotOptions {
  readonly id?: string;
  readonly end?: string;
  readonly total?: number | null;
  readonly admitted?: boolean;
  readonly reachedLastPage?: boolean;
  readonly shifting?: boolean;
}

/** A snapshot of one page; rows are objects or exact texts. */
export function snapshot(
  start: string,
  rows: readonly (Readonly<Record<string, unknown>> | string)[],
  options: SnapshotOptions = {},
): OracleSnapshot {
  const items = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)));
  return {
    id: options.id ?? 's00000001',
    startedAt: at(start),
    finishedAt: at(options.end ?? start),
    pages: [{ items, total: options.total === undefined ? items.length : options.total }],
    reachedLastPage: options.reachedLastPage ?? true,
    shifting: options.shifting ?? false,
    admitted: options.admitted ?? true,
  };
}

export function truth(
  records: readonly OracleRecord[],
  snapshots: readonly OracleSnapshot[] = [],
  options: { readonly today?: string; readonly job?: Partial<OracleJob> } = {},
): GroundTruth {
  return {
    job: { ...CUSTOMER, ...options.job },
    records,
    snapshots,
    logicalTime: at(options.today ?? '20:00'),
  };
}
