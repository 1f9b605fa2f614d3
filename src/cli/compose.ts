/**
 * The composition root: from a target's configuration to the adapters behind the ports. Each adapter, and with it its vendor package, is
 * imported when it is first asked for, so that a command pays only for what it uses.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LandingConfig, StateConfig, StreamConfig } from '../config/target.ts';
import { isSluiceError } from '../core/errors.ts';
import type { JobDefinition } from '../core/job.ts';
import type { ObjectStore, SnapshotSource, StreamSource } from '../ingest/ports.ts';
import type { WarehouseGate } from '../pipeline/ports.ts';
import type { KnexStateStore } from '../adapters/knex-state/knex-state-store.ts';
import type { JobLedger } from '../state/job-ledger.ts';
import type { StateStore } from '../state/ports.ts';
import type { CliContext } from './context.ts';
import type { Failpoint } from './failpoint.ts';
import { googleIdentity } from './google-credentials.ts';
import { makeFolder } from './make-folder.ts';
import { environmentLookup, type OpenProject } from './open-project.ts';
import { systemClock } from './system-clock.ts';
import { warehouseGate, type GateSurroundings } from './warehouse-gate.ts';

/** Opens landing and state once, on first use, and closes in the reverse order whatever was opened. */
export class Composition {
  readonly #context: CliContext;
  readonly #project: OpenProject;
  /** Only in tests. */
  readonly #failpoint: Failpoint | null;
  readonly #opened = new Map<string, Promise<{ close(): Promise<void> }>>();

  constructor(context: CliContext, project: OpenProject, failpoint: Failpoint | null = null) {
    this.#context = context;
    this.#project = project;
    this.#failpoint = failpoint;
  }

  /** A new one each time: who asks for it closes it. */
  async stream(): Promise<StreamSource> {
    const source = await openStream(this.#project.target.stream(), (message) => this.#warn(message));
    return this.#failpoint?.stream(source) ?? source;
  }

  landing(): Promise<ObjectStore> {
    return this.#once('landing', async () => {
      const store = await openLanding(this.#project.target.landing(), this.#context);
      return this.#failpoint?.landing(store) ?? store;
    });
  }

