/** Renders a node for a run: the select of a model, the query of a test, the hooks around it. Synchronous; see context/effects.ts. */
import { SluiceError } from '../../core/errors.ts';
import type { RelationName } from '../../core/relation.ts';
import type { ModelChanges } from '../plan/changes.ts';
import { singleStatement, withCtes } from '../sql/sql-text.ts';
import { testQuery } from '../sql/test-query.ts';
import type { Effects } from './context/effects.ts';
import { RelationValue } from './context/relation-value.ts';
import type { NodeScope } from './context/scope.ts';
import { compileTemplate, fail, fromPlain, toText, type CompiledTemplate, type Value } from './jinja/index.ts';
import type { ModelNode, Node, RelationNode, SeedNode, TestNode } from './node.ts';
import { nodeAsData } from './node-data.ts';
import type { Project } from './project.ts';
import { testArguments } from './test-arguments.ts';
import { macroName } from './test-reader.ts';

/** How the warehouse stands for one rendering. */
export interface Situation {
  readonly effects: Effects;
  /** The relation that stands for this one: itself, or its copy while everything is built aside. */
  readonly map: (relation: RelationName) => RelationName;
  readonly isIncremental: boolean;
  readonly changes: ModelChanges;
  /** Rows that tests of a node look at: the planned window of an insert_overwrite. */
  readonly testFilter?: { readonly node: string; readonly predicate: string };
}

interface Cte {
  readonly name: string;
  readonly sql: string;
}

const CTE_PREFIX = '__dbt__cte__';

class NodeRenderer {
  readonly #project: Project;
  readonly #situation: Situation;
  /** Ephemeral models met, parents first, by id. */
  readonly #ctes = new Map<string, Cte>();

  constructor(project: Project, situation: Situation) {
    this.#project = project;
    this.#situation = situation;
  }

