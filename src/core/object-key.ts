/**
 * Names of landing objects (DESIGN.md §2): made from what the object contains, never from the clock or from chance, so that
 * the same intent writes the same names. Below the job's prefix:
 *
 *   <job>/stream/<topic>/<epoch>/<partition>/<from, 20 digits>-<to, 20 digits>.ndjson[.gz]
 *   <job>/dead-letter/<topic>/<epoch>/<partition>/<from>-<to>.ndjson[.gz]
 *   <job>/snapshot/<snapshotId>/rows-<5 digits>.ndjson[.gz], dead-<5 digits>…, pages/<7 digits>.json[.gz]
 *   <job>/replay/<batchId>/rows-<5 digits>.ndjson[.gz], dead-<5 digits>…
 *   <job>/manifests/<12 digits>.json, <12 digits>.intent.json, <12 digits>.admission.json, <12 digits>.accepted.json
 *
 * Text from outside (topic, job) is encoded injectively: different texts never share a name, no text leaves its place in the
 * path, and the result is a legal file name everywhere. Digits are padded so that ascending names are ascending numbers.
 */
import { SluiceError } from './errors.ts';
import type { OffsetRange } from './record.ts';

export interface ObjectFormat {
  readonly gzip: boolean;
}

/** Kafka allows topics of 249 characters; they stay one segment. File systems stop at 255 bytes. */
const MAX_SEGMENT_BYTES = 249;
/** GCS allows 1024 bytes for a whole object name; the fixed parts of our longest name need less than 200. */
const MAX_TEXT_BYTES = 700;
const MAX_NAME_BYTES = 1024;

const PLAIN = /^[A-Za-z0-9._-]$/;
/** Windows opens devices under these names, whatever the extension. */
const DEVICE_NAME = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;
/** Segments as `encodeText` and the functions below make them; no leading dot, so hidden files are free for adapters. */
const SEGMENT = /^[A-Za-z0-9_%-][A-Za-z0-9._%-]*$/;

/**
 * One text as a path part: percent-encoded UTF-8 outside of `[A-Za-z0-9._-]`, and for a leading or trailing dot and device
 * names (so `.`, `..`, `con` never stand there). Longer than a file name may be: cut into several segments, each but the last
 * ending in a bare `%`, which no encoded text does, and each but the first beginning with an encoded character.
 */
export function encodeText(text: string): string {
  if (text === '') return '%';
  if (text.length > MAX_TEXT_BYTES) throw tooLong(text);
  const characters = Array.from(text);
  const encodeFirst = text.startsWith('.') || DEVICE_NAME.test(text);
  let encoded = '';
  let segmentBytes = 0;
  for (const [at, character] of characters.entries()) {
    const exposed = at === 0 ? encodeFirst : at === characters.length - 1 && character === '.';
    let piece = PLAIN.test(character) && !exposed ? character : percent(character);
    if (segmentBytes + piece.length > MAX_SEGMENT_BYTES) {
      encoded += '%/';
      segmentBytes = 0;
      piece = percent(character);
    }
    encoded += piece;
    segmentBytes += piece.length;
  }
  if (encoded.length > MAX_TEXT_BYTES) throw tooLong(text);
  return encoded;
}

function tooLong(text: string): SluiceError {
  return new SluiceError(
    'unsupported',
    `The name "${text.slice(0, 60)}…" takes more than ${String(MAX_TEXT_BYTES)} bytes in an object name, the most that is possible.`,
    { hint: 'Use a shorter topic or job name.' },
  );
}

/** The text that `encodeText` encoded; undefined when it is not such a result. */
export function decodeText(encoded: string): string | undefined {
  if (encoded === '%') return '';
  const text = encoded.length > MAX_TEXT_BYTES ? undefined : decodePercent(encoded.replaceAll('%/', ''));
  return text !== undefined && text !== '' && encodeText(text) === encoded ? text : undefined;
}

