/** What the entity SQL needs to know of a warehouse: expressions as text. The two warehouses differ here and nowhere else. */
import type { EntityColumn } from '../../../core/job.ts';
import { zoneOffsets, type OffsetPeriod } from '../../../core/zone-offsets.ts';
import type { RelationName } from '../../../core/relation.ts';
import type { DayWindow } from '../../plan/changes.ts';

export interface EntityDialect {
  readonly name: 'duckdb' | 'bigquery';
  relation(relation: RelationName): string;
  quote(identifier: string): string;
  text(value: string): string;
  /** A timestamp literal from RFC 3339 UTC. */
  timestamp(rfc3339: string): string;
  date(day: string): string;
  addMillis(expression: string, millis: number): string;
  /** Local day of a UTC timestamp expression, where it lies in the window; for an instant before or after the window some day before or after it. */
  localDay(expression: string, zone: string, window: DayWindow): string;
  /** Unique within its raw table; joins a narrow record back to its row. */
  readonly rowId: { readonly stream: string; readonly snapshot: string };
  readonly rowIdType: string;
  /** The raw tables' column of a record's topic partition: BigQuery takes no name that begins with `_partition`. */
  readonly rawPartition: string;
  readonly bigint: string;
  readonly textType: string;
  readonly timestampType: string;
  /** Join clause that repeats the left row once per day in [from, to], as `day`. */
  eachDay(from: string, to: string): string;
  /** From-item named `e`: each row of a relation once per day in [from, to], two of its columns, as `day`. */
  rowPerDay(relation: string, from: string, to: string): string;
  addDays(expression: string, days: number): string;
  /** Between `as` and the parenthesis of a CTE that is read again rather than kept: its rows are many, and cheap to make. */
  readonly inlined: string;
  /**
   * Typed columns out of JSON text. `rewritten`: a condition that the text is a rewritten one (`_json` of the raw tables), in which JSON columns
   * stand as texts. `prepare` is an extra select item evaluated once per row (null: none); `columns` use it.
   */
  fromJson(
    columns: readonly EntityColumn[],
    json: string,
    rewritten: string,
  ): { readonly prepare: string | null; readonly column: (index: number) => string };
}

const quoteText = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** A balanced tree of comparisons. */
function offsetTree(periods: readonly OffsetPeriod[], expression: string): string {
  const first = periods[0];
  if (first === undefined) return '0';
  if (periods.length === 1) return String(first.offsetSeconds);
  const middle = Math.floor(periods.length / 2);
  const boundary = new Date(periods[middle]?.fromMs ?? 0).toISOString().slice(0, 19).replace('T', ' ');
  const left = offsetTree(periods.slice(0, middle), expression);
  const right = offsetTree(periods.slice(middle), expression);
  return `case when ${expression} < timestamp '${boundary}' then ${left} else ${right} end`;
}

const DAY_MS = 86_400_000;

/**
 * Knows the offsets of the window and of two days around it: those of other times are at most a day away, which keeps an instant on its side of the
 * window. All of forty years took DuckDB 10 ms to plan.
 */
function duckdbLocalDay(expression: string, zone: string, { from, to }: DayWindow): string {
  const start = Date.parse(`${from}T00:00:00Z`) - 2 * DAY_MS;
  const end = Date.parse(`${to}T00:00:00Z`) + 3 * DAY_MS;
  return `cast(${expression} + to_seconds(${offsetTree(zoneOffsets(zone, start, end), expression)}) as date)`;
}

