/** Paused processes, and everything they could have written: landing, state and warehouse as text to compare. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBConnection } from '@duckdb/node-api';
import { hashOf } from './kill-project.ts';
import type { RunningCommand } from './sluice-command.ts';

const PATIENCE_MS = 120_000;

function stateOf(pid: number): string {
  return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).trim();
}

/** Resolves when the process stands still (a failpoint stopped it). */
export async function stopped({ child, outcome }: RunningCommand): Promise<void> {
  const ended = outcome.then((result) => {
    throw new Error(`ended with ${result.exitCode ?? result.signal} before it was stopped:\n${result.stderr}`);
  });
  // It is awaited by the race alone; a later end of the process is what the test waits for.
  ended.catch(() => undefined);
  const standing = (async (): Promise<void> => {
    const deadline = performance.now() + PATIENCE_MS;
    while (child.exitCode === null && child.signalCode === null && !stateOf(child.pid ?? 0).startsWith('T')) {
      if (performance.now() > deadline) throw new Error('the process was not stopped');
      await sleep(30);
    }
    // One that ended does not stand still; what it said is known a moment later.
    if (child.exitCode !== null || child.signalCode !== null) await ended;
  })();
  await Promise.race([standing, ended]);
}

function stateRows(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = database.prepare(`select name from sqlite_master where type = 'table' order by name`).all();
    return tables
      .map(({ name }) => {
        const rows = database.prepare(`select * from "${name as string}"`).all();
        const lines = rows.map((row) => JSON.stringify(row)).toSorted();
        return `${name as string}\n${lines.join('\n')}`;
      })
      .join('\n\n');
  } finally {
    database.close();
  }
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<readonly string[]> {
  return (await connection.runAndReadAll(sql)).getRows().map(([cell]) => cell as string);
}

/** Every row of every table. A copy of the files is read: another process may hold them, and what it committed may be in the log. */
export async function warehouseRows(home: string): Promise<string> {
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-look-'));
  const path = join(folder, 'warehouse.duckdb');
  try {
    for (const end of ['', '.wal']) {
      const file = join(home, `warehouse.duckdb${end}`);
      if (existsSync(file)) await cp(file, path + end);
    }
    if (!existsSync(path)) return 'no warehouse';
    const instance = await DuckDBInstance.create(path);
    try {
      const connection = await instance.connect();
      const tables = await rowsOf(
        connection,
        `select schema_name || '.' || table_name from duckdb_tables() where not temporary order by all`,
      );
      const texts: string[] = [];
      for (const table of tables) {
        const rows = await rowsOf(connection, `select cast(t as varchar) from ${table} as t order by all`);
        texts.push(`${table}\n${rows.join('\n')}`);
      }
      connection.closeSync();
      return texts.join('\n\n');
    } finally {
      instance.closeSync();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

export interface Everything {
  readonly landing: string;
  readonly state: string;
  readonly warehouse: string;
}

export async function everythingOf(home: string): Promise<Everything> {
  return {
    landing: hashOf(join(home, 'landing')),
    state: stateRows(join(home, 'state.sqlite')),
    warehouse: await warehouseRows(home),
  };
}
