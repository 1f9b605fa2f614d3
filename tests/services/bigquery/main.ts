/**
 * By hand: `node tests/services/bigquery/main.ts [--port 9050] [--project p] [--dataset d] [--storage http://127.0.0.1:4443]`. Prints
 * what to export and runs until Ctrl-C.
 */
import { parseArgs } from 'node:util';
import { startBigQueryEmulator } from './emulator.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    project: { type: 'string', default: 'sluice-test' },
    dataset: { type: 'string', default: 'analytics' },
    storage: { type: 'string' },
  },
});

const emulator = await startBigQueryEmulator({
  project: values.project,
  dataset: values.dataset,
  log: (line) => process.stderr.write(`${line}\n`),
  ...(values.port === undefined ? {} : { port: Number(values.port) }),
  ...(values.storage === undefined ? {} : { storageEndpoint: values.storage }),
});

process.stdout.write(
  `export BIGQUERY_API_ENDPOINT=${emulator.endpoint} BIGQUERY_PROJECT=${emulator.project} ` +
    `BIGQUERY_DATASET=${values.dataset} BIGQUERY_LOCATION=EU METADATA_SERVER_DETECTION=none\n`,
);

// A pending promise alone does not keep Node alive.
const alive = setInterval(() => {}, 60_000);
const stop = async (): Promise<void> => {
  clearInterval(alive);
  await emulator.stop();
};
process.once('SIGINT', () => void stop());
process.once('SIGTERM', () => void stop());
