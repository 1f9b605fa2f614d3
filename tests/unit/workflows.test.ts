/** The workflows of this repository and of new projects: they parse, pin what they use, and name files that are there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY } from '../support/sluice-command.ts';
import { onlyJob, readWorkflow } from '../support/workflow-file.ts';

const files = ['.github/workflows/test.yml', '.github/workflows/models.yml', 'scaffold/.github/workflows/models.yml'];
const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
  readonly files: readonly string[];
  readonly devDependencies: Readonly<Record<string, string>>;
};

test.each(files)('%s runs for pull requests, may only read, and ends by itself', (file) => {
  const workflow = readWorkflow(join(REPOSITORY, file));
  expect(Object.keys(workflow.on)).toContain('pull_request');
  expect(workflow.permissions).toEqual({ contents: 'read' });
  expect(onlyJob(workflow)['timeout-minutes']).toBeGreaterThan(0);
});

test.each(files)('%s pins every action and the Node of the repository', (file) => {
  const { steps } = onlyJob(readWorkflow(join(REPOSITORY, file)));
  for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^actions\/[a-z-]+@v\d+$/);
  const node = steps.find(({ uses }) => uses?.startsWith('actions/setup-node@') === true);
  expect(node?.with?.['node-version']).toBe(manifest.devDependencies['node']);
});

test('the models of this repository and of a new project are built by the same steps', () => {
  const [own, scaffolded] = ['.github', 'scaffold/.github'].map((folder) =>
    readFileSync(join(REPOSITORY, folder, 'workflows/models.yml'), 'utf8'),
  );
  expect(own).toBe(scaffolded?.replaceAll('node_modules/sluice/', ''));
});

test('the module that fixes the version of the emulator comes with the package', () => {
  const { env } = onlyJob(readWorkflow(join(REPOSITORY, '.github/workflows/models.yml')));
  for (const file of ['go.mod', 'go.sum']) {
    const path = `${env?.['EMULATOR_MODULE']}/${file}`;
    expect(existsSync(join(REPOSITORY, path)), path).toBe(true);
    expect(manifest.files).toContain(path);
  }
});

test('the workflow sets every variable that the target ci reads, and builds on that target', () => {
  const job = onlyJob(readWorkflow(join(REPOSITORY, 'scaffold/.github/workflows/models.yml')));
  for (const name of ['BIGQUERY_PROJECT', 'BIGQUERY_DATASET', 'BIGQUERY_LOCATION', 'BIGQUERY_API_ENDPOINT'])
    expect(job.env).toHaveProperty(name);
  expect(job.steps.map(({ run }) => run)).toContain('npx sluice build --target ci');
});
