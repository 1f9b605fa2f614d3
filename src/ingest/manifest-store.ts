/** Manifests and admissions as objects of landing. The manifest is written last and create-only: what it names is what the batch is. */
import type { Admission, BatchIntent, Manifest } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import { manifestName, manifestsPrefix, parseManifestName, type ManifestFile } from '../core/object-key.ts';
import type { ObjectStore } from './ports.ts';

async function writeJson(store: ObjectStore, name: string, value: unknown, guard: () => Promise<void>): Promise<void> {
  const writer = await store.create(name);
  try {
    await writer.write(Buffer.from(`${JSON.stringify(value)}\n`, 'utf8'));
    await writer.commit(guard);
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

async function readJson(store: ObjectStore, name: string): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.read(name)) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch (error) {
    throw new SluiceError('manifest_invalid', `landing object ${name} is not the JSON that sluice wrote`, {
      cause: error,
      hint: 'Restore the object from a backup of the landing store; nothing was changed.',
    });
  }
}

function checkManifest(value: unknown, job: string, seq: number, name: string): Manifest {
  const manifest = value as Partial<Manifest> | null;
  const isOurs =
    typeof manifest === 'object' &&
    manifest !== null &&
    manifest.version === 1 &&
    manifest.job === job &&
    manifest.seq === seq &&
    Array.isArray(manifest.objects) &&
    Array.isArray(manifest.ranges);
  if (!isOurs) {
    throw new SluiceError('manifest_invalid', `landing object ${name} is no manifest of job ${job}, batch ${seq}`, {
      hint: 'Restore the object from a backup of the landing store; nothing was changed.',
    });
  }
  return manifest as Manifest;
}

export async function writeManifest(store: ObjectStore, manifest: Manifest, guard: () => Promise<void>): Promise<void> {
  await writeJson(store, manifestName(manifest.job, manifest.seq), manifest, guard);
}

/** undefined when the batch is not sealed. */
export async function readManifest(store: ObjectStore, job: string, seq: number): Promise<Manifest | undefined> {
  const name = manifestName(job, seq);
  if ((await store.stat(name)) === undefined) return undefined;
  return checkManifest(await readJson(store, name), job, seq, name);
}

/** A refusal and a later acceptance are two objects: nothing in landing is ever rewritten. */
export async function writeAdmission(
  store: ObjectStore,
  job: string,
  seq: number,
  admission: Admission,
  guard: () => Promise<void>,
): Promise<void> {
  const file: ManifestFile = admission.accepted ? 'accepted' : 'admission';
  await writeJson(store, manifestName(job, seq, file), admission, guard);
}

export async function readAdmission(store: ObjectStore, job: string, seq: number): Promise<Admission | null> {
  for (const file of ['accepted', 'admission'] as const) {
    const name = manifestName(job, seq, file);
    if ((await store.stat(name)) !== undefined) return (await readJson(store, name)) as Admission;
  }
  return null;
}

/** A batch that is planned and not sealed, as landing keeps it. */
export interface OpenBatch {
  readonly seq: number;
  /** RFC 3339 UTC. */
  readonly logicalTime: string;
  readonly intent: BatchIntent;
}

interface IntentObject extends OpenBatch {
  readonly version: 1;
  readonly job: string;
}

/**
 * Landing alone must tell of every number below its newest manifest: so before a batch is sealed, the intents of the open ones with smaller
 * numbers are written. A state store rebuilt from landing then knows them too, and one that was set back sees that landing is ahead of it.
 */
export async function writeIntent(
  store: ObjectStore,
  job: string,
  { seq, logicalTime, intent }: OpenBatch,
  guard: () => Promise<void>,
): Promise<void> {
  const name = manifestName(job, seq, 'intent');
  if ((await store.stat(name)) !== undefined) return;
  const value: IntentObject = { version: 1, job, seq, logicalTime, intent };
  await writeJson(store, name, value, guard);
}

async function readIntent(store: ObjectStore, job: string, seq: number): Promise<OpenBatch> {
  const name = manifestName(job, seq, 'intent');
  const value = (await readJson(store, name)) as Partial<IntentObject> | null;
  const { logicalTime, intent } = value ?? {};
  if (
    value?.version !== 1 ||
    value.job !== job ||
    value.seq !== seq ||
    logicalTime === undefined ||
    intent === undefined
  ) {
    throw new SluiceError('manifest_invalid', `landing object ${name} is no intent of job ${job}, batch ${seq}`, {
      hint: 'Restore the object from a backup of the landing store; nothing was changed.',
    });
  }
  return { seq, logicalTime, intent };
}

/** Whether landing knows a batch of this number. */
export async function isInLanding(store: ObjectStore, job: string, seq: number): Promise<boolean> {
  const found = await Promise.all(
    (['manifest', 'intent'] as const).map((file) => store.stat(manifestName(job, seq, file))),
  );
  return found.some((object) => object !== undefined);
}

export interface SealedBatch {
  readonly manifest: Manifest;
  readonly admission: Admission | null;
}

export interface LandedBatches {
  readonly sealed: readonly SealedBatch[];
  /** Planned, not sealed, with a sealed one behind them. */
  readonly open: readonly OpenBatch[];
}

/** Every batch of the job that landing knows, in order of number. */
export async function readLandedBatches(store: ObjectStore, job: string): Promise<LandedBatches> {
  const files = new Map<number, Set<ManifestFile>>();
  for await (const name of store.list(manifestsPrefix(job))) {
    const parsed = parseManifestName(job, name);
    if (parsed === undefined) continue;
    files.set(parsed.seq, (files.get(parsed.seq) ?? new Set()).add(parsed.file));
  }
  const sealed: SealedBatch[] = [];
  const open: OpenBatch[] = [];
  for (const [seq, found] of [...files].sort(([left], [right]) => left - right)) {
    const manifest = found.has('manifest') ? await readManifest(store, job, seq) : undefined;
    if (manifest !== undefined) {
      const isDecided = found.has('admission') || found.has('accepted');
      sealed.push({ manifest, admission: isDecided ? await readAdmission(store, job, seq) : null });
    } else if (found.has('intent')) open.push(await readIntent(store, job, seq));
  }
  return { sealed, open };
}

/** Every sealed batch of the job in order of number, from landing alone. */
export async function readSealedBatches(store: ObjectStore, job: string): Promise<readonly SealedBatch[]> {
  return (await readLandedBatches(store, job)).sealed;
}
