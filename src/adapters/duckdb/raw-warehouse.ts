/**
 * Landing to raw tables on DuckDB, by its own JSON reader straight from the files: no row passes through JavaScript. One transaction
 * per batch, or per group of small ones, removes what an earlier attempt left of them, inserts their rows, compares the counts of each with its
 * manifest and notes the batches in `_sluice_batches`; that note is what "loaded" means, so a warehouse that was lost or restored shows what it lacks.
 */
import type { Admission, Manifest, ManifestObject } from '../../core/batch.ts';
import { SluiceError, isSluiceError, messageOf } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { LoadBatch, LoadHooks, LoadedRows, RawWarehouse } from '../../load/ports.ts';
import { RAW_TABLES, ROLE_TABLES, rawTableName, type RawColumn, type RawTable } from '../../load/raw-columns.ts';
import type { DuckDbDatabase, SqlRunner } from './database.ts';
import { quote, text, timestamp } from './literals.ts';
import { addRawColumn, commentRawTable, createRawTable, hasZstd, typeOf } from './raw-tables.ts';
import { replaysOf, replayUpdate, type Replay } from './replay-marks.ts';

/** Rows that DuckDB keeps together in its file. */
const ROW_GROUP_ROWS = 122_880;

/** DuckDB's reader allocates twice this per thread, so it is raised only for objects that hold such a line. */
const DEFAULT_OBJECT_SIZE = 16 * 1024 * 1024;

/**
 * DuckDB's checkpoint writes tables anew that have many deleted rows, which takes longer than the rest of an hourly run's end. Done with every
 * so manieth batch, about once a day of hourly runs, it costs an hour little; the row groups that wait for it cost a query next to nothing.
 */
const BATCHES_PER_COMPACTION = 24;

type LoadTogether = Parameters<NonNullable<RawWarehouse['loadTogether']>>;

const TABLES = Object.keys(RAW_TABLES) as RawTable[];

export interface DuckDbRawOptions {
  /** Schema of the raw tables: `<target schema>_raw`. */
  readonly schema: string;
  /** Absolute path of a landing object. */
  readonly locate: (objectName: string) => string;
}

/** True for the admission of an incomplete snapshot: it counts with its rows, not with its absences, so nothing needs deciding. */
function admits(manifest: Manifest, admission: Admission | null): boolean {
  return manifest.snapshot !== undefined && (!manifest.snapshot.complete || admission?.admitted === true);
}

export class DuckDbRawWarehouse implements RawWarehouse {
  readonly #database: DuckDbDatabase;
  readonly #options: DuckDbRawOptions;
  #compacts = false;
  /** Entities whose tables are known to be there: nobody else drops them while the file is open. */
  readonly #prepared = new Set<string>();
  /** What a first look found, by entity, for `prepare` to go by. */
  readonly #seen = new Map<string, Map<string, Set<string>>>();

  constructor(database: DuckDbDatabase, options: DuckDbRawOptions) {
    this.#database = database;
    this.#options = options;
  }

