/** F01, F02, F03: an hourly run, killed at each of its effects, or failing at them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { doubleKills, everyEffect, failingEffects } from '../support/kill-cases.ts';
import { KillScenario, playCases } from '../support/kill-effects.ts';

const timeout = 1_800_000;
let scenario: KillScenario;

beforeAll(async () => {
  scenario = await KillScenario.create('hourly');
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

describe('an hourly run', () => {
  test('goes through ports with all its effects', () => {
    const kinds = new Set(scenario.effects.map((name) => name.split('.')[0]));
    expect(kinds).toEqual(new Set(['state', 'stream', 'landing', 'warehouse', 'raw', 'models']));
    expect(scenario.effects.length).toBeGreaterThan(50);
  });

  test('killed at any effect is finished by the next run', { timeout }, async () => {
    await playCases(scenario, everyEffect(scenario));
  });

  test('killed again while it recovers is finished by the run after that', { timeout }, async () => {
    await playCases(scenario, doubleKills(scenario));
  });

  test('that an outside system fails, or whose reply is lost, is finished by the next run', { timeout }, async () => {
    await playCases(scenario, failingEffects(scenario));
  });
});
