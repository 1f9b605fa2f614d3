import { expect, it } from 'vitest';
import { MemoryStream } from '../../src/adapters/memory/stream.ts';
import { chunksOf, streamSourceContract } from './stream-source.ts';

streamSourceContract('memory', () => {
  const source = new MemoryStream();
  return Promise.resolve({
    source,
    create: async (topic, partitions) => source.create(topic, partitions),
    append: async (topic, records) => source.append(topic, records),
    trim: async (topic, partition, before) => source.trim(topic, partition, before),
    addPartitions: async (topic, total) => source.addPartitions(topic, total),
    delete: async (topic) => source.delete(topic),
    close: () => source.close(),
  });
});

it('ends a range at its last offset when that is a hole', async () => {
  const source = new MemoryStream();
  source.create('t', 1);
  source.append('t', [{ key: 'a', value: '1' }]);
  source.skip('t', 0, 5);
  const chunks = await chunksOf(source, { topic: 't', partition: 0, from: 0n, to: 6n });
  expect(chunks.flatMap(({ records }) => records)).toHaveLength(1);
  expect(chunks.at(-1)?.nextOffset).toBe(6n);
});
