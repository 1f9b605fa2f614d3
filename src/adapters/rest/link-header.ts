/** RFC 8288: the target of the link whose relations include `next`. Quoted parameters may hold commas and semicolons. */
const LINK = /<([^<>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s";,]*))?)*)/g;
const RELATION = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))/i;

export function nextLink(header: string | readonly string[] | undefined): string | null {
  const text = typeof header === 'string' ? header : (header ?? []).join(', ');
  for (const [, target = '', parameters = ''] of text.matchAll(LINK)) {
    const relation = RELATION.exec(parameters);
    const names = (relation?.[1] ?? relation?.[2] ?? '').toLowerCase().split(/\s+/);
    if (names.includes('next')) return target;
  }
  return null;
}
