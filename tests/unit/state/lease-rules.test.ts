import { describe, expect, test } from 'vitest';
import type { LeaseHolder } from '../../../src/state/ports.ts';
import { decideLease, remainingMs } from '../../../src/state/lease-rules.ts';
import type { LeaseInstant, StoredLease } from '../../../src/state/lease-rules.ts';

const holder: LeaseHolder = { host: 'alpha', pid: 1, processStartedAt: '1', command: 'job run customer' };
const asker: LeaseHolder = { ...holder, pid: 2 };
const alive = { holder: asker, isAlive: () => true };

const at = (wallMs: number, uptimeMs: number, bootId: string | null = 'boot-1'): LeaseInstant => ({
  wallMs,
  bootId,
  uptimeMs,
});

/** Renewed at wall clock 1,000,000 and uptime 50,000, for 10 seconds. */
const stored: StoredLease = { token: 7, holder, ttlMs: 10_000, renewedAt: at(1_000_000, 50_000) };
const HOUR = 3_600_000;

describe('within one boot the uptime counts', () => {
  test.each([
    { title: 'nothing passed', now: at(1_000_000, 50_000), left: 10_000 },
    { title: 'four seconds passed', now: at(1_004_000, 54_000), left: 6_000 },
    { title: 'the wall clock jumped an hour forward', now: at(1_000_000 + HOUR, 51_000), left: 9_000 },
    { title: 'the wall clock jumped an hour back', now: at(1_000_000 - HOUR, 51_000), left: 9_000 },
    { title: 'the wall clock says 1970', now: at(0, 51_000), left: 9_000 },
    { title: 'the machine slept for an hour', now: at(1_000_000 + HOUR, 50_000), left: 10_000 },
  ])('$title: the holder keeps it', ({ now, left }) => {
    expect(decideLease(stored, now, alive)).toEqual({ action: 'wait', holder, remainingMs: left });
    expect(remainingMs(stored, now)).toBe(left);
  });

  test('it expires by the uptime even when the wall clock stands still or goes back', () => {
    for (const wallMs of [1_000_000, 1_000_000 - HOUR]) {
      expect(decideLease(stored, at(wallMs, 60_000), alive)).toEqual({ action: 'take', tookOverFrom: holder });
      expect(remainingMs(stored, at(wallMs, 60_000))).toBe(0);
    }
  });
});

describe.each([
  { title: 'across a reboot', other: (wallMs: number) => at(wallMs, 3, 'boot-2'), lease: stored },
  {
    title: 'where the boot is unknown',
    other: (wallMs: number) => at(wallMs, 60_000, null),
    lease: { ...stored, renewedAt: at(1_000_000, 0, null) },
  },
  { title: 'when the uptime went backwards', other: (wallMs: number) => at(wallMs, 3), lease: stored },
])('$title the wall clock counts', ({ other, lease }) => {
  test('until the time to live is over', () => {
    expect(decideLease(lease, other(1_009_999), alive)).toEqual({ action: 'wait', holder, remainingMs: 1 });
    expect(decideLease(lease, other(1_010_000), alive)).toEqual({ action: 'take', tookOverFrom: holder });
  });

  test('a clock that went back starts the time to live again instead of making it last for years', () => {
    expect(decideLease(lease, other(5), alive)).toEqual({ action: 'rebase', holder, remainingMs: 10_000 });
    expect(remainingMs(lease, other(5))).toBe(10_000);
  });
});

test('a dead holder on this host counts more than the time', () => {
  const now = at(1_000_000, 50_001);
  expect(decideLease(stored, now, { holder: asker, isAlive: () => false })).toEqual({
    action: 'take',
    tookOverFrom: holder,
  });
  const elsewhere = { holder: { ...asker, host: 'beta' }, isAlive: () => false };
  expect(decideLease(stored, now, elsewhere)).toMatchObject({ action: 'wait' });
});

test('no row and a released row are free', () => {
  expect(decideLease(null, at(0, 0), alive)).toEqual({ action: 'take', tookOverFrom: null });
  expect(decideLease({ ...stored, holder: null }, at(0, 0), alive)).toEqual({ action: 'take', tookOverFrom: null });
});
