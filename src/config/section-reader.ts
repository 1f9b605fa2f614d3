/** One section of a target: fills in the environment, turns text into its kind, and says what is wrong where. */
import { resolve } from 'node:path';
import { SluiceError } from '../core/errors.ts';
import { evaluateText, hasExpression, type Env } from './expression.ts';
import { coerce, LEAF_NAMES, type LeafValue } from './leaf.ts';
import { leavesOf, type Leaf, type SectionName } from './project-schema.ts';
import { PROJECT_FILE } from './project-files.ts';
import { show } from './problems.ts';
import type { ProjectConfig } from './project.ts';
import { Secret } from './secret.ts';
import type { YamlValue } from './yaml-source.ts';

export class SectionReader {
  readonly type: string;
  readonly #config: ProjectConfig;
  readonly #pointer: string;
  readonly #where: string;
  readonly #raw: Readonly<Record<string, YamlValue>>;
  readonly #leaves: Readonly<Record<string, Leaf>>;
  readonly #env: Env;

  constructor(
    config: ProjectConfig,
    { target, section, env }: { readonly target: string; readonly section: SectionName; readonly env: Env },
  ) {
    const raw = config.targets[target]?.[section];
    if (raw === undefined) {
      throw new SluiceError(
        'unsupported',
        `target "${target}" has no ${section} in ${PROJECT_FILE}, and this command needs one`,
        {
          hint: `Add "${section}:" to targets.${target}, or choose another target with --target`,
        },
      );
    }
    this.type = raw['type'] as string;
    this.#config = config;
    this.#pointer = `/targets/${target}/${section}`;
    this.#where = `targets.${target}.${section}`;
    this.#raw = raw;
    this.#leaves = leavesOf(section, this.type);
    this.#env = env;
  }

  text(key: string): string {
    const value = this.#value(key);
    if (value === null) throw this.#invalid(key, 'is empty, expected text');
    return String(value);
  }

  optional(key: string): string | null {
    const value = this.#value(key);
    return value === null ? null : String(value);
  }

  secret(key: string): Secret {
    return new Secret(this.text(key));
  }

  path(key: string): string {
    return resolve(this.#config.dir, this.text(key));
  }

  optionalPath(key: string): string | null {
    const value = this.optional(key);
    return value === null ? null : resolve(this.#config.dir, value);
  }

  number(key: string): number | null {
    const value = this.#value(key);
    return typeof value === 'number' ? value : null;
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#value(key);
    return typeof value === 'boolean' ? value : fallback;
  }

  list(key: string): readonly string[] {
    const value = this.#value(key);
    if (!Array.isArray(value)) throw this.#invalid(key, 'is empty, expected at least one entry');
    return Object.freeze([...(value as readonly string[])]);
  }

  /** null: not given, or empty after the environment was filled in. */
  #value(key: string): LeafValue | null {
    const raw = this.#raw[key];
    const leaf = this.#leaves[key];
    if (raw === undefined || raw === null || leaf === undefined) return null;
    const filled = Array.isArray(raw) ? raw.map((item: YamlValue) => this.#fill(item, key)) : this.#fill(raw, key);
    if (filled === '') return null;
    const value = coerce(leaf, filled);
    if (value !== undefined) return value;
    const shown = leaf.secret === true ? 'a text' : show(filled);
    throw this.#invalid(
      key,
      `came ${shown}, expected ${leaf.words === undefined ? LEAF_NAMES[leaf.leaf] : `one of ${leaf.words.join(', ')}`}`,
    );
  }

  #fill(raw: YamlValue, key: string): YamlValue {
    return typeof raw === 'string' && hasExpression(raw)
      ? evaluateText(raw, this.#env, `${this.#place(key)}: ${this.#where}.${key}`)
      : raw;
  }

  #place(key: string): string {
    const position = this.#config.positions.get(`${this.#pointer}/${key}`);
    return position === undefined ? PROJECT_FILE : `${PROJECT_FILE}:${position.line}:${position.column}`;
  }

  #invalid(key: string, message: string): SluiceError {
    return new SluiceError('config_invalid', `${this.#place(key)}: ${this.#where}.${key}: ${message}`);
  }
}
