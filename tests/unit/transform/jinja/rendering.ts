import { isSluiceError, type SluiceError } from '../../../../src/core/errors.ts';
import {
  compileTemplate,
  createMacroRegistry,
  fromPlain,
  type MacroRegistry,
  type RenderContext,
  type Value,
} from '../../../../src/transform/compile/jinja/index.ts';

/** Plain data and host values by name. */
export function namesOf(names: Readonly<Record<string, unknown>>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(names).map(([name, value]) => [name, fromPlain(value)]));
}

export function render(
  text: string,
  names: Readonly<Record<string, unknown>> = {},
  more: Partial<RenderContext> = {},
): string {
  return compileTemplate({ name: 'models/x.sql', text }).render({ names: namesOf(names), ...more });
}

/** A registry of macro files by `package/file`. */
export function registryOf(files: Readonly<Record<string, string>>, rootPackage = 'shop'): MacroRegistry {
  const registry = createMacroRegistry({ rootPackage });
  for (const [path, text] of Object.entries(files)) {
    registry.add(path.split('/')[0] ?? rootPackage, compileTemplate({ name: path, text }));
  }
  return registry;
}

export function errorOf(run: () => unknown): SluiceError {
  try {
    run();
  } catch (error) {
    if (isSluiceError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
