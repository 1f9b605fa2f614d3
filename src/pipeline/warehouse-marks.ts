/**
 * Ties a model's table in the warehouse to what the state store says of it. Every publication writes a new mark into the warehouse within
 * its own transaction; the state store remembers the last confirmed mark and the one announced. A table whose mark is neither (the
 * warehouse was lost, replaced, restored from a copy; the state store was) is built anew, whatever the ledger says.
 */
import type { ColumnInfo, RelationInfo, RelationName } from '../core/relation.ts';
import type { ModelRunner, RunnerNode } from './model-runner.ts';
import type { OpenWarehouse } from './ports.ts';
import type { RunContext } from './run-context.ts';

interface KnownMarks {
  readonly confirmed: string | null;
  /** Every mark announced since: a killed run may have committed any of them. */
  readonly announced: readonly string[];
  /** The table's columns as the confirmed publication left them; missing: not known, or not watched. */
  readonly columns?: readonly ColumnInfo[];
}

/** Columns that were there and are gone or of another type; columns that somebody added do no harm. */
function isWhole(known: readonly ColumnInfo[] | undefined, found: readonly ColumnInfo[]): boolean {
  return known?.every(({ name, type }) => found.some((column) => column.name === name && column.type === type)) ?? true;
}

const placeOf = ({ schema, name }: RelationName): string => JSON.stringify([schema, name]);

const factOf = (model: string): string => `mark:${model}`;

const MARK_PATTERN = /^[A-Za-z0-9:._-]{1,200}$/;

export interface Confirmation {
  readonly name: string;
  readonly value: KnownMarks;
}

export class WarehouseMarks {
  readonly #context: RunContext;
  readonly #known = new Map<string, KnownMarks>();
  #hasTable = false;

  constructor(context: RunContext) {
    this.#context = context;
  }

