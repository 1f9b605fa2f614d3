/**
 * A target with its values: warehouse, landing, stream and state store. Each section is evaluated when it is asked for, so that a command
 * needs only the environment variables of what it opens (CUSTOMER.md §4).
 */
import { resolve } from 'node:path';
import { SluiceError } from '../core/errors.ts';
import { evaluateText, hasExpression, type Env } from './expression.ts';
import { coerce, LEAF_NAMES, type LeafValue } from './leaf.ts';
import { show } from './problems.ts';
import { PROJECT_FILE } from './project-files.ts';
import { SECTIONS, type Leaf, type SectionName } from './project-schema.ts';
import { targetName, type ProjectConfig } from './project.ts';
import { Secret } from './secret.ts';
import type { YamlValue } from './yaml-source.ts';

export type Compression = 'none' | 'gzip';

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: Secret;
}

/** TLS settings; certificates are paths of PEM files. */
export interface KafkaSsl {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export type StreamConfig =
  | { readonly type: 'topic_log'; readonly path: string }
  | {
      readonly type: 'kafka';
      readonly brokers: readonly string[];
      readonly sasl: KafkaSasl | null;
      /** null: plain text connection. */
      readonly ssl: KafkaSsl | null;
      readonly clientId: string;
      /** Consumer group for lag monitors: `<groupPrefix>-<job>`. */
      readonly groupPrefix: string;
    };

export type LandingConfig =
  | { readonly type: 'local'; readonly path: string; readonly compression: Compression }
  | {
      readonly type: 'gcs';
      readonly bucket: string;
      /** Empty, or ends with `/`. */
      readonly prefix: string;
      readonly project: string | null;
      readonly keyfile: string | null;
      readonly apiEndpoint: string | null;
      readonly compression: Compression;
    };

export interface DuckdbConfig {
  readonly type: 'duckdb';
  readonly path: string;
  readonly schema: string;
  readonly rawSchema: string;
  readonly memoryLimit: string | null;
  /** DuckDB's own threads; null: as many as cores. */
  readonly threads: number | null;
  /** How long to wait for another process that holds the file. */
  readonly lockTimeoutMs: number;
}

export interface BigQueryConfig {
  readonly type: 'bigquery';
  readonly project: string;
  /** The target schema; raw tables live in `rawSchema`. */
  readonly dataset: string;
  readonly rawSchema: string;
  readonly location: string;
  readonly apiEndpoint: string | null;
  readonly keyfile: string | null;
  readonly maximumBytesBilled: number | null;
  readonly priority: 'interactive' | 'batch';
  readonly jobTimeoutMs: number | null;
  /** Models that run at once. */
  readonly threads: number | null;
}

export type WarehouseConfig = DuckdbConfig | BigQueryConfig;

export type StateConfig =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: Secret; readonly schema: string | null };

export interface TargetConfig {
  readonly name: string;
  /** Sections that the target has at all (`ci` has a warehouse only). */
  has(section: SectionName): boolean;
  /** Each throws `env_missing` or `config_invalid` when its values do, and `unsupported` when the target has no such section. */
  stream(): StreamConfig;
  landing(): LandingConfig;
  warehouse(): WarehouseConfig;
  state(): StateConfig;
}

/** Secrets met while evaluating are handed to `onSecret`, so that the caller can keep them out of whatever it prints. */
export function resolveTarget(
  config: ProjectConfig,
  flag: string | undefined,
  env: Env,
  onSecret: (value: string) => void = () => {},
): TargetConfig {
  const name = targetName(config, flag, env);
  const open = (section: SectionName): SectionReader => new SectionReader(config, name, section, env, onSecret);
  return Object.freeze({
    name,
    has: (section: SectionName) => config.targets[name]?.[section] !== undefined,
    stream: () => streamOf(open('stream'), config),
    landing: () => landingOf(open('landing')),
    warehouse: () => warehouseOf(open('warehouse')),
    state: () => stateOf(open('state')),
  });
}

/** 30 s: long enough for another run's load, short enough that a forgotten database shell is named soon (FACTS.md §7). */
const DEFAULT_LOCK_TIMEOUT_SECONDS = 30;

