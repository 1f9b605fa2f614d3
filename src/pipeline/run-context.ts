/** What the steps of one run share: its ports, its lease, its clock, and what it has to report. */
import type { Clock } from '../core/clock.ts';
import { SluiceError, isSluiceError, messageOf, type ErrorCode } from '../core/errors.ts';
import type { BatchRecord } from '../state/ports.ts';
import { EarlyWarehouse } from './early-warehouse.ts';
import type { LeaseSession } from './lease.ts';
import type { JobPorts } from './ports.ts';
import type { BatchReport, ErrorReport, ModelReport, RunRequest, StepReport, UsageReport } from './request.ts';

export class RunContext {
  readonly ports: JobPorts;
  readonly request: RunRequest;
  readonly session: LeaseSession;
  /** The run's logical clock. */
  readonly clock: Clock;
  /** RFC 3339 UTC. */
  readonly logicalTime: string;
  readonly warehouse: EarlyWarehouse;
  readonly steps: StepReport[] = [];
  readonly models: ModelReport[] = [];
  readonly warnings: string[] = [];
  readonly errors: SluiceError[] = [];
  /** Set when the warehouse is closed. */
  usage: UsageReport | undefined;
  readonly #batches = new Map<number, BatchReport>();
  #refresh: BatchReport | undefined;

  constructor(ports: JobPorts, request: RunRequest, session: LeaseSession, clock: Clock, logicalTime: string) {
    this.ports = ports;
    this.request = request;
    this.session = session;
    this.warehouse = new EarlyWarehouse(ports, session);
    this.clock = clock;
    this.logicalTime = logicalTime;
  }

  get signal(): AbortSignal {
    return this.session.signal;
  }

  /** Throws what ended the run from outside: Ctrl-C, a lost lease. */
  checkAborted(): void {
    if (!this.signal.aborted) return;
    const reason: unknown = this.signal.reason;
    throw isSluiceError(reason)
      ? reason
      : new SluiceError('interrupted', 'interrupted; the next run goes on from here', { cause: reason });
  }

  /** Says a thing once, however many steps come upon it. */
  warn(message: string): void {
    if (this.warnings.includes(message)) return;
    this.warnings.push(message);
    this.ports.observer.warn(message);
  }

  /** A failure that does not end the run: the other steps still do what they can. */
  fail(error: unknown): void {
    this.checkAborted();
    const known = isSluiceError(error) ? error : new SluiceError('internal', messageOf(error), { cause: error });
    if (known.code === 'lease_lost' || known.code === 'interrupted') throw known;
    // Usage and configuration mistakes end the run as such while nothing has been done yet (exit status 2).
    const isFirst = this.#batches.size === 0 && !this.steps.some((step) => step.state === 'done');
    if (known.exitCode === 2 && isFirst) throw known;
    this.errors.push(known);
  }

  noteBatch(batch: BatchRecord): void {
    const { manifest } = batch;
    const ranges = manifest?.ranges ?? (batch.intent.kind === 'stream' ? batch.intent.ranges : []);
    this.#batches.set(batch.seq, {
      id: batch.id,
      kind: batch.kind,
      state: batch.state,
      logicalTime: batch.logicalTime,
      read: manifest?.counts.read ?? 0,
      landed: manifest?.counts.landed ?? 0,
      quarantined: manifest?.counts.quarantined ?? 0,
      ranges: ranges.map(({ topic, partition, from, to }) => ({ topic, partition, from, to })),
    });
  }

  noteState(seq: number, state: string): void {
    const known = this.#batches.get(seq);
    if (known !== undefined) this.#batches.set(seq, { ...known, state });
  }

  noteRefresh(report: BatchReport): void {
    this.#refresh = report;
  }

  batchReports(): readonly BatchReport[] {
    const batches = [...this.#batches.entries()].sort(([left], [right]) => left - right).map(([, report]) => report);
    return this.#refresh === undefined ? batches : [...batches, this.#refresh];
  }

  errorReports(): readonly ErrorReport[] {
    return this.errors.map((error) => ({
      code: error.code satisfies ErrorCode,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    }));
  }

  /** Runs one step, times it, and keeps a failure for the report. Resolves to undefined when it failed. */
  async step<T>(name: string, work: () => Promise<T>, rowsOf: (result: T) => number): Promise<T | undefined> {
    const startedAt = this.ports.clock.monotonic();
    const failuresBefore = this.errors.length;
    const seconds = (): number => Math.round(this.ports.clock.monotonic() - startedAt) / 1000;
    try {
      const result = await work();
      const failed = this.errors.length > failuresBefore;
      this.steps.push({ name, state: failed ? 'failed' : 'done', rows: rowsOf(result), seconds: seconds() });
      return result;
    } catch (error) {
      this.steps.push({ name, state: 'failed', rows: 0, seconds: seconds() });
      this.fail(error);
      return undefined;
    }
  }

  /** The steps of `names` that were not run are told as skipped; the report has all of them, in this order. */
  skipOthers(names: readonly string[]): void {
    const run = new Map(this.steps.map((step) => [step.name, step]));
    const all = names.map((name) => run.get(name) ?? { name, state: 'skipped' as const, rows: 0, seconds: 0 });
    this.steps.splice(0, this.steps.length, ...all);
  }
}
