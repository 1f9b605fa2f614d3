/**
 * `defineJob`: what a user wrote in `jobs/<name>.ts` -> a checked, complete, frozen JobDefinition; all mistakes at once. Nothing else
 * happens here: no file, no environment, no clock.
 */
import { SluiceError } from '../core/errors.ts';
import { isCalendarDate } from '../core/time.ts';
import { DEFAULT_LIMITS, type JobDefinition, type JobLimits, type TopicDefinition } from '../core/job.ts';
import type { EventOf, EventSchema } from './event-schema.ts';
import { isMap, JobCheck, type JobMistake, type UnknownMap } from './job-check.ts';
import { readColumns } from './job-columns.ts';
import type { JobInput } from './job-input.ts';
import { readParameters } from './job-parameters.ts';
import { readSnapshot } from './job-snapshot.ts';
import { didYouMean } from './suggest.ts';

/** A job knows the type of its events: `EventOfJob<typeof job>`. */
export interface Job<S extends EventSchema = EventSchema> extends JobDefinition {
  readonly [EVENT_TYPE]?: EventOf<S>;
}
export type EventOfJob<J> = J extends Job<infer S> ? EventOf<S> : never;
declare const EVENT_TYPE: unique symbol;

/** Marks what defineJob made, across copies of the package; holds the limits that the job itself names. */
const OWN_LIMITS = Symbol.for('sluice.job.limits');

const KEYS = [
  'name',
  'entity',
  'description',
  'topics',
  'schema',
  'key',
  'eventTime',
  'deletes',
  'deletedWhen',
  'snapshot',
  'historyStart',
  'models',
  'schedule',
  'limits',
  'parameters',
] as const satisfies readonly (keyof JobInput)[];

/** One hour: a producer's clock may run ahead, but one bad clock must not freeze a key (CUSTOMER.md §1). */
const DEFAULT_MAX_FUTURE_MS = 3_600_000;
const DEFAULT_EARLIEST = '2000-01-01';
/** 48: leaves room for `raw_…_dead_letter`, batch numbers and suffixes in every name that is built from it. */
const JOB_NAME = /^[a-z][a-z0-9_-]{0,47}$/;
const MODEL_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

export function defineJob<const S extends EventSchema>(input: JobInput<S>): Job<S> {
  const check = new JobCheck();
  const map = check.map(input, '', KEYS);
  const job = readJob(check, map);
  if (check.mistakes.length > 0) throw jobInvalid(typeof map['name'] === 'string' ? map['name'] : '', check.mistakes);
  const limits = isMap(map['limits']) ? map['limits'] : {};
  Object.defineProperty(job, OWN_LIMITS, { value: Object.freeze({ ...limits }) });
  return freeze(job) as Job<S>;
}

export function isJob(value: unknown): value is JobDefinition {
  return isMap(value) && OWN_LIMITS in value;
}

/** The job under a project's limits: the project's win over the defaults, the job's own over both. */
export function withProjectLimits(job: JobDefinition, project: Partial<JobLimits>): JobDefinition {
  const own = (job as { readonly [OWN_LIMITS]?: Partial<JobLimits> })[OWN_LIMITS] ?? {};
  const result = { ...job, limits: { ...DEFAULT_LIMITS, ...project, ...own } };
  Object.defineProperty(result, OWN_LIMITS, { value: own });
  return freeze(result);
}

