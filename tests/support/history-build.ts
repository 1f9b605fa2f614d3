/** From the small integers of a raw history to records, pages and runs. Pure: the same raw history gives the same bytes. */
import { localDay } from '../oracle/time.ts';
import { at, jsonText, PROFILES, SPOILERS, timeText } from './history-values.ts';
import type { EntityProfile, Member } from './history-values.ts';
import { downloadMs, snapshotPages } from './history-pages.ts';
import type { PlannedPage } from './history-pages.ts';
import type { RawEvent, RawHistory, RawMoment, RawRun } from './histories.ts';

/** A record on its way to the log; its offset is its place among the records of its partition. */
export interface ProducedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface HistoryRun {
  /** RFC 3339, UTC. */
  readonly logicalTime: string;
  readonly mode: RawRun['mode'];
  readonly fullLoad: readonly PlannedPage[] | null;
  readonly maxBatchRows: number | null;
  readonly acceptDeletes: boolean;
  /** What is removed before the run. */
  readonly lost?: RawRun['lost'];
  /** Records produced before this run. */
  readonly produced: readonly ProducedRecord[];
}

export interface History {
  readonly entity: 'customer' | 'order';
  readonly topics: readonly { readonly name: string; readonly partitions: number }[];
  readonly runs: readonly HistoryRun[];
}

