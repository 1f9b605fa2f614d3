/** Relations by name, compared as the warehouse does: DuckDB without case, BigQuery with it. */
import type { RelationInfo, RelationName } from '../../core/relation.ts';

export class RelationMap {
  readonly #infos = new Map<string, RelationInfo>();
  readonly #ignoreCase: boolean;

  constructor(infos: readonly RelationInfo[], warehouse: 'duckdb' | 'bigquery') {
    this.#ignoreCase = warehouse === 'duckdb';
    for (const info of infos) this.#infos.set(this.key(info.relation), info);
  }

  get(relation: RelationName): RelationInfo | undefined {
    return this.#infos.get(this.key(relation));
  }

  set(info: RelationInfo): void {
    this.#infos.set(this.key(info.relation), info);
  }

  delete(relation: RelationName): void {
    this.#infos.delete(this.key(relation));
  }

  key({ database, schema, name }: RelationName): string {
    const text = JSON.stringify([database ?? null, schema, name]);
    return this.#ignoreCase ? text.toLowerCase() : text;
  }
}
