/** Reads a project's files. The only place of the model layer's compile phase that touches the disk. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, resolve, sep } from 'node:path';
import { messageOf, SluiceError } from '../../core/errors.ts';
import { problemsError, type Problem } from '../../config/problems.ts';
import type { ModelProjectConfig } from './project-config.ts';

export interface SourceFile {
  /** Relative to the project, with `/`. */
  readonly file: string;
  /** The part of `file` below the configured path: `staging/stg_customer.sql`. */
  readonly inside: string;
  readonly text: string;
}

export interface ProjectFiles {
  readonly models: readonly SourceFile[];
  readonly macros: readonly SourceFile[];
  readonly seeds: readonly SourceFile[];
  /** Singular tests; files under a `generic/` folder hold `{% test %}` blocks and count as macros, as in dbt. */
  readonly tests: readonly SourceFile[];
  readonly properties: readonly SourceFile[];
}

const YAML = /\.ya?ml$/i;

export function readProjectFiles(config: ModelProjectConfig): ProjectFiles {
  const reader = new Reader(config.dir);
  const testFiles = reader.read(config.testPaths, /\.sql$/i);
  const generic = testFiles.filter(({ inside }) => inside.startsWith('generic/'));
  const all = [...config.modelPaths, ...config.seedPaths, ...config.macroPaths, ...config.testPaths];
  const files: ProjectFiles = {
    models: reader.read(config.modelPaths, /\.sql$/i),
    macros: [...reader.read(config.macroPaths, /\.sql$/i), ...generic],
    seeds: reader.read(config.seedPaths, /\.csv$/i),
    tests: testFiles.filter((file) => !generic.includes(file)),
    properties: reader.read([...new Set(all)], YAML),
  };
  if (reader.problems.length > 0) throw problemsError('compile_error', reader.problems);
  return files;
}

class Reader {
  readonly problems: Problem[] = [];
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  read(paths: readonly string[], ending: RegExp): SourceFile[] {
    const seen = new Map<string, SourceFile>();
    for (const path of paths) {
      const root = resolve(this.#dir, path);
      for (const absolute of listFiles(root, ending)) {
        const file = slashed(relative(this.#dir, absolute));
        if (seen.has(file)) continue;
        const text = this.#readText(absolute, file);
        if (text !== undefined) seen.set(file, { file, inside: slashed(relative(root, absolute)), text });
      }
    }
    return [...seen.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  #readText(absolute: string, file: string): string | undefined {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(absolute));
    } catch (error) {
      const message = error instanceof TypeError ? 'the file is not UTF-8 text' : `cannot be read: ${messageOf(error)}`;
      this.problems.push({ file, path: '', message });
      return undefined;
    }
  }
}

function slashed(path: string): string {
  return sep === posix.sep ? path : path.replaceAll(sep, posix.sep);
}

/** Hidden files and folders are not part of a project (editors keep their copies there). A folder that is missing holds nothing. */
function listFiles(folder: string, ending: RegExp): string[] {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new SluiceError('config_invalid', `the folder ${folder} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return entries.flatMap((entry) => {
    if (entry.name.startsWith('.')) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listFiles(path, ending);
    return ending.test(entry.name) ? [path] : [];
  });
}
