/** `sluice dlq list`. */
import type { ListedDeadLetter } from '../../pipeline/replay-dead-letters.ts';
import type { CliContext, CommandResult } from '../context.ts';
import type { DeadLetterFilter } from '../dlq-commands.ts';
import { counted, grouped, tableLines } from '../table.ts';
import { loadDeadLetters, positionText } from './load.ts';

interface ReasonCount {
  readonly code: string;
  readonly count: number;
  readonly replayed: number;
}

export async function listDeadLetters(
  context: CliContext,
  name: string,
  options: DeadLetterFilter,
): Promise<CommandResult> {
  const letters = await loadDeadLetters(context, name, options);
  const newest = letters.slice(-options.limit);
  const reasons = [...Map.groupBy(letters, ({ letter }) => letter.reason_code)].map(([code, group]) => ({
    code,
    count: group.length,
    replayed: group.filter(({ replayed }) => replayed).length,
  }));
  if (letters.length === 0) context.output.result('no dead letters');
  else print(context, name, { total: letters.length, newest, reasons });
  const listed = newest.map(({ letter: { key_base64: _key, value_base64: _value, ...letter }, replayed }) => ({
    ...letter,
    replayed,
  }));
  return { exitCode: 0, json: { job: name, total: letters.length, reasons, deadLetters: listed } };
}

interface Listing {
  readonly total: number;
  readonly newest: readonly ListedDeadLetter[];
  readonly reasons: readonly ReasonCount[];
}

function print({ output }: CliContext, job: string, { total, newest, reasons }: Listing): void {
  const counts = reasons.map(({ code, count, replayed }) => [code, grouped(count), grouped(replayed)]);
  for (const line of tableLines(['reason', 'records', 'replayed'], counts)) output.result(line);
  output.result();
  const rows = newest.map(({ letter, replayed }) => [
    positionText(letter),
    letter._batch_id,
    letter.reason_code,
    replayed ? 'replayed' : '',
    letter.reason,
  ]);
  for (const line of tableLines(['position', 'batch', 'code', '', 'reason'], rows)) output.result(line);
  output.result();
  if (newest.length < total)
    output.result(`the newest ${newest.length} of ${counted(total, 'record', 'records')}; --limit shows more`);
  output.result(`sluice dlq show ${job} prints them whole, sluice dlq replay ${job} judges them again`);
}
