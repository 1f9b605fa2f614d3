/**
 * The contract of the port ModelWarehouse (src/transform/run/ports.ts). Every adapter runs it in a test file of its own, against its real
 * service. SQL that differs between warehouses comes from the dialects that sluice itself uses.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSluiceError } from '../../src/core/errors.ts';
import type { RelationName } from '../../src/core/relation.ts';
import { dialectOf } from '../../src/transform/sql/dialects/index.ts';
import type { ModelWarehouse, PublishUnit } from '../../src/transform/run/ports.ts';

export interface WarehouseUnderTest {
  readonly warehouse: ModelWarehouse;
  /** A schema (BigQuery: dataset) that this suite may fill. */
  readonly schema: { readonly database?: string; readonly schema: string };
  /** What a transaction that fails half way leaves behind: the BigQuery emulator keeps the early statements (FACTS.md §1.1). */
  readonly rollsBack: boolean;
  /** The guard is asked before the unit is sent, so that a refusal keeps nothing even where nothing rolls back (BigQuery: one job). */
  readonly guardsFirst?: boolean;
  /** It has sessions with temporary tables; left out: what is staged is an ordinary table. */
  readonly hasSessions?: boolean;
  close(): Promise<void>;
}

async function caught(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

export function modelWarehouseContract(name: string, open: () => Promise<WarehouseUnderTest>): void {
  describe(`the model warehouse contract: ${name}`, () => {
    let under: WarehouseUnderTest;
    const table = (relation: string): RelationName => ({ ...under.schema, name: relation });
    const sql = (relation: string): string => dialectOf(under.warehouse.dialect).relation(table(relation));
    const type = (neutral: string): string => dialectOf(under.warehouse.dialect).typeName(neutral);
    const rows = async (relation: string): Promise<readonly (readonly unknown[])[]> =>
      (await under.warehouse.query(`select * from ${sql(relation)} order by 1`)).rows;
    const unit = (parts: Partial<PublishUnit>): PublishUnit => ({
      node: 'model.test.unit',
      statements: [],
      tests: [],
      marks: [],
      ...parts,
    });
    const failing = (severity: 'error' | 'warn', warn: boolean, error: boolean): PublishUnit['tests'][number] => ({
      id: `test.${severity}`,
      severity,
      sql: `select 3 as failures, ${String(warn)} as should_warn, ${String(error)} as should_error`,
    });

    beforeAll(async () => {
      under = await open();
      await under.warehouse.execute(dialectOf(under.warehouse.dialect).createSchema(under.schema));
    });
    afterAll(async () => {
      await under.warehouse.close();
      await under.close();
    });

    it('gives rows as plain data: 64-bit integers exact, text, booleans, null', async () => {
      const label = dialectOf(under.warehouse.dialect).text("é'");
      const result = await under.warehouse.query(
        `select cast(9007199254740993 as ${type('int64')}) as id, ${label} as label, true as flag, cast(null as ${type('string')}) as nothing`,
      );
      expect(result.columns.map((column) => column.name)).toEqual(['id', 'label', 'flag', 'nothing']);
      expect(result.rows).toEqual([[9007199254740993n, "é'", true, null]]);
    });

    it('knows no relation that does not exist', async () => {
      expect(await under.warehouse.relation(table('nowhere'))).toBeUndefined();
      expect(await under.warehouse.relations([table('nowhere'), { ...table('x'), schema: 'no_such_schema' }])).toEqual(
        [],
      );
      expect(await under.warehouse.relations([])).toEqual([]);
    });

    it('shows kind and columns of tables and views, with the types that describe gives', async () => {
      const select = `select cast(1 as ${type('int64')}) as id, cast('a' as ${type('string')}) as label, date '2026-03-01' as day`;
      await under.warehouse.execute(`create or replace table ${sql('shown')} as ${select}`);
      await under.warehouse.execute(`create or replace view ${sql('shown_view')} as select id from ${sql('shown')}`);
      const found = await under.warehouse.relations([table('shown'), table('shown_view'), table('nowhere')]);
      const shown = found.find((info) => info.relation.name === 'shown');
      expect(shown).toMatchObject({ relation: table('shown'), kind: 'table' });
      expect(shown?.columns).toEqual(await under.warehouse.describe(select));
      expect(found.find((info) => info.relation.name === 'shown_view')).toMatchObject({
        kind: 'view',
        columns: [{ name: 'id' }],
      });
      expect(found).toHaveLength(2);
    });

    it('publishes all statements and counts the rows of the counted one', async () => {
      await under.warehouse.execute(`create or replace table ${sql('counted')} as select 1 as id`);
      const outcome = await under.warehouse.publish(
        unit({
          statements: [
            { sql: `delete from ${sql('counted')} where id = 1` },
            { sql: `insert into ${sql('counted')} (id) select 2 union all select 3`, countRows: true },
          ],
        }),
      );
      expect(outcome).toEqual({ status: 'published', rows: 2, tests: [] });
      expect(await rows('counted')).toHaveLength(2);
    });

    it('lets tests see the change, and keeps nothing of it when an error test fails', async () => {
      await under.warehouse.execute(`create or replace table ${sql('gated')} as select 1 as id`);
      const insert = { sql: `insert into ${sql('gated')} (id) select 2` };
      const seen = `select count(*) as failures, count(*) > 0 as should_warn, count(*) > 0 as should_error from ${sql('gated')} where id = 2`;
      const outcome = await under.warehouse.publish(
        unit({
          statements: [insert],
          tests: [{ id: 'test.sees', severity: 'error', sql: seen }],
          marks: [`insert into ${sql('gated')} (id) select 3`],
        }),
      );
      expect(outcome).toEqual({ status: 'rejected', tests: [{ id: 'test.sees', status: 'fail', failures: 1 }] });
      expect(await rows('gated')).toHaveLength(under.rollsBack ? 1 : 2);
    });

    it('publishes with a warning when the failing test only warns', async () => {
      await under.warehouse.execute(`create or replace table ${sql('warned')} as select 1 as id`);
      const outcome = await under.warehouse.publish(
        unit({
          statements: [{ sql: `insert into ${sql('warned')} (id) select 2` }],
          tests: [
            failing('warn', true, true),
            failing('error', true, false),
            { ...failing('error', false, false), id: 'test.fine' },
          ],
        }),
      );
      expect(outcome.tests.map((test) => test.status)).toEqual(['warn', 'warn', 'pass']);
      expect(await rows('warned')).toHaveLength(2);
    });

    it('writes the marks in the same change', async () => {
      await under.warehouse.execute(`create or replace table ${sql('marked')} as select 1 as id`);
      await under.warehouse.publish(unit({ marks: [`insert into ${sql('marked')} (id) select 2`] }));
      expect(await rows('marked')).toHaveLength(2);
    });

    it('keeps nothing when a statement fails, and says what the database said', async () => {
      await under.warehouse.execute(`create or replace table ${sql('broken')} as select 1 as id`);
      const error = await caught(() =>
        under.warehouse.publish(
          unit({
            statements: [
              { sql: `insert into ${sql('broken')} (id) select 2` },
              { sql: `select * from ${sql('no_such_table')}` },
            ],
          }),
        ),
      );
      expect(isSluiceError(error, 'model_failed')).toBe(true);
      expect(String(error)).toContain('no_such_table');
      expect(await rows('broken')).toHaveLength(under.rollsBack ? 1 : 2);
    });

    it('asks the guard last, and keeps nothing when it refuses', async () => {
      await under.warehouse.execute(`create or replace table ${sql('guarded')} as select 1 as id`);
      const insert = unit({ statements: [{ sql: `insert into ${sql('guarded')} (id) select 2` }] });
      const error = await caught(() => under.warehouse.publish(insert, () => Promise.reject(new Error('lease lost'))));
      expect(String(error)).toContain('lease lost');
      expect(await rows('guarded')).toHaveLength(under.rollsBack || under.guardsFirst === true ? 1 : 2);
    });

    it('publishes several units at once', async () => {
      const outcomes = await Promise.all(
        ['one', 'two', 'three', 'four'].map((part) =>
          under.warehouse.publish(
            unit({
              node: part,
              statements: [{ sql: `create or replace table ${sql(`parallel_${part}`)} as select 1 as id` }],
            }),
          ),
        ),
      );
      expect(outcomes.map((outcome) => outcome.status)).toEqual(Array(4).fill('published'));
      expect(await rows('parallel_four')).toHaveLength(1);
    });

    it('replaces a unit that ran into another one as a whole', async () => {
      await under.warehouse.execute(`create or replace table ${sql('contended')} as select 0 as id`);
      const increment = { sql: `update ${sql('contended')} set id = id + 1 where true` };
      await Promise.all(Array.from({ length: 4 }, () => under.warehouse.publish(unit({ statements: [increment] }))));
      const result = await under.warehouse.query(`select cast(id as ${type('int64')}) from ${sql('contended')}`);
      expect(result.rows).toEqual([[4n]]);
    });

    it('stages in a session what the session then publishes, and nobody else sees it', async () => {
      expect(under.warehouse.session !== undefined).toBe(under.hasSessions === true);
      if (under.warehouse.session === undefined) return;
      await under.warehouse.execute(`create or replace table ${sql('staged')} as select 1 as id`);
      const session = await under.warehouse.session();
      const other = await under.warehouse.session();
      try {
        await session.execute('create or replace temp table ahead as select 2 as id');
        await other.execute('create or replace temp table ahead as select 3 as id');
        expect(await caught(() => under.warehouse.query('select * from ahead'))).toMatchObject({
          code: 'model_failed',
        });
        expect((await session.describe('select * from ahead')).map(({ name }) => name)).toEqual(['id']);
        // Committed behind the staging: the session's transaction sees it.
        await under.warehouse.execute(`insert into ${sql('staged')} (id) select 5`);
        const insert = { sql: `insert into ${sql('staged')} (id) select id from ahead`, countRows: true };
        const seen = `select count(*) as failures, count(*) <> 3 as should_warn, count(*) <> 3 as should_error from ${sql('staged')}`;
        const rejected = await session.publish(unit({ statements: [insert], tests: [failing('error', true, true)] }));
        expect(rejected.status).toBe('rejected');
        const outcome = await session.publish(
          unit({ statements: [insert], tests: [{ id: 'test.sees', severity: 'error', sql: seen }] }),
        );
        expect(outcome).toMatchObject({ status: 'published', rows: 1 });
      } finally {
        await session.close();
        await other.close();
      }
      expect(await rows('staged')).toEqual([[1], [2], [5]]);
    });

    it('names the mistake in a query that cannot be described', async () => {
      const error = await caught(() =>
        under.warehouse.describe(`select nowhere.x from ${sql('no_such_table')} as nowhere`),
      );
      expect(isSluiceError(error, 'model_failed')).toBe(true);
    });
  });
}
