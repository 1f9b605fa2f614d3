/** P1: planned records that are deleted, or whose topic is recreated, between a kill and the next run are lost on record or not at all. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLocalFilesObjectStore } from '../../src/adapters/local-files/object-store.ts';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';
import type { GapJson } from '../../src/core/batch.ts';
import { readSealedBatches } from '../../src/ingest/manifest-store.ts';
import type { OracleRecord } from '../oracle/ground-truth.ts';
import { expectedTables } from '../oracle/oracle.ts';
import { compareTables, tellDifferences } from '../support/compare-tables.ts';
import { CUSTOMER } from '../support/entities.ts';
import { recordsByRun } from '../support/history-truth.ts';
import { KillScenario } from '../support/kill-effects.ts';
import { produce } from '../support/kill-project.ts';
import { customer, record, SECOND_RUN, TOPIC_SHAPES } from '../support/kill-story.ts';
import { TableReader } from '../support/read-tables.ts';

const timeout = 900_000;
const UPDATES = 'kundenservice-kunde-update';
const DELETES = 'kundenservice-kunde-delete';
let scenario: KillScenario;

beforeAll(async () => {
  scenario = await KillScenario.create('hourly');
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

async function withHome(work: (home: string, log: TopicLog) => Promise<void>): Promise<void> {
  const home = await scenario.home();
  try {
    // The batch is planned, nothing of it is read.
    await scenario.disturb(home, scenario.effects.indexOf('state.planBatch') + 1, 'after');
    await work(home, new TopicLog(join(home, 'topics'), { durable: false }));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const placeOf = ({ topic, epoch, partition, offset }: Omit<OracleRecord, 'timestampMs' | 'key' | 'value'>): string =>
  `${topic}/${epoch}/${partition}/${offset}`;

/** Every planned offset is in exactly one range or gap (P1); returns the landed places and the gaps. */
async function landedOf(
  home: string,
): Promise<{ readonly places: ReadonlySet<string>; readonly gaps: readonly GapJson[] }> {
  const sealed = await readSealedBatches(createLocalFilesObjectStore(join(home, 'landing')), 'customer');
  const ends = new Map<string, string>();
  const places = new Set<string>();
  const gaps = sealed.flatMap(({ manifest }) => manifest.gaps);
  const links = sealed.flatMap(({ manifest }) =>
    [...manifest.ranges, ...manifest.gaps].toSorted((a, b) => Number(BigInt(a.from) - BigInt(b.from))),
  );
  for (const { topic, epoch, partition, from, to } of links) {
    const at = `${topic}/${epoch}/${partition}`;
    expect(from, at).toBe(ends.get(at) ?? '0');
    ends.set(at, to ?? 'closed');
  }
  for (const { topic, epoch, partition, from, to } of sealed.flatMap(({ manifest }) => manifest.ranges)) {
    for (let offset = Number(from); offset < Number(to); offset++)
      places.add(placeOf({ topic, epoch, partition, offset }));
  }
  return { places, gaps };
}

/** Raw and published tables are those of the records that were landed. */
async function checkTables(home: string, records: readonly OracleRecord[]): Promise<void> {
  const { places } = await landedOf(home);
  const kept = records.filter((one) => places.has(placeOf(one)));
  expect(kept.length).toBe(places.size);
  const sealed = await readSealedBatches(createLocalFilesObjectStore(join(home, 'landing')), 'customer');
  const [first] = sealed;
  if (first?.manifest.snapshot === undefined) throw new Error('the first batch is a snapshot');
  const { snapshotId: id, startedAt, finishedAt } = first.manifest.snapshot;
  const pages = scenario.history.runs[0]?.fullLoad ?? [];
  const snapshot = { id, startedAt, finishedAt, pages, reachedLastPage: true, admitted: true };
  const truth = { job: CUSTOMER, records: kept, snapshots: [snapshot], logicalTime: SECOND_RUN };
  const expected = expectedTables(truth);
  using tables = await TableReader.open(join(home, 'warehouse.duckdb'));
  const plain = <T extends { row: object }>(rows: readonly T[]): T[] =>
    rows.map((one) => ({ ...one, row: { ...one.row, _batch_id: null } }));
  const current = compareTables(
    plain(expected.current),
    plain(await tables.published('current_customer', CUSTOMER, false)),
  );
  expect(tellDifferences('current', current, truth)).toBe('');
  const history = compareTables(
    plain(expected.history),
    plain(await tables.published('history_customer', CUSTOMER, true)),
  );
  expect(tellDifferences('history', history, truth)).toBe('');
}

