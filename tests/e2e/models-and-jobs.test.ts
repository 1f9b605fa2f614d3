/** Model commands on models that a job publishes: the job's lease, the job's ledger. */
import { mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { thisProcess } from '../../src/cli/process-identity.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import { REPOSITORY, sluice, type CommandOutcome } from '../support/sluice-command.ts';

let folder: string;

function run(...args: string[]): Promise<CommandOutcome> {
  return sluice(args, { cwd: folder });
}

async function json(...args: string[]): Promise<Readonly<Record<string, unknown>>> {
  const { stdout, stderr } = await run(...args, '--json');
  if (stdout === '') throw new Error(`sluice ${args.join(' ')} printed nothing on stdout: ${stderr}`);
  return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
}

async function produce(topic: string, ...ids: string[]): Promise<void> {
  const lines = ids.map(
    (id) =>
      `{"key":"${id}","value":{"id":"${id}","updated_at":"2026-03-01T10:15:30Z","status":"active"},"timestamp":"2026-03-01T10:15:31Z"}`,
  );
  writeFileSync(join(folder, 'events.ndjson'), lines.join('\n'));
  expect(await run('topic', 'produce', topic, '--file', 'events.ndjson')).toMatchObject({ exitCode: 0 });
}

async function currentIds(): Promise<readonly unknown[]> {
  const { rows } = (await json(
    'show',
    '--inline',
    "select customer_id from {{ ref('current_customer') }} order by 1",
  )) as { rows: readonly { customer_id: unknown }[] };
  return rows.map((row) => row.customer_id);
}

beforeEach(async () => {
  const parent = mkdtempSync(join(tmpdir(), 'sluice-models-'));
  folder = join(parent, 'demo');
  await sluice(['init', 'demo'], { cwd: parent });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(REPOSITORY, join(folder, 'node_modules', 'sluice'));
  for (const topic of ['create', 'update', 'delete'])
    await run('topic', 'create', `kundenservice-kunde-${topic}`, '--partitions', '1');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

describe('sluice run', () => {
  test('publishes what is loaded, and the job knows that it is done', async () => {
    await produce('kundenservice-kunde-create', 'K-1', 'K-2');
    expect(await json('job', 'run', 'customer')).toMatchObject({ exitCode: 0 });
    await produce('kundenservice-kunde-update', 'K-3');
    expect(await json('job', 'run', 'customer', '--only', 'land')).toMatchObject({ exitCode: 0 });
    expect(await json('job', 'run', 'customer', '--only', 'load')).toMatchObject({ exitCode: 0 });
    expect(await currentIds()).toEqual(['K-1', 'K-2']);
    expect(await json('job', 'status', 'customer')).toMatchObject({
      models: expect.arrayContaining([expect.objectContaining({ model: 'current_customer', unpublished: 1 })]),
    });

    expect(await json('run', '--select', 'current_customer')).toMatchObject({
      exitCode: 0,
      models: [{ name: 'current_customer', state: 'done' }],
    });
    expect(await currentIds()).toEqual(['K-1', 'K-2', 'K-3']);
    expect(await json('job', 'status', 'customer')).toMatchObject({
      models: expect.arrayContaining([
        expect.objectContaining({ model: 'current_customer', unpublished: 0 }),
        expect.objectContaining({ model: 'history_customer', unpublished: 1 }),
      ]),
    });
    // The job trusts the table: it is not taken for a lost one.
    const { models, warnings } = (await json('job', 'run', 'customer')) as {
      models: readonly { name: string }[];
      warnings: readonly string[];
    };
    expect(models.map(({ name }) => name)).not.toContain('current_customer');
    expect(warnings.join()).not.toContain('built anew');
  });

  test('changes nothing when it is repeated, with nothing waiting or from scratch', async () => {
    await produce('kundenservice-kunde-create', 'K-1', 'K-2');
    await json('job', 'run', 'customer');
    for (const flags of [[], ['--full-refresh'], []]) {
      expect(await json('run', '--select', 'current_customer', 'history_customer', ...flags)).toMatchObject({
        exitCode: 0,
        errors: [],
      });
      expect(await currentIds()).toEqual(['K-1', 'K-2']);
    }
    expect(await json('job', 'run', 'customer')).toMatchObject({ exitCode: 0, models: [] });
  });

  test('ends with 75 while a run of the job is under way, and leaves models of no job alone', async () => {
    await produce('kundenservice-kunde-create', 'K-1');
    await json('job', 'run', 'customer');
    const state = createKnexStateStore(
      { client: 'sqlite', path: join(folder, '.sluice/state.sqlite') },
      { clock: systemClock },
    );
    const outcome = await state.acquireLease({
      job: 'customer',
      holder: thisProcess('job run customer'),
      ttlMs: 60_000,
      isAlive: () => true,
    });
    if (outcome.status !== 'acquired') throw new Error('the lease is not free');
    try {
      for (const args of [
        ['job', 'run', 'customer'],
        ['run', '--select', 'current_customer'],
        ['build', '--select', '+history_customer'],
      ]) {
        const { exitCode, stderr } = await run(...args);
        expect(stderr).toMatch(new RegExp(`error\\[lease_held\\].*process ${process.pid} `));
        expect({ args, exitCode }).toEqual({ args, exitCode: 75 });
      }
      expect(await run('run', '--select', 'stg_customer_events')).toMatchObject({ exitCode: 0 });
      expect(await run('seed')).toMatchObject({ exitCode: 0 });
      expect(await run('test', '--select', 'current_customer')).toMatchObject({ exitCode: 0 });
    } finally {
      await state.releaseLease(outcome.lease);
      await state.close();
    }
    expect(await run('run', '--select', 'current_customer')).toMatchObject({ exitCode: 0 });
  });
});

describe('what a user of dbt types', () => {
  test('-m selects as --select does, together with it', async () => {
    const names = async (...args: string[]): Promise<string[]> =>
      (await run('ls', '--output', 'name', '--resource-type', 'model', 'seed', ...args)).stdout.trim().split('\n');
    expect(await names('-m', 'current_customer')).toEqual(['current_customer']);
    expect(await names('--models', 'current_customer', '-s', 'country')).toEqual(['current_customer', 'country']);
    expect(await run('run', '--models', 'stg_customer_events')).toMatchObject({ exitCode: 0 });
    const { args } = JSON.parse(readFileSync(join(folder, 'target/run_results.json'), 'utf8')) as { args: object };
    expect(args).toMatchObject({ select: ['stg_customer_events'] });
  });

  test('--quiet says nothing of what went well, and all of what did not', async () => {
    for (const args of [
      ['seed', '-q'],
      ['run', '--quiet', '-s', 'stg_customer_events'],
      ['test', '-q', '-s', 'country'],
    ])
      expect({ args, ...(await run(...args)) }).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    writeFileSync(join(folder, 'models', 'broken.sql'), `{{ config(materialized='view') }} select no_such_column`);
    const { exitCode, stdout, stderr } = await run('run', '--quiet', '-s', 'stg_customer_events', 'broken');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/FAIL broken[^]*no_such_column/);
    expect(stderr).not.toContain('stg_customer_events');
  });

  test('seed --show prints the first rows, show --output json prints them as one object', async () => {
    const { exitCode, stdout } = await run('seed', '--show');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^country, the first rows:\ncountry +name\nAT +Österreich\n/);
    expect((await run('seed')).stdout).not.toContain('the first rows');
    const inline = await run(
      'show',
      '--inline',
      'select 1 as a, cast(9007199254740993 as bigint) as b',
      '--output',
      'json',
    );
    expect(JSON.parse(inline.stdout)).toMatchObject({ show: [{ a: 1 }] });
    expect(inline.stdout).toContain('9007199254740993');
    writeFileSync(join(folder, 'models', 'country_names.sql'), `{{ config(materialized='view') }} select 1 as n`);
    const model = await run('show', '-m', 'country_names', '--output', 'json');
    expect(JSON.parse(model.stdout)).toMatchObject({ node: 'country_names', show: [{ n: 1 }] });
    expect(await run('show', '--inline', 'select 1', '--output', 'xml')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Allowed choices are text, json'),
    });
  });
});

