/** The emulator's REST API as it answers, without the client library in between: status and body, nothing thrown. */

export interface RestAnswer {
  readonly status: number;
  readonly body: unknown;
}

export type Rest = (method: string, path: string, body?: unknown) => Promise<RestAnswer>;

export function restOf(endpoint: string, project: string): Rest {
  return async (method, path, body) => {
    const response = await fetch(`${endpoint}/bigquery/v2/projects/${project}${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
}

/** `at(body, 'status.errorResult.message')`, undefined where the way ends. */
export function at(value: unknown, path: string): unknown {
  let here = value;
  for (const step of path.split('.')) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

/** Rows of a query answer as arrays of the API's text. */
export function rowsOf(body: unknown): unknown[][] {
  const rows = at(body, 'rows');
  if (!Array.isArray(rows)) return [];
  return rows.map((row: unknown) => {
    const cells = at(row, 'f');
    return Array.isArray(cells) ? cells.map((cell: unknown) => at(cell, 'v')) : [];
  });
}
