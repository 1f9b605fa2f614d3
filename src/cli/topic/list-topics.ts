/** `sluice topic ls`: a table of topics and partitions. */
import type { CommandResult } from '../context.ts';
import type { Output } from '../output.ts';
import type { TopicAdmin, TopicInfo } from './topic-admin.ts';

const COLUMNS = ['topic', 'partition', 'start', 'end', 'records', 'bytes'] as const;

export async function listTopics(
  admin: TopicAdmin,
  options: { readonly topics?: readonly string[] },
  output: Output,
): Promise<CommandResult> {
  const asked = options.topics ?? [];
  const topics = await (asked.length === 0 ? admin.describe() : admin.describe(asked));
  if (topics.length === 0) output.result('no topics; make one with: sluice topic create <topic> --partitions <n>');
  else for (const line of table(topics)) output.result(line);
  return { exitCode: 0, json: { topics } };
}

function table(topics: readonly TopicInfo[]): string[] {
  const rows = topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, start, end, records, bytes }) =>
      [topic, partition, start, end, records, bytes ?? '-'].map(String),
    ),
  );
  const all = [[...COLUMNS], ...rows];
  const widths = COLUMNS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  // Names to the left, numbers to the right.
  return all.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
}
