/** What a crash, a torn write or a bad disk leaves behind. */
import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ioError } from '../../../src/adapters/topic-log/io-error.ts';
import { SluiceError } from '../../../src/core/errors.ts';
import { readAll, temporaryLog, text } from './temporary-log.ts';

const SEGMENT = '00000000000000000000.log';
const INDEX = '00000000000000000000.index';

describe('a torn tail', () => {
  it('does not exist for readers and is overwritten by the next append', async () => {
    const { log, stream, root } = await temporaryLog();
    await log.create('t', 1);
    await log.append('t', [{ key: 'a', value: '1' }]);
    const segment = join(root, 't', '0', SEGMENT);
    const whole = await readFile(segment);
    // Half of a copy of a valid batch: what a writer leaves that died between write and acknowledgement.
    await appendFile(segment, whole.subarray(0, whole.length / 2));
    await appendFile(join(root, 't', '0', INDEX), Buffer.alloc(24, 7));
    await writeFile(join(root, 't', 'topic.json.tmp'), '{"half');
    expect(await readAll(stream, 't')).toHaveLength(1);
    expect(await stream.partitions(['t'])).toEqual([{ topic: 't', partition: 0, start: 0n, end: 1n }]);
    await log.append('t', [{ key: 'b', value: '2' }]);
    expect((await readAll(stream, 't')).map(({ key }) => text(key))).toEqual(['a', 'b']);
    expect((await readFile(segment)).length).toBe(whole.length * 2);
  });

  it('of a segment file that was never acknowledged is overwritten as well', async () => {
    const { log, stream, root } = await temporaryLog();
    await log.create('t', 1);
    await log.append('t', [{ key: 'a', value: '1' }]);
    await log.trim('t', 0, 1n);
    await writeFile(join(root, 't', '0', '00000000000000000001.log'), 'rubbish');
    await log.append('t', [{ key: 'b', value: '2' }]);
    expect((await readAll(stream, 't')).map(({ key }) => text(key))).toEqual(['b']);
  });

  it('of a creation or deletion that died is no topic and hinders none', async () => {
    const { log, root } = await temporaryLog();
    await log.create('t', 1);
    const { mkdir } = await import('node:fs/promises');
    for (const name of ['+new-u', '+old-t', '+new-t']) await mkdir(join(root, name, '0'), { recursive: true });
    expect((await log.describe()).map(({ topic }) => topic)).toEqual(['t']);
    await log.create('u', 1);
    await log.delete('t');
    await log.create('t', 1);
    expect((await readdir(root)).filter((name) => name.startsWith('+old') || name.startsWith('+new'))).toEqual([]);
  });
});

describe('the index', () => {
  async function filled(): Promise<Awaited<ReturnType<typeof temporaryLog>>> {
    const made = await temporaryLog({ chunkBytes: 4096 });
    await made.log.create('t', 1);
    for (let i = 0; i < 40; i += 1) {
      await made.log.append(
        't',
        Array.from({ length: 50 }, (_, n) => ({ key: `k${i * 50 + n}`, value: 'x'.repeat(300) })),
      );
    }
    return made;
  }

  it('finds late offsets without reading what lies before them', async () => {
    const { stream, root } = await filled();
    expect((await readFile(join(root, 't', '0', INDEX))).length).toBeGreaterThan(16);
    // The beginning is destroyed: only a reader that goes there notices.
    const segment = join(root, 't', '0', SEGMENT);
    const bytes = await readFile(segment);
    bytes.fill(0, 0, 1000);
    await writeFile(segment, bytes);
    expect(text((await stream.recordAt('t', 0, 1990n))?.key ?? null)).toBe('k1990');
    await expect(stream.recordAt('t', 0, 3n)).rejects.toMatchObject({ code: 'topic_log_corrupt' });
  });

  it('is not needed, and lies in it do no harm', async () => {
    const { stream, root } = await filled();
    const index = join(root, 't', '0', INDEX);
    const good = await readFile(index);
    const shifted = Buffer.from(good);
    for (let at = 0; at + 16 <= shifted.length; at += 16)
      shifted.writeBigUInt64LE(shifted.readBigUInt64LE(at + 8) + 5n, at + 8);
    const wrongOffsets = Buffer.from(good);
    for (let at = 16; at + 16 <= good.length; at += 16)
      wrongOffsets.writeBigUInt64LE(good.readBigUInt64LE(at) - 30n, at);
    for (const content of [
      null,
      Buffer.alloc(0),
      Buffer.alloc(64),
      Buffer.alloc(64, 255),
      good.subarray(0, 23),
      shifted,
      wrongOffsets,
    ]) {
      if (content === null) await rm(index);
      else await writeFile(index, content);
      for (const offset of [0n, 49n, 50n, 777n, 1999n]) {
        expect(text((await stream.recordAt('t', 0, offset))?.key ?? null)).toBe(`k${offset}`);
      }
    }
  });
});

