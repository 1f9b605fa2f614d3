/** Steps by themselves, a plan that is only printed, days computed again, a lost state store, and the job file that runs by itself. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CUSTOMER_TOPICS, type ChangeEvent } from '../../src/demo/change-events.ts';
import { customerId } from '../../src/demo/customers.ts';
import { CliProject } from '../support/cli.ts';
import { hashOf } from '../support/kill-project.ts';
import { start } from '../support/sluice-command.ts';

const COLUMNS = ['customer_id', 'street'] as const;

function moved(id: string, street: string, at = '2026-03-01T05:30:00Z'): ChangeEvent {
  const value = JSON.stringify({ id, updated_at: at, status: 'active', street });
  return { topic: CUSTOMER_TOPICS.update, key: id, value, timestampMs: Date.parse(at) };
}

describe('--only', () => {
  it('lands without loading, loads without publishing, and publishes what waits', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce([moved('A', 'Neu')]);
    const landed = await project.hour('2026-03-01T06:00:00Z', '--only', 'land');
    expect(landed).toMatchObject({ exitCode: 0, batches: [{ state: 'landed', landed: 1 }] });
    expect(await project.rows('analytics_raw.raw_customer_stream', '_key').catch(() => [])).toEqual([]);
    const loaded = await project.hour('2026-03-01T06:01:00Z', '--only', 'load');
    expect(loaded).toMatchObject({ exitCode: 0, errors: [] });
    expect(await project.rows('analytics_raw.raw_customer_stream', '_key')).toEqual(['A']);
    expect(await project.rows('current_customer', ...COLUMNS).catch(() => [])).toEqual([]);
    const published = await project.hour('2026-03-01T06:02:00Z', '--only', 'transform');
    expect(published).toMatchObject({ exitCode: 0, errors: [] });
    // Every report names all three steps.
    const states = [landed, loaded, published].map(({ steps }) => steps.map(({ name, state }) => `${name} ${state}`));
    expect(states).toEqual([
      ['land done', 'load skipped', 'transform skipped'],
      ['land skipped', 'load done', 'transform skipped'],
      ['land skipped', 'load skipped', 'transform done'],
    ]);
    expect(await project.rows('current_customer', ...COLUMNS)).toEqual(['A | Neu']);
  });
});

describe('--dry-run', () => {
  it('prints the ranges it would read and the models in order, and writes nothing', async () => {
    await using project = await CliProject.create({ customers: 0 });
    await project.produce([moved('A', 'Alt')]);
    expect(await project.hour('2026-03-01T06:00:00Z')).toMatchObject({ exitCode: 0 });
    await project.produce([moved('A', 'Neu', '2026-03-01T06:30:00Z')]);
    const before = hashOf(project.home);
    const args = ['job', 'run', 'customer', '--dry-run', '--logical-time', '2026-03-01T07:00:00Z'];
    const { exitCode, stdout, stderr } = await project.run(args);
    expect(exitCode).toBe(0);
    expect(`${stdout}${stderr}`).toMatch(/kundenservice-kunde-update[^]*current_customer[^]*history_customer/);
    expect(hashOf(project.home)).toBe(before);
    expect(await project.hour('2026-03-01T07:00:00Z')).toMatchObject({ exitCode: 0, batches: [{ landed: 1 }] });
  });
});

describe('job backfill', () => {
  it('gives the days that were asked for again, and no others', async () => {
    await using project = await CliProject.create({ customers: 2 });
    expect(await project.hour('2026-03-02T06:00:00Z', '--full-load')).toMatchObject({ exitCode: 0 });
    await project.produce([project.directory.update(customerId(1), '2026-03-03T05:00:00Z', { street: 'Neu 1' })]);
    expect(await project.hour('2026-03-04T06:00:00Z')).toMatchObject({ exitCode: 0 });
    const published = await project.published();
    expect(published.history).toHaveLength(6);
    const args = ['--from', '2026-03-02', '--to', '2026-03-03', '--logical-time', '2026-03-04T07:00:00Z'];
    const report = await project.json('job', 'backfill', 'customer', ...args);
    expect(report).toMatchObject({ exitCode: 0, errors: [] });
    expect(report).toMatchObject({
      models: [{ name: 'history_customer', partitions: ['2026-03-02', '2026-03-03'] }],
    });
    expect(await project.published()).toEqual(published);
  });
});

describe('job recover', () => {
  it('builds a lost state store anew from landing, and the next hour goes on behind what was landed', async () => {
    await using project = await CliProject.create({ customers: 2 });
    await project.produce([moved('A', 'Alt')]);
    expect(await project.hour('2026-03-02T06:00:00Z', '--full-load')).toMatchObject({ exitCode: 0 });
    const published = await project.published();
    for (const ending of ['', '-wal', '-shm']) rmSync(join(project.home, `state.sqlite${ending}`), { force: true });
    expect(await project.json('job', 'recover', 'customer')).toMatchObject({ exitCode: 0 });
    expect(await project.published()).toEqual(published);
    await project.produce([moved('A', 'Neu', '2026-03-02T06:30:00Z')]);
    const range = { topic: CUSTOMER_TOPICS.update, partition: 0, from: '1', to: '2' };
    const report = await project.hour('2026-03-02T07:00:00Z');
    expect(report).toMatchObject({ exitCode: 0, errors: [] });
    // What had been landed is looked at again, and nothing is read twice.
    expect(report.batches.at(-1)).toMatchObject({ ranges: [range] });
    expect(await project.rows('analytics_raw.raw_customer_stream', '_offset')).toEqual(['0', '1']);
    expect(await project.rows('current_customer', ...COLUMNS)).toContain('A | Neu');
  });
});

describe('the job file', () => {
  it('runs by itself with the same flags, from any folder', async () => {
    await using project = await CliProject.create({ customers: 2 });
    const file = join(project.dir, 'jobs/customer.ts');
    const flags = ['--full-load', '--logical-time', '2026-03-02T06:00:00Z', '--json'];
    const { exitCode, stdout } = await start([file, ...flags], { cwd: project.home, env: project.env }).outcome;
    expect(JSON.parse(stdout)).toMatchObject({ job: 'customer', exitCode: 0, errors: [] });
    expect(exitCode).toBe(0);
    expect(await project.rows('current_customer', 'customer_id')).toEqual([customerId(1), customerId(2)]);
  });
});
