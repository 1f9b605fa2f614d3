/** Brokers that die, move or refuse. Each test that kills a broker starts it again. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKafka } from '../../src/adapters/kafka/kafkajs-internals.ts';
import type { KafkaOptions } from '../../src/adapters/kafka/options.ts';
import { KafkaStream, type KafkaStreamSettings } from '../../src/adapters/kafka/stream.ts';
import { KafkaTopics } from '../../src/adapters/kafka/topics.ts';
import { Secret } from '../../src/config/secret.ts';
import { chunksOf, text } from '../contract/stream-source.ts';
import { KAFKA_START_MS, type KafkaBroker, startKafka } from '../services/kafka/broker.ts';
import { KAFKA_PASSWORD, KAFKA_USER } from '../services/kafka/jars.ts';

const RECORDS = 20_000;

let broker: KafkaBroker;
const sources: KafkaStream[] = [];

beforeAll(async () => {
  broker = await startKafka();
  const topics = new KafkaTopics({ brokers: [broker.brokers] });
  await topics.create('t', 1);
  await fill(topics, 't');
  await topics.close();
}, KAFKA_START_MS);

afterAll(async () => {
  await Promise.all(sources.map((source) => source.close()));
  await broker?.stop();
});

async function fill(topics: KafkaTopics, topic: string): Promise<void> {
  await topics.append(
    topic,
    Array.from({ length: RECORDS }, (_, i) => ({ key: `k${i}`, value: `v${i}${'x'.repeat(100)}`, partition: 0 })),
  );
}

function open(options: KafkaOptions, settings: KafkaStreamSettings = {}): KafkaStream {
  const source = new KafkaStream(options, settings);
  sources.push(source);
  return source;
}

function plain(settings: KafkaStreamSettings = {}): KafkaStream {
  return open(
    { brokers: [broker.brokers] },
    { fetchBytes: 20_000, chunkBytes: 20_000, retryForMs: 150_000, ...settings },
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Reads the whole of partition 0 and calls `disturb` between its first two chunks; the keys in the order they came. */
async function readDisturbed(
  source: KafkaStream,
  topic: string,
  disturb: () => Promise<unknown>,
  signal?: AbortSignal,
): Promise<string[]> {
  const keys: string[] = [];
  let disturbed = false;
  const request = { topic, partition: 0, from: 0n, to: BigInt(RECORDS), ...(signal === undefined ? {} : { signal }) };
  for await (const chunk of source.read(request)) {
    for (const { key } of chunk.records) keys.push(text(key) ?? '');
    if (!disturbed) await disturb();
    disturbed = true;
  }
  return keys;
}

const everyKey = Array.from({ length: RECORDS }, (_, i) => `k${i}`);

/** Starting a broker takes two seconds, or a minute where a dozen other services start at the same time. */
const RESTART = { timeout: 200_000 };

describe('a broker that dies in the middle of a read (F11)', RESTART, () => {
  it('is waited for, and the read goes on where it was', async () => {
    let starting: Promise<void> = Promise.resolve();
    const keys = await readDisturbed(plain(), 't', async () => {
      await broker.kill();
      starting = broker.start();
    });
    await starting;
    expect(keys).toEqual(everyKey);
  });

  it('is given up after a while when it does not come back, holds up neither Ctrl-C nor closing, and is read again when it does', async () => {
    const patient = plain();
    const abort = new AbortController();
    const reason = new Error('ctrl-c');
    const cases = [
      readDisturbed(plain({ retryForMs: 1000 }), 't', () => broker.kill()),
      readDisturbed(patient, 't', () => broker.kill(), abort.signal),
    ] as const;
    await expect(cases[0]).rejects.toMatchObject({
      code: 'broker_unreachable',
      details: { brokers: [broker.brokers] },
    });
    abort.abort(reason);
    await expect(cases[1]).rejects.toBe(reason);
    const warnings: string[] = [];
    const committing = plain({ onWarning: (line) => warnings.push(line) });
    await committing.commitOffsets('lag', [{ topic: 't', partition: 0, offset: 1n }]);
    expect(warnings).toHaveLength(1);
    const started = performance.now();
    await patient.close();
    expect(performance.now() - started).toBeLessThan(1000);
    await broker.start();
    expect(await readDisturbed(plain(), 't', () => Promise.resolve())).toEqual(everyKey);
  });
});

describe('a leader that moves (F12)', RESTART, () => {
  it('is found at the other broker', async () => {
    const second = await broker.join();
    try {
      const admin = createKafka({ brokers: [broker.brokers], retry: { retries: 20 } }).admin();
      await admin.connect();
      const replicaAssignment = [{ partition: 0, replicas: [2, 1] }];
      await admin.createTopics({ topics: [{ topic: 'moving', replicaAssignment }], waitForLeaders: false });
      await admin.disconnect();
      const source = plain();
      while ((await source.partitions(['moving']).catch(() => [])).length === 0) await sleep(100);
      const topics = new KafkaTopics({ brokers: [broker.brokers] });
      await fill(topics, 'moving');
      await topics.close();
      const keys = await readDisturbed(source, 'moving', () => second.kill());
      expect(keys).toEqual(everyKey);
    } finally {
      await second.stop();
    }
  });
});

