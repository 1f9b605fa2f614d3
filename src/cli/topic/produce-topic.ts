/**
 * `sluice topic produce`: a file of JSON lines into a topic, all of it or nothing. The file is read twice, so that memory stays bounded and
 * nothing is appended before every line was checked.
 */
import type { Readable } from 'node:stream';
import { SluiceError } from '../../core/errors.ts';
import type { NewRecord } from '../../core/record.ts';
import type { CommandResult } from '../context.ts';
import type { Output } from '../output.ts';
import { type LineFile, linesOf, openLineFile } from './line-file.ts';
import { LineError, parseProduceLine } from './produce-line.ts';
import type { AppendedTo, TopicAdmin } from './topic-admin.ts';

export interface ProduceOptions {
  readonly topic: string;
  /** Path of a file of JSON lines; `-`: standard input. */
  readonly file: string;
  readonly stdin: Readable;
}

/** More mistakes than this are counted but not shown. */
const SHOWN_MISTAKES = 10;

export async function produceTopic(admin: TopicAdmin, options: ProduceOptions, output: Output): Promise<CommandResult> {
  const { topic } = options;
  const [info] = await admin.describe([topic]);
  const partitions = info?.partitions.length ?? 0;
  const file = await openLineFile(options.file, options.stdin);
  try {
    const lines = await checkLines(file, partitions);
    const appended = lines === 0 ? [] : await admin.append(topic, recordsOf(file, partitions));
    report(topic, appended, output);
    return { exitCode: 0, json: { topic, appended } };
  } finally {
    await file.close();
  }
}

/** The first pass: the number of records, or one error that names the mistakes. */
async function checkLines(file: LineFile, partitions: number): Promise<number> {
  let records = 0;
  let wrong = 0;
  const mistakes: string[] = [];
  for await (const lines of linesOf(file)) {
    for (const { number, text } of lines) {
      const parsed = parseLine(text, partitions);
      if (typeof parsed !== 'string') {
        records += 1;
        continue;
      }
      wrong += 1;
      if (mistakes.length < SHOWN_MISTAKES) mistakes.push(`${file.name} line ${number}: ${parsed}`);
    }
  }
  if (wrong === 0) return records;
  if (wrong > mistakes.length) mistakes.push(`… and ${wrong - mistakes.length} more`);
  throw new SluiceError('topic_record_invalid', mistakes.join('\n'), {
    hint: 'Nothing was appended. Correct the lines, then run the command again.',
    details: { wrong, records },
  });
}

/** The second pass. The file may have changed in between; then the append, which is all or nothing, is given up. */
async function* recordsOf(file: LineFile, partitions: number): AsyncGenerator<NewRecord> {
  for await (const lines of linesOf(file)) {
    for (const { number, text } of lines) {
      const parsed = parseLine(text, partitions);
      if (typeof parsed === 'string') {
        throw new SluiceError(
          'topic_record_invalid',
          `${file.name} line ${number}: ${parsed} (the file changed while it was read)`,
        );
      }
      yield parsed;
    }
  }
}

/** The record, or what is wrong with the line. */
function parseLine(text: string | null, partitions: number): NewRecord | string {
  if (text === null) return 'it is not UTF-8; give other bytes as value_base64';
  try {
    const record = parseProduceLine(text);
    if (record.partition === undefined || record.partition < partitions) return record;
    return `partition ${record.partition} does not exist, the topic has ${partitions} (counted from 0)`;
  } catch (error) {
    if (error instanceof LineError) return error.message;
    throw error;
  }
}

function report(topic: string, appended: readonly AppendedTo[], output: Output): void {
  const total = appended.reduce((sum, { from, to }) => sum + (to - from), 0n);
  output.result(`${topic}: appended ${total} record${total === 1n ? '' : 's'}`);
  for (const { partition, from, to } of appended) {
    output.result(`  partition ${partition}: ${to - from} (offsets ${from} to ${to - 1n})`);
  }
}
