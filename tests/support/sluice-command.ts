/** The command line as a user runs it: a process of its own, with nothing of this process's environment that could change its answer. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
/** Not the developer's own; kept between runs, as a user's is. */
const CACHE = join(REPOSITORY, 'node_modules', '.cache');
const BIN = join(REPOSITORY, 'bin', 'sluice.mjs');

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
  readonly input?: string;
}

export interface CommandOutcome {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly outcome: Promise<CommandOutcome>;
  /** Resolves when stderr has shown the text. */
  saw(text: string): Promise<void>;
}

/** `sluice <arguments>`. */
export function sluice(args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  return start([BIN, ...args], options).outcome;
}

/** `node <arguments>` in the same clean surroundings. */
export function start(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const { PATH = '', HOME = tmpdir() } = process.env;
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), ...args], {
    cwd: options.cwd ?? REPOSITORY,
    env: { PATH, HOME, TZ: 'America/New_York', XDG_CACHE_HOME: CACHE, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const watcher of watchers) watcher();
  });
  if (options.input !== undefined) child.stdin.end(options.input);
  const outcome = new Promise<CommandOutcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
  const saw = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!stderr.includes(text)) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
      child.on('close', () => reject(new Error(`the command ended without saying "${text}": ${stderr}`)));
    });
  return { child, outcome, saw };
}

/** A project folder of its own in which `import … from 'sluice'` finds this repository; removed when disposed. */
export class ProjectFolder implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'sluice-project-'));

  constructor(files: Readonly<Record<string, string>>) {
    mkdirSync(join(this.dir, 'node_modules'));
    symlinkSync(REPOSITORY, join(this.dir, 'node_modules', 'sluice'));
    this.write('package.json', '{ "type": "module" }');
    for (const [file, text] of Object.entries(files)) this.write(file, text);
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.dir, file)), { recursive: true });
    writeFileSync(join(this.dir, file), text);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
