/** Whole runs in production of which single requests, or all of them once, meet a fault on the wire. */
import { expect } from 'vitest';
import { isExhaustive, ourPart } from './exhaustive.ts';
import { KillCloud } from './kill-cloud.ts';
import { KillScenario, type Scenario } from './kill-effects.ts';
import { arm, armEach, disarm, writesOf, type PassingFault, type WireFault, type WireService } from './wire-faults.ts';

export class WireCases implements AsyncDisposable {
  readonly cloud: KillCloud;
  readonly scenario: KillScenario;
  /** How many requests that change something an undisturbed run sends. */
  readonly writes: Readonly<Record<WireService, number>>;

  private constructor(cloud: KillCloud, scenario: KillScenario, writes: Readonly<Record<WireService, number>>) {
    this.cloud = cloud;
    this.scenario = scenario;
    this.writes = writes;
  }

  static async create(name: Scenario): Promise<WireCases> {
    const cloud = await KillCloud.start();
    const scenario = await KillScenario.create(name, cloud);
    const home = await scenario.home();
    await scenario.project.succeed(home, scenario.args);
    const writes = writesOf(cloud.of(home));
    await scenario.project.discard(home);
    return new WireCases(cloud, scenario, writes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scenario[Symbol.asyncDispose]();
  }

  async withHome(work: (home: string) => Promise<void>): Promise<void> {
    const home = await this.scenario.home();
    try {
      await work(home);
    } finally {
      await this.scenario.project.discard(home);
    }
  }

  /** Every `step`-th request that changes something is killed around, or refused; the exhaustive form does it all to all. */
  async playSingle(service: WireService, step: number): Promise<void> {
    const types = ['killed after', 'refused', 'killed after', 'killed before'] as const;
    const chosen = Array.from({ length: this.writes[service] }, (_, index) => index + 1).flatMap(
      (number): readonly WireFault[] => {
        if (isExhaustive) return [...new Set(types)].map((type) => ({ number, service, type }));
        if (number % step !== 1) return [];
        return [{ number, service, type: types[((number - 1) / step) % types.length] ?? 'refused' }];
      },
    );
    const faults = ourPart(chosen);
    const problems: string[] = [];
    for (const fault of faults) {
      await this.#play(fault).catch((error: unknown) => {
        problems.push(`${fault.type} ${fault.service} ${String(fault.number)}: ${String(error).slice(0, 3000)}`);
      });
    }
    if (problems.length > 0)
      throw new Error(`${problems.length} of ${faults.length} failed:\n${problems.join('\n\n')}`);
  }

  async #play(fault: WireFault): Promise<void> {
    await this.withHome(async (home) => {
      const { project, args } = this.scenario;
      const run = project.begin(home, args);
      const met = arm(this.cloud.of(home), fault, () => run.child.kill('SIGKILL'));
      const { exitCode, signal, stderr } = await run.outcome;
      expect(met(), 'the request came').not.toBeNull();
      if (fault.type.startsWith('killed')) expect(signal, stderr).toBe('SIGKILL');
      else if (!/"query":"drop table/.test(met() ?? '')) expect(exitCode, stderr).toBe(1);
      // What only tidies up may fail: the next run replaces it. A refresh begins by dropping what another one left behind, and cannot go on without.
      else expect(exitCode, stderr).toBeLessThanOrEqual(this.scenario.name === 'full refresh' ? 1 : 0);
      await this.scenario.checkReader(home, fault.type === 'refused' ? 'error' : 'before');
      disarm(this.cloud.of(home));
      await this.scenario.finish(home);
    });
  }

  /** A run in which every request meets the fault is done all the same. */
  async playEach(type: PassingFault): Promise<void> {
    await this.withHome(async (home) => {
      const { project, args } = this.scenario;
      const met = armEach(this.cloud.of(home), type);
      const { exitCode, stderr } = await project.run(home, args, { REQUEST_SECONDS: type === 'hang' ? '1' : '60' });
      expect(exitCode, stderr).toBe(0);
      expect(met()).toBeGreaterThan(this.writes.bigquery + this.writes.gcs);
      project.check(home);
      await this.scenario.checkNew(home);
      disarm(this.cloud.of(home));
      await this.scenario.finish(home);
    });
  }
}
