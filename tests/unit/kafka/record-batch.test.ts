import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/adapters/kafka/crc32c.ts';
import { decodeBatch, scanBatches } from '../../../src/adapters/kafka/record-batch.ts';
import type { SourceRecord } from '../../../src/core/record.ts';
import { encodeBatch, sealed, type TestBatch } from './encode-batch.ts';

function decode(buffer: Buffer, from = 0n, to = 1n << 62n): SourceRecord[] {
  const records: SourceRecord[] = [];
  for (const header of scanBatches(buffer).batches) decodeBatch(buffer, header, { from, to }, records);
  return records;
}

function checksum(text: string | Buffer): number {
  const bytes = Buffer.from(text);
  return crc32c(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
}

describe('CRC-32C', () => {
  // RFC 3720 B.4 and the usual check value.
  it.each([
    ['123456789', 0xe3069283],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['', 0],
  ])('of %j is that of the standard', (input, expected) => {
    expect(checksum(input)).toBe(expected);
  });

  it('is the same bit by bit, at any length and place', () => {
    const slow = (bytes: Uint8Array): number => {
      let crc = -1;
      for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
      }
      return ~crc >>> 0;
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), (bytes, from) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const start = Math.min(from, bytes.length);
        expect(crc32c(view, start, bytes.length)).toBe(slow(bytes.subarray(start)));
      }),
    );
  });
});

describe('a record batch', () => {
  it('gives offsets, times, keys, values and headers', () => {
    const records = decode(
      encodeBatch({
        baseOffset: 1000,
        records: [
          { offset: 1000, key: 'k', value: 'v', timestamp: 1_700_000_000_000 },
          { offset: 1001, key: null, value: null, timestamp: 1_699_999_999_000 },
          {
            offset: 1003,
            key: '',
            value: '',
            timestamp: 4_000_000_000_000,
            headers: [
              ['h', 'x'],
              ['h', null],
              ['ü', ''],
            ],
          },
        ],
      }),
    );
    expect(records).toEqual([
      { offset: 1000n, timestampMs: 1_700_000_000_000, key: Buffer.from('k'), value: Buffer.from('v') },
      { offset: 1001n, timestampMs: 1_699_999_999_000, key: null, value: null },
      {
        offset: 1003n,
        timestampMs: 4_000_000_000_000,
        key: Buffer.alloc(0),
        value: Buffer.alloc(0),
        headers: [
          ['h', Buffer.from('x')],
          ['h', null],
          ['ü', Buffer.alloc(0)],
        ],
      },
    ]);
  });

  it("has the broker's time for all its records under LogAppendTime", () => {
    const records = [
      { offset: 0, timestamp: 5 },
      { offset: 1, timestamp: 6 },
    ];
    expect(
      decode(encodeBatch({ baseOffset: 0, records, logAppendTime: 99 })).map(({ timestampMs }) => timestampMs),
    ).toEqual([99, 99]);
  });

  it('is cut to the range that was asked for', () => {
    const records = Array.from({ length: 10 }, (_, i) => ({ offset: i, value: 'x' }));
    const buffer = encodeBatch({ baseOffset: 0, records });
    expect(decode(buffer, 3n, 6n).map(({ offset }) => offset)).toEqual([3n, 4n, 5n]);
  });

  it('may have 140,000 records, gzip and zstd', () => {
    const records = Array.from({ length: 140_000 }, (_, i) => ({ offset: i, key: String(i) }));
    for (const [codec, compress] of [
      [1, gzipSync],
      [4, zstdCompressSync],
    ] as const) {
      const decoded = decode(
        encodeBatch({ baseOffset: 0, records, codec, compress: (raw) => Buffer.from(compress(raw)) }),
      );
      expect(decoded).toHaveLength(140_000);
      expect(decoded.at(-1)?.offset).toBe(139_999n);
    }
  });

  it('comes out as it went in, whatever its records', () => {
    const part = fc.option(fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)));
    const record = fc.record({ key: part, value: part, timestamp: fc.integer({ min: 0, max: 4_000_000_000_000 }) });
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.nat(1_000_000_000), (parts, baseOffset) => {
        const records = parts.map((fields, i) => ({ ...fields, offset: baseOffset + i }));
        expect(decode(encodeBatch({ baseOffset, records }))).toEqual(
          records.map(({ offset, timestamp, key, value }) => ({
            offset: BigInt(offset),
            timestampMs: timestamp,
            key,
            value,
          })),
        );
      }),
    );
  });

  it('names the offsets it covers where its records were compacted away', () => {
    const buffer = Buffer.concat([
      encodeBatch({ baseOffset: 5, lastOffset: 9 }),
      encodeBatch({ baseOffset: 10, lastOffset: 19, records: [{ offset: 14, value: 'x' }] }),
    ]);
    expect(scanBatches(buffer).batches.map(({ baseOffset, lastOffset }) => [baseOffset, lastOffset])).toEqual([
      [5n, 9n],
      [10n, 19n],
    ]);
    expect(decode(buffer).map(({ offset }) => offset)).toEqual([14n]);
  });

  it('that is cut off is left, with the number of bytes it needs', () => {
    const whole = encodeBatch({ baseOffset: 0, records: [{ offset: 0, value: 'x' }] });
    const next = encodeBatch({ baseOffset: 1, records: [{ offset: 1, value: 'y'.repeat(100) }] });
    for (let cut = 0; cut < next.length; cut += 1) {
      const scanned = scanBatches(Buffer.concat([whole, next.subarray(0, cut)]));
      expect(scanned.batches).toHaveLength(1);
      expect(scanned.cutOffBytes).toBe(cut < 12 ? 0 : next.length);
    }
  });
});

