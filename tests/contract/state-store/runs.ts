import { expect, test } from 'vitest';
import type { StateStoreSubject } from '../state-store.ts';
import { expectCode } from './expectations.ts';
import { JOB, T1, acquire } from './fixtures.ts';

const run = (runId: string, startedAt: string, job = JOB): Parameters<StateStoreSubject['store']['startRun']>[0] => ({
  runId,
  job,
  command: 'job run customer --full-load',
  logicalTime: T1,
  startedAt,
});

export function runTests(subject: () => StateStoreSubject): void {
  test('runs are listed newest first, unfinished ones too, up to a limit', async () => {
    const { store } = subject();
    await store.startRun(run('a', '2026-03-01T10:00:00.000Z'));
    await store.startRun(run('b', '2026-03-01T12:00:00.000Z'));
    await store.startRun(run('c', '2026-03-01T11:00:00.000Z'));
    await store.startRun(run('d', '2026-03-01T13:00:00.000Z', 'order'));
    await store.finishRun('a', { finishedAt: '2026-03-01T10:01:00.000Z', exitCode: 1, error: 'it\u0000broke' });
    const runs = await store.recentRuns(JOB, 10);
    expect(runs.map(({ runId }) => runId)).toEqual(['b', 'c', 'a']);
    expect(runs[0]).toEqual({ ...run('b', '2026-03-01T12:00:00.000Z'), finishedAt: null, exitCode: null, error: null });
    expect(runs[2]).toMatchObject({ finishedAt: '2026-03-01T10:01:00.000Z', exitCode: 1, error: 'it\uFFFDbroke' });
    expect((await store.recentRuns(JOB, 2)).map(({ runId }) => runId)).toEqual(['b', 'c']);
  });

  test('starting and finishing can be repeated, but not with other contents', async () => {
    const { store } = subject();
    const started = run('a', '2026-03-01T10:00:00.000Z');
    const finished = { finishedAt: '2026-03-01T10:01:00.000Z', exitCode: 0, error: null };
    await store.startRun(started);
    await store.startRun(started);
    await expectCode(store.startRun({ ...started, command: 'other' }), 'state_conflict', /Run a is on record/);
    await store.finishRun('a', finished);
    await store.finishRun('a', finished);
    await store.startRun(started);
    await expectCode(store.finishRun('a', { ...finished, exitCode: 1 }), 'state_conflict', /with exit code 0/);
    await expectCode(store.finishRun('b', finished), 'state_conflict', /Run b is not on record/);
    expect(await store.recentRuns(JOB, 10)).toEqual([{ ...started, ...finished }]);
  });

  test('facts are any JSON, per job, and the last one stands', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    expect(await store.getFact(JOB, 'f')).toBeUndefined();
    await store.setFact(lease, 'f', { nested: ['ä', 1.5, null, true] });
    expect(await store.getFact(JOB, 'f')).toEqual({ nested: ['ä', 1.5, null, true] });
    for (const value of [null, false, 0, '', [], 'text']) {
      await store.setFact(lease, 'f', value);
      expect(await store.getFact(JOB, 'f')).toEqual(value);
    }
    expect(await store.getFact('order', 'f')).toBeUndefined();
    expect(await store.getFact(JOB, 'g')).toBeUndefined();
  });
}
