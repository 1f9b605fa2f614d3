/**
 * Opens the warehouse of a run, where that pays a moment before landing is over: DuckDB opens its file and reads its catalogue on a thread of its
 * own (45 ms of an hourly run of 1.2 s), while this process still works on the batch's records. Whoever else wants the file is kept from it no longer
 * than IDLE_MS by that.
 */
import type { LeaseSession } from './lease.ts';
import type { JobPorts, OpenOptions, OpenWarehouse } from './ports.ts';

/** An open warehouse that nobody has taken by then is closed again: a broker that stalls must not keep others from the file. */
const IDLE_MS = 1000;

interface Opening {
  readonly warehouse: Promise<OpenWarehouse>;
  /** Ends the waiting for another process. */
  readonly abort: AbortController;
  readonly timer: NodeJS.Timeout;
}

export class EarlyWarehouse {
  readonly #ports: Pick<JobPorts, 'job' | 'warehouse'>;
  readonly #session: LeaseSession;
  #opening: Opening | undefined;
  /** The end of letting go of it: the file is not ours to open again before. */
  #closing: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(ports: Pick<JobPorts, 'job' | 'warehouse'>, session: LeaseSession) {
    this.#ports = ports;
    this.#session = session;
  }

  /** The warehouse will be asked for very soon. Does nothing where opening is cheap, and from the second time on. */
  expect(): void {
    if (this.#isOver || !this.#ports.warehouse.isSlowToOpen) return;
    this.#isOver = true;
    const abort = new AbortController();
    const warehouse = this.#openEarly(AbortSignal.any([this.#session.signal, abort.signal]));
    // Whoever takes it meets the failure.
    warehouse.catch(() => undefined);
    const timer = setTimeout(() => void this.close(), IDLE_MS);
    this.#opening = { warehouse, abort, timer };
  }

  /** With what load asks for first, which costs most the first time; cut short in that, it is closed. */
  async #openEarly(signal: AbortSignal): Promise<OpenWarehouse> {
    const { guard } = this.#session;
    await guard();
    const warehouse = await this.#ports.warehouse.open({ signal, guard });
    try {
      await warehouse.raw.loadedBatches(this.#ports.job);
    } catch (error) {
      await warehouse.close().catch(() => undefined);
      throw error;
    }
    return warehouse;
  }

  /** The warehouse that was opened early, or one opened now. The caller closes it. */
  async take(options: Pick<OpenOptions, 'replaceDamaged'>): Promise<OpenWarehouse> {
    this.#isOver = true;
    const opening = this.#opening;
    this.#opening = undefined;
    clearTimeout(opening?.timer);
    await this.#closing;
    const { signal, guard } = this.#session;
    await guard();
    return opening?.warehouse ?? this.#ports.warehouse.open({ signal, guard, ...options });
  }

  /** Closes what was opened early and not taken. What fails here failed nobody. */
  close(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) return this.#closing;
    this.#opening = undefined;
    clearTimeout(opening.timer);
    opening.abort.abort();
    this.#closing = opening.warehouse.then((warehouse) => warehouse.close()).catch(() => undefined);
    return this.#closing;
  }
}