/** An event as the microservice meant it, before any poison: what its API would answer from. */
export interface MeantEvent {
  readonly key: string;
  readonly there: boolean;
  readonly atUs: number;
  readonly brokerMs: number;
  readonly members: readonly Member[];
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How much later than its event time the broker gets a record; negative: the producer's clock is ahead (61 minutes: out of bounds). */
const LATE_MS = [0, 150, 1, MINUTE, 7 * MINUTE, 3 * HOUR, DAY, 3 * DAY, -1, -10 * MINUTE, -HOUR, -61 * MINUTE];
const COPY_DELAY_MS = [1, 1000, 2 * HOUR, DAY, 0];

/** When the broker gets an event: some time after it, or (the last two choices) right at the next run or a millisecond before it. */
function brokerTime(atMs: number, late: number, runsMs: readonly number[]): number {
  const last = runsMs.at(-1) ?? 0;
  const next = runsMs.find((ms) => ms > atMs) ?? last;
  return Math.min([...LATE_MS.map((delay) => atMs + delay), next, next - 1][late] ?? atMs, last);
}
/** Distances from an edge in microseconds; the tolerance of five minutes among them. */
const DELTAS_US = [0, 1, -1, 1e3, -1e3, 1e6, -1e6, 3e8, -3e8, 3e8 + 1, -3e8 - 1, 36e8, -36e8, 45e6, -45e6];

/** The instants when local days begin, in microseconds. */
function midnights(start: string, days: number, zone: string): number[] {
  return Array.from({ length: days + 1 }, (_, index) => {
    const utc = Date.parse(start) + index * DAY;
    const day = new Date(utc).toISOString().slice(0, 10);
    let ms = utc - 12 * HOUR;
    while (localDay(BigInt(ms) * 1000n, zone) < day) ms += HOUR / 4;
    return ms * 1000;
  });
}

const placer =
  (fromUs: number, toUs: number, edges: readonly number[]) =>
  (moment: RawMoment): number => {
    if (moment.near === 'spot') return Math.round(fromUs + ((toUs - fromUs) * moment.permille) / 1000);
    return Math.min(at(edges, moment.edge) + at(DELTAS_US, moment.delta), toUs + 36e8);
  };

const OPS = { create: 'c', update: 'u', deactivate: 'u', delete: 'd', tombstone: 'd' } as const;

interface Arrival {
  readonly record: ProducedRecord;
  readonly held: boolean;
}

function topicOf(profile: EntityProfile, raw: RawEvent): { name: string; index: number } {
  const { topics } = profile.job;
  const op = OPS[raw.kind];
  // A tombstone may come on any topic.
  const index = raw.kind === 'tombstone' ? raw.key % topics.length : topics.findIndex((topic) => topic.op === op);
  return { name: at(topics, Math.max(index, 0)).name, index: Math.max(index, 0) };
}

function poisonedTime(job: EntityProfile['job'], brokerMs: number, variant: number): Member {
  const us = brokerMs * 1000;
  const times = [us + 36e8 + 1, us + 36e8, us + 315e12, Date.parse(job.earliest) * 1000 - 1, us + 36e8 + 1000];
  return [job.eventTimeField, JSON.stringify(timeText(at(times, variant), variant))];
}

/** The members an event means, in the order they are written. */
function meant(profile: EntityProfile, raw: RawEvent, index: number, key: string, atUs: number): readonly Member[] {
  const op = profile.opMember(OPS[raw.kind], raw.spacing + raw.key);
  return [
    [profile.job.keyField, JSON.stringify(key)],
    [profile.job.eventTimeField, JSON.stringify(timeText(atUs, raw.timeFormat))],
    [profile.tag, `"E${index}"`],
    ...raw.fields.map((field) => at(profile.fields, field)),
    ...(raw.kind === 'deactivate' && profile.job.deletedWhen !== null ? [['status', '"deactivated"'] as const] : []),
    ...(op === undefined ? [] : [op]),
  ];
}

function bytesOf(profile: EntityProfile, raw: RawEvent, key: string, members: readonly Member[], brokerMs: number) {
  const { poison } = raw;
  const spoilt = poison?.spoil === 'member' ? [at(profile.wrong, poison.variant)] : [];
  const time = poison?.spoil === 'time' ? [poisonedTime(profile.job, brokerMs, poison.variant)] : [];
  // The last of duplicate names wins, so in front of the others a wrong member may not count; a lone surrogate counts anywhere.
  const all = raw.key % 3 === 0 ? [...spoilt, ...members, ...time] : [...members, ...spoilt, ...time];
  // A required member may also be missing altogether.
  const kept = poison?.spoil === 'member' && poison.variant % 17 === 0 ? all.slice(1 + (poison.variant % 2)) : all;
  const bytes = {
    key: Buffer.from(key),
    value: raw.kind === 'tombstone' ? null : Buffer.from(jsonText(kept, raw.spacing)),
  };
  return poison?.spoil === 'bytes' ? at(SPOILERS, poison.variant)(bytes) : bytes;
}

export function buildHistory(entity: 'customer' | 'order', raw: RawHistory): History {
  const profile = PROFILES[entity];
  const days = midnights(raw.start, raw.days, profile.job.timezone);
  const [fromUs = 0, toUs = 0] = [days[0], days.at(-1)];
  const place = placer(fromUs, toUs, days);
  const runs = raw.runs
    .map((run) => ({ ...run, ms: Math.floor(place(run.at) / 1000) }))
    .toSorted((a, b) => a.ms - b.ms)
    .map((run, index) => (index === 0 && raw.opening !== null ? { ...run, fullLoad: raw.opening } : run));
  const lastMs = runs.at(-1)?.ms ?? 0;
  const topics = profile.job.topics.map(({ name }, index) => ({ name, partitions: at(raw.partitions, index) }));

  // Events lie between two days before the first day and the last run, many of them close to midnights and runs.
  const starts = runs.map(({ ms }) => ms);
  const ends = runs.flatMap(({ ms, fullLoad }) => (fullLoad === null ? [] : [ms + downloadMs(fullLoad)]));
  const edges = [...days, ...[...starts, ...ends].map((ms) => ms * 1000)].filter((edge) => edge <= lastMs * 1000);
  const placeEvent = placer(fromUs - 2 * DAY * 1000, lastMs * 1000, edges.length === 0 ? [lastMs * 1000] : edges);
  const story: MeantEvent[] = [];
  const arrivals: Arrival[] = [];
  raw.events.forEach((told, index) => {
    const twin = told.twin ? raw.events[index - 1] : undefined;
    const event = twin === undefined ? told : { ...told, key: twin.key, at: twin.at };
    const key = profile.key(event.key % raw.keys);
    const atUs = placeEvent(event.at);
    const brokerMs = brokerTime(Math.floor(atUs / 1000), event.late, starts);
    const members = meant(profile, event, index, key, atUs);
    const { name, index: topic } = topicOf(profile, event);
    const bytes = bytesOf(profile, event, key, members, brokerMs);
    const partition = event.partition % at(topics, topic).partitions;
    const there = OPS[event.kind] !== 'd';
    if (event.poison === null)
      story.push({ key, there, atUs, brokerMs, members: event.kind === 'tombstone' ? [] : members });
    for (const delay of [0, ...event.copies.map((copy) => at(COPY_DELAY_MS, copy))]) {
      const timestampMs = Math.min(brokerMs + delay, lastMs);
      arrivals.push({ record: { topic: name, partition, timestampMs, ...bytes }, held: event.held && delay === 0 });
    }
  });
  return { entity, topics, runs: planRuns(profile, raw, runs, story, arrivals) };
}

function planRuns(
  profile: EntityProfile,
  raw: RawHistory,
  runs: readonly (RawRun & { readonly ms: number })[],
  story: readonly MeantEvent[],
  arrivals: readonly Arrival[],
): HistoryRun[] {
  const waiting = arrivals.toSorted((a, b) => a.record.timestampMs - b.record.timestampMs);
  const cut = waiting.map(({ record, held }) => {
    const first = runs.findIndex(({ ms }) => ms >= record.timestampMs);
    return Math.min(first + (held ? 1 : 0), runs.length - 1);
  });
  const planned = runs.flatMap((run, index): HistoryRun[] => {
    const loads = run.fullLoad !== null && run.mode !== 'load' && run.mode !== 'transform';
    const made: HistoryRun = {
      logicalTime: new Date(run.ms).toISOString(),
      mode: run.mode,
      fullLoad: loads && run.fullLoad !== null ? snapshotPages(profile, raw, run.fullLoad, run.ms, index, story) : null,
      maxBatchRows: run.maxBatchRows,
      acceptDeletes: run.acceptDeletes,
      // Steps by themselves find nothing to do without their state; a whole run brings it back.
      lost: run.mode === 'all' || run.mode === 'refresh' ? run.lost : null,
      produced: waiting.filter((_, position) => cut[position] === index).map(({ record }) => record),
    };
    return run.again ? [made, { ...made, fullLoad: null, lost: null, produced: [] }] : [made];
  });
  const last = planned.at(-1);
  if (last === undefined || last.mode === 'all' || last.mode === 'refresh') return planned;
  return [...planned, { ...last, mode: 'all', fullLoad: null, produced: [] }];
}
