/**
 * What BigQuery knows of a table and the emulator forgets or never knew: partitions and clusters of tables made by DDL, labels, expiration, policy
 * tags, grants, row access policies. With BigQuery's rules of what a replacement keeps: `create or replace … as` loses policy tags, `… copy` takes
 * everything but the grants from its source, both keep grants, drop row access policies, and refuse other partitions; a drop loses all of it.
 */
import type { TableStorage } from '../../../src/core/relation.ts';
import type {
  FieldSchema,
  IamPolicy,
  TableReference,
  TableResource,
} from '../../../src/adapters/bigquery/rest-types.ts';
import { classify, plainRelation, tokens, unquoted } from '../../../src/adapters/bigquery/sql-text.ts';
import { storageOf } from '../../../src/adapters/bigquery/table-storage.ts';
import { isSameStorage } from '../../../src/transform/sql/table-storage.ts';
import { invalid } from './refusal.ts';

interface Facts {
  /** Partitions, clusters, expiration, labels: as tables.get gives them. */
  readonly resource: Partial<TableResource>;
  /** By column in lower case. */
  readonly tags: ReadonlyMap<string, readonly string[]>;
  readonly grants: IamPolicy;
  readonly rowPolicies: readonly string[];
}

const NOTHING: Facts = { resource: {}, tags: new Map(), grants: {}, rowPolicies: [] };

export class TableFacts {
  readonly #facts = new Map<string, Facts>();

  forget(): void {
    this.#facts.clear();
  }