  get #relation(): RelationName {
    const { database, rawSchema } = this.#context.ports.warehouse;
    return { ...(database === undefined ? {} : { database }), schema: rawSchema, name: '_sluice_models' };
  }

  get #table(): string {
    const { warehouse } = this.#context.ports;
    if (warehouse.dialect === 'duckdb') return `"${warehouse.rawSchema.replaceAll('"', '""')}"."_sluice_models"`;
    return `\`${[warehouse.database, warehouse.rawSchema, '_sluice_models'].filter((part) => part !== undefined).join('.')}\``;
  }

  async #marksOf(name: string): Promise<KnownMarks> {
    let known = this.#known.get(name);
    if (known === undefined) {
      const fact = await this.#context.ports.state.getFact(this.#context.ports.job.name, factOf(name));
      known = (fact as KnownMarks | null | undefined) ?? { confirmed: null, announced: [] };
      this.#known.set(name, known);
    }
    return known;
  }

  async #remember(name: string, marks: KnownMarks): Promise<void> {
    await this.#context.ports.state.setFact(this.#context.session.lease, factOf(name), marks);
    this.#known.set(name, marks);
  }

  /** Whether the model was ever published. */
  async isKnown(name: string): Promise<boolean> {
    return (await this.#marksOf(name)).confirmed !== null;
  }

  get #mark(): string {
    const mark = this.#context.ports.runId;
    if (!MARK_PATTERN.test(mark)) throw new RangeError(`run id ${mark} cannot be a mark`);
    return mark;
  }

  /** Makes the mark table when it is missing, and announces this run's mark, before any of the models is published. */
  async announce(warehouse: OpenWarehouse, names: readonly string[]): Promise<void> {
    const types = this.#context.ports.warehouse.dialect === 'duckdb' ? ['varchar', 'varchar'] : ['string', 'string'];
    if (!this.#hasTable) {
      await warehouse.models.execute(
        `create table if not exists ${this.#table} (job ${types[0]}, model ${types[0]}, mark ${types[1]})`,
      );
      this.#hasTable = true;
    }
    for (const name of names) {
      const known = await this.#marksOf(name);
      await this.#remember(name, {
        ...known,
        announced: [...known.announced.filter((mark) => mark !== this.#mark), this.#mark],
      });
    }
  }

  /** For the transaction that publishes the model. */
  statements(name: string): readonly string[] {
    const job = this.#context.ports.job.name;
    return [
      `delete from ${this.#table} where job = '${job}' and model = '${name}'`,
      `insert into ${this.#table} (job, model, mark) values ('${job}', '${name}', '${this.#mark}')`,
    ];
  }

  /**
   * The fact that the model's table is the one with this run's mark. It is set in the transaction that notes what the model published: an
   * older copy of the warehouse must never pass for a table of which the ledger tells more.
   */
  async confirmation(warehouse: OpenWarehouse, node: RunnerNode): Promise<Confirmation> {
    const columns = await this.#columnsOf(warehouse, node);
    return { name: factOf(node.name), value: { confirmed: this.#mark, announced: [], ...columns } };
  }

  /**
   * Only where a look costs nothing and building anew is cheap. On BigQuery a table whose columns were changed by hand is refused by the
   * model's own check (`table_changed`), which names what differs and the command that rebuilds it: that costs money, so a person decides.
   */
  async #columnsOf(warehouse: OpenWarehouse, node: RunnerNode): Promise<Pick<KnownMarks, 'columns'>> {
    if (this.#context.ports.warehouse.dialect !== 'duckdb') return {};
    const found = await warehouse.models.relation(node.relation);
    return found === undefined ? {} : { columns: found.columns.map(({ name, type }) => ({ name, type })) };
  }

  /** The table in the warehouse has this run's mark, and the ledger fits it. */
  confirm(name: string): Promise<void> {
    return this.#remember(name, { confirmed: this.#mark, announced: [] });
  }

  /** The confirmation stands in the state store. */
  noteConfirmed(name: string, { value }: Confirmation): void {
    this.#known.set(name, value);
  }

  /** Published models whose table or mark in the warehouse is not the one that the state store knows, or lacks columns. */
  async lostModels(
    warehouse: OpenWarehouse,
    nodes: Awaited<ReturnType<ModelRunner['nodes']>>,
  ): Promise<ReadonlySet<string>> {
    return (await this.inspect(warehouse, nodes)).lost;
  }

  /** Lost models (`lostModels`), and what stands in the warehouse under the names of the nodes. */
  async inspect(
    warehouse: OpenWarehouse,
    nodes: Awaited<ReturnType<ModelRunner['nodes']>>,
  ): Promise<{ readonly lost: ReadonlySet<string>; readonly relations: readonly RelationInfo[] }> {
    const published: { readonly node: RunnerNode; readonly known: KnownMarks }[] = [];
    for (const node of nodes) {
      if (!node.isPublished) continue;
      const known = await this.#marksOf(node.name);
      if (known.confirmed !== null || known.announced.length > 0) published.push({ node, known });
    }
    // One look for all of them: a warehouse may have to go through its whole catalogue for each.
    const relations = await warehouse.models.relations([this.#relation, ...nodes.map(({ relation }) => relation)]);
    const found = new Map(relations.map((info) => [placeOf(info.relation), info]));
    const stored = found.has(placeOf(this.#relation)) ? await this.#storedMarks(warehouse) : new Map<string, string>();
    const lost = new Set<string>();
    for (const { node, known } of published) {
      const mark = stored.get(node.name) ?? null;
      const isOurs = mark !== null && (mark === known.confirmed || known.announced.includes(mark));
      // Announced and never committed: the table is still what was confirmed before, or nothing.
      const isUntouched = mark === null && known.confirmed === null;
      const stands = found.get(placeOf(node.relation));
      const isWholeTable = stands !== undefined && (mark !== known.confirmed || isWhole(known.columns, stands.columns));
      if (isOurs ? !isWholeTable : !isUntouched) lost.add(node.name);
    }
    return { lost, relations };
  }

  async #storedMarks(warehouse: OpenWarehouse): Promise<ReadonlyMap<string, string>> {
    this.#hasTable = true;
    const { job } = this.#context.ports;
    const { rows } = await warehouse.models.query(`select model, mark from ${this.#table} where job = '${job.name}'`);
    return new Map(rows.map(([model, mark]) => [String(model), String(mark)]));
  }
}
