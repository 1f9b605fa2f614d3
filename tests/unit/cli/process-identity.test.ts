import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isAlive, thisProcess } from '../../../src/cli/process-identity.ts';

test('this process is alive and says what it runs', () => {
  const holder = thisProcess('job run customer');
  expect(holder).toMatchObject({ pid: process.pid, command: 'job run customer' });
  expect(isAlive(holder)).toBe(true);
});

test('the same process is told the same way twice', () => {
  expect(thisProcess('a')).toEqual(thisProcess('a'));
});

test('a process that ended is dead', async () => {
  const child = spawn(process.execPath, ['-e', '0']);
  const { pid = 0 } = child;
  await once(child, 'exit');
  expect(isAlive({ ...thisProcess('x'), pid, processStartedAt: null })).toBe(false);
});

test('a stopped process is alive', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  try {
    child.kill('SIGSTOP');
    expect(isAlive({ ...thisProcess('x'), pid: child.pid ?? 0, processStartedAt: null })).toBe(true);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});

test.runIf(process.platform === 'linux')('a pid that another process has by now is not the holder', () => {
  const holder = thisProcess('x');
  expect(holder.processStartedAt).not.toBeNull();
  expect(isAlive({ ...holder, processStartedAt: `${holder.processStartedAt}0` })).toBe(false);
});

test.runIf(process.platform === 'linux')(
  'a holder of another boot is not declared dead: it may be a machine of the same name',
  () => {
    const holder = thisProcess('x');
    expect(isAlive({ ...holder, pid: 4_194_300, processStartedAt: 'another-boot:17' })).toBe(true);
  },
);
