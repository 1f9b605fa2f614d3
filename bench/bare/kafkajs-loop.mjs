// Consumes whole topics with kafkajs's own fetch and decoder, without a consumer group, and counts: what any kafkajs consumer pays at least.
import { readFileSync } from 'node:fs';
import kafkajs from 'kafkajs';

const { brokers, topics } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
// Node warns of kafkajs's negative timers (its issue 1751); the warnings are no part of the comparison.
process.removeAllListeners('warning');
process.on('warning', () => {});

const kafka = new kafkajs.Kafka({ brokers, clientId: 'bench', logLevel: kafkajs.logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
const ends = new Map();
for (const topic of topics) {
  for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
    if (BigInt(high) > BigInt(low))
      ends.set(`${topic}/${partition}`, { topic, partition, next: BigInt(low), end: BigInt(high) });
  }
}
await admin.disconnect();

const createCluster = Object.getOwnPropertySymbols(kafka).find((symbol) => String(symbol).includes('createCluster'));
const cluster = kafka[createCluster]({ allowAutoTopicCreation: false });
await cluster.connect();
await cluster.addMultipleTargetTopics(topics);

let records = 0;
let bytes = 0;
while (ends.size > 0) {
  // As kafkajs's consumer asks: one request per broker for all its partitions, 1 MB of each, 10 MB in all.
  const wanted = [...ends.values()];
  const byTopic = Map.groupBy(wanted, ({ topic }) => topic);
  const nodeId = Number(Object.keys(cluster.findLeaderForPartitions(wanted[0].topic, [wanted[0].partition]))[0]);
  const broker = await cluster.findBroker({ nodeId });
  const { responses } = await broker.fetch({
    maxWaitTime: 100,
    minBytes: 1,
    maxBytes: 10_485_760,
    isolationLevel: 1,
    topics: [...byTopic].map(([topic, places]) => ({
      topic,
      partitions: places.map(({ partition, next }) => ({ partition, fetchOffset: String(next), maxBytes: 1_048_576 })),
    })),
  });
  for (const { topicName, partitions } of responses) {
    for (const { partition, messages } of partitions) {
      const place = ends.get(`${topicName}/${partition}`);
      for (const { value } of messages) bytes += value?.length ?? 0;
      records += messages.length;
      const last = messages.at(-1);
      if (last === undefined) continue;
      place.next = BigInt(last.offset) + 1n;
      if (place.next >= place.end) ends.delete(`${topicName}/${partition}`);
    }
  }
}
await cluster.disconnect();
console.log(JSON.stringify({ records, bytes }));
