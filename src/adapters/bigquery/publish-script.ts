/**
 * One publish unit as the text of one script job (pure).
 *
 *     <DDL that comes before the first change>
 *     begin transaction;
 *       <checks, delete, insert, merge>          a counted statement is followed by  create temp table … as select @@row_count
 *       create temp table _sluice_gate as        one row per data test: its number, failures, should_warn, should_error
 *       create temp table _sluice_verdict as     error('sluice_gate[0:3:1:1,1:0:0:0]') when a test of severity `error` fails
 *       <marks>
 *     commit transaction;
 *     <DDL that comes after>
 *     select … from _sluice_gate                 the script's result: BigQuery gives a script's last SELECT
 *
 * A script that fails inside a transaction is rolled back by BigQuery, so a failing test takes everything back. A test failure is told from a
 * fault by the text `sluice_gate[…]` in the job's error, which also carries every test's result (number:failures:warn:error), because a
 * failed script has no rows. Temporary tables are the only DDL that a transaction takes. `declare` is never used: the emulator's
 * leaks (FACTS.md §1.1).
 *
 * Permanent DDL cannot be part of a transaction in BigQuery. `create or replace table|view X` is atomic by itself, so with data
 * tests it becomes: build `X__sluice_next` instead, test that (mentions of X in the tests are turned into it), then replace X in one
 * statement (tables by a copy of metadata, which costs nothing), then the marks. Dying before the marks repeats the unit, which is harmless.
 * Where the rows stand in a staging table already (`… as select * from <staging>`), the tests look at that, and nothing is built twice.
 * Added columns (`alter table … add column`) come before the transaction; they stay, empty, when a test then fails.
 */
import { SluiceError } from '../../core/errors.ts';
import type { GateTest, PublishUnit } from '../../transform/run/ports.ts';
import { rowCount, wantsFilter, withoutFilter } from './partition-filter.ts';
import {
  classify,
  dmlTarget,
  plainRelation,
  replaceRelation,
  splitStatements,
  type CreateStatement,
} from './sql-text.ts';

/** Results alone: the text of the script, which an error may quote, has a quote behind the bracket. */
export const GATE_MARKER = /sluice_gate\[((?:\d+:\d+:[01]:[01],?)+)\]/;

export interface ScriptStep {
  readonly sql: string;
  /** begin, commit, count, verdict and result exist for BigQuery's script alone; the emulator's executor leaves them out. */
  readonly role: 'change' | 'begin' | 'count' | 'gate' | 'verdict' | 'mark' | 'commit' | 'result';
  readonly countRows?: boolean;
}

interface Change {
  readonly sql: string;
  readonly countRows: boolean;
}

/** Name of the temporary tables that carry counts; the number keeps them apart. */
const ROWS_TABLE = '_sluice_rows';

/** `builtAside`: a created table is built beside and copied into place also where nothing is tested. */
export function publishSteps(unit: PublishUnit, { builtAside = false } = {}): readonly ScriptStep[] {
  const changes = unit.statements.flatMap(({ sql, countRows }) => {
    const statements = splitStatements(sql);
    return statements.map((text, index): Change => ({
      sql: text,
      countRows: countRows === true && index === statements.length - 1,
    }));
  });
  const creation = lastCreation(changes);
  // A table that has to be dropped first (other partitions) is missing until the new one is there: a copy takes seconds, a query may take long.
  const isAside = builtAside || (creation !== undefined && isDropped(changes, creation));
  const replaced = unit.tests.length === 0 && !isAside ? undefined : creation;
  const body =
    replaced === undefined ? inTransaction(unit, changes) : testedBeforeReplacing(unit, changes, replaced, isAside);
  const counts = body.filter((step) => step.role === 'count').length;
  if (counts === 0 && unit.tests.length === 0) return body;
  return [...body, { role: 'result', sql: resultSelect(counts, unit.tests.length > 0) }];
}

export function scriptText(steps: readonly ScriptStep[]): string {
  return steps.map((step) => `${step.sql};\n`).join('');
}

