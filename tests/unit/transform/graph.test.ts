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
          Array.from(parents, ([id, after]) => ({ id, after })),
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

  it('lets what runs end, then throws what stopped it', async () => {
    const ended: string[] = [];
    const work = runSchedule(
      [
        { id: 'bad', after: [] },
        { id: 'slow', after: [] },
        { id: 'never', after: ['slow'] },
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
