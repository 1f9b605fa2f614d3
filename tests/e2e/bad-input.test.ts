/** What a user can get wrong, or find broken: a clear error, the exit status of CUSTOMER.md §4, and nothing lost. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CUSTOMER_TOPICS, type ChangeEvent } from '../../src/demo/change-events.ts';
import type { RunReport } from '../../src/pipeline/request.ts';
import { CliProject } from '../support/cli.ts';
import { REPOSITORY } from '../support/sluice-command.ts';

const CURRENT = 'models/customer/current_customer.sql';
const COLUMNS = ['customer_id', 'street'] as const;

function moved(id: string, street: string, at = '2026-03-01T05:30:00Z'): ChangeEvent {
  const value = JSON.stringify({ id, updated_at: at, status: 'active', street });
  return { topic: CUSTOMER_TOPICS.update, key: id, value, timestampMs: Date.parse(at) };
}

/** A project of which one hour is done. */
async function running(): Promise<CliProject> {
  const project = await CliProject.create({ customers: 0 });
  await project.produce([moved('A', 'Alt')]);
  expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
  return project;
}

function landed(project: CliProject, ending: string): string {
  const folder = join(project.home, 'landing');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith(ending));
  const stream = files.find((file) => file.includes('kundenservice-kunde-update'));
  if (stream === undefined) throw new Error(`landing has no stream object in ${files.join(', ')}`);
  return join(folder, stream);
}

describe('a mistake in the command line', () => {
  let project: CliProject;
  beforeAll(async () => {
    project = await CliProject.create({ customers: 0 });
  });
  afterAll(() => project[Symbol.asyncDispose]());

  it.each([
    ['an unknown job', ['job', 'run', 'custmer'], /job_unknown.*custmer.*\n.*customer/],
    ['an unknown target', ['job', 'run', 'customer', '--target', 'kafak'], /target_unknown.*kafak.*[^]*kafka/],
    ['an unknown flag', ['job', 'run', 'customer', '--full-laod'], /--full-laod.*[^]*--full-load/],
    ['an unknown command', ['jbo', 'run'], /jbo[^]*job/],
    ['an unknown step', ['job', 'run', 'customer', '--only', 'lond'], /lond[^]*land/],
    ['a logical time that is none', ['job', 'run', 'customer', '--logical-time', 'noon'], /noon.*RFC 3339/],
    [
      'a backfill that ends before it begins',
      ['job', 'backfill', 'customer', '--from', '2026-03-02', '--to', '2026-03-01'],
      /2026-03-02 lies after/,
    ],
  ])('%s is told with what was meant, exit 2', async (_what, args, told) => {
    const { exitCode, stderr, stdout } = await project.run(args);
    expect(stderr).toMatch(told);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  });

  it('a variable that is missing is named, and only by the command that needs it', async () => {
    const env = { SLUICE_HOME: project.home };
    const missing = await project.run(['job', 'run', 'customer', '--full-load'], env);
    expect(missing.stderr).toMatch(/env_missing.*CUSTOMER_API_URL/);
    expect(missing.exitCode).toBe(2);
    expect(await project.run(['job', 'run', 'customer'], env)).toMatchObject({ exitCode: 0 });
    const kafka = await project.run(['job', 'run', 'customer', '--target', 'kafka'], env);
    expect(kafka.stderr).toMatch(/env_missing.*KAFKA_BROKERS/);
    expect(kafka.exitCode).toBe(2);
  });

  it('a broker that is dead is named', async () => {
    const env = { ...project.env, KAFKA_BROKERS: '127.0.0.1:1' };
    const { exitCode, stderr } = await project.run(['job', 'run', 'customer', '--target', 'kafka'], env);
    expect(stderr).toMatch(/broker_unreachable.*127\.0\.0\.1:1/);
    expect(exitCode).toBe(1);
  });
});

