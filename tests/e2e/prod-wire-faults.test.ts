/**
 * F01, F02, F41, F42, F51-F53 on the wire: requests of an hourly run to BigQuery and to the bucket are lost, refused, left hanging, or the
 * process dies around them. After one undisturbed run the tables are the oracle's, and nothing was loaded twice.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KillCloud } from '../support/kill-cloud.ts';
import { KillScenario } from '../support/kill-effects.ts';
import { arm, armEach, disarm, writesOf, type WireFault, type WireService } from '../support/wire-faults.ts';

const timeout = 7_200_000;
const isExhaustive = process.env['SLUICE_KILL_ALL'] === '1';
let cloud: KillCloud;
let scenario: KillScenario;
let writes: Readonly<Record<WireService, number>>;

beforeAll(async () => {
  cloud = await KillCloud.start();
  scenario = await KillScenario.create('hourly', cloud);
  const home = await scenario.home();
  await scenario.project.succeed(home, scenario.args);
  writes = writesOf(cloud.of(home));
  await scenario.project.discard(home);
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

async function withHome(work: (home: string) => Promise<void>): Promise<void> {
  const home = await scenario.home();
  try {
    await work(home);
  } finally {
    await scenario.project.discard(home);
  }
}

async function play(fault: WireFault): Promise<void> {
  await withHome(async (home) => {
    const { project, args } = scenario;
    const run = project.begin(home, args, { REQUEST_SECONDS: '3' });
    const met = arm(cloud.of(home), fault, () => run.child.kill('SIGKILL'));
    const { exitCode, signal, stderr } = await run.outcome;
    expect(met(), 'the request came').toBe(true);
    if (fault.type.startsWith('killed')) expect(signal, stderr).toBe('SIGKILL');
    else expect(exitCode, stderr).toBe(fault.type === 'refused' ? 1 : 0);
    await scenario.checkReader(home, fault.type === 'refused' ? 'error' : 'before');
    disarm(cloud.of(home));
    await scenario.finish(home);
  });
}

/** Every request that changes something is killed around, or refused; the exhaustive form does both. */
function faultsOf(service: WireService): readonly WireFault[] {
  const types = ['killed after', 'refused', 'killed after', 'killed before'] as const;
  return Array.from({ length: writes[service] }, (_, index) => index + 1).flatMap((number): readonly WireFault[] => {
    if (isExhaustive) return [...new Set(types)].map((type) => ({ number, service, type }));
    return number % 2 === 1 ? [{ number, service, type: types[((number - 1) / 2) % types.length] ?? 'refused' }] : [];
  });
}

async function playAll(faults: readonly WireFault[]): Promise<void> {
  const problems: string[] = [];
  for (const fault of faults) {
    await play(fault).catch((error: unknown) => {
      problems.push(`${fault.type} ${fault.service} ${String(fault.number)}: ${String(error).slice(0, 3000)}`);
    });
  }
  if (problems.length > 0) throw new Error(`${problems.length} of ${faults.length} failed:\n${problems.join('\n\n')}`);
}

describe('a request that changes something', () => {
  test('in BigQuery, killed around or refused, is made good by the next run', { timeout }, async () => {
    expect(writes.bigquery).toBeGreaterThan(10);
    await playAll(faultsOf('bigquery'));
  });

  test('in the bucket, killed around or refused, is made good by the next run', { timeout }, async () => {
    expect(writes.gcs).toBeGreaterThan(5);
    await playAll(faultsOf('gcs'));
  });
});

describe('a run in which every request fails once', () => {
  test.each(['unavailable', 'lost', 'hang'] as const)('(%s) is done all the same', { timeout }, (type) =>
    withHome(async (home) => {
      const { project, args } = scenario;
      const met = armEach(cloud.of(home), type);
      const { exitCode, stderr } = await project.run(home, args, { REQUEST_SECONDS: '3' });
      expect(exitCode, stderr).toBe(0);
      expect(met()).toBeGreaterThan(40);
      project.check(home);
      await scenario.checkNew(home);
      disarm(cloud.of(home));
      await scenario.finish(home);
    }),
  );
});
