/**
 * Makes every effect of one run fail in turn (src/cli/failpoint.ts): from the same initial SLUICE_HOME the run is killed at the n-th effect, a
 * reader looks, and an undisturbed run finishes the work.
 */
import { expect } from 'vitest';
import type { History } from './history-build.ts';
import { killStory, FIRST_RUN, SECOND_RUN } from './kill-story.ts';
import { KillProject, checkAgainst, createTopics, produce, publishedIn } from './kill-project.ts';
import type { Published, Surroundings } from './kill-project.ts';
import type { CommandOutcome } from './sluice-command.ts';

export type Scenario = 'hourly' | 'full load' | 'full refresh';

/** What a run killed at effect n is followed by; more than one: each but the last is killed too. */
type Fault = 'before' | 'after' | 'error' | 'lost';

const RUN = ['job', 'run', 'customer', '--logical-time'];
const FLAGS: Readonly<Record<Scenario, readonly string[]>> = {
  hourly: [],
  'full load': ['--full-load'],
  'full refresh': ['--full-refresh'],
};

export class KillScenario implements AsyncDisposable {
  readonly name: Scenario;
  readonly project: KillProject;
  readonly history: History;
  readonly args: readonly string[];
  /** Names of the undisturbed run's effects, in order. */
  readonly effects: readonly string[];
  readonly #initial: string;
  readonly #before: Published;
  /** What the run makes of it when nothing new lands: the days up to today are there, carried forward. */
  readonly #carried: Published;
  readonly #after: Published;

  private constructor(
    made: Pick<KillScenario, 'name' | 'project' | 'history' | 'args' | 'effects'> & {
      readonly initial: string;
      readonly before: Published;
      readonly carried: Published;
      readonly after: Published;
    },
  ) {
    this.name = made.name;
    this.project = made.project;
    this.history = made.history;
    this.args = made.args;
    this.effects = made.effects;
    this.#initial = made.initial;
    this.#before = made.before;
    this.#carried = made.carried;
    this.#after = made.after;
  }

  /** Plays the story up to the run in question, and that one undisturbed. */
  static async create(name: Scenario, surroundings?: Surroundings): Promise<KillScenario> {
    const project = await KillProject.create(surroundings);
    const history = killStory(name === 'full refresh' ? 'refresh' : 'all', name === 'full load');
    const [first, second] = history.runs;
    const initial = await project.home();
    await createTopics(initial, history);
    await produce(initial, first?.produced ?? []);
    project.server.script(first?.fullLoad ?? []);
    await project.succeed(initial, [...RUN, FIRST_RUN, '--full-load']);
    await produce(initial, second?.produced ?? []);
    project.server.script(second?.fullLoad ?? []);
    // What a refresh finds is landed and not loaded, so that it changes what readers see.
    if (name === 'full refresh') await project.succeed(initial, [...RUN, SECOND_RUN, '--only', 'land']);
    const args = [...RUN, SECOND_RUN, ...FLAGS[name]];
    const before = await publishedIn(project.data(initial));
    const idle = await project.home(initial);
    await project.succeed(idle, [...RUN, SECOND_RUN, '--only', 'transform']);
    const carried = await publishedIn(project.data(idle));
    await project.discard(idle);
    const twin = await project.home(initial);
    const outcome = await project.run(twin, args, { SLUICE_FAILPOINT: 'trace' });
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const effects = [...outcome.stderr.matchAll(/^failpoint \d+ (\S+)$/gm)].map(([, effect]) => effect ?? '');
    expect(outcome.stderr).toContain(`failpoint: ${effects.length} effects`);
    await checkAgainst(project.data(twin), history, 1);
    const after = await publishedIn(project.data(twin));
    expect(after.current).not.toBe(before.current);
    expect(after.history).not.toBe(before.history);
    await project.discard(twin);
    return new KillScenario({ name, project, history, args, effects, initial, before, carried, after });
  }

