/** The checker finds what it is for; `tests/integration/hourly-run-cost.test.ts` lets it look at real runs. */
import { describe, expect, it } from 'vitest';
import { costViolations, type CostTable } from '../../support/cost-checker.ts';

const TABLES: readonly CostTable[] = [
  {
    name: 'raw_stream',
    partition: { column: '_event_at', type: 'timestamp' },
    cluster: '_key',
    readableFrom: '2026-03',
  },
  { name: 'history', partition: { column: 'day', type: 'date' }, cluster: 'id', readableFrom: null },
  { name: 'current', partition: null, cluster: 'id', readableFrom: null },
];

const rules = (sql: string): readonly string[] =>
  costViolations(sql, TABLES).map(({ rule, table }) => `${rule} ${table}`);

describe('a statement that prunes', () => {
  it.each([
    ["select 1 from `p`.`d`.`history` where `day` = date '2026-03-01'"],
    ["select 1 from d.history as h where h.day between date '2026-03-01' and date '2026-03-02' and h.x = 1"],
    ["select 1 from d.history where day in (date '2026-03-01', date '2026-03-02') group by 1"],
    ["delete from d.history where `day` >= date '2026-03-01' and `day` < date '2026-03-03'"],
    [
      "with a as (select * from (select * from d.history where (day >= date '2026-03-01' and day < date '2026-03-02')) where id is null) select 1 from a",
    ],
    [
      "select _key from d.raw_stream where _event_at >= timestamp '2026-03-15 00:00:00+00' and (_seq in (1) or _seq = 2)",
    ],
    [
      "select 1 from s inner join `d.raw_stream` as r on r.id = s.id where r._event_at >= timestamp '2026-03-01T00:00:00Z' and s.x union all select 2",
    ],
    ['select 1 from d.raw_stream where _event_at is null'],
    [
      "merge into d.current as t using d.stage as s on s.id = t.id and t.id between 'a' and 'b' when matched then update set x = s.x",
    ],
    ['insert into d.history (day) select day from d.stage'],
    ['create or replace view d.v as select * from d.history'],
    ["drop table if exists d.history; alter table d.history set options (description = 'x')"],
    ['select 1 from d.other'],
  ])('passes: %s', (sql) => {
    expect(rules(sql)).toEqual([]);
  });
});

describe('a statement that does not', () => {
  it.each([
    ['select 1 from d.history', 'no_partition_literal history'],
    ['select 1 from d.history where id = 1', 'no_partition_literal history'],
    ["select 1 from d.history where day = '2026-03-01'", 'no_partition_literal history'],
    ['select 1 from d.history where day = (select max(day) from d.other)', 'no_partition_literal history'],
    ["select 1 from d.history where day = date '2026-03-01' or id = 1", 'no_partition_literal history'],
    ["select 1 from d.history where (day = date '2026-03-01' or id = 1)", 'no_partition_literal history'],
    ["select 1 from d.history where not (day = date '2026-03-01')", 'no_partition_literal history'],
    [
      "select 1 from d.history where id in (select id from d.other where day = date '2026-03-01')",
      'no_partition_literal history',
    ],
    ["select 1 from (select * from d.history) where day = date '2026-03-01'", 'no_partition_literal history'],
    ['delete from d.history where id = 1', 'no_partition_literal history'],
    ["update d.history set x = 1 where id = 'a'", 'no_partition_literal history'],
    ['create or replace table d.stage as select * from d.raw_stream', 'no_partition_literal raw_stream'],
    ['begin transaction; delete from d.history where true; commit transaction', 'no_partition_literal history'],
    ['insert into d.other select * from d.history', 'no_partition_literal history'],
    ["select 1 from d.raw_stream where _event_at >= timestamp '2026-02-28 23:00:00+00'", 'outside_window raw_stream'],
    ["select 1 from d.raw_stream where _event_at < timestamp '2026-03-28 23:00:00+00'", 'outside_window raw_stream'],
    ['merge into d.current as t using d.stage as s on s.id = t.id when matched then delete', 'no_key_range current'],
    [
      'merge into d.current as t using d.stage as s on s.id = t.id and t.id between s.a and s.b when matched then delete',
      'no_key_range current',
    ],
    [
      "merge into d.history as t using d.stage as s on s.id = t.id and t.id between 'a' and 'b' when matched then delete",
      'no_partition_literal history',
    ],
  ])('is found: %s', (sql, violation) => {
    expect(rules(sql)).toEqual([violation]);
  });

  it('is found once for each mention', () => {
    expect(rules('select 1 from d.history as a join d.history as b on a.id = b.id where a.x')).toHaveLength(2);
  });
});
