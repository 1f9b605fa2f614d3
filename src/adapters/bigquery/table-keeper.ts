/**
 * What a table keeps when another one is put in its place by `create or replace table X copy Y` (a full refresh, a rollback, a table with policy
 * tags that is built anew).
 *
 * What BigQuery does (its manual: "CREATE TABLE COPY statement", "Limitations on copying tables", "column-level security", "row-level security"): the
 * copy carries data, schema, policy tags, partitions, clusters and options of the *source*; grants on the replaced table itself stay; row access policies
 * are dropped; and a table with other partitions or clusters cannot be replaced at all, so it is dropped first, and its grants with it.
 *
 *   before the script   what X has and Y lacks goes onto Y: description, labels, expiration, clusters, descriptions and policy tags of columns. So
 *                       there is no moment in which readers see X without its tags. Row access policies: refused, since without them
 *                       everybody would see every row.
 *   the script          replaces X; `drop table X` comes before where it must
 *   after the script    grants and policy tags of X are read again; what is missing is put back
 *
 * If the process dies in between, a table that was replaced has all but the grants of the dropped case; `docs/bigquery-tables.md` says so.
 */
import { SluiceError } from '../../core/errors.ts';
import { isSameStorage } from '../../transform/sql/table-storage.ts';
import { isAbsent, toApiFailure } from './api-failure.ts';
import { tableReference } from './emulator.ts';
import { toSluiceError } from './failures.ts';
import type { JobRunner } from './job-runner.ts';
import type { ScriptStep } from './publish-script.ts';
import { nameOf } from './raw-schema.ts';
import type { FieldSchema, IamPolicy, TableReference, TableResource } from './rest-types.ts';
import { classify, plainRelation } from './sql-text.ts';
import { describingPatch, type TableDescription } from './table-descriptions.ts';
import { storageOf } from './table-storage.ts';
import { withRetries } from './with-retries.ts';

interface Replaced {
  /** As the statement writes it. */
  readonly relation: string;
  readonly reference: TableReference;
  /** null: they may not be read by this identity, so nothing can be compared; BigQuery keeps them unless the table is dropped. */
  readonly grants: IamPolicy | null;
  readonly tagged: readonly FieldSchema[];
  readonly isDropped: boolean;
}

export class TableKeeper {
  readonly #runner: JobRunner;

  constructor(runner: JobRunner) {
    this.#runner = runner;
  }

  /** The steps to run, and what has to be looked at afterwards. */
  async prepare(
    steps: readonly ScriptStep[],
    descriptions: readonly TableDescription[],
  ): Promise<{ readonly steps: readonly ScriptStep[]; readonly replaced: readonly Replaced[] }> {
    const replaced: Replaced[] = [];
    for (const { sql } of steps) {
      const statement = classify(sql);
      if (statement.kind !== 'create' || !statement.orReplace || statement.copyOf === undefined) continue;
      const { relation, copyOf } = statement;
      const described = descriptions.find((one) => plainRelation(one.relation) === plainRelation(relation));
      const found = await this.#prepareOne(relation, copyOf, described);
      if (found !== undefined) replaced.push(found);
    }
    const dropped = new Set(replaced.filter(({ isDropped }) => isDropped).map(({ relation }) => relation));
    const withDrops = steps.flatMap((step): readonly ScriptStep[] => {
      const statement = classify(step.sql);
      const isFirst = statement.kind === 'create' && statement.copyOf !== undefined && dropped.has(statement.relation);
      return isFirst ? [{ sql: `drop table if exists ${statement.relation}`, role: 'change' }, step] : [step];
    });
    return { steps: withDrops, replaced };
  }

