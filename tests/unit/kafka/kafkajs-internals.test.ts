/** What we use of kafkajs that it does not promise: an upgrade that changes it must not get past this file. */
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { brokerFactory, createKafka, describeErrorCode } from '../../../src/adapters/kafka/kafkajs-internals.ts';

const requireHere = createRequire(import.meta.url);

it('kafkajs is the version that was looked into', () => {
  const { version } = requireHere('kafkajs/package.json') as { version: string };
  expect(version).toBe('2.2.4');
});

it('gives brokers with two connections, none of them open', async () => {
  const broker = await brokerFactory(createKafka({ brokers: ['127.0.0.1:1'] }))({ host: '127.0.0.1', port: 1 });
  expect(broker.connectionPool.pool).toHaveLength(2);
  for (const connection of broker.connectionPool.pool) {
    expect(connection.isConnected()).toBe(false);
    expect(connection).toMatchObject({ rejectRequests: expect.any(Function), send: expect.any(Function) });
  }
  expect(broker).toMatchObject({ lookupRequest: expect.any(Function), connect: expect.any(Function) });
  await broker.disconnect();
});

it('knows the names of error codes', () => {
  expect(describeErrorCode(6)).toMatchObject({ type: 'NOT_LEADER_FOR_PARTITION' });
  expect(describeErrorCode(12_345).message).toContain('12345');
});

it('encodes the requests that are used, in the newest version both sides speak', () => {
  const protocol = requireHere('kafkajs/src/protocol/requests') as {
    requests: Record<string, { versions: string[] }>;
  };
  const newest = (api: string): number => Math.max(...(protocol.requests[api]?.versions ?? []).map(Number));
  expect({
    Fetch: newest('Fetch'),
    ListOffsets: newest('ListOffsets'),
    Metadata: newest('Metadata'),
    GroupCoordinator: newest('GroupCoordinator'),
    OffsetCommit: newest('OffsetCommit'),
  }).toEqual({ Fetch: 11, ListOffsets: 3, Metadata: 6, GroupCoordinator: 2, OffsetCommit: 5 });
});
