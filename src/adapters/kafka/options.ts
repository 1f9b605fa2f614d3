/** Settings of a Kafka connection, and how they reach kafkajs. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { KafkaConfig, SASLOptions } from 'kafkajs';
import { messageOf, SluiceError } from '../../core/errors.ts';

export interface KafkaOptions {
  /** `host:port`; all of them are tried. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    /** Behind a call, so that no printed object shows it. */
    readonly password: { reveal(): string };
  } | null;
  /** Paths of PEM files; null: no TLS; {}: TLS with the system's certificates. */
  readonly ssl?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
}

/** A fetch of some megabytes over a slow line still ends in this time. */
export const REQUEST_TIMEOUT_MS = 30_000;

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[ipv6]:port`. */
export function parseBroker(text: string): BrokerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:\s/]+)):(\d{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new SluiceError('config_invalid', `Kafka broker ${JSON.stringify(text)} is not host:port`, {
      hint: 'Set KAFKA_BROKERS to one or more host:port, separated by commas.',
    });
  }
  return { host, port };
}

export function kafkaConfig(options: KafkaOptions, connectTimeoutMs: number): KafkaConfig {
  const addresses = options.brokers.map(parseBroker);
  if (addresses.length === 0)
    throw new SluiceError('config_invalid', 'No Kafka broker is given', { hint: 'Set KAFKA_BROKERS.' });
  return {
    brokers: addresses.map(({ host, port }) => `${host}:${port}`),
    clientId: options.clientId ?? 'sluice',
    connectionTimeout: connectTimeoutMs,
    authenticationTimeout: connectTimeoutMs,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...(options.sasl == null ? {} : { sasl: saslOf(options.sasl) }),
    ...(options.ssl == null ? {} : { ssl: tlsOf(options.ssl) }),
  };
}

function saslOf({ mechanism, username, password }: NonNullable<KafkaOptions['sasl']>): SASLOptions {
  return { mechanism, username, password: password.reveal() };
}

function tlsOf({ ca, cert, key }: NonNullable<KafkaOptions['ssl']>): NonNullable<KafkaConfig['ssl']> {
  return {
    ...(ca === undefined ? {} : { ca: [readPem(ca, 'ssl_ca')] }),
    ...(cert === undefined ? {} : { cert: readPem(cert, 'ssl_cert') }),
    ...(key === undefined ? {} : { key: readPem(key, 'ssl_key') }),
  };
}

function readPem(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SluiceError('config_invalid', `${setting}: cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

export function showAddress({ host, port }: BrokerAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
