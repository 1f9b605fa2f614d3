/**
 * A target with its values: warehouse, landing, stream and state store. Each section is evaluated when it is asked for, so that a command
 * needs only the environment variables of what it opens (CUSTOMER.md §4).
 */
import type { Env } from './expression.ts';
import type { SectionName } from './project-schema.ts';
import { targetName, type ProjectConfig } from './project.ts';
import type { Secret } from './secret.ts';
import { SectionReader } from './section-reader.ts';

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
    };

/** Whom a section of Google Cloud is used as. */
export interface GoogleCredentialsConfig {
  /** null: application default credentials. */
  readonly keyfile: string | null;
  /** E-mail address of a service account to act as; null: as itself. */
  readonly impersonateServiceAccount: string | null;
  /** A credential file may name a program to run, or a URL to ask. */
  readonly allowCredentialExecutables: boolean;
  readonly allowCredentialUrls: boolean;
}

export type LandingConfig =
  | { readonly type: 'local'; readonly path: string; readonly compression: Compression }
  | ({
      readonly type: 'gcs';
      readonly bucket: string;
      /** Empty, or ends with `/`. */
      readonly prefix: string;
      readonly project: string | null;
      readonly apiEndpoint: string | null;
      readonly compression: Compression;
      /** How long one request may stay without an answer; null: the adapter's default. */
      readonly requestTimeoutMs: number | null;
    } & GoogleCredentialsConfig);

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

export interface BigQueryConfig extends GoogleCredentialsConfig {
  readonly type: 'bigquery';
  readonly project: string;
  /** The target schema; raw tables live in `rawSchema`. */
  readonly dataset: string;
  readonly rawSchema: string;
  readonly location: string;
  readonly apiEndpoint: string | null;
  readonly maximumBytesBilled: number | null;
  readonly priority: 'interactive' | 'batch';
  readonly jobTimeoutMs: number | null;
  /** How long a full refresh keeps the tables that it replaces, for `job rollback`; 0: not at all. */
  readonly keepReplacedDays: number;
  /** How long one request may stay without an answer; null: the adapter's default. */
  readonly requestTimeoutMs: number | null;
  /** Models that run at once. */
  readonly threads: number | null;
}

export type WarehouseConfig = DuckdbConfig | BigQueryConfig;

export type StateConfig =
  | { readonly type: 'sqlite'; readonly path: string }
  | { readonly type: 'postgres'; readonly url: Secret; readonly requestTimeoutMs: number | null };

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

export function resolveTarget(config: ProjectConfig, flag: string | undefined, env: Env): TargetConfig {
  const name = targetName(config, flag, env);
  const open = (section: SectionName): SectionReader => new SectionReader(config, { target: name, section, env });
  return Object.freeze({
    name,
    has: (section: SectionName) => config.targets[name]?.[section] !== undefined,
    stream: () => streamOf(open('stream')),
    landing: () => landingOf(open('landing')),
    warehouse: () => warehouseOf(open('warehouse')),
    state: () => stateOf(open('state')),
  });
}

/** 30 s: long enough for another run's load, short enough that a forgotten database shell is named soon (FACTS.md §7). */
const DEFAULT_LOCK_TIMEOUT_SECONDS = 30;

/** A week: long enough that somebody looks at the tables, and BigQuery's own time travel is as long. */
const DEFAULT_KEEP_REPLACED_DAYS = 7;

function streamOf(section: SectionReader): StreamConfig {
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
    ...credentialsOf(section),
    apiEndpoint: section.optional('api_endpoint'),
    compression,
    requestTimeoutMs: milliseconds(section.number('request_timeout_seconds')),
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
  return Object.freeze({
    type: 'bigquery',
    project: section.text('project'),
    dataset,
    rawSchema: `${dataset}_raw`,
    location: section.text('location'),
    apiEndpoint: section.optional('api_endpoint'),
    ...credentialsOf(section),
    maximumBytesBilled: section.number('maximum_bytes_billed'),
    priority: (section.optional('priority') ?? 'interactive') as BigQueryConfig['priority'],
    jobTimeoutMs: milliseconds(section.number('job_execution_timeout_seconds')),
    keepReplacedDays: section.number('keep_replaced_days') ?? DEFAULT_KEEP_REPLACED_DAYS,
    requestTimeoutMs: milliseconds(section.number('request_timeout_seconds')),
    threads: section.number('threads'),
  });
}

function credentialsOf(section: SectionReader): GoogleCredentialsConfig {
  return {
    keyfile: section.optionalPath('keyfile'),
    impersonateServiceAccount: section.optional('impersonate_service_account'),
    allowCredentialExecutables: section.boolean('allow_credential_executables', false),
    allowCredentialUrls: section.boolean('allow_credential_urls', false),
  };
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}

function stateOf(section: SectionReader): StateConfig {
  if (section.type === 'sqlite') return Object.freeze({ type: 'sqlite', path: section.path('path') });
  return Object.freeze({
    type: 'postgres',
    url: section.secret('url'),
    requestTimeoutMs: milliseconds(section.number('request_timeout_seconds')),
  });
}
