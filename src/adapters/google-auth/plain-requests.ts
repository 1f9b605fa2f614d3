/** Google's HTTP client (its proxy settings, its errors) without credentials: for addresses that are a permission themselves. */
import { Readable } from 'node:stream';
import { PassThroughClient } from 'google-auth-library';

export interface PlainRequest {
  readonly url: string;
  readonly method: 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as it lies there, without a copy. */
  readonly data: Uint8Array;
  readonly signal: AbortSignal;
  /** Other statuses are thrown, with `code` and the message of the answer's body. */
  readonly validateStatus: (status: number) => boolean;
}

export interface PlainAnswer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: T;
}

export type SendPlain = <T>(request: PlainRequest) => Promise<PlainAnswer<T>>;

export function plainRequests(): SendPlain {
  const client = new PassThroughClient();
  return ({ data, headers, ...request }) =>
    client.request({
      ...request,
      headers: { ...headers, 'content-length': String(data.byteLength) },
      ...(data.byteLength === 0 ? {} : { data: bodyOf(data) }),
    });
}

/** A stream of one piece. Of plain bytes the library makes such a one itself, and nobody would hear that it was broken off by the signal. */
function bodyOf(data: Uint8Array): Readable {
  return Readable.from([data]).on('error', () => undefined);
}
