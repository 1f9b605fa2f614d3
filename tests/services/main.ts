/**
 * `npm run services`: all services of the target `prod`, on free ports or those that are named. Prints what to export, ready for a shell, and
 * runs until Ctrl-C; nothing that was written to them is kept.
 */
import { parseArgs } from 'node:util';
import { startProduction } from './production.ts';

const HELP = `npm run services [-- options]

Starts Kafka, fake-gcs-server, the BigQuery emulator and PostgreSQL, prints the variables of the target "prod" and runs until Ctrl-C.

  --kafka-port <n>  --gcs-port <n>  --bigquery-port <n>  --postgres-port <n>   (default: free ones)
  --strict   puts the strict front of the tests before the emulator (tests/support/bigquery-front)
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const { values } = parseArgs({
  options: {
    'kafka-port': text,
    'gcs-port': text,
    'bigquery-port': text,
    'postgres-port': text,
    strict: flag,
    help: flag,
  },
});

const port = (name: 'kafka' | 'gcs' | 'bigquery' | 'postgres'): Readonly<Record<string, number>> => {
  const given = values[`${name}-port`];
  return given === undefined ? {} : { [name]: Number(given) };
};

async function run(): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  say('starting Kafka, fake-gcs-server, the BigQuery emulator and PostgreSQL …');
  const ports = { ...port('kafka'), ...port('gcs'), ...port('bigquery'), ...port('postgres') };
  const services = await startProduction({ ports, front: values.strict, log: say });
  const environment = { ...(await services.place({ name: 'analytics' })), STATE_DATABASE_URL: services.postgres.url() };
  process.stdout.write(
    Object.entries(environment)
      .map(([name, value]) => `export ${name}='${value}'\n`)
      .join(''),
  );
  say('\nready: paste the lines above into another shell, then for instance');
  say('  npx sluice debug --target prod');
  say('Ctrl-C ends all of them; what they hold is gone then.');

  // A pending promise alone does not keep Node alive.
  const alive = setInterval(() => {}, 60_000);
  const stop = async (): Promise<void> => {
    clearInterval(alive);
    await services.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stop());
}

if (values.help) process.stdout.write(HELP);
else await run();
