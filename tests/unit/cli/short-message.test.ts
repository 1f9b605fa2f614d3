import { describe, expect, it } from 'vitest';
import { Output } from '../../../src/cli/output.ts';
import { SHORT_LINES, shortMessage } from '../../../src/cli/short-message.ts';
import { Redactor } from '../../../src/config/secret.ts';

const columns = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => `    column_${from + at},`);

describe('what a terminal gets of a message', () => {
  it('is all of a short one', () => {
    const message = 'Unrecognized name: nope at [1:8]\nselect nope\n       ^';
    expect(shortMessage(message)).toEqual({ text: message, isWhole: true });
  });

  it('is the start and the surroundings of the place that the database points to', () => {
    const message = [
      'model a in models/a.sql: Binder Error: no column "nope"',
      '',
      'LINE 301:     nope,',
      '              ^',
      ...columns(0, 500),
    ];
    const far = [
      'model a in models/a.sql: no column "nope"',
      ...columns(0, 300),
      'LINE 301:     nope,',
      '              ^',
      ...columns(301, 600),
    ];
    for (const lines of [message, far]) {
      const { text, isWhole } = shortMessage(lines.join('\n'));
      expect(isWhole).toBe(false);
      expect(text.split('\n').length).toBeLessThanOrEqual(SHORT_LINES);
      expect(text).toContain('LINE 301:     nope,\n              ^\n');
      expect(text.startsWith(lines[0] ?? '')).toBe(true);
      expect(text).toMatch(/… \d+ lines left out …/);
    }
    expect(shortMessage(far.join('\n')).text).toContain('column_299,\nLINE 301');
  });

  it('is both ends of a statement without a place, where the reason stands last', () => {
    const { text } = shortMessage(['failed to query select', ...columns(0, 900), ': division by zero'].join('\n'));
    expect(text.split('\n').length).toBeLessThanOrEqual(SHORT_LINES);
    expect(text).toMatch(/^failed to query select\n[^]*: division by zero$/);
    const { text: line } = shortMessage(`failed to query select ${'x, '.repeat(5000)}: division by zero`);
    expect(line.length).toBeLessThan(500);
    expect(line).toMatch(/^failed to query select x, .* … .*: division by zero$/);
  });

  it('holds no half of a secret', () => {
    const redactor = new Redactor();
    const secret = 'kanarienvogel-77-kanarienvogel-88';
    redactor.add(secret);
    const stream = { write: (): void => undefined };
    const output = new Output({ stdout: stream, stderr: stream, json: false, redactor, env: {} });
    for (let at = 150; at < 260; at++) {
      const lines = output.messageLines(`${'y'.repeat(at)}${secret}${'z'.repeat(400)}`, 'with --json');
      expect(lines.join('\n')).not.toMatch(/kanari|vogel/);
      expect(lines.at(-1)).toBe('(shortened; the whole message: with --json)');
    }
  });
});
