/** Creates the raw dataset and tables, adds columns that a newer sluice knows, and refuses tables that somebody changed by hand. */
import { SluiceError } from '../../core/errors.ts';
import { isAbsent, toApiFailure, type ApiFailure } from './api-failure.ts';
import type { EmulatorBridge } from './emulator.ts';
import { toSluiceError, type FailureContext } from './failures.ts';
import type { JobRunner } from './job-runner.ts';
import { compareTable } from './raw-tables.ts';
import type { FieldSchema, TableReference, TableResource } from './rest-types.ts';
import { quoteName, quoteRelation } from './sql-text.ts';
import { typeName } from './values.ts';
import { withRetries } from './with-retries.ts';

export interface RawSchemaOptions {
  readonly runner: JobRunner;
  readonly dataset: string;
  /** Set on the emulator, where adding a column by REST does nothing. */
  readonly bridge: EmulatorBridge | undefined;
}

export class RawSchema {
  readonly #options: RawSchemaOptions;

  constructor(options: RawSchemaOptions) {
    this.#options = options;
  }

  /**
   * The tables as they are after this call, in the order of `expected`. One request per table when nothing is to be done. `heal`: the
   * command that mends a table which differs; null: what differs does not matter. `before` hears what was there before anything is made.
   */
  async ensure(
    expected: readonly TableResource[],
    heal: string | null,
    before: (found: readonly (TableResource | undefined)[]) => Promise<void>,
  ): Promise<readonly TableResource[]> {
    const found = await Promise.all(expected.map((table) => this.find(table.tableReference)));
    await before(found);
    if (found.includes(undefined)) await this.#ensureDataset();
    return Promise.all(
      expected.map((table, index) => {
        const present = found[index];
        if (present === undefined) return this.create(table);
        return heal === null ? Promise.resolve(present) : this.#complete(table, present, heal);
      }),
    );
  }

  async find(reference: TableReference): Promise<TableResource | undefined> {
    try {
      const table = await withRetries(() => this.#options.runner.api.getTable(reference), this.#options.runner);
      this.#assertLocation(table.location, `table ${nameOf(reference)}`);
      return table;
    } catch (error) {
      if (isAbsent(toApiFailure(error))) return undefined;
      throw this.#failed(error, `look up ${nameOf(reference)}`);
    }
  }

  async create(table: TableResource): Promise<TableResource> {
    const { api } = this.#options.runner;
    await this.#options.runner.assertLease();
    try {
      return await withRetries(() => api.insertTable(table), this.#options.runner);
    } catch (error) {
      // Our own first try arrived, or another run was faster.
      if (toApiFailure(error).status !== 409) throw this.#failed(error, `create ${nameOf(table.tableReference)}`);
      const found = await this.find(table.tableReference);
      if (found === undefined) throw this.#failed(error, `create ${nameOf(table.tableReference)}`);
      return found;
    }
  }

  async #complete(expected: TableResource, found: TableResource, heal: string): Promise<TableResource> {
    const { missing, changed } = compareTable(expected, found);
    const name = nameOf(expected.tableReference);
    if (changed.length > 0) {
      throw new SluiceError('table_changed', `${name} is not as sluice created it: ${changed.join('; ')}.`, {
        hint: `Change it back, or rebuild it from landing: ${heal}`,
        details: { table: name },
      });
    }
    if (missing.length === 0) return found;
    return this.#addColumns(found, missing);
  }

  async #addColumns(table: TableResource, missing: readonly FieldSchema[]): Promise<TableResource> {
    const { runner, bridge } = this.#options;
    const { tableReference } = table;
    await runner.assertLease();
    if (bridge !== undefined) {
      const relation = quoteRelation({
        database: tableReference.projectId,
        schema: tableReference.datasetId,
        name: tableReference.tableId,
      });
      for (const field of missing)
        await bridge.execute(`alter table ${relation} add column ${quoteName(field.name)} ${typeName(field)}`);
      return runner.api.getTable(tableReference);
    }
    const fields = [...(table.schema?.fields ?? []), ...missing];
    try {
      return await withRetries(() => runner.api.patchTable(tableReference, { schema: { fields } }), runner);
    } catch (error) {
      throw this.#failed(error, `add columns to ${nameOf(tableReference)}`);
    }
  }

  async #ensureDataset(): Promise<void> {
    const { runner, dataset } = this.#options;
    const { api } = runner;
    try {
      const found = await withRetries(() => api.getDataset(dataset), runner);
      this.#assertLocation(found.location, `dataset ${dataset}`);
      return;
    } catch (error) {
      if (!isAbsent(toApiFailure(error))) throw this.#failed(error, `look up dataset ${dataset}`);
    }
    await runner.assertLease();
    try {
      const datasetReference = { projectId: api.project, datasetId: dataset };
      await withRetries(() => api.insertDataset({ datasetReference, location: api.location }), runner);
    } catch (error) {
      if (toApiFailure(error).status !== 409) throw this.#failed(error, `create dataset ${dataset}`);
    }
  }

  #assertLocation(found: string | undefined, what: string): void {
    const { location } = this.#options.runner.api;
    if (found === undefined || found.toLowerCase() === location.toLowerCase()) return;
    throw new SluiceError('warehouse_location', `The ${what} lies in ${found}, but jobs run in ${location}.`, {
      hint: `Set BIGQUERY_LOCATION to ${found}, or use another dataset.`,
    });
  }

  #failed(error: unknown, what: string): unknown {
    if (error instanceof SluiceError) return error;
    const { project, location } = this.#options.runner.api;
    const context: FailureContext = { what, otherwise: 'warehouse_failed', project, location };
    const failure: ApiFailure = toApiFailure(error);
    return toSluiceError(failure, context, failure);
  }
}

export function nameOf(reference: TableReference): string {
  return `${reference.projectId}.${reference.datasetId}.${reference.tableId}`;
}
