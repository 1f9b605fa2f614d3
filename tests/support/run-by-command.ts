/** Runs a job as its users do: `sluice job run …` in a process of its own, on the real clock from the logical time on. */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { JobCall, JobOutcome } from './project-run.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface CommandEnd {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<CommandEnd> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(ROOT, 'bin/sluice.mjs'), ...args], { cwd: ROOT, env, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', fail).on('close', (exitCode) => done({ exitCode, stdout, stderr }));
  });
}

export async function runByCommand(call: JobCall): Promise<JobOutcome> {
  const { mode } = call;
  const step = mode === 'all' ? [] : mode === 'refresh' ? ['--full-refresh', '--accept-shrink'] : ['--only', mode];
  const flags = [...(call.fullLoad ? ['--full-load'] : []), ...(call.acceptDeletes ? ['--accept-deletes'] : [])];
  const args = ['job', 'run', call.entity, '--json', '--logical-time', call.logicalTime, ...step, ...flags];
  const env = { ...process.env, SLUICE_HOME: call.home, CUSTOMER_API_URL: call.apiUrl, SLUICE_TARGET: 'dev' };
  const { exitCode, stdout, stderr } = await run(args, env);
  const report = JSON.parse(stdout === '' ? 'null' : stdout) as Partial<JobOutcome> | null;
  if (report === null || exitCode === null || report.exitCode !== exitCode) {
    throw new Error(
      `sluice ${args.join(' ')} ended with ${exitCode}, reported ${stdout === '' ? 'nothing' : stdout}\n${stderr}`,
    );
  }
  return { exitCode, errors: report.errors ?? [] };
}
