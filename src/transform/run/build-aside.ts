/**
 * Builds the models of a plan under other names, reading what else was rebuilt under such names, and gives the statements that put
 * them in place. Nothing that readers use changes. If the process dies, the copies are leftovers that the next rebuild drops.
 */
import { SluiceError } from '../../core/errors.ts';
import type { RelationInfo, RelationName } from '../../core/relation.ts';
import { countRows } from '../sql/checks.ts';
import { swapStatements, type KeepReplaced, type Swap } from '../sql/swap.ts';
import type { ModelNode, SeedNode } from '../compile/node.ts';
import type { Project } from '../compile/project.ts';
import type { PlannedNode, RunPlan } from '../plan/plan.ts';
import { RelationMap } from '../plan/relation-map.ts';
import type { ModelWarehouse } from './ports.ts';
import type { RunResult } from './results.ts';
import { runPlan, type RunOptions } from './run-plan.ts';
import { wantedComments } from './wanted-comments.ts';

export interface AsideOptions extends Omit<RunOptions, 'map'> {
  /** Behind every rebuilt name: `__rebuild`. Must not occur in the project's names or SQL. */
  readonly suffix: string;
  /** Relations outside of the plan that stand aside under the same suffix (raw tables). */
  readonly isAside: (relation: RelationName) => boolean;
  /** Keep the replaced tables of these models for a while; null: not at all. */
  readonly keep?: (KeepReplaced & { readonly models: readonly string[] }) | null;
}

export interface TableCount {
  /** The model's name. */
  readonly name: string;
  /** Rows that readers see now; null: there is no table yet. */
  readonly before: number | null;
  readonly after: number;
}

export interface AsideResult {
  readonly result: RunResult;
  /** Empty unless every node is done. */
  readonly counts: readonly TableCount[];
  readonly swap: readonly string[];
}

export async function buildAside(
  project: Project,
  plan: RunPlan,
  warehouse: ModelWarehouse,
  options: AsideOptions,
): Promise<AsideResult> {
  const aside = new Aside(project, plan, warehouse, options);
  await aside.dropLeftovers();
  return aside.build();
}

class Aside {
  readonly #project: Project;
  readonly #plan: RunPlan;
  readonly #warehouse: ModelWarehouse;
  readonly #options: AsideOptions;
  readonly #rebuilt: RelationMap;
  readonly #selects = new Map<string, string>();

  constructor(project: Project, plan: RunPlan, warehouse: ModelWarehouse, options: AsideOptions) {
    this.#project = project;
    this.#plan = plan;
    this.#warehouse = warehouse;
    this.#options = options;
    const marks = plan.nodes.flatMap(({ relation }) =>
      relation === null ? [] : [{ relation, kind: 'table' as const, columns: [] }],
    );
    this.#rebuilt = new RelationMap(marks, project.target.type);
    this.#checkSuffix();
  }

  async dropLeftovers(): Promise<void> {
    const { dialect } = this.#project.renderer;
    for (const { kind, relation } of await this.#warehouse.relations(this.#built().map(({ aside }) => aside))) {
      await this.#warehouse.execute(`drop ${kind} ${dialect.relation(relation)}`);
    }
  }

  async build(): Promise<AsideResult> {
    const result = await runPlan(this.#project, this.#plan, this.#warehouse, {
      ...this.#options,
      map: (relation) => this.#map(relation),
      onBuilt: (node, select) => {
        if (select !== null) this.#selects.set(node.id, select);
        this.#options.onBuilt?.(node, select);
      },
    });
    if (!result.ok) return { result, counts: [], swap: [] };
    const built = this.#built();
    const names = built.flatMap(({ real, aside }) => [real, aside]);
    const relations = new RelationMap(await this.#warehouse.relations(names), this.#project.target.type);
    const swaps = built.map((entry) => this.#swap(entry, relations));
    return {
      result,
      counts: await this.#counts(swaps, built),
      swap: built.flatMap(({ planned }, index) => this.#swapStatements(planned.name, swaps[index])),
    };
  }

  #map(relation: RelationName): RelationName {
    const isAside = this.#rebuilt.get(relation) !== undefined || this.#options.isAside(relation);
    return isAside ? { ...relation, name: relation.name + this.#options.suffix } : relation;
  }

  #built(): readonly BuiltAside[] {
    return this.#plan.nodes.flatMap((planned): BuiltAside[] => {
      const node = this.#project.nodes.get(planned.id);
      if (planned.relation === null || node === undefined || node.kind === 'test' || node.kind === 'source') return [];
      return [{ planned, node, real: planned.relation, aside: this.#map(planned.relation) }];
    });
  }

  #swap({ planned, node, real, aside }: BuiltAside, relations: RelationMap): Swap {
    const rebuilt: RelationInfo | undefined = relations.get(aside);
    if (rebuilt === undefined)
      throw new SluiceError('internal', `${planned.name} was built aside, but there is no ${aside.name}`);
    const select = this.#selects.get(planned.id);
    return {
      real,
      aside,
      // The select speaks of the copies; without the suffix it speaks of what they become.
      viewSelect: rebuilt.kind === 'view' && select !== undefined ? select.replaceAll(this.#options.suffix, '') : null,
      existing: relations.get(real),
      columns: rebuilt.columns.map(({ name }) => name),
      comments: wantedComments(node),
    };
  }

  #swapStatements(name: string, swap: Swap | undefined): readonly string[] {
    const { keep = null } = this.#options;
    const kept = keep?.models.includes(name) === true ? keep : null;
    return swap === undefined ? [] : swapStatements(this.#project.renderer.dialect, [swap], kept);
  }

  async #counts(swaps: readonly Swap[], built: readonly BuiltAside[]): Promise<readonly TableCount[]> {
    const counts: TableCount[] = [];
    for (const [index, swap] of swaps.entries()) {
      if (swap.viewSelect !== null) continue;
      counts.push({
        name: built[index]?.planned.name ?? swap.real.name,
        before: swap.existing?.kind === 'table' ? await this.#count(swap.real, built[index]?.node) : null,
        after: await this.#count(swap.aside, built[index]?.node),
      });
    }
    return counts;
  }

  async #count(relation: RelationName, node: ModelNode | SeedNode | undefined): Promise<number> {
    const { dialect } = this.#project.renderer;
    const partition = node?.kind === 'model' ? node.config.build.partitionBy : null;
    const { rows } = await this.#warehouse.query(countRows(dialect, relation, partition?.field ?? null));
    return Number(rows[0]?.[0] ?? 0);
  }

  /** Taking the suffix out of a view's select must touch nothing else. */
  #checkSuffix(): void {
    const { suffix } = this.#options;
    if (!/^__[a-z][a-z0-9_]{2,40}$/.test(suffix))
      throw new SluiceError('internal', `"${suffix}" cannot be the suffix of rebuilt names`);
    for (const node of this.#project.nodes.values()) {
      const texts = [
        node.name,
        node.kind === 'model' ? node.rawCode : '',
        node.kind === 'test' ? '' : node.relation.name,
      ];
      if (texts.some((text) => text.includes(suffix))) {
        throw new SluiceError(
          'unsupported',
          `${node.file} uses "${suffix}", which is how sluice names what it rebuilds`,
          {
            hint: 'Choose another name there.',
          },
        );
      }
    }
  }
}

interface BuiltAside {
  readonly planned: PlannedNode;
  readonly node: ModelNode | SeedNode;
  readonly real: RelationName;
  readonly aside: RelationName;
}