  #table(job: JobDefinition, table: RawTable, suffix = ''): string {
    return `${quote(this.#options.schema)}.${quote(rawTableName(job.entity, table, suffix))}`;
  }

  get #batches(): string {
    return `${quote(this.#options.schema)}._sluice_batches`;
  }

  async prepare(job: JobDefinition): Promise<void> {
    const known = this.#seen.get(job.entity) ?? (await this.#knownColumns(job));
    this.#seen.delete(job.entity);
    const statements = [`create schema if not exists ${quote(this.#options.schema)}`];
    if (!known.has('_sluice_batches')) {
      statements.push(
        `create table if not exists ${this.#batches} (job varchar not null, seq bigint not null, batch_id varchar not null, replayed_at timestamp, primary key (job, seq))`,
      );
    }
    const isReloaded = known.has('_sluice_batches') && TABLES.some((table) => lacks(known, job, table));
    // Rows that went with a table or a column: the batches count as not loaded, so that they come again from landing.
    if (isReloaded) statements.push(`delete from ${this.#batches} where job = ${text(job.name)}`);
    for (const table of TABLES) {
      const columns = known.get(rawTableName(job.entity, table));
      const name = this.#table(job, table);
      if (columns === undefined) {
        statements.push(...createRawTable(name, table, await hasZstd(this.#database)));
        continue;
      }
      for (const column of RAW_TABLES[table].columns)
        if (!columns.has(column.name)) statements.push(addRawColumn(name, column));
    }
    if (statements.length > 1 || known.size === 0) {
      await this.#database.transaction(async (transaction) => {
        for (const statement of statements) await transaction.run(statement);
      });
    }
    this.#prepared.add(job.entity);
  }

  async #knownColumns(job: JobDefinition): Promise<Map<string, Set<string>>> {
    const names = ['_sluice_batches', ...TABLES.map((table) => rawTableName(job.entity, table))].map(text).join(', ');
    const { rows } = await this.#database.query(
      `select table_name, column_name from duckdb_columns() where database_name = current_database() and schema_name = ${text(this.#options.schema)} and table_name in (${names})`,
    );
    const known = new Map<string, Set<string>>();
    for (const [table, column] of rows) {
      const columns = known.get(String(table)) ?? new Set<string>();
      columns.add(String(column));
      known.set(String(table), columns);
    }
    return known;
  }

  async loadedBatches(job: JobDefinition): Promise<ReadonlySet<number>> {
    if (!this.#prepared.has(job.entity)) {
      const known = await this.#knownColumns(job);
      this.#seen.set(job.entity, known);
      const isWhole = TABLES.every((table) => known.has(rawTableName(job.entity, table)));
      if (!isWhole || !known.has('_sluice_batches')) return new Set();
    }
    const { rows } = await this.#database.query(`select seq from ${this.#batches} where job = ${text(job.name)}`);
    return new Set(rows.map(([seq]) => Number(seq)));
  }

  async loadBatch(job: JobDefinition, batch: LoadBatch, hooks: LoadHooks): Promise<LoadedRows> {
    const { manifest } = batch;
    try {
      await this.#planCompaction([manifest]);
      return await this.#unordered([manifest], async (transaction) => {
        await this.#removeBatches(transaction, job, [manifest]);
        const loaded = await this.#insertObjects(transaction, job, [manifest], '');
        await transaction.run(`insert into ${this.#batches} values ${this.#note(job, manifest)}`);
        if (manifest.kind === 'replay' || loaded.deadLetters > 0) {
          await this.#markReplayed(transaction, job, await this.#replaysKnown(transaction, job), '');
        }
        let { admission } = batch;
        if (manifest.snapshot?.complete === true && admission === null && hooks.judge !== undefined) {
          admission = await hooks.judge(async (sql) => {
            const { rows } = await transaction.query(sql);
            return { keysThere: Number(rows[0]?.[0] ?? 0), keysGone: Number(rows[0]?.[1] ?? 0) };
          });
        }
        if (admits(manifest, admission)) await transaction.run(this.#admissionInsert(job, manifest, ''));
        await hooks.guard();
        return loaded;
      });
    } catch (error) {
      throw loadError(error, job, manifest.batchId);
    }
  }

  async loadTogether(...[job, manifests, guard]: LoadTogether): Promise<readonly LoadedRows[]> {
    try {
      await this.#planCompaction(manifests);
      return await this.#unordered(manifests, async (transaction) => {
        await this.#removeBatches(transaction, job, manifests);
        const loaded = await this.#insertObjects(transaction, job, manifests, '');
        const rows = await this.#rowsOfEach(transaction, job, manifests);
        const notes = manifests.map((manifest) => this.#note(job, manifest));
        await transaction.run(`insert into ${this.#batches} values ${notes.join(', ')}`);
        if (loaded.deadLetters > 0)
          await this.#markReplayed(transaction, job, await this.#replaysKnown(transaction, job), '');
        await guard();
        return rows;
      });
    } catch (error) {
      throw loadError(error, job, `${manifests.length} batches together`);
    }
  }

  /** Whether the checkpoint at the end of this process compacts. Without a load it does what DuckDB does by itself. */
  async #planCompaction(manifests: readonly Manifest[]): Promise<void> {
    this.#compacts ||= manifests.some(({ seq }) => seq % BATCHES_PER_COMPACTION === 0);
    await this.#database.run(this.#compacts ? 'reset max_vacuum_tasks' : 'set max_vacuum_tasks = 0');
  }

  /**
   * A transaction whose inserts need not keep the order of the files: nobody reads raw rows by it. Keeping it leaves row groups of uneven size,
   * which the next checkpoint writes all over again (5 million events: 8 s behind an insert of 8 s). The setting is the whole database's, so that it
   * stands no longer than a load; what fits into one row group needs none.
   */
  async #unordered<T>(manifests: readonly Manifest[], work: (transaction: SqlRunner) => Promise<T>): Promise<T> {
    const rows = manifests.reduce((sum, { counts }) => sum + counts.read, 0);
    if (rows <= ROW_GROUP_ROWS) return this.#database.transaction(work);
    await this.#database.run('set preserve_insertion_order = false');
    try {
      return await this.#database.transaction(work);
    } finally {
      // It fails on a database that can do no more (interrupted, closed); what broke that one is thrown already.
      await this.#database.run('reset preserve_insertion_order').catch(() => undefined);
    }
  }

  /** The sum over a group says nothing of each: one batch's surplus may hide what another one lacks. */
  async #rowsOfEach(
    transaction: SqlRunner,
    job: JobDefinition,
    manifests: readonly Manifest[],
  ): Promise<readonly LoadedRows[]> {
    const counted = { stream: new Map<number, number>(), dead: new Map<number, number>() };
    for (const role of ['stream', 'dead'] as const) {
      const { rows } = await transaction.query(
        `select _seq, count(*) from ${this.#table(job, ROLE_TABLES[role])} where ${seqIn(manifests)} group by _seq`,
      );
      for (const [seq, count] of rows) counted[role].set(Number(seq), Number(count));
    }
    return manifests.map(({ seq, batchId, objects }) => {
      for (const role of ['stream', 'dead'] as const) {
        const expected = objects.reduce((sum, object) => sum + (object.role === role ? object.rows : 0), 0);
        const inserted = counted[role].get(seq) ?? 0;
        if (inserted !== expected)
          throw wrongCount(
            job,
            rawTableName(job.entity, ROLE_TABLES[role]),
            inserted,
            expected,
            `the manifest of ${batchId} names`,
          );
      }
      return { stream: counted.stream.get(seq) ?? 0, snapshot: 0, deadLetters: counted.dead.get(seq) ?? 0 };
    });
  }

  async #removeBatches(transaction: SqlRunner, job: JobDefinition, manifests: readonly Manifest[]): Promise<void> {
    const { rows } = await transaction.query(
      `select 1 from ${this.#batches} where job = ${text(job.name)} and ${seqIn(manifests, 'seq')}`,
    );
    if (rows.length === 0 && !(await this.#hasRows(transaction, job, manifests))) return;
    for (const table of TABLES)
      await transaction.run(`delete from ${this.#table(job, table)} where ${seqIn(manifests)}`);
    await transaction.run(`delete from ${this.#batches} where job = ${text(job.name)} and ${seqIn(manifests, 'seq')}`);
  }

  async #hasRows(transaction: SqlRunner, job: JobDefinition, manifests: readonly Manifest[]): Promise<boolean> {
    const tables = TABLES.map((table) => `exists (select 1 from ${this.#table(job, table)} where ${seqIn(manifests)})`);
    const { rows } = await transaction.query(`select ${tables.join(' or ')}`);
    return rows[0]?.[0] === true;
  }

  async loadAside(...[job, batches, suffix, guard]: Parameters<RawWarehouse['loadAside']>): Promise<LoadedRows> {
    const manifests = batches.map(({ manifest }) => manifest);
    try {
      return await this.#unordered(manifests, async (transaction) => {
        const withZstd = await hasZstd(transaction);
        for (const table of TABLES) {
          const name = this.#table(job, table, suffix);
          await transaction.run(`drop table if exists ${name}`);
          for (const statement of createRawTable(name, table, withZstd)) await transaction.run(statement);
        }
        const loaded = await this.#insertObjects(transaction, job, manifests, suffix);
        await this.#markReplayed(transaction, job, replaysOf(manifests), suffix);
        for (const { manifest, admission } of batches) {
          if (admits(manifest, admission)) await transaction.run(this.#admissionInsert(job, manifest, suffix));
        }
        await guard?.();
        return loaded;
      });
    } catch (error) {
      throw loadError(error, job, 'all batches of landing');
    }
  }

  swapStatements(job: JobDefinition, batches: readonly LoadBatch[], suffix: string): readonly string[] {
    const swaps = TABLES.flatMap((table) => [
      `drop table if exists ${this.#table(job, table)}`,
      `alter table ${this.#table(job, table, suffix)} rename to ${quote(rawTableName(job.entity, table))}`,
      // A rename loses comments (FACTS.md §7).
      ...commentRawTable(this.#table(job, table), table),
    ]);
    const notes = batches.map(({ manifest }) => this.#note(job, manifest));
    return [
      ...swaps,
      `delete from ${this.#batches} where job = ${text(job.name)}`,
      ...(notes.length === 0 ? [] : [`insert into ${this.#batches} values ${notes.join(', ')}`]),
    ];
  }

  /** One statement per table, however many objects and batches. */
  async #insertObjects(
    transaction: SqlRunner,
    job: JobDefinition,
    manifests: readonly Manifest[],
    suffix: string,
  ): Promise<LoadedRows> {
    const counts = { stream: 0, snapshot: 0, dead: 0 };
    for (const role of ['stream', 'snapshot', 'dead'] as const) {
      const objects = manifests.flatMap((manifest) => manifest.objects.filter((object) => object.role === role));
      if (objects.length === 0) continue;
      const table = ROLE_TABLES[role];
      const inserted = await transaction.run(
        this.#insert(this.#table(job, table, suffix), RAW_TABLES[table].columns, objects),
      );
      const expected = objects.reduce((total, object) => total + object.rows, 0);
      if (inserted !== expected) {
        throw wrongCount(job, rawTableName(job.entity, table), inserted, expected, 'the manifests name');
      }
      counts[role] = inserted;
    }
    return { stream: counts.stream, snapshot: counts.snapshot, deadLetters: counts.dead };
  }

  #insert(table: string, columns: readonly RawColumn[], objects: readonly ManifestObject[]): string {
    const read = columns.filter((column) => column.computed === undefined);
    const files = objects.map((object) => text(this.#options.locate(object.name))).join(', ');
    const types = read.map((column) => `${text(column.name)}: ${text(typeOf(column))}`).join(', ');
    const names = columns.map((column) => quote(column.name)).join(', ');
    const values = columns.map((column) => column.computed ?? quote(column.name)).join(', ');
    const longest = Math.max(DEFAULT_OBJECT_SIZE, ...objects.map((object) => (object.maxLineBytes ?? 0) + 1024));
    return `insert into ${table} (${names}) select ${values} from read_json([${files}], format = 'newline_delimited', columns = {${types}}, maximum_object_size = ${longest})`;
  }

  #note(job: JobDefinition, manifest: Manifest): string {
    const replayedAt = manifest.kind === 'replay' ? timestamp(manifest.logicalTime) : 'null';
    return `(${text(job.name)}, ${manifest.seq}, ${text(manifest.batchId)}, ${replayedAt})`;
  }

  async #replaysKnown(transaction: SqlRunner, job: JobDefinition): Promise<readonly Replay[]> {
    const { rows } = await transaction.query(
      `select seq, cast(replayed_at as varchar) from ${this.#batches} where job = ${text(job.name)} and replayed_at is not null`,
    );
    return rows.map(([seq, at]) => ({ seq: Number(seq), at: `timestamp ${text(String(at))}` }));
  }

  async #markReplayed(
    transaction: SqlRunner,
    job: JobDefinition,
    replays: readonly Replay[],
    suffix: string,
  ): Promise<void> {
    const [dead, stream, snapshot] = (['dead_letter', 'stream', 'snapshot'] as const).map((table) =>
      this.#table(job, table, suffix),
    ) as [string, string, string];
    for (const replay of replays) await transaction.run(replayUpdate({ dead, stream, snapshot }, replay));
  }

  #admissionInsert(job: JobDefinition, manifest: Manifest, suffix: string): string {
    const { snapshot } = manifest;
    if (snapshot === undefined) throw new SluiceError('internal', `batch ${manifest.batchId} is no snapshot`);
    const values = [
      text(snapshot.snapshotId),
      timestamp(snapshot.startedAt),
      timestamp(snapshot.finishedAt),
      String(snapshot.complete),
      String(snapshot.rows),
      snapshot.total === null ? 'null' : String(snapshot.total),
      text(manifest.batchId),
      String(manifest.seq),
    ];
    return `insert into ${this.#table(job, 'snapshot_load', suffix)} values (${values.join(', ')})`;
  }

  /** The database is closed by who opened it. */
  async close(): Promise<void> {
    await Promise.resolve();
  }
}

