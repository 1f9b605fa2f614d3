/** Renders a node while the project is read, to see what it refers to and how it configures itself. Nothing exists yet. */
import type { RelationName } from '../../core/relation.ts';
import { RelationValue } from './context/relation-value.ts';
import type { NodeScope } from './context/scope.ts';
import {
  compileTemplate,
  fromPlain,
  toPlain,
  type CompiledTemplate,
  type PlainValue,
  type Value,
} from './jinja/index.ts';
import { noChanges, type Renderer } from './renderer.ts';

export interface Reference {
  readonly packageName: string | null;
  readonly name: string;
  readonly line: number | null;
}

export interface SourceReference {
  readonly source: string;
  readonly table: string;
  readonly line: number | null;
}

export interface Captured {
  readonly refs: readonly Reference[];
  readonly sources: readonly SourceReference[];
  /** What `config()` calls said, later ones over earlier ones. */
  readonly config: Readonly<Record<string, PlainValue>>;
  /** Where the first `config()` stands. */
  readonly configLine: number | null;
}

export interface CaptureSubject {
  readonly id: string;
  readonly name: string;
  /** Settings from YAML, which `config.get` sees too. */
  readonly settings: ReadonlyMap<string, { readonly value: unknown }>;
  readonly self: RelationName | null;
}

export class Capture {
  readonly #renderer: Renderer;
  readonly #subject: CaptureSubject;
  readonly #refs: Reference[] = [];
  readonly #sources: SourceReference[] = [];
  readonly #config = new Map<string, Value>();
  #configLine: number | null = null;

  constructor(renderer: Renderer, subject: CaptureSubject) {
    this.#renderer = renderer;
    this.#subject = subject;
  }

  /** What stands in the text counts too, also where this rendering did not come by (`is_incremental()` is false here). */
  template(template: CompiledTemplate): this {
    for (const call of template.calls) {
      if (call.name === 'config' && call.macro === null) this.#configLine ??= call.line;
      if (call.dynamic || !call.args.every((arg) => typeof arg === 'string')) continue;
      const [first, second] = call.args;
      if (call.name === 'ref' && first !== undefined) {
        this.#refs.push({ packageName: second === undefined ? null : first, name: second ?? first, line: call.line });
      }
      if (call.name === 'source' && first !== undefined && second !== undefined) {
        this.#sources.push({ source: first, table: second, line: call.line });
      }
    }
    this.#renderer.render(template, this.scope());
    return this;
  }

  /** Hooks refer to models too. */
  hooks(file: string, texts: readonly string[]): this {
    for (const text of texts) this.template(compileTemplate({ name: file, text }));
    return this;
  }

  result(): Captured {
    const key = (parts: readonly (string | null)[]): string => JSON.stringify(parts);
    const refs = new Map(this.#refs.toReversed().map((ref) => [key([ref.packageName, ref.name]), ref]));
    const sources = new Map(this.#sources.toReversed().map((found) => [key([found.source, found.table]), found]));
    return {
      refs: [...refs.values()].reverse(),
      sources: [...sources.values()].reverse(),
      config: Object.fromEntries(Array.from(this.#config, ([name, value]) => [name, toPlain(value)])),
      configLine: this.#configLine,
    };
  }

  scope(): NodeScope {
    const { dialect, target, environment } = this.#renderer;
    const relation = (schema: string, name: string): Value =>
      new RelationValue(
        { ...(target.database === undefined ? {} : { database: target.database }), schema, name },
        dialect,
      );
    return {
      node: this.#subject,
      execute: false,
      effects: null,
      map: (name) => name,
      ref: (packageName, name) => {
        this.#refs.push({ packageName, name, line: null });
        return relation(target.schema, name);
      },
      source: (source, table) => {
        this.#sources.push({ source, table, line: null });
        return relation(source, table);
      },
      config: (settings) => {
        for (const [name, value] of settings) this.#config.set(name, value);
      },
      setting: (name) => this.#config.get(name) ?? this.#settingFromYaml(name),
      self: this.#subject.self === null ? undefined : new RelationValue(this.#subject.self, dialect),
      isIncremental: false,
      changes: noChanges(environment),
      model: () => fromPlain({ name: this.#subject.name, unique_id: this.#subject.id }),
    };
  }

  #settingFromYaml(name: string): Value | undefined {
    const setting = this.#subject.settings.get(name);
    return setting === undefined ? undefined : fromPlain(setting.value);
  }
}
