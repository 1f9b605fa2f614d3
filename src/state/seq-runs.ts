/**
 * A set of batch numbers as runs, `1-8760,8763`: what a model has published is nearly always "everything", so a ledger of
 * ten years stays one short text instead of a row per batch and model that every hourly run would have to read.
 */

/** Both ends inclusive; runs are ascending, disjoint and never touch. */
export interface SeqRun {
  readonly from: number;
  readonly to: number;
}

export function parseRuns(text: string): readonly SeqRun[] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) throw new Error(`not a list of batch numbers: ${text}`);
    return { from: Number(match[1]), to: Number(match[2] ?? match[1]) };
  });
}

export function formatRuns(runs: readonly SeqRun[]): string {
  return runs.map((run) => (run.from === run.to ? String(run.from) : `${run.from}-${run.to}`)).join(',');
}

export function addToRuns(runs: readonly SeqRun[], seqs: readonly number[]): readonly SeqRun[] {
  const all = [...runs, ...seqs.map((seq) => ({ from: seq, to: seq }))].toSorted((a, b) => a.from - b.from);
  const merged: SeqRun[] = [];
  for (const run of all) {
    const last = merged.at(-1);
    if (last !== undefined && run.from <= last.to + 1) {
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, run.to) };
    } else {
      merged.push(run);
    }
  }
  return merged;
}

export function removeFromRuns(runs: readonly SeqRun[], seqs: readonly number[]): readonly SeqRun[] {
  const gone = [...new Set(seqs)].toSorted((a, b) => a - b);
  return runs.flatMap((run) => {
    const left: SeqRun[] = [];
    let from = run.from;
    for (const seq of gone) {
      if (seq < from || seq > run.to) continue;
      if (seq > from) left.push({ from, to: seq - 1 });
      from = seq + 1;
    }
    if (from <= run.to) left.push({ from, to: run.to });
    return left;
  });
}

export function expandRuns(runs: readonly SeqRun[]): Set<number> {
  const seqs = new Set<number>();
  for (const run of runs) for (let seq = run.from; seq <= run.to; seq += 1) seqs.add(seq);
  return seqs;
}

/** The numbers from 1 on that are in no run; the last hole is open (`to: null`). */
export function holesInRuns(runs: readonly SeqRun[]): readonly { readonly from: number; readonly to: number | null }[] {
  const holes: { from: number; to: number | null }[] = [];
  let next = 1;
  for (const run of runs) {
    if (run.from > next) holes.push({ from: next, to: run.from - 1 });
    next = run.to + 1;
  }
  holes.push({ from: next, to: null });
  return holes;
}
