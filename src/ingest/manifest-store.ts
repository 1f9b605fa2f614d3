/** Manifests and admissions as objects of landing. The manifest is written last and create-only: what it names is what the batch is. */
import type { Admission, Manifest } from '../core/batch.ts';
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

export interface SealedBatch {
  readonly manifest: Manifest;
  readonly admission: Admission | null;
}

/** Every sealed batch of the job in order of number, from landing alone. */
export async function readSealedBatches(store: ObjectStore, job: string): Promise<readonly SealedBatch[]> {
  const seqs = new Set<number>();
  for await (const name of store.list(manifestsPrefix(job))) {
    const parsed = parseManifestName(job, name);
    if (parsed?.file === 'manifest') seqs.add(parsed.seq);
  }
  const batches: SealedBatch[] = [];
  for (const seq of [...seqs].sort((left, right) => left - right)) {
    const manifest = await readManifest(store, job, seq);
    if (manifest === undefined) continue;
    const admission = manifest.kind === 'snapshot' ? await readAdmission(store, job, seq) : null;
    batches.push({ manifest, admission });
  }
  return batches;
}
