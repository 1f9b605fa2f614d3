/**
 * Faults of the requests that a run sends: to BigQuery (the strict front) and to the bucket (the fault proxy). Finer than the effects of
 * `kill-effects.ts`: one effect of a port is several requests, and each of them can be lost.
 */
import type { CallKind } from '../../src/adapters/bigquery/client.ts';
import type { ProxiedRequest } from '../services/gcs/fault-proxy.ts';
import type { FrontCall } from './bigquery-front/faults.ts';
import type { CloudHome } from './kill-cloud.ts';

export type WireService = 'bigquery' | 'gcs';

export interface WireFault {
  /** Which of the requests that change something, from 1. */
  readonly number: number;
  readonly service: WireService;
  /**
   * killed: the process dies before the request arrives, or after it was done; refused: for good.
   */
  readonly type: 'killed before' | 'killed after' | 'refused';
}

const WRITES: ReadonlySet<CallKind> = new Set(['job_insert', 'table_insert', 'table_patch', 'dataset_insert']);

const isWrite = ({ kind }: FrontCall): boolean => WRITES.has(kind);
const isUpload = ({ method }: ProxiedRequest): boolean => method !== 'GET' && method !== 'HEAD';

/**
 * unavailable: 503; burst: 503 several times on end; lost: done, without an answer; hang: not done, and no answer either, past the client's
 * time-out; slow: everything takes long, uploads most of all.
 */
export type PassingFault = 'unavailable' | 'burst' | 'lost' | 'hang' | 'slow';

/** How many requests that change something a home's services have had. */
export function writesOf({ front, gcs }: CloudHome): Readonly<Record<WireService, number>> {
  const counts = Object.entries(front.counts()).filter(([kind]) => WRITES.has(kind as CallKind));
  return {
    bigquery: counts.reduce((total, [, count]) => total + count, 0),
    gcs: gcs.requests.filter(isUpload).length,
  };
}

/** Puts the fault in the way of what comes next; `kill` ends the process that sends it. Returns what met it. */
export function arm(home: CloudHome, { number, service, type }: WireFault, kill: () => void): () => string | null {
  let seen = 0;
  let met: string | null = null;
  const meets = (fits: boolean, what: string): boolean => {
    if (!fits || (seen += 1) !== number) return false;
    met = what;
    if (type === 'killed before') kill();
    return true;
  };
  if (service === 'bigquery')
    home.front.faults.add({
      on: (call) => meets(isWrite(call), JSON.stringify(call.body)),
      fault: frontFault(type, kill),
    });
  else home.gcs.fault = (request) => (meets(isUpload(request), request.path) ? proxyFault(type, kill) : undefined);
  return () => met;
}

function frontFault(type: WireFault['type'] | PassingFault, kill: () => void) {
  switch (type) {
    case 'killed before':
      return { type: 'disconnect' } as const;
    case 'killed after':
      return { type: 'lose_response', afterwards: kill } as const;
    case 'refused':
      return { type: 'refuse', status: 403, reason: 'accessDenied', message: 'Access Denied: struck down' } as const;
    case 'unavailable':
    case 'burst':
      return { type: 'refuse', status: 503, reason: 'backendError' } as const;
    case 'lost':
      return { type: 'lose_response' } as const;
    case 'hang':
      return { type: 'hang' } as const;
    case 'slow':
      return { type: 'delay', ms: SLOW_MS } as const;
  }
}

function proxyFault(type: WireFault['type'] | PassingFault, kill: () => void) {
  switch (type) {
    case 'killed before':
      return { type: 'reset' } as const;
    case 'killed after':
      return { type: 'lose_reply', afterwards: kill } as const;
    case 'refused':
      return { type: 'status', status: 403, message: 'no storage.objects.create access' } as const;
    case 'unavailable':
    case 'burst':
      return { type: 'status', status: 503 } as const;
    case 'lost':
      return { type: 'lose_reply' } as const;
    case 'hang':
      return { type: 'hang' } as const;
    case 'slow':
      return { type: 'delay', ms: 5 * SLOW_MS } as const;
  }
}

const SLOW_MS = 200;
/** How often on end a request is refused in a burst: fewer than the clients try. */
const BURST = 2;

/** Requests that only read and are of one kind are the same code: two of each meet the fault. */
const READS = 2;

/**
 * Every request that changes something meets the fault once (a burst: some times) and is answered when it is sent again; of those that read, the first of each kind.
 * Returns how many met it.
 */
export function armEach(home: CloudHome, type: PassingFault): () => number {
  const met = new Map<string, number>();
  const reads = new Map<string, number>();
  const times = type === 'burst' ? BURST : 1;
  const isHit = (what: string, read: string | null): boolean => {
    const hits = met.get(what) ?? 0;
    if (hits >= times) return false;
    if (hits === 0 && read !== null) {
      const count = (reads.get(read) ?? 0) + 1;
      reads.set(read, count);
      if (count > READS) return false;
    }
    met.set(what, hits + 1);
    return true;
  };
  home.front.faults.add({
    on: (call) => {
      const { kind, jobId, body } = call;
      return isHit(`${kind} ${jobId ?? ''} ${JSON.stringify(body ?? '').slice(0, 5000)}`, isWrite(call) ? null : kind);
    },
    fault: frontFault(type, () => undefined),
    times: Number.POSITIVE_INFINITY,
  });
  home.gcs.fault = (request) => {
    const { method, path, contentRange } = request;
    const what = `${method} ${path.replace(/upload_id=[^&]*/, '')} ${contentRange ?? ''} ${String(request.bytes)}`;
    return isHit(what, isUpload(request) ? null : method) ? proxyFault(type, () => undefined) : undefined;
  };
  return () => met.size;
}

/** The services answer again. */
export function disarm({ front, gcs }: CloudHome): void {
  front.faults.clear();
  gcs.fault = () => undefined;
}
