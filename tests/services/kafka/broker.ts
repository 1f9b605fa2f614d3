/**
 * A real Kafka broker (KRaft, one node) for tests: its own folder, its own free ports, up in about two seconds. It dies with the process
 * that started it, however that one ends. Listeners: plain text, SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512), TLS.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { javaArguments, listens, prepareClassArchive } from './class-archive.ts';
import {
  JAVA_MISSING,
  KAFKA_PASSWORD,
  KAFKA_USER,
  kafkaFiles,
  type KafkaFiles,
  KEYSTORE_PASSWORD,
  type Log,
} from './jars.ts';

export interface KafkaOptions {
  /** Port of the plain text listener; a free one where absent. */
  readonly port?: number;
  /** Further lines of server.properties. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: Log;
}

export interface KafkaNode {
  /** `127.0.0.1:<port>`: plain text, no credentials. */
  readonly brokers: string;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface KafkaBroker extends KafkaNode {
  /** SASL without TLS; user and password are KAFKA_USER and KAFKA_PASSWORD of jars.ts. */
  readonly saslBrokers: string;
  /** TLS without SASL; `certificate` is the PEM file to trust. */
  readonly tlsBrokers: string;
  readonly certificate: string;
  /** A second broker of the same cluster (node 2, no controller), plain text only. Stop it before the first. */
  join(): Promise<KafkaNode>;
}

/** Two seconds on an idle machine; but many test files may start their services at once. */
const START_TIMEOUT_MS = 120_000;

/**
 * Runs its arguments and kills them when standard input ends: the pipe is closed by the system when the parent dies, even by
 * kill -9, so that no broker is ever left behind. The reader needs a descriptor of its own: background jobs get no stdin.
 */
const DIES_WITH_PARENT = 'exec 3<&0; "$@" </dev/null 3<&- & p=$!; { cat <&3 >/dev/null; kill -9 $p; } & wait $p';

interface Ports {
  readonly plain: number;
  readonly sasl: number;
  readonly tls: number;
  readonly controller: number;
}

/** For hooks that start it: the very first start on a machine fetches the broker, and may be beside other services doing the same. */
export const KAFKA_START_MS = 600_000;

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaBroker> {
  const files = await kafkaFiles(options.log);
  await prepareClassArchive(files);
  const [plain, sasl, tls, controller] = await freePorts();
  const ports: Ports = { plain: options.port ?? plain, sasl, tls, controller };
  const settings = { ...firstNode(ports, files), ...COMMON, ...options.settings };
  const node = await startNode(files, { id: 1, port: ports.plain, settings });
  return {
    brokers: node.brokers,
    saslBrokers: `127.0.0.1:${ports.sasl}`,
    tlsBrokers: `127.0.0.1:${ports.tls}`,
    certificate: files.certificate,
    kill: () => node.kill(),
    start: () => node.start(),
    stop: () => node.stop(),
    join: async () => {
      const [port] = await freePorts();
      const joining = { ...secondNode(port, ports.controller), ...COMMON, ...options.settings };
      return startNode(files, { id: 2, port, settings: joining });
    },
  };
}

interface NodeOptions {
  readonly id: number;
  /** Of the plain text listener: the node is up when it listens. */
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
}

async function startNode(files: KafkaFiles, { id, port, settings }: NodeOptions): Promise<RunningNode> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-'));
  const data = join(folder, 'data');
  await cp(files.formatted, data, { recursive: true });
  if (id !== 1) {
    const meta = await readFile(join(data, 'meta.properties'), 'utf8');
    const own = randomBytes(16).toString('base64url').replace(/^-/, '_');
    await writeFile(
      join(data, 'meta.properties'),
      meta.replace(/node\.id=.*/, `node.id=${id}`).replace(/directory\.id=.*/, `directory.id=${own}`),
    );
  }
  const lines = Object.entries({ ...settings, 'log.dirs': data }).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder, 'server.properties'), lines.join(''));
  const node = new RunningNode(folder, files, port);
  try {
    await node.start();
  } catch (error) {
    await node.stop();
    throw error;
  }
  return node;
}

class RunningNode implements KafkaNode {
  readonly brokers: string;
  readonly #folder: string;
  readonly #files: KafkaFiles;
  readonly #port: number;
  #process: ChildProcess | null = null;

  constructor(folder: string, files: KafkaFiles, port: number) {
    this.#folder = folder;
    this.#files = files;
    this.#port = port;
    this.brokers = `127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const java = ['java', ...javaArguments(this.#files, join(this.#folder, 'server.properties'))];
    const child = spawn('sh', ['-c', DIES_WITH_PARENT, 'sh', ...java], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    let told = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (told = (told + chunk.toString('utf8')).slice(-20_000)));
    }
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await listens(this.#port))) {
      if (child.exitCode === 127) throw new Error(JAVA_MISSING);
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(
          `Kafka did not start (${child.exitCode === null ? 'time-out' : `exit ${child.exitCode}`}):\n${told}`,
        );
      }
      await sleep(50);
    }
  }

  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null) return;
    const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.stdin?.end();
    await closed;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Small and quick: one partition for the internal topics, dead brokers found within two seconds, the cleaner always awake. */
const COMMON: Readonly<Record<string, string>> = {
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,SSL:SSL',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.num.partitions': '1',
  'transaction.state.log.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'false',
  'broker.heartbeat.interval.ms': '500',
  'broker.session.timeout.ms': '2000',
  'log.cleaner.backoff.ms': '200',
};

function firstNode(ports: Ports, files: KafkaFiles): Readonly<Record<string, string>> {
  const listeners = [
    `PLAINTEXT://127.0.0.1:${ports.plain}`,
    `SASL://127.0.0.1:${ports.sasl}`,
    `SSL://127.0.0.1:${ports.tls}`,
  ];
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${ports.controller}`].join(','),
    'advertised.listeners': listeners.join(','),
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl.plain.sasl.jaas.config': `${plain} required user_${KAFKA_USER}="${KAFKA_PASSWORD}";`,
    'listener.name.sasl.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl.scram-sha-512.sasl.jaas.config': scram,
    'listener.name.ssl.ssl.keystore.type': 'PKCS12',
    'listener.name.ssl.ssl.keystore.location': files.keystore,
    'listener.name.ssl.ssl.keystore.password': KEYSTORE_PASSWORD,
  };
}

function secondNode(port: number, controllerPort: number): Readonly<Record<string, string>> {
  return {
    'process.roles': 'broker',
    'node.id': '2',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
  };
}

/** Asked for together, so that they differ. Somebody may take one before the broker does; then its start fails and says so. */
async function freePorts(): Promise<[number, number, number, number]> {
  const servers = await Promise.all(
    [1, 2, 3, 4].map(
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  const [a = 0, b = 0, c = 0, d = 0] = ports;
  return [a, b, c, d];
}
