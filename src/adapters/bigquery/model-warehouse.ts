/**
 * BigQuery as the warehouse of models: a unit is one script job (`publish-script.ts` explains the text), everything that changes something is
 * a job with an identity (`job-runner.ts`), and reading goes through jobs.query, which needs none.
 */
import { isSluiceError, SluiceError } from '../../core/errors.ts';
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';
import { isRejected, judgeTest } from '../../publish/gate.ts';
import type {
  CellValue,
  GateResult,
  GateTest,
  NodeWarehouse,
  PublishOutcome,
  PublishUnit,
  QueryResult,
  Usage,
} from '../../transform/run/ports.ts';
import { isAbsent, toApiFailure } from './api-failure.ts';
import { EmulatorBridge, tableReference } from './emulator.ts';
import { toSluiceError, type FailureContext } from './failures.ts';
import { shortHash } from './job-id.ts';
import { countOf, UsageSum } from './job-usage.ts';
import type { FinishedJob, JobRunner } from './job-runner.ts';
import {
  droppedAndCopied,
  GATE_MARKER,
  publishSteps,
  scriptText,
  tagPoint,
  type ScriptStep,
} from './publish-script.ts';
import { readAll } from './read-query.ts';
import { changedTables, TableLocks } from './table-locks.ts';
import type { FieldSchema, JobResource, TableResource } from './rest-types.ts';
import { quoteRelation } from './sql-text.ts';
import { describingPatch, withoutDescriptions, type TableDescription } from './table-descriptions.ts';
import { TableKeeper } from './table-keeper.ts';
import { storageOf } from './table-storage.ts';
import { toColumns, toQueryResult } from './values.ts';
import { withRetries } from './with-retries.ts';

export interface BigQueryModelOptions {
  readonly runner: JobRunner;
  /** For identity and labels: the sluice job, and the batch or run that the models are run for. */
  readonly job: string;
  readonly batch: string;
  /** See `emulator.ts`. */
  readonly emulator: boolean;
}

/** tables.get at once: a few hundred models are looked up in two or three seconds, far below 100 requests a second. */
const CONCURRENT_LOOKUPS = 16;

/** What the views of one warehouse (`forNode`) share: who changes which table, and the number of the next step. */
class Shared {
  readonly locks = new TableLocks();
  steps = 0;
}

export class BigQueryModelWarehouse implements NodeWarehouse {
  readonly dialect = 'bigquery';
  readonly #options: BigQueryModelOptions;
  readonly #shared: Shared;
  readonly #model: string | undefined;
  readonly #usage: UsageSum;

  constructor(options: BigQueryModelOptions, view?: { readonly shared: Shared; readonly model: string }) {
    this.#options = options;
    this.#shared = view?.shared ?? new Shared();
    this.#model = view?.model;
    this.#usage = new UsageSum(options.runner.api);
  }

