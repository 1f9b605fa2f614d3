import { describe, expect, test } from 'vitest';
import { breaksConnection, parsePostgresUrl, postgresError } from '../../../src/adapters/knex-state/postgres-errors.ts';
import { SluiceError, isSluiceError } from '../../../src/core/errors.ts';

const server = parsePostgresUrl('postgres://us%40er:p%40ss@db.example.com/st%20ate?sslmode=require');
const coded = (code: string, message = 'boom'): Error => Object.assign(new Error(message), { code });

test.each([
  ['postgres://u:p@h:6432/d', 'postgres at h:6432/d as u'],
  ['postgresql://h/d', 'postgres at h:5432/d'],
  ['postgres:///d?host=/var/run/postgresql&user=u', 'postgres at /var/run/postgresql:5432/d'],
  [
    'postgres://us%40er:p%40ss@db.example.com/st%20ate?sslmode=require',
    'postgres at db.example.com:5432/st ate as us@er',
  ],
  ['postgres://u:100%@h/d', 'postgres at h:5432/d as u'],
])('the label of %s names no password', (url, label) => {
  expect(parsePostgresUrl(url).label).toBe(label);
});

describe('errors', () => {
  test.each([
    [coded('28P01'), /refused the password: boom/],
    [coded('57P01'), /shut down or restarted/],
    [coded('08006'), /broke the connection/],
    [coded('40P01'), /concurrent transaction/],
    [coded('53300'), /no connection left/],
    [coded('25006'), /read-only/],
    [coded('ECONNRESET'), /broke the connection/],
    [coded('ESOMETHING'), /cannot be reached/],
    [new AggregateError([coded('ECONNREFUSED', 'connect ECONNREFUSED ::1:5432')]), /connection refused/],
    [new Error('Connection terminated unexpectedly'), /cannot be reached: Connection terminated unexpectedly/],
    [new Error('Query read timeout'), /Query read timeout/],
    [new Error('The server does not support SSL connections'), /SSL/],
  ])('%s is unavailability and names the server', (error, message) => {
    const explained = postgresError(error, server);
    expect(isSluiceError(explained, 'state_unavailable')).toBe(true);
    expect(String(explained)).toMatch(message);
    expect(String(explained)).toContain('db.example.com:5432/st ate');
  });

  test('the password is masked wherever the message quotes it', () => {
    const explained = postgresError(coded('28P01', 'no entry for p@ss, really p@ss'), server);
    expect(String(explained)).toContain('no entry for ***, really ***');
  });

  test('a refused row is a conflict', () => {
    expect(isSluiceError(postgresError(coded('23505', 'duplicate key'), server), 'state_conflict')).toBe(true);
  });

  test('a defect in a statement stays what it is, and so does what is ours', () => {
    const syntax = coded('42601', 'syntax error');
    const ours = new SluiceError('lease_lost', 'lost');
    expect(postgresError(syntax, server)).toBe(syntax);
    expect(postgresError(ours, server)).toBe(ours);
  });

  test('only an answer of the server leaves the connection good', () => {
    const breaks = (error: Error): boolean => breaksConnection(postgresError(error, server));
    expect([coded('57014'), coded('23505'), coded('53100'), coded('42601')].map(breaks)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    const broken = [
      coded('57P01'),
      coded('08006'),
      coded('25P03'),
      coded('ECONNRESET'),
      coded('EPIPE'),
      new Error('Query read timeout'),
    ];
    expect(broken.map(breaks)).toEqual(broken.map(() => true));
  });
});
