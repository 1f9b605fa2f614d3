/** Runs the nodes of a plan in the order of their dependencies, several at once. Knows nothing about what a node does. */

export interface Scheduled {
  readonly id: string;
  /** Ids of the same plan that must have ended before. */
  readonly after: readonly string[];
}

/**
 * Starts a node as soon as everything in its `after` has ended and a thread is free, in the order given. `work` must not throw for
 * what it expects: what it throws stops the schedule, once the nodes that are running have ended.
 */
export async function runSchedule<T extends Scheduled>(
  nodes: readonly T[],
  threads: number,
  work: (node: T) => Promise<void>,
): Promise<void> {
  const ended = new Set<string>();
  const waiting = new Set(nodes);
  const running = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  while (waiting.size > 0 || running.size > 0) {
    for (const node of waiting) {
      if (running.size >= threads || failures.length > 0) break;
      if (!node.after.every((id) => ended.has(id))) continue;
      waiting.delete(node);
      const task = work(node)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => {
          running.delete(node.id);
          ended.add(node.id);
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
