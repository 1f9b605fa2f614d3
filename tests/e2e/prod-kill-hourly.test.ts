/** The fault matrix on the services of production, hourly: see `kill-hourly.test.ts`. */
import { afterAll, beforeAll, test } from 'vitest';
import { cloudCases } from '../support/kill-cloud-cases.ts';
import { KillCloud } from '../support/kill-cloud.ts';
import { KillScenario, playCases } from '../support/kill-effects.ts';

const timeout = 7_200_000;
let scenario: KillScenario;

beforeAll(async () => {
  scenario = await KillScenario.create('hourly', await KillCloud.start());
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

test('whatever fails at any effect is finished by the next run, and nothing is loaded twice', { timeout }, async () => {
  await playCases(scenario, cloudCases(scenario));
});
