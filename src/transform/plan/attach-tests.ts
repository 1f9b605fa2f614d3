/**
 * Which node's publication a data test decides about: the last of its parents that the run builds. A test of a relationship looks at both
 * sides, so it can judge only when the later one stands.
 */
import { isBuilt } from '../compile/compile-node.ts';
import type { TestNode } from '../compile/node.ts';
import type { Project } from '../compile/project.ts';

export interface AttachedTests {
  readonly gates: ReadonlyMap<string, readonly TestNode[]>;
  /** Tests of which no parent is built by this run. */
  readonly alone: readonly TestNode[];
}

export function attachTests(project: Project, tests: readonly TestNode[], built: ReadonlySet<string>): AttachedTests {
  const place = new Map(project.order.map((id, index) => [id, index]));
  const gates = new Map<string, TestNode[]>();
  const alone: TestNode[] = [];
  for (const test of tests) {
    const last = lastBuilt(project, test, built, place);
    if (last === undefined) alone.push(test);
    else gates.set(last, [...(gates.get(last) ?? []), test]);
  }
  return { gates, alone };
}

/** Ephemeral parents stand for the relations below them. */
function lastBuilt(
  project: Project,
  test: TestNode,
  built: ReadonlySet<string>,
  place: ReadonlyMap<string, number>,
): string | undefined {
  const candidates = test.dependsOn.flatMap((id) => relationsBelow(project, id)).filter((id) => built.has(id));
  return candidates.sort((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0)).at(-1);
}

export function relationsBelow(project: Project, id: string): readonly string[] {
  const node = project.nodes.get(id);
  if (node === undefined) return [];
  if (isBuilt(node) || node.kind === 'source') return [id];
  return node.dependsOn.flatMap((parent) => relationsBelow(project, parent));
}