function inTransaction(unit: PublishUnit, changes: readonly Change[]): ScriptStep[] {
  const ordered = [
    ...hoisted(changes.filter(({ sql }) => !isDescription(sql))),
    ...changes.filter(({ sql }) => isDescription(sql)),
  ];
  const firstDml = ordered.findIndex(({ sql }) => classify(sql).kind === 'dml');
  const lastDml = ordered.findLastIndex(({ sql }) => classify(sql).kind === 'dml');
  const counter = new Counter();
  if (firstDml === -1) {
    const made = ordered.flatMap((change) => counter.steps(change));
    return [...made, ...gateSteps(unit.tests), ...transaction(unit.marks.map((sql) => ({ sql, role: 'mark' })))];
  }
  const isDdl = ordered.map(({ sql }) => isPermanentDdl(sql));
  if (isDdl.slice(firstDml, lastDml + 1).includes(true)) throw mixed(unit);
  const start = isDdl.slice(0, firstDml).lastIndexOf(true) + 1;
  const ddlAfter = isDdl.indexOf(true, lastDml);
  const end = ddlAfter === -1 ? ordered.length : ddlAfter;
  return [
    ...ordered.slice(0, start).flatMap((change) => counter.steps(change)),
    ...transaction([
      ...ordered.slice(start, end).flatMap((change) => counter.steps(change)),
      ...gateSteps(unit.tests),
      ...unit.marks.map((sql): ScriptStep => ({ sql, role: 'mark' })),
    ]),
    ...ordered.slice(end).flatMap((change) => counter.steps(change)),
  ];
}

/**
 * DDL that has nothing to do with the changes before it moves in front of them: the swap of a full refresh replaces tables (DDL) and notes
 * that (DML), and the note must not be true before the swap is.
 */
function hoisted(changes: readonly Change[]): readonly Change[] {
  const ddl: Change[] = [];
  const rest: Change[] = [];
  for (const change of changes) {
    const relation = relationOf(change.sql);
    const isFree =
      isPermanentDdl(change.sql) && rest.every((earlier) => areIndependent(earlier.sql, change.sql, relation));
    (isFree ? ddl : rest).push(change);
  }
  return [...ddl, ...rest];
}

/** `alter … set options (…)` says something about a table and touches no row: it may wait until the rows are there. */
function isDescription(sql: string): boolean {
  const statement = classify(sql);
  if (statement.kind !== 'alter') return false;
  const words = statement.rest.map((word) => word.toLowerCase());
  return words.includes('set') && words[words.indexOf('set') + 1] === 'options';
}

/** Neither mentions what the other changes. */
function areIndependent(earlier: string, ddl: string, created: string | undefined): boolean {
  const changed = dmlTarget(earlier) ?? relationOf(earlier);
  if (changed === undefined || created === undefined) return false;
  return !replaceRelation(ddl, changed, changed).found && !replaceRelation(earlier, created, created).found;
}

function relationOf(sql: string): string | undefined {
  const statement = classify(sql);
  return 'relation' in statement ? statement.relation : undefined;
}

/** One statement is atomic without BEGIN and COMMIT. */
function transaction(steps: readonly ScriptStep[]): readonly ScriptStep[] {
  if (steps.length < 2) return steps;
  return [{ sql: 'begin transaction', role: 'begin' }, ...steps, { sql: 'commit transaction', role: 'commit' }];
}

interface Creation {
  readonly index: number;
  readonly statement: CreateStatement;
}

/** The creation that a unit ends with, drops aside; undefined when rows are changed in place. */
function lastCreation(changes: readonly Change[]): Creation | undefined {
  let found: Creation | undefined;
  for (const [index, { sql }] of changes.entries()) {
    const statement = classify(sql);
    if (statement.kind === 'create' && statement.orReplace) found = { index, statement };
    // Rows written into the new table belong to it; those of other tables (a hook's) do not matter here.
    if (statement.kind === 'dml' && found !== undefined && dmlTarget(sql) === found.statement.relation)
      found = undefined;
  }
  return found;
}