  forNode(name: string): NodeWarehouse {
    return new BigQueryModelWarehouse(this.#options, { shared: this.#shared, model: name });
  }

  usage(): Usage {
    return this.#usage.total();
  }

  async relation(name: RelationName): Promise<RelationInfo | undefined> {
    return (await this.relations([name]))[0];
  }

  /** By tables.get, which is fresh and free; INFORMATION_SCHEMA bills 10 MB for each look. */
  async relations(names: readonly RelationName[]): Promise<readonly RelationInfo[]> {
    const found: (RelationInfo | undefined)[] = Array.from({ length: names.length });
    const next = names.entries();
    const worker = async (): Promise<void> => {
      for (const [index, name] of next) found[index] = await this.#lookUp(name);
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENT_LOOKUPS, names.length) }, worker));
    return found.filter((info) => info !== undefined);
  }

  async #lookUp(name: RelationName): Promise<RelationInfo | undefined> {
    const { api } = this.#options.runner;
    const reference = { projectId: name.database ?? api.project, datasetId: name.schema, tableId: name.name };
    let table: TableResource;
    try {
      table = await withRetries(() => api.getTable(reference), this.#options.runner);
    } catch (error) {
      const failure = toApiFailure(error);
      if (isAbsent(failure)) return undefined;
      throw toSluiceError(failure, this.#context(`look up ${name.schema}.${name.name}`), failure);
    }
    const isView = table.type === 'VIEW' || table.type === 'MATERIALIZED_VIEW';
    return {
      relation: name,
      kind: isView ? 'view' : 'table',
      columns: toColumns(table.schema),
      ...(table.description === undefined || table.description === '' ? {} : { comment: table.description }),
      ...(table.labels === undefined ? {} : { labels: table.labels }),
      // The emulator forgets what DDL said of it.
      ...(isView || this.#options.emulator ? {} : { storage: storageOf(table) }),
    };
  }

  /** By a dry run, which is free; the emulator's gives no schema, so an empty result is asked for there. */
  async describe(sql: string): Promise<readonly ColumnInfo[]> {
    if (this.#options.emulator) return (await this.query(`select * from (\n${sql}\n) limit 0`)).columns;
    return toColumns((await this.#dryRun(sql, 'describe a query')).statistics?.query?.schema);
  }

  /** By a dry run: exact for partitions, an upper bound where clustering will leave blocks out. */
  async estimate(sql: string): Promise<number | null> {
    const { statistics } = await this.#dryRun(sql, 'estimate a query');
    return countOf(statistics?.query?.totalBytesProcessed ?? statistics?.totalBytesProcessed);
  }

  async #dryRun(sql: string, what: string): Promise<JobResource> {
    const { runner, job, batch } = this.#options;
    try {
      const labels = runner.labels(job, batch, this.#model);
      return await withRetries(() => runner.api.dryRun(sql, labels), runner);
    } catch (error) {
      const failure = toApiFailure(error);
      throw toSluiceError(failure, this.#context(what), failure);
    }
  }

  async query(sql: string): Promise<QueryResult> {
    const { runner, job, batch } = this.#options;
    return readAll(runner, sql, {
      context: this.#context('run a query'),
      labels: runner.labels(job, batch, this.#model),
      job,
      batch,
      model: this.#model,
      heard: (usage) => this.#usage.add(usage),
    });
  }

  async execute(sql: string): Promise<void> {
    if (this.#options.emulator) await this.#bridge(undefined).execute(sql);
    else await this.#job(sql, 'execute', {});
  }

  async publish(unit: PublishUnit, guard?: () => Promise<void>): Promise<PublishOutcome> {
    if (this.#options.emulator) return this.#publishOnEmulator(unit, publishSteps(unit), guard);
    const { unit: plain, descriptions } = withoutDescriptions(unit);
    const steps = publishSteps(plain, { builtAside: unit.policyTags !== undefined });
    if (steps.length === 0 && descriptions.length === 0) {
      await guard?.();
      return { status: 'published', rows: 0, tests: [] };
    }
    return this.#shared.locks.holding(changedTables(steps), () =>
      this.#publishSteps(unit, { steps, descriptions }, guard),
    );
  }

  /** Around the script: what SQL cannot set (policy tags), and what a replaced table has to keep (`table-keeper.ts`). */
  async #publishSteps(
    unit: PublishUnit,
    {
      steps,
      descriptions,
    }: { readonly steps: readonly ScriptStep[]; readonly descriptions: readonly TableDescription[] },
    guard: (() => Promise<void>) | undefined,
  ): Promise<PublishOutcome> {
    const { runner } = this.#options;
    const keeper = new TableKeeper(runner);
    let rest = steps;
    const { policyTags } = unit;
    const cutFor = policyTags === undefined ? droppedAndCopied(steps) : quoteRelation(policyTags.relation);
    if (cutFor !== undefined) {
      const cut = tagPoint(steps, cutFor);
      const first = steps.slice(0, cut.at);
      if (first.length > 0) await this.#job(scriptText(first), `prepare-${unit.node}`, { publishes: unit.node, guard });
      await guard?.();
      if (policyTags !== undefined)
        await keeper.tag(tableReference(cut.relation, runner.api.project), fieldsWithTags(policyTags.columns));
      rest = steps.slice(cut.at);
    }
    await guard?.();
    const prepared = await keeper.prepare(rest, descriptions);
    const outcome: PublishOutcome =
      prepared.steps.length === 0
        ? { status: 'published', rows: 0, tests: [] }
        : await this.#publishScript(unit, scriptText(prepared.steps), guard);
    if (outcome.status === 'rejected') return outcome;
    await keeper.restore(prepared.replaced);
    for (const one of descriptions) await this.#describe(keeper, one);
    return outcome;
  }

  async #describe(keeper: TableKeeper, { relation, description, columns }: TableDescription): Promise<void> {
    const reference = tableReference(relation, this.#options.runner.api.project);
    const table = await keeper.find(reference);
    const patch = table === undefined ? undefined : describingPatch(table, { description, columns });
    if (patch !== undefined) await keeper.patch(reference, patch);
  }

  async #publishScript(
    unit: PublishUnit,
    sql: string,
    guard: (() => Promise<void>) | undefined,
  ): Promise<PublishOutcome> {
    let finished: FinishedJob;
    try {
      finished = await this.#job(sql, `publish-${unit.node}`, { publishes: unit.node, guard });
      this.#usage.name(finished.usage);
    } catch (error) {
      const tests = rejectedTests(unit.tests, error);
      if (tests === undefined) throw error;
      return { status: 'rejected', tests };
    }
    const results = await this.#results(finished);
    const counted = results.rows.find((row) => row[0] === -1n);
    return { status: 'published', rows: Number(counted?.[1] ?? 0), tests: judged(unit.tests, results.rows) };
  }

  /** Statement by statement; what ran before a failed test stays (`emulator.ts`). The guard is asked before anything runs. */
  async #publishOnEmulator(
    unit: PublishUnit,
    steps: readonly ScriptStep[],
    guard: (() => Promise<void>) | undefined,
  ): Promise<PublishOutcome> {
    await guard?.();
    const bridge = this.#bridge(unit.node);
    let rows = 0;
    let tests: readonly GateResult[] = [];
    for (const step of steps) {
      if (step.role === 'gate') {
        const select = step.sql.slice(step.sql.indexOf('\n') + 1);
        tests = judged(unit.tests, (await this.query(`${select}\norder by test`)).rows);
        if (isRejected(tests)) return { status: 'rejected', tests };
      } else if (step.role === 'change' && step.countRows === true) rows += await bridge.executeCounted(step.sql);
      else if (step.role === 'change' || step.role === 'mark') await bridge.execute(step.sql);
    }
    return { status: 'published', rows, tests };
  }

  #bridge(publishes: string | undefined): EmulatorBridge {
    return new EmulatorBridge({
      api: this.#options.runner.api,
      run: async (sql) => {
        const { usage } = await this.#job(sql, 'statement', publishes === undefined ? {} : { publishes });
        if (publishes !== undefined) this.#usage.name(usage);
      },
      query: (sql) => this.query(sql),
    });
  }

  /** Every statement of this run has a number, so that a repeated one is a new step. */
  async #job(
    sql: string,
    step: string,
    about: { readonly publishes?: string; readonly guard?: (() => Promise<void>) | undefined },
  ): Promise<FinishedJob> {
    const { runner, job, batch } = this.#options;
    const number = String(++this.#shared.steps);
    const model = this.#model ?? about.publishes;
    const finished = await runner.run({
      key: { job, batch, step: `${step}-${number}-${shortHash(sql)}` },
      configuration: { sql },
      what: about.publishes === undefined ? 'run a statement' : `publish ${about.publishes}`,
      otherwise: 'model_failed',
      ...(model === undefined ? {} : { model }),
      guard: about.guard,
    });
    this.#usage.add(finished.usage);
    return finished;
  }

  async #results(finished: FinishedJob): Promise<QueryResult> {
    const { runner } = this.#options;
    if (finished.results !== undefined) return toQueryResult(finished.results.schema, finished.results.rows ?? []);
    try {
      const page = await withRetries(() => runner.api.jobResults(finished.jobId), runner);
      return toQueryResult(page.schema, page.rows ?? []);
    } catch (error) {
      const failure = toApiFailure(error);
      throw toSluiceError(failure, this.#context(`read the test results of ${finished.jobId}`), failure);
    }
  }

  #context(what: string): FailureContext {
    const { project, location } = this.#options.runner.api;
    return { what, otherwise: 'model_failed', project, location };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function fieldsWithTags(columns: Readonly<Record<string, readonly string[]>>): readonly FieldSchema[] {
  return Object.entries(columns).map(([name, names]) => ({ name, type: '', policyTags: { names } }));
}

/** Rows of `_sluice_gate` as results, in the order of the tests. */
function judged(tests: readonly GateTest[], rows: readonly (readonly CellValue[])[]): readonly GateResult[] {
  return tests.map((test, index) => {
    const own = rows.filter((row) => row[0] === BigInt(index)).map((row) => row.slice(1));
    return judgeTest(test, { columns: [], rows: own });
  });
}

/** The results inside the error of a script that its own tests stopped; undefined for any other failure. */
function rejectedTests(tests: readonly GateTest[], error: unknown): readonly GateResult[] | undefined {
  if (!isSluiceError(error)) return undefined;
  const encoded = GATE_MARKER.exec(error.message)?.[1];
  if (encoded === undefined) return undefined;
  const rows = encoded.split(',').map((row): CellValue[] => {
    const [test = '', failures = '', warn = '', fail = ''] = row.split(':');
    return [BigInt(test), BigInt(failures), warn === '1', fail === '1'];
  });
  const results = judged(tests, rows);
  if (isRejected(results)) return results;
  throw new SluiceError(
    'internal',
    `the gate of ${tests[0]?.id ?? 'a unit'} stopped without a failed test: ${encoded}`,
    { cause: error },
  );
}
