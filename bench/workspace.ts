/** A folder of its own for a benchmark: a copy of the reference project and a SLUICE_HOME beside it; removed at the end. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNode, type ChildResult } from './child.ts';

export const REPOSITORY = fileURLToPath(new URL('../', import.meta.url));
const PROJECT_PARTS = ['project.yml', 'jobs', 'models', 'macros', 'seeds', 'tests/data'];

export interface StepReport {
  readonly name: string;
  readonly seconds: number;
  readonly rows: number;
}

export interface ModelReport {
  readonly name: string;
  readonly rows: number;
  readonly seconds: number;
  readonly partitions: readonly string[];
}

/** What `sluice job run --json` prints, as far as it is looked at here. */
export interface JobReport {
  readonly batches: readonly { readonly read: number; readonly landed: number }[];
  readonly steps: readonly StepReport[];
  readonly models: readonly ModelReport[];
}

export interface JobRun extends ChildResult {
  readonly report: JobReport;
}

/** What the scripts of bench/bare/ print; each has its own members. */
interface BareResult {
  /** sql: of each statement. */
  readonly seconds: readonly number[];
  /** sql: of its query, as texts. */
  readonly rows: readonly (readonly string[])[];
  /** The loops: how many records came. */
  readonly records: number;
}

export interface BareRun extends ChildResult {
  readonly result: BareResult;
}

export class Workspace {
  readonly dir: string;
  readonly home: string;
  /** Further environment of every command. */
  readonly env: Record<string, string> = {};

  constructor(name: string) {
    this.dir = mkdtempSync(join(tmpdir(), `sluice-bench-${name}-`));
    this.home = join(this.dir, 'home');
    mkdirSync(this.home);
  }

  /** The reference project, whose jobs find this repository under the package's name. */
  copyProject(): void {
    for (const part of PROJECT_PARTS) cpSync(join(REPOSITORY, part), join(this.dir, part), { recursive: true });
    this.linkPackage();
  }

  linkPackage(): void {
    this.write('package.json', '{ "type": "module" }');
    mkdirSync(join(this.dir, 'node_modules'));
    symlinkSync(REPOSITORY, join(this.dir, 'node_modules', 'sluice'));
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.dir, file)), { recursive: true });
    writeFileSync(join(this.dir, file), text);
  }

  path(...parts: readonly string[]): string {
    return join(this.dir, ...parts);
  }

  async sluice(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ChildResult> {
    const binary = join(REPOSITORY, 'bin', 'sluice.mjs');
    return runNode([binary, ...args], { cwd: this.dir, env: { SLUICE_HOME: this.home, ...this.env, ...env } });
  }

  async job(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<JobRun> {
    const run = await this.sluice(['job', 'run', 'customer', ...args, '--json'], env);
    return { ...run, report: JSON.parse(run.stdout) as JobReport };
  }

  /** A script of bench/bare/, in a process of its own; it prints one JSON object. */
  async bare(script: 'sql' | 'kafkajs-loop' | 'topic-log-loop', request: unknown): Promise<BareRun> {
    const file = this.path(`${script}.json`);
    writeFileSync(file, JSON.stringify(request));
    const run = await runNode([join(REPOSITORY, 'bench', 'bare', `${script}.mjs`), file], { cwd: this.dir, env: {} });
    return { ...run, result: JSON.parse(run.stdout) as BareResult };
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
