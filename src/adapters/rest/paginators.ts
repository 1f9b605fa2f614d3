/**
 * How a listing goes on. A position says which page comes next; it is stored between attempts, so it is JSON and holds no secret:
 * links are kept relative to the origin and without the job's own parameters, which are put back when the page is asked for.
 */
import type { Paginator, RestEndpoint } from '../../core/job.ts';
import { messageOf } from '../../core/errors.ts';
import { sliceAtPath } from '../../core/json-slices.ts';
import { permanent, rejected } from './failure.ts';
import { nextLink } from './link-header.ts';
import { nextValueOf, type PageBody } from './page-body.ts';

export type Position =
  | { readonly type: 'cursor'; readonly cursor: string | null }
  | { readonly type: 'page_number'; readonly page: number; readonly seen: number }
  | { readonly type: 'offset'; readonly offset: number }
  | { readonly type: 'header_link' | 'json_link'; readonly url: string | null };

export interface ReceivedPage extends PageBody {
  /** Where it came from in the end, redirects followed. */
  readonly url: URL;
  readonly link: string | readonly string[] | undefined;
}

export function firstPosition(paginator: Paginator): Position {
  switch (paginator.type) {
    case 'cursor':
      return { type: 'cursor', cursor: null };
    case 'page_number':
      return { type: 'page_number', page: paginator.first, seen: 0 };
    case 'offset':
      return { type: 'offset', offset: 0 };
    case 'header_link':
    case 'json_link':
      return { type: paginator.type, url: null };
  }
}

/** Reads a stored position; a text that this paginator did not write is refused. */
export function parsePosition(text: string, paginator: Paginator): Position {
  const value = parseObject(text);
  const valid = value['type'] === paginator.type && hasShape(value);
  if (valid) return value as unknown as Position;
  throw permanent(
    `the stored place to go on from does not fit the paginator ${paginator.type}`,
    'The job was changed since the download began: start a new one with --full-load.',
  );
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch (error) {
    throw permanent(`the stored place to go on from cannot be read (${messageOf(error)})`);
  }
}

function hasShape(value: Record<string, unknown>): boolean {
  switch (value['type']) {
    case 'cursor':
      return typeof value['cursor'] === 'string';
    case 'page_number':
      return Number.isSafeInteger(value['page']) && Number.isSafeInteger(value['seen']);
    case 'offset':
      return Number.isSafeInteger(value['offset']);
    default:
      return typeof value['url'] === 'string' && value['url'].startsWith('/');
  }
}

export function urlOf(position: Position, endpoint: RestEndpoint): URL {
  const { paginator } = endpoint;
  const linked = 'url' in position ? position.url : null;
  if (linked !== null) return withOwnParameters(linked, endpoint);
  const url = listingUrl(endpoint);
  const { searchParams } = url;
  if ('limit' in paginator && paginator.limit !== undefined && paginator.limitParameter !== undefined) {
    searchParams.set(paginator.limitParameter, String(paginator.limit));
  }
  if ('parameter' in paginator) {
    if (position.type === 'cursor' && position.cursor !== null) searchParams.set(paginator.parameter, position.cursor);
    if (position.type === 'page_number') searchParams.set(paginator.parameter, String(position.page));
    if (position.type === 'offset') searchParams.set(paginator.parameter, String(position.offset));
  }
  return url;
}

/** The listing without a place in it: `baseUrl`'s own path and query stay. */
export function listingUrl(endpoint: RestEndpoint): URL {
  const url = new URL(endpoint.baseUrl);
  const [path = '', query] = endpoint.path.split('?', 2);
  url.pathname = url.pathname.replace(/\/+$/, '') + path;
  for (const [name, value] of new URLSearchParams(query)) url.searchParams.append(name, value);
  for (const [name, value] of Object.entries(endpoint.params)) url.searchParams.set(name, value);
  url.hash = '';
  return url;
}

/** The position behind a page; null: it was the last. */
export function positionAfter(position: Position, page: ReceivedPage, endpoint: RestEndpoint): Position | null {
  const { paginator } = endpoint;
  switch (paginator.type) {
    case 'cursor': {
      const cursor = nextValueOf(page.text, paginator.nextPath);
      const isFirst = position.type === 'cursor' && position.cursor === null;
      if (cursor === null && isFirst) checkSinglePage(page, paginator.nextPath, paginator.limit);
      return cursor === null ? null : { type: 'cursor', cursor };
    }
    case 'page_number': {
      const before = position.type === 'page_number' ? position : { page: paginator.first, seen: 0 };
      const seen = before.seen + page.items.length;
      return isEnd(page, seen) ? null : { type: 'page_number', page: before.page + 1, seen };
    }
    case 'offset': {
      // By what came, not by what was asked for: a server may cap the limit.
      const offset = (position.type === 'offset' ? position.offset : 0) + page.items.length;
      return isEnd(page, offset) ? null : { type: 'offset', offset };
    }
    case 'header_link':
      return linkPosition('header_link', nextLink(page.link), page.url, endpoint);
    case 'json_link':
      return linkPosition('json_link', nextValueOf(page.text, paginator.nextPath), page.url, endpoint);
  }
}

/**
 * A first page that is full, with nothing at all where the cursor should be: far more likely a wrong `nextPath` than a listing of just
 * this size, and taking it for the end would make a short snapshot out of a mistake.
 */
function checkSinglePage(page: ReceivedPage, nextPath: string, limit: number | undefined): void {
  const isFull = limit !== undefined && page.items.length >= limit;
  if (!isFull || page.total === page.items.length || sliceAtPath(page.text, nextPath) !== undefined) return;
  throw rejected(`the page is full, but has no "${nextPath}" that says whether another one follows`);
}

/** A short page proves nothing (servers cap limits, filter rows): the end is an empty page or the total. */
function isEnd(page: ReceivedPage, seen: number): boolean {
  return page.items.length === 0 || (page.total !== null && seen >= page.total);
}

function linkPosition(
  type: 'header_link' | 'json_link',
  link: string | null,
  from: URL,
  endpoint: RestEndpoint,
): Position | null {
  if (link === null) return null;
  if (!URL.canParse(link, from)) throw rejected('the link to the next page is no URL');
  const url = new URL(link, from);
  if (url.origin !== from.origin) {
    throw permanent(
      `the link to the next page leads to another origin (${url.origin}, the listing is at ${from.origin}); credentials are not sent there`,
      "Name the origin that the API's links use as the job's snapshot.baseUrl.",
    );
  }
  for (const [name, value] of Object.entries(endpoint.params)) url.searchParams.delete(name, value);
  return { type, url: `${url.pathname}${url.search}` };
}

function withOwnParameters(link: string, endpoint: RestEndpoint): URL {
  // Not by new URL(link, base): a path that begins with two slashes would name another host.
  const url = new URL(endpoint.baseUrl);
  const query = link.indexOf('?');
  url.pathname = query === -1 ? link : link.slice(0, query);
  url.search = query === -1 ? '' : link.slice(query);
  url.hash = '';
  for (const [name, value] of Object.entries(endpoint.params)) {
    if (!url.searchParams.has(name)) url.searchParams.set(name, value);
  }
  return url;
}