describe('damage to what was acknowledged', () => {
  it('is found by the checksum, at every byte of a batch, and named with its file', async () => {
    const { log, stream, root } = await temporaryLog();
    await log.create('t', 1);
    await log.append('t', [
      { key: 'a', value: '1' },
      { key: null, value: null, headers: [['h', 'v']] },
    ]);
    await log.append('t', [{ key: 'b', value: '2' }]);
    const segment = join(root, 't', '0', SEGMENT);
    const good = await readFile(segment);
    for (let at = 0; at < good.length; at += 1) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 0x20;
      await writeFile(segment, bad);
      await expect(readAll(stream, 't'), `byte ${at}`).rejects.toMatchObject({ code: 'topic_log_corrupt' });
    }
    await writeFile(segment, good);
    expect(await readAll(stream, 't')).toHaveLength(3);
  });

  it('is an error when a segment is too short, for readers and for writers', async () => {
    const { log, stream, root } = await temporaryLog();
    await log.create('t', 1);
    await log.append('t', [{ key: 'a', value: '1' }]);
    await truncate(join(root, 't', '0', SEGMENT), 10);
    await expect(readAll(stream, 't')).rejects.toMatchObject({ code: 'topic_log_corrupt' });
    await expect(log.append('t', [{ key: 'b', value: '2' }])).rejects.toMatchObject({ code: 'topic_log_corrupt' });
    await rm(join(root, 't', '0', SEGMENT));
    await expect(readAll(stream, 't')).rejects.toMatchObject({
      code: expect.stringMatching(/store_failed|topic_log_corrupt/),
    });
  });

  it.each([
    '',
    '{',
    '[]',
    '{"version":2}',
    '{"version":1,"id":"x","partitions":[{"start":"-1","end":"0","segments":[]}]}',
  ])('is an error when topic.json holds %j', async (content) => {
    const { log, stream, root } = await temporaryLog();
    await log.create('t', 1);
    await writeFile(join(root, 't', 'topic.json'), content);
    await expect(stream.partitions(['t'])).rejects.toMatchObject({ code: 'topic_log_corrupt' });
    await expect(log.append('t', [{ key: 'b', value: '2' }])).rejects.toMatchObject({ code: 'topic_log_corrupt' });
  });
});

describe('system errors', () => {
  it.each([
    ['ENOSPC', 'store_full'],
    ['EDQUOT', 'store_full'],
    ['EROFS', 'store_read_only'],
    ['EACCES', 'store_read_only'],
    ['EIO', 'store_failed'],
    ['EMFILE', 'store_failed'],
  ])('%s is reported as %s', (code, expected) => {
    const error = ioError(Object.assign(new Error(`${code}: no`), { code }), 'Appending to topic t');
    expect(error).toMatchObject({ code: expected, message: expect.stringContaining('Appending to topic t') });
  });

  it('leaves catalogued errors and defects as they are', () => {
    const known = new SluiceError('topic_missing', 'x');
    expect(ioError(known, 'y')).toBe(known);
    const defect = new TypeError('z');
    expect(ioError(defect, 'y')).toBe(defect);
  });
});