function testedBeforeReplacing(
  unit: PublishUnit,
  changes: readonly Change[],
  { index, statement }: Creation,
  isAside: boolean,
): ScriptStep[] {
  const change = changes[index] ?? { sql: '', countRows: false };
  const drops = changes.filter(({ sql }) => {
    const other = classify(sql);
    return other.kind === 'drop' && other.relation === statement.relation;
  });
  const before = changes.slice(0, index).filter((other) => !drops.includes(other));
  const counter = new Counter();
  const staged = isAside ? undefined : stagedRows(change.sql);
  const aside = asideName(statement.relation);
  const tested = staged ?? aside;
  const tests = unit.tests.map((test) => ({ ...test, sql: replaceRelation(test.sql, statement.relation, tested).sql }));
  const isTable = statement.what === 'table';
  // The tests ask without a condition on partitions; the table that readers get has the option.
  const built = replaceRelation(isTable ? withoutFilter(change.sql) : change.sql, statement.relation, aside).sql;
  const build = staged === undefined ? [{ sql: built, countRows: false }] : [];
  const filter = wantsFilter(change.sql) ? '\noptions (require_partition_filter = true)' : '';
  const replacement =
    staged === undefined && isTable
      ? `create or replace table ${statement.relation} copy ${aside}${filter}`
      : change.sql;
  const cleanup = staged === undefined ? [{ sql: `drop ${statement.what} if exists ${aside}`, countRows: false }] : [];
  const after = changes.slice(index + 1).filter((other) => !drops.includes(other));
  const rest = after.filter(({ sql }) => isPermanentDdl(sql));
  const steps = (list: readonly Change[]): ScriptStep[] => list.flatMap((one) => counter.steps(one));
  return [
    ...steps([...before, ...build]),
    ...gateSteps(tests),
    ...steps(drops),
    ...counter.steps({ sql: replacement, countRows: change.countRows }, change.sql),
    ...transaction([
      ...steps(after.filter((other) => !rest.includes(other))),
      ...unit.marks.map((sql): ScriptStep => ({ sql, role: 'mark' })),
    ]),
    ...steps([...cleanup, ...rest]),
  ];
}

function isDropped(changes: readonly Change[], { index, statement }: Creation): boolean {
  return changes.slice(0, index).some(({ sql }) => {
    const earlier = classify(sql);
    return (
      earlier.kind === 'drop' &&
      earlier.what === 'table' &&
      statement.what === 'table' &&
      earlier.relation === statement.relation
    );
  });
}

/** A table that is dropped and comes back as a copy of the one that was built beside it: what it has to keep is put onto that one in between. */
export function droppedAndCopied(steps: readonly ScriptStep[]): string | undefined {
  const dropped = new Set(
    steps.flatMap(({ sql }) => {
      const statement = classify(sql);
      return statement.kind === 'drop' && statement.what === 'table' ? [statement.relation] : [];
    }),
  );
  for (const { sql } of steps) {
    const statement = classify(sql);
    if (statement.kind !== 'create' || statement.copyOf !== asideName(statement.relation)) continue;
    if (dropped.has(statement.relation)) return statement.relation;
  }
  return undefined;
}

/**
 * Where a script is cut in two so that columns can get their policy tags (which no SQL sets) before anybody reads them: behind the
 * table that is built aside, or behind the columns that are added. `relation`: whose columns these are.
 */
export function tagPoint(
  steps: readonly ScriptStep[],
  relation: string,
): { readonly at: number; readonly relation: string } {
  const aside = asideName(relation);
  const built = steps.findIndex(({ sql }) => {
    const statement = classify(sql);
    return statement.kind === 'create' && plainRelation(statement.relation) === plainRelation(aside);
  });
  if (built !== -1) return { at: built + 1, relation: aside };
  const first = steps.findIndex(({ role, sql }) => role !== 'change' || !isPermanentDdl(sql));
  return { at: first === -1 ? steps.length : first, relation };
}

