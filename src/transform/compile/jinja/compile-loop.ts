import { LoopValue } from './loop.ts';
import { BREAK, type Control, CONTINUE, type Evaluate, type Execute, NEXT, RETURN } from './macro-value.ts';
import type { Scope } from './render-state.ts';
import { iterate } from './sequences.ts';
import type { Site } from './source.ts';
import type { Value } from './values.ts';

export interface LoopParts {
  readonly items: Evaluate;
  readonly assign: (scope: Scope, value: Value) => void;
  /** `for … if test`: what fails it is no round of the loop at all. */
  readonly test: ((scope: Scope) => boolean) | undefined;
  readonly body: Execute;
  readonly otherwise: Execute | undefined;
  /** The body mentions `loop`; else none is made. */
  readonly usesLoop: boolean;
  readonly site: Site;
}

/**
 * Items are taken and tested one by one, each when its round comes, as Jinja does: a test may depend on what earlier rounds
 * did. Every round has a scope of its own, so nothing set in it leaks.
 */
export function compileLoop(parts: LoopParts): Execute {
  const { items, body, otherwise, site } = parts;
  return (scope) => {
    const source = items(scope);
    const { state } = scope;
    state.site = site;
    const iterable = iterate(source);
    const tested = parts.test === undefined ? iterable : testedItems(parts, parts.test, iterable, scope);
    const rounds = parts.usesLoop
      ? loopRounds(parts, new LoopValue(tested, parts.test === undefined ? source : undefined), scope)
      : plainRounds(parts, tested, scope);
    // Jinja runs the else part unless a round came to its end: a first round that breaks does not count.
    let completed = false;
    for (const round of rounds) {
      state.step();
      const control = body(round);
      if (control === RETURN) return RETURN;
      if (control === BREAK) break;
      if (control !== CONTINUE) completed = true;
    }
    return completed || otherwise === undefined ? NEXT : runElse(otherwise, scope);
  };
}

function runElse(otherwise: Execute, scope: Scope): Control {
  return otherwise(scope.inner());
}

function* testedItems(
  parts: LoopParts,
  test: (scope: Scope) => boolean,
  items: Iterable<Value>,
  scope: Scope,
): Generator<Value> {
  for (const item of items) {
    const inner = scope.inner();
    parts.assign(inner, item);
    scope.state.step();
    if (test(inner)) yield item;
  }
}

function* plainRounds(parts: LoopParts, items: Iterable<Value>, scope: Scope): Generator<Scope> {
  for (const item of items) {
    const round = scope.inner();
    parts.assign(round, item);
    yield round;
  }
}

function* loopRounds(parts: LoopParts, loop: LoopValue, scope: Scope): Generator<Scope> {
  for (let item = loop.advance(); item !== undefined; item = loop.advance()) {
    const round = scope.inner();
    parts.assign(round, item);
    round.set('loop', loop);
    yield round;
  }
}
