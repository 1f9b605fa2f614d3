/**
 * The dead letters of a job, read from landing by its sealed manifests: no warehouse is needed to look at what was put aside. A record that was judged again by a replay
 * counts once, with its newest verdict; one that a replay landed is marked.
 */
import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import type { Manifest, ManifestObject } from '../../core/batch.ts';
import { SluiceError } from '../../core/errors.ts';
import type { ObjectStore } from '../../ingest/ports.ts';

export interface DeadLetter {
  readonly batchId: string;
  /** `topic/partition@offset`, or `snapshot/page/row` of a REST row. */
  readonly position: string;
  /** Broker timestamp of an event. */
  readonly timestamp: string | null;
  readonly reasonCode: string;
  readonly reason: string;
  readonly jsonPath: string | null;
  readonly keyBase64: string | null;
  readonly valueBase64: string | null;
  readonly replayed: boolean;
}

export interface DeadLetterSelection {
  readonly reason?: string;
  readonly batch?: string;
}

type Line = Readonly<Record<string, unknown>>;

/** Oldest first. */
export async function readDeadLetters(
  landing: ObjectStore,
  manifests: readonly Manifest[],
  selection: DeadLetterSelection,
): Promise<readonly DeadLetter[]> {
  if (selection.batch !== undefined) checkBatch(manifests, selection.batch);
  const landed = await replayedPositions(landing, manifests);
  const newest = new Map<string, DeadLetter>();
  for (const manifest of manifests) {
    for (const object of manifest.objects.filter(({ role }) => role === 'dead')) {
      for await (const line of objectLines(landing, object)) {
        const letter = deadLetter(line, manifest.batchId, landed);
        newest.delete(letter.position);
        newest.set(letter.position, letter);
      }
    }
  }
  return [...newest.values()].filter(
    (letter) =>
      (selection.reason === undefined || letter.reasonCode === selection.reason) &&
      (selection.batch === undefined || letter.batchId === selection.batch),
  );
}

function checkBatch(manifests: readonly Manifest[], batch: string): void {
  if (manifests.some((manifest) => manifest.batchId === batch)) return;
  throw new SluiceError('usage', `--batch: there is no sealed batch "${batch}"`, {
    hint: 'sluice job status <job> lists the newest batches',
  });
}

/** Replays hold what was mended, so they are few and small. */
async function replayedPositions(landing: ObjectStore, manifests: readonly Manifest[]): Promise<ReadonlySet<string>> {
  const positions = new Set<string>();
  for (const manifest of manifests.filter(({ kind }) => kind === 'replay')) {
    for (const object of manifest.objects.filter(({ role }) => role === 'stream' || role === 'snapshot')) {
      for await (const line of objectLines(landing, object)) positions.add(positionOf(line));
    }
  }
  return positions;
}

function positionOf(line: Line): string {
  if (typeof line['_topic'] !== 'string')
    return `${text(line, '_snapshot_id')}/${text(line, '_page')}/${text(line, '_row')}`;
  const epoch = Number(line['_epoch'] ?? 0);
  return `${line['_topic']}${epoch === 0 ? '' : `#${epoch}`}/${text(line, '_partition')}@${text(line, '_offset')}`;
}

function deadLetter(line: Line, batchId: string, landed: ReadonlySet<string>): DeadLetter {
  const position = positionOf(line);
  const optional = (name: string): string | null => (typeof line[name] === 'string' ? line[name] : null);
  return {
    batchId,
    position,
    timestamp: optional('_timestamp'),
    reasonCode: text(line, 'reason_code'),
    reason: text(line, 'reason'),
    jsonPath: optional('json_path'),
    keyBase64: optional('key_base64'),
    valueBase64: optional('value_base64'),
    replayed: landed.has(position),
  };
}

function text(line: Line, name: string): string {
  const value = line[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

async function* objectLines(landing: ObjectStore, object: ManifestObject): AsyncGenerator<Line> {
  const bytes = Readable.from(landing.read(object.name));
  const plain = object.name.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  // An error of the source does not travel through `pipe` by itself.
  if (plain !== bytes) bytes.on('error', (error) => plain.destroy(error));
  for await (const line of createInterface({ input: plain, crlfDelay: Infinity })) {
    if (line !== '') yield parseLine(line, object.name);
  }
}

function parseLine(line: string, object: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch (error) {
    throw new SluiceError('object_corrupt', `landing object ${object} holds a line that is not JSON`, { cause: error });
  }
}

/** Bytes for people: the text where it is UTF-8 without control characters, else base64. */
export function readable(base64: string | null): string | null {
  if (base64 === null) return null;
  try {
    const decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(base64, 'base64'));
    return hasControls(decoded) ? `base64:${base64}` : decoded;
  } catch {
    return `base64:${base64}`;
  }
}

/** Bytes of strangers go to a terminal here: escape sequences must not. */
function hasControls(text: string): boolean {
  return /[\p{Cc}\p{Cf}]/u.test(text.replaceAll(/[\n\t]/g, ''));
}