describe('a topic', () => {
  it('that is deleted while it is read is reported as missing', async () => {
    const topics = new KafkaTopics({ brokers: [broker.brokers] });
    await topics.create('doomed', 1);
    await fill(topics, 'doomed');
    const reading = readDisturbed(plain(), 'doomed', () => topics.delete('doomed'));
    await expect(reading).rejects.toMatchObject({ code: 'topic_missing', message: expect.stringContaining('doomed') });
    await topics.close();
  });
});

describe('the list of brokers', () => {
  it('is tried to its end', async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const source = open({ brokers: [dead, `127.0.0.1:${await freePort()}`, broker.brokers] });
    expect(await source.partitions(['t'])).toEqual([{ topic: 't', partition: 0, start: 0n, end: BigInt(RECORDS) }]);
  });

  it('that leads nowhere is named in the error', async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const failing = open({ brokers: [dead] }, { connectForMs: 300 }).partitions(['t']);
    await expect(failing).rejects.toMatchObject({ code: 'broker_unreachable', message: expect.stringContaining(dead) });
  });
});

describe('credentials (F26)', () => {
  const sasl = (
    mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512',
    password: string,
    username = KAFKA_USER,
  ): KafkaOptions => ({
    brokers: [broker.saslBrokers],
    sasl: { mechanism, username, password: new Secret(password) },
  });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'of %s let in who has the right ones, and nobody else',
    async (mechanism) => {
      const source = open(sasl(mechanism, KAFKA_PASSWORD));
      expect(await source.partitions(['t'])).toHaveLength(1);
      expect((await chunksOf(source, { topic: 't', partition: 0, from: 5n, to: 6n }))[0]?.records).toHaveLength(1);
      for (const [password, username] of [
        ['wrong-secret', KAFKA_USER],
        [KAFKA_PASSWORD, 'nobody-knows'],
      ] as const) {
        const started = performance.now();
        const failure = await open(sasl(mechanism, password, username))
          .partitions(['t'])
          .catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: 'broker_auth', hint: expect.stringContaining('KAFKA_PASSWORD') });
        expect(JSON.stringify(failure) + String(failure)).not.toContain(password);
        // At once: trying again could lock the account.
        expect(performance.now() - started).toBeLessThan(5000);
      }
    },
  );

  it('that are missing, or not asked for, are found by what the broker does', async () => {
    const none = open({ brokers: [broker.saslBrokers] }, { connectForMs: 500 }).partitions(['t']);
    await expect(none).rejects.toMatchObject({
      code: 'broker_unreachable',
      hint: expect.stringContaining('KAFKA_SASL_MECHANISM'),
    });
    const superfluous = open(
      { ...sasl('plain', KAFKA_PASSWORD), brokers: [broker.brokers] },
      { connectForMs: 500 },
    ).partitions(['t']);
    await expect(superfluous).rejects.toMatchObject({ code: expect.stringMatching(/broker_auth|broker_error/) });
  });
});

describe('TLS', () => {
  it('works with the right certificate authority', async () => {
    const source = open({ brokers: [broker.tlsBrokers], ssl: { ca: broker.certificate } });
    expect(
      (await chunksOf(source, { topic: 't', partition: 0, from: 0n, to: 100n })).flatMap(({ records }) => records),
    ).toHaveLength(100);
  });

  it('refuses a certificate that nobody vouches for, at once', async () => {
    const started = performance.now();
    const failing = open({ brokers: [broker.tlsBrokers], ssl: {} }).partitions(['t']);
    await expect(failing).rejects.toMatchObject({
      code: 'broker_unreachable',
      message: expect.stringContaining('TLS'),
    });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('says so when only one side speaks it', async () => {
    const toPlain = open(
      { brokers: [broker.brokers], ssl: { ca: broker.certificate } },
      { connectForMs: 500 },
    ).partitions(['t']);
    await expect(toPlain).rejects.toMatchObject({
      code: 'broker_unreachable',
      hint: expect.stringContaining('KAFKA_SSL'),
    });
    const toTls = open({ brokers: [broker.tlsBrokers] }, { connectForMs: 500 }).partitions(['t']);
    await expect(toTls).rejects.toMatchObject({
      code: 'broker_unreachable',
      hint: expect.stringContaining('KAFKA_SSL'),
    });
  });
});

describe('a process', () => {
  it('ends by itself once it has closed its stream, with nothing on its error output', async () => {
    const script = join(import.meta.dirname, 'kafka-reader-process.ts');
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, broker.brokers, 't'], {
      timeout: 20_000,
    });
    expect(stdout.trim()).toBe(`read ${RECORDS}`);
    // kafkajs would warn of negative timers here (its issue #1751).
    expect(stderr).toBe('');
  });
});
