/**
 * Which effects fail in which way. A process killed right after effect n and one killed right before effect n + 1 stop at the same moment (but for
 * ranges and models that run side by side), so killing it after each effect, and before the first, visits them all. SLUICE_KILL_ALL=1
 * kills at every effect of every run, before and after it.
 */
import { isExhaustive, ourPart } from './exhaustive.ts';
import type { EffectCase, KillScenario } from './kill-effects.ts';

/** Numbers of the effects that `wanted` chooses by name and number. */
function chosen({ effects }: KillScenario, wanted: (name: string, number: number) => boolean): readonly number[] {
  return effects.flatMap((name, index) => (isExhaustive || wanted(name, index + 1) ? [index + 1] : []));
}

function kills(numbers: readonly number[]): readonly EffectCase[] {
  const after = numbers.map((effect): EffectCase => ({ effect, fault: 'after' }));
  const before = numbers.map((effect): EffectCase => ({ effect, fault: 'before' }));
  return ourPart([...after, ...(isExhaustive ? before : before.slice(0, 1))]);
}

export function everyEffect(scenario: KillScenario): readonly EffectCase[] {
  return kills(chosen(scenario, () => true));
}

/** Effects of a full load that an hourly run does not have: the download, and everything behind landing, where both batches are. */
export function effectsOfTheSnapshot(scenario: KillScenario): readonly EffectCase[] {
  const { effects } = scenario;
  const download = effects.indexOf('stream.partitions');
  const landed = effects.indexOf('stream.commitOffsets');
  return kills(chosen(scenario, (_name, number) => number <= download || number > landed));
}

/** Failing calls, happened or not in turn, at every third effect. */
export function failingEffects(scenario: KillScenario): readonly EffectCase[] {
  const numbers = chosen(scenario, (_name, number) => number % 3 === 1);
  return ourPart(numbers.map((effect, index) => ({ effect, fault: index % 2 === 0 ? 'error' : 'lost' })));
}

/** The recovering run is killed as well: at every fifth effect of the run, and at one of the recovery that moves from start to end. */
export function doubleKills(scenario: KillScenario): readonly EffectCase[] {
  const all = scenario.effects.length;
  const numbers = chosen(scenario, (_name, number) => number % 5 === 2);
  return ourPart(
    numbers.map((effect, index) => ({
      effect,
      fault: 'after',
      second: { effect: 3 + ((index * 7) % (all - 3)), fault: index % 2 === 0 ? 'before' : 'after' },
    })),
  );
}
