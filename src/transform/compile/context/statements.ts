/** `run_query`, `{% call statement %}` and `load_result`: queries of a template, answered before it goes on (effects.ts). */
import { fail, hostFunction, hostObject, toText, type Value } from '../jinja/index.ts';
import { tableValue } from './query-table.ts';
import type { NodeScope } from './scope.ts';

export function statementValues(scope: NodeScope): Readonly<Record<string, Value>> {
  const results = new Map<string, Value>();
  /** none while the project is read, as in dbt: guard with `{% if execute %}`. */
  const ask = (sql: string): Value => (scope.effects === null ? null : tableValue(scope.effects.query(sql)));
  return {
    run_query: hostFunction((args, kwargs) => {
      const sql = args[0] ?? kwargs.get('sql');
      return sql === undefined ? fail('run_query() takes a query') : ask(toText(sql));
    }, 'run_query'),
    statement: hostFunction((args, kwargs, state) => {
      const name = args[0] ?? kwargs.get('name') ?? null;
      const caller = kwargs.get('caller');
      if (caller === undefined)
        return fail("statement() is used with a block: {% call statement('name') %} … {% endcall %}");
      const table = ask(toText(state.call(caller)));
      const data = table !== null && typeof table === 'object' && 'member' in table ? (table.member('rows') ?? []) : [];
      if (typeof name === 'string' && scope.effects !== null) {
        results.set(name, hostObject({ table, data, response: 'OK' }, { typeName: 'Result' }));
      }
      return '';
    }, 'statement'),
    load_result: hostFunction(
      ([name]) => (typeof name === 'string' ? (results.get(name) ?? null) : null),
      'load_result',
    ),
  };
}
