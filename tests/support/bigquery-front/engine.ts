/**
 * Runs scripts and loads on the emulator with BigQuery's meaning: statements one by one (DDL through the product's own bridge), temporary
 * tables that end with the script, @@row_count, MERGE that fails on two source rows for one target row, transactions that roll back, loads that
 * are all or nothing and know REQUIRED. One at a time: the emulator has one lock anyway.
 */
import { randomUUID } from 'node:crypto';
import type { BigQueryApi } from '../../../src/adapters/bigquery/client.ts';
import { EmulatorBridge } from '../../../src/adapters/bigquery/emulator.ts';
import type {
  FieldSchema,
  LoadConfiguration,
  QueryResponse,
  TableResource,
} from '../../../src/adapters/bigquery/rest-types.ts';
import {
  classify,
  plainRelation,
  replaceRelation,
  tokens,
  dmlTarget,
} from '../../../src/adapters/bigquery/sql-text.ts';
import { toQueryResult, typeName } from '../../../src/adapters/bigquery/values.ts';
import { toApiFailure } from '../../../src/adapters/bigquery/api-failure.ts';
import { SluiceError } from '../../../src/core/errors.ts';
import { FrontRefusal, invalid, translated } from './refusal.ts';
import { assertPartitionFilter, checkedStatements } from './rules.ts';
import { TableFacts } from './table-facts.ts';

export interface ScriptResult {
  readonly schema?: QueryResponse['schema'];
  readonly rows?: QueryResponse['rows'];
  readonly affectedRows: number;
}

/** Dataset of what stands for temporary tables and of the copies that roll a transaction back. */
const SCRATCH = 'strict_front_scratch';

