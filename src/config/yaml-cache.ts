/**
 * Reading YAML and checking it with ajv costs about 100 ms, a fifth of what a run with nothing new may take. So checked values are kept in the
 * user's cache folder, together with the exact text they came from: another text, or another build of sluice, is read anew. Nothing
 * is lost with the folder, and a failure to use it is no failure.
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

export interface YamlCache {
  read(text: string): CheckedYaml | undefined;
  write(text: string, checked: CheckedYaml): void;
}

/** One file per `kind`, project folder and copy of sluice; what meets in one name only reads its YAML each time. */
export function createYamlCache(folder: string, kind: string, projectDir: string): YamlCache {
  const file = join(folder, `${kind}-${hashOf(`${projectDir}\n${OWN_FILE}`)}.json`);
  return {
    read: (text) => {
      try {
        const entry = JSON.parse(readFileSync(file, 'utf8')) as Entry;
        if (entry.build !== build() || entry.text !== text) return undefined;
        return { value: entry.value, positions: new Map(entry.positions) };
      } catch {
        return undefined; // not there yet, or not readable: the YAML itself is read
      }
    },
    write: (text, { value, positions }) => {
      const entry: Entry = { build: build(), text, value, positions: [...positions] };
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        writeFileSync(`${file}.${process.pid}`, JSON.stringify(entry), { mode: 0o600 });
        renameSync(`${file}.${process.pid}`, file);
      } catch {
        // A read-only home, a full disk: the next run reads the YAML again.
      }
    },
  };
}

function hashOf(text: string): string {
  let hash = 5381;
  for (let index = 0; index < text.length; index++) hash = ((hash * 33) ^ text.charCodeAt(index)) >>> 0;
  return `${hash.toString(16)}-${text.length}`;
}

const OWN_FILE = fileURLToPath(import.meta.url);

/** What was written by another build may have been checked by other rules. */
function build(): string {
  return String(statSync(OWN_FILE).mtimeMs);
}
