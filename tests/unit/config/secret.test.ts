import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Redactor, Secret } from '../../../src/config/secret.ts';

describe('a secret', () => {
  const secret = new Secret('kanarienvogel');

  test('shows its value to reveal() alone', () => {
    expect(secret.reveal()).toBe('kanarienvogel');
    expect([String(secret), JSON.stringify({ secret }), inspect({ secret }), Object.keys(secret)].join()).not.toContain(
      'kanarienvogel',
    );
  });
});

describe('the redactor', () => {
  const canary = 'p@ss "wörd"/ä?&=';

  function redactor(...secrets: readonly string[]): Redactor {
    const made = new Redactor();
    for (const secret of secrets) made.add(secret);
    return made;
  }

  test('leaves other text alone', () => {
    expect(redactor(canary).redact('nothing to see')).toBe('nothing to see');
    expect(new Redactor().redact('x')).toBe('x');
  });

  test.each([
    ['plain', canary],
    ['in JSON', JSON.stringify({ a: canary })],
    ['percent-encoded', encodeURIComponent(canary)],
    ['in a query', new URLSearchParams({ a: canary }).toString()],
    ['in base64', Buffer.from(canary).toString('base64')],
    ['in base64url', Buffer.from(canary).toString('base64url')],
    ['in hex', Buffer.from(canary).toString('hex')],
  ])('takes it out of text: %s', (_name, text) => {
    const redacted = redactor(canary).redact(`before ${text} after`);
    expect(redacted).toContain('***');
    for (const form of [canary, text]) expect(redacted).not.toContain(form);
    expect(redacted).toMatch(/^before .*after$/);
  });

  test('takes it out of base64 at any alignment', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 12, maxLength: 40, unit: 'grapheme' }),
        fc.string({ maxLength: 9 }),
        fc.string({ maxLength: 9 }),
        (secret, before, after) => {
          const text = Buffer.from(`${before}${secret}${after}`).toString('base64');
          const bytes = Buffer.byteLength(secret);
          const redacted = redactor(secret).redact(text);
          // Whatever is left of the encoded secret decodes to a few bytes at its edges only.
          return bytes < 9 || redacted.includes('***');
        },
      ),
      { numRuns: 200 },
    );
  });

  test('takes the longer of two that overlap', () => {
    expect(redactor('abcd', 'abcdef').redact('abcdef')).toBe('***');
  });

  test('treats the secret as text, not as a pattern', () => {
    expect(redactor('a.c*d').redact('abcccd a.c*d')).toBe('abcccd ***');
  });

  test('ignores what is too short to be a secret', () => {
    expect(redactor('', 'abc').redact('abc abc')).toBe('abc abc');
  });

  test('knows the password of a URL, encoded or not, and leaves the host readable', () => {
    const made = new Redactor();
    made.addUrl('postgres://user:p%40ssword@db.example:5432/state?sslpassword=zweites');
    expect(made.redact('connect to db.example failed for p@ssword / p%40ssword / zweites')).toBe(
      'connect to db.example failed for *** / *** / ***',
    );
  });
});
