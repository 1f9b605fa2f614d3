/** `sluice dlq show`. */
import type { CliContext, CommandResult } from '../context.ts';
import type { DeadLetterFilter } from '../dlq-commands.ts';
import { readable, type DeadLetter } from './dead-letters.ts';
import { loadDeadLetters } from './list.ts';

export async function showDeadLetters(
  context: CliContext,
  name: string,
  options: DeadLetterFilter,
): Promise<CommandResult> {
  const letters = await loadDeadLetters(context, name, options);
  const newest = letters.slice(-options.limit);
  if (letters.length === 0) context.output.result('no dead letters');
  for (const letter of newest) print(context, letter);
  if (newest.length < letters.length)
    context.output.note(`the newest ${newest.length} of ${letters.length}; --limit shows more`);
  return { exitCode: 0, json: { job: name, total: letters.length, deadLetters: newest } };
}

function print({ output }: CliContext, letter: DeadLetter): void {
  const { bold, red, dim } = output.resultColours;
  output.result(
    `${bold(letter.position)}  ${red(letter.reasonCode)}${letter.replayed ? '  (replayed)' : ''}  ${dim(letter.batchId)}`,
  );
  output.result(`  reason     ${letter.reason}`);
  if (letter.jsonPath !== null) output.result(`  path       ${letter.jsonPath}`);
  if (letter.timestamp !== null) output.result(`  timestamp  ${letter.timestamp}`);
  output.result(`  key        ${readable(letter.keyBase64) ?? 'null'}`);
  output.result(`  value      ${readable(letter.valueBase64) ?? 'null'}`);
  output.result();
}