describe('a broken batch (F23)', () => {
  const good: TestBatch = {
    baseOffset: 7,
    records: [
      { offset: 7, key: 'key', value: 'value' },
      { offset: 8, value: 'next' },
    ],
  };

  it('never passes: any flipped bit behind its length is found', () => {
    const whole = encodeBatch(good);
    for (let at = 16; at < whole.length; at += 1) {
      for (const bit of [1, 0x80]) {
        const bad = Buffer.from(whole);
        bad[at] = (bad[at] ?? 0) ^ bit;
        expect(() => decode(bad), `byte ${at}`).toThrow();
      }
    }
  });

  it('says what is wrong with it', () => {
    expect(() => decode(encodeBatch({ ...good, magic: 1 }))).toThrow(/message format v1/);
    expect(() => decode(encodeBatch({ ...good, magic: 0 }))).toThrow(/message format v0/);
    expect(() => decode(encodeBatch({ ...good, codec: 5 }))).toThrow(/codec 5 is not known/);
    expect(() => decode(encodeBatch({ ...good, codec: 7 }))).toThrow(/codec 7 is not known/);
    for (const [codec, name] of [
      [1, 'gzip'],
      [2, 'snappy'],
      [3, 'lz4'],
      [4, 'zstd'],
    ] as const) {
      expect(() => decode(encodeBatch({ ...good, codec }))).toThrow(new RegExp(`its ${name} data cannot be unpacked`));
    }
    expect(() => decode(encodeBatch({ ...good, count: 3 }))).toThrow(/record 2/);
    expect(() => decode(encodeBatch({ ...good, count: 1 }))).toThrow(/follow its 1 records/);
    const truncatedGzip = encodeBatch({ ...good, codec: 1, compress: (raw) => gzipSync(raw).subarray(0, -9) });
    expect(() => decode(truncatedGzip)).toThrow(/gzip/);
  });

  it('cannot make the decoder hang or read outside, whatever its bytes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 80 }),
        fc.integer({ min: -5, max: 5 }),
        fc.constantFrom(0, 2, 3),
        (bytes, count, codec) => {
          const buffer = encodeBatch({
            baseOffset: 0,
            lastOffset: 1000,
            count,
            codec,
            compress: () => Buffer.from(bytes),
          });
          try {
            decode(sealed(buffer));
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is refused when its offsets go backwards', () => {
    const buffer = Buffer.concat([encodeBatch(good), encodeBatch({ baseOffset: 8, records: [{ offset: 8 }] })]);
    expect(() => decode(buffer)).toThrow(/header makes no sense/);
  });
});
