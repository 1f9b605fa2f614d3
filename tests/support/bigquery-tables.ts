/** A project's tables on BigQuery. Asked of the emulator itself, so that no fault of a front in between hides what is there. */
import type { BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import type { OracleJob } from '../oracle/ground-truth.ts';
import { publishedOnBigQuery, readBigQuery } from './read-bigquery.ts';
import type { ActualRow, Cells, ReadColumn, Tables } from './read-tables.ts';

/** BigQuery takes no column whose name begins with `_partition`. */
const RENAMED: Readonly<Record<string, string>> = { _partition: '_topic_partition' };
/** The schema of the embedded target, whose names tests use. */
const SCHEMA = /^analytics(?=$|_raw)/;

export class BigQueryTables implements Tables {
  readonly #api: BigQueryApi;
  readonly #dataset: string;

  constructor(api: BigQueryApi, dataset: string) {
    this.#api = api;
    this.#dataset = dataset;
  }

  async read(table: string, columns: readonly ReadColumn[]): Promise<readonly Cells[]> {
    const [schema = '', name = ''] = table.split('.');
    const named = columns.map((column) => ({ ...column, name: RENAMED[column.name] ?? column.name }));
    const rows = await readBigQuery(this.#api, `${this.#schema(schema)}.${name}`, named);
    return rows.map((row) =>
      Object.fromEntries(columns.map((column, index) => [column.name, row[named[index]?.name ?? ''] ?? null])),
    );
  }

  async columns(schema: string, table: string): Promise<ReadonlyMap<string, string>> {
    const reference = { projectId: this.#api.project, datasetId: this.#schema(schema), tableId: table };
    const found = await this.#api.getTable(reference);
    return new Map((found.schema?.fields ?? []).map((field) => [field.name, field.type]));
  }

  published(table: string, job: OracleJob, daily: boolean): Promise<ActualRow[]> {
    return publishedOnBigQuery(this.#api, this.#dataset, { table, job, daily });
  }

  #schema(embedded: string): string {
    return embedded.replace(SCHEMA, this.#dataset);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
