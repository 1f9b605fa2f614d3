/** A job's status for people: the state in a few lines, then what needs doing. */
import type { JobStatus } from '../../pipeline/job-status.ts';
import type { RunRecord } from '../../state/ports.ts';
import type { Output } from '../output.ts';
import { counted, grouped, tableLines } from '../table.ts';

/** A backlog of thousands is one fact, not thousands of lines. */
const LISTED_BATCHES = 20;

export function printStatus(output: Output, status: JobStatus, target: string): void {
  const { bold, dim } = output.resultColours;
  const say = (label: string, text: string): void => output.result(`${label.padEnd(14)}${text}`);
  const { planned, landed, loaded } = status.batches;
  output.result(`${bold(status.job)} ${dim(`on ${target}`)}`);
  say(
    'batches',
    planned + landed + loaded === 0
      ? 'none yet'
      : `${grouped(loaded)} loaded, ${grouped(landed)} landed, ${grouped(planned)} planned`,
  );
  const [lastRun] = status.runs;
  if (lastRun !== undefined) say('last run', runLine(lastRun));
  if (status.lease !== null) {
    const { holder, remainingMs } = status.lease;
    say(
      'running',
      `process ${holder.pid} on ${holder.host} (${holder.command}), lease for another ${Math.ceil(remainingMs / 1000)} s`,
    );
  }
  if (status.deadLetters > 0) say('dead letters', `${grouped(status.deadLetters)} (sluice dlq list ${status.job})`);
  if (status.gaps.length > 0)
    say('gaps', `${counted(status.gaps.length, 'accepted loss', 'accepted losses')} on record`);
  printLag(output, status);
  printModels(output, status);
  printUnfinished(output, status);
}

function runLine(run: RunRecord): string {
  const end = run.finishedAt === null ? 'not finished' : `exit ${run.exitCode ?? '?'} at ${run.finishedAt}`;
  return `${run.command}: ${end}${run.error === null ? '' : ` (${run.error.split('\n')[0]})`}`;
}

function printLag(output: Output, status: JobStatus): void {
  output.result();
  if (status.lagError !== null) {
    output.result(output.resultColours.yellow(`the lag is not known: ${status.lagError}`));
    return;
  }
  const rows = status.lag.map((part) => [
    part.topic,
    String(part.partition),
    part.next ?? '-',
    part.end,
    grouped(BigInt(part.lag)),
  ]);
  for (const line of tableLines(['topic', 'partition', 'next', 'end', 'lag'], rows)) output.result(line);
}

function printModels(output: Output, status: JobStatus): void {
  if (status.models.length === 0) return;
  output.result();
  const rows = status.models.map((model) => [
    model.model,
    model.logicalTime,
    String(model.unpublished),
    model.firstPartition === null ? '' : `${model.firstPartition} .. ${model.lastPartition ?? ''}`,
    model.stale.length === 0 ? '' : String(model.stale.length),
  ]);
  for (const line of tableLines(['model', 'published', 'batches waiting', 'days', 'stale days'], rows))
    output.result(line);
}

function printUnfinished(output: Output, status: JobStatus): void {
  const { yellow, green } = output.resultColours;
  output.result();
  for (const id of status.refusedSnapshots)
    output.result(yellow(`kept out: snapshot ${id} (sluice job run ${status.job} --accept-deletes lets it in)`));
  const next: Readonly<Record<string, string>> = { planned: 'is to be landed', landed: 'is to be loaded' };
  const open = status.unfinished
    .slice(0, LISTED_BATCHES)
    .map((batch) => `batch ${batch.id} (${batch.kind}) ${next[batch.state] ?? `is ${batch.state}`}`);
  const more = status.unfinished.length - open.length;
  if (more > 0) open.push(`${counted(more, 'more batch', 'more batches')} (--json names all)`);
  for (const model of status.models) {
    const [first] = model.stale;
    if (first !== undefined)
      open.push(
        `${model.model} has stale days: sluice job backfill ${status.job} --from ${first} --to ${model.stale.at(-1) ?? first}`,
      );
  }
  for (const line of open) output.result(yellow(`unfinished: ${line}`));
  if (open.length === 0) output.result(green('nothing is unfinished'));
}