describe('a mistake in the project', () => {
  it('YAML that is broken is told with file and line', async () => {
    await using project = await CliProject.create();
    project.edit('project.yml', 'timezone: Europe/Berlin', 'timezone: [Europe/Berlin');
    const { exitCode, stderr } = await project.run(['job', 'run', 'customer']);
    expect(stderr).toMatch(/project\.yml:\d+/);
    expect(exitCode).toBe(2);
  });

  it('unknown keys and wrong types are told all at once, with line and suggestion', async () => {
    await using project = await CliProject.create();
    project.edit('project.yml', 'timezone:', 'timezon:');
    project.edit('project.yml', 'max_recompute_days: 400', 'max_recompute_days: many');
    const { exitCode, stderr } = await project.run(['job', 'run', 'customer']);
    expect(stderr).toMatch(/project\.yml:\d+.*timezon.*timezone/);
    expect(stderr).toMatch(/project\.yml:\d+.*max_recompute_days.*many/);
    expect(exitCode).toBe(2);
  });

  it('a ref to no model is told with file, line and suggestion', async () => {
    await using project = await CliProject.create();
    project.write('models/customer/wrong.sql', "select *\nfrom {{ ref('current_custmer') }}\n");
    const { exitCode, stderr } = await project.run(['compile']);
    expect(stderr).toMatch(/models\/customer\/wrong\.sql.*[^]*current_custmer[^]*current_customer/);
    expect(exitCode).toBe(2);
  });

  it('a cycle is printed as a path', async () => {
    await using project = await CliProject.create();
    project.write('models/customer/one.sql', "select * from {{ ref('two') }}\n");
    project.write('models/customer/two.sql', "select * from {{ ref('one') }}\n");
    const { exitCode, stderr } = await project.run(['compile']);
    expect(stderr).toMatch(/one (->|→) two (->|→) one|two (->|→) one (->|→) two/);
    expect(exitCode).toBe(2);
  });

  it("a template's mistake is told with file, line and the line itself", async () => {
    await using project = await CliProject.create();
    project.write('models/customer/wrong.sql', 'select 1 as a,\n  {{ no_such_thing }} as b\n');
    const { exitCode, stderr } = await project.run(['compile']);
    expect(stderr).toMatch(/models\/customer\/wrong\.sql:2/);
    expect(stderr).toContain('{{ no_such_thing }} as b');
    expect(exitCode).toBe(2);
  });
});

describe('a model that fails', () => {
  it('in its template lets land and load finish, and the next run publishes what waits', async () => {
    await using project = await running();
    const before = readFileSync(join(project.dir, CURRENT), 'utf8');
    project.edit(CURRENT, 'from folded', 'from {{ no_such_thing }}');
    await project.produce([moved('A', 'Neu', '2026-03-01T06:30:00Z')]);
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 1, batches: [{ state: 'loaded' }], errors: [{ code: 'compile_error' }] });
    project.write(CURRENT, before);
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu']);
  });

  it("in its SQL names model, compiled file and the database's message; land and load finish", async () => {
    await using project = await running();
    const before = readFileSync(join(project.dir, CURRENT), 'utf8');
    project.edit(CURRENT, '    street,', '    sreet as street,');
    await project.produce([moved('A', 'Neu', '2026-03-01T06:30:00Z')]);
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 1, batches: [{ state: 'loaded' }], errors: [{ code: 'model_failed' }] });
    expect(report.errors[0]?.message).toMatch(/current_customer[^]*target\/[^]*current_customer\.sql/);
    expect(report.errors[0]?.message).toContain('sreet');
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Alt']);
    project.write(CURRENT, before);
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu']);
  });

  it('an error test keeps readers on the old rows until it passes', async () => {
    await using project = await running();
    const test = 'tests/data/nobody_lives_in_neu.sql';
    project.write(test, "select * from {{ ref('current_customer') }} where street = 'Neu'\n");
    await project.produce([moved('A', 'Neu', '2026-03-01T06:30:00Z')]);
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 1, batches: [{ state: 'loaded' }], errors: [{ code: 'test_failed' }] });
    expect(report.errors[0]?.message).toContain('nobody_lives_in_neu');
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Alt']);
    rmSync(join(project.dir, test));
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu']);
  });
});

