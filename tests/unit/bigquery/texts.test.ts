/** Names, literals, values, ids and errors: everything that turns text into something that counts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiFailure, toApiFailure } from '../../../src/adapters/bigquery/api-failure.ts';
import { isRepeatable, toSluiceError } from '../../../src/adapters/bigquery/failures.ts';
import { jobId, keyText, labelValue } from '../../../src/adapters/bigquery/job-id.ts';
import { compareTable, loadSchema, rawTableResource } from '../../../src/adapters/bigquery/raw-tables.ts';
import {
  classify,
  dmlTarget,
  quoteName,
  replaceRelation,
  selectOf,
  splitStatements,
  textLiteral,
} from '../../../src/adapters/bigquery/sql-text.ts';
import { TableLocks } from '../../../src/adapters/bigquery/table-locks.ts';
import { timestampText, toQueryResult, typeName } from '../../../src/adapters/bigquery/values.ts';
import { triesFor } from '../../../src/adapters/bigquery/with-retries.ts';
import { assertJobId, assertLabels } from '../../support/bigquery-front/rules.ts';

describe('job ids and labels', () => {
  test('any step has an id and labels that BigQuery takes', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.nat(100), (job, batch, step, attempt) => {
        assertJobId(jobId('proj', { job, batch, step }, attempt));
        assertLabels({ sluice_job: labelValue(job), sluice_batch: labelValue(batch) });
      }),
    );
  });

  test('different steps have different ids, whatever their texts', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '/', '-', '_', 'ä', '%'), maxLength: 4 });
    const step = fc.record({ job: text, batch: text, step: text });
    fc.assert(
      fc.property(step, step, (left, right) => {
        const same = left.job === right.job && left.batch === right.batch && left.step === right.step;
        expect(jobId('p', left, 1) === jobId('p', right, 1)).toBe(same);
        expect(keyText('p', left) === keyText('p', right)).toBe(same);
      }),
    );
  });

  test('an id is readable', () => {
    expect(jobId('p', { job: 'customer', batch: 'customer-00000012', step: 'load/p.d.t/1' }, 2)).toMatch(
      /^sluice_customer_customer-00000012_load-p-d-t-1_[0-9a-f]{16}_a2$/,
    );
  });
});

describe('SQL text', () => {
  test('no name and no text leaves its quotes', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('\0')),
        (text) => {
          expect(splitStatements(`select ${textLiteral(text)} from ${quoteName(`x${text}`)} as t`)).toHaveLength(1);
        },
      ),
    );
    expect(() => textLiteral('a\0b')).toThrow(RangeError);
  });

  test('statements end at semicolons outside of texts and comments', () => {
    const sql = `select ';', "a;b", '''x;'y''', r'\\;' ; -- c;\n # d;\n select \`a;b\` /* ; */;;\n`;
    expect(splitStatements(sql)).toHaveLength(2);
  });

  test.each([
    ['with a as (select 1) select * from a', 'query'],
    ['  -- x\n(select 1)', 'query'],
    ['MERGE t USING s ON true WHEN MATCHED THEN DELETE', 'dml'],
    ['truncate table t', 'dml'],
    ['BEGIN', 'transaction'],
    ['commit transaction', 'transaction'],
    ['create temp table x as select 1', 'temporary'],
    ['create or replace view a.b as select 1', 'create'],
    ['create table if not exists `a`.`b` (x int64)', 'create'],
    ['create schema if not exists x', 'create_schema'],
    ['drop view if exists x', 'drop'],
    ['alter table if exists x add column y string', 'alter'],
    ['grant `roles/x` on table t to "user:a"', 'other'],
  ])('%s is %s', (sql, kind) => {
    expect(classify(sql).kind).toBe(kind);
  });

  test('a statement names what it changes', () => {
    expect(dmlTarget('insert into `p`.`d`.`t` (a) select 1')).toBe('`p`.`d`.`t`');
    expect(dmlTarget('delete `t` where true')).toBe('`t`');
    expect(dmlTarget('update p-x.d.t set a = 1')).toBe('p-x.d.t');
    expect(dmlTarget('merge `d`.t as x using s on true when matched then delete')).toBe('`d`.t');
    expect(dmlTarget('truncate table `t`')).toBe('`t`');
    expect(dmlTarget('select 1')).toBeUndefined();
  });

  test('a relation is found however it is quoted, and not in texts', () => {
    const sql = "select 'p.d.t' from `p`.`d`.`t` as x, `p.d.t`, p.d.t2 -- p.d.t";
    expect(replaceRelation(sql, 'p.d.t', 'NEW')).toEqual({
      sql: "select 'p.d.t' from NEW as x, NEW, p.d.t2 -- p.d.t",
      found: true,
    });
  });

  test('the select of a creation is what follows its own "as"', () => {
    const sql = "create or replace table t\noptions (description = ' as ', x = (1 as y)) as\nselect 1 as z";
    expect(selectOf(sql)).toEqual({ head: sql.slice(0, sql.lastIndexOf('\nselect')), body: 'select 1 as z' });
    expect(selectOf('create table t (a int64)').body).toBe('');
  });
});

describe('values', () => {
  test('come exact: integers, decimals, times, JSON, arrays and structs', () => {
    const fields = [
      { name: 'i', type: 'INTEGER' },
      { name: 'n', type: 'NUMERIC' },
      { name: 'b', type: 'BIGNUMERIC' },
      { name: 'f', type: 'FLOAT' },
      { name: 'o', type: 'BOOLEAN' },
      { name: 't', type: 'TIMESTAMP' },
      { name: 'd', type: 'DATETIME' },
      { name: 'j', type: 'JSON' },
      { name: 'a', type: 'INTEGER', mode: 'REPEATED' },
      { name: 's', type: 'RECORD', fields: [{ name: 'x', type: 'STRING' }] },
      { name: 'z', type: 'STRING' },
    ];
    const cells = [
      '9007199254740993',
      '1234567890123456.78',
      '0.1',
      'NaN',
      'true',
      '-1',
      '2026-03-01T01:02:03',
      '{"a":12345678901234567890}',
    ];
    const row = {
      f: [...cells.map((v) => ({ v })), { v: [{ v: '1' }, { v: null }] }, { v: { f: [{ v: 'y' }] } }, { v: null }],
    };
    const { columns, rows } = toQueryResult({ fields }, [row]);
    expect(rows).toEqual([
      [
        9007199254740993n,
        '1234567890123456.78',
        '0.1',
        Number.NaN,
        true,
        '1969-12-31 23:59:59.999999',
        '2026-03-01 01:02:03',
        '{"a":12345678901234567890}',
        '["1",null]',
        '{"x":"y"}',
        null,
      ],
    ]);
    expect(columns.map(({ type }) => type)).toEqual([
      'INT64',
      'NUMERIC',
      'BIGNUMERIC',
      'FLOAT64',
      'BOOL',
      'TIMESTAMP',
      'DATETIME',
      'JSON',
      'ARRAY<INT64>',
      'STRUCT<x STRING>',
      'STRING',
    ]);
  });

  test('timestamps of all years', () => {
    expect(timestampText(0n)).toBe('1970-01-01 00:00:00');
    expect(timestampText(1772360130120000n)).toBe('2026-03-01 10:15:30.12');
    expect(timestampText(-62135596800000000n)).toBe('0001-01-01 00:00:00');
    expect(timestampText(253402300799999999n)).toBe('9999-12-31 23:59:59.999999');
  });

  test('a table and the query that fills it name a type alike', () => {
    expect(typeName({ name: 'n', type: 'NUMERIC', precision: '18', scale: '2' })).toBe(
      typeName({ name: 'n', type: 'NUMERIC' }),
    );
  });
});

describe('raw tables', () => {
  const reference = { projectId: 'p', datasetId: 'd', tableId: 't' };

  test('have no column that BigQuery reserves', () => {
    const names = (['stream', 'snapshot', 'dead_letter'] as const).flatMap((table) =>
      (rawTableResource(reference, table).schema?.fields ?? []).map(({ name }) => name),
    );
    expect(
      names.filter((name) => /^(_partition|_table_|_file_|_row_timestamp|__root__|_colidentifier)/i.test(name)),
    ).toEqual([]);
    expect(names).toContain('_topic_partition');
  });

  test('are loaded with what landing holds, not with what is computed later', () => {
    const loaded = (loadSchema('dead_letter', rawTableResource(reference, 'dead_letter')).fields ?? []).map(
      ({ name }) => name,
    );
    expect(loaded).not.toContain('_replayed_at');
    const stream = (loadSchema('stream', rawTableResource(reference, 'stream')).fields ?? []).map(({ name }) => name);
    expect(stream).toContain('_has_value');
    expect(stream).not.toContain('_partition');
  });

  test('have the documented name of the partition as well where every name is taken', () => {
    for (const table of ['stream', 'dead_letter'] as const) {
      const into = rawTableResource(reference, table, true);
      const names = [into.schema, loadSchema(table, into)].map((schema) =>
        (schema?.fields ?? []).map(({ name }) => name),
      );
      for (const found of names) expect(found).toEqual(expect.arrayContaining(['_partition', '_topic_partition']));
    }
  });

  test('a table that differs is described, one with more columns is left alone', () => {
    const expected = rawTableResource(reference, 'stream');
    const more = {
      ...expected,
      schema: { fields: [...(expected.schema?.fields ?? []), { name: 'extra', type: 'STRING' }] },
    };
    expect(compareTable(expected, more)).toEqual({ missing: [], changed: [] });
    const fewer = {
      ...expected,
      schema: { fields: (expected.schema?.fields ?? []).filter(({ name }) => name !== '_op') },
    };
    expect(compareTable(expected, fewer).missing).toMatchObject([{ name: '_op', mode: 'NULLABLE' }]);
    expect(compareTable(expected, { ...fewer, numRows: '0' }).missing).toHaveLength(1);
    expect(compareTable(expected, { ...fewer, numRows: '7' })).toEqual({
      missing: [],
      changed: ['column _op is missing'],
    });
    expect(compareTable(expected, { ...expected, type: 'VIEW' }).changed).toEqual(['it is a view, expected a table']);
  });
});

describe('failures', () => {
  const context = { what: 'load x', otherwise: 'load_failed', project: 'p', location: 'EU' } as const;

  test.each([
    [
      { status: 401, reason: 'authError', message: 'Invalid Credentials' },
      'warehouse_auth',
      'gcloud auth application-default login',
    ],
    [
      { status: 403, reason: 'accessDenied', message: 'Permission bigquery.tables.updateData denied on table p:d.t' },
      'warehouse_denied',
      'roles/bigquery.dataEditor',
    ],
    [
      {
        status: 403,
        reason: 'accessDenied',
        message: 'User does not have bigquery.datasets.create permission in project p.',
      },
      'warehouse_denied',
      'roles/bigquery.user',
    ],
    [
      { reason: 'accessDenied', message: 'Access Denied: File gs://b/o: sa does not have storage.objects.get access' },
      'warehouse_denied',
      'roles/storage.objectViewer',
    ],
    [
      { status: 404, reason: 'notFound', message: 'Not found: Dataset p:d was not found in location EU' },
      'warehouse_missing',
      'BIGQUERY_LOCATION',
    ],
    [{ status: 404, reason: 'notFound', message: 'Not found: Project q' }, 'warehouse_missing', 'BIGQUERY_PROJECT'],
    [{ reason: 'notFound', message: 'Not found: URI gs://b/o' }, 'object_missing', 'bucket'],
    [
      { reason: 'invalid', message: 'Cannot read and write in different locations: source: US, destination: EU' },
      'warehouse_location',
      'BIGQUERY_LOCATION',
    ],
    [{ reason: 'quotaExceeded', message: 'Quota exceeded: imports per table' }, 'warehouse_quota', 'Wait until'],
    [
      { reason: 'bytesBilledLimitExceeded', message: 'Query exceeded limit for bytes billed' },
      'warehouse_quota',
      'maximum_bytes_billed',
    ],
    [{ reason: 'stopped', message: 'Job execution was cancelled' }, 'warehouse_cancelled', 'Run again'],
    [{ reason: 'timeout', message: 'Job timed out' }, 'warehouse_timeout', 'job_'],
    [
      {
        reason: 'invalid',
        message: 'Provided Schema does not match Table p:d.t. Field a has changed type from INTEGER to STRING',
      },
      'table_changed',
      '--full-refresh',
    ],
    [{ status: null, reason: 'ECONNRESET', message: 'socket hang up' }, 'warehouse_failed', 'network'],
    [{ reason: 'invalid', message: 'Error while reading data' }, 'load_failed', ''],
  ] as const)('%o is %s', (refusal, code, hint) => {
    const error = toSluiceError(refusal, context);
    expect(error.code).toBe(code);
    expect(error.hint ?? '').toContain(hint);
    expect(error.message).toContain(refusal.message);
  });

  test('what the library throws before it sends anything is a matter of credentials', () => {
    const error = new Error(
      'Could not load the default credentials. Browse to https://cloud.google.com/docs/authentication/getting-started',
    );
    expect(toSluiceError(toApiFailure(error), context).code).toBe('warehouse_auth');
  });

  test('only what is on the list is repeated', () => {
    const tries = (status: number | null, reason: string | null): number =>
      triesFor(new ApiFailure(status, reason, ''));
    expect(
      [tries(503, null), tries(500, 'internalError'), tries(403, 'rateLimitExceeded'), tries(null, 'ECONNRESET')].every(
        (count) => count > 5,
      ),
    ).toBe(true);
    expect([
      tries(400, 'invalid'),
      tries(403, 'accessDenied'),
      tries(403, 'quotaExceeded'),
      tries(404, 'notFound'),
      tries(409, 'duplicate'),
      tries(null, 'CERT_HAS_EXPIRED'),
    ]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(
      isRepeatable({ reason: 'jobInternalError', message: 'The job encountered an internal error during execution' }),
    ).toBe(true);
    expect(isRepeatable({ reason: 'jobInternalError', message: 'failed to analyze: Unrecognized name: nope' })).toBe(
      false,
    );
    expect(isRepeatable({ reason: null, message: 'something new' })).toBe(false);
  });
});

describe('table locks', () => {
  test('work over one table is done in turn, over others at once', async () => {
    const locks = new TableLocks();
    const log: string[] = [];
    const work = (name: string, tables: readonly string[]): Promise<void> =>
      locks.holding(tables, async () => {
        log.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push(`${name} ends`);
        if (name === 'a') throw new Error('failed');
      });
    const all = [work('a', ['x']), work('b', ['x', 'y']), work('c', ['z'])];
    await Promise.allSettled(all);
    expect(log.indexOf('c begins')).toBeLessThan(log.indexOf('a ends'));
    expect(log.indexOf('b begins')).toBeGreaterThan(log.indexOf('a ends'));
    await expect(all[0]).rejects.toThrow('failed');
  });
});
