import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkObjectName,
  checkObjectPrefix,
  deadLetterObjectName,
  decodeText,
  encodeText,
  manifestName,
  parseManifestName,
  replayDeadName,
  replayRowsName,
  snapshotDeadName,
  snapshotPageName,
  snapshotRowsName,
  streamObjectName,
} from '../../../src/core/object-key.ts';
import type { OffsetRange } from '../../../src/core/record.ts';

const range: OffsetRange = { topic: 'orders', epoch: 0, partition: 3, from: 7n, to: 9007199254740993n };
const plain = { gzip: false };

describe('object names', () => {
  it('say what the object contains', () => {
    expect([
      streamObjectName('customer', range, plain),
      streamObjectName('customer', range, { gzip: true }),
      deadLetterObjectName('customer', range, plain),
      snapshotRowsName('customer', 's00000003', 1, plain),
      snapshotDeadName('customer', 's00000003', 12, { gzip: true }),
      snapshotPageName('customer', 's00000003', 1, { gzip: true }),
      replayRowsName('customer', 'customer-00000004', 1, plain),
      replayDeadName('customer', 'customer-00000004', 1, plain),
      manifestName('customer', 5),
      manifestName('customer', 5, 'admission'),
      manifestName('customer', 5, 'accepted'),
    ]).toEqual([
      'customer/stream/orders/0/3/00000000000000000007-00009007199254740993.ndjson',
      'customer/stream/orders/0/3/00000000000000000007-00009007199254740993.ndjson.gz',
      'customer/dead-letter/orders/0/3/00000000000000000007-00009007199254740993.ndjson',
      'customer/snapshot/s00000003/rows-00001.ndjson',
      'customer/snapshot/s00000003/dead-00012.ndjson.gz',
      'customer/snapshot/s00000003/pages/0000001.json.gz',
      'customer/replay/customer-00000004/rows-00001.ndjson',
      'customer/replay/customer-00000004/dead-00001.ndjson',
      'customer/manifests/000000000005.json',
      'customer/manifests/000000000005.admission.json',
      'customer/manifests/000000000005.accepted.json',
    ]);
  });

  it('sort as their offsets', () => {
    const starts = [0n, 9n, 10n, 99n, 100n, 2n ** 53n + 1n, 2n ** 63n - 1n];
    const sorted = starts.map((from) => streamObjectName('j', { ...range, from, to: from }, plain));
    expect(sorted.toSorted()).toEqual(sorted);
  });

  it('keep ordinary topics readable and encode hostile text (S06)', () => {
    const cases: [string, string][] = [
      ['kundenservice-kunde-create', 'kundenservice-kunde-create'],
      ['a_b.C-9', 'a_b.C-9'],
      ['../../x', '%2E.%2F..%2Fx'],
      ['.', '%2E'],
      ['..', '%2E%2E'],
      ['.git', '%2Egit'],
      ['a.', 'a%2E'],
      ['a/b', 'a%2Fb'],
      ['%2e%2e', '%252e%252e'],
      ['con', '%63on'],
      ['NUL.txt', '%4EUL.txt'],
      ['console', 'console'],
      ['ü€😀', '%C3%BC%E2%82%AC%F0%9F%98%80'],
      ['\ud800', '%ED%A0%80'],
      ['a\0b\n', 'a%00b%0A'],
      ['', '%'],
    ];
    for (const [text, encoded] of cases) {
      expect(encodeText(text)).toBe(encoded);
      expect(decodeText(encoded)).toBe(text);
    }
  });

  it('cut long text into segments that a file system takes', () => {
    const topic = 't'.repeat(249);
    expect(encodeText(topic)).toBe(topic);
    for (const text of ['t'.repeat(250), 'ü'.repeat(110), `${'t'.repeat(249)}...con`, '/'.repeat(200)]) {
      const encoded = encodeText(text);
      expect(Math.max(...encoded.split('/').map((segment) => segment.length))).toBeLessThanOrEqual(255);
      expect(() => checkObjectName(`${encoded}/x`)).not.toThrow();
      expect(decodeText(encoded)).toBe(text);
    }
    expect(() => encodeText('t'.repeat(1_000_000))).toThrow(/700 bytes/);
    expect(() => encodeText('ü'.repeat(300))).toThrow(/700 bytes/);
  });

  it('are injective and legal for any topic and job', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: fc.constantFrom('.', '/', '%', '2', 'E', 'a', '\ud800', '\udc00', 'ü'), maxLength: 120 }),
    );
    fc.assert(
      fc.property(text, text, (topic, job) => {
        const encoded = encodeText(topic);
        expect(decodeText(encoded)).toBe(topic);
        const name = streamObjectName(job, { ...range, topic }, plain);
        expect(() => checkObjectName(name)).not.toThrow();
        for (const segment of name.split('/')) {
          expect(segment).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9._%-]{0,254}$/);
          expect(segment).not.toMatch(/^(con|nul|aux|prn)(\.|$)/i);
        }
        expect(encodeText(topic) === encodeText(job)).toBe(topic === job);
      }),
      { numRuns: 300 },
    );
  });

  it('decode nothing that was not encoded', () => {
    for (const text of [
      'a/b',
      'ü',
      '%2e',
      '%41',
      '%',
      '%%',
      'a%',
      '%ED%A0%80%ED%B0%80',
      '%F8%80%80%80',
      '%C3',
      '.',
      'con',
    ]) {
      expect([text, decodeText(text)]).toEqual([text, text === '%' ? '' : undefined]);
    }
  });

  it('take counts only', () => {
    for (const part of [-1, 1.5, Number.NaN, 2 ** 53]) expect(() => snapshotRowsName('j', 's', part, plain)).toThrow();
    expect(() => streamObjectName('j', { ...range, from: -1n }, plain)).toThrow();
  });

  it('read manifests back and know foreign objects', () => {
    expect(parseManifestName('j', manifestName('j', 12))).toEqual({ seq: 12, file: 'manifest' });
    expect(parseManifestName('j', manifestName('j', 12, 'intent'))).toEqual({ seq: 12, file: 'intent' });
    expect(parseManifestName('j', manifestName('j', 12, 'accepted'))).toEqual({ seq: 12, file: 'accepted' });
    expect(parseManifestName('j', manifestName('j', 1e13, 'admission'))).toEqual({ seq: 1e13, file: 'admission' });
    for (const foreign of [
      '1.json',
      '000000000001.json.bak',
      '0000000000001.json',
      'x/000000000001.json',
      '000000000001.other.json',
    ]) {
      expect(parseManifestName('j', `j/manifests/${foreign}`)).toBeUndefined();
    }
    expect(parseManifestName('other', manifestName('j', 12))).toBeUndefined();
  });

  it('accept prefixes that end with a slash', () => {
    for (const prefix of ['', 'a/', 'a/b/']) expect(() => checkObjectPrefix(prefix)).not.toThrow();
    for (const prefix of ['a', '/', 'a//', '../', './']) expect(() => checkObjectPrefix(prefix)).toThrow();
  });
});
