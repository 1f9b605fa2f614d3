/** Runs the real command line as a child process: the demo shows what a user would type and see. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RunReport } from '../pipeline/request.ts';

const BIN = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url));

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
}

/** `onLine` gets what the command says on stderr, line by line. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  onLine: (line: string) => void,
): Promise<CliResult> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  if (rest !== '') onLine(rest);
  return { exitCode, stdout: Buffer.concat(stdout).toString('utf8') };
}

export function reportIn(result: CliResult): RunReport {
  return JSON.parse(result.stdout) as RunReport;
}
