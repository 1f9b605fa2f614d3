/**
 * The job's models, and what stands in the warehouse under their names. While the warehouse loads a batch this process is idle, so that they are
 * compiled and looked at meanwhile: loading changes nothing of them.
 */
import type { RelationInfo } from '../core/relation.ts';
import type { ModelRunner, RunnerNode } from './model-runner.ts';
import type { OpenWarehouse } from './ports.ts';
import type { RunContext } from './run-context.ts';
import { WarehouseMarks } from './warehouse-marks.ts';

export interface ModelsFound {
  readonly nodes: readonly RunnerNode[];
  /** `WarehouseMarks.lostModels`. */
  readonly lost: ReadonlySet<string>;
  readonly relations: readonly RelationInfo[];
}

export class ModelsLook {
  readonly marks: WarehouseMarks;
  readonly #isFree: boolean;
  readonly #warehouse: OpenWarehouse;
  readonly #runner: ModelRunner;
  #found: Promise<ModelsFound> | undefined;
  #isOver = false;

  constructor(context: RunContext, warehouse: OpenWarehouse, runner: ModelRunner) {
    this.marks = new WarehouseMarks(context);
    // Elsewhere a question costs money, and who has to ask it is not known before the batch is loaded.
    this.#isFree = context.ports.warehouse.dialect === 'duckdb';
    this.#warehouse = warehouse;
    this.#runner = runner;
  }

  /** Begins. What fails here, the one who takes it is told. Does nothing after the end: objects may be verified later than a load was given up. */
  begin(): void {
    if (this.#isOver) return;
    const begun: Promise<unknown> = this.#isFree ? this.take() : this.#runner.nodes();
    begun.catch(() => undefined);
  }

  take(): Promise<ModelsFound> {
    this.#found ??= this.#look();
    return this.#found;
  }

  /** The warehouse must not be closed while it is asked. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#found?.catch(() => undefined);
  }

  async #look(): Promise<ModelsFound> {
    const nodes = await this.#runner.nodes();
    return { nodes, ...(await this.marks.inspect(this.#warehouse, nodes)) };
  }
}
