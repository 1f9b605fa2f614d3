/** How BigQuery says no. */

/** A refusal with BigQuery's status, reason and words; thrown by the rules and the engine, answered by the server. */
export class FrontRefusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export function invalidQuery(message: string): FrontRefusal {
  return new FrontRefusal(400, 'invalidQuery', message);
}

export function invalid(message: string): FrontRefusal {
  return new FrontRefusal(400, 'invalid', message);
}

export function errorBody(refusal: FrontRefusal): object {
  const { status, reason, message } = refusal;
  return { error: { code: status, message, errors: [{ reason, message, domain: 'global' }], status: reason } };
}

/** The emulator gives every failure the reason jobInternalError and its own SQL along; BigQuery's words are shorter. */
export function translated(message: string): FrontRefusal {
  const text = message
    .replace(/^failed to import from gcs: /, '')
    .replace(/^failed to exec [\s\S]*sqlite3: SQL logic error: /, '')
    .replace(/^failed to (?:scan rows|analyze|parse statements|format query)[^:]*: /, '');
  const missing = /(?:Table not found: |`?)([\w.`-]+)`?(?: is not found| \[at|$)/.exec(text);
  if (/Table not found|is not found/.test(text)) {
    return new FrontRefusal(404, 'notFound', `Not found: Table ${missing?.[1] ?? '?'} was not found in location EU`);
  }
  if (/object doesn't exist|No such object/.test(text))
    return new FrontRefusal(404, 'notFound', `Not found: URI ${text}`);
  return invalidQuery(text);
}
