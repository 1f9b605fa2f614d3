/** A project of models in a temporary folder, for tests of the model layer. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { YamlValue } from '../../src/config/yaml-source.ts';
import {
  compileProject,
  type ModelProjectConfig,
  type ModelTarget,
  type Project,
  type RenderEnvironment,
} from '../../src/transform/index.ts';

export interface ProjectFixture {
  readonly dir: string;
  readonly config: ModelProjectConfig;
  write(files: Readonly<Record<string, string>>): Promise<void>;
  remove(path: string): Promise<void>;
  compile(options?: {
    readonly environment?: Partial<RenderEnvironment>;
    readonly target?: Partial<ModelTarget>;
  }): Promise<Project>;
  dispose(): Promise<void>;
}

const EMPTY_TREE = { config: {}, folders: {} };

export const DUCKDB_TARGET: ModelTarget = {
  name: 'dev',
  type: 'duckdb',
  schema: 'analytics',
  rawSchema: 'analytics_raw',
  threads: 2,
};

export function testEnvironment(changes: Partial<RenderEnvironment> = {}): RenderEnvironment {
  return {
    vars: {},
    env: {},
    runStartedAt: Date.parse('2026-03-01T10:00:00Z'),
    today: '2026-03-01',
    invocationId: 'test-invocation',
    version: '0.0.0',
    jobs: {},
    extensions: () => ({}),
    fullRefresh: false,
    log: () => undefined,
    ...changes,
  };
}

export async function modelProject(
  files: Readonly<Record<string, string>>,
  config: Partial<ModelProjectConfig> = {},
): Promise<ProjectFixture> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-models-'));
  const full: ModelProjectConfig = {
    dir,
    name: 'shop',
    version: '1',
    timezone: 'Europe/Berlin',
    modelPaths: ['models'],
    macroPaths: ['macros'],
    seedPaths: ['seeds'],
    testPaths: ['tests/data'],
    targetPath: 'target',
    models: EMPTY_TREE,
    seeds: EMPTY_TREE,
    dataTests: EMPTY_TREE,
    ...config,
  };
  const fixture: ProjectFixture = {
    dir,
    config: full,
    async write(more) {
      for (const [path, text] of Object.entries(more)) {
        await mkdir(dirname(join(dir, path)), { recursive: true });
        await writeFile(join(dir, path), text);
      }
    },
    remove: (path) => rm(join(dir, path)),
    compile: (options = {}) =>
      compileProject({
        config: full,
        target: { ...DUCKDB_TARGET, ...options.target },
        environment: testEnvironment(options.environment),
      }),
    dispose: () => rm(dir, { recursive: true, force: true }),
  };
  await fixture.write(files);
  return fixture;
}

export function tree(
  config: Readonly<Record<string, YamlValue>>,
  folders: ModelProjectConfig['models']['folders'] = {},
): ModelProjectConfig['models'] {
  return { config, folders };
}
