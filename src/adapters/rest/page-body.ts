/**
 * From a 200 answer to the parts of a page, or a rejection. The body must be JSON, in UTF-8 to the last byte: the items are handed
 * on as texts, and a replaced character would be a silent change. So one broken byte rejects its page (and in the end the
 * download): a row that is not text cannot be told from its neighbours in a body that is not text.
 */
import { messageOf } from '../../core/errors.ts';
import { elementSlices, sliceAtPath } from '../../core/json-slices.ts';
import { rejected } from './failure.ts';
import type { HttpAnswer } from './http-client.ts';

export interface PageBody {
  /** The whole body, valid JSON. */
  readonly text: string;
  readonly items: readonly string[];
  readonly total: number | null;
}

export interface PagePaths {
  readonly itemsPath: string;
  readonly totalPath: string | null;
}

export function readPageBody(answer: HttpAnswer, paths: PagePaths): PageBody {
  checkContentType(answer.headers['content-type']);
  if (answer.body.byteLength === 0) throw rejected('the body is empty');
  const text = decodeUtf8(answer.body);
  try {
    JSON.parse(text);
  } catch (error) {
    throw rejected(`the body is not JSON (${messageOf(error)})`, error);
  }
  return { text, items: itemsOf(text, paths.itemsPath), total: totalOf(text, paths.totalPath) };
}

/** The text at a path: a string's characters, a number as it is written; null when there is none (missing, null, false, empty). */
export function nextValueOf(text: string, path: string): string | null {
  const slice = sliceAtPath(text, path);
  const source = slice === undefined ? 'null' : text.slice(slice.start, slice.end);
  if (source === 'null' || source === 'false' || source === '""') return null;
  if (/^-?\d/.test(source)) return source;
  const value: unknown = source.startsWith('"') ? JSON.parse(source) : undefined;
  if (typeof value === 'string') return value;
  throw rejected(`"${path}" is ${kindOf(source)}; text, a number or null is expected`);
}

/** JSON is UTF-8 whatever the header says; one that says otherwise is about something else. No header at all: the body decides. */
function checkContentType(header: string | undefined): void {
  if (header === undefined) return;
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim().toLowerCase());
  if (!/^(?:application|text)\/(?:[^/]+\+)?json$/.test(type)) {
    throw rejected(`the content type is "${type.slice(0, 60)}"; application/json is expected`);
  }
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice('charset='.length)
    .replaceAll('"', '');
  if (charset !== undefined && !['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw rejected(`the content type names the character set "${charset.slice(0, 40)}"; UTF-8 is expected`);
  }
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw rejected('the body is not valid UTF-8', error);
  }
}

function itemsOf(text: string, path: string): string[] {
  const slice = sliceAtPath(text, path);
  if (slice === undefined) throw rejected(`the body has no "${path}"; an array of items is expected there`);
  if (text[slice.start] !== '[') {
    const where = path === '' ? 'the body' : `"${path}"`;
    throw rejected(`${where} is ${kindOf(text.slice(slice.start, slice.end))}; an array of items is expected`);
  }
  return elementSlices(text, slice.start).map(({ start, end }) => text.slice(start, end));
}

/** A job that names a total relies on it to know a complete snapshot: an answer without it is none. */
function totalOf(text: string, path: string | null): number | null {
  if (path === null) return null;
  const slice = sliceAtPath(text, path);
  const source = slice === undefined ? undefined : text.slice(slice.start, slice.end);
  const digits = /^"?(\d{1,15})"?$/.exec(source ?? '')?.[1];
  if (digits !== undefined) return Number(digits);
  throw rejected(`"${path}" is ${source === undefined ? 'missing' : source.slice(0, 40)}; a count is expected`);
}

function kindOf(source: string): string {
  switch (source[0]) {
    case '{':
      return 'an object';
    case '[':
      return 'an array';
    case '"':
      return 'text';
    case 't':
    case 'f':
      return 'a boolean';
    case 'n':
      return 'null';
    default:
      return 'a number';
  }
}
