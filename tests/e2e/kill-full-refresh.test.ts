/** F01, F02, R11: a rebuild from landing, killed at each of its effects; readers see all old tables or all new ones. */
import { afterAll, beforeAll, describe, test } from 'vitest';
import { everyEffect } from '../support/kill-cases.ts';
import { KillScenario, playCases } from '../support/kill-effects.ts';

const timeout = 1_800_000;
let scenario: KillScenario;

beforeAll(async () => {
  scenario = await KillScenario.create('full refresh');
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

describe('a full refresh', () => {
  test('killed at any effect leaves readers on one whole state, and the next run is right', { timeout }, async () => {
    await playCases(scenario, everyEffect(scenario));
  });
});
