import { KafkaStream } from '../../src/adapters/kafka/stream.ts';
import { KafkaTopics } from '../../src/adapters/kafka/topics.ts';
import { streamSourceContract } from '../contract/stream-source.ts';
import { KAFKA_START_MS, startKafka } from '../services/kafka/broker.ts';

streamSourceContract(
  'kafka',
  async () => {
    const broker = await startKafka();
    const options = { brokers: [broker.brokers] };
    const topics = new KafkaTopics(options);
    // Small fetches, so that every range takes several; a short wait for an end that never comes.
    const source = new KafkaStream(options, { fetchBytes: 4096, chunkBytes: 2048, endWaitMs: 200 });
    return {
      source,
      create: (topic, partitions) => topics.create(topic, partitions),
      append: async (topic, records) => {
        await topics.append(topic, records);
      },
      trim: async (topic, partition, before) => {
        await topics.trim(topic, partition, before);
      },
      addPartitions: (topic, total) => topics.addPartitions(topic, total),
      delete: (topic) => topics.delete(topic),
      close: async () => {
        await Promise.all([source.close(), topics.close()]);
        await broker.stop();
      },
    };
  },
  KAFKA_START_MS,
);
