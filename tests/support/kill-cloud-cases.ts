/**
 * Which effects fail in which way on the services of production, where a case takes about as long as ten on the embedded target. By default the
 * first and the last effect of each name fail, in one way each, in turn. SLUICE_KILL_ALL=1 kills after every effect (and before the first: see
 * `kill-cases.ts`), lets every effect fail, happened or not in turn, and kills again while every fifth kill is recovered from.
 */
import type { EffectCase, KillScenario } from './kill-effects.ts';

const isExhaustive = process.env['SLUICE_KILL_ALL'] === '1';
const IN_TURN = ['after', 'error', 'after', 'lost'] as const;

/** Between the first and the last effect of a name the same thing is done for another object or model. */
function edges({ effects }: KillScenario): readonly number[] {
  return effects.flatMap((name, index) =>
    effects.indexOf(name) === index || effects.lastIndexOf(name) === index ? [index + 1] : [],
  );
}

export function cloudCases(scenario: KillScenario): readonly EffectCase[] {
  const inTurn = (effect: number, turn: number): EffectCase => ({
    effect,
    fault: IN_TURN[turn % IN_TURN.length] ?? 'after',
  });
  if (!isExhaustive) return edges(scenario).map(inTurn);
  const all = scenario.effects.map((_, index) => index + 1);
  return [
    { effect: 1, fault: 'before' },
    ...all.map((effect): EffectCase => ({ effect, fault: 'after' })),
    ...all.map((effect, turn): EffectCase => ({ effect, fault: turn % 2 === 0 ? 'error' : 'lost' })),
    ...all
      .filter((effect) => effect % 5 === 2)
      .map((effect, turn): EffectCase => {
        const second = {
          effect: 3 + ((turn * 7) % (all.length - 3)),
          fault: turn % 2 === 0 ? 'before' : 'after',
        } as const;
        return { effect, fault: 'after', second };
      }),
  ];
}