/** Generalised UTF-8 (a lone surrogate takes three bytes), because replacing it would make two names one. */
function percent(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0;
  const bytes =
    codePoint < 0x80
      ? [codePoint]
      : codePoint < 0x800
        ? [0xc0 | (codePoint >> 6), tail(codePoint)]
        : codePoint < 0x10000
          ? [0xe0 | (codePoint >> 12), tail(codePoint >> 6), tail(codePoint)]
          : [0xf0 | (codePoint >> 18), tail(codePoint >> 12), tail(codePoint >> 6), tail(codePoint)];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

function decodePercent(text: string): string | undefined {
  let result = '';
  for (let at = 0; at < text.length;) {
    if (text[at] !== '%') {
      result += text[at++] ?? '';
      continue;
    }
    const first = byteAt(text, at);
    if (first === undefined) return undefined;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let codePoint = length === 1 ? first : first & (0xff >> (length + 1));
    for (let next = 1; next < length; next++) {
      const byte = byteAt(text, at + 3 * next);
      if (byte === undefined) return undefined;
      codePoint = (codePoint << 6) | (byte & 0x3f);
    }
    if (codePoint > 0x10ffff) return undefined;
    result += String.fromCodePoint(codePoint);
    at += 3 * length;
  }
  return result;
}

function byteAt(text: string, at: number): number | undefined {
  const digits = text.slice(at + 1, at + 3);
  return text[at] === '%' && /^[0-9A-F]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** Throws for a name that this module cannot have made. Every adapter calls it first, so nothing else reaches a file system. */
export function checkObjectName(name: string): void {
  const ok = name.length <= MAX_NAME_BYTES && name.split('/').every(isSegment);
  if (!ok) throw badName(name);
}

/** As `checkObjectName`, for prefixes: they end with `/`; the empty one means everything. */
export function checkObjectPrefix(prefix: string): void {
  if (prefix === '') return;
  if (!prefix.endsWith('/')) throw badName(prefix);
  checkObjectName(prefix.slice(0, -1));
}

function isSegment(segment: string): boolean {
  return segment.length <= 255 && SEGMENT.test(segment);
}

function badName(name: string): SluiceError {
  const shown = JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}…` : name);
  return new SluiceError('internal', `${shown} is no name of a landing object: core/object-key.ts makes them.`);
}

export function jobPrefix(job: string): string {
  return `${encodeText(job)}/`;
}

export function streamPrefix(job: string): string {
  return `${jobPrefix(job)}stream/`;
}

export function streamObjectName(job: string, range: OffsetRange, format: ObjectFormat): string {
  return `${streamPrefix(job)}${rangePath(range)}.${ndjson(format)}`;
}

/** The dead letters of the same range. */
export function deadLetterObjectName(job: string, range: OffsetRange, format: ObjectFormat): string {
  return `${jobPrefix(job)}dead-letter/${rangePath(range)}.${ndjson(format)}`;
}

function rangePath(range: OffsetRange): string {
  const { topic, epoch, partition, from, to } = range;
  return `${encodeText(topic)}/${digits(epoch, 1)}/${digits(partition, 1)}/${digits(from, 20)}-${digits(to, 20)}`;
}

export function snapshotPrefix(job: string, snapshotId: string): string {
  return `${jobPrefix(job)}snapshot/${encodeText(snapshotId)}/`;
}

export function snapshotRowsName(job: string, snapshotId: string, part: number, format: ObjectFormat): string {
  return `${snapshotPrefix(job, snapshotId)}rows-${digits(part, 5)}.${ndjson(format)}`;
}

export function snapshotDeadName(job: string, snapshotId: string, part: number, format: ObjectFormat): string {
  return `${snapshotPrefix(job, snapshotId)}dead-${digits(part, 5)}.${ndjson(format)}`;
}

export function snapshotPagesPrefix(job: string, snapshotId: string): string {
  return `${snapshotPrefix(job, snapshotId)}pages/`;
}

export function snapshotPageName(job: string, snapshotId: string, page: number, format: ObjectFormat): string {
  return `${snapshotPagesPrefix(job, snapshotId)}${digits(page, 7)}.json${format.gzip ? '.gz' : ''}`;
}

export function replayPrefix(job: string, batchId: string): string {
  return `${jobPrefix(job)}replay/${encodeText(batchId)}/`;
}

export function replayRowsName(job: string, batchId: string, part: number, format: ObjectFormat): string {
  return `${replayPrefix(job, batchId)}rows-${digits(part, 5)}.${ndjson(format)}`;
}

export function replayDeadName(job: string, batchId: string, part: number, format: ObjectFormat): string {
  return `${replayPrefix(job, batchId)}dead-${digits(part, 5)}.${ndjson(format)}`;
}

export function manifestsPrefix(job: string): string {
  return `${jobPrefix(job)}manifests/`;
}

/**
 * What stands beside a batch: its sealed manifest, the guard's verdict on a snapshot, an operator's acceptance of it; the intent of a batch that
 * was still open when one with a larger number was sealed.
 */
export type ManifestFile = 'manifest' | 'intent' | 'admission' | 'accepted';

const MANIFEST_SUFFIX: Readonly<Record<ManifestFile, string>> = {
  manifest: '.json',
  intent: '.intent.json',
  admission: '.admission.json',
  accepted: '.accepted.json',
};

export function manifestName(job: string, seq: number, file: ManifestFile = 'manifest'): string {
  return `${manifestsPrefix(job)}${digits(seq, 12)}${MANIFEST_SUFFIX[file]}`;
}

/** Reads a listed name under `manifestsPrefix` back; undefined for a foreign object. */
export function parseManifestName(
  job: string,
  name: string,
): { readonly seq: number; readonly file: ManifestFile } | undefined {
  const prefix = manifestsPrefix(job);
  if (!name.startsWith(prefix)) return undefined;
  const match = /^(\d{12,15})(?:\.(intent|admission|accepted))?\.json$/.exec(name.slice(prefix.length));
  if (match === null) return undefined;
  const seq = Number(match[1]);
  const file = (match[2] ?? 'manifest') as ManifestFile;
  return manifestName(job, seq, file) === name ? { seq, file } : undefined;
}

function ndjson(format: ObjectFormat): string {
  return format.gzip ? 'ndjson.gz' : 'ndjson';
}

function digits(value: bigint | number, width: number): string {
  const valid = typeof value === 'bigint' ? value >= 0n : Number.isSafeInteger(value) && value >= 0;
  if (!valid)
    throw new SluiceError('internal', `${String(value)} cannot stand in an object name: a count from 0 on is needed.`);
  return String(value).padStart(width, '0');
}
