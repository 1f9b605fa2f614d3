/** A unit as one script: what stands inside the transaction, what cannot, and where the tests look. */
import { describe, expect, test } from 'vitest';
import {
  droppedAndCopied,
  GATE_MARKER,
  publishSteps,
  scriptText,
  tagPoint,
} from '../../../src/adapters/bigquery/publish-script.ts';
import type { GateTest, PublishUnit } from '../../../src/transform/run/ports.ts';

const unit = (parts: Partial<PublishUnit>): PublishUnit => ({
  node: 'm',
  statements: [],
  tests: [],
  marks: [],
  ...parts,
});
const script = (parts: Partial<PublishUnit>): string => scriptText(publishSteps(unit(parts)));
/** First lines of the statements. */
const outline = (parts: Partial<PublishUnit>): string[] =>
  publishSteps(unit(parts)).map(({ sql }) => sql.split('\n')[0] ?? '');
const T = '`p`.`d`.`t`';
const test1: GateTest = {
  id: 'one',
  severity: 'error',
  sql: `select 0 as failures, false as should_warn, false as should_error from ${T};`,
};

describe('changes of rows', () => {
  test('are one transaction with the tests and the marks', () => {
    const text = script({
      statements: [
        { sql: `delete from ${T} where day = date '2026-03-01'` },
        { sql: `insert into ${T} select 1`, countRows: true },
      ],
      tests: [test1, { ...test1, id: 'two', severity: 'warn' }],
      marks: ['insert into marks select 1'],
    });
    expect(text).toBe(`begin transaction;
delete from ${T} where day = date '2026-03-01';
insert into ${T} select 1;
create temp table _sluice_rows_0 as
select @@row_count as n;
create temp table _sluice_gate as
select 0 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select 0 as failures, false as should_warn, false as should_error from ${T}
) as t
union all
select 1 as test, cast(t.failures as int64) as failures, t.should_warn, t.should_error from (
select 0 as failures, false as should_warn, false as should_error from ${T}
) as t;
create temp table _sluice_verdict as
select if(countif(test in (0) and should_error) > 0,
  error(concat('sluice_gate[', string_agg(concat(cast(test as string), ':', cast(coalesce(failures, 0) as string), ':', if(coalesce(should_warn, false), '1', '0'), ':', if(coalesce(should_error, false), '1', '0')), ',' order by test), ']')), 0) as verdict
from _sluice_gate;
insert into marks select 1;
commit transaction;
select -1 as test, (select n from _sluice_rows_0) as failures, cast(null as bool) as should_warn, cast(null as bool) as should_error
union all
select test, failures, should_warn, should_error from _sluice_gate;
`);
  });

  test('one alone needs no transaction', () => {
    expect(outline({ statements: [{ sql: `insert into ${T} select 1` }] })).toEqual([`insert into ${T} select 1`]);
  });

  test('tests that only warn stop nothing', () => {
    const steps = publishSteps(
      unit({ statements: [{ sql: `delete from ${T} where true` }], tests: [{ ...test1, severity: 'warn' }] }),
    );
    expect(steps.map(({ role }) => role)).toEqual(['begin', 'change', 'gate', 'commit', 'result']);
  });

  test('checks and added columns come before, dropped staging tables after', () => {
    const statements = [
      { sql: 'select error("checked")' },
      { sql: `alter table ${T} add column x string` },
      { sql: `merge into ${T} as t using \`p\`.\`d\`.\`s\` as s on t.k = s.k when not matched then insert row` },
      { sql: 'drop table if exists `p`.`d`.`s`' },
    ];
    expect(outline({ statements, marks: ['insert into marks select 1'] })).toEqual([
      'select error("checked")',
      `alter table ${T} add column x string`,
      'begin transaction',
      `merge into ${T} as t using \`p\`.\`d\`.\`s\` as s on t.k = s.k when not matched then insert row`,
      'insert into marks select 1',
      'commit transaction',
      'drop table if exists `p`.`d`.`s`',
    ]);
  });

  test('DDL between changes that belong together is refused', () => {
    const statements = [
      { sql: `insert into ${T} select 1` },
      { sql: `create table x as select * from ${T}` },
      { sql: 'delete from x where true' },
    ];
    expect(() => publishSteps(unit({ statements }))).toThrow(/DDL between its changes/);
  });

  test('a script never declares a variable', () => {
    expect(
      script({ statements: [{ sql: `delete from ${T} where true`, countRows: true }], tests: [test1] }),
    ).not.toMatch(/\bdeclare\b/i);
  });
});

