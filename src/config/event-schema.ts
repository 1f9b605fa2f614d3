/** The JSON Schema of an event as a job writes it, and the TypeScript type that follows from it. */
import type { SqlType } from '../core/job.ts';

export type JsonTypeName = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'null';

/** Any JSON Schema keyword may stand here; these are the ones that sluice itself reads. */
export interface PropertySchema {
  readonly type?: JsonTypeName | readonly JsonTypeName[];
  readonly format?: string;
  readonly enum?: readonly (string | number | boolean | null)[];
  readonly const?: string | number | boolean | null;
  /** The column's type in the warehouse; derived from `type` and `format` when absent. */
  readonly sqlType?: SqlType;
  /** The column's name; the field's name when absent. */
  readonly column?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, PropertySchema>>;
  readonly required?: readonly string[];
  readonly items?: PropertySchema;
  readonly [keyword: string]: unknown;
}

export interface EventSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

/** Names of an event's fields. */
export type FieldOf<S extends EventSchema> = Extract<keyof S['properties'], string>;

/** `EventOf<typeof schema>`: the type of one event value. Integers beyond 2^53 are exact in the tables, but not in this type. */
export type EventOf<S extends EventSchema> = ObjectOf<S>;

type ObjectOf<S> = S extends { readonly properties: infer P }
  ? { readonly [K in Extract<keyof P, RequiredOf<S>>]: ValueOf<P[K]> } & {
      readonly [K in Exclude<keyof P, RequiredOf<S>>]?: ValueOf<P[K]>;
    }
  : Readonly<Record<string, unknown>>;

type RequiredOf<S> = S extends { readonly required: readonly (infer R)[] } ? R : never;

type ValueOf<P> = P extends { readonly const: infer C }
  ? C
  : P extends { readonly enum: readonly (infer E)[] }
    ? E
    : P extends { readonly type: readonly (infer T)[] }
      ? OneType<T, P>
      : P extends { readonly type: infer T }
        ? OneType<T, P>
        : unknown;

type OneType<T, P> = T extends 'string'
  ? string
  : T extends 'integer' | 'number'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends 'null'
        ? null
        : T extends 'array'
          ? readonly (P extends { readonly items: infer I } ? ValueOf<I> : unknown)[]
          : T extends 'object'
            ? ObjectOf<P>
            : unknown;
