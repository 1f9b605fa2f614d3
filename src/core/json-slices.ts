/**
 * Finds where values stand in a JSON text, so that their exact source text can be taken: numbers beyond a double, the order of
 * members, duplicates and escapes all stay as they came. It does not validate: the text must have passed JSON.parse (which is
 * faster than any check written here), and given such a text every answer is exact. Nothing recurses, so depth costs no stack.
 */
import { SluiceError } from './errors.ts';

/** `text.slice(start, end)` is the value's source text, without the white space around it. */
export interface JsonSlice {
  readonly start: number;
  readonly end: number;
}

export interface MemberSlice extends JsonSlice {
  /** The member's name with its escapes resolved. */
  readonly name: string;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The members of the object at `start` (white space before it is skipped), in order of appearance, duplicates included. */
export function memberSlices(text: string, start = 0): MemberSlice[] {
  const members: MemberSlice[] = [];
  let at = skipSpace(text, enter(text, start, OPEN_BRACE, 'object'));
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
    const nameEnd = endOfString(text, at);
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = endOfValue(text, valueStart);
    members.push({ name: stringValue(text, at, nameEnd), start: valueStart, end });
    at = skipSpace(text, end);
  }
  return members;
}

/** The elements of the array at `start` (white space before it is skipped). */
export function elementSlices(text: string, start = 0): JsonSlice[] {
  const elements: JsonSlice[] = [];
  let at = skipSpace(text, enter(text, start, OPEN_BRACKET, 'array'));
  while (text.charCodeAt(at) !== CLOSE_BRACKET) {
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
    const end = endOfValue(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
  }
  return elements;
}

/**
 * The value's text with every object's repeated members merged: the first one's place, the last one's value, as JSON.parse has it. White
 * space between tokens goes; numbers and texts stay as they are written. For values whose depth is bounded: it recurses.
 */
export function withoutRepeats(text: string, { start, end }: JsonSlice): string {
  if (text.charCodeAt(start) === OPEN_BRACE) {
    const members = new Map<string, string>();
    for (const member of memberSlices(text, start)) members.set(member.name, withoutRepeats(text, member));
    return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  }
  if (text.charCodeAt(start) === OPEN_BRACKET) {
    return `[${elementSlices(text, start)
      .map((element) => withoutRepeats(text, element))
      .join(',')}]`;
  }
  return text.slice(start, end);
}

/** The whole document's value. */
export function documentSlice(text: string): JsonSlice {
  const start = skipSpace(text, 0);
  return { start, end: endOfValue(text, start) };
}

/**
 * The value at a dotted path of member names (`data.items`; empty: the document itself); undefined when it is not there. Of
 * duplicate members the last one counts, as for JSON.parse. A number in the path is a member name too, never an array index.
 */
export function sliceAtPath(text: string, path: string): JsonSlice | undefined {
  let slice: JsonSlice | undefined = documentSlice(text);
  for (const name of path === '' ? [] : path.split('.')) {
    if (slice === undefined || text.charCodeAt(slice.start) !== OPEN_BRACE) return undefined;
    slice = memberSlices(text, slice.start).findLast((member) => member.name === name);
  }
  return slice;
}

/** The position behind the value that starts at `at`. */
export function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfContainer(text, at);
  return endOfScalar(text, at);
}

function endOfString(text: string, open: number): number {
  if (text.charCodeAt(open) !== QUOTE) throw invalid(text, open);
  for (let from = open + 1; ;) {
    const close = text.indexOf('"', from);
    if (close === -1) throw invalid(text, open);
    let before = close - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    const backslashes = close - 1 - before;
    if (backslashes % 2 === 0) return close + 1;
    from = close + 1;
  }
}

function endOfContainer(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at) - 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        if (depth === 0) return at + 1;
        break;
      default:
    }
  }
  throw invalid(text, open);
}

function endOfScalar(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 0x20 || code === COMMA || code === CLOSE_BRACKET || code === CLOSE_BRACE) break;
  }
  if (at === start) throw invalid(text, start);
  return at;
}

/** JSON's white space, and nothing else at or below a blank, is what a valid text has here. */
function skipSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

function enter(text: string, start: number, open: number, kind: string): number {
  const at = skipSpace(text, start);
  if (text.charCodeAt(at) === open) return at + 1;
  throw new SluiceError('internal', `JSON text has no ${kind} at position ${String(start)}.`);
}

function stringValue(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  if (!inner.includes('\\')) return inner;
  const value: unknown = JSON.parse(text.slice(start, end));
  return String(value);
}

function invalid(text: string, at: number): SluiceError {
  return new SluiceError(
    'internal',
    `JSON text is not valid at position ${String(at)} of ${String(text.length)}; JSON.parse has to be asked first.`,
  );
}
