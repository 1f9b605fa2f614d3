/**
 * Reading YAML and checking it with ajv costs about 100 ms, a fifth of what a run with nothing new may take. So the checked values of
 * project.yml are kept in the user's cache folder, together with the exact text they came from: another text, or another build of sluice, is
 * read anew. Nothing is lost with the folder, and a failure to use it is no failure.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Position, YamlValue } from './yaml-source.ts';

export interface CheckedYaml {
  readonly value: YamlValue;
  readonly positions: ReadonlyMap<string, Position>;
}

interface Entry {
  readonly build: string;
  readonly text: string;
  readonly value: YamlValue;
  readonly positions: readonly (readonly [string, Position])[];
}

export function readCached(folder: string, projectDir: string, text: string): CheckedYaml | undefined {
  try {
    const entry = JSON.parse(readFileSync(fileFor(folder, projectDir), 'utf8')) as Entry;
    if (entry.build !== build() || entry.text !== text) return undefined;
    return { value: entry.value, positions: new Map(entry.positions) };
  } catch {
    return undefined; // not there yet, or not readable: the file itself is read
  }
}

export function writeCached(folder: string, projectDir: string, text: string, { value, positions }: CheckedYaml): void {
  const file = fileFor(folder, projectDir);
  const entry: Entry = { build: build(), text, value, positions: [...positions] };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.${process.pid}`, JSON.stringify(entry), { mode: 0o600 });
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // A read-only home, a full disk: the next run reads the YAML again.
  }
}

/** One file per project folder; two folders that meet in one name only read their YAML each time. */
function fileFor(folder: string, projectDir: string): string {
  let hash = 5381;
  for (let index = 0; index < projectDir.length; index++) hash = ((hash * 33) ^ projectDir.charCodeAt(index)) >>> 0;
  return join(folder, `project-${hash.toString(16)}-${projectDir.length}.json`);
}

/** What was written by another build may have been checked by other rules. */
function build(): string {
  const file = fileURLToPath(import.meta.url);
  return `${file}:${statSync(file).mtimeMs}`;
}
