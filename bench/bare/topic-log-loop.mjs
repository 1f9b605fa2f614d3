// Consumes whole topics of the on-disk log and counts: what any consumer of it pays at least.
import { readFileSync } from 'node:fs';
import { TopicLogStream } from '../../src/adapters/topic-log/stream.ts';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';

const { folder, topics } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const source = new TopicLogStream(new TopicLog(folder));
let records = 0;
let bytes = 0;
await Promise.all(
  (await source.partitions(topics)).map(async ({ topic, partition, start, end }) => {
    for await (const chunk of source.read({ topic, partition, from: start, to: end })) {
      for (const { value } of chunk.records) bytes += value?.length ?? 0;
      records += chunk.records.length;
    }
  }),
);
await source.close();
console.log(JSON.stringify({ records, bytes }));
