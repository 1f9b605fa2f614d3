/** `sluice dlq list`. */
import { loadJob } from '../../config/load-jobs.ts';
import type { Manifest } from '../../core/batch.ts';
import { composed } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import type { DeadLetterFilter } from '../dlq-commands.ts';
import { openProject } from '../open-project.ts';
import { counted, grouped, tableLines } from '../table.ts';
import { readDeadLetters, type DeadLetter } from './dead-letters.ts';

/** The dead letters of a job by the filter of a command; nothing but the state store and landing is opened. */
export async function loadDeadLetters(
  context: CliContext,
  name: string,
  options: DeadLetterFilter,
): Promise<readonly DeadLetter[]> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  return composed(project, async (composition) => {
    const state = await composition.state();
    const manifests = (await state.batches(job.name))
      .map((batch) => batch.manifest)
      .filter((manifest): manifest is Manifest => manifest !== null);
    return readDeadLetters(await composition.landing(), manifests, options);
  });
}

export async function listDeadLetters(
  context: CliContext,
  name: string,
  options: DeadLetterFilter,
): Promise<CommandResult> {
  const letters = await loadDeadLetters(context, name, options);
  const newest = letters.slice(-options.limit);
  const reasons = [...Map.groupBy(letters, (letter) => letter.reasonCode)].map(([code, group]) => ({
    code,
    count: group.length,
    replayed: group.filter((letter) => letter.replayed).length,
  }));
  print(context, name, { letters, newest, reasons });
  return {
    exitCode: 0,
    json: {
      job: name,
      total: letters.length,
      reasons,
      deadLetters: newest.map(({ keyBase64: _key, valueBase64: _value, ...letter }) => letter),
    },
  };
}

interface Listing {
  readonly letters: readonly DeadLetter[];
  readonly newest: readonly DeadLetter[];
  readonly reasons: readonly { readonly code: string; readonly count: number; readonly replayed: number }[];
}

function print({ output }: CliContext, job: string, { letters, newest, reasons }: Listing): void {
  if (letters.length === 0) return output.result('no dead letters');
  for (const line of tableLines(
    ['reason', 'records', 'replayed'],
    reasons.map(({ code, count, replayed }) => [code, grouped(count), grouped(replayed)]),
  ))
    output.result(line);
  output.result();
  const rows = newest.map((letter) => [
    letter.position,
    letter.batchId,
    letter.reasonCode,
    letter.replayed ? 'replayed' : '',
    letter.reason,
  ]);
  for (const line of tableLines(['position', 'batch', 'code', '', 'reason'], rows)) output.result(line);
  output.result();
  if (newest.length < letters.length)
    output.result(`the newest ${newest.length} of ${counted(letters.length, 'record', 'records')}; --limit shows more`);
  output.result(`sluice dlq show ${job} prints them whole, sluice dlq replay ${job} judges them again`);
}