function jobInvalid(name: string, mistakes: readonly JobMistake[]): SluiceError {
  const lines = mistakes.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`);
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
  const job = name === '' ? 'the job' : `job "${name}"`;
  return new SluiceError('job_invalid', `${job} has ${count}:\n${lines.join('\n')}`, { details: { mistakes } });
}

function readJob(check: JobCheck, map: UnknownMap): JobDefinition {
  const name = check.text(map['name'], 'name', {
    pattern: JOB_NAME,
    expected: 'a name of lower-case letters, digits, "_" and "-" (at most 48)',
  });
  const entity = check.text(map['entity'], 'entity', {
    pattern: /^[a-z][a-z0-9_]{0,47}$/,
    expected: 'a name of lower-case letters, digits and underscores (at most 48)',
    fallback: name.replaceAll('-', '_'),
  });
  const key = readKey(check, map['key']);
  const columns = readColumns(check, map['schema'], key);
  const fields = columns.map((column) => column.field);
  const snapshot = readSnapshot(check, map['snapshot']);
  const job: JobDefinition = {
    name,
    entity,
    description: check.text(map['description'], 'description', { fallback: '' }),
    topics: readTopics(check, map['topics'], fields),
    schema: isMap(map['schema']) ? structuredClone(map['schema']) : {},
    columns,
    key,
    eventTime: readEventTime(check, map['eventTime']),
    deletes: check.oneOf(map['deletes'], 'deletes', ['soft', 'hard'], 'soft'),
    deletedWhen:
      map['deletedWhen'] === undefined
        ? null
        : check.text(map['deletedWhen'], 'deletedWhen', { expected: 'an SQL condition' }),
    snapshot,
    historyStart: readHistoryStart(check, map['historyStart'], snapshot !== null),
    models: readModels(check, map['models']),
    schedule: readSchedule(check, map['schedule']),
    limits: readLimits(check, map['limits']),
    parameters: readParameters(check, map['parameters']),
  };
  checkFields(check, job);
  return job;
}

/** The fields that the job names must be columns of the right kind. */
function checkFields(check: JobCheck, job: JobDefinition): void {
  const fields = job.columns.map((column) => column.field);
  const typeOf = (field: string): string | undefined => job.columns.find((column) => column.field === field)?.type;
  for (const [path, field] of [
    ['key', job.key.field],
    ['eventTime', job.eventTime.field],
  ] as const) {
    if (field !== '' && fields.length > 0 && !fields.includes(field))
      check.wrong(path, `"${field}" is no property of the schema${didYouMean(field, fields)}`);
  }
  const keyType = typeOf(job.key.field);
  if (keyType !== undefined && keyType !== 'STRING' && keyType !== 'INT64')
    check.wrong('key', `"${job.key.field}" is ${keyType}, expected STRING or INT64`);
  const timeType = typeOf(job.eventTime.field);
  if (timeType !== undefined && timeType !== 'TIMESTAMP') {
    check.wrong(
      'eventTime',
      `"${job.eventTime.field}" is ${timeType}, expected TIMESTAMP (type string with format date-time)`,
    );
  }
  if (job.historyStart === 'first_snapshot' && job.snapshot === null) {
    check.wrong('historyStart', `came "first_snapshot", but the job has no snapshot; expected "first_event" or a date`);
  }
}

function readKey(check: JobCheck, value: unknown): JobDefinition['key'] {
  if (typeof value === 'string' && value !== '') return { field: value, column: value };
  if (!isMap(value)) {
    check.expected('key', value, 'a field of the schema, or { field, column }');
    return { field: '', column: '' };
  }
  const map = check.map(value, 'key', ['field', 'column']);
  const field = check.text(map['field'], 'key.field');
  return { field, column: check.text(map['column'], 'key.column', { fallback: field }) };
}

function readEventTime(check: JobCheck, value: unknown): JobDefinition['eventTime'] {
  if (typeof value === 'string' && value !== '')
    return { field: value, earliest: DEFAULT_EARLIEST, maxFutureMs: DEFAULT_MAX_FUTURE_MS };
  if (!isMap(value)) {
    check.expected('eventTime', value, 'a field of the schema, or { field, earliest, maxFuture }');
    return { field: '', earliest: DEFAULT_EARLIEST, maxFutureMs: DEFAULT_MAX_FUTURE_MS };
  }
  const map = check.map(value, 'eventTime', ['field', 'earliest', 'maxFuture']);
  const earliest = check.text(map['earliest'], 'eventTime.earliest', { fallback: DEFAULT_EARLIEST });
  if (!isCalendarDate(earliest)) check.expected('eventTime.earliest', earliest, 'a date YYYY-MM-DD');
  return {
    field: check.text(map['field'], 'eventTime.field'),
    earliest,
    maxFutureMs: check.durationMs(map['maxFuture'], 'eventTime.maxFuture', DEFAULT_MAX_FUTURE_MS),
  };
}

const OPS: Readonly<Record<string, 'c' | 'u' | 'd'>> = {
  c: 'c',
  u: 'u',
  d: 'd',
  create: 'c',
  update: 'u',
  delete: 'd',
};

function readOp(check: JobCheck, value: unknown, path: string): 'c' | 'u' | 'd' {
  const op = typeof value === 'string' && Object.hasOwn(OPS, value) ? OPS[value] : undefined;
  if (op === undefined) {
    const known = ['create', 'update', 'delete'];
    check.expected(
      path,
      value,
      `one of ${known.join(', ')}${typeof value === 'string' ? didYouMean(value, known) : ''}`,
    );
  }
  return op ?? 'u';
}

function readTopics(check: JobCheck, value: unknown, fields: readonly string[]): readonly TopicDefinition[] {
  const seen = new Set<string>();
  return check.list(value, 'topics').map((item, index) => {
    const path = `topics[${index}]`;
    const map = check.map(item, path, ['name', 'op']);
    const name = check.text(map['name'], `${path}.name`, {
      pattern: /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
      expected: 'a topic name of letters, digits, ".", "_" and "-" (at most 249)',
    });
    if (seen.has(name)) check.wrong(`${path}.name`, `"${name}" stands twice`);
    seen.add(name);
    if (!isMap(map['op'])) return { name, op: readOp(check, map['op'], `${path}.op`) };
    const op = check.map(map['op'], `${path}.op`, ['field', 'values']);
    const field = check.text(op['field'], `${path}.op.field`);
    if (fields.length > 0 && field !== '' && !fields.includes(field))
      check.wrong(`${path}.op.field`, `"${field}" is no property of the schema${didYouMean(field, fields)}`);
    const values = Object.entries(check.map(op['values'], `${path}.op.values`, null));
    if (values.length === 0) check.expected(`${path}.op.values`, undefined, 'at least one text with its op');
    return {
      name,
      op: {
        field,
        values: Object.fromEntries(
          values.map(([text, inner]) => [text, readOp(check, inner, `${path}.op.values.${text}`)]),
        ),
      },
    };
  });
}

function readHistoryStart(check: JobCheck, value: unknown, hasSnapshot: boolean): JobDefinition['historyStart'] {
  if (value === undefined) return hasSnapshot ? 'first_snapshot' : 'first_event';
  if (value === 'first_snapshot' || value === 'first_event') return value;
  if (typeof value === 'string' && isCalendarDate(value)) return value as JobDefinition['historyStart'];
  check.expected('historyStart', value, 'first_snapshot, first_event, or a date YYYY-MM-DD');
  return 'first_event';
}

function readModels(check: JobCheck, value: unknown): readonly string[] {
  const models = check
    .list(value, 'models')
    .map((model, index) =>
      check.text(model, `models[${index}]`, { pattern: MODEL_NAME, expected: 'the name of a model' }),
    );
  for (const model of new Set(models)) {
    if (models.filter((other) => other === model).length > 1) check.wrong('models', `"${model}" stands twice`);
  }
  return models;
}

function readSchedule(check: JobCheck, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return check
    .text(value, 'schedule', {
      pattern: /^\s*[\d*/,A-Za-z-]+(\s+[\d*/,A-Za-z-]+){4}\s*$/,
      expected: `a cron expression of five fields such as '5 * * * *'`,
    })
    .trim();
}

function readLimits(check: JobCheck, value: unknown): JobLimits {
  const map = value === undefined ? {} : check.map(value, 'limits', Object.keys(DEFAULT_LIMITS));
  const limits = Object.entries(DEFAULT_LIMITS).map(([name, fallback]: [string, number]) => {
    const path = `limits.${name}`;
    return [
      name,
      name.endsWith('Ratio')
        ? check.number(map[name], path, { min: 0, max: 1, fallback })
        : check.number(map[name], path, { min: name.startsWith('min') ? 0 : 1, integer: true, fallback }),
    ];
  });
  return Object.fromEntries(limits) as JobLimits;
}

function freeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}
