/**
 * Landing to raw tables on BigQuery, by load jobs straight from the bucket: no row passes through this process.
 *
 * A load job cannot be part of a transaction, so "exactly once" is made of three steps, each of which may be repeated:
 *
 *   1. load     one job per table under an id made from the batch (`raw-load.ts`), stored before it is sent: repeating it finds it;
 *   2. verify   the rows that BigQuery says it wrote equal the manifest's; where it does not say (an earlier submission did the work) the
 *               batch's rows are counted in the table;
 *   3. note     one script, one transaction: the snapshot's admission, replayed dead letters, and the batch's row in `_sluice_batches`,
 *               which is what "loaded" means.
 *
 * If the process dies before 3, the next run does all of it again: the load is found by its id, counted, and noted. The rows may be seen by
 * models in between; they are the rows that belong there, only earlier.
 *
 * Checksums are the caller's (`load/verify-objects.ts`): GCS knows crc32c and md5, manifests crc32, and none follows from another, so
 * the objects are read; the guard that comes with the hooks waits for that before the load job is submitted.
 */
import type { Manifest } from '../../core/batch.ts';
import { SluiceError } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { LoadBatch, LoadedRows, LoadHooks, RawWarehouse } from '../../load/ports.ts';
import { RAW_TABLES, rawTableName, ROLE_TABLES, type RawTable } from '../../load/raw-columns.ts';
import {
  deleteNote,
  deleteNotes,
  insertNotes,
  manifestFingerprint,
  notedRows,
  noteOf,
  readNotes,
  selectNotes,
  type BatchNote,
} from './batch-notes.ts';
import { EmulatorBridge } from './emulator.ts';
import { shortHash } from './job-id.ts';
import type { JobRunner } from './job-runner.ts';
import { countOf } from './job-usage.ts';
import { readAll } from './read-query.ts';
import { runLoad } from './raw-load.ts';
import { nameOf, RawSchema } from './raw-schema.ts';
import { admits, batchFilter, deleteAdmission, insertAdmission, markReplayed, type RawNames } from './raw-sql.ts';
import { notesResource, RAW_TABLE_NAMES, rawTableResource } from './raw-tables.ts';
import type { TableReference, TableResource } from './rest-types.ts';
import { quoteRelation } from './sql-text.ts';
import type { QueryResult } from '../../transform/run/ports.ts';

export interface BigQueryRawOptions {
  readonly runner: JobRunner;
  /** Dataset of the raw tables: `<target dataset>_raw`. */
  readonly dataset: string;
  /** `gs://bucket/name` of a landing object. */
  readonly locate: (objectName: string) => string;
  /** See `emulator.ts`. */
  readonly emulator: boolean;
}

type Tables = Readonly<Record<RawTable, TableResource>>;

interface JobState {
  readonly tables: Tables;
  readonly notes: Map<number, BatchNote>;
  /** The tables hold what is noted and nothing else: no load was left without its note, and no note was lost. */
  readonly isWhole: boolean;
}

/** Loads that were done and whose rows are gone are done again so often; more means that somebody deletes them while we load. */
const MAX_ROUNDS = 3;

const NOTES_TABLE = '_sluice_batches';

export class BigQueryRawWarehouse implements RawWarehouse {
  readonly #options: BigQueryRawOptions;
  readonly #schema: RawSchema;
  readonly #states = new Map<string, JobState>();
  #steps = 0;

  constructor(options: BigQueryRawOptions) {
    this.#options = options;
    const bridge = options.emulator ? this.#bridge('prepare') : undefined;
    this.#schema = new RawSchema({ runner: options.runner, dataset: options.dataset, bridge });
  }

  async prepare(job: JobDefinition, { replaced } = { replaced: false }): Promise<void> {
    await this.#options.runner.settleLeftovers(job.name);
    await this.#refresh(job, replaced);
  }

