/**
 * Property files parsed and checked. Loading the YAML reader and ajv and checking a handful of files costs about 60 ms, a tenth of what a
 * run with nothing new may take, so what was found good is remembered by a cache of the caller's; the packages load only when it misses.
 */
import type { Position, YamlValue } from '../../config/yaml-source.ts';
import type { Problem } from '../../config/problems.ts';
import { PROPERTIES_SCHEMA } from './properties-schema.ts';
import type { SourceFile } from './source-files.ts';

/** One value per file; positions by JSON pointer behind the file's place in the list: `/0/models/1/name`. */
export interface CheckedYaml {
  readonly value: YamlValue;
  readonly positions: ReadonlyMap<string, Position>;
}

/** Knows a value by the exact text that it came from. Losing an entry costs time and nothing else. */
export interface YamlCache {
  read(text: string): CheckedYaml | undefined;
  write(text: string, checked: CheckedYaml): void;
}

/** Files with mistakes are left out (null); their mistakes go to `problems`. */
export async function checkPropertyFiles(
  files: readonly SourceFile[],
  problems: Problem[],
  cache: YamlCache | undefined,
): Promise<CheckedYaml> {
  if (files.length === 0) return { value: [], positions: new Map() };
  const text = JSON.stringify(files.map((file) => [file.file, file.text]));
  const known = cache?.read(text);
  if (known !== undefined) return known;
  const [{ parseYaml }, { checkSchema }] = await Promise.all([
    import('../../config/yaml-source.ts'),
    import('../../config/schema-check.ts'),
  ]);
  const before = problems.length;
  const positions = new Map<string, Position>();
  const values = files.map((file, index) => {
    const source = parseYaml(file.file, file.text);
    const empty = source.value === null && source.problems.length === 0;
    const mistakes = empty ? [] : [...source.problems, ...checkSchema(source, PROPERTIES_SCHEMA)];
    problems.push(...(source.problems.length > 0 ? source.problems : mistakes));
    for (const [pointer, position] of source.positions) positions.set(`/${String(index)}${pointer}`, position);
    return mistakes.length > 0 ? null : source.value;
  });
  const checked = { value: values, positions };
  if (problems.length === before) cache?.write(text, checked);
  return checked;
}

/** The position of a value, or of the nearest thing around it. */
export function positionIn({ positions }: Pick<CheckedYaml, 'positions'>, pointer: string): Position {
  for (let path = pointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
    const position = positions.get(path);
    if (position !== undefined) return position;
  }
  return { line: 1, column: 1 };
}