/** `<name>__sluice_next`, quoted like the name itself. */
export function asideName(relation: string): string {
  return relation.endsWith('`') ? `${relation.slice(0, -1)}__sluice_next\`` : `${relation}__sluice_next`;
}

/** The relation of `create … as select * from <relation>`: a creation that adds nothing to rows which exist already. */
function stagedRows(sql: string): string | undefined {
  return /\bas\s+select \* from ((?:`[^`]+`|[\w-]+)(?:\.(?:`[^`]+`|[\w-]+))*)\s*$/.exec(sql)?.[1];
}

/** Follows a counted statement with one that keeps the count. */
class Counter {
  #count = 0;

  /** `creation`: what made the table, where the statement itself only copies it. */
  steps(change: Change, creation = change.sql): ScriptStep[] {
    const step: ScriptStep = { sql: change.sql, role: 'change', countRows: change.countRows };
    if (!change.countRows) return [step];
    const statement = classify(change.sql);
    // @@row_count speaks of DML only; a whole table's count comes from its metadata, for nothing.
    const rows = statement.kind === 'create' ? rowCount(statement.relation, creation) : 'select @@row_count as n';
    const name = `${ROWS_TABLE}_${String(this.#count++)}`;
    return [step, { sql: `create temp table ${name} as\n${rows}`, role: 'count' }];
  }
}

function gateSteps(tests: readonly GateTest[]): ScriptStep[] {
  if (tests.length === 0) return [];
  const deciding = tests.flatMap((test, index) => (test.severity === 'error' ? [String(index)] : []));
  const gate: ScriptStep = { sql: `create temp table _sluice_gate as\n${gateSelect(tests)}`, role: 'gate' };
  return deciding.length === 0 ? [gate] : [gate, { sql: verdict(deciding), role: 'verdict' }];
}

/** One row per test, in one statement: one job of the script however many tests there are. */
function gateSelect(tests: readonly GateTest[]): string {
  return tests
    .map(
      ({ sql }, index) =>
        `select ${String(index)} as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (\n` +
        `${sql.trim().replace(/;+$/, '')}\n) as t`,
    )
    .join('\nunion all\n');
}

function verdict(deciding: readonly string[]): string {
  const flag = (column: string): string => `if(coalesce(${column}, false), '1', '0')`;
  const parts = [
    'cast(test as string)',
    'cast(coalesce(failures, 0) as string)',
    flag('should_warn'),
    flag('should_error'),
  ];
  return [
    'create temp table _sluice_verdict as',
    `select if(countif(test in (${deciding.join(', ')}) and should_error) > 0,`,
    `  error(concat('sluice_gate[', string_agg(concat(${parts.join(", ':', ")}), ',' order by test), ']')), 0) as verdict`,
    'from _sluice_gate',
  ].join('\n');
}

/** Row -1: the counted rows. In no order: a select without FROM takes no ORDER BY, and rows carry their number. */
function resultSelect(counts: number, hasTests: boolean): string {
  const sums = Array.from({ length: counts }, (_, index) => `(select n from ${ROWS_TABLE}_${String(index)})`);
  const rows =
    counts === 0
      ? []
      : [
          `select -1 as test, ${sums.join(' + ')} as failures, cast(null as bool) as should_warn, cast(null as bool) as should_error`,
        ];
  const tests = hasTests ? ['select test, failures, should_warn, should_error from _sluice_gate'] : [];
  return [...rows, ...tests].join('\nunion all\n');
}

function isPermanentDdl(sql: string): boolean {
  const { kind } = classify(sql);
  return kind === 'create' || kind === 'drop' || kind === 'alter' || kind === 'create_schema' || kind === 'other';
}

function mixed(unit: PublishUnit): SluiceError {
  return new SluiceError(
    'internal',
    `the unit of ${unit.node} has DDL between its changes; BigQuery has no DDL in transactions, so it cannot be published as one`,
  );
}
