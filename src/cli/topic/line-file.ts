/** Reads the lines of a file, or of standard input, more than once in bounded memory. */
import { isUtf8 } from 'node:buffer';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf, SluiceError } from '../../core/errors.ts';

export interface NumberedLine {
  /** 1, 2, 3 … as an editor counts. */
  readonly number: number;
  /** null: the line is not UTF-8. */
  readonly text: string | null;
}

/** Longer lines cannot be held as one JavaScript string together with what is parsed out of it. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

const NEWLINE = 0x0a;

export interface LineFile {
  /** For messages. */
  readonly name: string;
  readonly path: string;
  /** Removes what had to be kept aside. */
  close(): Promise<void>;
}

/** `-` is standard input: it is kept in a private temporary file, because its lines are read twice. */
export async function openLineFile(file: string, stdin: Readable): Promise<LineFile> {
  if (file !== '-') {
    const found = await stat(file).catch((error: unknown) => {
      throw new SluiceError('usage', `Cannot read ${file}: ${messageOf(error)}`, { cause: error });
    });
    if (found.isDirectory()) throw new SluiceError('usage', `${file} is a folder, expected a file of JSON lines`);
    return { name: file, path: file, close: () => Promise.resolve() };
  }
  const folder = await mkdtemp(join(tmpdir(), 'sluice-produce-'));
  const path = join(folder, 'stdin.ndjson');
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await pipeline(stdin, createWriteStream(path, { mode: 0o600 }));
  } catch (error) {
    await close();
    throw new SluiceError('store_failed', `Keeping standard input in ${path} failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return { name: 'standard input', path, close };
}

/** Every line that is not blank. A byte order mark at the start and a carriage return at a line's end are no part of it. */
export async function* linesOf(file: LineFile): AsyncGenerator<readonly NumberedLine[]> {
  let number = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const take = (parts: readonly Buffer[], out: NumberedLine[]): void => {
    number += 1;
    const text = decodeLine(
      parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts),
      number === 1,
    );
    if (text === null || text.trim() !== '') out.push({ number, text });
  };
  try {
    for await (const chunk of createReadStream(file.path, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
      const lines: NumberedLine[] = [];
      let from = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
        take([...rest, chunk.subarray(from, end)], lines);
        rest = [];
        restBytes = 0;
        from = end + 1;
      }
      if (from < chunk.length) rest.push(chunk.subarray(from));
      restBytes += chunk.length - from;
      if (restBytes > MAX_LINE_BYTES) throw lineTooLong(file, number + 1);
      if (lines.length > 0) yield lines;
    }
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw new SluiceError('usage', `Reading ${file.name} failed: ${messageOf(error)}`, { cause: error });
  }
  const last: NumberedLine[] = [];
  if (restBytes > 0) take(rest, last);
  if (last.length > 0) yield last;
}

function lineTooLong(file: LineFile, number: number): SluiceError {
  return new SluiceError('topic_record_invalid', `${file.name} line ${number}: longer than ${MAX_LINE_BYTES} bytes`);
}

const BYTE_ORDER_MARK = '\uFEFF';

function decodeLine(bytes: Buffer, first: boolean): string | null {
  if (!isUtf8(bytes)) return null;
  const text = bytes.toString('utf8');
  return first && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}
