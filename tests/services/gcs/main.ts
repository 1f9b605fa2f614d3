/** By hand: `node tests/services/gcs/main.ts [--port 4443] [--bucket sluice-landing]`. Prints what to export and runs until Ctrl-C. */
import { parseArgs } from 'node:util';
import { startFakeGcs } from './server.ts';

const { values } = parseArgs({
  options: { port: { type: 'string' }, bucket: { type: 'string', default: 'sluice-landing' } },
});

const server = await startFakeGcs({
  buckets: [values.bucket],
  log: (line) => process.stderr.write(`${line}\n`),
  ...(values.port === undefined ? {} : { port: Number(values.port) }),
});

process.stdout.write(`export GCS_API_ENDPOINT=${server.endpoint} GCS_BUCKET=${values.bucket}\n`);

// A pending promise alone does not keep Node alive.
const alive = setInterval(() => {}, 60_000);
const stop = async (): Promise<void> => {
  clearInterval(alive);
  await server.stop();
};
process.once('SIGINT', () => void stop());
process.once('SIGTERM', () => void stop());
