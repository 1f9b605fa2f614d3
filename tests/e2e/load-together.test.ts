/** A backlog of small batches, loaded together on DuckDB: what happens when one of them cannot be loaded, and when the process dies on the way. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CUSTOMER_TOPICS } from '../../src/demo/change-events.ts';
import { CliProject } from '../support/cli.ts';

const IDS = ['A', 'B', 'C', 'D', 'E', 'F'];
const LOAD = ['job', 'run', 'customer', '--only', 'load', '--logical-time', '2026-03-01T06:10:00Z'];
const RAW = 'analytics_raw.raw_customer_stream';

/** A project with one landed batch for each id. */
async function backlog(): Promise<CliProject> {
  const project = await CliProject.create({ customers: 0 });
  project.write('project.yml', `${readFileSync(join(project.dir, 'project.yml'), 'utf8')}\nmax_batch_rows: 1\n`);
  const updated_at = '2026-03-01T05:30:00Z';
  await project.produce(
    IDS.map((id) => ({
      topic: CUSTOMER_TOPICS.update,
      key: id,
      value: JSON.stringify({ id, updated_at, status: 'active', street: 'Alt' }),
      timestampMs: Date.parse(updated_at),
    })),
  );
  expect((await project.hour('2026-03-01T06:00:00Z', '--only', 'land')).batches).toHaveLength(IDS.length);
  return project;
}

function load(project: CliProject, failpoint = ''): ReturnType<CliProject['run']> {
  return project.run(LOAD, { ...project.env, SLUICE_FAILPOINT: failpoint });
}

const loaded = (seqs: readonly number[]): string[] =>
  seqs.map((seq) => `loaded customer-0000000${seq}: 1 rows, 0 dead letters`);
const told = (stderr: string): string[] => stderr.match(/loaded customer-\d+: \d+ rows, \d+ dead letters/g) ?? [];

describe('batches that are loaded together', () => {
  it('cost one transaction and are told one by one', async () => {
    await using project = await backlog();
    const { exitCode, stderr } = await load(project, 'trace');
    expect(exitCode, stderr).toBe(0);
    expect(stderr.match(/failpoint \d+ (raw\.load\w+|state\.markLoaded|warehouse\.commit)/g)).toHaveLength(3);
    expect(told(stderr)).toEqual(loaded([1, 2, 3, 4, 5, 6]));
    expect(await project.rows(RAW, '_key')).toEqual(IDS);
  });

  it('are loaded up to the one that cannot be, which is named; the rest comes when it is mended', async () => {
    await using project = await backlog();
    const name = readdirSync(join(project.home, 'landing'), { recursive: true, encoding: 'utf8' }).find((file) =>
      file.endsWith('00000000000000000003-00000000000000000004.ndjson'),
    );
    const object = join(project.home, 'landing', name ?? '');
    const bytes = readFileSync(object, 'utf8');
    writeFileSync(object, bytes.replace('Alt', 'Olt'));
    const failed = await load(project);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/object_corrupt/);
    expect(failed.stderr).toContain(name);
    expect(await project.rows(RAW, '_key')).toEqual(['A', 'B', 'C']);
    writeFileSync(object, bytes);
    const { exitCode, stderr } = await load(project);
    expect(exitCode, stderr).toBe(0);
    expect(told(stderr)).toEqual(loaded([4, 5, 6]));
    expect(await project.rows(RAW, '_key')).toEqual(IDS);
  });

  it('are there once, whatever moment the process dies at or a reply is lost', async () => {
    await using traced = await backlog();
    const { stderr } = await load(traced, 'trace');
    for (const effect of ['raw.loadTogether', 'warehouse.commit', 'state.markLoaded']) {
      const number = new RegExp(`failpoint (\\d+) ${effect}`).exec(stderr)?.[1] ?? '';
      for (const mode of ['before', 'after', 'lost']) {
        await using project = await backlog();
        await load(project, `${number}:${mode}`);
        const next = await load(project);
        expect(next.exitCode, next.stderr).toBe(0);
        expect(await project.rows(RAW, '_key'), `${effect} ${mode}`).toEqual(IDS);
      }
    }
  });
});