describe('a replaced table', () => {
  const replace = { sql: `create or replace table ${T}\npartition by day\nas\nselect 1 as day`, countRows: true };

  test('is one statement where nothing is tested', () => {
    expect(outline({ statements: [{ sql: replace.sql }] })).toEqual([`create or replace table ${T}`]);
  });

  test('is built beside, tested there, then put in place by a copy of metadata; the marks follow', () => {
    const next = '`p`.`d`.`t__sluice_next`';
    expect(outline({ statements: [{ sql: `drop view ${T}` }, replace], tests: [test1], marks: ['m1', 'm2'] })).toEqual([
      `create or replace table ${next}`,
      'create temp table _sluice_gate as',
      'create temp table _sluice_verdict as',
      `drop view ${T}`,
      `create or replace table ${T} copy ${next}`,
      'create temp table _sluice_rows_0 as',
      'begin transaction',
      'm1',
      'm2',
      'commit transaction',
      `drop table if exists ${next}`,
      'select -1 as test, (select n from _sluice_rows_0) as failures, cast(null as bool) as should_warn, cast(null as bool) as should_error',
    ]);
    const gate = publishSteps(unit({ statements: [replace], tests: [test1] })).find(({ role }) => role === 'gate');
    expect(gate?.sql).toContain(`from ${next}`);
  });

  test('whose rows are staged is tested there and built once', () => {
    const staged = { sql: `create or replace table ${T}\nas\nselect * from \`p\`.\`d\`.\`t__sluice_stage\`` };
    const text = script({ statements: [staged], tests: [test1] });
    expect(text).toContain('should_error from `p`.`d`.`t__sluice_stage`');
    expect(text).not.toContain('__sluice_next');
  });
});

describe('a table that has to be dropped first', () => {
  const next = '`p`.`d`.`t__sluice_next`';
  const parts = {
    statements: [
      { sql: `drop table ${T}` },
      { sql: `create or replace table ${T}\npartition by day\nas\nselect * from \`p\`.\`d\`.\`t__sluice_stage\`` },
    ],
  };

  test('is missing for the length of a copy only, not of a query', () => {
    expect(outline(parts)).toEqual([
      `create or replace table ${next}`,
      `drop table ${T}`,
      `create or replace table ${T} copy ${next}`,
      `drop table if exists ${next}`,
    ]);
  });

  test('is cut behind the table that is built beside it, where what it keeps can be put onto that', () => {
    const steps = publishSteps(unit(parts));
    expect(droppedAndCopied(steps)).toBe(T);
    expect(tagPoint(steps, T)).toEqual({ at: 1, relation: next });
    const added = publishSteps(
      unit({
        statements: [{ sql: `alter table ${T} add column x string` }, { sql: `insert into ${T} (x) select 'a'` }],
      }),
    );
    expect(droppedAndCopied(added)).toBeUndefined();
    expect(tagPoint(added, T)).toEqual({ at: 1, relation: T });
  });
});

describe('a table that wants a partition filter', () => {
  const create = `create or replace table ${T}\npartition by timestamp_trunc(\`at\`, day)\noptions (require_partition_filter = true)\nas\nselect 'require_partition_filter = true' as note`;

  test('is built beside without it, tested, and put in place with it', () => {
    const text = script({ statements: [{ sql: create, countRows: true }], tests: [test1] });
    expect(text).toContain('options (require_partition_filter = false)');
    expect(text).toContain("select 'require_partition_filter = true' as note");
    expect(text).toContain(`copy \`p\`.\`d\`.\`t__sluice_next\`\noptions (require_partition_filter = true);`);
  });

  test('is counted by a condition that every row meets', () => {
    expect(script({ statements: [{ sql: create, countRows: true }] })).toContain(
      `select (select count(*) from ${T} where \`at\` is not null) + (select count(*) from ${T} where \`at\` is null) as n`,
    );
  });
});

describe('the swap of a full refresh', () => {
  test('comes before the notes that say it is done', () => {
    const statements = [
      { sql: 'create or replace table raw copy raw__rebuild' },
      { sql: 'drop table if exists raw__rebuild' },
      { sql: "delete from notes where job = 'customer'" },
      { sql: 'insert into notes values (1)' },
      { sql: 'create or replace table current copy current__rebuild' },
      { sql: 'drop table if exists current__rebuild' },
    ];
    expect(outline({ statements, marks: ['insert into marks select 1'] })).toEqual([
      'create or replace table raw copy raw__rebuild',
      'drop table if exists raw__rebuild',
      'create or replace table current copy current__rebuild',
      'drop table if exists current__rebuild',
      'begin transaction',
      "delete from notes where job = 'customer'",
      'insert into notes values (1)',
      'insert into marks select 1',
      'commit transaction',
    ]);
  });
});

test('the results are found in the error that BigQuery makes of them', () => {
  const message =
    "Query error: sluice_gate[0:3:1:1,1:0:0:0] at [14:3] in create temp table … error(concat('sluice_gate[', …))";
  expect(GATE_MARKER.exec('failed to exec … sluice_gate[0:3:1:1]')?.[1]).toBe('0:3:1:1');
  expect(GATE_MARKER.exec(message)?.[1]).toBe('0:3:1:1,1:0:0:0');
});
