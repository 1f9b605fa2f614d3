/** Reads published and raw tables out of a DuckDB file, every cell as the oracle writes it. Not through the product's own adapter. */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import type { OracleColumn, OracleJob, Row } from '../oracle/ground-truth.ts';
import { canonicalJson, readJson } from '../oracle/json.ts';

export interface ActualRow {
  /** null in current. */
  readonly day: string | null;
  readonly key: string;
  readonly row: Row;
}

export type Cells = Readonly<Record<string, string | null>>;
export type ReadColumn = Pick<OracleColumn, 'name' | 'type'>;

/** The tables of a project, whatever the warehouse; named as on DuckDB: `analytics.current_customer`, `analytics_raw.raw_customer_stream`. */
export interface Tables extends AsyncDisposable {
  /** Columns as the oracle's texts; `types` says how to write them. A column the table lacks is an error. */
  read(table: string, columns: readonly ReadColumn[]): Promise<readonly Cells[]>;
  /** Column names and the warehouse's types, in order. */
  columns(schema: string, table: string): Promise<ReadonlyMap<string, string>>;
  /** current_<entity> or history_<entity>, in no order. */
  published(table: string, job: OracleJob, daily: boolean): Promise<ActualRow[]>;
}

/** SQL that gives a column as the oracle's text behind a `=`: DuckDB's driver takes a byte order mark away from the front of a text. */
function asText({ name, type }: ReadColumn): string {
  const column = `"${name}"`;
  if (type === 'TIMESTAMP') return `'=' || strftime(${column}, '%Y-%m-%dT%H:%M:%S.%fZ') as ${column}`;
  return `'=' || cast(${column} as varchar) as ${column}`;
}

function normalised(type: string, text: string | null): string | null {
  if (text === null) return null;
  if (type === 'JSON') return canonicalJson(readJson(text).value);
  return type === 'FLOAT64' ? canonicalJson({ number: String(Number(text)) }) : text;
}

export class TableReader implements Tables, Disposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  static async open(path: string): Promise<TableReader> {
    const instance = await DuckDBInstance.create(path, { access_mode: 'READ_ONLY' });
    return new TableReader(instance, await instance.connect());
  }

  async #query(sql: string): Promise<readonly Cells[]> {
    const reader = await this.#connection.runAndReadAll(sql);
    return reader.getRowObjects() as Cells[];
  }

  /** Columns as texts; `types` says how to write them. A column the table lacks is an error. */
  async read(table: string, columns: readonly ReadColumn[]): Promise<readonly Cells[]> {
    const rows = await this.#query(`select ${columns.map(asText).join(', ')} from ${table}`);
    return rows.map((row) =>
      Object.fromEntries(columns.map(({ name, type }) => [name, normalised(type, row[name]?.slice(1) ?? null)])),
    );
  }

  /** Column names and DuckDB types in order. */
  async columns(schema: string, table: string): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#query(`describe ${schema}.${table}`);
    return new Map(rows.map((row) => [row['column_name'] ?? '', row['column_type'] ?? '']));
  }

  /** current_<entity> or history_<entity>, in no order. */
  async published(table: string, job: OracleJob, daily: boolean): Promise<ActualRow[]> {
    const columns = [
      ...(daily ? [{ name: 'day', type: 'DATE' }] : []),
      ...job.columns,
      { name: '_op', type: 'STRING' },
      { name: '_event_at', type: 'TIMESTAMP' },
      { name: '_is_deleted', type: 'BOOL' },
      { name: '_batch_id', type: 'STRING' },
    ];
    const rows = await this.read(`analytics.${table}`, columns);
    return rows.map(({ day, ...row }) => ({ day: day ?? null, key: row[job.keyColumn] ?? '', row }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }

  [Symbol.dispose](): void {
    // DuckDB lets go of the file only when the connections are closed as well.
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}
