/** The REST listing of a job: what the user wrote -> a function that resolves it against the environment when it is needed. */
import type { Paginator, RestAuth, RestEndpoint, SnapshotDefinition } from '../core/job.ts';
import { looksSecret } from '../core/secret-names.ts';
import { isMap, type JobCheck, type UnknownMap } from './job-check.ts';

/** CUSTOMER.md §2 for this reference; a longer one only makes absences more careful. */
export const DEFAULT_TOLERANCE_MS = 5 * 60_000;
export const DEFAULT_REST = {
  connectTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  maxRetries: 5,
  retryBudgetMs: 5 * 60_000,
  /** A page is held in memory as text: 64 MB is far above any sensible page and far below the memory of a small machine. */
  maxPageBytes: 64_000_000,
} as const;

type Lookup = (name: string, fallback?: string) => string;
/** undefined: an optional variable that is not set. */
type Value = (env: Lookup) => string | undefined;

const KEYS = [
  'type',
  'baseUrl',
  'path',
  'params',
  'headers',
  'auth',
  'paginator',
  'itemsPath',
  'totalPath',
  'tolerance',
  'maxRequestsPerSecond',
  'connectTimeout',
  'bodyTimeout',
  'maxRetries',
  'retryBudget',
  'maxPageBytes',
];

