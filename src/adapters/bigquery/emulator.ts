/**
 * Runs statements on goccy/bigquery-emulator, which `--target ci` and the tests use. It answers for BigQuery in most of the SQL, but not in
 * these places (each pinned in `tests/integration/bigquery-emulator.test.ts`), which are bridged here and nowhere else:
 *
 * - CREATE OR REPLACE and CREATE IF NOT EXISTS of something that exists answer 409 and leave the old columns known: drop first, in a job of
 *   its own; through a second table when the statement reads what it replaces;
 * - ALTER TABLE and CREATE SCHEMA answer OK and do nothing: the table is built anew, the dataset made by REST;
 * - copies fail: CREATE … AS SELECT;
 * - no @@row_count: rows are compared before and after;
 * - a script is not atomic, so every statement may as well be a job of its own.
 *
 * Nothing here is atomic, and nothing here is fast: it is for tables of a few hundred rows.
 */
import { SluiceError } from '../../core/errors.ts';
import type { QueryResult } from '../../transform/run/ports.ts';
import { toApiFailure } from './api-failure.ts';
import type { BigQueryApi } from './client.ts';
import type { FieldSchema, TableReference, TableResource } from './rest-types.ts';
import { classify, plainRelation, replaceRelation, tokens, type CreateStatement } from './sql-text.ts';
import { typeName } from './values.ts';

export interface BridgeOptions {
  readonly api: BigQueryApi;
  /** Runs one statement as a job of its own. */
  readonly run: (sql: string) => Promise<unknown>;
  readonly query: (sql: string) => Promise<QueryResult>;
}

export class EmulatorBridge {
  readonly #api: BigQueryApi;
  readonly #run: BridgeOptions['run'];
  readonly #query: BridgeOptions['query'];

  constructor({ api, run, query }: BridgeOptions) {
    this.#api = api;
    this.#run = run;
    this.#query = query;
  }

  async execute(sql: string): Promise<void> {
    const statement = classify(sql);
    switch (statement.kind) {
      case 'create_schema':
        return this.#createDataset(statement.relation);
      case 'create':
        return this.#create(sql, statement);
      case 'drop':
        if ((await this.#table(statement.relation)) !== undefined) await this.#run(sql);
        return;
      case 'alter':
        return this.#alter(statement.relation, statement.rest);
      default:
        await this.#run(sql);
    }
  }

  /** As `execute`; gives the rows that a DML statement changed, or that a created table holds. */
  async executeCounted(sql: string): Promise<number> {
    const statement = classify(sql);
    const target = statement.kind === 'create' ? statement.relation : dmlTarget(sql);
    if (target === undefined) {
      await this.execute(sql);
      return 0;
    }
    if (statement.kind === 'create') {
      await this.execute(sql);
      return (await this.#rowsOf(target)).length;
    }
    const before = await this.#rowsOf(target);
    await this.execute(sql);
    return changedRows(before, await this.#rowsOf(target));
  }

  async #create(sql: string, statement: CreateStatement): Promise<void> {
    const { relation, what } = statement;
    const existing = await this.#table(relation);
    const copied =
      statement.copyOf === undefined ? sql : `create table ${relation} as select * from ${statement.copyOf}`;
    const plain = copied.replace(/create\s+or\s+replace/i, 'create').replace(/if\s+not\s+exists/i, '');
    if (existing === undefined) {
      await this.#run(plain);
      return;
    }
    if (statement.ifNotExists) return;
    if (!statement.orReplace) throw alreadyExists(what, relation);
    const drop = `drop ${existing.type === 'VIEW' ? 'view' : 'table'} ${relation}`;
    const [head, body] = afterHeader(plain, relation);
    if (!replaceRelation(body, relation, relation).found) {
      await this.#run(drop);
      await this.#run(plain);
      return;
    }
    const aside = besides(relation);
    await this.execute(`drop table if exists ${aside}`);
    await this.#run(`create table ${aside} ${body}`);
    await this.#run(drop);
    await this.#run(`${head} as select * from ${aside}`);
    await this.#run(`drop table ${aside}`);
  }

  /** `add column`, `drop column`, `alter column … set data type`; options are dropped, for the emulator keeps none. */
  async #alter(relation: string, rest: readonly string[]): Promise<void> {
    const words = rest.map((word) => word.toLowerCase());
    if (words[0] === 'set' || words.includes('options')) return;
    const table = await this.#table(relation);
    if (table === undefined) throw new SluiceError('model_failed', `Not found: Table ${plainRelation(relation)}`);
    const fields = table.schema?.fields ?? [];
    const select = alteredSelect(fields, rest);
    if (select === undefined) return;
    await this.#create(`create or replace table ${relation} as select ${select} from ${relation}`, {
      kind: 'create',
      what: 'table',
      orReplace: true,
      ifNotExists: false,
      relation,
      copyOf: undefined,
    });
  }

