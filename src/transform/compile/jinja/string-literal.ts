import { fail } from './fault.ts';

const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\n', ''],
]);

const HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

function codePoint(body: string, from: number, length: number): string {
  const digits = body.slice(from, from + length);
  if (digits.length < length || /[^0-9a-fA-F]/.test(digits)) {
    fail(
      `the escape \\${body[from - 1] ?? ''}${digits} in a string is cut short: it takes ${length} hexadecimal digits`,
    );
  }
  const point = Number.parseInt(digits, 16);
  if (point > 0x10_ffff) fail(`the escape \\U${digits} in a string is no character`);
  return String.fromCodePoint(point);
}

/**
 * The text between the quotes, with Python's escapes as Jinja reads them: an unknown one keeps its backslash, so that
 * `'\d+'` stays a regular expression (nunjucks would drop the backslash).
 */
export function unescapeString(body: string): string {
  if (!body.includes('\\')) return body;
  let text = '';
  let index = 0;
  while (index < body.length) {
    const slash = body.indexOf('\\', index);
    if (slash === -1) return text + body.slice(index);
    text += body.slice(index, slash);
    const letter = body[slash + 1] ?? '';
    const simple = SIMPLE_ESCAPES.get(letter);
    const hexLength = HEX_LENGTHS.get(letter);
    if (simple !== undefined) {
      text += simple;
      index = slash + 2;
    } else if (hexLength !== undefined) {
      text += codePoint(body, slash + 2, hexLength);
      index = slash + 2 + hexLength;
    } else if (letter >= '0' && letter <= '7') {
      const digits = /^[0-7]{1,3}/.exec(body.slice(slash + 1, slash + 4))?.[0] ?? '0';
      text += String.fromCharCode(Number.parseInt(digits, 8));
      index = slash + 1 + digits.length;
    } else if (letter === 'N') {
      fail('the escape \\N{…} in a string is not supported', 'Write the character itself or \\u with its number.');
    } else {
      text += `\\${letter}`;
      index = slash + 2;
    }
  }
  return text;
}
