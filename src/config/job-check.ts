/** Reads unknown values field by field and notes every mistake with its path, so that one look shows them all. */
import { parseDurationMs } from './duration.ts';
import { show } from './problems.ts';
import { didYouMean } from './suggest.ts';

export interface JobMistake {
  readonly path: string;
  readonly message: string;
}

export type UnknownMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is UnknownMap {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

export class JobCheck {
  readonly mistakes: JobMistake[] = [];

  /** Notes a mistake; the value stands in for what could not be read, the job is refused anyway. */
  wrong(path: string, message: string): void {
    this.mistakes.push({ path, message });
  }

  expected(path: string, value: unknown, expectation: string): void {
    this.wrong(
      path,
      value === undefined ? `is missing, expected ${expectation}` : `came ${show(value)}, expected ${expectation}`,
    );
  }

  map(value: unknown, path: string, keys: readonly string[] | null): UnknownMap {
    if (!isMap(value)) {
      this.expected(path, value, 'a map');
      return {};
    }
    for (const key of keys === null ? [] : Object.keys(value)) {
      if (!keys?.includes(key))
        this.wrong(
          path,
          `unknown key "${key}"${didYouMean(key, keys ?? []) || `; known keys: ${(keys ?? []).join(', ')}`}`,
        );
    }
    return value;
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (Array.isArray(value) && value.length > 0) return value as readonly unknown[];
    this.expected(path, Array.isArray(value) ? undefined : value, 'a list with at least one entry');
    return [];
  }

  text(
    value: unknown,
    path: string,
    options: { readonly pattern?: RegExp; readonly expected?: string; readonly fallback?: string } = {},
  ): string {
    if (value === undefined && options.fallback !== undefined) return options.fallback;
    if (typeof value === 'string' && value.trim() !== '' && (options.pattern?.test(value) ?? true)) return value;
    this.expected(path, value, options.expected ?? 'text');
    return '';
  }

  oneOf<T extends string>(value: unknown, path: string, words: readonly T[], fallback?: T): T {
    if (value === undefined && fallback !== undefined) return fallback;
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    this.expected(
      path,
      value,
      `one of ${words.join(', ')}${typeof value === 'string' ? didYouMean(value, words) : ''}`,
    );
    return fallback ?? (words[0] as T);
  }

  number(
    value: unknown,
    path: string,
    options: { readonly min: number; readonly max?: number; readonly integer?: boolean; readonly fallback?: number },
  ): number {
    if (value === undefined && options.fallback !== undefined) return options.fallback;
    const { min, max = Number.MAX_SAFE_INTEGER } = options;
    const fits =
      typeof value === 'number' &&
      value >= min &&
      value <= max &&
      (options.integer !== true || Number.isSafeInteger(value));
    if (fits) return value;
    const range = options.max === undefined ? `of at least ${min}` : `from ${min} to ${max}`;
    this.expected(path, value, `${options.integer === true ? 'a whole number' : 'a number'} ${range}`);
    return min;
  }

  durationMs(value: unknown, path: string, fallbackMs: number): number {
    if (value === undefined) return fallbackMs;
    const ms =
      typeof value === 'string' ? parseDurationMs(value) : typeof value === 'number' && value >= 0 ? value : undefined;
    if (ms === undefined) this.expected(path, value, `a duration such as '5 minutes'`);
    return ms ?? fallbackMs;
  }
}
