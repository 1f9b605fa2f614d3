/**
 * Lands a snapshot: pages are stored as they come, each under its number, so that a download can go on at the page it failed at;
 * when the last page is there (S1 is known), every row is judged and written to row objects.
 *
 * If the process dies in here: S0 and the pages that are complete stay. The next attempt adopts a page that was stored but not yet
 * noted, so two attempts never mix two answers for one page.
 */
import type { BatchId, Manifest, ManifestObject, SnapshotIntent, SnapshotSummary } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import type { JobDefinition } from '../core/job.ts';
import { snapshotDeadName, snapshotPageName, snapshotRowsName } from '../core/object-key.ts';
import { formatLastMicros, formatMicros, formatMillis, millisOf } from '../core/time.ts';
import { createRowDecoder } from './decode.ts';
import { deadSnapshotLine, snapshotLine, snapshotLinePrefix, type BatchTag } from './envelope.ts';
import { driftCounter, driftOf } from './drift.ts';
import { openLandingObject, replacingLeftovers, type LandingWriter } from './landing-writer.ts';
import type { ObjectStore, SnapshotPage, SnapshotSource } from './ports.ts';

/** Rows per object; see OFFSETS_PER_OBJECT. */
export const ROWS_PER_OBJECT = 200_000;

/** What is stored between attempts. */
export interface SnapshotProgress {
  /** S0, RFC 3339 UTC. */
  readonly startedAt: string;
  readonly pages: number;
  /** Handed to the source to go on; null after the last page. */
  readonly next: string | null;
  /** S1, once the last page is there or the download was given up. */
  readonly finishedAt: string | null;
  /** Why the download was given up before its last page. */
  readonly abandoned?: string;
}

export interface LandSnapshotRequest {
  readonly job: JobDefinition;
  readonly toleranceMs: number;
  readonly tag: BatchTag & { readonly batchId: BatchId };
  readonly logicalTime: string;
  readonly intent: SnapshotIntent;
  readonly gzip: boolean;
  readonly clock: Clock;
  readonly progress: SnapshotProgress | null;
  readonly saveProgress: (progress: SnapshotProgress) => Promise<void>;
  readonly guard: () => Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (rows: number) => void;
}

interface StoredPage {
  /** S0 of the download that the page belongs to: progress that was lost or set back must not give old pages another one. */
  readonly startedAt: string;
  readonly number: number;
  readonly total: number | null;
  readonly next: string | null;
  readonly items: readonly string[];
}

interface Ports {
  readonly source: SnapshotSource;
  readonly store: ObjectStore;
}

function pageName(request: LandSnapshotRequest, page: number): string {
  return snapshotPageName(request.job.name, request.intent.snapshotId, page, { gzip: false });
}

