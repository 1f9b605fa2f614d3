/**
 * Runs statements on goccy/bigquery-emulator, which `--target ci` and the tests use. It answers for BigQuery in most of the SQL, but not in
 * these places (each pinned in `tests/integration/bigquery-emulator.test.ts`), which are bridged here and nowhere else:
 *
 * - CREATE OR REPLACE and CREATE IF NOT EXISTS of something that exists answer 409 and leave the old columns known: drop first, in a job of
 *   its own; through a second table when the statement reads what it replaces;
 * - ALTER TABLE and CREATE SCHEMA answer OK and do nothing: the table is built anew, descriptions and datasets are set by REST;
 * - copies fail: CREATE … AS SELECT; a DELETE with a correlated EXISTS deletes everything: MERGE;
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
import {
  classify,
  dmlTarget,
  plainRelation,
  replaceRelation,
  selectOf,
  tokens,
  unquoted,
  type CreateStatement,
} from './sql-text.ts';
import { typeName } from './values.ts';

/** What `Dialect.stagingRelation` appends. */
const STAGING_SUFFIX = '__sluice_stage';

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
        return this.#drop(sql, statement.relation);
      case 'alter':
        return this.#alter(statement.relation, statement.rest);
      case 'query':
        // As a job it would leave a dataset with its result behind.
        await this.#query(sql);
        return;
      default:
        await this.#run(withoutCorrelatedDelete(sql));
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

  /** Staging tables are emptied instead: see `#create` for what a drop costs, and the next run makes the same table again. */
  async #drop(sql: string, relation: string): Promise<void> {
    if ((await this.#table(relation)) === undefined) return;
    const isStaging = plainRelation(relation).endsWith(STAGING_SUFFIX);
    await this.#run(isStaging ? `delete from ${relation} where true` : sql);
  }

  async #create(sql: string, statement: CreateStatement): Promise<void> {
    const { relation, what } = statement;
    const existing = await this.#table(relation);
    const copied =
      statement.copyOf === undefined ? sql : `create table ${relation} as select * from ${statement.copyOf}`;
    const plain = copied.replace(/create\s+or\s+replace/i, 'create').replace(/if\s+not\s+exists/i, '');
    if (existing === undefined) {
      await this.#run(plain);
      const labels = statement.copyOf === undefined ? undefined : labelsIn(tokens(sql));
      if (labels !== undefined) await this.#api.patchTable(tableReference(relation, this.#api.project), { labels });
      return;
    }
    if (statement.ifNotExists) return;
    if (!statement.orReplace) throw alreadyExists(what, relation);
    const { head, body } = selectOf(plain);
    const readsItself = replaceRelation(body, relation, relation).found;
    if (what === 'table' && !readsItself && (await this.#sameColumns(existing, body))) {
      // A drop makes the emulator build its whole catalogue anew, which takes seconds once there are a few dozen tables.
      await this.#run(`delete from ${relation} where true`);
      await this.#run(`insert into ${relation} ${body}`);
      return;
    }
    const drop = `drop ${existing.type === 'VIEW' ? 'view' : 'table'} ${relation}`;
    if (!readsItself) {
      await this.#run(drop);
      await this.#run(plain);
      return;
    }
    const aside = besides(relation);
    await this.execute(`drop table if exists ${aside}`);
    await this.#run(`create table ${aside} as ${body}`);
    await this.#run(drop);
    await this.#run(`${head} select * from ${aside}`);
    await this.#run(`drop table ${aside}`);
  }

  async #sameColumns(existing: TableResource, select: string): Promise<boolean> {
    if (existing.type === 'VIEW' || select === '') return false;
    const { columns } = await this.#query(`select * from (\n${select}\n) limit 0`);
    const text = (list: readonly { readonly name: string; readonly type: string }[]): string =>
      JSON.stringify(list.map(({ name, type }) => [name, type]));
    const known = (existing.schema?.fields ?? []).map((field) => ({ name: field.name, type: typeName(field) }));
    return text(known) === text(columns);
  }

  /** `add column`, `drop column`, `alter column … set data type`, `set options`. */
  async #alter(relation: string, rest: readonly string[]): Promise<void> {
    const words = rest.map((word) => word.toLowerCase());
    const table = await this.#table(relation);
    if (table === undefined) throw new SluiceError('model_failed', `Not found: Table ${plainRelation(relation)}`);
    if (words.includes('options')) return this.#describe(table, rest);
    const altered = alteredTable(table.schema?.fields ?? [], rest);
    if (altered === undefined) return;
    const aside = besides(relation);
    await this.execute(`drop table if exists ${aside}`);
    await this.#run(`create table ${aside} as select * from ${relation}`);
    await this.#run(`drop table ${relation}`);
    const { tableReference, timePartitioning, clustering, description } = table;
    await this.#api.insertTable({
      tableReference,
      // It answers FLOAT, and takes that for 32 bits.
      schema: { fields: altered.map(({ field }) => (field.type === 'FLOAT' ? { ...field, type: 'FLOAT64' } : field)) },
      ...(timePartitioning === undefined ? {} : { timePartitioning }),
      ...(clustering === undefined ? {} : { clustering }),
      ...(description === undefined ? {} : { description }),
    });
    const kept = altered.filter(({ isNew }) => !isNew).map(({ field }) => field);
    const values = kept.map((field) => `cast(\`${field.name}\` as ${typeName(field)})`).join(', ');
    const names = kept.map((field) => `\`${field.name}\``).join(', ');
    await this.#run(`insert into ${relation} (${names}) select ${values} from ${aside}`);
    await this.#run(`drop table ${aside}`);
  }

  /** `set options (description = '…')`, of the table or of `alter column <name>`, and `labels`; other options are left out. */
  async #describe(table: TableResource, rest: readonly string[]): Promise<void> {
    const words = rest.map((word) => word.toLowerCase());
    const labels = labelsIn(rest);
    if (labels !== undefined) await this.#api.patchTable(table.tableReference, { labels });
    const at = words.indexOf('description');
    const text = at === -1 ? undefined : rest[at + 2];
    if (text === undefined) return;
    const description = unquoted(text);
    if (words[0] === 'set') {
      await this.#api.patchTable(table.tableReference, { description });
      return;
    }
    const column = plainRelation(rest[2] ?? '');
    const fields = (table.schema?.fields ?? []).map((field) =>
      field.name === column ? { ...field, description } : field,
    );
    await this.#api.patchTable(table.tableReference, { schema: { fields } });
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