const jsonPath = (field: string): string => `$."${field.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** Up to here DuckDB keeps a decimal in 64 bits. */
const NARROW_DIGITS = 18;

/**
 * DuckDB reads a text into 128 bits in 5-50 µs, into 64 bits in 0.05 µs, so the wide decimals are left to the texts that need one. The others are NULL
 * to the wide cast, rather than kept from it by a branch: of a struct's member DuckDB may make a branch's cast for every row.
 */
function duckdbDecimal(type: string, text: string): string {
  const [, precision = '', scale = ''] = /\((\d+),(\d+)\)/.exec(type) ?? [];
  const wholeDigits = NARROW_DIGITS - Number(scale);
  if (Number(precision) <= NARROW_DIGITS || wholeDigits < 2) return `cast(${text} as ${type})`;
  // Digits of an exponent's fraction would be lost in a narrow decimal, so such a text is none of these; and one digit is left for rounding up.
  const isNarrow = `regexp_full_match(${text}, '-?[0-9]{1,${wholeDigits - 1}}(\\.[0-9]+)?')`;
  return `coalesce(cast(cast(case when ${isNarrow} then ${text} end as decimal(${NARROW_DIGITS},${scale})) as ${type}), cast(case when ${isNarrow} then null else ${text} end as ${type}))`;
}

/** A whole number may be written 12.0 or 1.2e3, which a wide decimal reads exactly. */
function duckdbInteger(text: string): string {
  const isDigits = `regexp_full_match(${text}, '-?[0-9]+')`;
  return `coalesce(cast(case when ${isDigits} then ${text} end as bigint), cast(cast(case when ${isDigits} then null else ${text} end as decimal(38,6)) as bigint))`;
}

function duckdbCast(column: EntityColumn, text: string): string {
  switch (column.type) {
    case 'STRING':
      return text;
    case 'JSON':
      return `cast(${text} as json)`;
    case 'INT64':
      return duckdbInteger(text);
    case 'FLOAT64':
      return `cast(${text} as double)`;
    case 'BOOL':
      return `cast(${text} as boolean)`;
    case 'DATE':
      return `cast(${text} as date)`;
    case 'TIMESTAMP':
      return `cast(cast(${text} as timestamptz) as timestamp)`;
    default:
      return duckdbDecimal(column.type.replace('NUMERIC', 'decimal').toLowerCase(), text);
  }
}

export const duckdbEntityDialect: EntityDialect = {
  name: 'duckdb',
  relation: ({ schema, name }) => `"${schema.replaceAll('"', '""')}"."${name.replaceAll('"', '""')}"`,
  quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
  text: quoteText,
  timestamp: (rfc3339) => `timestamp '${rfc3339.replace('T', ' ').replace('Z', '')}'`,
  date: (day) => `date '${day}'`,
  addMillis: (expression, millis) => `(${expression} + to_milliseconds(${millis}))`,
  localDay: duckdbLocalDay,
  rowId: { stream: 'rowid', snapshot: 'rowid' },
  rowIdType: 'bigint',
  rawPartition: '_partition',
  bigint: 'bigint',
  textType: 'varchar',
  timestampType: 'timestamp',
  eachDay: (from, to) =>
    `cross join lateral (select cast(unnest(generate_series(cast(${from} as timestamp), cast(${to} as timestamp), interval 1 day)) as date) as day) as days`,
  // Unnested in the select list: a lateral join would keep all rows, in all their width, to find the distinct spans of days.
  rowPerDay: (relation, from, to) =>
    `(select *, cast(unnest(generate_series(cast(${from} as timestamp), cast(${to} as timestamp), interval 1 day)) as date) as day from ${relation}) as e`,
  addDays: (expression, days) => `(${expression} + ${days})`,
  inlined: 'not materialized ',
  fromJson: duckdbFromJson,
};

/**
 * One parse per row: a struct of all texts (half the time of a list of them, and JSON columns need no parse of their own). Struct members are
 * compared without case, so a field that differs from an earlier one by nothing else is read by itself.
 */
function duckdbFromJson(
  columns: readonly EntityColumn[],
  json: string,
  rewritten: string,
): ReturnType<EntityDialect['fromJson']> {
  const members = new Map<string, string>();
  const places = columns.map(({ field, type }) => {
    const key = field.toLowerCase();
    if (members.has(key)) return null;
    members.set(key, `${JSON.stringify(field)}:${type === 'JSON' ? '"JSON"' : '"VARCHAR"'}`);
    return members.size;
  });
  const structure = `{${[...members.values()].join(',')}}`;
  return {
    prepare: members.size === 0 ? null : `json_transform(${json}, ${quoteText(structure)})`,
    column: (index) => {
      const column = columns[index];
      if (column === undefined) throw new RangeError(`no column ${index}`);
      const place = places[index] ?? null;
      const path = quoteText(jsonPath(column.field));
      if (column.type !== 'JSON') {
        return duckdbCast(
          column,
          place === null ? `json_extract_string(${json}, ${path})` : `struct_extract_at(_fields, ${place})`,
        );
      }
      const found = place === null ? `json_extract(${json}, ${path})` : `struct_extract_at(_fields, ${place})`;
      // Both branches as text first: DuckDB would unify text and JSON by quoting the text.
      return `cast(case when ${rewritten} then json_extract_string(${found}, '$') else nullif(cast(${found} as varchar), 'null') end as json)`;
    },
  };
}

function bigqueryCast(column: EntityColumn, json: string, rewritten: string): string {
  const path = `'${jsonPath(column.field).replaceAll("'", "\\'")}'`;
  const text = `json_value(${json}, ${path})`;
  switch (column.type) {
    case 'STRING':
      return text;
    case 'JSON':
      // Of a text, json_query gives JSON's null as NULL (of a JSON value it would not).
      return `parse_json(if(${rewritten}, ${text}, json_query(${json}, ${path})), wide_number_mode => 'round')`;
    case 'INT64':
      // A whole number may be written 12.0, which is no INT64 to a cast from text; NUMERIC holds every INT64 exactly.
      return `cast(cast(${text} as numeric) as int64)`;
    case 'FLOAT64':
      return `cast(${text} as float64)`;
    case 'BOOL':
      return `cast(${text} as bool)`;
    case 'DATE':
      return `cast(${text} as date)`;
    case 'TIMESTAMP':
      return `cast(${text} as timestamp)`;
    default:
      return `cast(${text} as numeric)`;
  }
}

const bigqueryText = (value: string): string =>
  `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r')}'`;

/** The last instants of 9999 have no local day east of Greenwich, and asking for it is an error. Nobody asks what day comes last: it lies ahead of every window. */
const LAST_LOCAL = "timestamp '9999-12-30 00:00:00+00'";

export const bigqueryEntityDialect: EntityDialect = {
  name: 'bigquery',
  relation: ({ database, schema, name }) =>
    `\`${[database, schema, name].filter((part) => part !== undefined).join('.')}\``,
  quote: (identifier) => `\`${identifier}\``,
  text: bigqueryText,
  timestamp: (rfc3339) => `timestamp '${rfc3339.replace('T', ' ').replace('Z', '')}+00'`,
  date: (day) => `date '${day}'`,
  addMillis: (expression, millis) => `timestamp_add(${expression}, interval ${millis} millisecond)`,
  localDay: (expression, zone) => `date(least(${expression}, ${LAST_LOCAL}), '${zone}')`,
  rowId: {
    stream: "concat(_object, ':', cast(_offset as string))",
    snapshot: "concat(_object, ':', cast(_page as string), ':', cast(_row as string))",
  },
  rowIdType: 'string',
  rawPartition: '_topic_partition',
  bigint: 'int64',
  textType: 'string',
  timestampType: 'timestamp',
  eachDay: (from, to) => `cross join unnest(generate_date_array(${from}, ${to})) as day`,
  rowPerDay: (relation, from, to) =>
    `${relation} as e\ncross join unnest(generate_date_array(e.${from}, e.${to})) as day`,
  addDays: (expression, days) => `date_add(${expression}, interval ${days} day)`,
  inlined: '',
  fromJson: (columns, json, rewritten) => ({
    prepare: null,
    column: (index) => {
      const column = columns[index];
      if (column === undefined) throw new RangeError(`no column ${index}`);
      return bigqueryCast(column, json, rewritten);
    },
  }),
};
