/**
 * Connections to the brokers of one cluster: any broker of the list to begin with, then each partition's leader where the metadata says
 * it is. Failures of the allow-list (failures.ts) are tried again with growing delays; a connection that failed is thrown away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '../../core/errors.ts';
import { abortable, pause } from './abortable.ts';
import { BrokerGone, BrokerReply, ERROR_CODE, isConnectionFailure, isTransient, kafkaFailure } from './failures.ts';
import {
  type ApiName,
  type BrokerFactory,
  brokerFactory,
  createKafka,
  type WireBroker,
  wireCall,
  type WireResponse,
} from './kafkajs-internals.ts';
import { hangUp, openBroker } from './open-broker.ts';
import { type BrokerAddress, kafkaConfig, type KafkaOptions, parseBroker, showAddress } from './options.ts';

export interface RetryTiming {
  /** How long a cluster that never answered is tried. */
  readonly connectForMs: number;
  /** How long without progress once it did: a rolling restart elects leaders in seconds, a broker comes back within a minute. */
  readonly retryForMs: number;
  /** TCP, TLS, version handshake and authentication of one broker: network trouble is survived, a dead host not waited for. */
  readonly connectTimeoutMs: number;
}

export const DEFAULT_RETRY: RetryTiming = { connectForMs: 10_000, retryForMs: 60_000, connectTimeoutMs: 10_000 };

/** A topic that was just there and is not found may be on its way to a new leader; later than this it is gone. */
const UNKNOWN_TOPIC_FOR_MS = 5_000;
const CLOSE_FOR_MS = 500;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 3_000;

export interface TopicMetadata {
  readonly topic: string;
  readonly errorCode: number;
  /** By partition number; the leader's node id, -1 while there is none. */
  readonly leaders: ReadonlyMap<number, number>;
}

interface MetadataReply {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topicMetadata: readonly {
    readonly topic: string;
    readonly topicErrorCode: number;
    readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
  }[];
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Hands the decoded response on as it is: error codes are judged per topic and partition, not by the first one met. */
function unparsed(response: WireResponse): WireResponse {
  return { decode: (payload) => response.decode(payload), parse: (decoded) => Promise.resolve(decoded) };
}

export class KafkaConnection {
  readonly #factory: BrokerFactory;
  readonly #bootstrap: readonly BrokerAddress[];
  readonly #timing: RetryTiming;
  readonly #open = new Map<string, Promise<WireBroker>>();
  readonly #nodes = new Map<number, BrokerAddress>();
  readonly #topics = new Map<string, TopicMetadata>();
  #answered = false;
  #closed = false;

  constructor(options: KafkaOptions, timing: RetryTiming = DEFAULT_RETRY) {
    this.#factory = brokerFactory(createKafka(kafkaConfig(options, timing.connectTimeoutMs)));
    this.#bootstrap = options.brokers.map(parseBroker);
    this.#timing = timing;
  }

  /** Tries again while only time is missing; `doing` says what was tried, for the message when it is given up. */
  async retrying<T>(doing: string, signal: AbortSignal | undefined, attempt: () => Promise<T>): Promise<T> {
    const started = performance.now();
    for (let failures = 0; ; failures += 1) {
      signal?.throwIfAborted();
      try {
        return await abortable(attempt(), signal);
      } catch (error) {
        if (signal?.aborted === true) throw error;
        if (!isTransient(error) || this.#closed) throw kafkaFailure(error, doing);
        // Spread out, so that a dozen partitions do not knock at the same moment.
        const delay = Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS) * (0.75 + Math.random() / 2);
        if (performance.now() + delay > started + this.#patience(error)) throw this.#givenUp(error, doing, started);
        // Whoever failed may not be the leader any more.
        this.#topics.clear();
        await pause(delay, signal);
      }
    }
  }

  /** Asks any broker; for all topics when none is named. A topic that does not exist has its error code set. */
  async metadata(topics: readonly string[], signal?: AbortSignal): Promise<ReadonlyMap<string, TopicMetadata>> {
    const what = topics.length === 0 ? 'their topics' : topics.join(', ');
    return this.retrying(`Asking the brokers for ${what}`, signal, async () => this.#askMetadata(topics));
  }

  /** One request to the partition's leader. Throws raw failures: the caller retries it as a whole. */
  async toLeader<T>(
    place: Place,
    api: ApiName,
    parameters: object,
    response?: (apiVersion: number) => WireResponse,
  ): Promise<T> {
    const address = await this.#leaderOf(place.topic, place.partition);
    return this.#request<T>(address, api, parameters, response);
  }

  /** Whether the metadata at hand has the partition. */
  knows(topic: string, partition: number): boolean {
    return this.#topics.get(topic)?.leaders.has(partition) === true;
  }

  /** Shares places out to the brokers that lead them. */
  async byLeader(
    places: readonly Place[],
  ): Promise<readonly { readonly address: BrokerAddress; readonly places: readonly Place[] }[]> {
    const shared = new Map<string, { readonly address: BrokerAddress; readonly places: Place[] }>();
    for (const place of places) {
      const address = await this.#leaderOf(place.topic, place.partition);
      const group = shared.get(showAddress(address)) ?? { address, places: [] };
      group.places.push(place);
      shared.set(showAddress(address), group);
    }
    return [...shared.values()];
  }

  /** One request to any broker. */
  async toAny<T>(api: ApiName, parameters: object): Promise<T> {
    return this.#request<T>(await this.#anyAddress(), api, parameters);
  }

  async toAddress<T>(address: BrokerAddress, api: ApiName, parameters: object): Promise<T> {
    return this.#request<T>(address, api, parameters);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const brokers = [...this.#open.values()];
    this.#open.clear();
    const closing = Promise.all(brokers.map(async (opening) => opening.then(hangUp).catch(() => undefined)));
    // A connection that is still being made is closed when it is there; nobody has to wait for that.
    await Promise.race([closing, sleep(CLOSE_FOR_MS, undefined, { ref: false })]);
  }

  async #askMetadata(topics: readonly string[]): Promise<ReadonlyMap<string, TopicMetadata>> {
    const reply = await this.toAny<MetadataReply>('Metadata', { topics, allowAutoTopicCreation: false });
    this.#nodes.clear();
    for (const { nodeId, host, port } of reply.brokers) this.#nodes.set(nodeId, { host, port });
    const found = new Map<string, TopicMetadata>();
    for (const { topic, topicErrorCode, partitionMetadata } of reply.topicMetadata) {
      const leaders = new Map(partitionMetadata.map(({ partitionId, leader }) => [partitionId, leader]));
      const metadata: TopicMetadata = { topic, errorCode: topicErrorCode, leaders };
      found.set(topic, metadata);
      if (topicErrorCode === ERROR_CODE.NONE) this.#topics.set(topic, metadata);
    }
    return found;
  }

  async #leaderOf(topic: string, partition: number): Promise<BrokerAddress> {
    const known = this.#topics.get(topic) ?? (await this.#askMetadata([topic])).get(topic);
    const errorCode = known?.errorCode ?? ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION;
    if (errorCode !== ERROR_CODE.NONE) throw new BrokerReply(errorCode, topic);
    const leader = known?.leaders.get(partition);
    if (leader === undefined)
      throw new BrokerReply(ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION, `${topic} partition ${partition}`);
    const address = this.#nodes.get(leader);
    if (address === undefined) throw new BrokerReply(5, `${topic} partition ${partition}`);
    return address;
  }