describe('a source or store that is not as it should be', () => {
  it('a topic that is missing is named, with the command that creates it; the others are landed and published', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.topics.delete(CUSTOMER_TOPICS.delete);
    await project.produce([moved('A', 'Neu')]);
    const report = await project.hour('2026-03-01T06:00:00Z');
    expect(report).toMatchObject({
      exitCode: 1,
      batches: [{ state: 'published', landed: 1 }],
      errors: [{ code: 'topic_missing' }],
    });
    expect(report.errors[0]?.message).toContain(CUSTOMER_TOPICS.delete);
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu']);
    await project.topics.create(CUSTOMER_TOPICS.delete, 1);
    expect(await project.hour('2026-03-01T07:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
  });

  it('an event of 20 MB is a dead letter, whole, and the others are published', async () => {
    await using project = await CliProject.create({ customers: 0 });
    const huge = moved('B', 'x'.repeat(20_000_000));
    await project.produce([huge, moved('A', 'Neu')]);
    const report = await project.hour('2026-03-01T06:00:00Z');
    expect(report).toMatchObject({ exitCode: 0, batches: [{ read: 2, landed: 1, quarantined: 1 }] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu']);
    const [dead] = await project.rows('analytics_raw.raw_customer_dead_letter', 'reason_code', 'value_base64');
    const [code, value = ''] = (dead ?? '').split(' | ');
    expect(code).toBe('record_too_large');
    expect(Buffer.from(value, 'base64').toString() === huge.value).toBe(true);
  });

  it('a disk that is full while landing is told, and the next run lands everything', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce(Array.from({ length: 4000 }, (_, at) => moved(`K-${at}`, 'x'.repeat(900))));
    const landing = join(project.home, 'landing');
    mkdirSync(landing, { recursive: true });
    // A file system of 2 MB that only this process sees, and that is gone with it: what was written on it is lost as well.
    const rights = process.getuid?.() === 0 ? '--mount' : '--map-root-user --mount';
    const script = `mount -t tmpfs -o size=2m none "$1" || { echo 'this test wants a Linux that lets its user mount a tmpfs in a namespace'; exit 99; }; shift; exec "$@"`;
    const sluice = [
      join(REPOSITORY, 'bin/sluice.mjs'),
      'job',
      'run',
      'customer',
      '--logical-time',
      '2026-03-01T06:00:00Z',
    ];
    const { status, stderr } = spawnSync(
      'unshare',
      [...rights.split(' '), 'sh', '-c', script, 'sh', landing, process.execPath, ...sluice],
      { cwd: project.dir, env: { ...process.env, ...project.env }, encoding: 'utf8' },
    );
    expect(stderr).toMatch(/store_full.*no space is left.*\n.*Free space/);
    expect(status).toBe(1);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({
      exitCode: 0,
      batches: [{ read: 4000, landed: 4000 }],
    });
    expect(await project.rows('current_customer', 'customer_id')).toHaveLength(4000);
  });

  it.each(['corrupt', 'missing'] as const)(
    'a landing object that is %s is named by a full refresh, and readers keep what they have',
    async (what) => {
      await using project = await running();
      const published = await project.published();
      const object = landed(project, '.ndjson');
      if (what === 'missing') rmSync(object);
      else writeFileSync(object, readFileSync(object, 'utf8').replace('Alt', 'Olt'));
      const report = await project.hour('2026-03-01T07:00:00Z', '--full-refresh');
      expect(report).toMatchObject({ exitCode: 1, errors: [{ code: `object_${what}` }] });
      expect(report.errors[0]?.message).toContain(object.slice(join(project.home, 'landing').length + 1));
      expect(await project.published()).toEqual(published);
    },
  );

  it('a landing object that a lost warehouse needs keeps every table from being published with less', async () => {
    await using project = await running();
    await project.produce([moved('B', 'Alt')]);
    expect(await project.hour('2026-03-01T06:30:00Z')).toMatchObject({ exitCode: 0 });
    const published = await project.published();
    const object = landed(project, '00000000000000000001-00000000000000000002.ndjson');
    const bytes = readFileSync(object, 'utf8');
    writeFileSync(object, bytes.replace('Alt', 'Olt'));
    rmSync(join(project.home, 'warehouse.duckdb'));
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 1, models: [], errors: [{ code: 'object_corrupt' }] });
    expect(report.steps).toMatchObject([
      { name: 'land' },
      { state: 'failed' },
      { name: 'transform', state: 'skipped' },
    ]);
    writeFileSync(object, bytes);
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.published()).toEqual(published);
  });

  it('a DuckDB file that is damaged is named; a full refresh puts it aside and builds everything from landing', async () => {
    await using project = await running();
    const published = await project.published();
    const path = join(project.home, 'warehouse.duckdb');
    writeFileSync(path, readFileSync(path).subarray(0, 20_000));
    await project.produce([moved('B', 'Neu')]);
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({
      exitCode: 1,
      batches: [{ state: 'landed' }],
      errors: [{ code: 'warehouse_damaged', hint: expect.stringContaining('--full-refresh') }],
    });
    expect(await project.hour('2026-03-01T07:30:00Z', '--full-refresh')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Alt', 'B | Neu']);
    expect((await project.published()).history).toEqual(published.history);
    expect(readdirSync(project.home).some((name) => name.startsWith('warehouse.duckdb.damaged-'))).toBe(true);
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, errors: [], batches: [] });
  });

  it.each([
    ['a raw table', 'drop table analytics_raw.raw_customer_stream'],
    ['a column of a raw table', 'alter table analytics_raw.raw_customer_stream drop column _headers'],
    ['a published table', 'drop table analytics.current_customer'],
    ['a column of a published table', 'alter table analytics.current_customer drop column street'],
    ['the type of a column', 'alter table analytics.current_customer alter credit_limit type varchar'],
  ])('%s that somebody took away is noticed, said, and made anew with everything in it', async (_what, sql) => {
    await using project = await running();
    const published = await project.published();
    const raw = await project.rows('analytics_raw.raw_customer_stream', '_key', '_offset', 'value');
    const database = await DuckDBInstance.create(join(project.home, 'warehouse.duckdb'));
    const connection = await database.connect();
    await connection.run(sql);
    connection.closeSync();
    database.closeSync();
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 0, errors: [] });
    expect(report.warnings.join('\n')).toMatch(/lacks 1 batch|is not what the last run left there/);
    expect(await project.published()).toEqual(published);
    expect(await project.rows('analytics_raw.raw_customer_stream', '_key', '_offset', 'value')).toEqual(raw);
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, models: [] });
  });

  it('a DuckDB file that another process holds is waited for, then its process is named; the batch is landed', async () => {
    await using project = await running();
    project.edit('project.yml', /( *)type: duckdb\n/, '$1type: duckdb\n$1lock_timeout_seconds: 0.5\n');
    await project.produce([moved('A', 'Neu', '2026-03-01T06:30:00Z')]);
    const holder = await DuckDBInstance.create(join(project.home, 'warehouse.duckdb'));
    let report: RunReport;
    try {
      report = await project.hour('2026-03-01T07:00:00Z');
    } finally {
      holder.closeSync();
    }
    expect(report).toMatchObject({
      exitCode: 1,
      batches: [{ state: 'landed' }],
      errors: [{ code: 'warehouse_locked' }],
    });
    expect(report.errors[0]?.message).toContain(String(process.pid));
    expect(await project.hour('2026-03-01T08:00:00Z')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu']);
  });

  it('a state database of a newer version is left alone', async () => {
    await using project = await running();
    const path = join(project.home, 'state.sqlite');
    const database = new DatabaseSync(path);
    database.exec('pragma user_version = 9999');
    database.close();
    const report = await project.hour('2026-03-01T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 1, batches: [], errors: [{ code: 'state_newer' }] });
    expect(report.errors[0]?.message).toContain('9999');
  });

  it('a logical time before the last batch is refused, but for a full refresh', async () => {
    await using project = await running();
    const report = await project.hour('2026-03-01T05:59:59Z');
    expect(report).toMatchObject({ exitCode: 2, batches: [], errors: [{ code: 'logical_time_before_last_batch' }] });
    expect(await project.hour('2026-03-01T05:59:59Z', '--dry-run')).toMatchObject({
      exitCode: 2,
      errors: [{ code: 'logical_time_before_last_batch' }],
    });
    expect(await project.hour('2026-03-01T05:59:59Z', '--full-refresh')).toMatchObject({ exitCode: 0 });
  });
});
