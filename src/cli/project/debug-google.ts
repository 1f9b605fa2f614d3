/** The part of `sluice debug` that is about Google Cloud: as whom a target works, which datasets and bucket it finds, and which permissions it lacks. */
import type { BigQueryApi } from '../../adapters/bigquery/client.ts';
import type { MissingPermission } from '../../adapters/bigquery/access.ts';
import type { BigQueryConfig, LandingConfig } from '../../config/target.ts';
import { SluiceError } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import { RAW_TABLES, rawTableName, type RawTable } from '../../load/raw-columns.ts';
import type { CliContext } from '../context.ts';
import { googleIdentity } from '../google-credentials.ts';
import type { OpenProject } from '../open-project.ts';
import { bigQueryConnection } from '../warehouse-gate.ts';

export type NamedCheck = readonly [string, () => Promise<string>];

type GcsConfig = Extract<LandingConfig, { readonly type: 'gcs' }>;

/** Sections on Google Cloud; a section whose values are wrong is reported by its own check. */
interface GoogleSections {
  readonly warehouse: BigQueryConfig | null;
  readonly landing: GcsConfig | null;
}

function googleSections({ target }: OpenProject): GoogleSections {
  const warehouse = target.has('warehouse') ? settled(() => target.warehouse()) : null;
  const landing = target.has('landing') ? settled(() => target.landing()) : null;
  return {
    warehouse: warehouse?.type === 'bigquery' ? warehouse : null,
    landing: landing?.type === 'gcs' ? landing : null,
  };
}

function settled<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** One line where warehouse and landing work as the same identity. */
export function identityChecks(project: OpenProject, context: CliContext): readonly NamedCheck[] {
  const { warehouse, landing } = googleSections(project);
  const sections = [warehouse, landing].filter((section) => section !== null);
  const keys = sections.map(({ keyfile, apiEndpoint, impersonateServiceAccount }) =>
    JSON.stringify([keyfile, impersonateServiceAccount, apiEndpoint?.startsWith('http://')]),
  );
  return sections
    .filter((_, index) => keys.indexOf(keys[index] ?? '') === index)
    .map((section, index) => [
      index === 0 ? 'identity' : 'identity of landing',
      async () => (await identityOf(section, context)).description,
    ]);
}

async function identityOf(
  section: BigQueryConfig | GcsConfig,
  context: Pick<CliContext, 'env' | 'redactor'>,
): Promise<{ readonly description: string; readonly member: string | null }> {
  const { apiEndpoint } = section;
  if (apiEndpoint?.startsWith('http://') === true) {
    return { description: `none: ${apiEndpoint} is no Google service, so no credentials go there`, member: null };
  }
  const { describeIdentity } = await import('../../adapters/google-auth/described-identity.ts');
  return describeIdentity(googleIdentity(section, context));
}

/** Datasets, bucket and their locations, then permissions: what is there, what is missing, and the command that mends it. */
export function accessChecks(
  project: OpenProject,
  jobs: readonly JobDefinition[],
  context: Pick<CliContext, 'env' | 'redactor'>,
): readonly NamedCheck[] {
  const { warehouse, landing } = googleSections(project);
  return [
    ...(warehouse === null ? [] : bigQueryChecks(warehouse, jobs, context)),
    ...(landing === null ? [] : ([['bucket', () => bucketAnswer(landing, warehouse, context)]] as const)),
  ];
}

function bigQueryChecks(
  config: BigQueryConfig,
  jobs: readonly JobDefinition[],
  context: Pick<CliContext, 'env' | 'redactor'>,
): readonly NamedCheck[] {
  const rawTables = Object.keys(RAW_TABLES) as RawTable[];
  const tables: Readonly<Record<string, readonly string[]>> = {
    [config.dataset]: jobs.flatMap((job) => job.models),
    [config.rawSchema]: jobs.flatMap((job) => rawTables.map((table) => rawTableName(job.entity, table))),
  };
  const missing: MissingPermission[] = [];
  const datasets = [config.dataset, config.rawSchema].map((dataset): NamedCheck => [
    'dataset',
    async () => datasetAnswer(config, { dataset, tables: tables[dataset] ?? [], missing, context }),
  ]);
  return [...datasets, ['permissions', async () => permissionsAnswer(config, missing, context)]];
}

async function connected(config: BigQueryConfig, context: Pick<CliContext, 'env' | 'redactor'>): Promise<BigQueryApi> {
  const { connectBigQuery } = await import('../../adapters/bigquery/client.ts');
  return connectBigQuery(bigQueryConnection(config, googleIdentity(config, context)));
}

export async function bigQueryAnswer(
  config: BigQueryConfig,
  context: Pick<CliContext, 'env' | 'redactor'>,
): Promise<string> {
  const { ask } = await import('../../adapters/bigquery/access.ts');
  await ask(await connected(config, context));
  return 'answers';
}

/** Checks that need an identity. */
export function googleCheckNames(project: OpenProject): readonly string[] {
  const { warehouse, landing } = googleSections(project);
  return [
    ...(landing === null ? [] : ['landing', 'bucket']),
    ...(warehouse === null ? [] : ['warehouse', 'dataset', 'permissions']),
  ];
}

