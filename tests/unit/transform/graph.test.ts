import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Graph } from '../../../src/transform/compile/graph.ts';
import { runSchedule } from '../../../src/transform/run/schedule.ts';

const graph = (parents: Readonly<Record<string, readonly string[]>>): Graph =>
  new Graph(new Map(Object.entries(parents)));

/** A random graph without cycles: edges lead from later to earlier numbers only. */
const acyclic = fc
  .array(fc.array(fc.nat(30), { maxLength: 4 }), { minLength: 1, maxLength: 30 })
  .map(
    (lists) =>
      new Map(
        lists.map((list, index) => [`n${index}`, [...new Set(list.filter((to) => to < index).map((to) => `n${to}`))]]),
      ),
  );

describe('the graph', () => {
  it('orders parents before children, equals by name', () => {
    expect(graph({ c: ['a', 'b'], b: ['a'], a: [], d: [] }).order()).toEqual(['a', 'd', 'b', 'c']);
  });

  it('puts every node behind its parents, whatever the graph', () => {
    fc.assert(
      fc.property(acyclic, (parents) => {
        const order = new Graph(parents).order();
        expect(order).toHaveLength(parents.size);
        const place = new Map(order.map((node, index) => [node, index]));
        for (const [node, list] of parents)
          for (const parent of list) expect(place.get(parent)).toBeLessThan(place.get(node) ?? -1);
      }),
    );
  });

  it('reaches upstream and downstream within a number of steps', () => {
    const chain = graph({ a: [], b: ['a'], c: ['b'], d: ['c'] });
    expect([...chain.ancestors(['d'])].sort()).toEqual(['a', 'b', 'c']);
    expect([...chain.ancestors(['d'], 2)].sort()).toEqual(['b', 'c']);
    expect([...chain.descendants(['a'], 1)]).toEqual(['b']);
  });

  it('names a cycle as a path that ends where it began', () => {
    const cycle = graph({ a: ['x'], x: [], b: ['a', 'd'], c: ['b'], d: ['c'], below: ['d'] }).cycle();
    expect(cycle?.at(0)).toBe(cycle?.at(-1));
    expect([...new Set(cycle)].sort()).toEqual(['b', 'c', 'd']);
    expect(graph({ a: [], b: ['a'] }).cycle()).toBeUndefined();
    expect(graph({ a: ['a'] }).cycle()).toEqual(['a', 'a']);
  });
});

describe('the schedule', () => {
  it('never starts a node before its parents have ended, nor more than the threads', async () => {
    await fc.assert(
      fc.asyncProperty(acyclic, fc.integer({ min: 1, max: 5 }), async (parents, threads) => {
        const ended = new Set<string>();
        let running = 0;
        await runSchedule(
          Array.from(parents, ([id, after]) => ({ id, after, finishAfter: [] })),
          threads,
          async ({ id, after }) => {
            expect(++running).toBeLessThanOrEqual(threads);
            expect(after.every((parent) => ended.has(parent))).toBe(true);
            await Promise.resolve();
            running--;
            ended.add(id);
          },
        );
        expect(ended.size).toBe(parents.size);
      }),
    );
  });

  it('starts a node while those before its gate are at work, lets it through behind them, and never has all threads waiting', async () => {
    await fc.assert(
      fc.asyncProperty(acyclic, fc.integer({ min: 1, max: 4 }), fc.nat(), async (parents, threads, salt) => {
        const ended = new Set<string>();
        const started = new Set<string>();
        const nodes = Array.from(parents, ([id, all], at) => {
          const isGated = (index: number): boolean => ((salt >> ((at + index) % 30)) & 1) === 1;
          return {
            id,
            after: all.filter((_, index) => !isGated(index)),
            finishAfter: all.filter((_, index) => isGated(index)),
          };
        });
        await runSchedule(nodes, threads, async ({ id, after, finishAfter }, gate) => {
          started.add(id);
          expect(started.size - ended.size).toBeLessThanOrEqual(threads);
          expect(after.every((parent) => ended.has(parent))).toBe(true);
          expect(finishAfter.every((parent) => started.has(parent))).toBe(true);
          await Promise.resolve();
          expect(await gate.pass()).toBe(true);
          expect(finishAfter.every((parent) => ended.has(parent))).toBe(true);
          ended.add(id);
        });
        expect(ended.size).toBe(parents.size);
      }),
    );
  });

  it('begins one node while the other, which its gate waits for, is at work', async () => {
    const seen: string[] = [];
    await runSchedule(
      [
        { id: 'current', after: [], finishAfter: [] },
        { id: 'history', after: [], finishAfter: ['current'] },
      ],
      2,
      async ({ id }, gate) => {
        seen.push(`${id} begins`);
        await new Promise((resolve) => setTimeout(resolve, id === 'current' ? 20 : 1));
        await gate.pass();
        seen.push(`${id} ends`);
      },
    );
    expect(seen).toEqual(['current begins', 'history begins', 'current ends', 'history ends']);
  });

  it('lets others pass before it ends, when it says so', async () => {
    const seen: string[] = [];
    await runSchedule(
      [
        { id: 'current', after: [], finishAfter: [] },
        { id: 'history', after: [], finishAfter: ['current'] },
        { id: 'below', after: ['current'], finishAfter: [] },
      ],
      3,
      async ({ id }, gate) => {
        expect(await gate.pass()).toBe(true);
        seen.push(`${id} passes`);
        gate.letPass();
        await new Promise((resolve) => setTimeout(resolve, id === 'current' ? 20 : 1));
        seen.push(`${id} ends`);
      },
    );
    expect(seen).toEqual([
      'current passes',
      'history passes',
      'history ends',
      'current ends',
      'below passes',
      'below ends',
    ]);
  });

  it('sends a node away from its gate when the schedule was stopped', async () => {
    let passed: boolean | undefined;
    const work = runSchedule(
      [
        { id: 'bad', after: [], finishAfter: [] },
        { id: 'gated', after: [], finishAfter: ['bad'] },
      ],
      2,
      async ({ id }, gate) => {
        await Promise.resolve();
        if (id === 'bad') throw new Error('stop');
        passed = await gate.pass();
      },
    );
    await expect(work).rejects.toThrow('stop');
    expect(passed).toBe(false);
  });

  it('lets what runs end, then throws what stopped it', async () => {
    const ended: string[] = [];
    const work = runSchedule(
      [
        { id: 'bad', after: [], finishAfter: [] },
        { id: 'slow', after: [], finishAfter: [] },
        { id: 'never', after: ['slow'], finishAfter: [] },
      ],
      2,
      async ({ id }) => {
        if (id === 'bad') throw new Error('stop');
        await new Promise((resolve) => setTimeout(resolve, 5));
        ended.push(id);
      },
    );
    await expect(work).rejects.toThrow('stop');
    expect(ended).toEqual(['slow']);
  });
});
