/** `sluice topic ls`: a table of topics and partitions. */
import type { CommandResult } from '../context.ts';
import type { Output } from '../output.ts';
import { tableLines } from '../table.ts';
import type { TopicAdmin } from './topic-admin.ts';

const COLUMNS = ['topic', 'partition', 'start', 'end', 'records', 'bytes'] as const;

export async function listTopics(
  admin: TopicAdmin,
  options: { readonly topics?: readonly string[] },
  output: Output,
): Promise<CommandResult> {
  const asked = options.topics ?? [];
  const topics = await (asked.length === 0 ? admin.describe() : admin.describe(asked));
  const rows = topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, start, end, records, bytes }) =>
      [topic, partition, start, end, records, bytes ?? '-'].map(String),
    ),
  );
  if (rows.length === 0) output.result('no topics; make one with: sluice topic create <topic> --partitions <n>');
  else for (const line of tableLines(COLUMNS, rows)) output.result(line);
  return { exitCode: 0, json: { topics } };
}
