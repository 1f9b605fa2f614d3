/**
 * Text with `{{ env_var('NAME', 'default') }}` in it: the only expressions that project.yml knows are `env_var` and literals, with
 * dbt's filters `as_number`, `as_bool`, `as_text`. It is read when the file is loaded (so that mistakes show at once) and evaluated
 * when the section is used (so that a variable is needed only by a command that uses it).
 */
import { SluiceError } from '../core/errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;

interface EnvPart {
  readonly name: string;
  readonly fallback: string | undefined;
}

export type Expression = readonly (string | EnvPart)[];

export function hasExpression(text: string): boolean {
  return text.includes('{{') || text.includes('{%');
}

const TAG = /\{\{(.*?)\}\}/gs;
const STRING = String.raw`'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"`;
const FILTER = String.raw`(?:\s*\|\s*(?:as_number|as_bool|as_text|as_native|int|string|trim))*`;
const CALL = new RegExp(
  String.raw`^\s*env_var\s*\(\s*(${STRING})\s*(?:,\s*(${STRING}|-?\d+(?:\.\d+)?|true|false)\s*)?,?\s*\)${FILTER}\s*$`,
  's',
);
const LITERAL = new RegExp(String.raw`^\s*(${STRING}|-?\d+(?:\.\d+)?|true|false)${FILTER}\s*$`, 's');

/** The parts of the text, or what is wrong with it. */
export function parseExpression(text: string): Expression | { readonly error: string } {
  if (text.includes('{%')) return { error: `"{%" is not read here, only {{ env_var('NAME', 'default') }}` };
  const parts: (string | EnvPart)[] = [];
  let end = 0;
  for (const match of text.matchAll(TAG)) {
    parts.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const part = parseTag(match[1] ?? '');
    if (part === undefined)
      return { error: `cannot read ${match[0]}, expected {{ env_var('NAME') }} or {{ env_var('NAME', 'default') }}` };
    parts.push(part);
  }
  const rest = text.slice(end);
  if (rest.includes('{{')) return { error: '"{{" is not closed by "}}"' };
  parts.push(rest);
  return parts.filter((part) => part !== '');
}

function parseTag(body: string): string | EnvPart | undefined {
  const call = CALL.exec(body);
  if (call?.[1] !== undefined)
    return { name: unquote(call[1]), fallback: call[2] === undefined ? undefined : unquote(call[2]) };
  const literal = LITERAL.exec(body);
  return literal?.[1] === undefined ? undefined : unquote(literal[1]);
}

function unquote(text: string): string {
  const quote = text[0];
  if (quote !== "'" && quote !== '"') return text;
  return text
    .slice(1, -1)
    .replaceAll(/\\(.)/gs, (_, char: string) => (char === 'n' ? '\n' : char === 't' ? '\t' : char));
}

/** The text with its variables filled in; `where` names the place in messages. An empty variable counts as not set. */
export function evaluateText(text: string, env: Env, where: string): string {
  if (!hasExpression(text)) return text;
  const parts = parseExpression(text);
  if ('error' in parts) throw new SluiceError('config_invalid', `${where}: ${parts.error}`);
  return parts.map((part) => (typeof part === 'string' ? part : lookUp(part, env, where))).join('');
}

function lookUp(part: EnvPart, env: Env, where: string): string {
  const value = env[part.name];
  if (value !== undefined && value !== '') return value;
  if (part.fallback !== undefined) return part.fallback;
  throw missingVariable(part.name, where);
}

export function missingVariable(name: string, where: string): SluiceError {
  return new SluiceError('env_missing', `${where} needs the environment variable ${name}, which is not set`, {
    hint: `Set it, for example: export ${name}=…`,
    details: { variable: name },
  });
}

/** Names of the variables in a text, for `debug`. */
export function variablesOf(text: string): readonly string[] {
  const parts = hasExpression(text) ? parseExpression(text) : [];
  return 'error' in parts ? [] : parts.flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
}
