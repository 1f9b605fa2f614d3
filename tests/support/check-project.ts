/** Landing, raw and published tables of a project against the oracle. Throws one error that tells every kind of difference. */
import { join } from 'node:path';
import { createLocalFilesObjectStore } from '../../src/adapters/local-files/object-store.ts';
import type { ObjectStore } from '../../src/ingest/ports.ts';
import { readSealedBatches } from '../../src/ingest/manifest-store.ts';
import type { SealedBatch } from '../../src/ingest/manifest-store.ts';
import type { Expected, ExpectedRow, GroundTruth, OracleRecord, OracleSnapshot } from '../oracle/ground-truth.ts';
import { expectedTables, guardSnapshot } from '../oracle/oracle.ts';
import { checkRaw } from './check-raw.ts';
import { compareTables, tellDifferences } from './compare-tables.ts';
import type { ComparedRow } from './compare-tables.ts';
import type { History } from './history-build.ts';
import type { PlannedPage } from './history-pages.ts';
import { recordsByRun } from './history-truth.ts';
import { PROFILES } from './history-values.ts';
import { TableReader, type Tables } from './read-tables.ts';

export interface CheckedState {
  readonly history: History;
  /** Index of the run that just ended; it published. */
  readonly lastRun: number;
  /** The pages of every download so far. */
  readonly downloads: readonly (readonly PlannedPage[])[];
}

/** What landing says was read: which batch has each record, and whether ranges chain without hole or overlap (P1, P5). */
export class Landed {
  readonly #batches = new Map<string, string>();
  readonly #ends = new Map<string, number>();
  readonly problems: string[] = [];