  async #prepareOne(
    relation: string,
    copyOf: string,
    described: TableDescription | undefined,
  ): Promise<Replaced | undefined> {
    const reference = tableReference(relation, this.#runner.api.project);
    const source = tableReference(copyOf, this.#runner.api.project);
    const [before, copy] = await Promise.all([this.find(reference), this.find(source)]);
    // Made by the script itself: there is nothing that could be prepared.
    if (copy === undefined) return undefined;
    const isTable = before !== undefined && (before.type ?? 'TABLE') === 'TABLE';
    const dressed = isTable ? { ...copy, ...keptPatch(before, copy) } : copy;
    const patch = {
      ...(isTable ? keptPatch(before, copy) : {}),
      ...(described ? describingPatch(dressed, described) : {}),
    };
    if (Object.keys(patch).length > 0) await this.patch(source, patch);
    if (!isTable) return undefined;
    await this.#refuseRowPolicies(reference);
    return {
      relation,
      reference,
      grants: await this.#grants(reference),
      tagged: taggedFields((patch.schema ?? copy.schema)?.fields ?? []),
      isDropped: !isSameStorage(storageOf(before), storageOf({ ...copy, ...patch })),
    };
  }

  /** Puts back what the replacement lost. */
  async restore(replaced: readonly Replaced[]): Promise<void> {
    for (const { reference, grants, tagged } of replaced) {
      if (tagged.length > 0) await this.tag(reference, tagged);
      if (grants === null || (grants.bindings ?? []).length === 0) continue;
      const now = await this.#grants(reference);
      if (now === null || isSame(now.bindings, grants.bindings)) continue;
      await this.#grantAgain(reference, grants, now);
    }
  }

  /** Sets policy tags of columns where they are not so yet. */
  async tag(reference: TableReference, tagged: readonly FieldSchema[]): Promise<void> {
    const table = await this.find(reference);
    if (table === undefined) return;
    const wanted = new Map(tagged.map((field) => [field.name.toLowerCase(), field]));
    const fields = (table.schema?.fields ?? []).map((field) => {
      const names = wanted.get(field.name.toLowerCase())?.policyTags?.names;
      return names === undefined || isSame(names, field.policyTags?.names)
        ? field
        : { ...field, policyTags: { names } };
    });
    if (fields.some((field, index) => field !== table.schema?.fields?.[index]))
      await this.patch(reference, { schema: { fields } });
  }

  async find(reference: TableReference): Promise<TableResource | undefined> {
    try {
      return await withRetries(() => this.#runner.api.getTable(reference), this.#runner);
    } catch (error) {
      if (isAbsent(toApiFailure(error))) return undefined;
      throw this.#failed(error, `look up ${nameOf(reference)}`);
    }
  }

  async patch(reference: TableReference, change: Partial<TableResource>): Promise<void> {
    try {
      await withRetries(() => this.#runner.api.patchTable(reference, change), this.#runner);
    } catch (error) {
      throw this.#failed(error, `set ${Object.keys(change).join(', ')} of ${nameOf(reference)}`);
    }
  }

  async #grants(reference: TableReference): Promise<IamPolicy | null> {
    try {
      return await withRetries(() => this.#runner.api.getIamPolicy(reference), this.#runner);
    } catch (error) {
      if (toApiFailure(error).status === 403) return null;
      throw this.#failed(error, `read the grants on ${nameOf(reference)}`);
    }
  }

  async #grantAgain(reference: TableReference, grants: IamPolicy, now: IamPolicy): Promise<void> {
    const { bindings = [], version } = grants;
    const { etag } = now;
    const policy = { bindings, ...(version === undefined ? {} : { version }), ...(etag === undefined ? {} : { etag }) };
    try {
      await withRetries(() => this.#runner.api.setIamPolicy(reference, policy), this.#runner);
    } catch (error) {
      const lost = bindings.map(({ role, members }) => `${role ?? '?'} to ${(members ?? []).join(', ')}`).join('; ');
      throw new SluiceError(
        'warehouse_denied',
        `${nameOf(reference)} was replaced, and its own grants could not be put back: ${lost} (${toApiFailure(error).message})`,
        {
          hint: 'Grant them again by hand, and give the identity that sluice runs as roles/bigquery.dataOwner on the dataset (bigquery.tables.setIamPolicy).',
          cause: error,
        },
      );
    }
  }

  async #refuseRowPolicies(reference: TableReference): Promise<void> {
    let names: readonly string[];
    try {
      const found = await withRetries(() => this.#runner.api.rowAccessPolicies(reference), this.#runner);
      names = (found.rowAccessPolicies ?? []).map(
        ({ rowAccessPolicyReference }) => rowAccessPolicyReference?.policyId ?? '?',
      );
    } catch (error) {
      const { status } = toApiFailure(error);
      // Who may not list them cannot keep them either; BigQuery then refuses the copy itself.
      if (status === 403 || status === 404) return;
      throw this.#failed(error, `list the row access policies of ${nameOf(reference)}`);
    }
    if (names.length === 0) return;
    throw new SluiceError(
      'table_changed',
      `${nameOf(reference)} has row access policies (${names.join(', ')}); replacing the table would drop them and show every row to every reader, so it is left alone.`,
      { hint: 'Put the policies on a view or a table of your own over it, drop them here, then run again.' },
    );
  }

  #failed(error: unknown, what: string): SluiceError {
    if (error instanceof SluiceError) return error;
    const failure = toApiFailure(error);
    const { project, location } = this.#runner.api;
    return toSluiceError(failure, { what, otherwise: 'warehouse_failed', project, location }, failure);
  }
}

/** What `before` has and `copy` lacks. The copy's own word counts more: it is what the project says now. */
function keptPatch(before: TableResource, copy: TableResource): Partial<TableResource> {
  const labels = { ...before.labels, ...copy.labels };
  const fields = keptFields(before.schema?.fields ?? [], copy.schema?.fields ?? []);
  const missing = (text: string | undefined): boolean => text === undefined || text === '';
  const columns = new Set(fields.map(({ name }) => name.toLowerCase()));
  const clusters = before.clustering?.fields ?? [];
  const keepsClusters =
    copy.clustering === undefined && clusters.length > 0 && clusters.every((name) => columns.has(name.toLowerCase()));
  const expiration = before.timePartitioning?.expirationMs;
  return {
    ...(missing(copy.description) && !missing(before.description) ? { description: before.description ?? '' } : {}),
    ...(missing(copy.friendlyName) && !missing(before.friendlyName) ? { friendlyName: before.friendlyName ?? '' } : {}),
    ...(isSame(labels, copy.labels ?? {}) ? {} : { labels }),
    ...(copy.expirationTime === undefined && before.expirationTime !== undefined
      ? { expirationTime: before.expirationTime }
      : {}),
    ...(copy.timePartitioning !== undefined &&
    copy.timePartitioning.expirationMs === undefined &&
    expiration !== undefined
      ? { timePartitioning: { ...copy.timePartitioning, expirationMs: expiration } }
      : {}),
    ...(keepsClusters ? { clustering: { fields: clusters } } : {}),
    ...(fields.some((field, index) => field !== copy.schema?.fields?.[index]) ? { schema: { fields } } : {}),
  };
}

/** The copy's columns with what the old ones of the same names said of them, down into records. */
function keptFields(before: readonly FieldSchema[], copy: readonly FieldSchema[]): readonly FieldSchema[] {
  const known = new Map(before.map((field) => [field.name.toLowerCase(), field]));
  return copy.map((field) => {
    const old = known.get(field.name.toLowerCase());
    if (old === undefined) return field;
    const inner = keptFields(old.fields ?? [], field.fields ?? []);
    const kept: FieldSchema = {
      ...field,
      ...(field.description === undefined || field.description === '' ? described(old) : {}),
      ...((field.policyTags?.names ?? []).length === 0 ? tagsOf(old) : {}),
      ...(inner.some((one, index) => one !== field.fields?.[index]) ? { fields: inner } : {}),
    };
    return isSame(kept, field) ? field : kept;
  });
}

function described({ description }: FieldSchema): Pick<FieldSchema, 'description'> {
  return description === undefined || description === '' ? {} : { description };
}

function tagsOf({ policyTags }: FieldSchema): Pick<FieldSchema, 'policyTags'> {
  return policyTags?.names === undefined || policyTags.names.length === 0 ? {} : { policyTags };
}

function taggedFields(fields: readonly FieldSchema[]): readonly FieldSchema[] {
  return fields.filter(({ policyTags }) => (policyTags?.names ?? []).length > 0);
}

/** As JSON with sorted members: the API gives them in any order. */
function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
