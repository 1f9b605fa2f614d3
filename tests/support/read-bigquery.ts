/** Reads published tables out of BigQuery (the emulator), every cell as the oracle writes it. From the REST answer, not through the product's values. */
import { randomUUID } from 'node:crypto';
import type { BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import type { OracleColumn, OracleJob } from '../oracle/ground-truth.ts';
import { canonicalJson, exactNumber, readJson } from '../oracle/json.ts';
import { instantText } from '../oracle/time.ts';
import type { ActualRow } from './read-tables.ts';

type Column = Pick<OracleColumn, 'name' | 'type'>;
type Cells = Readonly<Record<string, string | null>>;

const API_TYPES: Readonly<Record<string, string>> = { INT64: 'INTEGER', FLOAT64: 'FLOAT', BOOL: 'BOOLEAN' };

function oracleText(type: string, text: string): string {
  const scale = /^NUMERIC\(\d+,\s*(\d+)\)$/.exec(type)?.[1];
  if (scale !== undefined) return withPlaces(text, Number(scale));
  if (type === 'TIMESTAMP') return instantText(BigInt(text));
  if (type === 'JSON') return canonicalJson(readJson(text).value);
  return type === 'FLOAT64' ? canonicalJson({ number: String(Number(text)) }) : text;
}

/** BigQuery leaves trailing zeros out; a decimal with too many places stays as it is and so differs. */
function withPlaces(text: string, places: number): string {
  if (exactNumber(text).scale > places) return text;
  const [whole = '', fraction = ''] = text.split('.');
  return `${whole}.${fraction.slice(0, places).padEnd(places, '0')}`;
}

/** A column of another type, or one that the table lacks, is an error. */
export async function readBigQuery(
  api: BigQueryApi,
  table: string,
  columns: readonly Column[],
): Promise<readonly Cells[]> {
  const answer = await api.query({
    query: `select ${columns.map(({ name }) => `\`${name}\``).join(', ')} from ${table}`,
    useLegacySql: false,
    requestId: randomUUID(),
    timeoutMs: 60_000,
    formatOptions: { useInt64Timestamp: true },
  });
  const fields = answer.schema?.fields ?? [];
  columns.forEach(({ name, type }, index) => {
    const plain = type.replace(/\(.*/, '');
    const found = fields[index]?.type;
    if (found !== plain && found !== API_TYPES[plain])
      throw new Error(`${table}.${name} is ${String(found)}, expected ${type}`);
  });
  return (answer.rows ?? []).map((row) =>
    Object.fromEntries(
      columns.map(({ name, type }, index): [string, string | null] => {
        const value: unknown = row.f?.[index]?.v;
        if (value === null || value === undefined) return [name, null];
        return [name, oracleText(type, typeof value === 'string' ? value : JSON.stringify(value))];
      }),
    ),
  );
}

/** current_<entity> or history_<entity>, in no order. */
export async function publishedOnBigQuery(
  api: BigQueryApi,
  dataset: string,
  { table, job, daily }: { readonly table: string; readonly job: OracleJob; readonly daily: boolean },
): Promise<ActualRow[]> {
  const columns: readonly Column[] = [
    ...(daily ? [{ name: 'day', type: 'DATE' }] : []),
    ...job.columns,
    { name: '_op', type: 'STRING' },
    { name: '_event_at', type: 'TIMESTAMP' },
    { name: '_is_deleted', type: 'BOOL' },
    { name: '_batch_id', type: 'STRING' },
  ];
  const rows = await readBigQuery(api, `${dataset}.${table}`, columns);
  return rows.map(({ day, ...row }) => ({ day: day ?? null, key: row[job.keyColumn] ?? '', row }));
}
