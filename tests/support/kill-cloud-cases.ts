/**
 * Which effects fail in which way on the services of production, where a case takes about as long as ten on the embedded target. By default each
 * effect, by name, fails once, those of the warehouse at their first and last place; a full load at what an hourly run does not have. The ways
 * take turns, but for a full load, which is killed: where its download fails the stream goes on without it, and the guard judges it later. SLUICE_KILL_ALL=1 kills after every effect (and before the first: see `kill-cases.ts`), lets every effect fail, happened or not in
 * turn, and kills again while every fifth kill is recovered from.
 */
import { isExhaustive, ourPart } from './exhaustive.ts';
import type { EffectCase, KillScenario } from './kill-effects.ts';

const IN_TURN = ['after', 'error', 'after', 'lost'] as const;

function chosen({ name: scenario, effects }: KillScenario): readonly number[] {
  const download = effects.indexOf('stream.partitions');
  return effects.flatMap((name, index) => {
    const isWarehouse = /^(?:raw|models|warehouse)\./.test(name);
    const isEdge = effects.indexOf(name) === index || (isWarehouse && effects.lastIndexOf(name) === index);
    const isOwn =
      scenario !== 'full load' || index <= download || name === 'raw.loadBatch' || name === 'state.saveAdmission';
    return isEdge && isOwn ? [index + 1] : [];
  });
}

export function cloudCases(scenario: KillScenario): readonly EffectCase[] {
  const isFullLoad = scenario.name === 'full load';
  const inTurn = (effect: number, turn: number): EffectCase => ({
    effect,
    fault: isFullLoad ? 'after' : (IN_TURN[turn % IN_TURN.length] ?? 'after'),
  });
  if (!isExhaustive) return chosen(scenario).map(inTurn);
  const all = scenario.effects.map((_, index) => index + 1);
  return ourPart([
    { effect: 1, fault: 'before' },
    ...all.map((effect): EffectCase => ({ effect, fault: 'after' })),
    ...(isFullLoad ? [] : all).map((effect, turn): EffectCase => ({
      effect,
      fault: turn % 2 === 0 ? 'error' : 'lost',
    })),
    ...all
      .filter((effect) => effect % 5 === 2)
      .map((effect, turn): EffectCase => {
        const second = {
          effect: 3 + ((turn * 7) % (all.length - 3)),
          fault: turn % 2 === 0 ? 'before' : 'after',
        } as const;
        return { effect, fault: 'after', second };
      }),
  ]);
}
