import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { TopicLogStream } from '../../../src/adapters/topic-log/stream.ts';
import { TopicLog, type TopicLogOptions } from '../../../src/adapters/topic-log/topic-log.ts';
import type { SourceRecord } from '../../../src/core/record.ts';

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-topic-log-'));
  folders.push(folder);
  return folder;
}

/** A log in a folder that is gone after the test. */
export async function temporaryLog(
  options: TopicLogOptions & { readonly chunkBytes?: number } = {},
): Promise<{ readonly log: TopicLog; readonly stream: TopicLogStream; readonly root: string }> {
  const root = await temporaryFolder();
  const log = new TopicLog(root, { durable: false, ...options });
  const { chunkBytes } = options;
  return { log, stream: new TopicLogStream(log, chunkBytes === undefined ? {} : { chunkBytes }), root };
}

/** Everything that the partition holds now. */
export async function readAll(stream: TopicLogStream, topic: string, partition = 0): Promise<SourceRecord[]> {
  const bounds = (await stream.partitions([topic])).find((found) => found.partition === partition);
  if (bounds === undefined) throw new Error(`no partition ${partition}`);
  const records: SourceRecord[] = [];
  for await (const chunk of stream.read({ topic, partition, from: bounds.start, to: bounds.end })) {
    records.push(...chunk.records);
  }
  return records;
}

export function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}
