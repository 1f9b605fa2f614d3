/**
 * What an identity may do in BigQuery, found out without writing anything: datasets are looked up, statements that would write are
 * dry runs (BigQuery plans them, permissions included, runs nothing and bills nothing), and tables that are there say themselves which
 * permissions the asker has.
 */
import { randomUUID } from 'node:crypto';
import { toApiFailure, type ApiFailure } from './api-failure.ts';
import type { BigQueryApi } from './client.ts';
import { toSluiceError } from './failures.ts';
import { quoteName, quoteRelation } from './sql-text.ts';

export interface DatasetAccess {
  readonly state: 'there' | 'missing' | 'denied';
  /** null: it is not there, or BigQuery does not tell. */
  readonly location: string | null;
  readonly missing: readonly MissingPermission[];
}

export interface MissingPermission {
  readonly permission: string;
  /** `the project p`, `the dataset p:d`, `the table p.d.t`. */
  readonly on: string;
  /** The narrowest predefined role that brings it, and where it is granted. */
  readonly role: string;
  readonly grantOn: 'project' | 'dataset';
}

/** What runs and reads need on each table; all are in roles/bigquery.dataEditor. */
const TABLE_PERMISSIONS = ['get', 'getData', 'update', 'updateData', 'delete'].map((verb) => `bigquery.tables.${verb}`);
const DATA_EDITOR = 'roles/bigquery.dataEditor';
/** A name that no model can have. */
const PROBE_TABLE = '_sluice_debug';

/** `tables`: those that may be there. Throws `warehouse_*` errors when BigQuery cannot be asked at all. */
export async function datasetAccess(
  api: BigQueryApi,
  dataset: string,
  tables: readonly string[],
): Promise<DatasetAccess> {
  const found = await datasetLocation(api, dataset);
  if (found === 'denied') {
    return { state: 'denied', location: null, missing: [onDataset(api, dataset, 'bigquery.datasets.get')] };
  }
  if (found === 'missing') {
    const creatable = await planned(api, `create schema ${quoteName(api.project)}.${quoteName(dataset)}`);
    return { state: 'missing', location: null, missing: creatable ? [] : [creation(api)] };
  }
  const probe = quoteRelation({ database: api.project, schema: dataset, name: PROBE_TABLE });
  const mayCreate = await planned(api, `create table ${probe} (x int64)`);
  const ofTables = await Promise.all(tables.map((table) => missingOnTable(api, dataset, table)));
  return {
    state: 'there',
    location: found.location,
    missing: [...(mayCreate ? [] : [onDataset(api, dataset, 'bigquery.tables.create')]), ...ofTables.flat()],
  };
}

/** Runs the smallest query there is: reads nothing, costs nothing. Throws `warehouse_*` errors. */
export async function ask(api: BigQueryApi): Promise<void> {
  try {
    await api.query({
      query: 'select 1',
      useLegacySql: false,
      requestId: randomUUID(),
      location: api.location,
      timeoutMs: api.longPollMs,
      formatOptions: { useInt64Timestamp: true },
    });
  } catch (error) {
    throw failed(api, toApiFailure(error), 'run a query');
  }
}

/** The permission without which nothing runs. */
export async function mayRunJobs(api: BigQueryApi): Promise<MissingPermission | null> {
  if (await planned(api, 'select 1')) return null;
  return {
    permission: 'bigquery.jobs.create',
    on: `the project ${api.project}`,
    role: 'roles/bigquery.jobUser',
    grantOn: 'project',
  };
}

export async function datasetLocation(
  api: BigQueryApi,
  dataset: string,
): Promise<'missing' | 'denied' | { readonly location: string | null }> {
  try {
    return { location: (await api.getDataset(dataset)).location ?? null };
  } catch (error) {
    const failure = toApiFailure(error);
    if (failure.status === 404) return 'missing';
    if (isDenial(failure)) return 'denied';
    throw failed(api, failure, `look up the dataset ${dataset}`);
  }
}

/** Whether BigQuery would run the statement, as far as permissions go. */
async function planned(api: BigQueryApi, sql: string): Promise<boolean> {
  try {
    await api.dryRun(sql);
    return true;
  } catch (error) {
    const failure = toApiFailure(error);
    if (isDenial(failure)) return false;
    throw failed(api, failure, 'plan a statement');
  }
}

async function missingOnTable(
  api: BigQueryApi,
  datasetId: string,
  tableId: string,
): Promise<readonly MissingPermission[]> {
  const table = { projectId: api.project, datasetId, tableId };
  try {
    const { permissions = [] } = await api.testTablePermissions(table, TABLE_PERMISSIONS);
    return TABLE_PERMISSIONS.filter((permission) => !permissions.includes(permission)).map((permission) => ({
      permission,
      on: `the table ${api.project}.${datasetId}.${tableId}`,
      role: DATA_EDITOR,
      grantOn: 'dataset',
    }));
  } catch (error) {
    const failure = toApiFailure(error);
    // The first run makes it.
    if (failure.status === 404) return [];
    if (isDenial(failure)) return [onDataset(api, datasetId, 'bigquery.tables.get')];
    throw failed(api, failure, `ask for permissions on ${tableId}`);
  }
}

function onDataset(api: BigQueryApi, dataset: string, permission: string): MissingPermission {
  return { permission, on: `the dataset ${api.project}:${dataset}`, role: DATA_EDITOR, grantOn: 'dataset' };
}

function creation(api: BigQueryApi): MissingPermission {
  return {
    permission: 'bigquery.datasets.create',
    on: `the project ${api.project}`,
    role: 'roles/bigquery.user',
    grantOn: 'project',
  };
}

function isDenial({ status, reason }: ApiFailure): boolean {
  return status === 403 && (reason === null || /^(?:accessDenied|forbidden)$/.test(reason));
}

function failed({ project, location }: BigQueryApi, failure: ApiFailure, what: string): Error {
  return toSluiceError(failure, { what, otherwise: 'warehouse_failed', project, location }, failure);
}
