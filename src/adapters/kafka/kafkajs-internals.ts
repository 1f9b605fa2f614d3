/**
 * The one place that knows kafkajs from the inside. kafkajs has no public fetch without a consumer group (its issues #373, #853), and
 * its own decoder drops what a reader of exact ranges needs (FACTS.md §4), so connections, authentication and the encoding of
 * requests are kafkajs's, and everything else is ours. The repository of kafkajs is frozen and its version is pinned exactly;
 * tests/unit/kafka/kafkajs-internals.test.ts fails when any of this is not there.
 */
import { createRequire } from 'node:module';
import kafkajs, { type KafkaConfig } from 'kafkajs';

/** One socket. `send` pairs responses with requests, so that many may be under way. */
export interface WireConnection {
  isConnected(): boolean;
  /** Fails all requests under way: closing would wait for their answers otherwise. */
  rejectRequests(error: Error): void;
  send(call: WireCall): Promise<unknown>;
}

export interface WireCall {
  readonly request: WireRequest;
  readonly response: WireResponse;
  readonly requestTimeout?: number;
  readonly logResponseError?: boolean;
}

export interface WireRequest {
  readonly apiVersion: number;
}

export interface WireResponse {
  decode(payload: Buffer): Promise<unknown>;
  parse(decoded: unknown): Promise<unknown>;
}

/** [0] carries all requests but Fetch, [1] carries Fetch. */
interface WireConnectionPool {
  readonly pool: readonly [WireConnection, WireConnection];
  getConnection(index: number): Promise<WireConnection>;
}

/** kafkajs's Broker: one node with its connections and the protocol versions that it speaks. */
export interface WireBroker {
  readonly connectionPool: WireConnectionPool;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  lookupRequest(apiKey: number, definition: unknown): (parameters: object) => WireCall;
}

interface WireCluster {
  readonly rootLogger: unknown;
  readonly connectionPoolBuilder: {
    build(address: { readonly host: string; readonly port: number }): Promise<WireConnectionPool>;
  };
  readonly brokerPool: {
    createBroker(options: { readonly connectionPool: WireConnectionPool; readonly logger: unknown }): WireBroker;
  };
}

export type ApiName = 'Fetch' | 'ListOffsets' | 'Metadata' | 'GroupCoordinator' | 'OffsetCommit';

interface ProtocolModule {
  readonly requests: Readonly<Record<ApiName, unknown>>;
}
type ApiKeysModule = Readonly<Record<ApiName, number>>;
interface ErrorModule {
  createErrorFromCode(code: number): { readonly type: string; readonly message: string };
}
interface RequestQueueClass {
  readonly prototype: {
    readonly pending: readonly unknown[];
    scheduleCheckPendingRequests: (this: { readonly pending: readonly unknown[] }) => void;
  };
}

const requireKafkajs = createRequire(import.meta.url);

export function createKafka(config: KafkaConfig): kafkajs.Kafka {
  silenceIdleTimers();
  return new kafkajs.Kafka({ ...config, logLevel: kafkajs.logLevel.NOTHING });
}

export type BrokerFactory = (address: { readonly host: string; readonly port: number }) => Promise<WireBroker>;

/** Makes brokers (not connected yet) with the client's settings. */
export function brokerFactory(kafka: kafkajs.Kafka): BrokerFactory {
  const symbol = Object.getOwnPropertySymbols(kafka).find((found) => String(found).includes('createCluster'));
  const createCluster: unknown = symbol === undefined ? undefined : Reflect.get(kafka, symbol);
  if (typeof createCluster !== 'function') throw new Error('kafkajs has no createCluster: it is not version 2.2.4');
  const cluster = Reflect.apply(createCluster, kafka, [{ allowAutoTopicCreation: false }]) as WireCluster;
  return async (address) => {
    const connectionPool = await cluster.connectionPoolBuilder.build(address);
    return cluster.brokerPool.createBroker({ connectionPool, logger: cluster.rootLogger });
  };
}

/** The request in the highest version that both sides speak, with kafkajs's decoder of its response. */
export function wireCall(broker: WireBroker, api: ApiName, parameters: object): WireCall {
  const keys = requireKafkajs('kafkajs/src/protocol/requests/apiKeys') as ApiKeysModule;
  const protocol = requireKafkajs('kafkajs/src/protocol/requests') as ProtocolModule;
  return broker.lookupRequest(keys[api], protocol.requests[api])(parameters);
}

/** `NOT_LEADER_FOR_PARTITION` and its explanation for 6. */
export function describeErrorCode(code: number): { readonly type: string; readonly message: string } {
  const errors = requireKafkajs('kafkajs/src/protocol/error') as ErrorModule;
  const { type, message } = errors.createErrorFromCode(code);
  return { type, message };
}

let silenced = false;

/**
 * After every response kafkajs sets a timer of `throttledUntil - now` milliseconds, negative when nothing is throttled: Node 24 and
 * later warn about each (kafkajs issue #1751). It is only needed while requests wait, and then its delay is positive.
 */
function silenceIdleTimers(): void {
  if (silenced) return;
  silenced = true;
  const { prototype } = requireKafkajs('kafkajs/src/network/requestQueue') as RequestQueueClass;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleWhenPending() {
    if (this.pending.length > 0) schedule.call(this);
  };
}