async function storePage(
  request: LandSnapshotRequest,
  store: ObjectStore,
  startedAt: string,
  page: SnapshotPage,
): Promise<void> {
  const writer = await store.create(pageName(request, page.number));
  try {
    const stored: StoredPage = {
      startedAt,
      number: page.number,
      total: page.total,
      next: page.next,
      items: page.items,
    };
    await writer.write(Buffer.from(JSON.stringify(stored), 'utf8'));
    await writer.commit(request.guard);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function readPage(
  request: LandSnapshotRequest,
  store: ObjectStore,
  page: number,
): Promise<StoredPage | undefined> {
  const name = pageName(request, page);
  if ((await store.stat(name)) === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.read(name)) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as StoredPage;
  } catch (error) {
    throw new SluiceError('object_corrupt', `landing object ${name} is not the page that sluice wrote`, {
      cause: error,
    });
  }
}

/** Takes over pages that were stored before the process died without noting them. */
async function adoptPages(
  request: LandSnapshotRequest,
  store: ObjectStore,
  progress: SnapshotProgress,
): Promise<SnapshotProgress> {
  let adopted = progress;
  while (adopted.finishedAt === null && (adopted.pages === 0 || adopted.next !== null)) {
    const page = await readPage(request, store, adopted.pages + 1);
    if (page === undefined) break;
    adopted = { ...adopted, pages: page.number, next: page.next };
  }
  return adopted;
}

/** Where the download stands: the pages in landing say so, when the state store was lost or set back meanwhile. */
async function begin(request: LandSnapshotRequest, store: ObjectStore): Promise<SnapshotProgress> {
  const { progress, clock } = request;
  const first = await readPage(request, store, 1);
  const isKnown = first === undefined ? progress?.pages === 0 : first.startedAt === progress?.startedAt;
  if (progress !== null && isKnown) return progress;
  return { startedAt: first?.startedAt ?? formatMillis(clock.now()), pages: 0, next: null, finishedAt: null };
}

/**
 * Downloads what is missing. S0 is stored before the first request; S1 is read after the last page. A failure leaves the progress as
 * it is and is thrown.
 */
export async function downloadSnapshot(request: LandSnapshotRequest, ports: Ports): Promise<SnapshotProgress> {
  let progress = await begin(request, ports.store);
  if (progress !== request.progress) await request.saveProgress(progress);
  progress = await adoptPages(request, ports.store, progress);
  const isLastPageThere = progress.pages > 0 && progress.next === null;
  if (progress.finishedAt === null && !isLastPageThere) {
    const { signal } = request;
    const resume = progress.next === null ? {} : { resume: progress.next, resumePage: progress.pages };
    for await (const page of ports.source.pages({ ...resume, ...(signal === undefined ? {} : { signal }) })) {
      await storePage(request, ports.store, progress.startedAt, page);
      progress = { ...progress, pages: page.number, next: page.next };
      await request.saveProgress(progress);
      request.onProgress?.(page.items.length);
      signal?.throwIfAborted();
    }
  }
  if (progress.finishedAt === null) {
    const finishedMs = Math.max(request.clock.now(), millisOf(progress.startedAt));
    progress = { ...progress, finishedAt: formatMillis(finishedMs) };
    await request.saveProgress(progress);
  }
  return progress;
}

interface RowTally {
  landed: number;
  quarantined: number;
  unreadableIds: number;
  readonly ids: Set<string>;
  minEvent: number;
  maxEvent: number;
  firstTotal: number | null;
  lastTotal: number | null;
}

class RowObjects {
  readonly #request: LandSnapshotRequest;
  readonly #store: ObjectStore;
  readonly #startedAt: string;
  readonly #open = new Map<'snapshot' | 'dead', { writer: LandingWriter; prefix: string; part: number }>();
  readonly objects: ManifestObject[] = [];

  constructor(request: LandSnapshotRequest, store: ObjectStore, startedAt: string) {
    this.#request = request;
    this.#store = store;
    this.#startedAt = startedAt;
  }

  async write(role: 'snapshot' | 'dead', lineOf: (prefix: string) => string): Promise<void> {
    let current = this.#open.get(role);
    if (current !== undefined && current.writer.rows >= ROWS_PER_OBJECT) {
      this.objects.push(await current.writer.commit(this.#request.guard));
      current = await this.#start(role, current.part + 1);
    }
    current ??= await this.#start(role, 1);
    const pending = current.writer.line(lineOf(current.prefix));
    if (pending !== undefined) await pending;
  }

  async #start(
    role: 'snapshot' | 'dead',
    part: number,
  ): Promise<{ writer: LandingWriter; prefix: string; part: number }> {
    const { job, intent, gzip, tag } = this.#request;
    const nameOf = role === 'snapshot' ? snapshotRowsName : snapshotDeadName;
    const name = nameOf(job.name, intent.snapshotId, part, { gzip });
    const writer = await openLandingObject({ store: this.#store, name, role, gzip });
    const opened = { writer, prefix: snapshotLinePrefix(tag, intent.snapshotId, this.#startedAt, name), part };
    this.#open.set(role, opened);
    return opened;
  }

  async commit(): Promise<readonly ManifestObject[]> {
    for (const { writer } of this.#open.values()) this.objects.push(await writer.commit(this.#request.guard));
    return this.objects;
  }

  async abort(): Promise<void> {
    for (const { writer } of this.#open.values()) await writer.abort();
  }
}

async function judgeRows(
  request: LandSnapshotRequest,
  store: ObjectStore,
  progress: SnapshotProgress,
  sink: (field: string) => void,
): Promise<{ tally: RowTally; objects: readonly ManifestObject[] }> {
  const decode = await createRowDecoder(request.job, sink);
  const finishedMs = millisOf(progress.finishedAt ?? progress.startedAt);
  const output = new RowObjects(request, store, progress.startedAt);
  const tally: RowTally = {
    landed: 0,
    quarantined: 0,
    unreadableIds: 0,
    ids: new Set(),
    minEvent: Number.POSITIVE_INFINITY,
    maxEvent: Number.NEGATIVE_INFINITY,
    firstTotal: null,
    lastTotal: null,
  };
  try {
    for (let number = 1; number <= progress.pages; number++) {
      const page = await readPage(request, store, number);
      if (page === undefined)
        throw new SluiceError('object_missing', `landing object ${pageName(request, number)} is missing`);
      if (number === 1) tally.firstTotal = page.total;
      tally.lastTotal = page.total;
      for (const [row, text] of page.items.entries()) {
        const place = { snapshotId: request.intent.snapshotId, startedAt: progress.startedAt, page: number, row };
        const verdict = decode(text, finishedMs);
        if (verdict.key === null) tally.unreadableIds++;
        else tally.ids.add(verdict.key);
        if (verdict.ok) {
          await output.write('snapshot', (prefix) => snapshotLine(prefix, place, verdict));
          const micros = verdict.eventAt?.micros;
          if (micros !== undefined) {
            tally.minEvent = Math.min(tally.minEvent, micros);
            tally.maxEvent = Math.max(tally.maxEvent, micros);
          }
          tally.landed++;
        } else {
          await output.write('dead', (prefix) => deadSnapshotLine(prefix, place, text, verdict));
          tally.quarantined++;
        }
      }
    }
    return { tally, objects: await output.commit() };
  } catch (error) {
    await output.abort();
    throw error;
  }
}

/** The reason why a snapshot is not complete, null when it is (CUSTOMER.md §1). */
export function incompleteReason(
  tally: {
    readonly unreadableIds: number;
    readonly distinctIds: number;
    readonly firstTotal: number | null;
    readonly lastTotal: number | null;
  },
  download: { readonly abandoned?: string; readonly shifting: boolean },
): string | null {
  if (download.abandoned !== undefined) return `the last page was not reached: ${download.abandoned}`;
  if (tally.unreadableIds > 0) return `${tally.unreadableIds} row(s) have no readable id`;
  const { firstTotal, lastTotal, distinctIds } = tally;
  if (firstTotal === null || lastTotal === null) return null;
  if (download.shifting && firstTotal !== lastTotal)
    return `the total changed from ${firstTotal} to ${lastTotal} while pages were counted by position`;
  const smallest = Math.min(firstTotal, lastTotal);
  const largest = Math.max(firstTotal, lastTotal);
  if (distinctIds < smallest || distinctIds > largest) {
    return `${distinctIds} distinct ids came, the API's total says ${smallest === largest ? smallest : `${smallest} to ${largest}`}`;
  }
  return null;
}

/** Judges all rows of a finished download and returns the manifest to seal. */
export async function sealableSnapshot(
  request: LandSnapshotRequest,
  progress: SnapshotProgress,
  ports: { readonly store: ObjectStore; readonly shifting: boolean },
): Promise<Manifest> {
  const { job, tag, intent, logicalTime } = request;
  const drift = driftCounter();
  const { tally, objects } = await replacingLeftovers(ports.store, request.guard, () =>
    judgeRows(request, ports.store, progress, drift.sink),
  );
  const finishedAt = progress.finishedAt ?? progress.startedAt;
  const reason = incompleteReason(
    { ...tally, distinctIds: tally.ids.size },
    { shifting: ports.shifting, ...(progress.abandoned === undefined ? {} : { abandoned: progress.abandoned }) },
  );
  const snapshot: SnapshotSummary = {
    snapshotId: intent.snapshotId,
    startedAt: progress.startedAt,
    finishedAt,
    complete: reason === null,
    reason,
    rows: tally.landed,
    distinctIds: tally.ids.size,
    total: tally.lastTotal,
    pages: progress.pages,
    toleranceMs: request.toleranceMs,
  };
  const hasTimes = tally.minEvent <= tally.maxEvent;
  return {
    version: 1,
    job: job.name,
    seq: tag.seq,
    batchId: tag.batchId,
    kind: 'snapshot',
    logicalTime,
    ranges: [],
    gaps: [],
    objects,
    counts: { read: tally.landed + tally.quarantined, landed: tally.landed, quarantined: tally.quarantined },
    times: hasTimes
      ? {
          minEventAt: formatMicros(tally.minEvent),
          maxEventAt: formatLastMicros(tally.maxEvent),
          minBrokerAt: progress.startedAt,
          maxBrokerAt: finishedAt,
        }
      : null,
    drift: driftOf(drift.counts),
    snapshot,
  };
}
