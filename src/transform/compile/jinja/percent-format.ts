/** `'%s of %(name)s' % values`: Python's printf-style formatting. */
import { characterCount, sliceCharacters } from './characters.ts';
import { DictValue } from './dict.ts';
import { fail } from './fault.ts';
import { floatDigits, integerDigits, isNegative, needPrecision, wrongType } from './number-format.ts';
import { asInteger, needIndex, toNumber } from './numbers.ts';
import { RangeValue } from './sequences.ts';
import { checkedText, repeatedText, repr, toText } from './text.ts';
import { orElse, TupleValue, UndefinedValue, type Value } from './values.ts';

const DIRECTIVE = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?(.)?/gsu;

interface Spec {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly code: string;
}

/** Where the values come from, one after the other or by name. */
class Operands {
  readonly #values: Value;
  readonly #list: readonly Value[];
  #next = 0;
  #byName = false;

  constructor(values: Value) {
    if (values instanceof UndefinedValue) values.raise();
    this.#values = values;
    this.#list = values instanceof TupleValue ? values.items : [values];
  }

  take(): Value {
    const value = this.#list[this.#next];
    this.#next += 1;
    return orElse(value, () => fail('a format has more places than there are values'));
  }

  named(name: string): Value {
    if (!(this.#values instanceof DictValue)) fail('a format with names needs a dict of values');
    this.#byName = true;
    return orElse(this.#values.get(name), () => fail(`the format needs a value for '${name}'`));
  }

  done(): void {
    // Python takes whatever has subscripts for a dict, whose values need not be used.
    const values = this.#values;
    const unused = values instanceof DictValue || values instanceof RangeValue || Array.isArray(values);
    if (this.#byName || unused || this.#next >= this.#list.length) return;
    fail('a format has fewer places than there are values');
  }
}

export function formatPercent(format: string, values: Value): string {
  const operands = new Operands(values);
  const text = format.replace(DIRECTIVE, (...match) => {
    const [, name, flags = '', width, precision, code] = match as (string | undefined)[];
    if (code === undefined) fail('a format ends with an unfinished %');
    if (code === '%') return '%';
    const spec: Spec = {
      flags,
      width: width === '*' ? needIndex(operands.take(), 'a width') : Number(width ?? 0),
      precision:
        precision === '*'
          ? needIndex(operands.take(), 'a precision')
          : precision === undefined
            ? undefined
            : Number(precision),
      code,
    };
    return directive(spec, name === undefined ? operands.take() : operands.named(name));
  });
  operands.done();
  return checkedText(text);
}

function directive(spec: Spec, value: Value): string {
  switch (spec.code) {
    case 's':
    case 'r':
    case 'a':
      return padded(cut(spec.code === 's' ? toText(value) : repr(value), spec.precision), spec);
    case 'c':
      return padded(character(value), spec);
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      return integer(spec, value);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      return float(spec, value);
    default:
      return fail(`unknown format code '%${spec.code}'`);
  }
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : sliceCharacters(text, 0, precision);
}

function character(value: Value): string {
  if (typeof value === 'string' && characterCount(value) === 1) return value;
  const code = asInteger(value);
  return code === undefined ? fail('%c needs one character or its number') : String.fromCodePoint(Number(code));
}

function integer(spec: Spec, value: Value): string {
  const code = 'iu'.includes(spec.code) ? 'd' : spec.code;
  const { negative, digits } = integerDigits(value, code);
  const filled = digits.padStart(spec.precision === undefined ? 0 : needPrecision(spec.precision), '0');
  const prefix = spec.flags.includes('#') && code !== 'd' ? `0${code}` : '';
  return number(spec, negative, prefix, filled);
}

function float(spec: Spec, value: Value): string {
  const plain = toNumber(value) ?? wrongType(`%${spec.code}`, value);
  const digits = floatDigits(plain, spec.code, spec.precision ?? 6, spec.flags.includes('#'));
  return number(spec, isNegative(plain), '', digits);
}

function number(spec: Spec, negative: boolean, prefix: string, digits: string): string {
  const plus = spec.flags.includes('+') ? '+' : spec.flags.includes(' ') ? ' ' : '';
  const head = (negative ? '-' : plus) + prefix;
  if (!spec.flags.includes('0') || spec.flags.includes('-')) return padded(head + digits, spec);
  return head + repeatedText('0', spec.width - head.length - digits.length) + digits;
}

function padded(text: string, spec: Spec): string {
  const space = repeatedText(' ', spec.width - characterCount(text));
  return spec.flags.includes('-') ? text + space : space + text;
}
