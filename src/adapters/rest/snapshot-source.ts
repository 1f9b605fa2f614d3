/**
 * Lists an entity over REST, page by page. One page is in memory at a time, and only a page that came whole, valid and with a way on
 * (or an end) is handed out. Whether the pages together are a complete snapshot is not decided here (CUSTOMER.md §1: by ids and total).
 */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import { SluiceError } from '../../core/errors.ts';
import { looksSecret } from '../../core/secret-names.ts';
import type { RestEndpoint } from '../../core/job.ts';
import type { SnapshotPage, SnapshotSource } from '../../ingest/ports.ts';
import { checkUrl } from './addresses.ts';
import { createAuthenticator } from './auth.ts';
import { permanent, RequestFailure } from './failure.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';
import { createPace, type Sleep } from './pace.ts';
import { PageRequester } from './page-requester.ts';
import {
  firstPosition,
  listingUrl,
  parsePosition,
  positionAfter,
  urlOf,
  type Position,
  type ReceivedPage,
} from './paginators.ts';
import { Redaction } from './redaction.ts';

export interface RestSourcePorts {
  readonly clock: Clock;
  readonly sleep?: Sleep;
  /** Numbers in [0, 1), for the jitter of the back-off. */
  readonly random?: () => number;
  /** Made anew for each download, which closes it. */
  readonly createHttp?: () => HttpClient;
}

/** An API that hands out cursors without rows for ever would never end; a filter may leave some pages empty. */
const MAX_EMPTY_PAGES = 1000;

/** Mistakes in the endpoint itself are thrown here (`config_invalid`), before any request. */
export function createRestSnapshotSource(endpoint: RestEndpoint, ports: RestSourcePorts): SnapshotSource {
  checkEndpoint(endpoint);
  return {
    shifting: endpoint.paginator.type === 'offset' || endpoint.paginator.type === 'page_number',
    pages: (options) => download(endpoint, ports, options),
  };
}

interface Step {
  readonly page: SnapshotPage;
  readonly position: Position | null;
}

async function* download(
  endpoint: RestEndpoint,
  ports: RestSourcePorts,
  { resume, resumePage, signal }: Parameters<SnapshotSource['pages']>[0],
): AsyncGenerator<SnapshotPage> {
  const http = (ports.createHttp ?? createHttpClient)();
  const requester = createRequester(endpoint, ports, http);
  const course = new Course();
  try {
    let position: Position | null = resumed(endpoint, resume);
    for (let number = (resumePage ?? 0) + 1; position !== null; number++) {
      const here: Position = position;
      const url = urlOf(here, endpoint);
      const read = (received: ReceivedPage): Step => {
        const next = positionAfter(here, received, endpoint);
        course.check(received, next, here, endpoint);
        const page = { number, items: received.items, total: received.total, next: next && JSON.stringify(next) };
        return { page, position: next };
      };
      const step: Step = await requester.page(url, number, read, signal);
      course.advance(step.page, step.position, here);
      yield step.page;
      position = step.position;
    }
  } catch (error) {
    throw asSluiceError(error, signal);
  } finally {
    http.close();
  }
}

function resumed(endpoint: RestEndpoint, resume: string | undefined): Position {
  return resume === undefined ? firstPosition(endpoint.paginator) : parsePosition(resume, endpoint.paginator);
}

function createRequester(endpoint: RestEndpoint, ports: RestSourcePorts, http: HttpClient): PageRequester {
  const { clock } = ports;
  const sleep = ports.sleep ?? systemSleep;
  const redaction = new Redaction();
  for (const [name, value] of Object.entries({ ...endpoint.headers, ...endpoint.params })) {
    if (looksSecret(name)) redaction.add(value);
  }
  return new PageRequester({
    endpoint,
    http,
    redaction,
    clock,
    sleep,
    random: ports.random ?? Math.random,
    authenticator: createAuthenticator(endpoint.auth, { http, clock, redaction }),
    pace: createPace(endpoint.maxRequestsPerSecond, clock, sleep),
  });
}

/** Where the download has been: it must never come to the same place again. */
class Course {
  /** Digests: cursors may be long, and a listing may have a million pages. */
  readonly #seen = new Set<string>();
  #lastItems = '';
  #emptyPages = 0;

  check(received: ReceivedPage, next: Position | null, here: Position, endpoint: RestEndpoint): void {
    if (next === null) return;
    const target = digest(JSON.stringify(next));
    if (this.#seen.has(target) || target === digest(JSON.stringify(here))) {
      throw permanent('the listing runs in a circle: the next page is one that was read already', LOOP_HINT);
    }
    // A server that answers every number behind the end with the last page.
    if (received.items.length > 0 && 'parameter' in endpoint.paginator && endpoint.paginator.type !== 'cursor') {
      if (digest(received.items.join('\n')) === this.#lastItems) {
        throw permanent('the listing runs in a circle: the page is the same as the one before it', LOOP_HINT);
      }
    }
    if (received.items.length === 0 && this.#emptyPages >= MAX_EMPTY_PAGES) {
      throw permanent(`${String(MAX_EMPTY_PAGES)} pages without an item came one after another`, LOOP_HINT);
    }
  }

  advance(page: SnapshotPage, next: Position | null, here: Position): void {
    this.#seen.add(digest(JSON.stringify(here)));
    this.#lastItems = next === null || 'cursor' in here ? '' : digest(page.items.join('\n'));
    this.#emptyPages = page.items.length === 0 ? this.#emptyPages + 1 : 0;
  }
}

const LOOP_HINT =
  'The API breaks its own paging; report it to its owner. The next --full-load gives this download up: its rows count, its absences do not.';

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 22);
}

function asSluiceError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (error instanceof SluiceError) return error;
  if (signal?.aborted === true) {
    const reason: unknown = signal.reason;
    return reason instanceof SluiceError
      ? reason
      : new SluiceError('interrupted', 'The download was interrupted.', { cause: error });
  }
  if (error instanceof RequestFailure) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return new SluiceError(error.code, `The download cannot go on: ${error.message}.`, hint);
  }
  return error;
}

async function systemSleep(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signal === undefined ? {} : { signal });
}

function checkEndpoint(endpoint: RestEndpoint): void {
  const { auth } = endpoint;
  if (!URL.canParse(endpoint.baseUrl)) throw invalid('The base URL of the REST listing is no URL.');
  checkUrl(new URL(endpoint.baseUrl), 'The base URL of the REST listing');
  checkUrl(listingUrl(endpoint), 'The URL of the REST listing');
  if (auth?.type === 'oauth2_client_credentials') {
    if (!URL.canParse(auth.tokenUrl)) throw invalid('The tokenUrl of the REST listing is no URL.');
    checkUrl(new URL(auth.tokenUrl), 'The tokenUrl of the REST listing');
  }
  const headers = new Map(Object.entries(endpoint.headers));
  if (auth?.type === 'bearer') headers.set('authorization', auth.token);
  if (auth?.type === 'header') headers.set(auth.name, auth.value);
  for (const [name, value] of headers) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      throw invalid(`The REST listing has a header named ${JSON.stringify(name)}.`);
    // A token read from a file often ends in a line break; the value is not shown.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw invalid(
        `The value of the header "${name}" for the REST listing holds a line break or another character that no header may have.`,
      );
    }
  }
}

function invalid(message: string): SluiceError {
  return new SluiceError('config_invalid', message);
}
