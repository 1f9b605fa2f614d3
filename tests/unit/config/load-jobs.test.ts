import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadJob, loadJobs } from '../../../src/config/load-jobs.ts';
import { parseProject } from '../../../src/config/project.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-jobs-'));
  mkdirSync(join(folder, 'jobs'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function project(text = '') {
  return parseProject(folder, `name: demo\ntargets: { dev: { warehouse: { type: duckdb, path: w } } }\n${text}`);
}

function write(file: string, text: string): void {
  writeFileSync(join(folder, 'jobs', file), text);
}

/** Plain JavaScript: what a job file comes to when its types are stripped. */
function job(name: string, more = ''): string {
  return `import { defineJob } from 'sluice';
export default defineJob({
  name: '${name}', topics: [{ name: '${name}s', op: 'update' }], key: 'id', eventTime: 'at', models: ['m'],
  schema: { type: 'object', properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } } }, ${more}
});`;
}

test('jobs are found by file name, and by the name that a file of another name gives', async () => {
  write('one.ts', job('one'));
  write('second-file.mjs', job('two'));
  expect((await loadJob(await project(), 'one')).name).toBe('one');
  expect((await loadJob(await project(), 'two')).name).toBe('two');
  expect((await loadJobs(await project())).map(({ job: { name }, file }) => [name, file])).toEqual([
    ['one', 'jobs/one.ts'],
    ['two', 'jobs/second-file.mjs'],
  ]);
});

test("the project's limits reach the job", async () => {
  write('one.ts', job('one', 'limits: { maxDeletes: 1 }').replace('maxDeletes: 1', 'maxDeleteRatio: 0.3'));
  const { limits } = await loadJob(await project('max_recompute_days: 9\nmax_delete_ratio: 0.1\n'), 'one');
  expect(limits).toMatchObject({ maxRecomputeDays: 9, maxDeleteRatio: 0.3 });
});

test('an unknown job is named with a suggestion and what there is', async () => {
  write('customer.ts', job('customer'));
  await expect(loadJob(await project(), 'custmer')).rejects.toMatchObject({
    code: 'job_unknown',
    exitCode: 2,
    message: 'there is no job "custmer" in jobs; did you mean "customer"?',
    hint: 'Known jobs: customer',
  });
});

test('a project without jobs says how to write one', async () => {
  await expect(loadJob(await project(), 'customer')).rejects.toMatchObject({
    code: 'job_unknown',
    hint: expect.stringContaining('jobs/<name>.ts'),
  });
});

test.each([
  ['throws', `throw new Error('no luck');`, /jobs\/broken\.ts: fails when it is imported: no luck/],
  [
    'exports nothing',
    `export const job = 1;`,
    /jobs\/broken\.ts exports no default, expected: export default defineJob/,
  ],
  [
    'exports something else',
    `export default { name: 'broken' };`,
    /jobs\/broken\.ts has a default export that defineJob did not make/,
  ],
  ['is no program', `export default {{`, /jobs\/broken\.ts: fails when it is imported/],
  ['imports what is not there', `import 'no-such-package-anywhere';`, /jobs\/broken\.ts: fails when it is imported/],
  [
    'has mistakes',
    job('broken', `deletes: 'none'`),
    /jobs\/broken\.ts: job "broken" has one mistake:\n {2}deletes: came "none"/,
  ],
])('a file that %s gets a clear error', async (_name, text, expected) => {
  write('broken.ts', text);
  await expect(loadJob(await project(), 'broken')).rejects.toMatchObject({
    code: 'job_invalid',
    exitCode: 2,
    message: expect.stringMatching(expected),
  });
});

test('all broken files are reported together', async () => {
  write('a.ts', `export const a = 1;`);
  write('b.ts', `throw new Error('no luck');`);
  await expect(loadJobs(await project())).rejects.toThrow(/jobs\/a\.ts exports no default[\s\S]*jobs\/b\.ts: fails/);
});

test('two jobs of one name or one entity are refused', async () => {
  write('a.ts', job('same'));
  write('b.ts', job('same'));
  await expect(loadJobs(await project())).rejects.toThrow('jobs/a.ts and jobs/b.ts both define the job "same"');
  write('b.ts', job('other', `entity: 'same'`));
  await expect(loadJobs(await project())).rejects.toThrow();
});

test('tests, declarations and names that begin with an underscore are no jobs', async () => {
  for (const file of ['_shared.ts', 'one.test.ts', 'types.d.ts', '.hidden.ts', 'notes.md'])
    write(file, 'throw new Error("imported")');
  expect(await loadJobs(await project())).toEqual([]);
});