export function readSnapshot(check: JobCheck, value: unknown): SnapshotDefinition | null {
  if (value === undefined || value === null) return null;
  const map = check.map(value, 'snapshot', KEYS);
  check.oneOf(map['type'], 'snapshot.type', ['rest']);
  const baseUrl = readValue(check, map['baseUrl'], 'snapshot.baseUrl');
  if (typeof map['baseUrl'] === 'string' && !isHttpUrl(map['baseUrl']))
    check.expected('snapshot.baseUrl', map['baseUrl'], 'a URL with http:// or https://');
  const params = readValues(check, map['params'], 'snapshot.params');
  const headers = readValues(check, map['headers'], 'snapshot.headers');
  const auth = readAuth(check, map['auth']);
  const fixed = {
    path: check.text(map['path'], 'snapshot.path', { pattern: /^\//, expected: 'a path that begins with "/"' }),
    paginator: readPaginator(check, map['paginator']),
    itemsPath: check.text(map['itemsPath'], 'snapshot.itemsPath', { fallback: '' }),
    totalPath: map['totalPath'] === undefined ? null : check.text(map['totalPath'], 'snapshot.totalPath'),
    ...readPace(check, map),
  };
  return {
    toleranceMs: check.durationMs(map['tolerance'], 'snapshot.tolerance', DEFAULT_TOLERANCE_MS),
    environmentHeaders: Object.entries(isMap(map['headers']) ? map['headers'] : {}).flatMap(([name, header]) =>
      isMap(header) ? [name] : [],
    ),
    endpoint: (env): RestEndpoint => ({
      baseUrl: baseUrl(env) ?? '',
      params: resolveAll(params, env),
      headers: resolveAll(headers, env),
      auth: auth(env),
      ...fixed,
    }),
  };
}

function readPace(check: JobCheck, map: UnknownMap) {
  const perSecond = map['maxRequestsPerSecond'];
  return {
    maxRequestsPerSecond:
      perSecond === undefined ? null : check.number(perSecond, 'snapshot.maxRequestsPerSecond', { min: 0.001 }),
    connectTimeoutMs: check.durationMs(map['connectTimeout'], 'snapshot.connectTimeout', DEFAULT_REST.connectTimeoutMs),
    bodyTimeoutMs: check.durationMs(map['bodyTimeout'], 'snapshot.bodyTimeout', DEFAULT_REST.bodyTimeoutMs),
    maxRetries: check.number(map['maxRetries'], 'snapshot.maxRetries', {
      min: 0,
      max: 100,
      integer: true,
      fallback: DEFAULT_REST.maxRetries,
    }),
    retryBudgetMs: check.durationMs(map['retryBudget'], 'snapshot.retryBudget', DEFAULT_REST.retryBudgetMs),
    maxPageBytes: check.number(map['maxPageBytes'], 'snapshot.maxPageBytes', {
      min: 1,
      integer: true,
      fallback: DEFAULT_REST.maxPageBytes,
    }),
  };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function readValue(check: JobCheck, value: unknown, path: string): Value {
  if (typeof value === 'string') return () => value;
  if (!isMap(value)) {
    check.expected(path, value, `text or { env: 'NAME' }`);
    return () => undefined;
  }
  check.map(value, path, ['env', 'optional']);
  const name = check.text(value['env'], `${path}.env`, {
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    expected: 'the name of an environment variable',
  });
  const optional = value['optional'] === true;
  if (value['optional'] !== undefined && typeof value['optional'] !== 'boolean')
    check.expected(`${path}.optional`, value['optional'], 'true or false');
  return (env) => {
    const text = optional ? env(name, '') : env(name);
    return text === '' ? undefined : text;
  };
}

function readValues(check: JobCheck, value: unknown, path: string): ReadonlyMap<string, Value> {
  const map = value === undefined ? {} : check.map(value, path, null);
  return new Map(Object.entries(map).map(([name, inner]) => [name, readValue(check, inner, `${path}.${name}`)]));
}

function resolveAll(values: ReadonlyMap<string, Value>, env: Lookup): Readonly<Record<string, string>> {
  const resolved: [string, string][] = [];
  for (const [name, value] of values) {
    const text = value(env);
    if (text !== undefined) resolved.push([name, text]);
  }
  return Object.fromEntries(resolved);
}

const AUTH_KEYS = {
  bearer: ['token'],
  basic: ['username', 'password'],
  header: ['name', 'value'],
  oauth2_client_credentials: ['tokenUrl', 'clientId', 'clientSecret', 'scope'],
} as const satisfies Record<RestAuth['type'], readonly string[]>;

/** null when one of its values is an optional variable that is not set. */
function readAuth(check: JobCheck, value: unknown): (env: Lookup) => RestAuth | null {
  if (value === undefined || value === null) return () => null;
  const given = isMap(value) ? value['type'] : undefined;
  const type = check.oneOf(given, 'snapshot.auth.type', Object.keys(AUTH_KEYS) as RestAuth['type'][]);
  const map = check.map(value, 'snapshot.auth', ['type', ...AUTH_KEYS[type]]);
  const values = new Map<string, Value>();
  for (const key of AUTH_KEYS[type]) {
    if (key !== 'scope' || map[key] !== undefined) values.set(key, readValue(check, map[key], `snapshot.auth.${key}`));
  }
  return (env) => {
    const resolved = resolveAll(values, env);
    return Object.keys(resolved).length === values.size ? ({ type, ...resolved } as unknown as RestAuth) : null;
  };
}

const PAGINATOR_KEYS = {
  cursor: { text: ['parameter', 'nextPath'], limits: ['limitParameter', 'limit'], limitRequired: false },
  page_number: { text: ['parameter'], limits: ['limitParameter', 'limit', 'first'], limitRequired: true },
  offset: { text: ['parameter', 'limitParameter'], limits: ['limit'], limitRequired: true },
  header_link: { text: [], limits: [], limitRequired: false },
  json_link: { text: ['nextPath'], limits: [], limitRequired: false },
} as const satisfies Record<
  Paginator['type'],
  { text: readonly string[]; limits: readonly string[]; limitRequired: boolean }
>;

function readPaginator(check: JobCheck, value: unknown): Paginator {
  const given = isMap(value) ? value['type'] : undefined;
  const type = check.oneOf(given, 'snapshot.paginator.type', Object.keys(PAGINATOR_KEYS) as Paginator['type'][]);
  const keys = PAGINATOR_KEYS[type];
  const map = isMap(value) ? check.map(value, 'snapshot.paginator', ['type', ...keys.text, ...keys.limits]) : {};
  const result: Record<string, unknown> = { type };
  for (const key of keys.text) result[key] = check.text(map[key], `snapshot.paginator.${key}`);
  for (const key of keys.limits as readonly string[]) {
    const path = `snapshot.paginator.${key}`;
    if (key === 'limitParameter') {
      if (map[key] !== undefined) result[key] = check.text(map[key], path);
    } else if (key === 'first') result[key] = check.number(map[key], path, { min: 0, integer: true, fallback: 1 });
    else if (map[key] !== undefined || keys.limitRequired)
      result[key] = check.number(map[key], path, { min: 1, integer: true });
  }
  return result as unknown as Paginator;
}

/**
 * Values of the endpoint that must never be shown. A header that says who calls (`x-client: 'shop'`) is none, or every "shop" in the output would
 * be masked: it counts when its value comes from the environment, or its name sounds like a credential.
 */
export function endpointSecrets({ endpoint, environmentHeaders }: SnapshotDefinition, env: Lookup): readonly string[] {
  const { auth, headers, params } = endpoint(env);
  const isHarmless = (name: string): boolean => HARMLESS_HEADERS.has(name.toLowerCase());
  const secrets = Object.entries(headers).flatMap(([name, value]) =>
    (environmentHeaders.includes(name) && !isHarmless(name)) || looksSecret(name) ? withParts(value) : [],
  );
  secrets.push(...Object.entries(params).flatMap(([name, value]) => (looksSecret(name) ? [value] : [])));
  if (auth === null) return secrets;
  if (auth.type === 'bearer') return [...secrets, auth.token];
  if (auth.type === 'header') return [...secrets, ...withParts(auth.value)];
  if (auth.type === 'oauth2_client_credentials')
    return [...secrets, auth.clientSecret, btoaText(`${auth.clientId}:${auth.clientSecret}`)];
  return [...secrets, auth.password, btoaText(`${auth.username}:${auth.password}`)];
}

const HARMLESS_HEADERS = new Set(['accept', 'accept-language', 'content-type', 'user-agent']);

/** `Bearer abc`, `sid=abc; lang=de`: a server may repeat `abc` alone. */
function withParts(value: string): readonly string[] {
  const token = /^[A-Za-z]+ +(\S.*)$/.exec(value)?.[1];
  const cookies = [...value.matchAll(/(?:^|; *)[^=;\s]+=([^;]+)/g)].map(([, cookie = '']) => cookie);
  return [value, ...(token === undefined ? [] : [token]), ...cookies];
}

/** As it stands in a Basic header. */
function btoaText(text: string): string {
  return Buffer.from(text).toString('base64');
}