  async #request<T>(
    address: BrokerAddress,
    api: ApiName,
    parameters: object,
    response?: (apiVersion: number) => WireResponse,
  ): Promise<T> {
    const broker = await this.#broker(address);
    const connection = broker.connectionPool.pool[api === 'Fetch' ? 1 : 0];
    if (!connection.isConnected()) {
      this.#drop(address, broker);
      throw new BrokerGone(`${showAddress(address)} closed the connection`);
    }
    const call = wireCall(broker, api, parameters);
    try {
      const answer = await connection.send({
        ...call,
        response: response?.(call.request.apiVersion) ?? unparsed(call.response),
        logResponseError: false,
      });
      this.#answered = true;
      return answer as T;
    } catch (error) {
      if (isConnectionFailure(error)) this.#drop(address, broker);
      throw error;
    }
  }

  /** A broker that is connected already, else the first of the list that answers. */
  async #anyAddress(): Promise<BrokerAddress> {
    const reasons: string[] = [];
    const candidates = new Map<string, BrokerAddress>();
    for (const address of [...this.#bootstrap, ...this.#nodes.values()]) candidates.set(showAddress(address), address);
    const connected = [...candidates.values()].filter((address) => this.#open.has(showAddress(address)));
    for (const address of new Set([...connected, ...candidates.values()])) {
      try {
        const broker = await this.#broker(address);
        if (broker.connectionPool.pool[0].isConnected()) return address;
        this.#drop(address, broker);
      } catch (error) {
        // Wrong credentials are wrong at every broker, and each try may lock the account.
        if (!isConnectionFailure(error)) throw error;
        reasons.push(`${showAddress(address)}: ${messageOf(error)}`);
      }
    }
    throw new BrokerGone(reasons.join('; ') || 'every connection was closed');
  }

  async #broker(address: BrokerAddress): Promise<WireBroker> {
    if (this.#closed) throw new BrokerGone('the connection was closed');
    const name = showAddress(address);
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    // One attempt at a time per broker: kafkajs would open, and lose, a socket for each of several at once.
    const opening = openBroker(this.#factory, address, this.#timing.connectTimeoutMs);
    this.#open.set(name, opening);
    opening.catch(() => {
      if (this.#open.get(name) === opening) this.#open.delete(name);
    });
    return opening;
  }

  #drop(address: BrokerAddress, broker: WireBroker): void {
    const name = showAddress(address);
    const opening = this.#open.get(name);
    void opening?.then((current) => {
      if (current === broker && this.#open.get(name) === opening) this.#open.delete(name);
    });
    void hangUp(broker);
  }

  #patience(error: unknown): number {
    if (error instanceof BrokerReply && error.errorCode === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION)
      return UNKNOWN_TOPIC_FOR_MS;
    return this.#answered ? this.#timing.retryForMs : this.#timing.connectForMs;
  }

  #givenUp(error: unknown, doing: string, started: number): Error {
    if (!isConnectionFailure(error)) return kafkaFailure(error, doing);
    const seconds = Math.round((performance.now() - started) / 1000);
    const brokers = this.#bootstrap.map(showAddress);
    const closed = /clos|disconnect|ECONNRESET/i.test(messageOf(error));
    return new SluiceError(
      'broker_unreachable',
      `${doing} failed: no broker answers (tried for ${seconds} s): ${messageOf(error)}`,
      {
        cause: error,
        hint: closed
          ? 'Something listens there and hangs up: check KAFKA_SSL and KAFKA_SASL_MECHANISM against the listener.'
          : `Check KAFKA_BROKERS (${brokers.join(', ')}) and whether the brokers run.`,
        details: { brokers },
      },
    );
  }
}
