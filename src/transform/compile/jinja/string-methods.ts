/** The methods of Python's str that templates use. */
import { formatBraces } from './brace-format.ts';
import { characterCount, characterIndex, characters, sliceCharacters, splitLines } from './characters.ts';
import { fail } from './fault.ts';
import { type Bound, openRoutine, type Routine, routine, table } from './routines.ts';
import { iterate } from './sequences.ts';
import { checkedText, repeatedText } from './text.ts';
import { TupleValue, described, UndefinedValue, type Value } from './values.ts';

type StringRoutine = Routine<string>;

/** Python's whitespace for str.strip and str.split. */
const SPACE = '[\\s\\x1c-\\x1f\\x85]';
const LEADING_SPACE = new RegExp(`^${SPACE}+`);
const TRAILING_SPACE = new RegExp(`${SPACE}+$`);

export function stripStart(text: string, chars?: string): string {
  if (chars === undefined) return text.replace(LEADING_SPACE, '');
  const all = characters(text);
  const first = all.findIndex((char) => !chars.includes(char));
  return first === -1 ? '' : all.slice(first).join('');
}

export function stripEnd(text: string, chars?: string): string {
  if (chars === undefined) return text.replace(TRAILING_SPACE, '');
  const all = characters(text);
  const last = all.findLastIndex((char) => !chars.includes(char));
  return all.slice(0, last + 1).join('');
}

function optionalText(args: Bound, place: number): string | undefined {
  return args.some(place) === undefined ? undefined : args.text(place);
}

function without(change: (text: string) => string): StringRoutine {
  return routine('', (text) => change(text));
}

function stripping(strip: (text: string, chars?: string) => string): StringRoutine {
  return routine('chars?', (text, args) => strip(text, optionalText(args, 0)));
}

/** All characters are of this kind, and there is at least one. */
function isAll(pattern: RegExp): StringRoutine {
  return routine('', (text) => pattern.test(text));
}

const LETTERS = /\p{L}+/gu;
const CASED = /[\p{Lu}\p{Ll}\p{Lt}]/u;

export function capitalize(text: string): string {
  const [first = '', ...rest] = characters(text);
  return first.toUpperCase() + rest.join('').toLowerCase();
}

export function isUpper(text: string): boolean {
  return CASED.test(text) && text === text.toUpperCase();
}

export function isLower(text: string): boolean {
  return CASED.test(text) && text === text.toLowerCase();
}

function swapCase(text: string): string {
  return characters(text)
    .map((char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()))
    .join('');
}

function separator(args: Bound): string | undefined {
  const given = optionalText(args, 0);
  return given === '' ? fail('the separator is empty') : given;
}

function splitFromStart(text: string, by: string | undefined, limit: number): string[] {
  const parts: string[] = [];
  let rest = by === undefined ? stripStart(text) : text;
  while (by === undefined ? rest !== '' : true) {
    const match = by === undefined ? new RegExp(`${SPACE}+`).exec(rest) : null;
    const at = by === undefined ? (match?.index ?? -1) : rest.indexOf(by);
    if (at === -1 || (limit >= 0 && parts.length >= limit)) {
      parts.push(by === undefined && limit < 0 ? stripEnd(rest) : rest);
      break;
    }
    parts.push(rest.slice(0, at));
    rest = rest.slice(at + (by ?? match?.[0] ?? '').length);
  }
  return parts;
}

/** Splitting from the end is splitting the reversed text. */
function splitFromEnd(text: string, by: string | undefined, limit: number): string[] {
  const reverse = (value: string): string => characters(value).toReversed().join('');
  return splitFromStart(reverse(text), by === undefined ? undefined : reverse(by), limit)
    .map(reverse)
    .toReversed();
}

function splitting(split: typeof splitFromStart): StringRoutine {
  return routine('sep? maxsplit?', (text, args) => split(text, separator(args), args.index(1, -1)));
}

function partition(text: string, by: string, at: number, missing: readonly string[]): Value {
  if (by === '') fail('the separator is empty');
  return new TupleValue(at === -1 ? [...missing] : [text.slice(0, at), by, text.slice(at + by.length)]);
}

/** The part of the text that find, count, startswith and their like look at. */
function window(text: string, args: Bound): { readonly part: string; readonly offset: number } {
  if (args.some(1) === undefined && args.some(2) === undefined) return { part: text, offset: 0 };
  const length = characterCount(text);
  const bound = (place: number, absent: number): number => {
    if (args.some(place) === undefined) return absent;
    const index = args.index(place);
    return Math.max(0, Math.min(length, index < 0 ? index + length : index));
  };
  const offset = bound(1, 0);
  return { part: sliceCharacters(text, offset, Math.max(offset, bound(2, length))), offset };
}

type Find = (part: string, wanted: string) => number;
const first: Find = (part, wanted) => part.indexOf(wanted);
const last: Find = (part, wanted) => part.lastIndexOf(wanted);

function finding(find: Find): StringRoutine {
  return routine('sub start? end?', (text, args) => {
    const { part, offset } = window(text, args);
    const at = characterIndex(part, find(part, args.text(0)));
    return at === -1 ? -1 : at + offset;
  });
}

function indexing(find: Find): StringRoutine {
  const found = finding(find);
  return openRoutine((text, args, kwargs, state, label) => {
    const at = found.run(label, text, args, kwargs, state);
    return at === -1 ? fail('the text does not contain what index() looks for', 'find() gives -1 instead.') : at;
  });
}

function affix(has: (part: string, wanted: string) => boolean): StringRoutine {
  return routine('affix start? end?', (text, args) => {
    const { part } = window(text, args);
    const wanted = args.value(0);
    if (wanted instanceof TupleValue) return wanted.items.some((item) => typeof item === 'string' && has(part, item));
    return has(part, args.text(0));
  });
}