  /** A SLUICE_HOME as it was before the run. */
  home(): Promise<string> {
    return this.project.home(this.#initial);
  }

  /** Runs with the fault at the n-th effect; throws when that did not come about. */
  async disturb(home: string, effect: number, fault: Fault, args = this.args): Promise<CommandOutcome> {
    const outcome = await this.project.run(home, args, { SLUICE_FAILPOINT: `${effect}:${fault}` });
    const isKill = fault === 'before' || fault === 'after';
    // Beyond the last effect of a run that has less to do than the first one had.
    if (isKill ? outcome.signal === 'SIGKILL' || outcome.exitCode === 0 : outcome.signal === null) return outcome;
    throw new Error(`${fault} effect ${effect}: ended with ${outcome.exitCode ?? outcome.signal}\n${outcome.stderr}`);
  }

  /**
   * P4: every table is the old one or the new one; a refresh swaps them together. A run that was not killed but could not land goes on to its
   * models: today's partition is there whatever else failed. `args`: of the run that was disturbed; the hourly one that recovers from a refresh
   * publishes one table after the other.
   */
  async checkReader(home: string, fault: Fault = 'before', args = this.args): Promise<void> {
    const goesOn = fault === 'error' || fault === 'lost';
    // Without its download it is an hourly run: a third state, which only the oracle knows.
    if (goesOn && this.name === 'full load') return;
    const seen = await publishedIn(this.project.data(home));
    const current = seen.current === this.#after.current ? 'new' : 'old';
    const history = seen.history === this.#after.history ? 'new' : 'old';
    if (current === 'old') expect(seen.current).toBe(this.#before.current);
    if (history === 'old')
      expect([this.#before.history, ...(goesOn ? [this.#carried.history] : [])]).toContain(seen.history);
    if (this.name === 'full refresh' && args === this.args)
      expect(`current is ${current}`).toBe(`current is ${history}`);
  }

  /** Runs undisturbed and holds everything against the oracle; `args`: an hourly run must do as well as the same command. */
  async finish(home: string, args = this.args): Promise<void> {
    await this.project.succeed(home, args);
    await checkAgainst(this.project.data(home), this.history, 1);
    this.project.check(home);
    if (args === this.args) await this.checkNew(home);
    expect(await this.unfinished(home)).toEqual([]);
  }

  /** The tables are what the undisturbed run made of them. */
  async checkNew(home: string): Promise<void> {
    expect(await publishedIn(this.project.data(home))).toEqual(this.#after);
  }

  /** What `job status` says of it. */
  async unfinished(home: string): Promise<unknown> {
    const { stdout } = await this.project.succeed(home, ['job', 'status', 'customer', '--json']);
    return (JSON.parse(stdout) as { readonly unfinished: unknown }).unfinished;
  }

  get hourly(): readonly string[] {
    return [...RUN, SECOND_RUN];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.project[Symbol.asyncDispose]();
  }
}

export interface EffectCase {
  readonly effect: number;
  readonly fault: Fault;
  /** A second fault, in the run that recovers. */
  readonly second?: { readonly effect: number; readonly fault: Fault };
}

/** Plays all cases, one after the other, and throws one error that tells all that went wrong. */
export async function playCases(scenario: KillScenario, cases: readonly EffectCase[]): Promise<void> {
  const problems: string[] = [];
  for (const { effect, fault, second } of cases) {
    const home = await scenario.home();
    try {
      await scenario.disturb(home, effect, fault);
      await scenario.checkReader(home, fault);
      // Every third time the next cron slot finishes it, otherwise whoever repeats the command.
      const args = effect % 3 === 0 ? scenario.hourly : scenario.args;
      if (second !== undefined) {
        await scenario.disturb(home, second.effect, second.fault, args);
        await scenario.checkReader(home, second.fault, args);
      }
      await scenario.finish(home, args);
    } catch (error) {
      const and = second === undefined ? '' : `, then ${second.fault} effect ${second.effect}`;
      const told = error instanceof Error ? error.message : String(error);
      problems.push(`${scenario.name}, ${fault} effect ${effect}${and}: ${told.slice(0, 3000)}`);
    } finally {
      await scenario.project.discard(home);
    }
  }
  if (problems.length > 0)
    throw new Error(`${problems.length} of ${cases.length} cases failed:\n${problems.join('\n\n')}`);
}
