/** `sluice dlq show`. */
import { formatMillis } from '../../core/time.ts';
import type { ListedDeadLetter } from '../../pipeline/replay-dead-letters.ts';
import type { CliContext, CommandResult } from '../context.ts';
import type { DeadLetterFilter } from '../dlq-commands.ts';
import { loadDeadLetters, positionText, readable } from './load.ts';

export async function showDeadLetters(
  context: CliContext,
  name: string,
  options: DeadLetterFilter,
): Promise<CommandResult> {
  const letters = await loadDeadLetters(context, name, options);
  const newest = letters.slice(-options.limit);
  if (letters.length === 0) context.output.result('no dead letters');
  for (const listed of newest) print(context, listed);
  if (newest.length < letters.length)
    context.output.note(`the newest ${newest.length} of ${letters.length}; --limit shows more`);
  return {
    exitCode: 0,
    json: {
      job: name,
      total: letters.length,
      deadLetters: newest.map(({ letter, replayed }) => ({ ...letter, replayed })),
    },
  };
}

function print({ output }: CliContext, { letter, replayed }: ListedDeadLetter): void {
  const { bold, red, dim } = output.resultColours;
  const say = (label: string, text: string): void => output.result(`  ${label.padEnd(11)}${text}`);
  output.result(
    `${bold(positionText(letter))}  ${red(letter.reason_code)}${replayed ? '  (replayed)' : ''}  ${dim(letter._batch_id)}`,
  );
  say('reason', letter.reason);
  if (letter.json_path !== undefined) say('path', letter.json_path);
  if (letter._timestamp_ms !== undefined) say('timestamp', timestampText(letter._timestamp_ms));
  if (letter._topic !== undefined) say('key', readable(letter.key_base64));
  say('value', readable(letter.value_base64));
  output.result();
}

/** A bad record may carry a timestamp that is no date. */
function timestampText(millis: number): string {
  return Math.abs(millis) <= 8.64e15 ? formatMillis(millis) : String(millis);
}
