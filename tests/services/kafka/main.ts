/** By hand: `node tests/services/kafka/main.ts [--port 9092]`. Prints what to export and runs until Ctrl-C. */
import { parseArgs } from 'node:util';
import { startKafka } from './broker.ts';
import { KAFKA_USER } from './jars.ts';

const { values } = parseArgs({ options: { port: { type: 'string' } } });

const broker = await startKafka({
  log: (line) => process.stderr.write(`${line}\n`),
  ...(values.port === undefined ? {} : { port: Number(values.port) }),
});

process.stderr.write(
  `SASL: ${broker.saslBrokers} (user ${KAFKA_USER}), TLS: ${broker.tlsBrokers} (CA ${broker.certificate})\n`,
);
process.stdout.write(`export KAFKA_BROKERS=${broker.brokers}\n`);

// A pending promise alone does not keep Node alive.
const alive = setInterval(() => {}, 60_000);
const stop = async (): Promise<void> => {
  clearInterval(alive);
  await broker.stop();
};
process.once('SIGINT', () => void stop());
process.once('SIGTERM', () => void stop());
