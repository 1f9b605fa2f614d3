/** A run's report for people: what each batch read and landed, what each model wrote, and what is to be done. */
import type { BatchReport, ModelReport, RunReport } from '../../pipeline/request.ts';
import { usageLine } from '../usage-text.ts';
import type { Output } from '../output.ts';
import { counted, grouped, tableLines } from '../table.ts';

export function printReport(output: Output, report: RunReport): void {
  const { bold, green, red, yellow, dim } = output.resultColours;
  for (const batch of report.batches) output.result(batchLine(batch));
  if (report.models.length > 0) {
    for (const line of tableLines(['model', 'state', 'rows', 'seconds', 'partitions'], report.models.map(modelRow)))
      output.result(line);
  }
  if (report.usage !== undefined) output.result(dim(usageLine(report.usage)));
  for (const error of report.errors) {
    const lines = output.messageLines(error.message, 'run_results.json in the target folder, or with --json');
    output.note(`${output.colours.red('error')}${output.colours.dim(`[${error.code}]`)}: ${lines.join('\n')}`);
    if (error.hint !== undefined) output.note(`${output.colours.bold('hint')}: ${error.hint}`);
  }
  const seconds = report.steps.reduce((sum, step) => sum + step.seconds, 0);
  const paint = report.exitCode === 0 ? green : report.errors.length > 0 ? red : yellow;
  output.result(
    `${bold(report.job)} ${paint(report.exitCode === 0 ? 'done' : 'failed')} ${dim(`logical time ${report.logicalTime}, ${seconds.toFixed(1)} s${stepTimes(report)}`)}`,
  );
}

function batchLine(batch: BatchReport): string {
  const quarantined = batch.quarantined === 0 ? '' : `, ${counted(batch.quarantined, 'dead letter', 'dead letters')}`;
  return `${batch.id}  ${batch.kind}  ${batch.state}: read ${grouped(batch.read)}, landed ${grouped(batch.landed)}${quarantined}`;
}

function modelRow(model: ModelReport): readonly string[] {
  return [model.name, model.state, grouped(model.rows), model.seconds.toFixed(2), partitionSpan(model.partitions)];
}

/** Days stand in a row mostly: `2026-03-01 .. 2026-03-05 (5)`. */
function partitionSpan(partitions: readonly string[]): string {
  if (partitions.length <= 2) return partitions.join(', ');
  const sorted = [...partitions].sort();
  return `${sorted[0]} .. ${sorted.at(-1)} (${partitions.length})`;
}

function stepTimes(report: RunReport): string {
  const done = report.steps.filter((step) => step.state !== 'skipped' && step.seconds >= 0.05);
  return done.length === 0 ? '' : `: ${done.map((step) => `${step.name} ${step.seconds.toFixed(1)}`).join(', ')}`;
}