async function isEmulated(config: BigQueryConfig): Promise<boolean> {
  const { isEmulator } = await import('../../adapters/bigquery/client.ts');
  return isEmulator(config.apiEndpoint ?? undefined);
}

interface DatasetQuestion {
  readonly dataset: string;
  readonly tables: readonly string[];
  readonly missing: MissingPermission[];
  readonly context: Pick<CliContext, 'env' | 'redactor'>;
}

/** Collects what is missing for the check of permissions, which names all of it at once. */
async function datasetAnswer(
  config: BigQueryConfig,
  { dataset, tables, missing, context }: DatasetQuestion,
): Promise<string> {
  const { datasetAccess, datasetLocation } = await import('../../adapters/bigquery/access.ts');
  const api = await connected(config, context);
  if (await isEmulated(config)) {
    const found = await datasetLocation(api, dataset);
    return found === 'missing' ? `${dataset} is not there yet: the first run creates it` : `${dataset} is there`;
  }
  const access = await datasetAccess(api, dataset, tables);
  missing.push(...access.missing);
  if (access.state === 'denied') return `${dataset} cannot be looked up`;
  if (access.state === 'missing') {
    return access.missing.length > 0
      ? `${dataset} is not there, and cannot be created`
      : `${dataset} is not there yet: the first run creates it in ${config.location}`;
  }
  if (access.location !== null && access.location.toLowerCase() !== config.location.toLowerCase()) {
    throw new SluiceError(
      'warehouse_location',
      `The dataset ${dataset} lies in ${access.location}, but the target works in ${config.location}.`,
      { hint: `Set location of the target (BIGQUERY_LOCATION) to ${access.location}, or name another dataset.` },
    );
  }
  return `${dataset} is there, in ${access.location ?? config.location}`;
}

async function permissionsAnswer(
  config: BigQueryConfig,
  ofDatasets: readonly MissingPermission[],
  context: Pick<CliContext, 'env' | 'redactor'>,
): Promise<string> {
  if (await isEmulated(config)) return 'not checked: an emulator has none';
  const { mayRunJobs } = await import('../../adapters/bigquery/access.ts');
  const jobs = await mayRunJobs(await connected(config, context));
  const missing = jobs === null ? ofDatasets : [jobs, ...ofDatasets];
  if (missing.length === 0) return 'BigQuery: nothing is missing, as far as can be told without writing';
  const member = await memberOf(config, context);
  const lines = missing.map(({ permission, on }) => `  ${permission} on ${on}`);
  const fixes = [...new Set(missing.map((one) => grantCommand(config.project, one, member)))];
  throw new SluiceError('warehouse_denied', `Missing in BigQuery:\n${lines.join('\n')}`, {
    hint: `Somebody who may grant roles runs:\n  ${fixes.join('\n  ')}`,
    details: { missing: missing.map(({ permission, on, role }) => ({ permission, on, role })) },
  });
}

function grantCommand(project: string, { role, grantOn, on }: MissingPermission, member: string): string {
  const base = `gcloud projects add-iam-policy-binding ${project} --member=${member} --role=${role}`;
  if (grantOn === 'project') return base;
  const dataset = /(?:dataset [^:]+:|table [^.]+\.)([^.]+)/.exec(on)?.[1] ?? '';
  return `bq add-iam-policy-binding --member=${member} --role=${role} ${project}:${dataset}`;
}

async function memberOf(
  section: BigQueryConfig | GcsConfig,
  context: Pick<CliContext, 'env' | 'redactor'>,
): Promise<string> {
  const identity = await identityOf(section, context).catch(() => null);
  return identity?.member ?? 'serviceAccount:<the identity above>';
}

async function bucketAnswer(
  landing: GcsConfig,
  warehouse: BigQueryConfig | null,
  context: Pick<CliContext, 'env' | 'redactor'>,
): Promise<string> {
  const { bucketAccess, fits } = await import('../../adapters/gcs/access.ts');
  const access = await bucketAccess({ ...landing, identity: googleIdentity(landing, context) });
  const { missing, location } = access;
  if (missing !== null && missing.length > 0) {
    const member = await memberOf(landing, context);
    throw new SluiceError('store_failed', `Missing on the bucket ${landing.bucket}: ${missing.join(', ')}`, {
      hint: `Somebody who may grant roles runs:\n  gcloud storage buckets add-iam-policy-binding gs://${landing.bucket} --member=${member} --role=roles/storage.objectUser`,
      details: { missing },
    });
  }
  const permissions = missing === null ? 'permissions not checked: an emulator has none' : 'no permission is missing';
  if (location === null) {
    return `${landing.bucket}, ${permissions}; its location is not known (storage.buckets.get is in roles/storage.bucketViewer), it must fit the datasets'`;
  }
  const compared = warehouse !== null && !(await isEmulated(warehouse));
  if (compared && !fits(access, warehouse.location)) {
    throw new SluiceError(
      'warehouse_location',
      `The bucket ${landing.bucket} lies in ${location}, the datasets in ${warehouse.location}: BigQuery does not load from there.`,
      {
        hint: `Make a bucket beside the datasets: gcloud storage buckets create gs://<name> --location=${warehouse.location}`,
      },
    );
  }
  return `${landing.bucket} in ${location}${compared ? ', which fits the datasets' : ''}; ${permissions}`;
}
