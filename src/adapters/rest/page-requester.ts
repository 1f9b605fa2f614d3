/** One page, with all its attempts: request, redirects inside the origin, one renewal of the token, retries inside a budget. */
import type { Clock } from '../../core/clock.ts';
import { SluiceError } from '../../core/errors.ts';
import type { RestEndpoint } from '../../core/job.ts';
import type { Authenticator } from './auth.ts';
import { permanent, RequestFailure } from './failure.ts';
import type { HttpAnswer, HttpClient, HttpLimits } from './http-client.ts';
import type { Sleep } from './pace.ts';
import { readPageBody } from './page-body.ts';
import type { ReceivedPage } from './paginators.ts';
import { excerpt, type Redaction } from './redaction.ts';
import { backOffMs, isTransientStatus, retryAfterMs } from './retry.ts';

export interface PageRequesterPorts {
  readonly endpoint: RestEndpoint;
  readonly http: HttpClient;
  readonly authenticator: Authenticator;
  readonly redaction: Redaction;
  readonly pace: (signal?: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly random: () => number;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export class PageRequester {
  readonly #ports: PageRequesterPorts;

  constructor(ports: PageRequesterPorts) {
    this.#ports = ports;
  }

  /** `check` makes of an answer what the caller needs; what it throws as a rejection is asked for again, too. */
  async page<T>(url: URL, number: number, check: (page: ReceivedPage) => T, signal?: AbortSignal): Promise<T> {
    const { endpoint, clock, sleep, random } = this.#ports;
    const start = clock.monotonic();
    const budget = endpoint.retryBudgetMs;
    for (let attempt = 0; ; attempt++) {
      const failure = await this.#attempt(url, start + budget, check, signal);
      if (!(failure instanceof RequestFailure)) return failure.value;
      const spent = clock.monotonic() - start;
      const tried = `${count(attempt + 1, 'attempt')} in ${(spent / 1000).toFixed(1)} s`;
      if (!failure.transient) throw this.#final(failure, url, number, tried);
      if (attempt >= endpoint.maxRetries) throw this.#final(failure, url, number, tried);
      const delay = backOffMs(attempt, random, failure.retryAfterMs);
      if (spent + delay >= budget) {
        const asked =
          failure.retryAfterMs === undefined
            ? ''
            : `; the server asks to wait ${String(Math.ceil(failure.retryAfterMs / 1000))} s`;
        throw this.#final(
          failure,
          url,
          number,
          `${tried}, the time for one page is ${String(budget / 1000)} s${asked}`,
        );
      }
      await sleep(delay, signal);
    }
  }

  async #attempt<T>(
    url: URL,
    deadline: number,
    check: (page: ReceivedPage) => T,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly value: T } | RequestFailure> {
    const { authenticator } = this.#ports;
    try {
      let received = await this.#follow(url, deadline, signal);
      // A token may run out at any moment of a long download; a fresh one that is refused as well is a real refusal.
      if (received.answer.status === 401 && authenticator.renew()) received = await this.#follow(url, deadline, signal);
      return { value: this.#read(received.answer, received.url, check) };
    } catch (error) {
      if (error instanceof RequestFailure) return error;
      throw error;
    }
  }

  #read<T>(answer: HttpAnswer, url: URL, check: (page: ReceivedPage) => T): T {
    const { status, headers, body } = answer;
    if (status !== 200) throw statusFailure(answer);
    try {
      return check({ ...readPageBody(answer, this.#ports.endpoint), url, link: headers['link'] });
    } catch (error) {
      if (!(error instanceof RequestFailure) || body.byteLength === 0) throw error;
      throw new RequestFailure(`${error.message}; it begins: ${excerpt(body)}`, {
        transient: error.transient,
        status,
        cause: error,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
    }
  }

  /** Redirects stay inside the origin: credentials are sent to no other, and a listing that moved is a matter for the job. */
  async #follow(
    start: URL,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<{ answer: HttpAnswer; url: URL }> {
    const { endpoint, http, authenticator, pace, clock } = this.#ports;
    let url = start;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      await pace(signal);
      const limits: HttpLimits = {
        connectTimeoutMs: endpoint.connectTimeoutMs,
        silenceMs: endpoint.bodyTimeoutMs,
        totalMs: Math.max(1, deadline - clock.monotonic()),
        maxBodyBytes: endpoint.maxPageBytes,
        signal,
      };
      const headers = {
        accept: 'application/json',
        'accept-encoding': 'gzip, br',
        'user-agent': 'sluice',
        ...lowerCaseNames(endpoint.headers),
        ...(await authenticator.headers(limits)),
      };
      const answer = await http.exchange({ url, method: 'GET', headers }, limits);
      if (!REDIRECTS.has(answer.status)) return { answer, url };
      url = redirectTarget(answer, url);
    }
    throw permanent(`more than ${String(MAX_REDIRECTS)} redirects`);
  }

  #final(failure: RequestFailure, url: URL, number: number, tried: string): SluiceError {
    const { endpoint, redaction } = this.#ports;
    const shownUrl = redaction.url(url, new Set(Object.keys(endpoint.params)));
    const message = `GET ${shownUrl} failed at page ${String(number)} (${tried}): ${failure.message}`;
    const again = `the same command again: the download goes on at page ${String(number)}.`;
    return new SluiceError(failure.code, redaction.text(message), {
      hint: failure.hint ?? (failure.transient ? `Run ${again}` : `Correct what the message says, then run ${again}`),
      details: { url: shownUrl, page: number, ...(failure.status === undefined ? {} : { status: failure.status }) },
    });
  }
}

function statusFailure(answer: HttpAnswer): RequestFailure {
  const { status, headers, body } = answer;
  const text = excerpt(body);
  const message = `the server answered ${String(status)}${text === '' ? '' : `: ${text}`}`;
  if (status === 401 || status === 403) {
    return new RequestFailure(message, {
      transient: false,
      code: 'rest_unauthorized',
      status,
      hint: "Check the credentials of the job's snapshot.auth and what they may read.",
    });
  }
  const hint = status === 404 ? "Check the job's snapshot.baseUrl and snapshot.path." : undefined;
  return new RequestFailure(message, {
    // A 2xx that is not 200 holds no page.
    transient: isTransientStatus(status) || (status > 200 && status < 300),
    status,
    // The answer's own clock or the machine's: the run's may be set to another day by --logical-time.
    retryAfterMs: retryAfterMs(headers['retry-after'], headers.date, Date.now()),
    ...(hint === undefined ? {} : { hint }),
  });
}

function redirectTarget(answer: HttpAnswer, from: URL): URL {
  const location = answer.headers.location;
  if (location === undefined || !URL.canParse(location, from)) {
    throw permanent(`the server answered ${String(answer.status)} without a readable Location`);
  }
  const target = new URL(location, from);
  if (target.origin !== from.origin) {
    throw permanent(
      `the server redirects to another origin (${target.origin}, the listing is at ${from.origin}); credentials are not sent there`,
      `If that is where the API lives now, set the job's snapshot.baseUrl to it.`,
    );
  }
  target.username = '';
  target.password = '';
  target.hash = '';
  return target;
}

function lowerCaseNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
