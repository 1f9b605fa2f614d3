/**
 * Builds an image without a container engine: every stage becomes a folder, COPY copies (what .dockerignore lets through), RUN runs in it with
 * absolute paths moved into the folder. The base image is this machine with the Node of this run, whose `node` user is nobody in particular.
 */
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative, sep } from 'node:path';
import { copyOf, ignores, matches, readContainerFile, type Instruction, type Stage } from './container-file.ts';
import { registryAccess } from './registry-access.ts';
import { REPOSITORY } from './sluice-command.ts';

export interface BuiltImage {
  /** Stands for `/`. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
}

export interface RunOutcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `context`: the folder with Dockerfile and .dockerignore; `work`: an empty folder for the stages. */
export async function buildImage(context: string, work: string): Promise<BuiltImage> {
  const stages = readContainerFile(join(context, 'Dockerfile'));
  const isIgnored = ignores(join(context, '.dockerignore'));
  let last: StageFolder | undefined;
  const built = new Map<string, StageFolder>();
  for (const [index, stage] of stages.entries()) {
    last = new StageFolder(join(work, stage.name ?? `stage-${index}`));
    for (const instruction of stage.instructions) await last.apply(instruction, { context, isIgnored, built });
    if (stage.name !== null) built.set(stage.name, last);
  }
  return last!.image();
}

interface Surroundings {
  readonly context: string;
  readonly isIgnored: (file: string) => boolean;
  readonly built: ReadonlyMap<string, StageFolder>;
}

class StageFolder {
  readonly root: string;
  #workdir = '/';
  #user = 'root';
  #entrypoint: readonly string[] = [];
  readonly #env: Record<string, string> = {};

  constructor(root: string) {
    this.root = root;
    for (const folder of ['usr/local/bin', 'tmp', 'home/node']) mkdirSync(join(root, folder), { recursive: true });
  }

  image(): BuiltImage {
    return {
      root: this.root,
      workdir: this.#workdir,
      env: this.#env,
      user: this.#user,
      entrypoint: this.#entrypoint,
    };
  }

  async apply(instruction: Instruction, around: Surroundings): Promise<void> {
    const { keyword, text } = instruction;
    if (keyword === 'WORKDIR') {
      this.#workdir = text;
      mkdirSync(join(this.root, text), { recursive: true });
    } else if (keyword === 'ENV') {
      for (const pair of text.split(/\s+/)) this.#env[pair.split('=')[0]!] = pair.split('=')[1]!;
    } else if (keyword === 'USER') this.#user = text;
    else if (keyword === 'ENTRYPOINT') this.#entrypoint = JSON.parse(text) as string[];
    else if (keyword === 'COPY') this.#copy(instruction, around);
    else if (keyword === 'RUN') await this.#run(text);
  }

  #copy(instruction: Instruction, { context, isIgnored, built }: Surroundings): void {
    const { from, sources, destination } = copyOf(instruction);
    const target = join(this.root, this.#workdir, destination);
    const base = from === null ? context : built.get(from)!.root;
    const found = sources.flatMap((source) => (source.includes('*') ? globbed(base, source) : [source]));
    if (found.length === 0) throw new Error(`COPY ${instruction.text}: nothing matches`);
    for (const source of found) {
      const path = join(base, source);
      const visible = (file: string): boolean =>
        from !== null || file === base || !isIgnored(relative(base, file).replaceAll(sep, '/'));
      if (!existsSync(path) || !visible(path)) throw new Error(`COPY ${instruction.text}: ${source} does not exist`);
      const into = statSync(path).isDirectory() || found.length === 1 ? target : join(target, basename(source));
      const to = destination.endsWith('/') && !statSync(path).isDirectory() ? join(target, basename(source)) : into;
      mkdirSync(dirname(to), { recursive: true });
      cpSync(path, to, { recursive: true, verbatimSymlinks: true, filter: (file) => visible(file) });
    }
  }

  async #run(command: string): Promise<void> {
    const moved = command.replaceAll(/(?<=\s)\/(?=[a-z])/g, `${this.root}/`);
    const bin = join(this.root, 'replay-bin');
    mkdirSync(bin, { recursive: true });
    // The image's users are not this machine's.
    writeFileSync(
      join(bin, 'chown'),
      `#!/bin/sh\nshift\n${isRoot ? `exec /bin/chown ${USER_ID}:${USER_ID} "$@"` : ''}\n`,
    );
    chmodSync(join(bin, 'chown'), 0o755);
    const { exitCode, stdout, stderr } = await runIn(this.root, ['sh', '-ec', moved], {
      cwd: join(this.root, this.#workdir),
      env: { PATH: `${bin}${delimiter}${cleanPath()}`, ...registryAccess(), ...this.#env },
    });
    if (exitCode !== 0) throw new Error(`RUN ${command} ended with ${exitCode}:\n${stdout}\n${stderr}`);
  }
}

function globbed(base: string, glob: string): readonly string[] {
  return readdirSync(base).filter((name) => matches(glob, name));
}

/** Nothing of the repository's own node_modules, but the Node of this run. */
function cleanPath(): string {
  const { PATH = '' } = process.env;
  const others = PATH.split(delimiter).filter((entry) => !entry.startsWith(REPOSITORY));
  return [dirname(process.execPath), ...others].join(delimiter);
}

/** Only root may run something as another user, or give files away. */
const isRoot = process.getuid?.() === 0;
const USER_ID = 1000;
const USER = isRoot ? { uid: USER_ID, gid: USER_ID } : {};

/** `docker run <image> <arguments>`, as the user of the image; `env` comes on top of the image's. */
export function runImage(
  image: BuiltImage,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunOutcome> {
  const [program = '', ...rest] = image.entrypoint;
  return runIn(image.root, [program, ...rest, ...args], {
    cwd: join(image.root, image.workdir),
    env: { PATH: `${join(image.root, 'usr/local/bin')}${delimiter}${cleanPath()}`, ...image.env, ...env },
    asUser: true,
  });
}

function runIn(
  root: string,
  command: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly asUser?: boolean },
): Promise<RunOutcome> {
  const [file = '', ...args] = command;
  const asUser = options.asUser === true;
  const child = spawn(file, args, {
    cwd: options.cwd,
    // npm's own cache stays the user's: what was downloaded once is not downloaded for a test.
    env: { HOME: asUser ? join(root, 'home/node') : (process.env['HOME'] ?? root), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(asUser ? USER : {}),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** COPY sources of the build context, for a check without building. */
export function contextSources(stages: readonly Stage[]): readonly string[] {
  return stages.flatMap(({ instructions }) =>
    instructions
      .filter(({ keyword }) => keyword === 'COPY')
      .map(copyOf)
      .flatMap(({ from, sources }) => (from === null ? sources : [])),
  );
}
