/** Names and values as they stand in DuckDB's SQL. */
export const quote = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;
export const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;

export function timestamp(rfc3339: string): string {
  return `timestamp '${rfc3339.replace('T', ' ').replace('Z', '')}'`;
}