export class Engine {
  readonly facts = new TableFacts();
  readonly #api: BigQueryApi;
  readonly #bridge: EmulatorBridge;
  readonly #filtered = new Map<string, { readonly relation: string; readonly column: string }>();
  /** An emulator may begin with what another one held, jobs included. */
  readonly #prefix = `front-${randomUUID()}`;
  #statements = 0;
  #scratch: Promise<unknown> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(api: BigQueryApi) {
    this.#api = api;
    this.#bridge = new EmulatorBridge({
      api,
      run: (sql) => this.#statement(sql),
      query: async (sql) => {
        const answer = await this.#statement(sql);
        return toQueryResult(answer.schema, answer.rows ?? []);
      },
    });
  }

  /** The emulator behind was replaced by an empty one: datasets and tables are gone, jobs are not. */
  forgetTables(): void {
    this.#scratch = undefined;
    this.#filtered.clear();
    this.facts.forget();
  }

  /** Tables that want a partition filter, as their creation says. */
  noteTable(table: TableResource): void {
    const { projectId, datasetId, tableId } = table.tableReference;
    const column = table.timePartitioning?.field;
    const relation = [projectId, datasetId, tableId].join('.');
    if (table.requirePartitionFilter === true && column !== undefined)
      this.#filtered.set(relation, { relation, column });
  }

  script(sql: string): Promise<ScriptResult> {
    return this.#inTurn(() => new Script(this, sql).run());
  }

  load(load: LoadConfiguration): Promise<number> {
    return this.#inTurn(() => this.#load(load));
  }

  /** Columns of a query, for dry runs. */
  async describe(sql: string): Promise<QueryResponse['schema']> {
    return (await this.#inTurn(() => this.#statement(`select * from (\n${sql}\n) limit 0`))).schema;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  checkFilters(statement: string): void {
    for (const table of this.#filtered.values()) assertPartitionFilter(statement, table);
  }

  noteDdl(statement: string): void {
    const kind = classify(statement);
    if (kind.kind !== 'create' || !/require_partition_filter\s*=\s*true/i.test(statement)) return;
    const column =
      kind.copyOf === undefined
        ? /partition\s+by\s+(?:\w+_trunc\()?`?(\w+)`?/i.exec(statement)?.[1]
        : this.facts.partitionColumn(kind.copyOf);
    const relation = plainRelation(kind.relation);
    if (column !== undefined) this.#filtered.set(relation, { relation, column });
  }

  execute(sql: string): Promise<void> {
    return this.#bridge.execute(sql).catch(rethrow);
  }

  executeCounted(sql: string): Promise<number> {
    return this.#bridge.executeCounted(sql).catch(rethrow);
  }

  query(sql: string): Promise<QueryResponse> {
    return this.#statement(sql);
  }

  /** A query whose one row is numbers. */
  async numbers(sql: string): Promise<readonly number[]> {
    const answer = await this.#statement(sql);
    return (toQueryResult(answer.schema, answer.rows ?? []).rows[0] ?? []).map(Number);
  }

  async #statement(sql: string): Promise<QueryResponse> {
    try {
      return await this.#api.query({
        query: sql,
        useLegacySql: false,
        requestId: `${this.#prefix}-${String(++this.#statements)}`,
        timeoutMs: 60_000,
        formatOptions: { useInt64Timestamp: true },
      });
    } catch (error) {
      throw rethrown(error);
    }
  }

  /** A relation in the scratch dataset for a name; the dataset is made on first use. */
  async scratch(name: string): Promise<string> {
    const datasetReference = { projectId: this.#api.project, datasetId: SCRATCH };
    this.#scratch ??= this.#api.insertDataset({ datasetReference }).catch(() => undefined);
    await this.#scratch;
    return `\`${this.#api.project}\`.\`${SCRATCH}\`.\`${name.replaceAll(/\W/g, '_')}\``;
  }

  async #load(load: LoadConfiguration): Promise<number> {
    const { destinationTable } = load;
    const table = await this.#api.getTable(destinationTable).catch(rethrow);
    assertSchema(load, table);
    const staged = await this.scratch(`load_${destinationTable.datasetId}_${destinationTable.tableId}`);
    const [tableId = '', datasetId = ''] = plainRelation(staged).split('.').reverse();
    const reference = { projectId: this.#api.project, datasetId, tableId };
    const fields = load.schema.fields ?? [];
    await this.#api.insertTable({ tableReference: reference, schema: { fields } }).catch(ignoreDuplicate);
    await this.execute(`delete from ${staged} where true`);
    const jobId = `${this.#prefix}-load-${String(++this.#statements)}`;
    await this.#api.insertJob(jobId, { load: { ...load, destinationTable: reference } }).catch(rethrow);
    await this.#assertRequired(staged, fields);
    const [rows = 0] = await this.numbers(`select count(*) from ${staged}`);
    const names = fields.map((field) => `\`${field.name}\``).join(', ');
    const target = [destinationTable.projectId, destinationTable.datasetId, destinationTable.tableId]
      .map((part) => `\`${part}\``)
      .join('.');
    await this.#statement(`insert into ${target} (${names}) select ${names} from ${staged}`);
    return rows;
  }

  async #assertRequired(staged: string, fields: readonly FieldSchema[]): Promise<void> {
    const required = fields.filter((field) => field.mode === 'REQUIRED');
    if (required.length === 0) return;
    const counts = await this.numbers(
      `select ${required.map((field) => `countif(\`${field.name}\` is null)`).join(', ')} from ${staged}`,
    );
    const missing = required[counts.findIndex((count) => count > 0)];
    if (missing === undefined) return;
    throw invalid(
      `Error while reading data, error message: JSON parsing error: Required field ${missing.name} cannot be null`,
    );
  }
}

function assertSchema(load: LoadConfiguration, table: TableResource): void {
  const known = new Map((table.schema?.fields ?? []).map((field) => [field.name.toLowerCase(), field]));
  for (const field of load.schema.fields ?? []) {
    const present = known.get(field.name.toLowerCase());
    const name = `${load.destinationTable.projectId}:${load.destinationTable.datasetId}.${load.destinationTable.tableId}`;
    if (present === undefined)
      throw invalid(`Provided Schema does not match Table ${name}. Cannot add fields (field: ${field.name})`);
    if (typeName(present) !== typeName(field)) {
      throw invalid(
        `Provided Schema does not match Table ${name}. Field ${field.name} has changed type from ${typeName(present)} to ${typeName(field)}`,
      );
    }
  }
}

function ignoreDuplicate(error: unknown): void {
  if (toApiFailure(error).status !== 409) throw rethrown(error);
}

function rethrow(error: unknown): never {
  throw rethrown(error);
}

function rethrown(error: unknown): unknown {
  if (error instanceof FrontRefusal) return error;
  return translated(error instanceof SluiceError ? error.message : toApiFailure(error).message);
}

/** One script from its first to its last statement. */
class Script {
  readonly #engine: Engine;
  readonly #statements: readonly string[];
  readonly #temporary = new Map<string, string>();
  readonly #backups = new Map<string, string>();
  #inTransaction = false;
  #rowCount = 0;
  #last: QueryResponse = {};

  constructor(engine: Engine, sql: string) {
    this.#engine = engine;
    this.#statements = checkedStatements(sql);
  }

  async run(): Promise<ScriptResult> {
    try {
      for (const statement of this.#statements) await this.#run(this.#resolved(statement));
      return { ...this.#last, affectedRows: this.#rowCount };
    } catch (error) {
      if (this.#inTransaction) await this.#rollBack();
      throw error;
    }
  }

  /** Names of temporary tables and @@row_count as the emulator understands them. */
  #resolved(statement: string): string {
    let sql = statement.replaceAll('@@row_count', String(this.#rowCount));
    for (const [name, scratch] of this.#temporary) sql = replaceRelation(sql, name, scratch).sql;
    return sql;
  }

  async #run(statement: string): Promise<void> {
    this.#engine.checkFilters(statement);
    const { kind } = classify(statement);
    switch (kind) {
      case 'transaction':
        this.#inTransaction = /^begin/i.test(tokens(statement)[0] ?? '');
        if (!this.#inTransaction) this.#backups.clear();
        return;
      case 'temporary':
        return this.#createTemporary(statement);
      case 'dml':
        return this.#change(statement);
      case 'query':
        this.#last = await this.#engine.query(statement);
        return;
      default:
        this.#engine.facts.check(statement);
        this.#engine.noteDdl(statement);
        await this.#engine.execute(statement);
        this.#engine.facts.note(statement);
    }
  }

  async #createTemporary(statement: string): Promise<void> {
    const words = tokens(statement);
    const name = words[words.findIndex((word) => word.toLowerCase() === 'table') + 1] ?? '';
    const scratch = await this.#engine.scratch(`temp_${plainRelation(name)}`);
    const head = /create\s+(?:or\s+replace\s+)?temp(?:orary)?\s+table/i;
    await this.#engine.execute(replaceRelation(statement.replace(head, 'create or replace table'), name, scratch).sql);
    this.#temporary.set(name, scratch);
  }

  async #change(statement: string): Promise<void> {
    const target = dmlTarget(statement);
    if (target === undefined) throw translated(`cannot tell what this changes: ${statement}`);
    if (this.#inTransaction) await this.#backUp(target);
    await this.#assertOneSourceRow(statement);
    this.#rowCount = await this.#engine.executeCounted(statement);
  }

  async #backUp(target: string): Promise<void> {
    if (this.#backups.has(target)) return;
    const copy = await this.#engine.scratch(`backup_${plainRelation(target)}`);
    await this.#engine.execute(`create or replace table ${copy} as select * from ${target}`);
    this.#backups.set(target, copy);
  }

  async #rollBack(): Promise<void> {
    for (const [target, copy] of this.#backups) {
      await this.#engine.execute(`delete from ${target} where true`);
      await this.#engine.execute(`insert into ${target} select * from ${copy}`);
    }
  }

  /** The join of MERGE, asked before it runs. */
  async #assertOneSourceRow(statement: string): Promise<void> {
    const merge =
      /^\s*merge\s+(?:into\s+)?(\S+)(?:\s+as)?\s+(\w+)\s+using\s+(\S+)(?:\s+as)?\s+(\w+)\s+on\s+([\s\S]*?)\bwhen\s+(?:not\s+)?matched/i.exec(
        statement,
      );
    if (merge === null) return;
    const [, target = '', dest = '', source = '', src = '', condition = ''] = merge;
    const [repeated = 0] = await this.#engine.numbers(
      `select count(*) from (select to_json_string(${dest}) as target_row from ${target} as ${dest} inner join ${source} as ${src} on ${condition} group by 1 having count(*) > 1)`,
    );
    if (repeated > 0) throw translated('UPDATE/MERGE must match at most one source row for each target row');
  }
}
