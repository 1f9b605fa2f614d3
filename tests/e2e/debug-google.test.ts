/** `sluice debug` on Google Cloud, as far as it goes without Google: servers that stand for BigQuery and Cloud Storage. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startGoogleDouble, type GoogleDoubleState } from '../support/google-double.ts';
import { ProjectFolder, REPOSITORY, sluice } from '../support/sluice-command.ts';

const PROJECT = `name: shop
targets:
  cloud:
    warehouse: { type: bigquery, project: my-project, dataset: analytics, location: EU, api_endpoint: "{{ env_var('BQ') }}" }
    landing: { type: gcs, bucket: landing, api_endpoint: "{{ env_var('GCS') }}" }
`;
const ORDER = readFileSync(join(REPOSITORY, 'jobs/order.ts'), 'utf8');

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

const WHOLE: GoogleDoubleState = {
  datasets: { analytics: 'EU', analytics_raw: 'EU' },
  lacks: [],
  bucketLocation: 'EU',
  tables: ['analytics.current_order', 'analytics_raw.raw_order_stream'],
};

async function debug(state: Partial<GoogleDoubleState>): Promise<{ checks: readonly Check[]; ran: readonly string[] }> {
  await using double = await startGoogleDouble({ ...WHOLE, ...state });
  using project = new ProjectFolder({ 'project.yml': PROJECT, 'jobs/order.ts': ORDER });
  const env = { BQ: double.bigquery, GCS: double.storage };
  const { stdout } = await sluice(['debug', '--json'], { cwd: project.dir, env });
  return { checks: (JSON.parse(stdout) as { checks: readonly Check[] }).checks, ran: double.ran };
}

function named(checks: readonly Check[], name: string): readonly Check[] {
  return checks.filter((check) => check.name === name);
}

describe('sluice debug', () => {
  test('says that nothing is missing where nothing is, and writes nothing into the warehouse', async () => {
    const { checks, ran } = await debug({});
    expect(named(checks, 'identity')).toMatchObject([{ ok: true, detail: expect.stringContaining('none') }]);
    expect(named(checks, 'dataset')).toMatchObject([
      { ok: true, detail: 'analytics is there, in EU' },
      { ok: true, detail: 'analytics_raw is there, in EU' },
    ]);
    expect(named(checks, 'permissions')).toMatchObject([{ ok: true, detail: expect.stringContaining('nothing') }]);
    expect(named(checks, 'bucket')).toMatchObject([
      { ok: true, detail: 'landing in EU, which fits the datasets; no permission is missing' },
    ]);
    expect(ran.filter((body) => /create (?:table|schema)/.test(body))).toEqual([]);
  });

  test('says that a dataset which is not there will be created, or who has to allow it', async () => {
    const creatable = await debug({ datasets: {} });
    expect(named(creatable.checks, 'dataset')[0]).toMatchObject({
      ok: true,
      detail: 'analytics is not there yet: the first run creates it in EU',
    });
    const refused = await debug({ datasets: {}, lacks: ['bigquery.datasets.create'] });
    expect(named(refused.checks, 'dataset')[0]?.detail).toBe('analytics is not there, and cannot be created');
    expect(named(refused.checks, 'permissions')[0]?.error).toMatchObject({
      code: 'warehouse_denied',
      message: expect.stringContaining('bigquery.datasets.create on the project my-project'),
      hint: expect.stringContaining('gcloud projects add-iam-policy-binding my-project'),
    });
  });

  test('names every permission that is missing in BigQuery at once, with the command that grants it', async () => {
    const { checks } = await debug({
      lacks: ['bigquery.jobs.create', 'bigquery.tables.create', 'bigquery.tables.updateData'],
    });
    const [permissions] = named(checks, 'permissions');
    expect(permissions).toMatchObject({ ok: false, error: { code: 'warehouse_denied' } });
    for (const line of [
      'bigquery.jobs.create on the project my-project',
      'bigquery.tables.create on the dataset my-project:analytics',
      'bigquery.tables.updateData on the table my-project.analytics.current_order',
      'bigquery.tables.updateData on the table my-project.analytics_raw.raw_order_stream',
    ]) {
      expect(permissions?.error?.message).toContain(line);
    }
    expect(permissions?.error?.hint).toContain('--role=roles/bigquery.jobUser');
    expect(permissions?.error?.hint).toContain('--role=roles/bigquery.dataEditor my-project:analytics_raw');
  });

  test('finds a dataset and a bucket that lie elsewhere', async () => {
    const { checks } = await debug({ datasets: { analytics: 'US', analytics_raw: 'EU' }, bucketLocation: 'US-EAST1' });
    expect(named(checks, 'dataset')[0]?.error).toMatchObject({
      code: 'warehouse_location',
      message: 'The dataset analytics lies in US, but the target works in EU.',
      hint: expect.stringContaining('BIGQUERY_LOCATION'),
    });
    expect(named(checks, 'bucket')[0]?.error).toMatchObject({
      code: 'warehouse_location',
      message: expect.stringContaining('lies in US-EAST1, the datasets in EU'),
      hint: expect.stringContaining('--location=EU'),
    });
  });

  test('names what is missing on the bucket, and does not insist on knowing where it lies', async () => {
    const lacking = await debug({ lacks: ['storage.objects.delete', 'storage.objects.list'] });
    expect(named(lacking.checks, 'bucket')[0]?.error).toMatchObject({
      code: 'store_failed',
      message: 'Missing on the bucket landing: storage.objects.list, storage.objects.delete',
      hint: expect.stringContaining('gcloud storage buckets add-iam-policy-binding gs://landing'),
    });
    const unknown = await debug({ lacks: ['storage.buckets.get'] });
    expect(named(unknown.checks, 'bucket')).toMatchObject([
      { ok: true, detail: expect.stringContaining('its location is not known') },
    ]);
  });

  test('asks Google nothing without credentials, and goes on with the rest', async () => {
    using project = new ProjectFolder({
      'project.yml': PROJECT.replaceAll(/, api_endpoint: "[^"]*"/g, ', keyfile: no-such-key.json').replace(
        /$/,
        '    state: { type: sqlite, path: state.sqlite }\n',
      ),
      'jobs/order.ts': ORDER,
    });
    const { exitCode, stdout, stderr } = await sluice(['debug', '--json'], { cwd: project.dir });
    expect(exitCode).toBe(2);
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
    expect(checks.map(({ name, ok }) => [name, ok])).toEqual([
      ['versions', true],
      ['project.yml', true],
      ['jobs', true],
      ['identity', false],
      ['state', true],
    ]);
    expect(stderr).toContain('not checked without credentials: landing, bucket, warehouse, dataset, permissions');
  });
});
