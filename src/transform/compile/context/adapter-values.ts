/** `adapter` and `api`: what dbt's macros ask of the warehouse and its dialect. */
import type { ColumnInfo } from '../../../core/relation.ts';
import type { Dialect } from '../../sql/dialect.ts';
import { dispatchFunction, fail, hostFunction, hostObject, toPlain, type Kwargs, type Value } from '../jinja/index.ts';
import type { NameSources } from './names.ts';
import { RelationValue, relationOf } from './relation-value.ts';
import type { NodeScope } from './scope.ts';

export function adapterValue({ dialect, macros }: NameSources, scope: NodeScope): Value {
  return hostObject(
    {
      // The macro for this warehouse, else the default one: `duckdb__x`, `default__x`.
      dispatch: dispatchFunction(macros, { prefixes: [dialect.name, 'default'] }),
      type: hostFunction(() => dialect.name, 'type'),
      quote: hostFunction(([name]) => dialect.identifier(text(name, 'adapter.quote()')), 'quote'),
      // For generic tests: a column's name is quoted, an expression stays as it is.
      quote_column: hostFunction(
        ([name]) => quoteColumn(dialect, text(name, 'adapter.quote_column()')),
        'quote_column',
      ),
      quote_text: hostFunction(
        ([value]) => dialect.text(typeof value === 'string' ? value : fail('adapter.quote_text() takes text')),
        'quote_text',
      ),
      get_relation: hostFunction((args, kwargs) => getRelation(dialect, scope, args, kwargs), 'get_relation'),
      get_columns_in_relation: hostFunction(
        ([relation]) => columnsOf(dialect, scope, relation),
        'get_columns_in_relation',
      ),
    },
    { typeName: 'adapter' },
  );
}

/** `api.Relation.create(schema='s', identifier='t')`. */
export function apiValue(dialect: Dialect): Value {
  const create = hostFunction((_args, kwargs) => {
    const database = kwargs.get('database');
    return new RelationValue(
      {
        ...(typeof database === 'string' ? { database } : {}),
        schema: text(kwargs.get('schema'), 'api.Relation.create(schema=…)'),
        name: text(kwargs.get('identifier'), 'api.Relation.create(identifier=…)'),
      },
      dialect,
    );
  }, 'create');
  return hostObject({ Relation: hostObject({ create }, { typeName: 'Relation' }) }, { typeName: 'api' });
}

function text(value: Value | undefined, call: string): string {
  return typeof value === 'string' && value !== '' ? value : fail(`${call} takes text`);
}

function quoteColumn(dialect: Dialect, name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? dialect.identifier(name) : name;
}

function getRelation(dialect: Dialect, scope: NodeScope, args: readonly Value[], kwargs: Kwargs): Value {
  if (scope.effects === null) return null;
  const [database, schema, identifier] = ['database', 'schema', 'identifier'].map(
    (key, place) => args[place] ?? kwargs.get(key),
  );
  const name = {
    ...(typeof database === 'string' ? { database } : {}),
    schema: text(schema, 'adapter.get_relation(schema=…)'),
    name: text(identifier, 'adapter.get_relation(identifier=…)'),
  };
  const info = scope.effects.relation(name);
  return info === undefined ? null : new RelationValue(name, dialect, { kind: info.kind });
}

function columnsOf(dialect: Dialect, scope: NodeScope, relation: Value | undefined): Value {
  const name = relationOf(relation, 'adapter.get_columns_in_relation()');
  const info = scope.effects?.relation(name);
  return (info?.columns ?? []).map((column) => columnValue(dialect, column));
}

const FAMILIES: readonly (readonly [member: string, type: RegExp])[] = [
  ['is_string', /^(?:varchar|string|text|char)/i],
  ['is_number', /^(?:u?(?:tiny|small|big|huge)?int(?:eger|64)?|float|double|real|decimal|numeric|bignumeric)/i],
  ['is_integer', /^u?(?:tiny|small|big|huge)?int(?:eger|64)?/i],
  ['is_float', /^(?:float|double|real)/i],
  ['is_numeric', /^(?:decimal|numeric|bignumeric)/i],
];

/** dbt's Column: prints as its name is not wanted, so `quoted`, `name`, `data_type` and the families are what it has. */
function columnValue(dialect: Dialect, column: ColumnInfo): Value {
  const families = FAMILIES.map(
    ([member, type]) => [member, hostFunction(() => type.test(column.type), member)] as const,
  );
  return hostObject(
    {
      name: column.name,
      column: column.name,
      quoted: dialect.identifier(column.name),
      dtype: column.type,
      data_type: column.type,
      ...Object.fromEntries(families),
    },
    { typeName: 'Column', text: () => column.name, equals: (other) => columnName(other) === column.name },
  );
}

function columnName(value: Value): unknown {
  return value !== null && typeof value === 'object' && 'member' in value
    ? toPlain(value.member('name') ?? null)
    : undefined;
}
