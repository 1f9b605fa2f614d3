/** A Dockerfile as data: the stages with their instructions, arguments put in. Only what our files use is understood; anything else throws. */
import { readFileSync } from 'node:fs';

export interface Instruction {
  readonly keyword: string;
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  /** The name after AS; the last stage has none. */
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

const KEYWORDS: ReadonlySet<string> = new Set(['ENV', 'WORKDIR', 'COPY', 'RUN', 'USER', 'ENTRYPOINT', 'CMD']);

export function readContainerFile(path: string): readonly Stage[] {
  const text = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n/g, ' ');
  const values = new Map<string, string>();
  const stages: { image: string; name: string | null; instructions: Instruction[] }[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, keyword = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (keyword === 'ARG' && stages.length === 0) {
      const [name = '', value = ''] = rest.split('=');
      values.set(name, value);
    } else if (keyword === 'FROM') {
      const [, image = '', name] = /^(\S+)(?: AS (\S+))?$/.exec(filled(rest, values)) ?? [];
      stages.push({ image, name: name ?? null, instructions: [] });
    } else if (KEYWORDS.has(keyword) && stages.length > 0) {
      stages.at(-1)!.instructions.push({ keyword, text: rest });
    } else throw new Error(`${path}: unexpected instruction: ${line}`);
  }
  return stages;
}

function filled(text: string, values: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`the argument ${name} is not set`);
    return value;
  });
}

export interface Copy {
  /** The stage to copy from; null: the build context. */
  readonly from: string | null;
  readonly sources: readonly string[];
  readonly destination: string;
}

export function copyOf({ text }: Instruction): Copy {
  const words = text.split(/\s+/);
  const from = words[0]?.startsWith('--from=') === true ? words.shift()!.slice('--from='.length) : null;
  const destination = words.pop() ?? '';
  return { from, sources: words, destination };
}

/** What a .dockerignore lets through: the last matching pattern decides, a pattern covers everything below it. */
export function ignores(path: string): (file: string) => boolean {
  const rules = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keep: line.startsWith('!'), pattern: globExpression(line.replace(/^!/, '')) }));
  return (file) => {
    const parts = file.split('/');
    const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    let ignored = false;
    for (const { keep, pattern } of rules) if (prefixes.some((prefix) => pattern.test(prefix))) ignored = !keep;
    return ignored;
  };
}

function globExpression(glob: string): RegExp {
  const escaped = glob.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  return new RegExp(`^${escaped}$`);
}

export function matches(glob: string, name: string): boolean {
  return globExpression(glob).test(name);
}
