/** Fills change topics, in the on-disk log or in Kafka, with the same records in the same order. */
import { TopicLog } from '../src/adapters/topic-log/topic-log.ts';
import type { NewRecord } from '../src/core/record.ts';
import { PARTITIONS, TOPICS, type TopicEvent } from './events.ts';

interface TopicWriter {
  create(topic: string, partitions: number): Promise<void>;
  append(topic: string, records: Iterable<NewRecord>): Promise<unknown>;
}

/** One append per topic and this many events: memory stays small, and appends are few. */
const EVENTS_PER_APPEND = 100_000;

export function topicLog(folder: string): TopicWriter {
  return new TopicLog(folder, { durable: false });
}

export async function createTopics(log: TopicWriter): Promise<void> {
  for (const topic of TOPICS) await log.create(topic, PARTITIONS);
}

export async function appendEvents(log: TopicWriter, events: Iterable<TopicEvent>): Promise<void> {
  let waiting: TopicEvent[] = [];
  const flush = async (): Promise<void> => {
    for (const topic of TOPICS) {
      const records = waiting.filter((event) => event.topic === topic);
      if (records.length > 0) await log.append(topic, records);
    }
    waiting = [];
  };
  for (const event of events) {
    waiting.push(event);
    if (waiting.length >= EVENTS_PER_APPEND) await flush();
  }
  await flush();
}
