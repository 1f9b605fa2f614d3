/** `'{} {0:>10} {name!r}'.format(…)`: Python's str.format and its format specifications. */
import { characterCount, sliceCharacters } from './characters.ts';
import { fail } from './fault.ts';
import { floatText } from './float-text.ts';
import { floatDigits, grouped, integerDigits, isNegative, wrongType } from './number-format.ts';
import { asFloat, asInteger, toNumber } from './numbers.ts';
import { checkedText, repeatedText, repr, toText } from './text.ts';
import type { CallState, Kwargs, Value } from './values.ts';

const FIELD_NAME = /^([^.[\]]*)((?:\.[^.[\]]+|\[[^\]]+\])*)$/;
const ACCESSOR = /\.([^.[\]]+)|\[([^\]]+)\]/g;
const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnosxX%])?$/su;

class Formatter {
  readonly #args: readonly Value[];
  readonly #kwargs: Kwargs;
  readonly #state: CallState;
  #automatic = 0;

  constructor(args: readonly Value[], kwargs: Kwargs, state: CallState) {
    this.#args = args;
    this.#kwargs = kwargs;
    this.#state = state;
  }

  /** A replacement field may hold fields in its specification, and those none (Python's rule). */
  format(format: string, depth: number): string {
    let text = '';
    let index = 0;
    while (index < format.length) {
      const char = format[index] ?? '';
      if (char !== '{' && char !== '}') {
        const next = /[{}]/.exec(format.slice(index))?.index ?? format.length - index;
        text += format.slice(index, index + next);
        index += next;
      } else if (format[index + 1] === char) {
        text += char;
        index += 2;
      } else if (char === '}') {
        fail("a single '}' stands in the format", 'Write }} for the character itself.');
      } else {
        const end = fieldEnd(format, index);
        text += this.#field(format.slice(index + 1, end), depth);
        index = end + 1;
      }
    }
    return checkedText(text);
  }

  #field(field: string, depth: number): string {
    if (depth === 0) fail('a format specification is nested too deeply');
    const colon = field.indexOf(':');
    const head = colon === -1 ? field : field.slice(0, colon);
    const conversion = /!(.)$/s.exec(head)?.[1];
    // The value's number comes before those of the fields in its specification.
    const value = this.#value(conversion === undefined ? head : head.slice(0, -2));
    const spec = colon === -1 ? '' : this.format(field.slice(colon + 1), depth - 1);
    if (conversion === undefined) return formatValue(value, spec);
    if (conversion === 's') return formatValue(toText(value), spec);
    return conversion === 'r' || conversion === 'a'
      ? formatValue(repr(value), spec)
      : fail(`unknown conversion '!${conversion}'`);
  }

  #value(path: string): Value {
    const match = FIELD_NAME.exec(path) ?? fail(`'{${path}}' is no field of a format`);
    const name = match[1] ?? '';
    let value = this.#root(name === '' ? String(this.#automatic++) : name);
    for (const accessor of (match[2] ?? '').matchAll(ACCESSOR)) {
      const key = accessor[2] ?? '';
      value =
        accessor[1] === undefined
          ? this.#state.item(value, /^\d+$/.test(key) ? Number(key) : key)
          : this.#state.attribute(value, accessor[1]);
    }
    return value;
  }

  #root(name: string): Value {
    const value = /^\d+$/.test(name) ? this.#args[Number(name)] : this.#kwargs.get(name);
    return value === undefined ? fail(`the format has no value for {${name}}`) : value;
  }
}

function fieldEnd(format: string, start: number): number {
  let depth = 0;
  for (let index = start; index < format.length; index++) {
    if (format[index] === '{') depth += 1;
    if (format[index] === '}') depth -= 1;
    if (depth === 0) return index;
  }
  return fail("a '{' in the format has no '}'", 'Write {{ for the character itself.');
}

export function formatBraces(format: string, args: readonly Value[], kwargs: Kwargs, state: CallState): string {
  return new Formatter(args, kwargs, state).format(format, 2);
}

