/** Starts workers and reads what they say. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { StateLocation } from '../../../src/adapters/knex-state/knex-state-store.ts';

export interface Worker {
  readonly pid: number;
  /** Everything said so far. */
  readonly said: readonly Readonly<Record<string, unknown>>[];
  readonly errors: () => string;
  /** The next line that fits; fails when the process ends before. */
  until(key: string): Promise<unknown>;
  signal(name: NodeJS.Signals): void;
  ended(): Promise<void>;
}

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

export function startWorker(location: StateLocation, action: 'start' | 'hold' | 'freeze' | 'churn'): Worker {
  const child = spawn(process.execPath, [WORKER, JSON.stringify(location), action], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Readonly<Record<string, unknown>>[] = [];
  let errors = '';
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => said.push(JSON.parse(line) as Readonly<Record<string, unknown>>));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const closed = once(child, 'close');
  return {
    pid: child.pid ?? 0,
    said,
    errors: () => errors,
    until: async (key) => {
      for (;;) {
        const found = said.find((value) => key in value);
        if (found !== undefined) return found[key];
        if (hasEnded(child)) throw new Error(`the worker ended before it said "${key}": ${errors}`);
        await Promise.race([once(lines, 'line'), closed]);
      }
    },
    signal: (name) => void child.kill(name),
    ended: async () => {
      await closed;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ends workers whatever a test did to them; a stopped process takes only SIGKILL. */
export async function endWorkers(workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) worker.signal('SIGKILL');
  await Promise.all(workers.map((worker) => worker.ended()));
}
