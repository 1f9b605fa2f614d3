/** Log start and last stable offset of partitions, two requests per leader. */
import type { PartitionOffsets } from '../../core/record.ts';
import type { KafkaConnection, Place } from './connection.ts';
import { BrokerReply, ERROR_CODE } from './failures.ts';

const READ_COMMITTED = 1;
/** Kafka's special timestamps. `LATEST` under READ_COMMITTED is the last stable offset. */
const LATEST = '-1';
const EARLIEST = '-2';

interface ListOffsetsReply {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number; readonly offset: string }[];
  }[];
}

/** In the order of `places`. Throws raw failures. */
export async function listOffsets(
  connection: KafkaConnection,
  places: readonly Place[],
): Promise<readonly PartitionOffsets[]> {
  const [starts, ends] = await Promise.all([
    offsetsAt(connection, places, EARLIEST),
    offsetsAt(connection, places, LATEST),
  ]);
  return places.map(({ topic, partition }) => {
    const start = starts.get(`${topic}/${partition}`);
    const end = ends.get(`${topic}/${partition}`);
    if (start === undefined || end === undefined) {
      throw new BrokerReply(ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION, `${topic} partition ${partition}`);
    }
    return { topic, partition, start, end };
  });
}

async function offsetsAt(
  connection: KafkaConnection,
  places: readonly Place[],
  timestamp: string,
): Promise<ReadonlyMap<string, bigint>> {
  const offsets = new Map<string, bigint>();
  const replies = (await connection.byLeader(places)).map(async ({ address, places: led }) => {
    const parameters = { isolationLevel: READ_COMMITTED, topics: byTopic(led, timestamp) };
    const reply = await connection.toAddress<ListOffsetsReply>(address, 'ListOffsets', parameters);
    for (const { topic, partitions } of reply.responses) {
      for (const { partition, errorCode, offset } of partitions) {
        if (errorCode !== ERROR_CODE.NONE) throw new BrokerReply(errorCode, `${topic} partition ${partition}`);
        offsets.set(`${topic}/${partition}`, BigInt(offset));
      }
    }
  });
  await Promise.all(replies);
  return offsets;
}

function byTopic(places: readonly Place[], timestamp: string): readonly object[] {
  const topics = Map.groupBy(places, ({ topic }) => topic);
  return [...topics].map(([topic, partitions]) => ({
    topic,
    partitions: partitions.map(({ partition }) => ({ partition, timestamp })),
  }));
}
