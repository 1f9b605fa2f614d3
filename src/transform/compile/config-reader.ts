/**
 * Settings of one node from all their places (project.yml's tree, YAML beside the models, `config()` in the file), later ones winning,
 * read into types with every mistake collected at the place where it stands.
 */
import { show, type Problem } from '../../config/problems.ts';
import { didYouMean } from '../../config/suggest.ts';
import type { YamlValue } from '../../config/yaml-source.ts';

export interface Place {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export interface Setting {
  readonly value: YamlValue;
  readonly place: Place;
}

export interface SettingLayer {
  readonly place: Place;
  readonly values: Readonly<Record<string, YamlValue>>;
  /** The place of one key, where it is known better. */
  readonly placeOf?: (key: string) => Place;
}

/** Spellings that dbt knows for one setting. */
const ALIASES: Readonly<Record<string, string>> = {
  'pre-hook': 'pre_hook',
  'post-hook': 'post_hook',
  predicates: 'incremental_predicates',
  delete_condition: 'delete_when',
};
/** Lists of these add up over the places, maps of these merge; everything else is replaced. As in dbt. */
const ADDITIVE = new Set(['tags', 'pre_hook', 'post_hook']);
const MERGED = new Set(['meta', 'docs', 'labels', 'persist_docs', 'column_types']);

export function mergeSettings(layers: readonly SettingLayer[]): ReadonlyMap<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const layer of layers) {
    for (const [written, value] of Object.entries(layer.values)) {
      const key = ALIASES[written] ?? written;
      const place = layer.placeOf?.(written) ?? layer.place;
      settings.set(key, { value: combined(key, settings.get(key)?.value, value), place });
    }
  }
  return settings;
}

function combined(key: string, before: YamlValue | undefined, after: YamlValue): YamlValue {
  if (before === undefined || before === null) return after;
  if (ADDITIVE.has(key)) {
    const list: YamlValue[] = [before, after].flatMap((value) =>
      Array.isArray(value) ? (value as YamlValue[]) : [value],
    );
    return list.filter((item, index) => list.indexOf(item) === index);
  }
  if (MERGED.has(key) && isMap(before) && isMap(after)) return { ...before, ...after };
  return after;
}

export function isMap(value: YamlValue | undefined): value is Readonly<Record<string, YamlValue>> {
  return value !== undefined && value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** A YAML value as text: a word as it is, anything larger as JSON. */
export function textOfValue(value: YamlValue): string {
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export class ConfigReader {
  readonly #settings: ReadonlyMap<string, Setting>;
  readonly #problems: Problem[];
  readonly #subject: string;
  readonly #fallback: Place;
  readonly #asked = new Set<string>();

  /** `subject`: what the settings belong to, for messages: `model current_customer`. */
  constructor(settings: ReadonlyMap<string, Setting>, subject: string, fallback: Place, problems: Problem[]) {
    this.#settings = settings;
    this.#subject = subject;
    this.#fallback = fallback;
    this.#problems = problems;
  }

  text(key: string): string | null {
    return this.#read(key, 'text', (value) => {
      if (typeof value === 'string' && value !== '') return value;
      return typeof value === 'number' ? String(value) : undefined;
    });
  }

  flag(key: string, fallback: boolean): boolean {
    const words: Readonly<Record<string, boolean>> = { true: true, false: false };
    const value = this.#read(key, 'true or false', (raw) => {
      if (typeof raw === 'boolean') return raw;
      return typeof raw === 'string' ? words[raw.trim().toLowerCase()] : undefined;
    });
    return value ?? fallback;
  }

  /** null when it is not set at all. */
  optionalFlag(key: string): boolean | null {
    return this.has(key) ? this.flag(key, false) : (this.#asked.add(key), null);
  }

  number(key: string): number | null {
    return this.#read(key, 'a whole number of 0 or more', (value) => {
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
      return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
    });
  }

  word<T extends string>(key: string, words: readonly T[]): T | null {
    const expected = `one of ${words.join(', ')}`;
    return this.#read(
      key,
      expected,
      (value) => words.find((word) => word === value),
      (value) => (typeof value === 'string' ? didYouMean(value, words) : ''),
    );
  }

  /** A text counts as a list of one. */
  texts(key: string): readonly string[] | null {
    return this.#read(key, 'a text or a list of texts', (value) => {
      if (typeof value === 'string') return value === '' ? undefined : [value];
      if (!Array.isArray(value)) return undefined;
      return value.every((item): item is string => typeof item === 'string' && item !== '') ? value : undefined;
    });
  }

  map(key: string): Readonly<Record<string, YamlValue>> | null {
    return this.#read(key, 'a map', (value) => (isMap(value) ? value : undefined));
  }

  raw(key: string): YamlValue | undefined {
    this.#asked.add(key);
    return this.#settings.get(key)?.value;
  }

  has(key: string): boolean {
    const value = this.#settings.get(key)?.value;
    return value !== undefined && value !== null;
  }

  problem(key: string, message: string): void {
    const place = this.#settings.get(key)?.place ?? this.#fallback;
    this.#problems.push({ ...place, path: this.#subject, message: `${key}: ${message}` });
  }

  /** Call last: settings that nobody asked for are slips of the keyboard, or not supported. */
  unknown(): void {
    for (const [key, { place }] of this.#settings) {
      if (this.#asked.has(key)) continue;
      const match = didYouMean(key, this.#asked);
      const rest = match === '' ? "; settings of your own belong under 'meta'" : match;
      this.#problems.push({ ...place, path: this.#subject, message: `unknown setting "${key}"${rest}` });
    }
  }

  #read<T>(
    key: string,
    expected: string,
    convert: (value: YamlValue) => T | undefined,
    suggest: (value: YamlValue) => string = () => '',
  ): T | null {
    this.#asked.add(key);
    const value = this.#settings.get(key)?.value;
    if (value === undefined || value === null) return null;
    const converted = convert(value);
    if (converted !== undefined) return converted;
    this.problem(key, `came ${show(value)}, expected ${expected}${suggest(value)}`);
    return null;
  }
}
