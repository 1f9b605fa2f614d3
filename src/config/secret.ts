/**
 * Secrets (RELIABILITY.md S05). A `Secret` gives its value to one call only, `reveal()`, and prints as `***` everywhere else; the
 * `Redactor` is the second line: whatever text leaves the process by the command line or an artifact goes through it, so that a
 * secret which a vendor's error message repeats is still not shown.
 */
import { looksSecret } from '../core/secret-names.ts';

const MASK = '***';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK;
  }
}

/** Shorter values are no secrets, and masking them would tear ordinary words apart. */
const MIN_SECRET_LENGTH = 4;

export class Redactor {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  add(value: string): void {
    if (value.length < MIN_SECRET_LENGTH) return;
    const before = this.#forms.size;
    for (const form of formsOf(value)) if (form.length >= MIN_SECRET_LENGTH) this.#forms.add(form);
    if (this.#forms.size !== before) this.#pattern = undefined;
  }

  /** The password and key parts of a URL; the host stays readable. */
  addUrl(url: string): void {
    if (!URL.canParse(url)) return this.add(url);
    const parsed = new URL(url);
    for (const part of [parsed.password, ...secretParameters(parsed)]) {
      this.add(part);
      this.add(decoded(part));
    }
  }

  redact(text: string): string {
    if (this.#forms.size === 0) return text;
    // Longest first: a secret that contains another one goes as a whole.
    this.#pattern ??= new RegExp(
      [...this.#forms]
        .sort((a, b) => b.length - a.length)
        .map(escapeRegExp)
        .join('|'),
      'g',
    );
    return text.replace(this.#pattern, MASK);
  }
}

function secretParameters(url: URL): string[] {
  return [...url.searchParams].filter(([name]) => looksSecret(name)).map(([, value]) => value);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not percent-encoded: the text itself was added already
  }
}

/** The value as it may appear in text: plain, inside JSON, percent-encoded, and in base64 at each of the three alignments. */
function formsOf(value: string): string[] {
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    new URLSearchParams({ v: value }).toString().slice(2),
  ];
  const bytes = Buffer.from(value);
  forms.push(bytes.toString('hex'));
  for (const encoding of ['base64', 'base64url'] as const) {
    forms.push(bytes.toString(encoding));
    for (const shift of [0, 1, 2]) {
      // The characters that depend on these bytes alone: whole groups of three behind the shift.
      const inner = bytes.subarray((3 - shift) % 3);
      const whole = inner.subarray(0, inner.length - (inner.length % 3));
      // Three bytes in base64 are four characters that ordinary text may hold by chance.
      if (whole.length >= 6) forms.push(whole.toString(encoding));
    }
  }
  return forms;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
