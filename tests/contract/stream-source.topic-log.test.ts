import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicLogStream } from '../../src/adapters/topic-log/stream.ts';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';
import { streamSourceContract } from './stream-source.ts';

for (const setting of [
  { name: 'topic log', log: {}, stream: {} },
  { name: 'topic log with tiny segments and chunks', log: { segmentBytes: 2000 }, stream: { chunkBytes: 500 } },
]) {
  streamSourceContract(setting.name, async () => {
    const root = await mkdtemp(join(tmpdir(), 'sluice-topics-'));
    const log = new TopicLog(root, setting.log);
    const source = new TopicLogStream(log, setting.stream);
    return {
      source,
      create: (topic, partitions) => log.create(topic, partitions),
      append: async (topic, records) => {
        await log.append(topic, records);
      },
      trim: async (topic, partition, before) => {
        await log.trim(topic, partition, before);
      },
      addPartitions: (topic, total) => log.addPartitions(topic, total),
      delete: (topic) => log.delete(topic),
      close: async () => {
        await source.close();
        await rm(root, { recursive: true });
      },
    };
  });
}
