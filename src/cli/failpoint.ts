/**
 * Failpoints: every outside effect of a command goes through a port, so all of them can be numbered, and each can be made to fail. Tests set
 * SLUICE_FAILPOINT; without it nothing of this is loaded.
 *
 *   count, trace         says at the end how many effects there were; trace names each on stderr as it begins
 *   <n>:before, :after   the process kills itself (SIGKILL) before or right after its n-th effect
 *   <n>:stop             the process stops itself (SIGSTOP) before it; SIGCONT lets it go on
 *   <n>:error, :lost     the n-th effect throws instead of happening, or happens and its reply is lost
 *
 * Effects that run side by side (ranges, models) may change places from run to run, so a number is a moment of a run rather than a name. Renewals
 * of the lease come by the clock and are not numbered; neither is reading back what is ours (state, landing), which changes nothing.
 */
import { writeSync } from 'node:fs';
import type { Env } from '../config/expression.ts';
import type { Manifest } from '../core/batch.ts';
import { SluiceError, type ErrorCode } from '../core/errors.ts';
import type { JobDefinition } from '../core/job.ts';
import type { ObjectStore, ObjectWriter, SnapshotSource, StreamSource } from '../ingest/ports.ts';
import type { CommitGuard } from '../load/ports.ts';
import type { OpenWarehouse, WarehouseGate } from '../pipeline/ports.ts';
import type { StateStore } from '../state/ports.ts';
import type { ModelSession, ModelWarehouse } from '../transform/index.ts';

const MODES = ['before', 'after', 'stop', 'error', 'lost'] as const;
type Mode = (typeof MODES)[number];

interface Plan {
  readonly number: number;
  readonly mode: Mode;
}

/** What an outside system that does not answer makes of an effect. */
const FAILURES: Readonly<Record<string, ErrorCode>> = {
  state: 'state_unavailable',
  landing: 'store_failed',
  stream: 'broker_unreachable',
  rest: 'rest_failed',
  warehouse: 'warehouse_failed',
  raw: 'load_failed',
  models: 'model_failed',
};

const STATE_EFFECTS: readonly (keyof StateStore)[] = [
  'migrate',
  'acquireLease',
  'releaseLease',
  'planBatch',
  'saveProgress',
  'sealBatch',
  'saveAdmission',
  'markLoaded',
  'markUnloaded',
  'markPublished',
  'startRun',
  'finishRun',
  'setFact',
  'restore',
];

export class Failpoint {
  readonly #plan: Plan | null;
  readonly #isTrace: boolean;
  #count = 0;

  constructor(setting: string) {
    this.#isTrace = setting === 'trace';
    const match = /^([1-9][0-9]*):([a-z]+)$/.exec(setting);
    const mode = MODES.find((known) => known === match?.[2]);
    this.#plan = mode === undefined ? null : { number: Number(match?.[1]), mode };
    if (this.#plan !== null) return;
    if (setting !== 'count' && setting !== 'trace') {
      throw new SluiceError(
        'usage',
        `SLUICE_FAILPOINT: came "${setting}", expected count, trace or a number with ${MODES.join(', ')}, as in 12:before`,
      );
    }
    process.once('exit', () => {
      say(`failpoint: ${this.#count} effects`);
    });
  }

  state<T extends StateStore>(store: T): T {
    return this.#numbered('state', store, STATE_EFFECTS);
  }

  landing(store: ObjectStore): ObjectStore {
    return replacing(this.#numbered('landing', store, ['delete']), {
      create: async (name: string): Promise<ObjectWriter> =>
        this.#numbered('landing', await store.create(name), ['write', 'commit']),
    });
  }

