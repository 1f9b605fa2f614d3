/**
 * The value once more with every long integer as a text, for readers that would take it for a double: what `rewrite` in rewrite-value.ts makes of
 * a plain value, as the inside of a JSON string. Columns of type JSON stand as the text of their JSON there.
 */
import {
  BACKSLASH,
  CLOSE_BRACE,
  COLON,
  COMMA,
  DOT,
  LONG,
  MINUS,
  NULL,
  OPEN_BRACE,
  QUOTE,
  TEXT,
  ZERO,
} from './plain-json.ts';
import type { PlainMember } from './plain-value.ts';

/** Longer ones are texts, too. */
const MAX_NUMBER_BYTES = 15;

/** A byte of the value takes four at most, and texts that were none get quotes. */
const MOST_BYTES_PER_BYTE = 5;
/** Larger values are rare, and the exact way's. */
const MAX_BYTES = 256 * 1024;

/**
 * Where a number ends that is kept without the zeros behind its decimals; its own end when it has none. A number of zeros alone is kept as one, which has
 * no sign: `start` then.
 */
function canonicalEnd(value: Uint8Array, { start, end }: PlainMember): number {
  let last = end;
  if (value.subarray(start, end).includes(DOT)) {
    while (value[last - 1] === ZERO) last--;
    if (value[last - 1] === DOT) last--;
  }
  const isZero = value[last - 1] === ZERO && last - start === (value[start] === MINUS ? 2 : 1);
  return isZero && end - start > 1 ? start : last;
}

export class PlainRewriter {
  /** What was written last: the first `length` bytes. */
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;

  /** false: the value has to go the exact way. */
  write(value: Uint8Array, members: readonly PlainMember[]): boolean {
    const most = (value.length + 1) * MOST_BYTES_PER_BYTE;
    if (most > MAX_BYTES) return false;
    if (most > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(most);
    this.length = 0;
    this.#put(OPEN_BRACE);
    for (const [index, member] of members.entries()) {
      if (index > 0) this.#put(COMMA);
      this.#quote();
      for (const code of member.name) this.#put(code);
      this.#quote();
      this.#put(COLON);
      this.#member(value, member);
    }
    this.#put(CLOSE_BRACE);
    return true;
  }

  #member(value: Uint8Array, member: PlainMember): void {
    const { token, kind } = member;
    const quote = token === TEXT ? 1 : 0;
    const start = member.start - quote;
    const end = member.end + quote;
    if (kind.rewritten === 'json' && token !== NULL) {
      this.#quote();
      for (let at = start; at < end; at++) {
        const code = value[at] as number;
        // Escaped, and the escape escaped.
        if (code === QUOTE || code === BACKSLASH) for (let times = 0; times < 3; times++) this.#put(BACKSLASH);
        this.#put(code);
      }
      this.#quote();
      return;
    }
    const isNumber = kind.rewritten === 'number' && token !== NULL;
    const keptEnd = isNumber && token !== LONG ? canonicalEnd(value, member) : end;
    const isText = token === LONG || keptEnd !== end || (isNumber && end - start > MAX_NUMBER_BYTES);
    if (isText) this.#quote();
    if (keptEnd === start) this.#put(ZERO);
    for (let at = start; at < keptEnd; at++) {
      const code = value[at] as number;
      if (code === QUOTE || code === BACKSLASH) this.#put(BACKSLASH);
      this.#put(code);
    }
    if (isText) this.#quote();
  }

  #quote(): void {
    this.#put(BACKSLASH);
    this.#put(QUOTE);
  }

  #put(code: number): void {
    this.bytes[this.length++] = code;
  }
}
