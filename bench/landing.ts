/** Source to landing: one command over a backlog, beside a loop that only consumes it. */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaTopics } from '../src/adapters/kafka/topics.ts';
import { startKafka } from '../tests/services/kafka/broker.ts';
import type { Bench, BenchContext, Row } from './bench.ts';
import type { ChildResult } from './child.ts';
import { customerEvents, TOPICS, type TopicEvent } from './events.ts';
import { appendEvents, createTopics, topicLog } from './fill.ts';
import { count, megabytes, times, timing } from './format.ts';
import { median, middleRun, pairs, timesBare } from './rounds.ts';
import type { BareRun, JobRun, Workspace } from './workspace.ts';

const MAX_PEAK_MB = 300;
/** A backlog that is ten times as long may take this much more memory: the collector's mood, not a leak. */
const FLAT = 1.25;
const START_MS = Date.UTC(2026, 1, 1);
const STEP_MS = 20;

function events(first: number, number: number): Iterable<TopicEvent> {
  return customerEvents({
    seed: 1 + first,
    count: number,
    customers: 200_000,
    fromMs: START_MS + first * STEP_MS,
    toMs: START_MS + (first + number) * STEP_MS,
    size: 'small',
  });
}

interface Source {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  /** Makes the source seen from an empty SLUICE_HOME. */
  readonly prepare: (home: string) => void;
  readonly append: (events: Iterable<TopicEvent>) => Promise<void>;
  readonly consume: () => Promise<BareRun>;
}

async function land(workspace: Workspace, { env, prepare }: Source, expected: number): Promise<JobRun> {
  const home = workspace.path('landed');
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home);
  prepare(home);
  const run = await workspace.job(['--only', 'land'], { ...env, SLUICE_HOME: home });
  const landed = run.report.batches.reduce((sum, batch) => sum + batch.landed, 0);
  if (landed !== expected) throw new Error(`landed ${landed} of ${expected} events`);
  return run;
}

async function consume(source: Source, expected: number): Promise<BareRun> {
  const run = await source.consume();
  if (run.result.records !== expected) throw new Error(`consumed ${run.result.records} of ${expected} events`);
  return run;
}

async function measure(context: BenchContext, workspace: Workspace, source: Source): Promise<readonly Row[]> {
  const size = context.quick ? 50_000 : 1_000_000;
  const short = size * 0.3;
  context.say(`filling ${source.name} with ${count(short)} events`);
  await source.append(events(0, short));
  await land(workspace, source, short); // warms the compile cache
  const shortRun = await land(workspace, source, short);
  context.say(`filling up to ${count(size)}`);
  await source.append(events(short, size - short));
  const runs = await pairs(
    context.rounds,
    () => land(workspace, source, size),
    () => consume(source, size),
  );
  context.say(`filling up to ${count(short * 10)}`);
  await source.append(events(size, short * 10 - size));
  const longRun = await land(workspace, source, short * 10);
  const ratio = 1 / timesBare<ChildResult>(runs, ({ seconds }) => seconds);
  const peakMb = Math.max(...runs.ours.map((run) => run.peakMb), longRun.peakMb);
  const growth = longRun.peakMb / shortRun.peakMb;
  const isKafka = source.name === 'Kafka';
  const ours = middleRun(runs.ours, ({ seconds }) => seconds);
  const bare = middleRun(runs.bare, ({ seconds }) => seconds);
  return [
    {
      work: `${source.name} to landing, ${count(size)} events of 155 B, 3 topics x 4 partitions`,
      sluice: timing(ours, size),
      bare: `${isKafka ? 'kafkajs fetch loop' : 'loop that only reads it'}: ${timing(bare, size)}`,
      ratio,
      target: isKafka ? '≥ 0.5x of the loop' : '',
      met: isKafka ? ratio >= 0.5 : null,
      numbers: {
        seconds: median(runs.ours.map((run) => run.seconds)),
        cpuSeconds: median(runs.ours.map((run) => run.cpuSeconds)),
        bareSeconds: median(runs.bare.map((run) => run.seconds)),
        bareCpuSeconds: median(runs.bare.map((run) => run.cpuSeconds)),
        cpuRatio: 1 / timesBare<ChildResult>(runs, (run) => run.cpuSeconds),
      },
    },
    {
      work: `its memory; with ${count(short * 10)} events instead of ${count(short)}`,
      sluice: `${megabytes(peakMb)} at most; ${megabytes(shortRun.peakMb)} → ${megabytes(longRun.peakMb)} (${times(growth)})`,
      bare: '',
      ratio: null,
      target: `≤ ${MAX_PEAK_MB} MB, flat`,
      met: peakMb <= MAX_PEAK_MB && growth <= FLAT,
      numbers: { peakMb, shortPeakMb: shortRun.peakMb, longPeakMb: longRun.peakMb },
    },
  ];
}

export const kafkaLanding: Bench = {
  name: 'kafka-landing',
  about: 'a real Kafka broker to landing, beside a kafkajs loop that only consumes',
  run: async (context) => {
    const workspace = context.workspace('kafka');
    workspace.copyProject();
    // The events are older than the broker's week.
    const broker = await startKafka({ settings: { 'log.retention.ms': '-1' } });
    const topics = new KafkaTopics({ brokers: [broker.brokers] });
    try {
      await createTopics(topics);
      return await measure(context, workspace, {
        name: 'Kafka',
        env: { SLUICE_TARGET: 'kafka', KAFKA_BROKERS: broker.brokers },
        prepare: () => undefined,
        append: (some) => appendEvents(topics, some),
        consume: () => workspace.bare('kafkajs-loop', { brokers: [broker.brokers], topics: TOPICS }),
      });
    } finally {
      await topics.close();
      await broker.stop();
    }
  },
};

export const topicLogLanding: Bench = {
  name: 'topic-log-landing',
  about: 'the on-disk topic log to landing, beside a loop that only reads it',
  run: async (context) => {
    const workspace = context.workspace('topic-log');
    workspace.copyProject();
    const folder = workspace.path('topics');
    const log = topicLog(folder);
    await createTopics(log);
    return measure(context, workspace, {
      name: 'the topic log',
      env: {},
      prepare: (home) => symlinkSync(folder, join(home, 'topics')),
      append: (some) => appendEvents(log, some),
      consume: () => workspace.bare('topic-log-loop', { folder, topics: TOPICS }),
    });
  },
};