  /** The emulator behind holds what the other's held. */
  become(other: TableFacts): void {
    this.#facts.clear();
    for (const [table, facts] of other.#facts) this.#facts.set(table, facts);
  }

  /** Before a statement runs: what BigQuery would not do. */
  check(statement: string): void {
    const kind = classify(statement);
    if (kind.kind !== 'create' || !kind.orReplace || kind.what !== 'table') return;
    const present = this.#facts.get(keyOf(kind.relation));
    if (present === undefined) return;
    const found = storageOfFacts(present);
    const wanted =
      kind.copyOf === undefined
        ? storageOfDdl(statement)
        : storageOfFacts(this.#facts.get(keyOf(kind.copyOf)) ?? NOTHING);
    if (found.partitions !== wanted.partitions)
      throw invalid(
        'Cannot replace a table with a different partitioning spec. Instead, DROP the table, and then recreate it.',
      );
    if (!isSameStorage(found, wanted))
      throw invalid(
        'Cannot replace a table with a different clustering spec. Instead, DROP the table, and then recreate it.',
      );
  }

  /** After it ran. */
  note(statement: string): void {
    const kind = classify(statement);
    if (kind.kind === 'drop') this.#facts.delete(keyOf(kind.relation));
    if (kind.kind === 'alter') this.#alter(kind.relation, statement);
    if (kind.kind !== 'create' || kind.what !== 'table') return;
    const key = keyOf(kind.relation);
    const grants = this.#facts.get(key)?.grants ?? {};
    const source = kind.copyOf === undefined ? undefined : (this.#facts.get(keyOf(kind.copyOf)) ?? NOTHING);
    const resource = { ...(source?.resource ?? resourceOfDdl(statement)), ...optionsIn(statement) };
    this.#facts.set(key, { resource, tags: source?.tags ?? new Map(), grants, rowPolicies: [] });
  }

  inserted(table: TableResource): void {
    const { timePartitioning, rangePartitioning, clustering, labels, schema } = table;
    const resource = {
      ...(timePartitioning === undefined ? {} : { timePartitioning }),
      ...(rangePartitioning === undefined ? {} : { rangePartitioning }),
      ...(clustering === undefined ? {} : { clustering }),
      ...(labels === undefined ? {} : { labels }),
    };
    this.#facts.set(keyOfReference(table.tableReference), { ...NOTHING, resource, tags: tagsIn(schema?.fields ?? []) });
  }

  patched(reference: TableReference, change: Partial<TableResource>): void {
    const { labels, expirationTime, clustering, timePartitioning, schema, friendlyName } = change;
    const facts = this.#of(reference);
    const resource = {
      ...facts.resource,
      ...(labels === undefined ? {} : { labels }),
      ...(expirationTime === undefined ? {} : { expirationTime }),
      ...(clustering === undefined ? {} : { clustering }),
      ...(timePartitioning === undefined ? {} : { timePartitioning }),
      ...(friendlyName === undefined ? {} : { friendlyName }),
    };
    const tags = schema === undefined ? facts.tags : tagsIn(schema.fields ?? []);
    this.#facts.set(keyOfReference(reference), { ...facts, resource, tags });
  }

  /** The emulator's word with what it does not know. */
  overlaid(table: TableResource): TableResource {
    const facts = this.#facts.get(keyOfReference(table.tableReference));
    if (facts === undefined || table.type === 'VIEW') return table;
    const fields = (table.schema?.fields ?? []).map((field): FieldSchema => {
      const names = facts.tags.get(field.name.toLowerCase());
      return names === undefined ? field : { ...field, policyTags: { names } };
    });
    const { labels: _, timePartitioning: __, clustering: ___, ...known } = table;
    return { ...known, ...facts.resource, schema: { fields } };
  }

  partitionColumn(relation: string): string | undefined {
    return this.#facts.get(keyOf(relation))?.resource.timePartitioning?.field;
  }

  grants(reference: TableReference): IamPolicy {
    return { etag: 'e', ...this.#of(reference).grants };
  }

  grant(reference: TableReference, grants: IamPolicy): IamPolicy {
    this.#facts.set(keyOfReference(reference), { ...this.#of(reference), grants });
    return grants;
  }

  rowPolicies(reference: TableReference): readonly string[] {
    return this.#of(reference).rowPolicies;
  }

  setRowPolicies(reference: TableReference, rowPolicies: readonly string[]): void {
    this.#facts.set(keyOfReference(reference), { ...this.#of(reference), rowPolicies });
  }

  #of(reference: TableReference): Facts {
    return this.#facts.get(keyOfReference(reference)) ?? NOTHING;
  }

  #alter(relation: string, statement: string): void {
    const key = keyOf(relation);
    const facts = this.#facts.get(key) ?? NOTHING;
    const { expirationTime: _, ...kept } = facts.resource;
    const isFreed = /expiration_timestamp\s*=\s*null/i.test(statement);
    this.#facts.set(key, { ...facts, resource: { ...(isFreed ? kept : facts.resource), ...optionsIn(statement) } });
  }
}

/** One project in tests. */
function keyOf(relation: string): string {
  return plainRelation(relation).split('.').slice(-2).join('.');
}

function keyOfReference({ datasetId, tableId }: TableReference): string {
  return `${datasetId}.${tableId}`;
}

function storageOfFacts({ resource }: Facts): TableStorage {
  return storageOf({ tableReference: { projectId: '', datasetId: '', tableId: '' }, ...resource });
}

function storageOfDdl(statement: string): TableStorage {
  return storageOfFacts({ ...NOTHING, resource: resourceOfDdl(statement) });
}

const HEAD = /^[\s\S]*?(?=\bas\b\s|$)/i;

function resourceOfDdl(statement: string): Partial<TableResource> {
  const head = HEAD.exec(statement)?.[0] ?? '';
  const ranged = /partition by range_bucket\(`?(\w+)`?,\s*generate_array\((-?\d+),\s*(-?\d+),\s*(\d+)\)\)/i.exec(head);
  const truncated = /partition by (?:date|timestamp|datetime)_trunc\(`?(\w+)`?,\s*(\w+)\)/i.exec(head);
  const plain = /partition by `?(\w+)`?\s*(?:$|\n|cluster|options|\sas)/i.exec(head);
  const clusters = /cluster by ([`\w, ]+?)(?:\n|options|$)/i.exec(head)?.[1];
  const [field, type] = truncated === null ? [plain?.[1], 'DAY'] : [truncated[1], truncated[2]?.toUpperCase() ?? 'DAY'];
  return {
    ...(ranged === null || ranged[1] === undefined
      ? {}
      : {
          rangePartitioning: {
            field: ranged[1],
            range: { start: ranged[2] ?? '', end: ranged[3] ?? '', interval: ranged[4] ?? '' },
          },
        }),
    ...(ranged !== null || field === undefined ? {} : { timePartitioning: { type, field } }),
    ...(clusters === undefined
      ? {}
      : { clustering: { fields: clusters.split(',').map((name) => plainRelation(name).trim()) } }),
  };
}

function optionsIn(statement: string): Partial<TableResource> {
  const head = classify(statement).kind === 'create' ? (HEAD.exec(statement)?.[0] ?? '') : statement;
  const expires = /expiration_timestamp\s*=\s*timestamp/i.test(head);
  const words = tokens(head);
  const at = words.findIndex((word, index) => word.toLowerCase() === 'labels' && words[index + 1] === '=');
  const texts = at === -1 ? [] : words.slice(at, words.indexOf(']', at)).filter((word) => /^['"]/.test(word));
  const labels = Object.fromEntries(
    texts.flatMap((text, index) => (index % 2 === 0 ? [[unquoted(text), unquoted(texts[index + 1] ?? "''")]] : [])),
  ) as Record<string, string>;
  return {
    ...(expires ? { expirationTime: String(Date.now() + 86_400_000) } : {}),
    ...(at === -1 ? {} : { labels }),
    ...(/require_partition_filter\s*=\s*true/i.test(head) ? { requirePartitionFilter: true } : {}),
  };
}

function tagsIn(fields: readonly FieldSchema[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    fields.flatMap(({ name, policyTags }) =>
      policyTags?.names === undefined || policyTags.names.length === 0 ? [] : [[name.toLowerCase(), policyTags.names]],
    ),
  );
}