function streamOf(section: SectionReader, config: ProjectConfig): StreamConfig {
  if (section.type === 'topic_log') return Object.freeze({ type: 'topic_log', path: section.path('path') });
  const ssl = {
    ca: section.optionalPath('ssl_ca'),
    cert: section.optionalPath('ssl_cert'),
    key: section.optionalPath('ssl_key'),
  };
  const given = Object.fromEntries(Object.entries(ssl).filter(([, value]) => value !== null)) as KafkaSsl;
  return Object.freeze({
    type: 'kafka',
    brokers: section.list('brokers'),
    sasl: saslOf(section),
    ssl: section.boolean('ssl', Object.keys(given).length > 0) ? given : null,
    clientId: section.optional('client_id') ?? 'sluice',
    groupPrefix: section.optional('group_prefix') ?? `sluice-${config.name}`,
  });
}

function saslOf(section: SectionReader): KafkaSasl | null {
  const username = section.optional('username');
  const mechanism = section.optional('sasl_mechanism');
  if (username === null && mechanism === null) return null;
  return Object.freeze({
    mechanism: (mechanism ?? 'plain') as KafkaSasl['mechanism'],
    username: section.text('username'),
    password: section.secret('password'),
  });
}

function landingOf(section: SectionReader): LandingConfig {
  const compression = (section.optional('compression') ?? 'none') as Compression;
  if (section.type === 'local') return Object.freeze({ type: 'local', path: section.path('path'), compression });
  const prefix = (section.optional('prefix') ?? '').replace(/^\/+|\/+$/g, '');
  return Object.freeze({
    type: 'gcs',
    bucket: section.text('bucket'),
    prefix: prefix === '' ? '' : `${prefix}/`,
    project: section.optional('project'),
    keyfile: section.optionalPath('keyfile'),
    apiEndpoint: section.optional('api_endpoint'),
    compression,
  });
}

function warehouseOf(section: SectionReader): WarehouseConfig {
  if (section.type === 'duckdb') {
    const schema = section.optional('schema') ?? 'analytics';
    return Object.freeze({
      type: 'duckdb',
      path: section.path('path'),
      schema,
      rawSchema: `${schema}_raw`,
      memoryLimit: section.optional('memory_limit'),
      threads: section.number('threads'),
      lockTimeoutMs: (section.number('lock_timeout_seconds') ?? DEFAULT_LOCK_TIMEOUT_SECONDS) * 1000,
    });
  }
  const dataset = section.text('dataset');
  const timeout = section.number('job_execution_timeout_seconds');
  return Object.freeze({
    type: 'bigquery',
    project: section.text('project'),
    dataset,
    rawSchema: `${dataset}_raw`,
    location: section.text('location'),
    apiEndpoint: section.optional('api_endpoint'),
    keyfile: section.optionalPath('keyfile'),
    maximumBytesBilled: section.number('maximum_bytes_billed'),
    priority: (section.optional('priority') ?? 'interactive') as BigQueryConfig['priority'],
    jobTimeoutMs: timeout === null ? null : timeout * 1000,
    threads: section.number('threads'),
  });
}

function stateOf(section: SectionReader): StateConfig {
  if (section.type === 'sqlite') return Object.freeze({ type: 'sqlite', path: section.path('path') });
  return Object.freeze({ type: 'postgres', url: section.secret('url'), schema: section.optional('schema') });
}

/** Reads one section's values: fills in the environment, turns text into its kind, and says what is wrong where. */
class SectionReader {
  readonly type: string;
  readonly #config: ProjectConfig;
  readonly #pointer: string;
  readonly #where: string;
  readonly #raw: Readonly<Record<string, YamlValue>>;
  readonly #leaves: Readonly<Record<string, Leaf>>;
  readonly #env: Env;
  readonly #onSecret: (value: string) => void;

  constructor(
    config: ProjectConfig,
    target: string,
    section: SectionName,
    env: Env,
    onSecret: (value: string) => void,
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
    const kinds: Readonly<Record<string, { readonly keys: Readonly<Record<string, Leaf>> }>> = SECTIONS[section];
    this.type = raw['type'] as string;
    this.#config = config;
    this.#pointer = `/targets/${target}/${section}`;
    this.#where = `targets.${target}.${section}`;
    this.#raw = raw;
    this.#leaves = kinds[this.type]?.keys ?? {};
    this.#env = env;
    this.#onSecret = onSecret;
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
    const value = this.text(key);
    this.#onSecret(value);
    return new Secret(value);
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
