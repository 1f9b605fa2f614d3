/**
 * Loading and checking its classes is half of the processor time that a broker's start takes (4.3 s of it without, 2.1 s with an archive).
 * The JVM can keep them ready (class data sharing): the first start on a machine writes the archive, which takes ten seconds once.
 */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exists, type KafkaFiles } from './jars.ts';

/** C1 only and a small heap: a test broker lives for seconds, and its start is most of what it costs. */
const JAVA_FLAGS = [
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];
const TRIAL_MS = 60_000;

export function javaArguments(files: KafkaFiles, config: string): readonly string[] {
  // An archive that is not there or does not fit is ignored.
  const archive = ['-Xshare:auto', '-Xlog:disable', `-XX:SharedArchiveFile=${files.classArchive}`];
  return [...JAVA_FLAGS, ...archive, '-cp', files.classPath, 'kafka.Kafka', config];
}

/** Never fails: without the archive brokers start as well, only later. */
export async function prepareClassArchive(files: KafkaFiles): Promise<void> {
  if (await exists(files.classArchive)) return;
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-archive-'));
  const written = `${files.classArchive}.${process.pid}.partial`;
  try {
    await trialRun(files, folder, written);
    await rename(written, files.classArchive);
  } catch {
    await rm(written, { force: true });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function trialRun(files: KafkaFiles, folder: string, written: string): Promise<void> {
  const [plain, controller] = [await freePort(), await freePort()];
  const settings = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(folder, 'data')}`,
  ];
  await cp(files.formatted, join(folder, 'data'), { recursive: true });
  await writeFile(join(folder, 'server.properties'), `${settings.join('\n')}\n`);
  const run = ['-cp', files.classPath, 'kafka.Kafka', join(folder, 'server.properties')];
  const child = spawn('java', [...JAVA_FLAGS, '-Xlog:disable', `-XX:ArchiveClassesAtExit=${written}`, ...run], {
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const killer = setTimeout(() => child.kill('SIGKILL'), TRIAL_MS);
  while (child.exitCode === null && child.pid !== undefined && !(await listens(plain))) await sleep(100);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(killer);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
