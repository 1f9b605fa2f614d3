/** dbt's selector text: `+tag:daily,config.materialized:incremental+2` read into data. */

export interface Criterion {
  /** As written, for messages. */
  readonly text: string;
  readonly method: string;
  readonly value: string;
  /** `@`: descendants and everything that those need. */
  readonly childrensParents: boolean;
  /** Steps upstream and downstream; 0: none. */
  readonly parents: number;
  readonly children: number;
}

/** Union of intersections. */
export type Selector = readonly (readonly Criterion[])[];

const FORM = /^(@)?(?:(\d*)(\+))?(?:([\w.]+):)?(.*?)(?:(\+)(\d*))?$/s;

export function parseSelector(texts: readonly string[]): Selector {
  const unions = texts.flatMap((text) => text.split(/\s+/)).filter((text) => text !== '');
  return unions.map((union) =>
    union
      .split(',')
      .filter((part) => part !== '')
      .map(parseCriterion),
  );
}

function parseCriterion(text: string): Criterion {
  const match = FORM.exec(text);
  const [, at, parentsDepth, parents, method, value = '', children, childrenDepth] = match ?? [];
  return {
    text,
    method: method ?? defaultMethod(value),
    value,
    childrensParents: at !== undefined,
    parents: depth(parents, parentsDepth),
    children: depth(children, childrenDepth),
  };
}

function depth(plus: string | undefined, steps: string | undefined): number {
  if (plus === undefined) return 0;
  return steps === undefined || steps === '' ? Number.POSITIVE_INFINITY : Number(steps);
}

function defaultMethod(value: string): string {
  if (value.includes('/')) return 'path';
  return /\.(?:sql|csv|ya?ml)$/i.test(value) ? 'file' : 'fqn';
}

/** Shell wildcards (`*`, `?`, `[abc]`) over the whole text. */
export function wildcard(pattern: string): (text: string) => boolean {
  if (!/[*?[]/.test(pattern)) return (text) => text === pattern;
  const source = pattern.replaceAll(
    /\[(!?)([^\]]*)\]|[*?]|[.+^${}()|\\[\]]/g,
    (token, not: string, set: string | undefined) => {
      if (token === '*') return '.*';
      if (token === '?') return '.';
      return set === undefined ? `\\${token}` : `[${not === '' ? '' : '^'}${set.replaceAll('\\', '\\\\')}]`;
    },
  );
  const expression = new RegExp(`^${source}$`, 's');
  return (text) => expression.test(text);
}
