/**
 * The broker's jars and a formatted data folder, kept in a cache folder of the user that is keyed by `pom.xml`. The first call takes up
 * to a minute (Maven copies 46 jars, 43 MB, out of its repository); every later one only looks whether they are there.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

export type Log = (line: string) => void;

export interface KafkaFiles {
  /** For `java -cp`. */
  readonly classPath: string;
  /** A formatted log folder: `meta.properties` and `bootstrap.checkpoint`, to be copied. */
  readonly formatted: string;
  /** A self-signed certificate for localhost and 127.0.0.1: PKCS12 for the broker, PEM for clients. */
  readonly keystore: string;
  readonly certificate: string;
  /** Where the classes that a broker loads are kept ready for the JVM (see class-archive.ts). */
  readonly classArchive: string;
}

/** The user that the SASL listener knows, by PLAIN and both SCRAMs. */
export const KAFKA_USER = 'alice';
export const KAFKA_PASSWORD = 'alice-secret';
export const KEYSTORE_PASSWORD = 'changeit';

/** Change it when what is kept beside the jars changes. */
const LAYOUT = '1';

const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qk';

export const JAVA_MISSING =
  'The tests against Kafka need Java 17 or newer: install a JDK or JRE (Debian: apt-get install openjdk-17-jre-headless) ' +
  'and put `java` on the PATH (`npm run test:core` is the part of the tests that needs nothing but Node).';
export const MAVEN_MISSING =
  'The tests against Kafka need Maven to fetch the broker once: install it (Debian: apt-get install maven) and put `mvn` on ' +
  'the PATH (`npm run test:core` is the part of the tests that needs nothing but Node).';

export async function kafkaFiles(log: Log = () => {}): Promise<KafkaFiles> {
  const folder = await cacheFolder();
  if (!(await exists(folder))) await fill(folder, log);
  return {
    classPath: join(folder, 'lib', '*'),
    formatted: join(folder, 'formatted'),
    keystore: join(folder, 'keystore.p12'),
    certificate: join(folder, 'certificate.pem'),
    classArchive: join(folder, 'classes.jsa'),
  };
}

async function cacheFolder(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(join(import.meta.dirname, 'pom.xml')))
    .update(LAYOUT);
  const root = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(root, 'sluice', 'services', `kafka-${hash.digest('hex').slice(0, 16)}`);
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Made aside and renamed as a whole: two test files that start at once both may do the work, and one of the results stays. */
async function fill(folder: string, log: Log): Promise<void> {
  log(`fetching Apache Kafka once into ${folder}`);
  await mkdir(join(folder, '..'), { recursive: true });
  const aside = await mkdtemp(`${folder}.partial-`);
  try {
    await copyFile(join(import.meta.dirname, 'pom.xml'), join(aside, 'pom.xml'));
    const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'];
    await run('mvn', ['-q', '-B', ...copy], aside, MAVEN_MISSING);
    await format(aside);
    await makeCertificate(aside);
    await rename(aside, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error;
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Formatting takes a second of Java; its result holds no ports and no paths, so one serves every broker. */
async function format(aside: string): Promise<void> {
  const formatted = join(aside, 'formatted');
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-kafka-format-'));
  try {
    const config = join(scratch, 'server.properties');
    const settings = [
      'process.roles=broker,controller',
      'node.id=1',
      'controller.quorum.voters=1@127.0.0.1:9093',
      'listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
      'controller.listener.names=CONTROLLER',
      `log.dirs=${formatted}`,
    ];
    await writeFile(config, `${settings.join('\n')}\n`);
    const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${KAFKA_USER},password=${KAFKA_PASSWORD}]`,
    ]);
    const tool = ['-cp', join(aside, 'lib', '*'), 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', config];
    await run('java', [...tool, ...users], scratch, JAVA_MISSING);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function makeCertificate(aside: string): Promise<void> {
  const store = [
    '-keystore',
    'keystore.p12',
    '-storetype',
    'PKCS12',
    '-storepass',
    KEYSTORE_PASSWORD,
    '-alias',
    'broker',
  ];
  const subject = ['-dname', 'CN=localhost', '-ext', 'SAN=dns:localhost,ip:127.0.0.1', '-validity', '36500'];
  await run(
    'keytool',
    ['-genkeypair', '-keyalg', 'EC', '-groupname', 'secp256r1', ...store, ...subject],
    aside,
    JAVA_MISSING,
  );
  await run('keytool', ['-exportcert', '-rfc', '-file', 'certificate.pem', ...store], aside, JAVA_MISSING);
}

async function run(command: string, args: readonly string[], cwd: string, missing: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (told += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => {
      reject('code' in error && error.code === 'ENOENT' ? new Error(missing) : error);
    });
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ${args[0] ?? ''} ended with ${String(code)}:\n${told.slice(-4000)}`);
}
