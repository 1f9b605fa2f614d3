/**
 * The schema, as ordered migrations: plain SQL for both databases (`int64` is the one type whose name differs). Written by hand and not
 * by knex's migrator, which reads a folder, keeps two tables and a lock of its own and costs more start-up time than the hourly
 * run's whole state work.
 *
 * Never change a migration that was released; append one.
 *
 * - `sluice_lease`      one row per job: who holds it, fencing token, last renewal
 * - `sluice_batch`      one row per batch; its documents (JSON text, which keeps every digit) stand last, so that reading heads skips them
 * - `sluice_range`      the offset chain: planned ranges and accepted gaps; its two unique keys make holes' and overlaps' ends collide
 * - `sluice_position`   end of the chain per partition and the last landed record: derived, kept so that no run reads old manifests
 * - `sluice_model`      the models' ledger: published batches as runs of numbers (state/seq-runs.ts)
 * - `sluice_partition`  the models' ledger: state of each partition
 * - `sluice_run`, `sluice_fact`  run history, small facts
 * - `sluice_job_attempt` warehouse jobs by the ids they were about to be sent under (state/job-ledger.ts)
 */
export interface SchemaTypes {
  readonly int64: string;
  /** Text compared byte by byte, so that both databases sort alike. */
  readonly text: string;
}

export const MIGRATIONS: readonly ((types: SchemaTypes) => readonly string[])[] = [
  ({ int64, text }) => [
    `create table sluice_lease (
       job ${text} not null primary key,
       token ${int64} not null,
       holder_host ${text},
       holder_pid ${int64},
       holder_started_at ${text},
       holder_command ${text},
       ttl_ms ${int64} not null,
       renewed_wall_ms ${int64} not null,
       renewed_boot_id ${text},
       renewed_uptime_ms ${int64} not null
     )`,
    `create table sluice_batch (
       job ${text} not null,
       seq ${int64} not null check (seq > 0),
       kind ${text} not null check (kind in ('stream', 'snapshot', 'replay')),
       state ${text} not null check (state in ('planned', 'landed', 'loaded', 'void')),
       logical_time ${text} not null,
       plan_token ${int64} not null,
       admission ${text},
       intent ${text} not null,
       progress ${text},
       manifest ${text},
       primary key (job, seq),
       check ((state = 'planned') = (manifest is null))
     )`,
    `create index sluice_batch_by_state on sluice_batch (job, state, seq)`,
    `create table sluice_range (
       job ${text} not null,
       topic ${text} not null,
       epoch ${int64} not null,
       partition_no ${int64} not null,
       from_offset ${int64} not null check (from_offset >= 0),
       to_offset ${int64} check (to_offset > from_offset),
       kind ${text} not null check (kind in ('range', 'gap')),
       reason ${text},
       seq ${int64} not null,
       primary key (job, topic, epoch, partition_no, from_offset),
       unique (job, topic, epoch, partition_no, to_offset),
       foreign key (job, seq) references sluice_batch (job, seq),
       check (to_offset is not null or kind = 'gap')
     )`,
    `create index sluice_range_by_batch on sluice_range (job, kind, seq)`,
    `create table sluice_position (
       job ${text} not null,
       topic ${text} not null,
       epoch ${int64} not null,
       partition_no ${int64} not null,
       next_offset ${int64} not null,
       closed ${int64} not null,
       last_offset ${int64},
       last_checksum ${text},
       primary key (job, topic, epoch, partition_no)
     )`,
    `create table sluice_model (
       job ${text} not null,
       model ${text} not null,
       logical_time ${text} not null,
       published_seqs ${text} not null,
       primary key (job, model)
     )`,
    `create table sluice_partition (
       job ${text} not null,
       model ${text} not null,
       partition_value ${text} not null,
       state ${text} not null check (state in ('done', 'stale')),
       batch_id ${text},
       primary key (job, model, partition_value)
     )`,
    `create table sluice_run (
       run_id ${text} not null primary key,
       job ${text} not null,
       command ${text} not null,
       logical_time ${text} not null,
       started_at ${text} not null,
       finished_at ${text},
       exit_code ${int64},
       error ${text}
     )`,
    `create index sluice_run_by_job on sluice_run (job, started_at)`,
    `create table sluice_fact (
       job ${text} not null,
       name ${text} not null,
       value ${text} not null,
       primary key (job, name)
     )`,
  ],
  ({ int64, text }) => [
    `create table sluice_job_attempt (
       job_id ${text} not null primary key,
       job ${text} not null,
       run_id ${text} not null,
       step_key ${text} not null,
       attempt ${int64} not null check (attempt > 0),
       kind ${text} not null check (kind in ('load', 'statement')),
       state ${text} not null check (state in ('open', 'done', 'failed', 'burnt')),
       unique (step_key, attempt)
     )`,
    `create index sluice_job_attempt_by_job on sluice_job_attempt (job, state)`,
  ],
];

export const SCHEMA_VERSION = MIGRATIONS.length;
