/** The public API of the package `sluice`: what job files import. Re-exports only. */
export { defineJob, type EventOfJob, type Job } from './config/define-job.ts';
export type { EventOf, EventSchema, PropertySchema } from './config/event-schema.ts';
export type { AuthInput, JobInput, ParameterInput, RestSnapshotInput, TopicInput } from './config/job-input.ts';
export { runJobFile } from './cli/job-file.ts';
export { SluiceError, type ErrorCode } from './core/errors.ts';
export type { JobDefinition, JobLimits, Paginator, SqlType } from './core/job.ts';
