import { describe, expect, it } from 'vitest';
import type { DialectName } from '../../../src/transform/sql/dialect.ts';
import { singleStatement, withCtes } from '../../../src/transform/sql/sql-text.ts';

describe('a single statement', () => {
  it.each<[string, DialectName, string]>([
    ['select 1;', 'duckdb', 'select 1'],
    ['select 1 ; ;\n-- the end', 'duckdb', 'select 1'],
    ["select ';' as a; ", 'duckdb', "select ';' as a"],
    ["select 'it''s; fine'", 'duckdb', "select 'it''s; fine'"],
    ["select 'a\\'; -- ", 'duckdb', "select 'a\\'"],
    ["select e'a\\';' as a;", 'duckdb', "select e'a\\';' as a"],
    ['select "a;b";', 'duckdb', 'select "a;b"'],
    ['select $$a;b$$ as x, $t$;$t$;', 'duckdb', 'select $$a;b$$ as x, $t$;$t$'],
    ['select 1 -- a; b\n', 'duckdb', 'select 1 -- a; b'],
    ['select /* ; */ 1;', 'duckdb', 'select /* ; */ 1'],
    ["select 'a\\';b' as x;", 'bigquery', "select 'a\\';b' as x"],
    ['select "a;b" # c; d\n;', 'bigquery', 'select "a;b" # c; d'],
    ["select '''a;'b''';", 'bigquery', "select '''a;'b'''"],
    ["select r'\\d;' , `a;b`;", 'bigquery', "select r'\\d;' , `a;b`"],
  ])('%s on %s', (text, dialect, expected) => {
    expect(singleStatement(text, dialect)).toEqual({ text: expected, secondAt: null, empty: false });
  });

  it('finds a second one', () => {
    const text = "select ';'; -- then\n drop table x";
    expect(singleStatement(text, 'duckdb').secondAt).toBe(text.indexOf('drop'));
  });

  it.each(['', ' \n', '-- nothing', '/* nothing */ ;'])('knows that %j is none', (text) => {
    expect(singleStatement(text, 'duckdb').empty).toBe(true);
  });
});

describe('common table expressions in front', () => {
  const ctes = [{ name: '"c"', sql: 'select 1' }];

  it.each([
    ['select * from "c"', 'with "c" as ( select 1 ) select * from "c"'],
    ['with x as (select 2) select 3', 'with "c" as ( select 1 ), x as (select 2) select 3'],
    [
      '-- why\nWITH  RECURSIVE x as (select 2) select 3',
      '-- why WITH RECURSIVE "c" as ( select 1 ), x as (select 2) select 3',
    ],
    ['/* a */ select 1', '/* a */ with "c" as ( select 1 ) select 1'],
    ['withdrawal', 'with "c" as ( select 1 ) withdrawal'],
  ])('%s', (select, expected) => {
    expect(withCtes(select, ctes, 'duckdb').replaceAll(/\s+/g, ' ')).toBe(expected);
  });

  it('are not there when there is none', () => {
    expect(withCtes('select 1', [], 'duckdb')).toBe('select 1');
  });
});
