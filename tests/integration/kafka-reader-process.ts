/** Run as a process of its own: `kafka-reader-process.ts <brokers> <topic>`. Leaves one read unfinished and ends without process.exit. */
import { KafkaStream } from '../../src/adapters/kafka/stream.ts';

const [brokers = '', topic = ''] = process.argv.slice(2);
const source = new KafkaStream({ brokers: [brokers] }, { fetchBytes: 20_000 });
let records = 0;
for (const { partition, start, end } of await source.partitions([topic])) {
  for await (const chunk of source.read({ topic, partition, from: start, to: end })) records += chunk.records.length;
  for await (const chunk of source.read({ topic, partition, from: start, to: end }))
    if (chunk.records.length > 0) break;
}
await source.commitOffsets('ends-by-itself', [{ topic, partition: 0, offset: 1n }]);
await source.close();
process.stdout.write(`read ${records}\n`);
