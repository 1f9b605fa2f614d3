import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerGone } from './failures.ts';
import type { BrokerFactory, WireBroker } from './kafkajs-internals.ts';
import { type BrokerAddress, showAddress } from './options.ts';

const GRACE_MS = 250;

/** Connects to a broker, authenticated and ready for requests of every kind, or fails within the time. */
export async function openBroker(
  factory: BrokerFactory,
  address: BrokerAddress,
  timeoutMs: number,
): Promise<WireBroker> {
  const broker = await factory(address);
  const timeout = new AbortController();
  const connecting = (async () => {
    await broker.connect();
    // Connected here and not by the first fetches, which would each open a socket of their own.
    await broker.connectionPool.getConnection(1);
  })();
  try {
    await Promise.race([
      connecting,
      // After kafkajs's own time for the TCP connection, whose message is the right one for a host that is not there.
      sleep(timeoutMs + GRACE_MS, undefined, { signal: timeout.signal }).then(() => {
        throw new BrokerGone(`${showAddress(address)} takes connections but does not answer like a Kafka broker`);
      }),
    ]);
    return broker;
  } catch (error) {
    connecting.catch(() => undefined);
    void hangUp(broker);
    throw error;
  } finally {
    timeout.abort();
  }
}

/** Closes without waiting for answers. */
export async function hangUp(broker: WireBroker): Promise<void> {
  for (const connection of broker.connectionPool.pool)
    connection.rejectRequests(new BrokerGone('the connection was closed'));
  await broker.disconnect().catch(() => undefined);
}
