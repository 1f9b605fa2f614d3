/** The topic log against the memory stream, which is too simple to be wrong: any sequence of operations, the same content. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryStream } from '../../../src/adapters/memory/stream.ts';
import type { NewRecord } from '../../../src/core/record.ts';
import type { StreamSource } from '../../../src/ingest/ports.ts';
import { temporaryLog } from './temporary-log.ts';

const field = fc.oneof(
  fc.constant(null),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.uint8Array({ maxLength: 300 }),
);
const record: fc.Arbitrary<NewRecord> = fc.record(
  {
    key: field,
    value: field,
    timestampMs: fc.integer({ min: -1, max: 4_000_000_000_000 }),
    partition: fc.integer({ min: 0, max: 1 }),
    headers: fc.array(fc.tuple(fc.string({ maxLength: 5 }), field), { maxLength: 3 }),
  },
  { requiredKeys: ['key', 'value', 'timestampMs'] },
);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('append' as const), records: fc.array(record, { maxLength: 12 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('trim' as const),
      partition: fc.integer({ min: 0, max: 1 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('grow' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recreate' as const) }) },
);

async function content(source: StreamSource): Promise<unknown> {
  const partitions = await source.partitions(['t']);
  const read = partitions.map(async ({ topic, partition, start, end }) => {
    const records: unknown[] = [];
    for await (const chunk of source.read({ topic, partition, from: start, to: end })) {
      for (const { offset, timestampMs, key, value, headers } of chunk.records) {
        const bytes = (part: Uint8Array | null): string | null =>
          part === null ? null : Buffer.from(part).toString('hex');
        const named = headers?.map(([name, part]) => [name, bytes(part)]) ?? [];
        records.push([offset, timestampMs, bytes(key), bytes(value), named]);
      }
    }
    const middle = start + (end - start) / 2n;
    const single = middle < end ? await source.recordAt(topic, partition, middle) : undefined;
    return { start, end, records, single: single?.timestampMs };
  });
  return Promise.all(read);
}

it('holds what the memory stream holds after any operations, for tiny segments and chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { maxLength: 25 }),
      fc.integer({ min: 60, max: 2000 }),
      async (operations, segmentBytes) => {
        const { log, stream } = await temporaryLog({ segmentBytes, chunkBytes: 200 });
        const model = new MemoryStream();
        let partitions = 2;
        await log.create('t', partitions);
        model.create('t', partitions);
        for (const step of operations) {
          if (step.kind === 'append') {
            await log.append('t', step.records);
            model.append('t', step.records);
          } else if (step.kind === 'trim') {
            const bounds = (await model.partitions(['t']))[step.partition];
            const offset = BigInt(Math.floor(Number(bounds?.end ?? 0n) * step.share));
            await log.trim('t', step.partition, offset);
            model.trim('t', step.partition, offset);
          } else if (step.kind === 'grow') {
            partitions += 1;
            await log.addPartitions('t', partitions);
            model.addPartitions('t', partitions);
          } else {
            partitions = 2;
            await log.delete('t');
            model.delete('t');
            await log.create('t', partitions);
            model.create('t', partitions);
          }
        }
        expect(await content(stream)).toEqual(await content(model));
      },
    ),
    { numRuns: 60 },
  );
});