  async loadedBatches(job: JobDefinition): Promise<ReadonlySet<number>> {
    // `prepare` has just read them, and only this run, which holds the lease, writes them.
    const prepared = this.#states.get(job.name);
    if (prepared !== undefined) return new Set(prepared.notes.keys());
    const references = [
      ...RAW_TABLE_NAMES.map((table) => this.#reference(rawTableName(job.entity, table))),
      this.#notesReference,
    ];
    const found = await Promise.all(references.map((reference) => this.#schema.find(reference)));
    if (found.includes(undefined)) return new Set();
    return new Set((await this.#readNotes(job)).keys());
  }

  async loadBatch(job: JobDefinition, batch: LoadBatch, hooks: LoadHooks): Promise<LoadedRows> {
    const { manifest } = batch;
    const state = this.#states.get(job.name) ?? (await this.#refresh(job));
    const isNew = this.#isNew(state, manifest);
    const roles = ['stream', 'snapshot', 'dead'] as const;
    const [stream, snapshot, deadLetters] = await Promise.all(
      roles.map((role) => this.#loadRole(job, state, { manifest, role, isNew, guard: hooks.guard })),
    );
    const loaded = { stream: stream ?? 0, snapshot: snapshot ?? 0, deadLetters: deadLetters ?? 0 };
    let { admission } = batch;
    if (manifest.snapshot?.complete === true && admission === null && hooks.judge !== undefined) {
      admission = await hooks.judge(async (sql) => {
        const { rows } = await this.#query(job.name, manifest.batchId, sql);
        return { keysThere: Number(rows[0]?.[0] ?? 0), keysGone: Number(rows[0]?.[1] ?? 0) };
      });
    }
    const statements = this.#noteStatements(job, state, { manifest, admission }, loaded.deadLetters > 0, isNew);
    await this.#script(job.name, manifest.batchId, statements, hooks.guard);
    state.notes.set(manifest.seq, noteOf({ manifest, admission }));
    return loaded;
  }

  /** No row of it can be in the tables: its number is above all noted ones, and the tables hold just those. */
  #isNew({ notes, isWhole }: JobState, manifest: Manifest): boolean {
    return isWhole && manifest.seq > Math.max(0, ...notes.keys());
  }

  /** Rows of one table; loads them unless they are there. */
  async #loadRole(
    job: JobDefinition,
    state: JobState,
    load: {
      readonly manifest: Manifest;
      readonly role: keyof typeof ROLE_TABLES;
      readonly isNew: boolean;
      readonly guard: () => Promise<void>;
    },
  ): Promise<number> {
    const { manifest, role, isNew } = load;
    const table = ROLE_TABLES[role];
    const objects = manifest.objects.filter((object) => object.role === role);
    const expected = objects.reduce((total, object) => total + object.rows, 0);
    if (objects.length === 0) return 0;
    let present = isNew ? 0 : await this.#countRows(job, table, manifest);
    for (let round = 0; present !== expected; round++) {
      if (round === MAX_ROUNDS) throw this.#wrongCount(job, table, manifest, present, expected);
      if (present !== 0 || this.#options.emulator) await this.#removeRows(job, table, manifest, load.guard);
      const into = state.tables[table];
      const uris = objects.map((object) => this.#options.locate(object.name));
      const fingerprint = manifestFingerprint(manifest);
      const { rows } = await runLoad(this.#options.runner, {
        job,
        batch: manifest.batchId,
        table,
        into,
        uris,
        fingerprint,
        round,
        guard: load.guard,
      });
      present = rows ?? (await this.#countRows(job, table, manifest));
      if (rows !== null && rows !== expected) {
        await this.#removeRows(job, table, manifest, load.guard);
        throw this.#wrongCount(job, table, manifest, rows, expected);
      }
    }
    return expected;
  }

  async #countRows(job: JobDefinition, table: RawTable, manifest: Manifest): Promise<number> {
    const sql = `select count(*) from ${this.#names(job)[table]} where ${batchFilter(table, manifest)}`;
    const { rows } = await this.#query(job.name, manifest.batchId, sql);
    return Number(rows[0]?.[0] ?? 0);
  }

  async #removeRows(
    job: JobDefinition,
    table: RawTable,
    manifest: Manifest,
    guard: () => Promise<void>,
  ): Promise<void> {
    const sql = `delete from ${this.#names(job)[table]} where ${batchFilter(table, manifest)}`;
    await this.#script(job.name, manifest.batchId, [sql], guard);
  }

  #wrongCount(job: JobDefinition, table: RawTable, manifest: Manifest, found: number, expected: number): SluiceError {
    const name = rawTableName(job.entity, table);
    return new SluiceError(
      'load_failed',
      `job ${job.name}: ${name} holds ${String(found)} rows of ${manifest.batchId}, its manifest names ${String(expected)}.`,
      {
        hint: `The batch does not count as loaded. Run again: sluice job run ${job.name} --only load; when it stays, a landing object was changed by hand.`,
      },
    );
  }

  #noteStatements(
    job: JobDefinition,
    { notes }: JobState,
    { manifest, admission }: LoadBatch,
    hasDead: boolean,
    isNew: boolean,
  ): readonly string[] {
    const names = this.#names(job);
    const own = manifest.kind === 'replay' ? [noteOf({ manifest, admission })] : [];
    // A replay lands what an earlier batch quarantined, so it has the higher number; it may all the same be loaded first.
    const later = hasDead
      ? [...notes.values()].filter((note) => note.replayedAt !== null && note.seq > manifest.seq)
      : [];
    return [
      ...[...own, ...later].map((replay) => markReplayed(names, replay)),
      ...(manifest.snapshot === undefined || isNew ? [] : [deleteAdmission(names, manifest.seq)]),
      ...(admits(manifest, admission) ? [insertAdmission(names, manifest)] : []),
      ...(isNew ? [] : [deleteNote(this.#notes, job.name, manifest.seq)]),
      ...insertNotes(this.#notes, job.name, [{ manifest, admission }]),
    ];
  }

  async loadAside(
    job: JobDefinition,
    batches: readonly LoadBatch[],
    suffix: string,
    guard?: () => Promise<void>,
  ): Promise<LoadedRows> {
    const label = `${job.name}-refresh`;
    const tables = await this.#createAside(job, suffix);
    const counts = { stream: 0, snapshot: 0, dead: 0 };
    for (const role of ['stream', 'snapshot', 'dead'] as const) {
      const table = ROLE_TABLES[role];
      const objects = batches.flatMap(({ manifest }) => manifest.objects.filter((object) => object.role === role));
      if (objects.length === 0) continue;
      const uris = objects.map((object) => this.#options.locate(object.name));
      const fingerprint = shortHash(batches.map(({ manifest }) => manifestFingerprint(manifest)).join());
      const into = tables[table];
      const outcome = await runLoad(this.#options.runner, {
        job,
        batch: label,
        table,
        into,
        uris,
        fingerprint,
        round: 0,
        guard,
      });
      const expected = objects.reduce((total, object) => total + object.rows, 0);
      const found = outcome.rows ?? (await this.#countAll(job, label, into.tableReference));
      if (found !== expected) {
        throw new SluiceError(
          'load_failed',
          `job ${job.name}: ${nameOf(into.tableReference)} took ${String(found)} rows, the manifests name ${String(expected)}.`,
          {
            hint: 'The tables in use are untouched. Run the same command again; when it stays, a landing object was changed by hand.',
          },
        );
      }
      counts[role] = found;
    }
    const names = this.#names(job, suffix);
    const replays = batches.flatMap((batch) => (batch.manifest.kind === 'replay' ? [noteOf(batch)] : []));
    const admitted = batches.filter(({ manifest, admission }) => admits(manifest, admission));
    const statements = [
      ...replays.map((replay) => markReplayed(names, replay)),
      ...admitted.map(({ manifest }) => insertAdmission(names, manifest)),
    ];
    await this.#script(job.name, label, statements, guard);
    return { stream: counts.stream, snapshot: counts.snapshot, deadLetters: counts.dead };
  }

  /** New and empty: what an interrupted refresh left is dropped. */
  async #createAside(job: JobDefinition, suffix: string): Promise<Tables> {
    const names = this.#names(job, suffix);
    const created = await Promise.all(
      RAW_TABLE_NAMES.map(async (table): Promise<[RawTable, TableResource]> => {
        await this.#script(job.name, `${job.name}-refresh`, [`drop table if exists ${names[table]}`]);
        const reference = this.#reference(rawTableName(job.entity, table, suffix));
        return [table, await this.#schema.create(rawTableResource(reference, table, this.#options.emulator))];
      }),
    );
    return Object.fromEntries(created) as Tables;
  }

  async #countAll(job: JobDefinition, batch: string, reference: TableReference): Promise<number> {
    const { rows } = await this.#query(job.name, batch, `select count(*) from ${quoted(reference)}`);
    return Number(rows[0]?.[0] ?? 0);
  }

  /** Each table at once: a copy moves metadata alone, so it takes seconds and costs nothing however large the table. */
  swapStatements(job: JobDefinition, batches: readonly LoadBatch[], suffix: string): readonly string[] {
    const names = this.#names(job);
    const aside = this.#names(job, suffix);
    // The tables are new ones afterwards, and with them the identity of loads into them.
    this.#states.delete(job.name);
    return [
      ...RAW_TABLE_NAMES.map((table) => `create or replace table ${names[table]} copy ${aside[table]}`),
      ...RAW_TABLE_NAMES.map((table) => `drop table if exists ${aside[table]}`),
      deleteNotes(this.#notes, job.name),
      ...insertNotes(this.#notes, job.name, batches),
    ];
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #refresh(job: JobDefinition, replaced = false): Promise<JobState> {
    const raw = RAW_TABLE_NAMES.map((table) =>
      rawTableResource(this.#reference(rawTableName(job.entity, table)), table, this.#options.emulator),
    );
    const expected = [...raw, notesResource(this.#notesReference)];
    const heal = replaced ? null : `npx sluice job run ${job.name} --full-refresh`;
    const found = await this.#schema.ensure(expected, heal, (present) => this.#forgetLost(job, present));
    const entries = RAW_TABLE_NAMES.map((table, index): [RawTable, TableResource | undefined] => [table, found[index]]);
    const tables = Object.fromEntries(entries) as Tables;
    const notes = await this.#readNotes(job);
    const noted = notedRows(notes.values());
    const isWhole = noted !== null && RAW_TABLE_NAMES.every((table) => countOf(tables[table].numRows) === noted[table]);
    const state = { tables, notes, isWhole };
    this.#states.set(job.name, state);
    return state;
  }

  /** A raw table that somebody dropped: what was noted as loaded is not there any more. */
  async #forgetLost(job: JobDefinition, present: readonly (TableResource | undefined)[]): Promise<void> {
    const isNoted = present.at(-1) !== undefined;
    if (!isNoted || !present.includes(undefined)) return;
    await this.#script(job.name, 'prepare', [deleteNotes(this.#notes, job.name)]);
  }

  async #readNotes(job: JobDefinition): Promise<Map<number, BatchNote>> {
    return readNotes(await this.#query(job.name, 'prepare', selectNotes(this.#notes, job.name)));
  }

  /** Statements as one transaction (on the emulator: one after the other). */
  async #script(job: string, batch: string, statements: readonly string[], guard?: () => Promise<void>): Promise<void> {
    if (statements.length === 0) return;
    if (this.#options.emulator) {
      await guard?.();
      const bridge = this.#bridge(job, batch);
      for (const sql of statements) await bridge.execute(sql);
      return;
    }
    const [only] = statements;
    const sql =
      statements.length === 1
        ? (only ?? '')
        : ['begin transaction', ...statements, 'commit transaction'].map((part) => `${part};\n`).join('');
    await this.#run(job, batch, sql, guard);
  }

  async #run(job: string, batch: string, sql: string, guard?: () => Promise<void>): Promise<void> {
    await this.#options.runner.run({
      key: { job, batch, step: `raw-${this.#options.dataset}-${String(++this.#steps)}-${shortHash(sql)}` },
      configuration: { sql },
      what: `write what is loaded for ${batch}`,
      otherwise: 'load_failed',
      guard,
    });
  }

  #bridge(job: string, batch = job): EmulatorBridge {
    return new EmulatorBridge({
      api: this.#options.runner.api,
      run: (sql) => this.#run(job, batch, sql),
      query: (sql) => this.#query(job, batch, sql),
    });
  }

  #query(job: string, batch: string, sql: string): Promise<QueryResult> {
    const { runner } = this.#options;
    const { project, location } = runner.api;
    const context = { what: `read what is loaded for ${batch}`, otherwise: 'load_failed', project, location } as const;
    return readAll(runner, sql, { context, labels: runner.labels(job, batch), job, batch });
  }

  #reference(tableId: string): TableReference {
    return { projectId: this.#options.runner.api.project, datasetId: this.#options.dataset, tableId };
  }

  get #notesReference(): TableReference {
    return this.#reference(NOTES_TABLE);
  }

  get #notes(): string {
    return quoted(this.#notesReference);
  }

  #names(job: JobDefinition, suffix = ''): RawNames {
    const entries = (Object.keys(RAW_TABLES) as RawTable[]).map((table): [RawTable, string] => [
      table,
      quoted(this.#reference(rawTableName(job.entity, table, suffix))),
    ]);
    return Object.fromEntries(entries) as RawNames;
  }
}

function quoted(reference: TableReference): string {
  return quoteRelation({ database: reference.projectId, schema: reference.datasetId, name: reference.tableId });
}
