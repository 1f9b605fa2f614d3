/**
 * One error class with a stable code. The catalogue says for every code which exit status a command ends with
 * (CUSTOMER.md §4): 1 the run failed or refused, 2 a usage, configuration or compile mistake found before anything
 * ran, 75 another run holds the lease, 130 interrupted. `tests/unit/core/errors.test.ts` proves it in both directions:
 * every code thrown is catalogued, every catalogued code is thrown.
 */
export const ERROR_CATALOGUE = {
  // usage and configuration (2)
  usage: { exitCode: 2, title: 'The command line is wrong' },
  config_invalid: { exitCode: 2, title: 'The configuration has mistakes' },
  env_missing: { exitCode: 2, title: 'An environment variable is missing' },
  job_unknown: { exitCode: 2, title: 'No such job' },
  job_invalid: { exitCode: 2, title: 'The job file has mistakes' },
  target_unknown: { exitCode: 2, title: 'No such target' },
  logical_time_before_last_batch: { exitCode: 2, title: 'The logical time lies before the last batch' },
  compile_error: { exitCode: 2, title: 'The models do not compile' },
  selection_empty: { exitCode: 2, title: 'The selection matches nothing' },
  node_too_old: { exitCode: 2, title: 'Node.js is too old' },
  unsupported: { exitCode: 2, title: 'Not supported here' },
  // state
  lease_held: { exitCode: 75, title: 'Another run of the job holds the lease' },
  lease_lost: { exitCode: 1, title: 'The lease was lost: another run took over' },
  state_conflict: { exitCode: 1, title: 'The state store refused a transition' },
  state_newer: { exitCode: 1, title: 'The state database was written by a newer version' },
  state_unavailable: { exitCode: 1, title: 'The state store cannot be reached' },
  // sources
  broker_unreachable: { exitCode: 1, title: 'No broker can be reached' },
  broker_auth: { exitCode: 1, title: 'The broker refused the credentials' },
  broker_error: { exitCode: 1, title: 'The broker answered with an error' },
  topic_missing: { exitCode: 1, title: 'A topic does not exist' },
  topic_exists: { exitCode: 1, title: 'The topic exists already' },
  topic_busy: { exitCode: 1, title: 'Another process is writing to the topic' },
  topic_record_invalid: { exitCode: 1, title: 'A record to produce is not valid' },
  topic_log_corrupt: { exitCode: 1, title: 'The topic log is damaged' },
  offset_out_of_range: { exitCode: 1, title: 'The offsets to read are gone' },
  retention_gap: { exitCode: 1, title: 'Records were deleted before they were read' },
  topic_recreated: { exitCode: 1, title: 'A topic was recreated' },
  record_undecodable: { exitCode: 1, title: 'A batch of the log cannot be decoded' },
  rest_failed: { exitCode: 1, title: 'The REST download failed' },
  rest_unauthorized: { exitCode: 1, title: 'The REST API refused the credentials' },
  // landing
  object_conflict: { exitCode: 1, title: 'An object of this name holds other bytes' },
  object_missing: { exitCode: 1, title: 'A landing object is missing' },
  object_corrupt: { exitCode: 1, title: 'A landing object is damaged' },
  manifest_invalid: { exitCode: 1, title: 'A manifest cannot be read' },
  store_failed: { exitCode: 1, title: 'The object store failed' },
  store_full: { exitCode: 1, title: 'No space is left' },
  store_read_only: { exitCode: 1, title: 'A folder cannot be written to' },
  quarantine_ratio: { exitCode: 1, title: 'Too many records are bad' },
  delete_guard: { exitCode: 1, title: 'The snapshot would delete too much' },
  // warehouse and models
  warehouse_locked: { exitCode: 1, title: 'The warehouse file is locked' },
  warehouse_damaged: { exitCode: 1, title: 'The warehouse file is damaged' },
  warehouse_failed: { exitCode: 1, title: 'The warehouse failed' },
  warehouse_auth: { exitCode: 1, title: 'The warehouse got no valid credentials' },
  warehouse_denied: { exitCode: 1, title: 'A permission on the warehouse is missing' },
  warehouse_missing: { exitCode: 1, title: 'Something in the warehouse does not exist' },
  warehouse_location: { exitCode: 1, title: 'Data lies in different locations' },
  warehouse_quota: { exitCode: 1, title: 'A quota of the warehouse is used up' },
  warehouse_cancelled: { exitCode: 1, title: 'A warehouse job was cancelled' },
  warehouse_timeout: { exitCode: 1, title: 'A warehouse job took too long' },
  table_changed: { exitCode: 1, title: 'A table is not as it was created' },
  load_failed: { exitCode: 1, title: 'Loading raw tables failed' },
  model_failed: { exitCode: 1, title: 'A model failed' },
  test_failed: { exitCode: 1, title: 'A data test failed' },
  rollback_missing: { exitCode: 1, title: 'There is no replaced table to go back to' },
  shrink_guard: { exitCode: 1, title: 'The rebuilt table is much smaller' },
  // the rest
  interrupted: { exitCode: 130, title: 'Interrupted' },
  internal: { exitCode: 1, title: 'A defect in sluice' },
} as const satisfies Record<string, { readonly exitCode: number; readonly title: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export interface SluiceErrorOptions {
  /** What the reader can do next; one imperative sentence, with the command where there is one. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Machine-readable facts for `--json` (never secrets, never payloads). */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Everything that sluice throws on purpose. The message says what failed, where, what came and what was expected. */
export class SluiceError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: SluiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return ERROR_CATALOGUE[this.code].exitCode;
  }
}

export function isSluiceError(error: unknown, code?: ErrorCode): error is SluiceError {
  return error instanceof SluiceError && (code === undefined || error.code === code);
}

/** The text of anything thrown, for messages that name a cause. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