  /** Migrated, ready for use. */
  state(): Promise<KnexStateStore> {
    return this.#once('state', async () => {
      const opened = await openState(this.#project.target.state());
      const store = this.#failpoint?.state(opened) ?? opened;
      await store.migrate();
      return this.#withoutSecrets(store);
    });
  }

  /** For commands that only look: where there is no state database yet, none is made. */
  async stateForReading(): Promise<StateStore> {
    const config = this.#project.target.state();
    if (config.type !== 'sqlite' || existsSync(config.path)) return this.state();
    const { createMemoryStateStore } = await import('../adapters/memory/state-store.ts');
    return createMemoryStateStore(systemClock);
  }

  /** The message of a failed run is kept, and it may repeat what a vendor's library said. */
  #withoutSecrets(store: KnexStateStore): KnexStateStore {
    const redact = (text: string): string => this.#context.redactor.redact(text);
    return {
      ...store,
      startRun: (run, lease) => store.startRun({ ...run, command: redact(run.command) }, lease),
      finishRun: (runId, result, lease) =>
        store.finishRun(runId, { ...result, error: result.error === null ? null : redact(result.error) }, lease),
    };
  }

  /** The job's REST listing; null when it has none, or (unless `required`) when its environment is not there. */
  async snapshot(job: JobDefinition, required: boolean): Promise<SnapshotSource | null> {
    if (job.snapshot === null) return null;
    try {
      const endpoint = job.snapshot.endpoint(environmentLookup(this.#context, `the snapshot of job ${job.name}`));
      const { createRestSnapshotSource } = await import('../adapters/rest/snapshot-source.ts');
      const source = createRestSnapshotSource(endpoint, { clock: systemClock });
      return this.#failpoint?.snapshot(source) ?? source;
    } catch (error) {
      if (!required && isSluiceError(error, 'env_missing')) return null;
      throw error;
    }
  }

  /** Opens nothing by itself. */
  warehouseGate(use: Omit<GateSurroundings, 'landing' | 'ledger' | 'identity'>): WarehouseGate {
    const { target } = this.#project;
    const landing = (): Promise<ObjectStore | null> => (target.has('landing') ? this.landing() : Promise.resolve(null));
    const gate = warehouseGate(target.warehouse(), {
      ...use,
      landing,
      ledger: () => this.#ledger(),
      identity: (config) => googleIdentity(config, this.#context),
    });
    return this.#failpoint?.warehouse(gate) ?? gate;
  }

  /** Warehouse jobs outlive this process where there is a state store to remember them. */
  async #ledger(): Promise<JobLedger> {
    if (this.#project.target.has('state')) return (await this.state()).jobs;
    const { MemoryJobLedger } = await import('../adapters/memory/job-ledger.ts');
    return new MemoryJobLedger();
  }

  /** What did not work out but does not matter to the command. */
  #warn(message: string): void {
    const { output } = this.#context;
    output.note(`${output.colours.yellow('warning')}: ${message}`);
  }

  async close(): Promise<void> {
    const opened = [...this.#opened.values()].reverse();
    this.#opened.clear();
    // What failed to open was reported by whoever asked for it.
    for (const part of opened) await part.then((resource) => resource.close()).catch(() => undefined);
  }

  #once<T extends { close(): Promise<void> }>(name: string, open: () => Promise<T>): Promise<T> {
    const known = this.#opened.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const opening = open();
    this.#opened.set(name, opening);
    return opening;
  }
}

async function openStream(config: StreamConfig, warn: (message: string) => void): Promise<StreamSource> {
  if (config.type === 'topic_log') {
    const [{ TopicLog }, { TopicLogStream }] = await Promise.all([
      import('../adapters/topic-log/topic-log.ts'),
      import('../adapters/topic-log/stream.ts'),
    ]);
    return new TopicLogStream(new TopicLog(config.path));
  }
  const { KafkaStream } = await import('../adapters/kafka/stream.ts');
  return new KafkaStream(config, { onWarning: warn });
}

async function openLanding(config: LandingConfig, context: CliContext): Promise<ObjectStore> {
  if (config.type === 'local') {
    const { createLocalFilesObjectStore } = await import('../adapters/local-files/object-store.ts');
    return createLocalFilesObjectStore(config.path);
  }
  const [{ createGcsObjectStore }, { DEFAULT_RETRY }] = await Promise.all([
    import('../adapters/gcs/object-store.ts'),
    import('../adapters/gcs/retrying.ts'),
  ]);
  const { requestTimeoutMs } = config;
  const options = { ...config, identity: googleIdentity(config, context) };
  if (requestTimeoutMs === null) return createGcsObjectStore(options);
  return createGcsObjectStore(options, { retry: { ...DEFAULT_RETRY, timeoutMs: requestTimeoutMs } });
}

async function openState(config: StateConfig): Promise<KnexStateStore> {
  const { createKnexStateStore } = await import('../adapters/knex-state/knex-state-store.ts');
  if (config.type === 'postgres') {
    const { url, requestTimeoutMs } = config;
    return createKnexStateStore(
      { client: 'postgres', url: url.reveal() },
      { clock: systemClock, ...(requestTimeoutMs === null ? {} : { maxWaitMs: requestTimeoutMs }) },
    );
  }
  await makeFolder(dirname(config.path));
  return createKnexStateStore({ client: 'sqlite', path: config.path }, { clock: systemClock });
}

/** Runs `work` with a composition and closes it, whatever happens. */
export async function composed<T>(
  context: CliContext,
  project: OpenProject,
  work: (composition: Composition) => Promise<T>,
): Promise<T> {
  const { env } = context;
  const failpoint = env['SLUICE_FAILPOINT'] === undefined ? null : (await import('./failpoint.ts')).failpointOf(env);
  const composition = new Composition(context, project, failpoint);
  try {
    return await work(composition);
  } finally {
    await composition.close();
  }
}
