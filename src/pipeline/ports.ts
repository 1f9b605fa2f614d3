/** Everything a run needs from outside, opened only when a step needs it. The command line composes it (cli/compose.ts). */
import type { Clock } from '../core/clock.ts';
import type { JobDefinition } from '../core/job.ts';
import type { ObjectStore, SnapshotSource, StreamSource } from '../ingest/ports.ts';
import type { RawWarehouse } from '../load/ports.ts';
import type { Lease, LeaseHolder, StateStore } from '../state/ports.ts';
import type { ModelWarehouse, Usage } from '../transform/run/ports.ts';

/** The warehouse while it is open: one connection to one database, seen from load and from transform. */
export interface OpenWarehouse {
  readonly raw: RawWarehouse;
  readonly models: ModelWarehouse;
  /** What everything done since it was opened cost; absent where nothing is paid by use. */
  usage?(): Usage;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Ends what the warehouse is doing, for instance on a lost lease. */
  readonly signal?: AbortSignal | undefined;
  /** Throws `lease_lost`; asked before every job and every table that a warehouse of jobs makes, those outside of `publish` too. */
  readonly guard?: () => Promise<void>;
  /** For a full refresh, which needs nothing of a file that is damaged (`warehouse_damaged`) and may begin a new one. */
  readonly replaceDamaged?: boolean;
}

export interface WarehouseGate {
  readonly schema: string;
  readonly rawSchema: string;
  readonly database?: string;
  readonly dialect: 'duckdb' | 'bigquery';
  /** How long a full refresh keeps the tables that it replaces, in hours; null: not at all. */
  readonly keepReplacedHours: number | null;
  /**
   * A cheap identity of what the warehouse holds now, null when that is not to be had: a run with nothing to do compares it with what it
   * left behind instead of opening the warehouse.
   */
  fingerprint(): Promise<string | null>;
  open(options?: OpenOptions): Promise<OpenWarehouse>;
  /** Opening it and looking into it for the first time takes long enough to be worth beginning before it is needed. */
  readonly isSlowToOpen: boolean;
}

/** What happens, for the terminal and the log; nothing depends on it. */
export interface RunObserver {
  note(message: string): void;
  warn(message: string): void;
  /** A long step's state; overwritten by the next. */
  progress(message: string): void;
}

export interface JobPorts {
  readonly job: JobDefinition;
  readonly project: string;
  readonly timezone: string;
  readonly gzip: boolean;
  readonly clock: Clock;
  readonly state: StateStore;
  readonly store: ObjectStore;
  readonly stream: () => Promise<StreamSource>;
  /** null when the job has no snapshot or its environment is not there; `required` throws `env_missing` instead. */
  readonly snapshot: (required: boolean) => Promise<SnapshotSource | null>;
  readonly warehouse: WarehouseGate;
  readonly observer: RunObserver;
  readonly signal?: AbortSignal;
  readonly holder: LeaseHolder;
  readonly isAlive: (holder: LeaseHolder) => boolean;
  /** Time to live of the lease, milliseconds. */
  readonly leaseTtlMs: number;
  readonly runId: string;
}

/** A lease that is kept alive while work goes on. */
export interface HeldLease {
  readonly lease: Lease;
  /** Throws `lease_lost` when another run may have taken over; run right before every effect. */
  readonly guard: () => Promise<void>;
}
