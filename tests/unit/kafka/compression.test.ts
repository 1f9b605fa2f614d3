import { describe, expect, it } from 'vitest';
import { decodeLz4 } from '../../../src/adapters/kafka/lz4.ts';
import { decodeSnappy } from '../../../src/adapters/kafka/snappy.ts';

const MAX = 1 << 20;

/** A literal, then copies of the three kinds; the vectors are put together by hand from the format description. */
describe('snappy', () => {
  const literal = (text: string): Buffer => Buffer.concat([Buffer.from([(text.length - 1) << 2]), Buffer.from(text)]);
  const block = (length: number, ...parts: Buffer[]): Buffer => Buffer.concat([Buffer.from([length]), ...parts]);
  const copy1 = (back: number, bytes: number): Buffer =>
    Buffer.from([1 | ((bytes - 4) << 2) | ((back >> 8) << 5), back & 255]);
  const copy2 = (back: number, bytes: number): Buffer => Buffer.from([2 | ((bytes - 1) << 2), back & 255, back >> 8]);
  const copy4 = (back: number, bytes: number): Buffer =>
    Buffer.from([3 | ((bytes - 1) << 2), back & 255, back >> 8, 0, 0]);

  it.each([
    ['abc', block(3, literal('abc'))],
    ['', block(0)],
    ['abcdabcd', block(8, literal('abcd'), copy1(4, 4))],
    ['aaaaaaaaaa', block(10, literal('a'), copy2(1, 9))],
    ['abcabcabca', block(10, literal('abc'), copy4(3, 7))],
  ])('%j', (text, input) => {
    expect(decodeSnappy(input, MAX).toString()).toBe(text);
  });

  it('takes long literals', () => {
    const text = 'x'.repeat(1000);
    const input = Buffer.concat([Buffer.from([0xe8, 0x07, (61 << 2) | 0, 0xe7, 0x03]), Buffer.from(text)]);
    expect(decodeSnappy(input, MAX).toString()).toBe(text);
  });

  it("takes the Java client's framing", () => {
    const framed = (input: Buffer): Buffer => {
      const size = Buffer.alloc(4);
      size.writeUInt32BE(input.length);
      return Buffer.concat([size, input]);
    };
    const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    const input = Buffer.concat([
      header,
      framed(block(3, literal('abc'))),
      framed(block(8, literal('abcd'), copy1(4, 4))),
    ]);
    expect(decodeSnappy(input, MAX).toString()).toBe('abcabcdabcd');
    expect(() => decodeSnappy(input.subarray(0, -1), MAX)).toThrow(/beyond the data/);
  });

  it.each([
    ['a copy from before the beginning', block(8, literal('abcd'), copy1(5, 4))],
    ['a copy of distance 0', block(8, literal('abcd'), copy1(0, 4))],
    ['more than announced', block(3, literal('abcd'))],
    ['less than announced', block(5, literal('abcd'))],
    ['a literal that is not there', Buffer.from([10, 9 << 2, 1])],
    ['an endless length', Buffer.from([255, 255, 255, 255, 255, 255])],
  ])('refuses %s', (_, input) => {
    expect(() => decodeSnappy(input, MAX)).toThrow();
  });

  it('refuses to unpack more than it may', () => {
    expect(() => decodeSnappy(Buffer.from([0xff, 0xff, 0xff, 0x7f]), MAX)).toThrow(/more than/);
  });
});

describe('lz4', () => {
  const frame = (flags: number, ...blocks: Buffer[]): Buffer => {
    const sized = blocks.map((bytes) => {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(bytes.length);
      return Buffer.concat([size, bytes]);
    });
    const extra = Buffer.alloc((flags & 8) === 0 ? 0 : 8);
    return Buffer.concat([
      Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40]),
      extra,
      Buffer.from([0]),
      ...sized,
      Buffer.alloc(4),
    ]);
  };
  /** Literals, then a match. */
  const sequence = (literals: string, back: number, bytes: number): Buffer =>
    Buffer.concat([
      Buffer.from([(literals.length << 4) | (bytes - 4)]),
      Buffer.from(literals),
      Buffer.from([back & 255, back >> 8]),
    ]);
  const last = (literals: string): Buffer =>
    Buffer.concat([Buffer.from([literals.length << 4]), Buffer.from(literals)]);

  it.each([
    ['', frame(0x60)],
    ['abc', frame(0x60, last('abc'))],
    ['abcdabcdxy', frame(0x60, Buffer.concat([sequence('abcd', 4, 4), last('xy')]))],
    ['aaaaaaaaaaz', frame(0x68, Buffer.concat([sequence('a', 1, 9), last('z')]))],
    // The second block refers to the first: blocks that are not independent.
    ['abcdabcdX', frame(0x40, last('abcd'), Buffer.concat([sequence('', 4, 4), last('X')]))],
  ])('%j', (text, input) => {
    expect(decodeLz4(input, MAX).toString()).toBe(text);
  });

  it('takes stored blocks, block checksums and lengths beyond 15', () => {
    const stored = Buffer.concat([Buffer.from([3, 0, 0, 0x80]), Buffer.from('abc')]);
    const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x70, 0x40, 0]);
    const checksum = Buffer.from([9, 9, 9, 9]);
    const long = Buffer.concat([
      Buffer.from([0xff, 0xff, 5]),
      Buffer.from('y'.repeat(275)),
      Buffer.from([1, 0, 255, 1]),
      Buffer.from([0]),
    ]);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(long.length);
    const input = Buffer.concat([header, stored, checksum, size, long, checksum, Buffer.alloc(4)]);
    expect(decodeLz4(input, MAX).toString()).toBe(`abc${'y'.repeat(275 + 15 + 256 + 4)}`);
  });

  it.each([
    ['what is no frame', Buffer.from('hello world, no frame')],
    ['another version', Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x20, 0x40, 0, 0, 0, 0, 0])],
    ['a match from before the beginning', frame(0x60, Buffer.concat([sequence('ab', 3, 4), last('')]))],
    ['literals that are not there', frame(0x60, Buffer.from([0x50, 1]))],
    ['a block that is not there', frame(0x60, last('abc')).subarray(0, 12)],
    ['a frame without an end', frame(0x60, last('abc')).subarray(0, -4)],
  ])('refuses %s', (_, input) => {
    expect(() => decodeLz4(input, MAX)).toThrow();
  });

  it('refuses to unpack more than it may', () => {
    const bomb = Buffer.concat([
      Buffer.from([0x1f]),
      Buffer.from('a'),
      Buffer.from([1, 0]),
      Buffer.alloc(5000, 255),
      Buffer.from([0, 0]),
    ]);
    expect(() => decodeLz4(frame(0x60, bomb), MAX)).toThrow(/more than/);
  });
});
