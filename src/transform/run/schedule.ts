/** Runs the nodes of a plan in the order of their dependencies, several at once. Knows nothing about what a node does. */

export interface Scheduled {
  readonly id: string;
  /** Ids of the same plan that must have ended before it starts. */
  readonly after: readonly string[];
  /** Ids of the same plan that must have let others pass before it goes through its gate: they are at work when it starts. */
  readonly finishAfter: readonly string[];
}

/** Between the two parts of a node's work. */
export interface Gate {
  /** Waits for everything in `finishAfter`. false: the schedule was stopped meanwhile, and the node must leave. */
  pass(): Promise<boolean>;
  /** What others wait for at their gates is done; left out, it is when this node ends. */
  letPass(): void;
}

/**
 * Starts a node as soon as everything in its `after` has ended and a thread is free, in the order given; one whose gate is open goes before one
 * that will have to wait there. Nodes wait at gates for running ones alone, so that threads cannot all be waiting. `work` must not throw for what it
 * expects: what it throws stops the schedule, once the nodes that are running have ended.
 */
export async function runSchedule<T extends Scheduled>(
  nodes: readonly T[],
  threads: number,
  work: (node: T, gate: Gate) => Promise<void>,
): Promise<void> {
  const ended = new Set<string>();
  const waiting = new Set(nodes);
  const running = new Map<string, Promise<void>>();
  const passable = new Map<string, PromiseWithResolvers<void>>();
  const failures: unknown[] = [];
  const haveEnded = (ids: readonly string[]): boolean => ids.every((id) => ended.has(id));
  const gateOf = ({ id: own, finishAfter }: T): Gate => ({
    pass: async () => {
      for (const id of finishAfter) await passable.get(id)?.promise;
      return failures.length === 0;
    },
    letPass: () => passable.get(own)?.resolve(),
  });
  const next = (): T | undefined => {
    const ready = [...waiting].filter((node) => haveEnded(node.after));
    return (
      ready.find((node) => haveEnded(node.finishAfter)) ??
      ready.find((node) => node.finishAfter.every((id) => ended.has(id) || running.has(id)))
    );
  };
  while (waiting.size > 0 || running.size > 0) {
    while (running.size < threads && failures.length === 0) {
      const node = next();
      if (node === undefined) break;
      waiting.delete(node);
      passable.set(node.id, Promise.withResolvers());
      const task = work(node, gateOf(node))
        .catch((error: unknown) => void failures.push(error))
        .finally(() => {
          running.delete(node.id);
          ended.add(node.id);
          passable.get(node.id)?.resolve();
        });
      running.set(node.id, task);
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (failures.length > 0) throw failures[0];
  if (waiting.size > 0) {
    throw new RangeError(`nodes wait for each other: ${Array.from(waiting, (node) => node.id).join(', ')}`);
  }
}
