/** Lines of every length, as texts and as bytes, in the order they came. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createMemoryObjectStore } from '../../../src/adapters/memory/object-store.ts';
import { LONG_LINE_BYTES } from '../../../src/core/batch.ts';
import { openLandingObject, type LandingWriter } from '../../../src/ingest/landing-writer.ts';

const GUARD = (): Promise<void> => Promise.resolve();

async function writeBytes(writer: LandingWriter, line: string): Promise<void> {
  const bytes = Buffer.from(line, 'utf8');
  await writer.makeRoom(bytes.length);
  writer.bytes.set(bytes, writer.at);
  writer.written(writer.at + bytes.length);
}

const line = (character: string, length: number): string => `${character.repeat(length)}\n`;

describe.each([{ gzip: false }, { gzip: true }])('an object of landing ($gzip)', ({ gzip }) => {
  async function written(
    lines: readonly string[],
  ): Promise<{ text: string; rows: number; longest: number | undefined }> {
    const store = createMemoryObjectStore();
    const writer = await openLandingObject({ store, name: 'job/a.ndjson', role: 'stream', gzip });
    for (const [index, text] of lines.entries()) {
      if (index % 3 === 2 && Buffer.byteLength(text) < writer.bytes.length) await writeBytes(writer, text);
      else await writer.line(text);
    }
    const { rows, maxLineBytes, bytes } = await writer.commit(GUARD);
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read('job/a.ndjson')) chunks.push(chunk);
    const stored = Buffer.concat(chunks);
    expect(stored.length).toBe(bytes);
    return { text: (gzip ? gunzipSync(stored) : stored).toString('utf8'), rows, longest: maxLineBytes };
  }

  it('holds short and long lines in their order', async () => {
    const block = 256 * 1024;
    const lengths = [10, block - 11, 1, block - 1, block, 3, block / 3, block / 3, block / 3 + 5, 3 * block, 1, 1, 1];
    const lines = lengths.map((length, index) => line(index % 2 === 0 ? 'x' : 'ä', Math.floor(length)));
    const many = [
      ...lines,
      ...lines.toReversed(),
      ...Array.from({ length: 5000 }, (_, index) => line('y', index % 200)),
    ];
    const { text, rows, longest } = await written(many);
    expect(text === many.join('')).toBe(true);
    expect(rows).toBe(many.length);
    expect(longest).toBeUndefined();
  });

  it('says how long its longest line is when a reader must know', async () => {
    const { longest } = await written([
      line('x', 10),
      line('ä', LONG_LINE_BYTES),
      line('x', LONG_LINE_BYTES),
      line('x', 3),
    ]);
    expect(longest).toBe(2 * LONG_LINE_BYTES + 1);
  });
});
