/** What proves who we are: headers for each request, and for OAuth the token that they carry. */
import type { Clock } from '../../core/clock.ts';
import type { RestAuth } from '../../core/job.ts';
import { RequestFailure, permanent, rejected } from './failure.ts';
import type { HttpAnswer, HttpClient, HttpLimits } from './http-client.ts';
import { excerpt, type Redaction } from './redaction.ts';
import { isTransientStatus, retryAfterMs } from './retry.ts';

export interface Authenticator {
  headers(limits: HttpLimits): Promise<Readonly<Record<string, string>>>;
  /** After a 401: gets a new proof. false: there is none to get. */
  renew(): boolean;
}

export interface AuthenticatorPorts {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly redaction: Redaction;
}

export function createAuthenticator(auth: RestAuth | null, ports: AuthenticatorPorts): Authenticator {
  if (auth?.type === 'oauth2_client_credentials') return new TokenAuthenticator(auth, ports);
  const headers = staticHeaders(auth, ports.redaction);
  return { headers: async () => headers, renew: () => false };
}

function staticHeaders(
  auth: Exclude<RestAuth, { type: 'oauth2_client_credentials' }> | null,
  redaction: Redaction,
): Readonly<Record<string, string>> {
  switch (auth?.type) {
    case undefined:
      return {};
    case 'bearer':
      redaction.add(auth.token);
      return { authorization: `Bearer ${auth.token}` };
    case 'header':
      redaction.add(auth.value);
      return { [auth.name.toLowerCase()]: auth.value };
    case 'basic':
      return { authorization: basic(auth.username, auth.password, redaction) };
  }
}

function basic(username: string, password: string, redaction: Redaction): string {
  redaction.add(password);
  redaction.add(`${username}:${password}`);
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

type OAuth = Extract<RestAuth, { type: 'oauth2_client_credentials' }>;

/** A token that runs out while a page is on its way costs a request: so it is renewed this long before. */
const RENEW_EARLY_MS = 30_000;
const MAX_TOKEN_BODY_BYTES = 1_000_000;

class TokenAuthenticator implements Authenticator {
  readonly #auth: OAuth;
  readonly #ports: AuthenticatorPorts;
  #token: { readonly value: string; readonly renewAt: number } | undefined;
  /** RFC 6749 §2.3.1 says basic; servers that only read the form refuse it with invalid_client, once. */
  #style: 'basic' | 'form' = 'basic';

  constructor(auth: OAuth, ports: AuthenticatorPorts) {
    this.#auth = auth;
    this.#ports = ports;
    ports.redaction.add(auth.clientSecret);
  }

  async headers(limits: HttpLimits): Promise<Readonly<Record<string, string>>> {
    if (this.#token === undefined || this.#ports.clock.monotonic() >= this.#token.renewAt) {
      this.#token = await this.#fetchToken(limits);
    }
    return { authorization: `Bearer ${this.#token.value}` };
  }

  renew(): boolean {
    this.#token = undefined;
    return true;
  }

  async #fetchToken(limits: HttpLimits): Promise<{ readonly value: string; readonly renewAt: number }> {
    let answer = await this.#request(limits);
    if (this.#style === 'basic' && (answer.status === 400 || answer.status === 401)) {
      this.#style = 'form';
      const second = await this.#request(limits);
      if (second.status === 200) answer = second;
      else this.#style = 'basic';
    }
    return this.#tokenOf(answer);
  }

  async #request(limits: HttpLimits): Promise<HttpAnswer> {
    const { tokenUrl, clientId, clientSecret, scope } = this.#auth;
    const form = new URLSearchParams({ grant_type: 'client_credentials' });
    if (scope !== undefined) form.set('scope', scope);
    const headers: Record<string, string> = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    };
    if (this.#style === 'basic') {
      headers['authorization'] = basic(formEncode(clientId), formEncode(clientSecret), this.#ports.redaction);
    } else {
      form.set('client_id', clientId);
      form.set('client_secret', clientSecret);
    }
    const body = form.toString();
    headers['content-length'] = String(Buffer.byteLength(body));
    return this.#ports.http.exchange(
      { url: new URL(tokenUrl), method: 'POST', headers, body },
      { ...limits, maxBodyBytes: MAX_TOKEN_BODY_BYTES },
    );
  }

  #tokenOf(answer: HttpAnswer): { readonly value: string; readonly renewAt: number } {
    const where = `the token endpoint ${new URL(this.#auth.tokenUrl).host}`;
    const { status, headers, body } = answer;
    if (status === 400 || status === 401 || status === 403) {
      throw new RequestFailure(`${where} answered ${String(status)}: ${excerpt(body)}`, {
        transient: false,
        code: 'rest_unauthorized',
        status,
        hint: "Check the client id, the client secret and the scope of the job's snapshot.auth.",
      });
    }
    if (status !== 200) {
      throw new RequestFailure(`${where} answered ${String(status)}: ${excerpt(body)}`, {
        transient: isTransientStatus(status),
        status,
        retryAfterMs: retryAfterMs(headers['retry-after'], headers.date, Date.now()),
      });
    }
    const { access_token: value, token_type: type, expires_in: expiresIn } = parseToken(body, where);
    if (typeof value !== 'string' || value === '') throw rejected(`${where} answered without an access_token`);
    if (typeof type === 'string' && type.toLowerCase() !== 'bearer') {
      throw permanent(`${where} gave a token of the type "${type.slice(0, 40)}"; only bearer tokens are known`);
    }
    this.#ports.redaction.add(value);
    const lifetimeMs = Number(expiresIn) * 1000;
    const renewAt = this.#ports.clock.monotonic() + lifetimeMs - Math.min(RENEW_EARLY_MS, lifetimeMs / 2);
    return { value, renewAt: Number.isFinite(renewAt) && lifetimeMs > 0 ? renewAt : Number.POSITIVE_INFINITY };
  }
}

function parseToken(body: Uint8Array, where: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch (error) {
    // The parser's own message quotes the body, and this body may hold a token.
    throw rejected(`${where} answered something that is not JSON`, error);
  }
}

function formEncode(text: string): string {
  return new URLSearchParams({ v: text }).toString().slice(2);
}