  stream(source: StreamSource): StreamSource {
    const numbered = this.#numbered('stream', source, ['partitions', 'recordAt', 'commitOffsets']);
    return replacing(numbered, { read: (request) => this.#each('stream.read', source.read(request)) });
  }

  snapshot(source: SnapshotSource): SnapshotSource {
    return replacing(source, { pages: (options) => this.#each('rest.page', source.pages(options)) });
  }

  warehouse(gate: WarehouseGate): WarehouseGate {
    const numbered = this.#numbered('warehouse', gate, ['open']);
    return replacing(numbered, { open: async (options) => this.#opened(await numbered.open(options)) });
  }

  /** A guard runs inside a transaction when all is written and nothing committed: a moment of its own. */
  #opened(warehouse: OpenWarehouse): OpenWarehouse {
    const raw = this.#numbered('raw', warehouse.raw, ['prepare', 'loadBatch', 'loadTogether', 'loadAside']);
    const guarded = (guard: () => Promise<void>) => () => this.#effect('warehouse.commit', guard);
    const loadTogether = warehouse.raw.loadTogether === undefined ? undefined : raw.loadTogether?.bind(raw);
    return replacing(this.#numbered('warehouse', warehouse, ['close']), {
      raw: replacing(raw, {
        ...(loadTogether === undefined
          ? {}
          : {
              loadTogether: (job: JobDefinition, manifests: readonly Manifest[], guard: CommitGuard) =>
                loadTogether(job, manifests, guarded(guard)),
            }),
        loadBatch: (job, batch, hooks) => raw.loadBatch(job, batch, { ...hooks, guard: guarded(hooks.guard) }),
        loadAside: (job, batches, suffix, guard) =>
          raw.loadAside(job, batches, suffix, guarded(guard ?? (() => Promise.resolve()))),
      }),
      models: this.#models(warehouse.models),
    });
  }

  #models<T extends ModelWarehouse>(warehouse: T): T {
    const forNode = warehouse.forNode?.bind(warehouse);
    const session = warehouse.session?.bind(warehouse);
    const members: Partial<ModelWarehouse> = {
      ...(forNode === undefined ? {} : { forNode: (name) => this.#models(forNode(name)) }),
      ...(session === undefined ? {} : { session: async () => this.#publisher(await session()) }),
    };
    return replacing(this.#publisher(warehouse), members as Partial<T>);
  }

  #publisher<T extends Pick<ModelSession, 'execute' | 'publish'>>(publisher: T): T {
    const numbered = this.#numbered('models', publisher, ['execute', 'publish']);
    const members: Partial<Pick<ModelSession, 'publish'>> = {
      publish: (unit, guard = () => Promise.resolve()) =>
        numbered.publish(unit, () => this.#effect('warehouse.commit', guard)),
    };
    return replacing(numbered, members as Partial<T>);
  }

  async *#each<T>(name: string, parts: AsyncIterable<T>): AsyncIterable<T> {
    for await (const part of parts) yield await this.#effect(name, () => Promise.resolve(part));
  }

  #numbered<T extends object>(port: string, target: T, effects: readonly (keyof T & string)[]): T {
    const names = new Set<string | symbol>(effects);
    return new Proxy(target, {
      get: (object, name) => {
        const member: unknown = Reflect.get(object, name, object);
        if (typeof member !== 'function') return member;
        const call = (...values: unknown[]): unknown => Reflect.apply(member, object, values);
        if (!names.has(name)) return call;
        return (...values: unknown[]) =>
          this.#effect(`${port}.${String(name)}`, () => call(...values) as Promise<unknown>);
      },
    });
  }

  async #effect<T>(name: string, effect: () => Promise<T>): Promise<T> {
    const number = ++this.#count;
    if (this.#isTrace) say(`failpoint ${number} ${name}`);
    const mode = this.#plan?.number === number ? this.#plan.mode : null;
    if (mode === 'before') process.kill(process.pid, 'SIGKILL');
    if (mode === 'stop') process.kill(process.pid, 'SIGSTOP');
    if (mode === 'error') throw failure(name, 'did not happen');
    const result = await effect();
    if (mode === 'after') process.kill(process.pid, 'SIGKILL');
    if (mode === 'lost') throw failure(name, 'happened, its reply was lost');
    return result;
  }
}

/** `target` with some members replaced. */
function replacing<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (object, name) => {
      const member: unknown = Reflect.get(name in members ? members : object, name);
      if (typeof member !== 'function' || name in members) return member;
      return (...values: unknown[]): unknown => Reflect.apply(member, object, values);
    },
  });
}

function failure(name: string, what: string): SluiceError {
  const code = FAILURES[name.split('.')[0] ?? ''] ?? 'internal';
  return new SluiceError(code, `failpoint: ${name} ${what}`);
}

/** At once, whatever happens to the process next. */
function say(text: string): void {
  writeSync(2, `${text}\n`);
}

export function failpointOf(env: Env): Failpoint | null {
  const setting = env['SLUICE_FAILPOINT'];
  return setting === undefined || setting === '' ? null : new Failpoint(setting);
}
