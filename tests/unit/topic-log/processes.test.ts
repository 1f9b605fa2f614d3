/** Several producers, readers beside them, and producers that are killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { readAll, temporaryLog, text } from './temporary-log.ts';

const PARTITIONS = 3;

function produce(root: string, name: string, appends: number, records: number): ChildProcess {
  const script = join(import.meta.dirname, 'producer-process.ts');
  return spawn(process.execPath, [script, root, 't', name, String(appends), String(records)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  return new Promise((resolve) => child.once('close', resolve));
}

/** Records per `producer:append`, over all partitions. */
async function counted(
  stream: Awaited<ReturnType<typeof temporaryLog>>['stream'],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  // One look at the ends for all partitions, as a batch is planned.
  for (const { partition, start, end } of await stream.partitions(['t'])) {
    let next = start;
    for await (const chunk of stream.read({ topic: 't', partition, from: start, to: end })) {
      for (const { offset, value } of chunk.records) {
        expect(offset).toBe(next);
        next += 1n;
        const name = (text(value) ?? '').split(':').slice(0, 2).join(':');
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    }
    expect(next).toBe(end);
  }
  return counts;
}

it('takes appends of several processes at once, each of them whole, and shows readers whole ones only', async () => {
  const { log, stream, root } = await temporaryLog();
  await log.create('t', PARTITIONS);
  const producers = ['a', 'b', 'c'].map((name) => produce(root, name, 12, 100));
  const done = Promise.all(producers.map(ended));
  const producing = { now: true };
  void done.then(() => (producing.now = false));
  let looks = 0;
  while (producing.now) {
    for (const count of (await counted(stream)).values()) expect(count).toBe(100);
    looks += 1;
    await sleep(5);
  }
  expect(await done).toEqual([0, 0, 0]);
  expect(looks).toBeGreaterThan(3);
  const counts = await counted(stream);
  expect(counts.size).toBe(36);
});

it('keeps every acknowledged append and no part of another when the producer is killed, and goes on', async () => {
  const { log, stream, root } = await temporaryLog();
  await log.create('t', PARTITIONS);
  let survivors = 0;
  for (let round = 0; round < 6; round += 1) {
    const child = produce(root, `p${round}`, 1000, 400);
    const told = { appends: 0 };
    if (child.stdout === null) throw new Error('no pipe');
    createInterface({ input: child.stdout }).on('line', () => (told.appends += 1));
    while (told.appends < 2) await sleep(2);
    await sleep(round * 7);
    child.kill('SIGKILL');
    await ended(child);
    const counts = await counted(stream);
    for (const count of counts.values()) expect(count).toBe(400);
    const mine = [...counts.keys()].filter((name) => name.startsWith(`p${round}:`)).length;
    // The last one may be acknowledged in the log but not told any more.
    expect(mine).toBeGreaterThanOrEqual(told.appends);
    expect(mine).toBeLessThanOrEqual(told.appends + 1);
    survivors += mine;
    // The dead producer's lock is free, its torn tail is overwritten.
    await log.append('t', [{ key: null, value: `after:${round}` }]);
    expect((await counted(stream)).get(`after:${round}`)).toBe(1);
    await log.trim('t', 0, 0n);
    for (const { partition, end } of await stream.partitions(['t'])) await log.trim('t', partition, end);
    expect(await readAll(stream, 't')).toEqual([]);
  }
  expect(survivors).toBeGreaterThanOrEqual(12);
});
