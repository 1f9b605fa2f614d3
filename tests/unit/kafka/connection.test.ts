import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { KafkaConnection } from '../../../src/adapters/kafka/connection.ts';
import { BrokerReply } from '../../../src/adapters/kafka/failures.ts';
import { kafkaConfig, parseBroker } from '../../../src/adapters/kafka/options.ts';

const servers: Server[] = [];
const connections: KafkaConnection[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

function connect(brokers: readonly string[], connectForMs = 300): KafkaConnection {
  const connection = new KafkaConnection({ brokers }, { connectForMs, retryForMs: 300, connectTimeoutMs: 200 });
  connections.push(connection);
  return connection;
}

async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const server = createServer(onConnection);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

async function deadPort(): Promise<string> {
  const address = await listen(() => undefined);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return address;
}

describe('retrying', () => {
  it.each([5, 6, 7, 9, 56, 74, 75, 78])('tries again after error %d of a broker', async (code) => {
    let attempts = 0;
    const answer = await connect(['127.0.0.1:1'], 60_000).retrying('Reading', undefined, () => {
      attempts += 1;
      return attempts < 3 ? Promise.reject(new BrokerReply(code, 't partition 0')) : Promise.resolve('done');
    });
    expect(answer).toBe('done');
    expect(attempts).toBe(3);
  });

  it.each([
    [-1, 'broker_error'],
    [10, 'broker_error'],
    [29, 'broker_auth'],
    [35, 'broker_error'],
    [58, 'broker_auth'],
    [17, 'topic_missing'],
    [9999, 'broker_error'],
  ])('stops at once after error %d of a broker', async (code, expected) => {
    let attempts = 0;
    const failing = connect(['127.0.0.1:1']).retrying('Reading t partition 0 at offset 7', undefined, () => {
      attempts += 1;
      return Promise.reject(new BrokerReply(code, 't'));
    });
    await expect(failing).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining('Reading t partition 0 at offset 7'),
    });
    expect(attempts).toBe(1);
  });

  it('stops at once after a defect', async () => {
    await expect(
      connect(['127.0.0.1:1']).retrying('Reading', undefined, () => Promise.reject(new TypeError('x is not'))),
    ).rejects.toMatchObject({
      code: 'broker_error',
    });
  });

  it('gives up after its time, and says what the broker kept saying', async () => {
    const failing = connect(['127.0.0.1:1']).retrying('Reading', undefined, () =>
      Promise.reject(new BrokerReply(6, 't partition 0')),
    );
    await expect(failing).rejects.toMatchObject({
      code: 'broker_error',
      message: expect.stringContaining('NOT_LEADER_FOR_PARTITION'),
    });
  });

  it('stops as soon as it is aborted, with the reason', async () => {
    const abort = new AbortController();
    const waiting = connect(['127.0.0.1:1']).retrying('Reading', abort.signal, () => new Promise(() => undefined));
    const reason = new Error('ctrl-c');
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it('stops with the reason also between two attempts', async () => {
    const abort = new AbortController();
    const reason = new Error('ctrl-c');
    setTimeout(() => abort.abort(reason), 30);
    const waiting = connect(['127.0.0.1:1'], 60_000).retrying('Reading', abort.signal, () =>
      Promise.reject(new BrokerReply(6, 't')),
    );
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('brokers that cannot be reached', () => {
  it('are all tried and all named', async () => {
    const [first, second] = [await deadPort(), await deadPort()];
    const failure = await connect([first, second])
      .metadata(['t'])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'broker_unreachable', details: { brokers: [first, second] } });
    expect(String(failure)).toContain(first);
    expect(String(failure)).toContain(second);
    expect(String(failure)).toContain('ECONNREFUSED');
  });

  it('that hang up are told from those that are not there', async () => {
    const address = await listen((socket) => socket.destroy());
    const failure = await connect([address])
      .metadata(['t'])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'broker_unreachable', hint: expect.stringContaining('KAFKA_SSL') });
  });

  it('that take the connection and never answer do not hold up the run', async () => {
    const sockets: Socket[] = [];
    const silent = await listen((socket) => sockets.push(socket));
    const started = performance.now();
    const failure = await connect([silent])
      .metadata(['t'])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'broker_unreachable',
      message: expect.stringContaining('does not answer like a Kafka broker'),
    });
    expect(performance.now() - started).toBeLessThan(5000);
    for (const socket of sockets) socket.destroy();
  });
});

describe('settings', () => {
  it.each([
    ['kafka:9092', { host: 'kafka', port: 9092 }],
    [' 10.0.0.1:1 ', { host: '10.0.0.1', port: 1 }],
    ['[::1]:9092', { host: '::1', port: 9092 }],
  ])('take the broker %j', (text, address) => {
    expect(parseBroker(text)).toEqual(address);
  });

  it.each([
    '',
    'kafka',
    'kafka:',
    ':9092',
    'kafka:0',
    'kafka:99999',
    'kafka:9092,other:9092',
    '::1:9092',
    'http://kafka:9092',
  ])('refuse the broker %j', (text) => {
    expect(() => parseBroker(text)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });

  it('name a certificate that cannot be read', () => {
    expect(() => kafkaConfig({ brokers: ['a:1'], ssl: { ca: '/no/such.pem' } }, 1000)).toThrow(
      /ssl_ca: cannot read \/no\/such\.pem/,
    );
  });

  it('show no password', () => {
    const password = { reveal: () => 'hunter2-secret' };
    const options = { brokers: ['a:1'], sasl: { mechanism: 'plain', username: 'u', password } } as const;
    expect(JSON.stringify(options)).not.toContain('hunter2');
    expect(kafkaConfig(options, 1000).sasl).toMatchObject({ password: 'hunter2-secret' });
  });
});
