/** F01, F02, F37: a run with a download, killed at each effect that an hourly run does not have. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { effectsOfTheSnapshot } from '../support/kill-cases.ts';
import { KillScenario, playCases } from '../support/kill-effects.ts';

const timeout = 1_800_000;
let scenario: KillScenario;

beforeAll(async () => {
  scenario = await KillScenario.create('full load');
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

describe('a full load', () => {
  test('goes through the ports with its pages', () => {
    expect(scenario.effects.filter((name) => name === 'rest.page')).toHaveLength(2);
  });

  test('killed at any effect is finished by the next run', { timeout }, async () => {
    await playCases(scenario, effectsOfTheSnapshot(scenario));
  });
});