  async #createDataset(text: string): Promise<void> {
    const datasetId = plainRelation(text).split('.').at(-1) ?? '';
    try {
      await this.#api.getDataset(datasetId);
    } catch (error) {
      if (toApiFailure(error).status !== 404) throw error;
      await this.#api.insertDataset({
        datasetReference: { projectId: this.#api.project, datasetId },
        location: this.#api.location,
      });
    }
  }

  async #table(relation: string): Promise<TableResource | undefined> {
    try {
      return await this.#api.getTable(tableReference(relation, this.#api.project));
    } catch (error) {
      if (toApiFailure(error).status === 404) return undefined;
      throw error;
    }
  }

  async #rowsOf(relation: string): Promise<string[]> {
    if ((await this.#table(relation)) === undefined) return [];
    const { rows } = await this.#query(`select to_json_string(t) from ${relation} as t`);
    return rows.map((row) => String(row[0]));
  }
}

/** `a.b.c`, `` `a`.`b`.`c` `` and `b.c` alike. */
export function tableReference(relation: string, project: string): TableReference {
  const [tableId = '', datasetId = '', projectId = project] = plainRelation(relation).split('.').reverse();
  return { projectId, datasetId, tableId };
}

function besides(relation: string): string {
  return relation.endsWith('`') ? `${relation.slice(0, -1)}__sluice_new\`` : `${relation}__sluice_new`;
}

/** Splits `create table <relation> …` behind the relation's name. */
function afterHeader(sql: string, relation: string): readonly [string, string] {
  const end = sql.indexOf(relation) + relation.length;
  return [sql.slice(0, end), sql.slice(end)];
}

/** The select list that gives the table its altered columns; undefined: nothing changes. */
function alteredSelect(fields: readonly FieldSchema[], rest: readonly string[]): string | undefined {
  const [verb = '', , ...tail] = rest;
  const words = tail[0]?.toLowerCase() === 'if' ? tail.slice(tail[1]?.toLowerCase() === 'not' ? 3 : 2) : tail;
  const name = words[0] ?? '';
  const same = (field: FieldSchema): boolean => field.name.toLowerCase() === plainRelation(name).toLowerCase();
  const known = fields.some(same);
  const plain = (field: FieldSchema): string => `\`${field.name}\``;
  switch (verb.toLowerCase()) {
    case 'add':
      if (known) return undefined;
      return [...fields.map(plain), `cast(null as ${words.slice(1).join('')}) as ${name}`].join(', ');
    case 'drop':
      return known
        ? fields
            .filter((field) => !same(field))
            .map(plain)
            .join(', ')
        : undefined;
    case 'alter':
      return fields
        .map((field) =>
          same(field)
            ? `cast(${plain(field)} as ${words.slice(4).join('') || typeName(field)}) as ${plain(field)}`
            : plain(field),
        )
        .join(', ');
    default:
      throw new SluiceError('unsupported', `The BigQuery emulator cannot run: alter table … ${rest.join(' ')}`);
  }
}

export function dmlTarget(sql: string): string | undefined {
  const words = tokens(sql);
  let index = 1;
  while (['into', 'from', 'table'].includes((words[index] ?? '').toLowerCase())) index++;
  let end = index + 1;
  while (words[end] === '.' || words[end] === '-') end += 2;
  return classify(sql).kind === 'dml' ? words.slice(index, end).join('') : undefined;
}

/** Rows that came, and those that went, where an updated row is one of each. */
function changedRows(before: readonly string[], after: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const row of before) counts.set(row, (counts.get(row) ?? 0) - 1);
  for (const row of after) counts.set(row, (counts.get(row) ?? 0) + 1);
  let came = 0;
  let went = 0;
  for (const count of counts.values()) {
    if (count > 0) came += count;
    else went -= count;
  }
  return Math.max(came, went);
}

function alreadyExists(what: string, relation: string): SluiceError {
  return new SluiceError('model_failed', `Already Exists: ${what} ${plainRelation(relation)}`);
}
