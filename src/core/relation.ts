/** A table or view in the warehouse; `database` is the BigQuery project, absent on DuckDB. */
export interface RelationName {
  readonly database?: string;
  readonly schema: string;
  readonly name: string;
}

export interface ColumnInfo {
  readonly name: string;
  /** The warehouse's own type name. */
  readonly type: string;
  /** The column's comment (BigQuery: description), when it has one. */
  readonly comment?: string;
  /** BigQuery: resource names of its policy tags, when it has any. */
  readonly policyTags?: readonly string[];
}

export interface RelationInfo {
  readonly relation: RelationName;
  readonly kind: 'table' | 'view';
  readonly columns: readonly ColumnInfo[];
  /** The relation's comment (BigQuery: description), when it has one. */
  readonly comment?: string;
  /** BigQuery: how the table is partitioned and clustered. Absent where the warehouse has no such thing, or does not tell. */
  readonly storage?: TableStorage;
  /** BigQuery: the table's labels, when it has any. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** In one form, so that equal texts mean equal storage. */
export interface TableStorage {
  /** `none`, `day of <column>` (`hour of`, `month of`, `year of`), `ranges of <column> from 0 to 100 by 10`. */
  readonly partitions: string;
  /** Columns in order, lower case; empty: not clustered. */
  readonly clusters: readonly string[];
}
