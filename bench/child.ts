/** Runs a process to its end and says what it took: wall clock from before the start to the exit, processor time, peak memory. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ChildOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ChildResult {
  /** Whole process, its start included. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
  readonly stdout: string;
}

const USAGE_HOOK = fileURLToPath(new URL('usage.cjs', import.meta.url));
let started = 0;

/** `node <args>`; throws with the child's own words when it fails. */
export async function runNode(args: readonly string[], { cwd, env }: ChildOptions): Promise<ChildResult> {
  const usageFile = join(tmpdir(), `sluice-bench-usage-${process.pid}-${++started}.json`);
  const { PATH = '', HOME = tmpdir() } = process.env;
  const from = performance.now();
  const child = spawn(process.execPath, ['--require', USAGE_HOOK, ...args], {
    cwd,
    env: { PATH, HOME, BENCH_USAGE_FILE: usageFile, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let exitedAt = from;
  child.once('exit', () => (exitedAt = performance.now()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  try {
    if (code !== 0)
      throw new Error(`node ${args.join(' ')} ended with ${code}:\n${stderr.slice(-4000)}${stdout.slice(-2000)}`);
    const usage = JSON.parse(readFileSync(usageFile, 'utf8')) as { peakKb: number; cpuMicros: number };
    return {
      seconds: (exitedAt - from) / 1000,
      cpuSeconds: usage.cpuMicros / 1e6,
      peakMb: usage.peakKb / 1024,
      stdout,
    };
  } finally {
    rmSync(usageFile, { force: true });
  }
}
