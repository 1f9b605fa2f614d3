/** Which values of a project are secret, for what is printed and stored (secret.ts). */
import { isSluiceError } from '../core/errors.ts';
import { evaluateText, hasExpression, type Env } from './expression.ts';
import { leavesOf, SECTION_NAMES } from './project-schema.ts';
import type { RawTarget } from './project.ts';

/** dbt's prefix for variables that must not be shown, and ours. */
const SECRET_VARIABLE = /^(?:DBT_ENV_SECRET|SLUICE_SECRET)/;

/**
 * Every secret that the environment holds for any target, whether or not this command opens it: a template may put it somewhere too. What
 * cannot be evaluated is no secret yet.
 */
export function secretsIn(targets: Readonly<Record<string, RawTarget>>, env: Env): readonly string[] {
  const secrets = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && SECRET_VARIABLE.test(name) ? [value] : [],
  );
  for (const text of secretTexts(targets)) {
    try {
      secrets.push(evaluateText(text, env, 'a secret'));
    } catch (error) {
      if (!isSluiceError(error)) throw error;
    }
  }
  return secrets;
}

/** A secret stands in the file itself. */
export function hasLiteralSecret(targets: Readonly<Record<string, RawTarget>>): boolean {
  return secretTexts(targets).some((text) => !hasExpression(text));
}

function secretTexts(targets: Readonly<Record<string, RawTarget>>): readonly string[] {
  return Object.values(targets).flatMap((target) =>
    SECTION_NAMES.flatMap((name) => {
      const section = target[name] ?? {};
      return Object.entries(leavesOf(name, section['type'])).flatMap(([key, leaf]) => {
        const value = section[key];
        return leaf.secret === true && typeof value === 'string' ? [value] : [];
      });
    }),
  );
}
