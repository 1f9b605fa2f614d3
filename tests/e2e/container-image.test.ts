/** The Dockerfiles, the repository's and the one of new projects, built by replaying their stages in empty folders (no engine is needed). */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage, contextSources, runImage, type BuiltImage } from '../support/container-build.ts';
import { ignores, readContainerFile } from '../support/container-file.ts';
import { REPOSITORY } from '../support/sluice-command.ts';

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as Manifest;

describe.each([
  { name: 'of the repository', folder: REPOSITORY },
  { name: 'of a new project', folder: join(REPOSITORY, 'scaffold') },
])('the Dockerfile $name', ({ folder }) => {
  const stages = readContainerFile(join(folder, 'Dockerfile'));
  const last = stages.at(-1)!;

  test('has several stages, all on the Node that the repository pins', () => {
    expect(stages.length).toBeGreaterThan(1);
    const { node } = manifest.devDependencies;
    expect([...new Set(stages.map(({ image }) => image))]).toEqual([`node:${node}-slim`]);
  });

  test('runs sluice as a user that is not root', () => {
    const words = (keyword: string): readonly string[] =>
      last.instructions.flatMap((instruction) => (instruction.keyword === keyword ? [instruction.text] : []));
    expect(words('USER')).toEqual(['node']);
    expect(words('ENTRYPOINT')).toEqual(['["sluice"]']);
  });

  test('lets no secret and no local state into the image', () => {
    const isIgnored = ignores(join(folder, '.dockerignore'));
    const unwanted = ['.env', 'prod.env', '.git/config', '.sluice/state.sqlite', 'target/manifest.json', 'key.json'];
    for (const file of [...unwanted, 'node_modules/sluice/package.json']) expect(isIgnored(file), file).toBe(true);
    for (const file of ['project.yml', 'jobs/customer.ts', 'models/customer/customer.yml', 'tests/data/one.sql'])
      expect(isIgnored(file), file).toBe(false);
  });
});

test('every source that the Dockerfile of the repository copies is there', () => {
  for (const source of contextSources(readContainerFile(join(REPOSITORY, 'Dockerfile'))))
    expect(existsSync(join(REPOSITORY, source)), source).toBe(true);
});

describe('the image of the repository', () => {
  const work = mkdtempSync(join(tmpdir(), 'sluice-image-'));
  const home = join(work, 'home');
  let image: BuiltImage;

  beforeAll(async () => {
    // mkdtemp keeps others out, and the image's user is another one.
    chmodSync(work, 0o755);
    mkdirSync(home);
    chmodSync(home, 0o777);
    image = await buildImage(REPOSITORY, work);
  }, 600_000);
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test('has no development dependency and no source of the tool', () => {
    const modules = readdirSync(join(image.root, 'app/node_modules'));
    for (const name of Object.keys(manifest.devDependencies)) expect(modules).not.toContain(name);
    for (const name of ['kafkajs', 'pg', 'better-sqlite3']) expect(modules).toContain(name);
    expect(existsSync(join(image.root, 'app/src'))).toBe(false);
  });

  test('prints its version, lists its jobs and checks its models', async () => {
    expect(await runImage(image, ['--version'])).toEqual({
      exitCode: 0,
      stdout: `${manifest.version}\n`,
      stderr: '',
    });
    const target = { SLUICE_TARGET: 'dev' };
    expect(await runImage(image, ['job', 'list'], target)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/customer .*\n.*order/),
    });
  });

  test('works on the target prod unless another is named', async () => {
    const { exitCode, stderr } = await runImage(image, ['job', 'run', 'customer']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('env_missing');
    expect(stderr).toContain('targets.prod.');
  });

  test('runs a job and the models where nothing but target/ and its data can be written to', async () => {
    const env = { SLUICE_TARGET: 'dev', SLUICE_HOME: home, HOME: '/nonexistent' };
    for (const topic of ['kundenservice-kunde-create', 'kundenservice-kunde-update', 'kundenservice-kunde-delete'])
      expect(await runImage(image, ['topic', 'create', topic, '--partitions', '1'], env)).toMatchObject({
        exitCode: 0,
      });
    const run = await runImage(image, ['job', 'run', 'customer', '--json'], env);
    expect(JSON.parse(run.stdout)).toMatchObject({ job: 'customer', exitCode: 0, errors: [] });
    expect(await runImage(image, ['build'], env)).toMatchObject({ exitCode: 0 });
  });
});
