/** PostgreSQL's and the network's errors as errors of the catalogue. Messages name server, database and user, never the password. */
import { SluiceError, messageOf } from '../../core/errors.ts';

export interface PostgresServer {
  /** `postgres at db.example.com:5432/state as sluice`. */
  readonly label: string;
  readonly password: string;
}

export function parsePostgresUrl(text: string): PostgresServer {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new SluiceError(
      'config_invalid',
      'The address of the state database is not a PostgreSQL URL; expected postgres://user:password@host:5432/database.',
      { hint: 'Set STATE_DATABASE_URL. Characters such as @ : / # in the password must be percent-encoded.' },
    );
  }
  const host = url.hostname === '' ? (url.searchParams.get('host') ?? 'localhost') : url.hostname;
  const user = url.username === '' ? '' : ` as ${decode(url.username)}`;
  return {
    label: `postgres at ${host}:${url.port === '' ? '5432' : url.port}${decode(url.pathname)}${user}`,
    password: decode(url.password) || (url.searchParams.get('password') ?? ''),
  };
}

/** SQLSTATE, or the system's error code, or a class of SQLSTATEs (its first two characters). */
const MEANINGS: Readonly<Record<string, readonly [says: string, hint: string]>> = {
  '28P01': ['refused the password', 'Check user and password in STATE_DATABASE_URL.'],
  '28000': ['refused the user', "Check the user in STATE_DATABASE_URL and the server's pg_hba.conf."],
  '3D000': ['does not have that database', 'Create the database, or correct its name in STATE_DATABASE_URL.'],
  '42501': ['denied a permission', 'Grant the user CREATE and USAGE on its schema.'],
  '53300': ['has no connection left', 'Raise max_connections, or run fewer jobs at once.'],
  '57014': [
    'took too long and was cancelled',
    'Another session may hold a lock: see pg_stat_activity. Then run again.',
  ],
  '25P03': ['ended a transaction that stood still too long', 'Was this process paused? Run again.'],
  '25006': ['is read-only', 'Point STATE_DATABASE_URL at the primary server.'],
  '53100': ['has no space left', 'Free some space on the server and run again.'],
  '08': ['broke the connection', 'Check the server and run again.'],
  '57': ['shut down or restarted', 'Run again once it is up.'],
  '40': ['rolled back because of a concurrent transaction', 'Run again.'],
  ECONNREFUSED: [
    'does not answer: connection refused',
    'Is it running, and are host and port in STATE_DATABASE_URL right?',
  ],
  ENOTFOUND: ['has an unknown host name', 'Correct the host in STATE_DATABASE_URL.'],
  EAI_AGAIN: ['has a host name that cannot be looked up now', 'Check the network and run again.'],
  ETIMEDOUT: ['does not answer', 'Check network, firewall and port.'],
  EHOSTUNREACH: ['cannot be reached', 'Check network and firewall.'],
  ECONNRESET: ['broke the connection', 'Check the server and run again.'],
  EPIPE: ['broke the connection', 'Check the server and run again.'],
};

/** pg's own errors without a code: time-outs and ends of the connection. */
const CONNECTION_TEXT = /timeout|terminated|connection|not queryable|SSL|certificate|self-signed/i;

export function postgresError(error: unknown, server: PostgresServer): unknown {
  if (error instanceof SluiceError) return error;
  const code = codeOf(error);
  const text = withoutPassword(messageOf(error), server);
  if (code.startsWith('23')) {
    return new SluiceError('state_conflict', `The state database (${server.label}) refused a row: ${text}.`, {
      details: { code },
    });
  }
  const meaning = MEANINGS[code] ?? (/^[0-9A-Z]{5}$/.test(code) ? MEANINGS[code.slice(0, 2)] : undefined);
  if (meaning === undefined && !(code === '' && CONNECTION_TEXT.test(text)) && !code.startsWith('E')) return error;
  const [says, hint] = meaning ?? ['cannot be reached', 'Check the server and STATE_DATABASE_URL, then run again.'];
  // Not handed on as `cause`: pg's errors may carry the client with its settings.
  return new SluiceError('state_unavailable', `The state database (${server.label}) ${says}: ${text}.`, {
    hint,
    details: { code },
  });
}

/** True when the server did not answer with an error of a statement: the connection is gone, or nobody knows where it stands. */
export function breaksConnection(error: unknown): boolean {
  if (!(error instanceof SluiceError) || error.code !== 'state_unavailable') return false;
  const { code } = error.details;
  // No SQLSTATE begins with E; Node's codes do (EPIPE).
  return typeof code !== 'string' || !/^(?!E|08|57P|25P03)[0-9A-Z]{5}$/.test(code);
}

export function isMissingTable(error: unknown): boolean {
  return codeOf(error) === '42P01';
}

function withoutPassword(text: string, { password }: PostgresServer): string {
  return password === '' ? text : text.replaceAll(password, '***');
}

function codeOf(error: unknown): string {
  // Node reports a host with several addresses as one error of many.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error) || !('code' in first)) return '';
  return typeof first.code === 'string' ? first.code : '';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
