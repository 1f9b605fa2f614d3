/** The time that leases on one host count by: the machine's uptime and boot, and the wall clock for other machines (lease-rules.ts). */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../core/clock.ts';
import type { LeaseInstant } from '../../state/lease-rules.ts';

/**
 * `process.hrtime` counts from the boot on Linux, macOS and Windows, the same for all processes and without the time the machine slept.
 * The boot's id keeps two boots apart; where the system names none, only the wall clock counts.
 */
export function hostInstant(clock: Pick<Clock, 'now'>): () => LeaseInstant {
  let bootId: string | null | undefined;
  return () => {
    bootId ??= readBootId();
    return {
      wallMs: clock.now(),
      bootId: bootId === '' ? null : bootId,
      uptimeMs: Number(process.hrtime.bigint() / 1_000_000n),
    };
  };
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