function countOf(part: string, wanted: string): number {
  return wanted === '' ? characterCount(part) + 1 : part.split(wanted).length - 1;
}

export function replaceText(text: string, from: string, to: string, count = -1): string {
  if (count === 0) return text;
  const pieces = from === '' ? ['', ...characters(text), ''] : text.split(from);
  const replaced = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1);
  // Checked before it is made: ten replacements of one letter by a thousand can fill the memory.
  const tail = pieces.slice(replaced).join(from);
  if (replaced * to.length > Number.MAX_SAFE_INTEGER) fail('the text would be too long');
  const head = pieces.slice(0, replaced);
  repeatedText(
    'x',
    head.reduce((sum, piece) => sum + piece.length + to.length, tail.length),
  );
  return head.map((piece) => piece + to).join('') + tail;
}

function fillCharacter(args: Bound): string {
  const fill = args.text(1, ' ');
  return characterCount(fill) === 1 ? fill : fail('the character to fill with must be one character');
}

export function centered(text: string, width: number, fill = ' '): string {
  const missing = width - characterCount(text);
  // CPython puts the odd one on the left when both the width and what is missing are odd.
  const left = missing <= 0 ? 0 : Math.floor(missing / 2) + (missing & width & 1);
  return repeatedText(fill, left) + text + repeatedText(fill, missing - left);
}

function zeroFilled(text: string, width: number): string {
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + repeatedText('0', width - characterCount(text)) + text.slice(sign.length);
}

function expandTabs(text: string, size: number): string {
  let column = 0;
  return text.replace(/\t|[\n\r]|[^\t\n\r]+/g, (piece) => {
    if (piece === '\n' || piece === '\r') {
      column = 0;
      return piece;
    }
    const shown = piece === '\t' ? repeatedText(' ', size <= 0 ? 0 : size - (column % size)) : piece;
    column += characterCount(shown);
    return shown;
  });
}

function joinWith(text: string, items: Value): Value {
  const parts: string[] = [];
  for (const item of iterate(items)) {
    if (item instanceof UndefinedValue) item.raise();
    if (typeof item !== 'string')
      fail(`join() takes texts only, not ${described(item)}`, 'The filter join takes anything.');
    parts.push(item);
  }
  return checkedText(parts.join(text));
}

const IDENTIFIER = /^[\p{ID_Start}_]\p{ID_Continue}*$/u;

export const STRING_METHODS = table<string>({
  capitalize: without(capitalize),
  casefold: without((text) => text.toLowerCase().replaceAll('ß', 'ss')),
  center: routine('width fillchar?', (text, args) => centered(text, args.index(0), fillCharacter(args))),
  count: routine('sub start? end?', (text, args) => countOf(window(text, args).part, args.text(0))),
  endswith: affix((part, wanted) => part.endsWith(wanted)),
  expandtabs: routine('tabsize?', (text, args) => expandTabs(text, args.index(0, 8))),
  find: finding(first),
  format: openRoutine((text, args, kwargs, state) => formatBraces(text, args, kwargs, state)),
  index: indexing(first),
  isalnum: isAll(/^[\p{L}\p{N}]+$/u),
  isalpha: isAll(/^\p{L}+$/u),
  isascii: routine('', (text) => !/[^\0-\x7f]/.test(text)),
  isdecimal: isAll(/^\p{Nd}+$/u),
  isdigit: isAll(/^[\p{Nd}²³¹⁰-⁹₀-₉]+$/u),
  isidentifier: isAll(IDENTIFIER),
  islower: routine('', (text) => isLower(text)),
  isnumeric: isAll(/^\p{N}+$/u),
  isspace: isAll(new RegExp(`^${SPACE}+$`)),
  istitle: routine('', (text) => CASED.test(text) && text === text.replace(LETTERS, capitalize)),
  isupper: routine('', (text) => isUpper(text)),
  join: routine('iterable', (text, args) => joinWith(text, args.value(0))),
  ljust: routine('width fillchar?', (text, args) => {
    return text + repeatedText(fillCharacter(args), args.index(0) - characterCount(text));
  }),
  lower: without((text) => text.toLowerCase()),
  lstrip: stripping(stripStart),
  partition: routine('sep', (text, args) => partition(text, args.text(0), text.indexOf(args.text(0)), [text, '', ''])),
  removeprefix: routine('prefix', (text, args) => {
    return text.startsWith(args.text(0)) ? text.slice(args.text(0).length) : text;
  }),
  removesuffix: routine('suffix', (text, args) => {
    const suffix = args.text(0);
    return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
  }),
  replace: routine('old new count?', (text, args) => replaceText(text, args.text(0), args.text(1), args.index(2, -1))),
  rfind: finding(last),
  rindex: indexing(last),
  rjust: routine('width fillchar?', (text, args) => {
    return repeatedText(fillCharacter(args), args.index(0) - characterCount(text)) + text;
  }),
  rpartition: routine('sep', (text, args) => {
    return partition(text, args.text(0), text.lastIndexOf(args.text(0)), ['', '', text]);
  }),
  rsplit: splitting(splitFromEnd),
  rstrip: stripping(stripEnd),
  split: splitting(splitFromStart),
  splitlines: routine('keepends?', (text, args) => splitLines(text, args.flag(0))),
  startswith: affix((part, wanted) => part.startsWith(wanted)),
  strip: stripping((text, chars) => stripEnd(stripStart(text, chars), chars)),
  swapcase: without(swapCase),
  title: without((text) => text.replace(LETTERS, capitalize)),
  upper: without((text) => text.toUpperCase()),
  zfill: routine('width', (text, args) => zeroFilled(text, args.index(0))),
});
