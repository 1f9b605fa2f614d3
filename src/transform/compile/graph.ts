/** The dependency graph: order, reach, and cycles printed as a path. Pure. */

export class Graph {
  readonly #parents: ReadonlyMap<string, readonly string[]>;
  readonly #children = new Map<string, string[]>();

  /** Parents by node; nodes that are named as a parent only count too. */
  constructor(parents: ReadonlyMap<string, readonly string[]>) {
    this.#parents = parents;
    for (const [node, list] of parents) {
      for (const parent of list) {
        const children = this.#children.get(parent);
        if (children === undefined) this.#children.set(parent, [node]);
        else children.push(node);
      }
    }
  }

  parents(node: string): readonly string[] {
    return this.#parents.get(node) ?? [];
  }

  children(node: string): readonly string[] {
    return this.#children.get(node) ?? [];
  }

  /** Everything upstream within `depth` steps, without the nodes themselves. */
  ancestors(nodes: Iterable<string>, depth = Number.POSITIVE_INFINITY): Set<string> {
    return reach(nodes, depth, (node) => this.parents(node));
  }

  descendants(nodes: Iterable<string>, depth = Number.POSITIVE_INFINITY): Set<string> {
    return reach(nodes, depth, (node) => this.children(node));
  }

  /** Parents before children; among equals by name, so that two runs of one project have one order. */
  order(): readonly string[] {
    const known = (parents: readonly string[]): Set<string> =>
      new Set(parents.filter((name) => this.#parents.has(name)));
    const waiting = new Map(Array.from(this.#parents, ([node, parents]) => [node, known(parents).size]));
    let ready = [...waiting]
      .filter(([, count]) => count === 0)
      .map(([node]) => node)
      .sort();
    const order: string[] = [];
    while (ready.length > 0) {
      const next = new Set<string>();
      for (const node of ready) {
        order.push(node);
        for (const child of new Set(this.children(node))) {
          const count = (waiting.get(child) ?? 0) - 1;
          waiting.set(child, count);
          if (count === 0) next.add(child);
        }
      }
      ready = [...next].sort();
    }
    return order;
  }

  /** One cycle as a path that ends where it began: `[a, b, a]`; undefined when there is none. */
  cycle(): readonly string[] | undefined {
    const done = new Set(this.order());
    const inside = [...this.#parents.keys()].filter((node) => !done.has(node)).sort();
    const start = inside[0];
    if (start === undefined) return undefined;
    // What order() could not place is on a cycle or downstream of one: walking towards the parents must repeat a node.
    const left = new Set(inside);
    const path = [start];
    for (;;) {
      const parent = this.parents(path.at(-1) ?? start).find((candidate) => left.has(candidate));
      if (parent === undefined) return undefined;
      const seen = path.indexOf(parent);
      path.push(parent);
      if (seen >= 0) return path.slice(seen).reverse();
    }
  }
}

function reach(nodes: Iterable<string>, depth: number, next: (node: string) => readonly string[]): Set<string> {
  const start = new Set(nodes);
  const seen = new Set<string>();
  let front = [...start];
  for (let step = 0; step < depth && front.length > 0; step++) {
    front = front.flatMap((node) => next(node)).filter((node) => !seen.has(node));
    front = [...new Set(front)];
    for (const node of front) seen.add(node);
  }
  for (const node of start) seen.delete(node);
  return seen;
}
