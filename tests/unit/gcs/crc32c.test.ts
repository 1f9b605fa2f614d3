import { Readable } from 'node:stream';
import type { File } from '@google-cloud/storage';
import { describe, expect, it } from 'vitest';
import { Crc32c } from '../../../src/adapters/gcs/crc32c.ts';
import { DEFAULT_RETRY } from '../../../src/adapters/gcs/retrying.ts';
import { holds } from '../../../src/adapters/gcs/stored-file.ts';

const text = (content: string) => new TextEncoder().encode(content);

describe('CRC32C', () => {
  // RFC 3720, appendix B.4: the checksums there are printed with their lowest byte first.
  const vectors: readonly (readonly [string, Uint8Array, string])[] = [
    ['32 zeros', new Uint8Array(32), '8a9136aa'],
    ['32 ones', new Uint8Array(32).fill(0xff), '62a8ab43'],
    ['32 increasing', Uint8Array.from({ length: 32 }, (_, at) => at), '46dd794e'],
    ['32 decreasing', Uint8Array.from({ length: 32 }, (_, at) => 31 - at), '113fdb5c'],
    ['the digits', text('123456789'), 'e3069283'],
  ];
  for (const [name, bytes, hex] of vectors) {
    it(`is that of the standard for ${name}, in base64 as the service says it`, () => {
      expect(new Crc32c().update(bytes).digest()).toBe(Buffer.from(hex, 'hex').toString('base64'));
    });
  }

  it('of parts is that of the whole, whatever memory they lie in', () => {
    const whole = new Uint8Array(1000).map((_, at) => at % 251);
    const parts = new Crc32c().update(whole.subarray(0, 1)).update(whole.subarray(1, 700)).update(whole.subarray(700));
    expect(parts.digest()).toBe(new Crc32c().update(whole).digest());
    expect(new Crc32c().digest()).toBe('AAAAAA==');
  });
});

it('tells what a stored object holds by its bytes and both checksums, whatever its metadata says', async () => {
  const file = { createReadStream: () => Readable.from([text('1234'), text('56789')]) } as unknown as File;
  const sums = { crc32: 0xcbf43926, crc32c: '4waSgw==' };
  const holding = (crc32c: string | undefined, change: Partial<typeof sums> = {}) =>
    holds(file, { bytes: 9, generation: '1', crc32c }, { ...sums, ...change }, DEFAULT_RETRY);
  expect(await holding(undefined)).toBe(true);
  expect(await holding('4waSgw==')).toBe(true);
  expect(await holding('mnG7TA==')).toBe(false);
  expect(await holding('4waSgw==', { crc32: 1 })).toBe(false);
  expect(await holding(undefined, { crc32c: 'mnG7TA==' })).toBe(false);
});
