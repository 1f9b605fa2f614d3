/** A relation as templates see it (`ref`, `source`, `this`): dbt's members, printed as its quoted name. */
import type { RelationName } from '../../../core/relation.ts';
import type { Dialect } from '../../sql/dialect.ts';
import { fail, hostFunction, ObjectValue, type Kwargs, type Value } from '../jinja/index.ts';

export interface RelationOptions {
  /** Kind in the warehouse, where it is known. */
  readonly kind?: 'table' | 'view' | 'cte';
  /** What it prints instead of its name: a CTE's name, or a filtered subquery. */
  readonly text?: string;
}

export class RelationValue extends ObjectValue {
  readonly typeName = 'Relation';
  readonly relation: RelationName;
  readonly #dialect: Dialect;
  readonly #options: RelationOptions;

  constructor(relation: RelationName, dialect: Dialect, options: RelationOptions = {}) {
    super();
    this.relation = relation;
    this.#dialect = dialect;
    this.#options = options;
  }

  override text(): string {
    return this.#options.text ?? this.#dialect.relation(this.relation);
  }

  override equals(other: Value): boolean {
    return other instanceof RelationValue && other.text() === this.text();
  }

  override memberNames(): Iterable<string> {
    return [
      'database',
      'schema',
      'identifier',
      'name',
      'table',
      'type',
      'is_table',
      'is_view',
      'is_cte',
      'include',
      'render',
    ];
  }

  override member(name: string): Value | undefined {
    const kind = this.#options.kind;
    switch (name) {
      case 'database':
        return this.relation.database ?? null;
      case 'schema':
        return this.relation.schema;
      case 'identifier':
      case 'name':
      case 'table':
        return this.relation.name;
      case 'type':
        return kind ?? null;
      case 'is_table':
      case 'is_view':
      case 'is_cte':
        return kind === name.slice(3);
      case 'render':
        return hostFunction(() => this.text(), 'render');
      case 'include':
        return hostFunction((_args, kwargs) => this.#include(kwargs), 'include');
      default:
        return undefined;
    }
  }

  /** dbt's `relation.include(schema=false)`: the same relation, printed with fewer parts. */
  #include(kwargs: Kwargs): Value {
    const wanted = (part: string): boolean => kwargs.get(part) !== false;
    const { database, schema, name } = this.relation;
    const parts = [
      wanted('database') ? database : undefined,
      wanted('schema') ? schema : undefined,
      wanted('identifier') ? name : undefined,
    ];
    const shown = parts.flatMap((part) => (part === undefined ? [] : [this.#dialect.identifier(part)]));
    if (shown.length === 0) return fail('include() left no part of the relation');
    return new RelationValue(this.relation, this.#dialect, { ...this.#options, text: shown.join('.') });
  }
}

/** The relation behind a value that a template handed back. */
export function relationOf(value: Value | undefined, what: string): RelationName {
  if (value instanceof RelationValue) return value.relation;
  return fail(`${what} takes a relation, as ref(), source() and this give it`);
}
