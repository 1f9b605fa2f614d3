import type { ServerResponse } from 'node:http';
import type { Paginator } from '../../src/core/job.ts';
import { json, serve, type SeenRequest } from '../unit/rest/http-server.ts';
import { CURSOR, endpointOf, sourceOf } from '../unit/rest/rest-test.ts';
import { describeSnapshotSource, type ListingUnderTest } from './snapshot-source.ts';

interface Style {
  readonly paginator: (pageSize: number) => Paginator;
  /** Where a request's page begins. */
  readonly start: (query: URLSearchParams, listing: ListingUnderTest) => number;
  /** How the answer says where the next page begins. */
  readonly next: (start: number, request: SeenRequest) => { readonly member?: unknown; readonly link?: string };
}

const at = (name: string) => (query: URLSearchParams) => Number(query.get(name) ?? 0);

const STYLES: Readonly<Record<string, Style>> = {
  cursor: {
    paginator: (limit) => ({ ...CURSOR, nextPath: 'meta.next', limit }) as Paginator,
    start: (query) => Number((query.get('cursor') ?? 'c+0').slice(2)),
    next: (start) => ({ member: `c+${String(start)}` }),
  },
  'numeric cursor beyond 2^53': {
    paginator: (limit) => ({ ...CURSOR, nextPath: 'meta.next', limit }) as Paginator,
    start: (query) => Number((query.get('cursor') ?? '90071992547409930').slice(-2)) - 30,
    next: (start) => ({ member: `#900719925474099${String(30 + start)}` }),
  },
  'page number': {
    paginator: (limit) => ({ type: 'page_number', parameter: 'page', first: 1, limitParameter: 'limit', limit }),
    start: (query, { pageSize }) => (Number(query.get('page')) - 1) * pageSize,
    next: () => ({}),
  },
  offset: {
    paginator: (limit) => ({ type: 'offset', parameter: 'offset', limitParameter: 'limit', limit }),
    start: at('offset'),
    next: () => ({}),
  },
  'link header': {
    paginator: () => ({ type: 'header_link' }),
    start: at('at'),
    next: (start) => ({
      link: `</customers?at=0>; rel="first", <?at=${String(start)}&x=a%2Cb>; title="a, b"; rel="next last"`,
    }),
  },
  'link in the body': {
    paginator: () => ({ type: 'json_link', nextPath: 'meta.next' }),
    start: at('at'),
    next: (start, { url }) => ({ member: `http://${url.host}/customers?at=${String(start)}` }),
  },
};

for (const [name, style] of Object.entries(STYLES)) {
  describeSnapshotSource(`REST, ${name}`, async (listing) => {
    const server = await serve((request, response) => answer(request, response, style, listing));
    return sourceOf(endpointOf(server.url, { paginator: style.paginator(listing.pageSize) }));
  });
}

function answer(request: SeenRequest, response: ServerResponse, style: Style, listing: ListingUnderTest): void {
  const start = style.start(request.url.searchParams, listing);
  const end = start + listing.pageSize;
  const items = listing.items.slice(start, end);
  const { member = null, link } = end < listing.items.length ? style.next(end, request) : {};
  const next = typeof member === 'string' && member.startsWith('#') ? member.slice(1) : JSON.stringify(member);
  const body = `{"items": [ ${items.join(' ,\n')} ], "meta":{"next":${next}}, "total":${String(listing.items.length)}}`;
  json(response, body, link === undefined ? {} : { link });
}