  get ctes(): readonly Cte[] {
    return [...this.#ctes.values()];
  }

  select(node: ModelNode): string {
    return this.#single(node, this.render(node, node.template));
  }

  render(node: ModelNode | TestNode, template: CompiledTemplate): string {
    return this.#project.renderer.render(template, this.scope(node));
  }

  generic(node: TestNode & { readonly test: { readonly type: 'generic' } }): string {
    const { macro, subject, args } = node.test;
    const scope = this.scope(node);
    const { renderer } = this.#project;
    const kwargs = testArguments(renderer, node.file, args, this.#tested(node, subject), scope);
    return toText(renderer.macro(macroName(macro), kwargs, scope));
  }

  scope(node: Node): NodeScope {
    const { renderer } = this.#project;
    const own = node.kind === 'test' ? undefined : this.#situation.map(node.relation);
    return {
      node,
      execute: true,
      effects: this.#situation.effects,
      map: this.#situation.map,
      ref: (_package, name) => this.#ref(node, name),
      source: (source, table) => this.#source(source, table),
      config: () => {},
      setting: (name) => settingOf(node, name),
      self: own === undefined ? undefined : new RelationValue(own, renderer.dialect),
      isIncremental: this.#situation.isIncremental,
      changes: this.#situation.changes,
      model: () => fromPlain(nodeAsData(node, this.#project)),
    };
  }

  #ref(node: Node, name: string): Value {
    const target =
      this.#project.nodes.get(`model.${this.#project.config.name}.${name}`) ??
      this.#project.nodes.get(`seed.${this.#project.config.name}.${name}`);
    if (target === undefined || target.kind === 'test' || target.kind === 'source')
      return fail(`there is no model or seed '${name}'`);
    if (!node.dependsOn.includes(target.id)) {
      fail(
        `ref('${name}') was not seen when the project was read, so ${node.name} may run before it`,
        `Name it where it is always seen: -- depends_on: {{ ref('${name}') }}`,
      );
    }
    return this.#relationValue(target);
  }

  #relationValue(target: RelationNode): Value {
    const { dialect } = this.#project.renderer;
    if (target.kind !== 'model' || target.config.materialized !== 'ephemeral') {
      return new RelationValue(this.#situation.map(target.relation), dialect, kindOf(target));
    }
    const name = dialect.identifier(`${CTE_PREFIX}${target.name}`);
    if (!this.#ctes.has(target.id)) {
      const sql = this.select(target);
      this.#ctes.set(target.id, { name, sql });
    }
    return new RelationValue(target.relation, dialect, { kind: 'cte', text: name });
  }

  #source(source: string, table: string): Value {
    const found = this.#project.nodes.get(`source.${this.#project.config.name}.${source}.${table}`);
    if (found?.kind !== 'source') return fail(`there is no source '${source}' with a table '${table}'`);
    return new RelationValue(this.#situation.map(found.relation), this.#project.renderer.dialect);
  }

  /** What a generic test's `model` is: the relation, or the rows of it that the test looks at. */
  #tested(node: TestNode, subject: string): Value {
    const target = this.#project.nodes.get(subject);
    if (target === undefined || target.kind === 'test') return fail(`the test's subject ${subject} does not exist`);
    const relation = this.#relationValue(target);
    const filter = this.#situation.testFilter?.node === subject ? [this.#situation.testFilter.predicate] : [];
    const where = node.config.where === null ? filter : [...filter, this.#where(node, node.config.where)];
    if (where.length === 0) return relation;
    const conditions = where.map((condition) => `(${condition})`).join(' and ');
    const text = `(select * from ${toText(relation)} where ${conditions})`;
    return new RelationValue(target.relation, this.#project.renderer.dialect, { text });
  }

  #where(node: TestNode, where: string): string {
    return where.includes('{{')
      ? toText(this.#project.renderer.evaluate(where, { file: node.file }, this.scope(node)))
      : where;
  }

  #single(node: ModelNode | TestNode, sql: string): string {
    const { text, secondAt, empty } = singleStatement(sql, this.#project.renderer.dialect.name);
    if (empty)
      throw new SluiceError(
        'compile_error',
        `${node.file}: the ${node.kind} ${node.name} renders to nothing, expected one select`,
      );
    if (secondAt !== null) {
      const rest = sql.slice(secondAt).split('\n', 1)[0]?.trim() ?? '';
      throw new SluiceError(
        'compile_error',
        `${node.file}: a ${node.kind} is one select, ${node.name} has a second statement: ${rest}`,
        {
          hint: 'Statements before and after a model belong into pre_hook and post_hook.',
        },
      );
    }
    return text;
  }

  finish(node: ModelNode | TestNode, sql: string): string {
    return withCtes(this.#single(node, sql), this.ctes, this.#project.renderer.dialect.name);
  }
}

function kindOf(target: RelationNode): { readonly kind?: 'table' | 'view' } {
  if (target.kind === 'source') return {};
  return { kind: target.kind === 'model' && target.config.materialized === 'view' ? 'view' : 'table' };
}

function settingOf(node: Node, name: string): Value | undefined {
  if (node.kind === 'source') return undefined;
  const { config } = node;
  if (name === 'materialized' && node.kind === 'model') return node.config.materialized;
  return Object.hasOwn(config.written, name) ? fromPlain(config.written[name]) : undefined;
}

export interface CompiledModel {
  /** One select, common table expressions of ephemeral models in front. */
  readonly select: string;
  readonly preHooks: readonly string[];
  readonly postHooks: readonly string[];
}

export function compileModel(project: Project, node: ModelNode, situation: Situation): CompiledModel {
  const renderer = new NodeRenderer(project, situation);
  const select = renderer.finish(node, renderer.render(node, node.template));
  const hook = (text: string): string[] => {
    const template = compileTemplate({ name: node.file, text });
    const { text: sql, empty } = singleStatement(renderer.render(node, template), project.renderer.dialect.name);
    return empty ? [] : [sql];
  };
  return {
    select,
    preHooks: node.config.preHooks.flatMap(hook),
    postHooks: node.config.postHooks.flatMap(hook),
  };
}

/** SQL from the command line, with all of the project's names. */
export function compileText(project: Project, text: string, situation: Situation): string {
  const all = [...project.nodes.values()].filter((node) => node.kind !== 'test').map((node) => node.id);
  const node: TestNode = {
    kind: 'test',
    id: `inline.${project.config.name}`,
    name: 'inline',
    file: 'inline',
    fqn: [project.config.name, 'inline'],
    description: '',
    dependsOn: all,
    config: INLINE_CONFIG,
    test: { type: 'singular', template: compileTemplate({ name: 'inline', text }), rawCode: text },
  };
  return compileTest(project, node, situation).select;
}

const INLINE_CONFIG: TestNode['config'] = {
  enabled: true,
  severity: 'warn',
  warnIf: '!= 0',
  errorIf: '!= 0',
  where: null,
  limit: null,
  failCalc: 'count(*)',
  storeFailures: false,
  tags: [],
  meta: {},
  written: {},
};

export interface CompiledTest {
  /** The failing rows. */
  readonly select: string;
  /** One row: failures, should_warn, should_error. */
  readonly query: string;
}

export function compileTest(project: Project, node: TestNode, situation: Situation): CompiledTest {
  const renderer = new NodeRenderer(project, situation);
  const raw =
    node.test.type === 'generic'
      ? renderer.generic({ ...node, test: node.test })
      : renderer.render(node, node.test.template);
  const select = renderer.finish(node, raw.trim());
  return { select, query: testQuery(project.renderer.dialect, select, node.config) };
}

/** Nothing is there and nothing can be asked: for plans that are only shown. */
export function isBuilt(node: Node): node is ModelNode | SeedNode {
  return node.kind === 'seed' || (node.kind === 'model' && node.config.materialized !== 'ephemeral');
}
