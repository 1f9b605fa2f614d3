import type { Clock } from '../../../src/core/clock.ts';
import type { Paginator, RestEndpoint } from '../../../src/core/job.ts';
import { createRestSnapshotSource, type RestSourcePorts } from '../../../src/adapters/rest/snapshot-source.ts';
import type { SnapshotPage, SnapshotSource } from '../../../src/ingest/ports.ts';

export const CURSOR: Paginator = {
  type: 'cursor',
  parameter: 'cursor',
  nextPath: 'next_cursor',
  limitParameter: 'limit',
  limit: 500,
};

export function endpointOf(baseUrl: string, change: Partial<RestEndpoint> = {}): RestEndpoint {
  return {
    baseUrl,
    path: '/customers',
    params: {},
    headers: {},
    auth: null,
    paginator: CURSOR,
    itemsPath: 'items',
    totalPath: 'total',
    maxRequestsPerSecond: null,
    connectTimeoutMs: 2000,
    bodyTimeoutMs: 2000,
    maxRetries: 3,
    retryBudgetMs: 60_000,
    maxPageBytes: 1_000_000,
    ...change,
  };
}

/** A clock whose sleeps cost no time: each is recorded and moves the clock on. */
export class FakeTime {
  readonly sleeps: number[] = [];
  #offsetMs = 0;

  readonly clock: Clock = {
    now: () => Date.parse('2001-01-01T00:00:00Z') + this.clock.monotonic(),
    monotonic: () => performance.now() + this.#offsetMs,
  };

  readonly sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    this.#offsetMs += ms;
  };

  pass(ms: number): void {
    this.#offsetMs += ms;
  }
}

export function sourceOf(
  endpoint: RestEndpoint,
  time = new FakeTime(),
  ports: Partial<RestSourcePorts> = {},
): SnapshotSource {
  return createRestSnapshotSource(endpoint, { clock: time.clock, sleep: time.sleep, random: () => 0.5, ...ports });
}

export async function pagesOf(
  source: SnapshotSource,
  options: Parameters<SnapshotSource['pages']>[0] = {},
): Promise<SnapshotPage[]> {
  const pages: SnapshotPage[] = [];
  for await (const page of source.pages(options)) pages.push(page);
  return pages;
}

/** What a download fails with; a download that works fails the test. */
export async function failureOf(
  source: SnapshotSource,
  options: Parameters<SnapshotSource['pages']>[0] = {},
): Promise<unknown> {
  return pagesOf(source, options).then(
    (pages) => ({ code: 'none', pages: pages.length }),
    (error: unknown) => error,
  );
}