function seqIn(manifests: readonly Manifest[], column = '_seq'): string {
  return `${column} in (${manifests.map(({ seq }) => seq).join(', ')})`;
}

function wrongCount(job: JobDefinition, table: string, inserted: number, expected: number, who: string): SluiceError {
  return new SluiceError('load_failed', `job ${job.name}: ${table} took ${inserted} rows, ${who} ${expected}`, {
    hint: 'Nothing was loaded. Run the same command again; when it stays, a landing object was changed by hand.',
  });
}

/** Whether a raw table, or a column of it, is missing. */
function lacks(known: ReadonlyMap<string, ReadonlySet<string>>, job: JobDefinition, table: RawTable): boolean {
  const columns = known.get(rawTableName(job.entity, table));
  return columns === undefined || RAW_TABLES[table].columns.some(({ name }) => !columns.has(name));
}

function loadError(error: unknown, job: JobDefinition, what: string): unknown {
  if (isSluiceError(error) && error.code !== 'warehouse_failed' && error.code !== 'model_failed') return error;
  return new SluiceError(
    'load_failed',
    `job ${job.name}: loading ${what} into the raw tables failed: ${messageOf(error)}`,
    {
      cause: error,
      hint: `Nothing was loaded. When the cause is mended: sluice job run ${job.name} --only load`,
    },
  );
}
