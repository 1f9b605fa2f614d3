/** Who holds a lease: this process, told so that another process can find out whether it still lives. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LeaseHolder } from '../state/ports.ts';

/** The pid namespace of a machine itself, a constant of Linux; containers have others. */
const HOST_PID_NAMESPACE = 'pid:[4026531836]';

export function thisProcess(command: string): LeaseHolder {
  return { host: processHost(), pid: process.pid, processStartedAt: startOf(process.pid), command };
}

/**
 * False only when it is certain: a process of this host whose pid is free, or belongs to another process by now. Another boot is no certainty:
 * Cloud Run gives every execution a machine of its own, and all of them the name `localhost`, the same namespace and low pids. After a
 * real reboot the lease has run out by itself, or does so within its time to live.
 */
export function isAlive(holder: LeaseHolder): boolean {
  const boots = [holder.processStartedAt, startOf(process.pid)].map(bootOf);
  if (!boots.includes(null) && boots[0] !== boots[1]) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
  const startedAt = startOf(holder.pid);
  return startedAt === null || holder.processStartedAt === null || startedAt === holder.processStartedAt;
}

/** Containers may share a host name but not their pids: each namespace counts as a host of its own. */
function processHost(): string {
  const namespace = tryRead(() => readlinkSync('/proc/self/ns/pid'));
  return namespace === null || namespace === HOST_PID_NAMESPACE ? hostname() : `${hostname()} ${namespace}`;
}

/** Boot and clock ticks since then, as Linux tells; null elsewhere. Pids are reused, this pair is not. */
function startOf(pid: number): string | null {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const boot = tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  if (stat === null || boot === null) return null;
  // The command in parentheses may hold anything, so fields are counted behind the last one; starttime is field 22, the 20th from there.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z') return `${boot}:dead`; // a zombie holds its pid but writes nothing more
  return `${boot}:${fields[19] ?? ''}`;
}

function bootOf(startedAt: string | null): string | null {
  return startedAt?.split(':')[0] ?? null;
}

function tryRead(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null; // no such process, or no /proc
  }
}
