/** A job's status for people: the state in a few lines, then what needs doing. */
import type { Output } from '../output.ts';
import { counted, grouped, tableLines } from '../table.ts';
import type { JobStatus } from './status.ts';

export function printStatus(output: Output, status: JobStatus): void {
  const { bold, dim, green, yellow } = output.resultColours;
  const say = (label: string, text: string): void => output.result(`${label.padEnd(14)}${text}`);
  output.result(`${bold(status.job)} ${dim(`on ${status.target}`)}`);
  say('batches', batchLine(status));
  say('logical time', status.lastLogicalTime ?? 'no batch yet');
  if (status.lastRun !== null) say('last run', runLine(status.lastRun));
  if (status.lease !== null)
    say('running', `${status.lease.holder}, lease for another ${status.lease.remainingSeconds} s`);
  if (status.deadLetters > 0) say('dead letters', `${grouped(status.deadLetters)} (sluice dlq list ${status.job})`);
  if (status.gaps > 0) say('gaps', `${counted(status.gaps, 'accepted loss', 'accepted losses')} on record`);
  printBatches(output, status);
  printLag(output, status);
  printModels(output, status);
  output.result();
  if (status.refusedSnapshots.length > 0) {
    output.result(
      yellow(
        `kept out: ${status.refusedSnapshots.join(', ')} (sluice job run ${status.job} --accept-deletes lets it in)`,
      ),
    );
  }
  if (status.unfinished.length === 0) output.result(green('nothing is unfinished'));
  else for (const line of status.unfinished) output.result(yellow(`unfinished: ${line}`));
}

function batchLine(status: JobStatus): string {
  const { total, planned, landed, loaded } = status.batches;
  return total === 0
    ? 'none yet'
    : `${grouped(total)}: ${grouped(loaded)} loaded, ${grouped(landed)} landed, ${grouped(planned)} planned`;
}

function runLine(run: NonNullable<JobStatus['lastRun']>): string {
  const end = run.finishedAt === null ? 'not finished' : `exit ${run.exitCode ?? '?'} at ${run.finishedAt}`;
  return `${run.command}: ${end}${run.error === null ? '' : ` (${run.error.split('\n')[0]})`}`;
}

function printBatches(output: Output, status: JobStatus): void {
  if (status.recentBatches.length === 0) return;
  output.result();
  const rows = status.recentBatches.map((batch) => [
    batch.id,
    batch.kind,
    batch.state,
    batch.logicalTime,
    grouped(batch.read),
    grouped(batch.landed),
    grouped(batch.quarantined),
  ]);
  for (const line of tableLines(['batch', 'kind', 'state', 'logical time', 'read', 'landed', 'quarantined'], rows))
    output.result(line);
}

function printLag(output: Output, status: JobStatus): void {
  output.result();
  if (status.lag === null) {
    output.result(output.resultColours.yellow(`the lag is not known: ${status.lagError ?? ''}`));
    return;
  }
  const rows = status.lag.map((part) => [
    part.topic,
    String(part.partition),
    part.next ?? '-',
    part.start,
    part.end,
    part.lag,
    part.lost,
  ]);
  for (const line of tableLines(['topic', 'partition', 'next', 'start', 'end', 'lag', 'lost'], rows))
    output.result(line);
}

function printModels(output: Output, status: JobStatus): void {
  output.result();
  const rows = status.models.map((model) => [
    model.name,
    model.logicalTime ?? 'not published yet',
    String(model.waiting),
    String(model.stale.length),
  ]);
  for (const line of tableLines(['model', 'published at', 'batches waiting', 'stale days'], rows)) output.result(line);
}