interface Spec {
  readonly fill: string;
  readonly align: string | undefined;
  readonly sign: string;
  readonly alternate: boolean;
  readonly width: number;
  readonly separator: string | undefined;
  readonly precision: number | undefined;
  readonly code: string | undefined;
}

export function formatValue(value: Value, specText: string): string {
  if (specText === '') return toText(value);
  const match = SPEC.exec(specText) ?? fail(`'${specText}' is no format specification`);
  const [, fill, align, sign = '-', alternate, zero, width, separator, precision, code] = match;
  const spec: Spec = {
    fill: fill ?? (zero === undefined ? ' ' : '0'),
    align: align ?? (zero === undefined ? undefined : '='),
    sign,
    alternate: alternate !== undefined,
    width: Number(width ?? 0),
    separator,
    precision: precision === undefined ? undefined : Number(precision),
    code,
  };
  if (typeof value === 'string') return textField(value, spec, specText);
  if (toNumber(value) === undefined) return fail(`the format specification '${specText}' does not fit ${repr(value)}`);
  return numberField(value, spec);
}

function textField(value: string, spec: Spec, specText: string): string {
  if ((spec.code !== undefined && spec.code !== 's') || spec.align === '=' || spec.separator !== undefined) {
    fail(`the format specification '${specText}' does not fit a text`);
  }
  return aligned('', spec.precision === undefined ? value : sliceCharacters(value, 0, spec.precision), spec, '<');
}

function numberField(value: Value, spec: Spec): string {
  const isInteger = asInteger(value) !== undefined;
  if (typeof value === 'boolean' && spec.code === undefined) return aligned('', toText(value), spec, '<');
  const code = spec.code ?? (isInteger ? 'd' : '');
  if (code === 's' || (!isInteger && 'bcdoxX'.includes(code) && code !== '')) wrongType(code, value);
  const { negative, digits, prefix } =
    isInteger && 'bcdoxXn'.includes(code) ? integerField(value, code, spec) : floatField(value, code, spec);
  const sign = negative ? '-' : spec.sign === '-' ? '' : spec.sign;
  return aligned(sign + prefix, digits, spec, '>');
}

interface NumberField {
  readonly negative: boolean;
  readonly digits: string;
  readonly prefix: string;
}

function integerField(value: Value, code: string, spec: Spec): NumberField {
  if (spec.precision !== undefined) fail('an integer takes no precision');
  if (code === 'c') return { negative: false, digits: String.fromCodePoint(Number(asInteger(value))), prefix: '' };
  const { negative, digits } = integerDigits(value, code === 'n' ? 'd' : code);
  const prefix = spec.alternate && code !== 'd' && code !== 'n' ? `0${code}` : '';
  return { negative, digits: separated(digits, spec, code), prefix };
}

function floatField(value: Value, code: string, spec: Spec): NumberField {
  const number = toNumber(value) ?? wrongType(code, value);
  const plain =
    code === ''
      ? shortest(value, spec)
      : floatDigits(number, code === 'n' ? 'g' : code, spec.precision ?? 6, spec.alternate);
  return { negative: isNegative(number), digits: separated(plain, spec, 'd'), prefix: '' };
}

/** Without a code a float prints as it prints, or with so many significant digits. */
function shortest(value: Value, spec: Spec): string {
  const number = Math.abs(asFloat(value) ?? toNumber(value) ?? 0);
  if (spec.precision === undefined) return floatText(number);
  const digits = floatDigits(number, 'g', spec.precision);
  return /[.e]|inf|nan/.test(digits) ? digits : `${digits}.0`;
}

function separated(digits: string, spec: Spec, code: string): string {
  if (spec.separator === undefined) return digits;
  return grouped(digits, spec.separator, 'boxX'.includes(code) ? 4 : 3);
}

function aligned(head: string, body: string, spec: Spec, natural: '<' | '>'): string {
  const missing = spec.width - characterCount(head) - characterCount(body);
  if (missing <= 0) return head + body;
  const align = spec.align ?? natural;
  const before = align === '<' ? 0 : align === '^' ? Math.floor(missing / 2) : missing;
  const left = repeatedText(spec.fill, before);
  if (align === '=') return head + left + body;
  return left + head + body + repeatedText(spec.fill, missing - before);
}
