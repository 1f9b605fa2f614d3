/** The local day that DuckDB computes from a window's offsets, beside the runtime's own. */
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DuckDBConnection } from '@duckdb/node-api';
import { localDay } from '../../../src/core/time.ts';
import { duckdbEntityDialect } from '../../../src/transform/sql/entity/dialect.ts';

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create();
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

/** Two changes of the clock within, just before and just behind a window; and the day that Samoa left out. */
const WINDOWS = [
  { zone: 'Europe/Berlin', from: '2026-03-29', to: '2026-03-29' },
  { zone: 'Europe/Berlin', from: '2026-03-30', to: '2026-10-24' },
  { zone: 'Europe/Berlin', from: '2024-01-01', to: '2027-12-31' },
  { zone: 'America/New_York', from: '2026-11-01', to: '2026-11-02' },
  { zone: 'Pacific/Apia', from: '2011-12-29', to: '2011-12-31' },
  { zone: 'Pacific/Apia', from: '2012-01-01', to: '2012-01-01' },
  { zone: 'Pacific/Kiritimati', from: '2026-06-01', to: '2026-06-02' },
  { zone: 'Etc/GMT+12', from: '2026-06-01', to: '2026-06-02' },
  { zone: 'America/Anchorage', from: '2045-07-01', to: '2045-07-03' },
];

for (const { zone, from, to } of WINDOWS) {
  it(`in ${zone} is right from ${from} to ${to}, and outside of the window on its side of it`, async () => {
    const side = (day: string): string => (day < from ? 'before' : day > to ? 'after' : day);
    const first = Date.parse(`${from}T00:00:00Z`);
    const last = Date.parse(`${to}T00:00:00Z`);
    const around = [...Array(24 * 12).keys()].map((half) => (half - 144) * 1_800_000);
    const far = [Date.UTC(1970, 0, 1), Date.UTC(2000, 5, 1), Date.UTC(2011, 11, 30, 10), Date.UTC(2060, 6, 1)];
    const within = [...Array(200).keys()].map((at) => first + ((last - first) * at) / 200);
    const instants = [first, last].flatMap((edge) => around.flatMap((by) => [edge + by - 1, edge + by]));
    const all = [...instants, ...far, ...within].map((millis) => Math.floor(millis));
    const list = all.map((millis) => `make_timestamp(${millis}000)`).join(', ');
    const day = duckdbEntityDialect.localDay('instant', zone, { from, to });
    const reader = await connection.runAndReadAll(
      `select cast(${day} as varchar) from (select unnest([${list}]) as instant) as instants`,
    );
    const found = reader.getRows().map(([text]) => side(String(text)));
    expect(found).toEqual(all.map((millis) => side(localDay(millis, zone))));
    expect(new Set(found).size).toBeGreaterThan(2);
  });
}
