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
}

export interface RelationInfo {
  readonly relation: RelationName;
  readonly kind: 'table' | 'view';
  readonly columns: readonly ColumnInfo[];
  /** The relation's comment (BigQuery: description), when it has one. */
  readonly comment?: string;
}
