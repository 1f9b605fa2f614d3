/** `--target ci` as a workflow of a project uses it: models, seeds and tests on the BigQuery emulator, with its variables and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBigQueryEmulator, type BigQueryEmulator } from '../services/bigquery/emulator.ts';
import { restOf, rowsOf } from '../services/bigquery/rest.ts';
import { sluice, type CommandOutcome } from '../support/sluice-command.ts';

let emulator: BigQueryEmulator;

beforeAll(async () => {
  emulator = await startBigQueryEmulator();
}, 900_000);
afterAll(() => emulator.stop());

function run(...args: readonly string[]): Promise<CommandOutcome> {
  const env = {
    BIGQUERY_API_ENDPOINT: emulator.endpoint,
    BIGQUERY_PROJECT: emulator.project,
    BIGQUERY_DATASET: 'checked_models',
    BIGQUERY_LOCATION: 'EU',
  };
  return sluice([...args, '--target', 'ci'], { env });
}

describe('the target ci', () => {
  it('builds and tests every model of the project on a dataset that did not exist, and again on what stands there', async () => {
    const first = await run('build');
    expect(first, first.stderr).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toContain('7 done, 18 data tests');
    const again = await run('build');
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toContain('7 done, 18 data tests');
    expect(await run('test')).toMatchObject({ exitCode: 0 });

    const rest = restOf(emulator.endpoint, emulator.project);
    const countries = await rest('POST', '/queries', {
      query: 'select count(*), min(t.country) from checked_models.country as t',
      useLegacySql: false,
    });
    expect(rowsOf(countries.body)).toEqual([['7', 'AT']]);
    const views = await rest('POST', '/queries', {
      query: 'select count(*) from checked_models.stg_customer_events',
      useLegacySql: false,
    });
    expect(rowsOf(views.body)).toEqual([['0']]);
  }, 600_000);

  it('fails, and says what, when a data test fails', async () => {
    const rest = restOf(emulator.endpoint, emulator.project);
    const query = "insert into checked_models.country (country) values ('DE'), ('DE')";
    expect(await rest('POST', '/queries', { query, useLegacySql: false })).toMatchObject({ status: 200 });
    const outcome = await run('test', '--select', 'country');
    expect(outcome).toMatchObject({ exitCode: 1 });
    expect(outcome.stderr).toContain('unique_country_country');
  }, 600_000);

  it('needs nothing but the variables of BigQuery', async () => {
    expect(await run('debug')).toMatchObject({ exitCode: 0 });
  });
});
