// Plain DuckDB: opens a database, runs statements one after the other, prints how long each took. The limit that models are measured against.
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const { path, settings = {}, statements, query } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const instance = await DuckDBInstance.create(path, settings);
const connection = await instance.connect();
await connection.run("set timezone = 'UTC'");
const seconds = [];
for (const sql of statements) {
  const from = performance.now();
  await connection.run(sql);
  seconds.push((performance.now() - from) / 1000);
}
const rows = query === undefined ? [] : (await (await connection.run(query)).getRows()).map((row) => row.map(String));
await connection.run('checkpoint');
connection.closeSync();
instance.closeSync();
console.log(JSON.stringify({ seconds, rows }));
