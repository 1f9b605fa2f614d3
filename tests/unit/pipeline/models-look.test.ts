import { beforeEach, describe, expect, it } from 'vitest';
import { ModelsLook } from '../../../src/pipeline/models-look.ts';
import type { ModelRunner } from '../../../src/pipeline/model-runner.ts';
import type { OpenWarehouse } from '../../../src/pipeline/ports.ts';
import type { RunContext } from '../../../src/pipeline/run-context.ts';

const seen: string[] = [];
let compiled: PromiseWithResolvers<[]>;

/** A look at a project without models. */
function look(dialect: 'duckdb' | 'bigquery'): ModelsLook {
  const context = { ports: { warehouse: { dialect } } } as unknown as RunContext;
  const runner = {
    nodes: () => {
      seen.push('compiled');
      return compiled.promise;
    },
  } as unknown as ModelRunner;
  const made = new ModelsLook(context, {} as OpenWarehouse, runner);
  made.marks.inspect = () => {
    seen.push('asked');
    return Promise.resolve({ lost: new Set(), relations: [] });
  };
  return made;
}

beforeEach(() => {
  seen.length = 0;
  compiled = Promise.withResolvers();
});

describe('the look at the models', () => {
  it('is taken once, however often it is begun, and waited for at the end', async () => {
    const models = look('duckdb');
    models.begin();
    models.begin();
    const ended = models.end().then(() => seen.push('ended'));
    compiled.resolve([]);
    await ended;
    expect(seen).toEqual(['compiled', 'asked', 'ended']);
    expect(await models.take()).toEqual({ nodes: [], lost: new Set(), relations: [] });
    expect(seen).toHaveLength(3);
  });

  it('only compiles beforehand where a question costs money', async () => {
    const models = look('bigquery');
    models.begin();
    compiled.resolve([]);
    await models.end();
    expect(seen).toEqual(['compiled']);
    await models.take();
    expect(seen).toEqual(['compiled', 'compiled', 'asked']);
  });

  it('is not begun after the end, when the warehouse may be closed', async () => {
    const models = look('duckdb');
    await models.end();
    models.begin();
    expect(seen).toEqual([]);
  });

  it('tells its failure to the one who takes it, and to nobody before', async () => {
    const models = look('duckdb');
    models.begin();
    compiled.reject(new Error('does not compile'));
    await models.end();
    await expect(models.take()).rejects.toThrow('does not compile');
  });
});
