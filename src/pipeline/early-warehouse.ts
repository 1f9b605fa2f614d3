/**
 * Opens the warehouse of a run, where that pays a moment before landing is over: DuckDB opens its file and reads its catalogue on a thread of its
 * own (45 ms of an hourly run of 1.2 s), while this process still works on the batch's records. Whoever else wants the file is kept from it no longer
 * than IDLE_MS by that.
 */
import type { LeaseSession } from './lease.ts';
import type { OpenOptions, OpenWarehouse, WarehouseGate } from './ports.ts';

/** An open warehouse that nobody has taken by then is closed again: a broker that stalls must not keep others from the file. */
const IDLE_MS = 1000;

interface Opening {
  readonly warehouse: Promise<OpenWarehouse>;
  /** Ends the waiting for another process. */
  readonly abort: AbortController;
  readonly timer: NodeJS.Timeout;
}

export class EarlyWarehouse {
  readonly #gate: WarehouseGate;
  readonly #session: LeaseSession;
  #opening: Opening | undefined;
  #isOver = false;

  constructor(gate: WarehouseGate, session: LeaseSession) {
    this.#gate = gate;
    this.#session = session;
  }

  /** The warehouse will be asked for very soon. Does nothing where opening is cheap, and from the second time on. */
  expect(): void {
    if (this.#isOver || this.#gate.openEarly === undefined) return;
    this.#isOver = true;
    const abort = new AbortController();
    const warehouse = this.#openEarly(AbortSignal.any([this.#session.signal, abort.signal]));
    // Whoever takes it meets the failure.
    warehouse.catch(() => undefined);
    const timer = setTimeout(() => void this.close(), IDLE_MS);
    this.#opening = { warehouse, abort, timer };
  }

  async #openEarly(signal: AbortSignal): Promise<OpenWarehouse> {
    const { guard } = this.#session;
    await guard();
    const options = { signal, guard };
    return this.#gate.openEarly?.(options) ?? this.#gate.open(options);
  }

  /** The warehouse that was opened early, or one opened now. The caller closes it. */
  async take(options: Pick<OpenOptions, 'replaceDamaged'>): Promise<OpenWarehouse> {
    this.#isOver = true;
    const opening = this.#opening;
    this.#opening = undefined;
    clearTimeout(opening?.timer);
    const { signal, guard } = this.#session;
    await guard();
    return opening?.warehouse ?? this.#gate.open({ signal, guard, ...options });
  }

  /** Closes what was opened early and not taken. What fails here failed nobody. */
  async close(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#opening = undefined;
    clearTimeout(opening.timer);
    opening.abort.abort();
    await opening.warehouse.then((warehouse) => warehouse.close()).catch(() => undefined);
  }
}
