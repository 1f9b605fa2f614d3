/**
 * target/: what people and tools read about a run. SQL goes to `compiled/` and `run/` as it is made; `manifest.json` and
 * `run_results.json` are written whole (a reader never sees half of one) and kept per invocation under `runs/<id>/`, because dbt's habit
 * of overwriting them loses the run that somebody is asking about.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { messageOf, SluiceError } from '../../core/errors.ts';
import type { ModelProjectConfig } from '../compile/project-config.ts';
import type { ArtifactSink } from './artifact-sink.ts';
import { INDEX_FILE, WrittenFiles } from './written-files.ts';

export class TargetFolder implements ArtifactSink {
  readonly #dir: string;
  readonly #target: string;
  readonly #project: string;
  readonly #invocation: string;
  readonly #redact: (text: string) => string;
  readonly #folders = new Set<string>();
  readonly #written: WrittenFiles;

  /** `invocationId` names a folder: letters, digits and `-`. `redact` takes secrets out of whatever is written. */
  constructor(
    config: Pick<ModelProjectConfig, 'dir' | 'name' | 'targetPath'>,
    invocationId: string,
    redact: (text: string) => string = (text) => text,
  ) {
    if (!/^[\w-]{1,100}$/.test(invocationId))
      throw new SluiceError('internal', `"${invocationId}" cannot name a folder`);
    this.#dir = config.dir;
    this.#target = config.targetPath;
    this.#project = config.name;
    this.#invocation = invocationId;
    this.#redact = redact;
    this.#written = new WrittenFiles(join(config.dir, config.targetPath));
  }

  pathOf(file: string): string {
    return posix.join(this.#target, 'compiled', this.#project, file);
  }

  compiled(file: string, sql: string): string {
    this.#sql(posix.join('compiled', this.#project, file), `${sql}\n`);
    return this.pathOf(file);
  }

  run(file: string, sql: string): void {
    this.#sql(posix.join('run', this.#project, file), sql);
  }

  #sql(path: string, text: string): void {
    if (this.#written.needsWriting(path, text)) this.#write(posix.join(this.#target, path), text);
  }

  /** `manifest.json` or `run_results.json`: at its known path and in the invocation's folder. */
  artifact(name: string, content: unknown): void {
    const index = this.#written.takeIndex();
    if (index !== null) this.#write(posix.join(this.#target, INDEX_FILE), index);
    const text = `${JSON.stringify(content, jsonValue)}\n`;
    for (const path of [posix.join(this.#target, 'runs', this.#invocation, name), posix.join(this.#target, name)]) {
      const temporary = `${path}.${this.#invocation}.tmp`;
      this.#write(temporary, text);
      this.#attempt(path, () => renameSync(join(this.#dir, temporary), join(this.#dir, path)));
    }
  }

  #write(path: string, text: string): void {
    this.#attempt(path, () => {
      const absolute = join(this.#dir, path);
      const folder = dirname(absolute);
      if (!this.#folders.has(folder)) {
        mkdirSync(folder, { recursive: true });
        this.#folders.add(folder);
      }
      writeFileSync(absolute, this.#redact(text));
    });
  }

  #attempt(path: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const kind =
        code === 'ENOSPC' ? 'store_full' : code === 'EACCES' || code === 'EROFS' ? 'store_read_only' : 'store_failed';
      throw new SluiceError(kind, `${path} cannot be written: ${messageOf(error)}`, {
        hint: 'The folder comes from target-path in project.yml.',
        cause: error,
      });
    }
  }
}

function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