  constructor(sealed: readonly SealedBatch[]) {
    for (const { manifest } of sealed) {
      const { read, landed, quarantined } = manifest.counts;
      if (read !== landed + quarantined)
        this.problems.push(`${manifest.batchId}: read ${read} = ${landed} + ${quarantined}?`);
      for (const range of manifest.ranges) {
        const place = `${range.topic}/${range.epoch}/${range.partition}`;
        const [from, to] = [Number(range.from), Number(range.to)];
        if (from !== (this.#ends.get(place) ?? 0)) {
          this.problems.push(
            `${manifest.batchId}: ${place} from ${from}, but the one before ended at ${this.#ends.get(place) ?? 0}`,
          );
        }
        if (range.read !== to - from || range.read !== range.landed + range.quarantined) {
          this.problems.push(
            `${manifest.batchId}: ${place} ${from} to ${to}: ${range.read} = ${range.landed} + ${range.quarantined}?`,
          );
        }
        this.#ends.set(place, to);
        for (let offset = from; offset < to; offset++) this.#batches.set(`${place}/${offset}`, manifest.batchId);
      }
    }
  }

  /** The batch of a record or a snapshot row, by where it is. */
  batchOf(at: string, sealed: readonly SealedBatch[]): string | null {
    const snapshot = at.split('/')[0];
    const download = sealed.find(({ manifest }) => manifest.snapshot?.snapshotId === snapshot);
    return download?.manifest.batchId ?? this.#batches.get(at) ?? null;
  }

  has(record: OracleRecord): boolean {
    return this.#batches.has(`${record.topic}/${record.epoch}/${record.partition}/${record.offset}`);
  }
}

function snapshotsOf(
  sealed: readonly SealedBatch[],
  state: CheckedState,
  admitted: ReadonlySet<string>,
): OracleSnapshot[] {
  const batches = sealed.filter(({ manifest }) => manifest.snapshot !== undefined);
  if (batches.length !== state.downloads.length) {
    throw new Error(`${state.downloads.length} downloads, but ${batches.length} snapshots in landing`);
  }
  return batches.flatMap(({ manifest: { snapshot } }, index): OracleSnapshot[] => {
    if (snapshot === undefined) return [];
    const { snapshotId: id, startedAt, finishedAt } = snapshot;
    const pages = state.downloads[index] ?? [];
    return [{ id, startedAt, finishedAt, pages, reachedLastPage: true, admitted: admitted.has(id) }];
  });
}

/** The guard's decisions that landing keeps, against the oracle's on what was landed before. */
function guardProblems(
  sealed: readonly SealedBatch[],
  landed: Landed,
  truth: GroundTruth,
  expected: Expected,
): string[] {
  return sealed.flatMap(({ manifest, admission }, index) => {
    const candidate = truth.snapshots.find(({ id }) => id === manifest.snapshot?.snapshotId);
    if (candidate === undefined || expected.complete[candidate.id] !== true) return [];
    const before = new Set(sealed.slice(0, index).map((batch) => batch.manifest.batchId));
    const known = truth.records.filter(({ topic, epoch, partition, offset }) =>
      before.has(landed.batchOf(`${topic}/${epoch}/${partition}/${offset}`, sealed) ?? ''),
    );
    const earlier = truth.snapshots.filter(({ id }) => before.has(landed.batchOf(id, sealed) ?? ''));
    const possible = asOfDecision(earlier, sealed).map((snapshots) =>
      guardSnapshot({ ...truth, records: known, snapshots }, candidate),
    );
    const isRight = possible.some(({ there, turned, refused }) => {
      const counted = admission?.keysThere === there && admission.keysGone === turned;
      return counted && candidate.admitted === (!refused || admission.accepted);
    });
    if (isRight) return [];
    const wanted = possible.map(({ there, turned, refused }) => `${turned} of ${there}${refused ? ', refused' : ''}`);
    const came = admission === null ? 'nothing' : `${admission.keysGone} of ${admission.keysThere}`;
    return [
      `guard of ${candidate.id}: expected ${wanted.join(' or ')}; got ${came}, ${candidate.admitted ? 'admitted' : 'refused'}`,
    ];
  });
}

/**
 * Which of the earlier snapshots counted when the guard decided: one that an operator let in may have come in before or after that. Letting in takes
 * all that are kept out, so those that were in by then are the first of them.
 */
function asOfDecision(
  earlier: readonly OracleSnapshot[],
  sealed: readonly SealedBatch[],
): readonly (readonly OracleSnapshot[])[] {
  const letIn = new Set(
    sealed.flatMap(({ manifest, admission }) =>
      admission?.accepted === true ? [manifest.snapshot?.snapshotId ?? ''] : [],
    ),
  );
  const accepted = earlier.filter(({ id }) => letIn.has(id)).map(({ id }) => id);
  return Array.from({ length: accepted.length + 1 }, (_, count) => {
    const notYet = new Set(accepted.slice(count));
    return earlier.map((snapshot) => (notYet.has(snapshot.id) ? { ...snapshot, admitted: false } : snapshot));
  });
}

function withBatch(rows: readonly ExpectedRow[], landed: Landed, sealed: readonly SealedBatch[]): ComparedRow[] {
  return rows.map((row) => {
    // "the batch of the record that gave the columns"
    const batch = row.from === null ? {} : { _batch_id: landed.batchOf(row.from, sealed) };
    return { ...row, row: { ...row.row, ...batch } };
  });
}

async function tableProblems(
  tables: Tables,
  name: string,
  truth: GroundTruth,
  expected: readonly ComparedRow[],
  daily: boolean,
): Promise<string[]> {
  const { job } = truth;
  const columns = await tables.columns('analytics', name);
  const wanted = new Set([
    ...(daily ? ['day'] : []),
    ...job.columns.map((column) => column.name),
    '_op',
    '_event_at',
    '_is_deleted',
    '_batch_id',
  ]);
  const strange = [...columns.keys()].filter((column) => !wanted.has(column) && !column.startsWith('_'));
  const shape = strange.length === 0 ? [] : [`${name} has columns of no meaning: ${strange.join(', ')}`];
  const actual = await tables.published(name, job, daily);
  const told = tellDifferences(name, compareTables(expected, actual), truth);
  return [...shape, ...(told === '' ? [] : [told])];
}

/** Where what is checked lies. */
export interface ProjectData {
  readonly landing: ObjectStore;
  /** Opened when it is read and closed at once: one process at a time holds a DuckDB file. */
  tables(): Promise<Tables>;
}

/** The data of a SLUICE_HOME. */
export function embeddedData(home: string): ProjectData {
  return {
    landing: createLocalFilesObjectStore(join(home, 'landing')),
    tables: () => TableReader.open(join(home, 'warehouse.duckdb')),
  };
}

/** Gives the snapshots that the guard keeps out. */
export async function checkProject(data: ProjectData, state: CheckedState): Promise<ReadonlySet<string>> {
  const { entity, runs } = state.history;
  const { job } = PROFILES[entity];
  const sealed = (await readSealedBatches(data.landing, entity)).filter(({ manifest }) => manifest.void !== true);
  const landed = new Landed(sealed);
  const problems = [...landed.problems];
  const produced = recordsByRun(state.history)
    .slice(0, state.lastRun + 1)
    .flat();
  const records = produced.filter((record) => landed.has(record));
  if (runs[state.lastRun]?.mode === 'all' && records.length < produced.length) {
    problems.push(`${produced.length - records.length} of ${produced.length} records were not landed`);
  }
  await using tables = await data.tables();
  const loads = await tables.read(`analytics_raw.raw_${entity}_snapshot_load`, [
    { name: '_snapshot_id', type: 'STRING' },
    { name: '_snapshot_started_at', type: 'TIMESTAMP' },
    { name: '_snapshot_finished_at', type: 'TIMESTAMP' },
    { name: '_snapshot_complete', type: 'BOOL' },
  ]);
  const admitted = new Set(loads.map((load) => load['_snapshot_id'] ?? ''));
  const snapshots = snapshotsOf(sealed, state, admitted);
  const truth: GroundTruth = { job, records, snapshots, logicalTime: runs[state.lastRun]?.logicalTime ?? '' };
  const expected = expectedTables(truth);
  for (const load of loads) {
    const id = load['_snapshot_id'] ?? '';
    const wanted = snapshots.find((snapshot) => snapshot.id === id);
    if (String(expected.complete[id]) !== load['_snapshot_complete']) {
      problems.push(`${id}: complete is ${load['_snapshot_complete']}, expected ${expected.complete[id]}`);
    }
    const times = [load['_snapshot_started_at'], load['_snapshot_finished_at']].map((time) => Date.parse(time ?? ''));
    if (
      wanted === undefined ||
      times[0] !== Date.parse(wanted.startedAt) ||
      times[1] !== Date.parse(wanted.finishedAt)
    ) {
      problems.push(`${id}: ${times.join(' to ')} is not what the manifest says`);
    }
  }
  if (loads.length > admitted.size) problems.push('a snapshot stands twice in the loads');
  problems.push(
    ...guardProblems(sealed, landed, truth, expected),
    ...(await checkRaw(tables, entity, truth, expected)),
  );
  problems.push(
    ...(await tableProblems(tables, `current_${entity}`, truth, withBatch(expected.current, landed, sealed), false)),
  );
  problems.push(
    ...(await tableProblems(tables, `history_${entity}`, truth, withBatch(expected.history, landed, sealed), true)),
  );
  if (problems.length > 0) throw new Error(`after run ${state.lastRun + 1}:\n${problems.join('\n')}`);
  return new Set(snapshots.filter((snapshot) => !snapshot.admitted).map(({ id }) => id));
}
