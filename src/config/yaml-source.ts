/**
 * YAML text -> plain data plus the place of every value. The traps of YAML are closed here (RELIABILITY.md S04): size, depth and the
 * number of nodes *after* aliases are limited before anything walks the data, duplicate keys, custom tags and `__proto__` are
 * mistakes, and numbers that JavaScript cannot hold exactly must be quoted.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type { Problem } from './problems.ts';

export type YamlValue = string | number | boolean | null | readonly YamlValue[] | { readonly [key: string]: YamlValue };

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface YamlSource {
  readonly file: string;
  readonly value: YamlValue;
  /** Positions by JSON pointer; a map entry's position is that of its key. */
  readonly positions: ReadonlyMap<string, Position>;
  readonly problems: readonly Problem[];
}

/** No configuration written by people comes near these; a bomb passes them at once. */
export const YAML_LIMITS = { maxBytes: 1_000_000, maxDepth: 32, maxNodes: 50_000 } as const;

export function pointerOf(parent: string, key: string | number): string {
  return `${parent}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** `/targets/dev/brokers/0` -> `targets.dev.brokers[0]`. */
export function readablePath(pointer: string): string {
  let text = '';
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (/^\d+$/.test(key)) text += `[${key}]`;
    else text += text === '' ? key : `.${key}`;
  }
  return text;
}

/** The position of a value, or of the nearest thing around it. */
export function positionOf(source: Pick<YamlSource, 'positions'>, pointer: string): Position {
  for (let path = pointer; path !== ''; path = path.slice(0, path.lastIndexOf('/'))) {
    const position = source.positions.get(path);
    if (position !== undefined) return position;
  }
  return { line: 1, column: 1 };
}

export function parseYaml(file: string, text: string): YamlSource {
  const bytes = Buffer.byteLength(text);
  if (bytes > YAML_LIMITS.maxBytes) {
    const message = `the file has ${bytes} bytes, expected at most ${YAML_LIMITS.maxBytes}`;
    return { file, value: null, positions: new Map(), problems: [{ file, path: '', message }] };
  }
  const deep = tooDeep(text);
  if (deep !== undefined) {
    const message = `nested deeper than ${YAML_LIMITS.maxDepth} levels`;
    return { file, value: null, positions: new Map(), problems: [{ file, path: '', message, ...deep }] };
  }
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    schema: 'core',
    uniqueKeys: true,
    strict: true,
    logLevel: 'silent',
    prettyErrors: false,
  });
  const problems: Problem[] = [...document.errors, ...document.warnings].map((error) => ({
    file,
    ...place(counter, error.pos[0]),
    path: '',
    message: yamlMessage(error.message),
  }));
  if (problems.length > 0) return { file, value: null, positions: new Map(), problems };
  return new Walker(file, document, counter).run();
}

/** Brackets nest without indentation; the parser itself would recurse into them, so they are counted before it sees them. */
function tooDeep(text: string): Position | undefined {
  let depth = 0;
  let line = 1;
  let lineStart = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text[index];
    if (char === '\n') {
      line++;
      lineStart = index + 1;
    } else if (char === '[' || char === '{') {
      if (++depth > YAML_LIMITS.maxDepth * 4) return { line, column: index - lineStart + 1 };
    } else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
  }
  return undefined;
}

function place(counter: LineCounter, offset: number): Position {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function yamlMessage(message: string): string {
  if (message.startsWith('Map keys must be unique')) return 'this key stands twice in the same map';
  if (message.startsWith('Unresolved tag')) return `custom tags are not read (${message})`;
  return `not valid YAML: ${message}`;
}

class Walker {
  readonly #file: string;
  readonly #document: Document.Parsed;
  readonly #counter: LineCounter;
  readonly #positions = new Map<string, Position>();
  readonly #problems: Problem[] = [];
  #nodes = 0;

  constructor(file: string, document: Document.Parsed, counter: LineCounter) {
    this.#file = file;
    this.#document = document;
    this.#counter = counter;
  }

  run(): YamlSource {
    const value = this.#walk(this.#document.contents, '', 0);
    return { file: this.#file, value, positions: this.#positions, problems: this.#problems };
  }

  #walk(node: Node | null, pointer: string, depth: number): YamlValue {
    this.#nodes++;
    if (this.#nodes > YAML_LIMITS.maxNodes)
      return this.#refuse(
        node,
        pointer,
        `more than ${YAML_LIMITS.maxNodes} values, aliases counted as what they stand for`,
      );
    if (depth > YAML_LIMITS.maxDepth)
      return this.#refuse(node, pointer, `nested deeper than ${YAML_LIMITS.maxDepth} levels`);
    if (isAlias(node)) return this.#walk(node.resolve(this.#document) ?? null, pointer, depth + 1);
    if (isMap(node)) return this.#map(node, pointer, depth);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const child = pointerOf(pointer, index);
        this.#mark(child, item as Node | null);
        return this.#full() ? null : this.#walk(item as Node | null, child, depth + 1);
      });
    }
    return isScalar(node) ? this.#scalar(node.value, node, pointer) : null;
  }

  #map(map: YAMLMap, pointer: string, depth: number): YamlValue {
    const result: Record<string, YamlValue> = {};
    // `<<` first: what stands in the map itself wins over what is merged into it.
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      if (keyText(pair.key) === '<<') this.#merge(result, pair.value, pointer, depth);
    }
    for (const pair of map.items as Pair<Node | null, Node | null>[]) {
      if (this.#full()) break;
      const key = keyText(pair.key);
      if (key === '<<') continue;
      if (key === undefined || key === '__proto__') {
        this.#refuse(
          pair.key,
          pointer,
          key === undefined ? 'a key must be plain text' : 'the key "__proto__" is not allowed',
        );
        continue;
      }
      const child = pointerOf(pointer, key);
      this.#mark(child, pair.key);
      result[key] = this.#walk(pair.value, child, depth + 1);
    }
    return result;
  }

  #merge(into: Record<string, YamlValue>, value: Node | null, pointer: string, depth: number): void {
    const parts = isSeq(value) ? (value.items as Node[]) : [value];
    for (const part of parts) {
      const merged = this.#walk(part, pointer, depth + 1);
      if (merged === null || typeof merged !== 'object' || Array.isArray(merged)) {
        this.#refuse(value, pointer, '"<<" takes a map or a list of maps');
        return;
      }
      for (const [key, inner] of Object.entries(merged)) if (!Object.hasOwn(into, key)) into[key] = inner;
    }
  }

  #scalar(value: unknown, node: Node, pointer: string): YamlValue {
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      const exact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
      return exact ? value : this.#refuse(node, pointer, 'this number cannot be held exactly; put it in quotes');
    }
    return null;
  }

  #full(): boolean {
    return this.#nodes > YAML_LIMITS.maxNodes;
  }

  #mark(pointer: string, node: Node | null): void {
    const offset = node?.range?.[0];
    if (offset !== undefined) this.#positions.set(pointer, place(this.#counter, offset));
  }

  #refuse(node: Node | null, pointer: string, message: string): null {
    const offset = node?.range?.[0];
    const position =
      offset === undefined ? positionOf({ positions: this.#positions }, pointer) : place(this.#counter, offset);
    this.#problems.push({ file: this.#file, ...position, path: readablePath(pointer), message });
    return null;
  }
}

function keyText(key: Node | null): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === 'string' || typeof key.value === 'number' || typeof key.value === 'boolean'
    ? String(key.value)
    : undefined;
}