test('a message that repeats a long statement is short on the terminal, and whole in what is kept', async () => {
  const columns = Array.from({ length: 300 }, (_, at) => `  ${at} as column_${at}`).join(',\n');
  const failing = `select\n${columns},\n  error('the reason' || repeat(' of it', 3000)) as nope`;
  writeFileSync(join(folder, 'models', 'broken.sql'), `{{ config(materialized='table') }}\n${failing}`);
  const { exitCode, stderr } = await run('run', '-s', 'broken');
  expect(exitCode).toBe(1);
  expect(stderr.length).toBeLessThan(2500);
  expect(stderr).toContain('target/compiled/demo/models/broken.sql');
  expect(stderr).toContain('the whole message: run_results.json in the target folder, or with --json');
  expect(readFileSync(join(folder, 'target/run_results.json'), 'utf8')).toContain(' of it'.repeat(3000));
});

describe('vars', () => {
  test('reach the templates, over those of the project', async () => {
    const inline = `select {{ var('days') }} as days, '{{ var('region', 'nowhere') }}' as region`;
    expect(await json('show', '--inline', inline, '--vars', '{days: 3}')).toMatchObject({
      rows: [{ days: 3, region: 'nowhere' }],
    });
    expect(await run('show', '--inline', inline, '--vars', '[3]')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--vars: came "[3]", expected a map'),
    });
    expect(await run('show', '--inline', inline)).toMatchObject({ exitCode: 2 });
  });
});
