/** The documentation as tests see it: its code blocks, and the `sluice` command lines in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './sluice-command.ts';

export interface CodeBlock {
  readonly file: string;
  /** After the fence: `yaml`, `ts`, `sql`, or nothing. */
  readonly language: string;
  readonly text: string;
}

/** Paths relative to the repository. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'scaffold/README.md',
  ...readdirSync(join(REPOSITORY, 'docs')).map((name) => `docs/${name}`),
];

export function textOf(file: string): string {
  return readFileSync(join(REPOSITORY, file), 'utf8');
}

export function blocksOf(file: string): readonly CodeBlock[] {
  const blocks = textOf(file).matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm);
  return Array.from(blocks, ([, language = '', text = '']) => ({ file, language, text: text.replaceAll('\\\n', ' ') }));
}

/** What stands behind `npx sluice`, in blocks without a language and in inline code. */
export function commandLines(file: string): readonly string[] {
  const inBlocks = blocksOf(file)
    .filter(({ language }) => language === '' || language === 'sh')
    .flatMap(({ text }) => text.split('\n'))
    .map((line) => /(?:^|npx )(?:sluice|node jobs\/\w+\.ts) (.*)$/.exec(line)?.[0] ?? '');
  const inline = Array.from(textOf(file).matchAll(/`((?:npx )?sluice [^`]*)`/g), ([, line = '']) => line);
  return [...inBlocks, ...inline]
    .map((line) => line.replace(/^npx /, ''))
    .filter((line) => line.startsWith('sluice '))
    .map((line) => line.slice('sluice '.length));
}

/** A shell's words, as far as the documents use them: quotes, a comment, a redirection, what follows `&&`. */
export function words(line: string): readonly string[] {
  const tokens = line.match(/"[^"]*"|'[^']*'|&&|>>?|2>>?|#|[^\s"'#]+/g) ?? [];
  const end = tokens.findIndex((token) => /^(?:#|&&|\d?>>?)$/.test(token));
  return (end === -1 ? tokens : tokens.slice(0, end)).map((token) => token.replace(/^(["'])(.*)\1$/s, '$2'));
}
