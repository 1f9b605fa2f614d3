/** What the pipeline adds to the templates' context: `sluice.current_rows`, `sluice.daily_rows` and the jobs' plain data. */
import type { JobDefinition } from '../core/job.ts';
import {
  fail,
  hostFunction,
  hostObject,
  RelationValue,
  type ContextExtensions,
  type ExtensionScope,
  type Value,
} from '../transform/index.ts';
import { bigqueryEntityDialect, duckdbEntityDialect } from '../transform/sql/entity/dialect.ts';
import { currentModelSql, dailyModelSql } from '../transform/sql/entity/model-functions.ts';
import { rawRelations, type EntityScope } from '../transform/sql/entity/records.ts';

export interface ExtensionOptions {
  readonly jobs: readonly JobDefinition[];
  readonly timezone: string;
}

/** What `job('customer')` gives: data only, no functions, no secrets. */
export function jobData(job: JobDefinition): unknown {
  return {
    name: job.name,
    entity: job.entity,
    description: job.description,
    key: { field: job.key.field, column: job.key.column },
    event_time: job.eventTime.field,
    columns: job.columns.map(({ name, field, type, required }) => ({ name, field, type, required })),
    topics: job.topics.map(({ name }) => name),
    deletes: job.deletes,
    deleted_when: job.deletedWhen,
    history_start: job.historyStart,
    tolerance_ms: job.snapshot?.toleranceMs ?? 0,
    models: [...job.models],
  };
}

/** Stands for the select while files are only read: any select parses. */
const PLACEHOLDER = 'select 1 as placeholder';

function scopeOf(
  job: JobDefinition,
  scope: ExtensionScope,
  options: ExtensionOptions,
): Omit<EntityScope, 'keys' | 'base'> {
  const { rawSchema, database } = scope.target;
  const raw = rawRelations(job.entity, rawSchema, '', database);
  return {
    job,
    raw: {
      stream: scope.map(raw.stream),
      snapshot: scope.map(raw.snapshot),
      snapshotLoad: scope.map(raw.snapshotLoad),
      deadLetter: scope.map(raw.deadLetter),
    },
    dialect: scope.target.type === 'duckdb' ? duckdbEntityDialect : bigqueryEntityDialect,
    timezone: options.timezone,
  };
}

/** The context extensions of a run. A model of a job that was not handed in fails when it runs, not when it is read. */
export function modelExtensions(options: ExtensionOptions): ContextExtensions {
  const byName = new Map(options.jobs.map((job) => [job.name, job]));
  return (scope) => {
    const render = (name: string, args: readonly Value[], sql: (job: JobDefinition) => string): Value => {
      const [wanted] = args;
      if (typeof wanted !== 'string')
        return fail(`sluice.${name} takes the job's name first: {{ sluice.${name}('customer', changes) }}`);
      const job = byName.get(wanted);
      if (job !== undefined) return sql(job);
      if (!scope.execute) return PLACEHOLDER;
      return fail(`sluice.${name}: there is no job "${wanted}"; known are: ${[...byName.keys()].sort().join(', ')}`);
    };
    return {
      sluice: hostObject({
        current_rows: hostFunction((args) =>
          render('current_rows', args, (job) => {
            const self = args[2];
            return currentModelSql(
              scopeOf(job, scope, options),
              scope.changes,
              self instanceof RelationValue ? self.relation : null,
            );
          }),
        ),
        daily_rows: hostFunction((args) =>
          render('daily_rows', args, (job) => {
            const self = args[2];
            if (!(self instanceof RelationValue))
              return String(
                fail(
                  "sluice.daily_rows takes the model itself last: {{ sluice.daily_rows('customer', changes, this) }}",
                ),
              );
            return dailyModelSql(scopeOf(job, scope, options), scope.changes, self.relation);
          }),
        ),
      }),
    };
  };
}
