/** Writes docs/errors.md from the catalogue: `npm run docs:errors`. tests/unit/core/errors.test.ts says when it is due. */
import { writeFileSync } from 'node:fs';
import { ERROR_CATALOGUE, type ErrorCode } from '../src/core/errors.ts';

/** What helps nearly always; the message and hint of the single case say more. */
const REMEDIES: Partial<Record<ErrorCode, string>> = {
  usage: 'Mend the command line; every command has a `--help`.',
  config_invalid: 'Mend the lines that the message names ([configuration.md](configuration.md)).',
  env_missing: 'Set the variable, or give `env_var` a default.',
  job_unknown: '`sluice job list` has the names.',
  job_invalid: 'Mend the job file: the message lists all its mistakes ([jobs.md](jobs.md)).',
  target_unknown: 'The names stand under `targets` in project.yml.',
  logical_time_before_last_batch: 'Give a later `--logical-time`, or none. Only a full refresh may look back.',
  compile_error: 'Mend the model; `sluice parse` checks all of them ([models.md](models.md)).',
  selection_empty: '`sluice ls` lists what can be selected.',
  node_too_old: 'Install Node.js 22.18 or newer, or the npm package `node` in the project.',
  unsupported: 'The message says what is not supported, and what is.',
  lease_held: 'Nothing: the other run does the work. When its machine is dead, the lease ends after 60 seconds.',
  lease_lost: 'Nothing: another run took over, this one wrote nothing more.',
  state_conflict: 'Run again. When it stays, somebody changed the state database by hand: `sluice job recover <job>`.',
  state_newer: 'Use the version of sluice that wrote it, or a newer one.',
  state_unavailable: 'Check address, password and network of the state database, then run again.',
  broker_unreachable: 'Check KAFKA_BROKERS and the network; all brokers of the list were tried.',
  broker_auth: 'Check user, password and mechanism.',
  broker_error: 'The message has the broker’s code. Run again; when it stays, ask those who run the broker.',
  topic_missing: 'Make the topic, or mend its name in the job file.',
  topic_exists: 'Choose another name.',
  topic_busy: 'Wait until the other process has written.',
  topic_record_invalid: 'Mend the line that the message names; nothing was appended.',
  topic_log_corrupt: 'The file that the message names was damaged: restore it, or make the topic anew.',
  offset_out_of_range: 'The topic was trimmed while it was read: run again, then see `retention_gap`.',
  retention_gap: '`--accept-gap` records the loss and goes on behind it, best together with `--full-load`.',
  topic_recreated: '`--accept-gap` begins the new topic from its start.',
  record_undecodable:
    'The log is damaged there: repair it on the broker, or delete the records up to there (`kafka-delete-records.sh`), then `--accept-gap`.',
  rest_failed: 'Run again: the download goes on at the failed page. The stream was landed all the same.',
  rest_unauthorized: 'Check the token or password that the job file names.',
  object_conflict: 'Somebody else writes to this landing: give each project a bucket or prefix of its own.',
  object_missing: 'Restore the object from a copy of the bucket, then run again.',
  object_corrupt: 'Restore the object that the message names; nothing was published.',
  manifest_invalid: 'Restore the manifest that the message names.',
  store_failed: 'Check bucket, network and permissions (`sluice debug`), then run again.',
  store_full: 'Make room, then run again: nothing of the batch was sealed.',
  store_read_only: 'Allow writing, to the folder or the bucket (`sluice debug`).',
  quarantine_ratio: 'Mend the schema in the job file, then run again; or `--accept-quarantine`.',
  delete_guard: 'Look why the listing lacks so many; `--accept-deletes` lets it in without a new download.',
  warehouse_locked: 'End the process that the message names, or wait for it.',
  warehouse_damaged:
    'Nothing is lost: `sluice job run <job> --full-refresh` begins a new file and rebuilds everything from landing.',
  warehouse_failed: 'The message has the warehouse’s own words. Run again: nothing of the step stays.',
  warehouse_auth:
    '`gcloud auth application-default login`, a key file, or a service account; `sluice debug` says which is used.',
  warehouse_denied: '`sluice debug` lists what is missing, with the commands that grant it.',
  warehouse_missing: 'Make the project, dataset or bucket, or mend its name; `sluice debug` says what is there.',
  warehouse_location: 'Put bucket and datasets into one location, and name it in the target.',
  warehouse_quota: 'Run again when the quota is free, or raise it (or `maximum_bytes_billed`).',
  warehouse_cancelled: 'Somebody cancelled the job: run again.',
  warehouse_timeout: 'Raise `job_execution_timeout_seconds` of the target, or give the project more slots.',
  table_changed: 'Change the table back, or rebuild it: `sluice job run <job> --full-refresh`.',
  load_failed: 'Run again. When it stays, a landing object was changed by hand.',
  model_failed: 'Mend the model; then `sluice job run <job> --only transform` goes on.',
  rollback_missing: 'Nothing was changed. What a full refresh replaced is kept for `keep_replaced_days` of the target.',
  test_failed:
    'Look at the rows (`--store-failures`), mend data or model, then run again: readers are on the old rows.',
  shrink_guard: 'Look why; `--accept-shrink` swaps the smaller table in.',
  interrupted: 'Run the same command again: it finishes what was begun.',
  internal: 'Please report it, with the lines that were printed.',
};

const rows = Object.entries(ERROR_CATALOGUE).map(
  ([code, { exitCode, title }]) =>
    `| \`${code}\` | ${exitCode} | ${title} | ${REMEDIES[code as ErrorCode] ?? 'See the hint of the message.'} |`,
);

writeFileSync(
  new URL('../docs/errors.md', import.meta.url),
  `# Errors

Every failure has a stable code. The terminal prints it in brackets (\`error[topic_missing]: …\`) with a hint what to do; with \`--json\` it stands in
\`errors[].code\`. The exit status of a command follows from it: 0 done, 1 the run failed or refused, 2 a mistake found before anything ran, 75 another run of
the job holds the lease, 130 stopped by Ctrl-C. Whatever fails, readers stay on the old tables, and the next run goes on where this one stopped.

| code | exit | what it means | what to do |
|---|---|---|---|
${rows.join('\n')}
`,
);
