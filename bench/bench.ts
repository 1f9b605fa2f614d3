/** What a benchmark is, and what it hands back: rows of the README table, each a ratio measured in one run on one machine. */
import type { Workspace } from './workspace.ts';

export interface BenchContext {
  /** Small sizes, one round: shows that everything runs, not how fast it is. */
  readonly quick: boolean;
  /** Pairs of runs, ours and the bare one by turns. */
  readonly rounds: number;
  readonly workspace: (name: string) => Workspace;
  readonly say: (text: string) => void;
}

export interface Row {
  /** What was done, with its size. */
  readonly work: string;
  /** What sluice took. */
  readonly sluice: string;
  /** What the bare thing beside it took; empty where the target is a time. */
  readonly bare: string;
  /** As the target counts it: throughput of the bare thing, or a multiple of its time. */
  readonly ratio: number | null;
  readonly target: string;
  /** null: nothing was promised. */
  readonly met: boolean | null;
  /** Everything measured, for the JSON file. */
  readonly numbers: Readonly<Record<string, number | string>>;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  readonly run: (context: BenchContext) => Promise<readonly Row[]>;
}
