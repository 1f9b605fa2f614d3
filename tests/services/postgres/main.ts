/** By hand: `node tests/services/postgres/main.ts [--port 5433]`. Prints what to export and runs until Ctrl-C. */
import { parseArgs } from 'node:util';
import { startPostgres } from './server.ts';

const { values } = parseArgs({ options: { port: { type: 'string' } } });
const server = await startPostgres(values.port === undefined ? {} : { port: Number(values.port) });

process.stdout.write(`export STATE_DATABASE_URL='${await server.createDatabase()}'\n`);

// A pending promise alone does not keep Node alive.
const alive = setInterval(() => {}, 60_000);
const stop = async (): Promise<void> => {
  clearInterval(alive);
  await server.stop();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stop());