/** `labels = [('a', 'b'), …]` among other options; undefined: they are not named. */
function labelsIn(words: readonly string[]): Readonly<Record<string, string>> | undefined {
  const at = words.findIndex((word, index) => word.toLowerCase() === 'labels' && words[index + 1] === '=');
  if (at === -1) return undefined;
  const texts = words.slice(at, words.indexOf(']', at)).filter((word) => word.startsWith("'"));
  const pairs = texts.flatMap((text, index) =>
    index % 2 === 0 ? [[unquoted(text), unquoted(texts[index + 1] ?? "''")] as const] : [],
  );
  return Object.fromEntries(pairs);
}

/** `a.b.c`, `` `a`.`b`.`c` `` and `b.c` alike. */
export function tableReference(relation: string, project: string): TableReference {
  const [tableId = '', datasetId = '', projectId = project] = plainRelation(relation).split('.').reverse();
  return { projectId, datasetId, tableId };
}

function besides(relation: string): string {
  return relation.endsWith('`') ? `${relation.slice(0, -1)}__sluice_new\`` : `${relation}__sluice_new`;
}

interface AlteredField {
  readonly field: FieldSchema;
  readonly isNew: boolean;
}

/** `add column a t, add column b t`: one after the other. */
function alteredTable(fields: readonly FieldSchema[], rest: readonly string[]): readonly AlteredField[] | undefined {
  let altered: readonly AlteredField[] | undefined;
  for (const change of parted(rest)) {
    const isNew = new Map(altered?.map(({ field, isNew: fresh }) => [field, fresh]));
    const next = alteredFields(altered?.map(({ field }) => field) ?? fields, change);
    altered = next?.map((one) => ({ ...one, isNew: one.isNew || isNew.get(one.field) === true })) ?? altered;
  }
  return altered;
}

/** Cut at the commas between changes; those of a type lie in brackets. */
function parted(words: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const word of words) {
    if (word === '(' || word === '<') depth++;
    if (word === ')' || word === '>') depth--;
    if (word === ',' && depth === 0) parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

/** The columns after the change; undefined: nothing changes. */
function alteredFields(fields: readonly FieldSchema[], rest: readonly string[]): readonly AlteredField[] | undefined {
  const [verb = '', , ...tail] = rest;
  const words = tail[0]?.toLowerCase() === 'if' ? tail.slice(tail[1]?.toLowerCase() === 'not' ? 3 : 2) : tail;
  const name = plainRelation(words[0] ?? '');
  const same = (field: FieldSchema): boolean => field.name.toLowerCase() === name.toLowerCase();
  const known = fields.some(same);
  const kept = (field: FieldSchema): AlteredField => ({ field, isNew: false });
  switch (verb.toLowerCase()) {
    case 'add':
      return known ? undefined : [...fields.map(kept), { field: fieldOf(name, words.slice(1)), isNew: true }];
    case 'drop':
      return known ? fields.filter((field) => !same(field)).map(kept) : undefined;
    case 'alter':
      // alter column <name> set data type <type>
      return fields.map((field) => kept(same(field) ? fieldOf(field.name, words.slice(4)) : field));
    default:
      throw new SluiceError('unsupported', `The BigQuery emulator cannot run: alter table … ${rest.join(' ')}`);
  }
}

/** `numeric ( 18 , 2 )` and the like; the emulator keeps no parameters. */
function fieldOf(name: string, type: readonly string[]): FieldSchema {
  const words = type.map((word) => word.toUpperCase());
  if (words[0] === 'ARRAY') return { name, type: words[2] ?? 'STRING', mode: 'REPEATED' };
  return { name, type: words[0] ?? 'STRING', mode: 'NULLABLE' };
}

/**
 * A DELETE with a correlated EXISTS empties the table on the emulator. The one that `delete+insert` writes says the same as a MERGE that
 * deletes what matches.
 */
function withoutCorrelatedDelete(sql: string): string {
  const shape =
    /^delete from (\S+) as (\w+)\s+where exists \(select 1 from (\S+) as (\w+) where ([^()]+)\)(\s+and [\s\S]+)?$/i;
  const found = shape.exec(sql.trim());
  if (found === null) return sql;
  const [, target = '', dest = '', source = '', src = '', on = '', and = ''] = found;
  return `merge into ${target} as ${dest} using ${source} as ${src} on ${on} when matched${and} then delete`;
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