const told = (): readonly OracleRecord[] => recordsByRun(scenario.history).flat();

describe('records of a planned batch that were deleted before it was read', () => {
  test('stop the batch, and with --accept-gap are a gap in it', { timeout }, () =>
    withHome(async (home, log) => {
      const { project, hourly } = scenario;
      await log.trim(UPDATES, 0, 4n);
      const refused = await project.succeed(home, hourly, 1);
      expect(refused.stderr).toContain('retention_gap');
      expect(refused.stderr).toContain(`${UPDATES}/0 offsets 2 to 3`);
      await project.succeed(home, [...hourly, '--accept-gap']);
      expect(await scenario.unfinished(home)).toEqual([]);
      expect((await landedOf(home)).gaps).toEqual([
        { topic: UPDATES, epoch: 0, partition: 0, from: '2', to: '4', reason: 'retention' },
      ]);
      await checkTables(home, told());
      // The same from landing alone.
      await rm(join(home, 'state.sqlite'));
      await project.succeed(home, hourly);
      await checkTables(home, told());
    }),
  );
});

/** The topic's new life: other records, from offset 0 on. */
function newLife(
  topic: string,
  count: number,
  from = 0,
): { readonly produced: ReturnType<typeof record>[]; readonly records: OracleRecord[] } {
  const op = topic === UPDATES ? 'u' : 'd';
  const produced = Array.from({ length: count }, (_, at) => {
    const index = 20 + from + at;
    const time = `2026-03-30T06:${String(10 + from + at)}:00.000Z`;
    return record({ op, index, at: time, value: customer(index, time, { city: 'Neustadt' }) });
  });
  const records = produced.map(({ partition, timestampMs, key, value }, at) => ({
    topic,
    epoch: 1,
    partition,
    // Even and odd customers take turns.
    offset: Math.floor((from + at) / 2),
    timestampMs,
    key: key?.toString('base64') ?? null,
    value: value?.toString('base64') ?? null,
  }));
  return { produced, records };
}

async function recreate(log: TopicLog, topic: string): Promise<void> {
  await log.delete(topic);
  await log.create(topic, TOPIC_SHAPES.find(({ name }) => name === topic)?.partitions ?? 1);
}

describe('a topic that was recreated under a planned batch', () => {
  test(
    'stops the batch; with --accept-gap its range is a gap, and the new life is read from its start',
    { timeout },
    () =>
      withHome(async (home, log) => {
        const { project, hourly } = scenario;
        await recreate(log, UPDATES);
        const life = newLife(UPDATES, 3);
        await produce(home, life.produced);
        const refused = await project.succeed(home, hourly, 1);
        expect(refused.stderr).toContain('topic_recreated');
        await project.succeed(home, [...hourly, '--accept-gap']);
        expect(await scenario.unfinished(home)).toEqual([]);
        const { gaps } = await landedOf(home);
        expect(gaps.filter(({ to }) => to === null).map(({ topic, partition }) => `${topic}/${partition}`)).toEqual([
          `${UPDATES}/0`,
          `${UPDATES}/1`,
        ]);
        await checkTables(home, [...told(), ...life.records]);
        await rm(join(home, 'state.sqlite'));
        await project.succeed(home, hourly);
        await checkTables(home, [...told(), ...life.records]);
      }),
  );

  test('is read from its start also when nothing else tells of it any more', { timeout }, () =>
    withHome(async (home, log) => {
      const { project, hourly } = scenario;
      // Nothing of this topic was landed before, so no record of its former life can be compared.
      await recreate(log, DELETES);
      const early = newLife(DELETES, 2);
      await produce(home, early.produced);
      const accepted = [...hourly, '--accept-gap'];
      const trace = await project.run(await project.home(home), accepted, { SLUICE_FAILPOINT: 'trace' });
      const plan = Number(/^failpoint (\d+) state.planBatch$/m.exec(trace.stderr)?.[1]);
      const killed = await project.run(home, accepted, { SLUICE_FAILPOINT: `${plan}:before` });
      expect(killed.signal).toBe('SIGKILL');
      const late = newLife(DELETES, 8, 2);
      await produce(home, late.produced);
      await project.succeed(home, hourly);
      expect(await scenario.unfinished(home)).toEqual([]);
      await checkTables(home, [...told(), ...early.records, ...late.records]);
    }),
  );
});
