/**
 * The same job on both warehouses: values that JSON readers, casts and time zones of DuckDB and BigQuery treat differently come out equal, and
 * as the oracle says. BigQuery is the emulator here, loading from fake GCS; what the emulator itself reads wrongly is named where it matters.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedTables } from '../oracle/oracle.ts';
import type { Expected } from '../oracle/ground-truth.ts';
import { startCloud, type Cloud } from '../support/cloud-target.ts';
import { compareTables, tellDifferences, type ComparedRow } from '../support/compare-tables.ts';
import { imaginedTruth } from '../support/history-truth.ts';
import { PROFILES } from '../support/history-values.ts';
import { ListingServer } from '../support/listing-server.ts';
import { nastyHistory } from '../support/nasty-story.ts';
import { TempProject, type RunJob } from '../support/project-run.ts';
import { publishedOnBigQuery } from '../support/read-bigquery.ts';
import { TableReader } from '../support/read-tables.ts';
import { inProcess, type ModelsOf } from '../support/run-in-process.ts';
import { countingSince } from '../support/since-usage.ts';

let cloud: Cloud;

beforeAll(async () => {
  cloud = await startCloud({ strict: false });
}, 1_800_000);

afterAll(() => cloud.stop());

type Entity = 'customer' | 'order';
interface Tables {
  readonly current: readonly ComparedRow[];
  readonly history: readonly ComparedRow[];
}

/** Plays the entity's story and gives what `read` finds after it. */
async function played(entity: Entity, run: RunJob, read: (home: string) => Promise<Tables>): Promise<Tables> {
  const story = nastyHistory(entity);
  await using project = await TempProject.create(story.topics);
  await using server = await ListingServer.start();
  for (const { produced, fullLoad, logicalTime, mode, maxBatchRows, acceptDeletes } of story.runs) {
    await project.produce(produced);
    server.script(fullLoad ?? []);
    const call = { entity, home: project.home, apiUrl: server.url, logicalTime, mode, maxBatchRows, acceptDeletes };
    const outcome = await run({ ...call, fullLoad: fullLoad !== null, apiMs: () => 0 });
    // The emulator repeats its own translation of a statement before it says what is wrong.
    const errors = outcome.errors.map(
      ({ code, message }) => `${code}: ${message.slice(0, 150)} … ${message.slice(-600)}`,
    );
    expect({ ...outcome, errors }).toEqual({ exitCode: 0, errors: [] });
  }
  return await read(project.home);
}

/** Both models of the last run are made from their published rows. */
async function incrementally<T>(entity: Entity, play: (modelsOf: ModelsOf) => Promise<T>): Promise<T> {
  const used = new Map<string, number>();
  const result = await play(countingSince(used));
  for (const kind of ['current', 'history'] as const)
    expect(used.get(`${kind}_${entity}`) ?? 0).toBeGreaterThanOrEqual(1);
  return result;
}

async function onDuckDb(entity: Entity, modelsOf: ModelsOf): Promise<Tables> {
  return played(entity, inProcess(modelsOf), async (home) => {
    using tables = await TableReader.open(join(home, 'warehouse.duckdb'));
    const { job } = PROFILES[entity];
    return {
      current: await tables.published(`current_${entity}`, job, false),
      history: await tables.published(`history_${entity}`, job, true),
    };
  });
}

async function onBigQuery(entity: Entity, modelsOf: ModelsOf): Promise<Tables> {
  return played(entity, inProcess(modelsOf, cloud.target), async () => {
    const { job } = PROFILES[entity];
    const { emulator, dataset } = cloud;
    return {
      current: await publishedOnBigQuery(emulator, dataset, { table: `current_${entity}`, job, daily: false }),
      history: await publishedOnBigQuery(emulator, dataset, { table: `history_${entity}`, job, daily: true }),
    };
  });
}

describe.each(['order', 'customer'] as const)('the %s tables of a story full of nasty values', (entity) => {
  const truth = imaginedTruth(nastyHistory(entity));
  const expected: Expected = expectedTables(truth);

  function differences(tables: Tables): string {
    return (
      tellDifferences('current', compareTables(expected.current, tables.current), truth) +
      tellDifferences('history', compareTables(expected.history, tables.history), truth)
    );
  }

  test('no value of the story is a dead letter', () => {
    expect(expected.deadLetters).toEqual([]);
  });

  test('are the oracle’s on DuckDB', async () => {
    expect(differences(await incrementally(entity, (modelsOf) => onDuckDb(entity, modelsOf)))).toBe('');
  });

  test('are the oracle’s on BigQuery', { timeout: 1_200_000 }, async () => {
    expect(differences(await incrementally(entity, (modelsOf) => onBigQuery(entity, modelsOf)))).toBe('');
  });
});
