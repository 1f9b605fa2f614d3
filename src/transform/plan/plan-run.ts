/** planRun: a selection -> the nodes to run, in order, with their SQL and tests. Pure: what the warehouse holds comes in as data. */
import type { RelationInfo } from '../../core/relation.ts';
import { Effects } from '../compile/context/effects.ts';
import { compileModel, compileTest, isBuilt, type Situation } from '../compile/compile-node.ts';
import type { Graph } from '../compile/graph.ts';
import { RenderInterrupt } from '../compile/jinja/index.ts';
import type { ModelNode, Node, SeedNode, TestNode } from '../compile/node.ts';
import type { Project } from '../compile/project.ts';
import { noChanges } from '../compile/renderer.ts';
import { selectNodes, type SelectionRequest } from '../compile/selection.ts';
import { attachTests, relationsBelow } from './attach-tests.ts';
import type { ModelChanges } from './changes.ts';
import type { BuildMode, PlannedNode, PlannedTest, RunCommand, RunPlan } from './plan.ts';
import { RelationMap } from './relation-map.ts';
import { buildModeOf, runsIncrementally, sameRelation, situationOf } from './situation.ts';

export interface PlanRequest extends SelectionRequest {
  readonly command: RunCommand;
  readonly fullRefresh?: boolean;
  /** What stands in the warehouse now; without it everything counts as missing. */
  readonly relations?: readonly RelationInfo[];
  /** What a job hands to a model, by the model's name. */
  readonly changes?: (model: string) => ModelChanges | undefined;
  /** false: the plan carries no SQL (the run renders it anyway). */
  readonly withSql?: boolean;
}

export function planRun(project: Project, request: PlanRequest): RunPlan {
  const selection = selectNodes(project, request);
  const selected = project.order.flatMap((id) => (selection.ids.has(id) ? (project.nodes.get(id) ?? []) : []));
  const planner = new Planner(project, request, selected);
  return {
    command: request.command,
    target: project.target.name,
    fullRefresh: request.fullRefresh === true,
    nodes: planner.nodes(),
    unmatched: selection.unmatched,
  };
}

class Planner {
  readonly #project: Project;
  readonly #request: PlanRequest;
  readonly #built: readonly (ModelNode | SeedNode)[];
  readonly #tests: readonly TestNode[];
  readonly #existing: RelationMap;

  constructor(project: Project, request: PlanRequest, selected: readonly Node[]) {
    this.#project = project;
    this.#request = request;
    const { command } = request;
    const wanted = (node: Node): node is ModelNode | SeedNode =>
      isBuilt(node) && (command === 'build' || (command === 'seed' ? node.kind === 'seed' : node.kind === 'model'));
    this.#built = command === 'test' ? [] : selected.filter(wanted);
    const tested = command === 'build' || command === 'test';
    this.#tests = tested ? selected.filter((node) => node.kind === 'test') : [];
    this.#existing = new RelationMap(request.relations ?? [], project.target.type);
  }

  nodes(): readonly PlannedNode[] {
    const ids = new Set(this.#built.map((node) => node.id));
    const { gates, alone } = attachTests(this.#project, this.#tests, ids);
    const before = alone.map((test) => this.#testNode(test));
    const gating = this.#request.command === 'build' ? alone : [];
    const built = this.#built.map((node) => this.#builtNode(node, ids, gates.get(node.id) ?? [], gating));
    return [...before, ...built];
  }

  #builtNode(
    node: ModelNode | SeedNode,
    built: ReadonlySet<string>,
    tests: readonly TestNode[],
    alone: readonly TestNode[],
  ): PlannedNode {
    const state = this.#stateOf(node);
    const parents = new Set(node.dependsOn.flatMap((id) => relationsBelow(this.#project, id)));
    // As in dbt's build: a failing test of a source keeps the models that read it from running.
    const gating = alone.filter((test) => test.dependsOn.some((id) => parents.has(id) || node.dependsOn.includes(id)));
    const after = new Set([...nearestAbove(this.#project.graph, node.id, built), ...gating.map((test) => test.id)]);
    return {
      id: node.id,
      name: node.name,
      kind: node.kind,
      file: node.file,
      materialized: node.kind === 'seed' ? 'seed' : node.config.materialized,
      mode: state.mode,
      relation: node.relation,
      after: [...after],
      // A test of several models waits for all of them; this one is the last in order, so no circle comes of it.
      finishAfter: [...new Set(tests.flatMap((test) => test.dependsOn))].filter(
        (id) => id !== node.id && built.has(id) && !after.has(id),
      ),
      sql: node.kind === 'model' ? this.#sql(() => compileModel(this.#project, node, state.situation).select) : null,
      window: state.mode === 'insert_overwrite' ? state.situation.changes.window : null,
      tests: tests.map((test) => this.#plannedTest(test, state.situation)),
    };
  }

  #stateOf(node: ModelNode | SeedNode): { readonly mode: BuildMode; readonly situation: Situation } {
    if (node.kind === 'seed') return { mode: 'seed', situation: plainSituation(this.#project) };
    const state = {
      existing: this.#existing.get(node.relation),
      changes: this.#request.changes?.(node.name),
      fullRefresh: this.#request.fullRefresh === true,
    };
    return {
      mode: buildModeOf(node, runsIncrementally(node, state)),
      situation: situationOf(this.#project, node, state),
    };
  }

  #testNode(test: TestNode): PlannedNode {
    return {
      id: test.id,
      name: test.name,
      kind: 'test',
      file: test.file,
      materialized: 'test',
      mode: 'tests',
      relation: null,
      after: [],
      finishAfter: [],
      sql: null,
      window: null,
      tests: [this.#plannedTest(test, plainSituation(this.#project))],
    };
  }

  #plannedTest(test: TestNode, situation: Situation): PlannedTest {
    const fresh = { ...situation, effects: new Effects() };
    const sql = this.#sql(() => compileTest(this.#project, test, fresh).select);
    return { id: test.id, name: test.name, severity: test.config.severity, sql };
  }

  #sql(compile: () => string): string | null {
    if (this.#request.withSql === false) return null;
    try {
      return compile();
    } catch (error) {
      if (error instanceof RenderInterrupt) return null;
      throw error;
    }
  }
}

/** Nodes of the run above a node, also across nodes that the run leaves out: their relations were made from the upper ones. */
function nearestAbove(graph: Graph, id: string, built: ReadonlySet<string>): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const waiting = [...graph.parents(id)];
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    if (seen.has(parent)) continue;
    seen.add(parent);
    if (built.has(parent)) found.add(parent);
    else waiting.push(...graph.parents(parent));
  }
  return [...found].sort();
}

export function plainSituation(project: Project): Situation {
  return {
    effects: new Effects(),
    map: sameRelation,
    isIncremental: false,
    changes: noChanges(project.renderer.environment),
  };
}
