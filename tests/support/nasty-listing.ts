/** The listing of `nasty-story.ts`: every value once more as a row of the REST API, with and without a time. */
import type { PlannedPage } from './history-pages.ts';
import { jsonText, type Member } from './history-values.ts';

const ROWS_PER_PAGE = 50;

/** `stream`: how many keys `V-0`, `V-1`, … and which `others` the stream has; all of them are listed, so that no absence comes into play. */
export function nastyPages(values: readonly Member[], others: readonly string[]): readonly PlannedPage[] {
  const own = values.map((member, index): string => {
    const time: readonly Member[] = index % 2 === 0 ? [] : [['updated_at', '"2026-10-24T23:30:00.123456789+02:00"']];
    return jsonText([['id', JSON.stringify(`L-${String(index)}`)], ...time, member], index + 1);
  });
  const known = others.map((key) => jsonText([['id', JSON.stringify(key)]], 0));
  const items = [...own, ...known];
  const pages: PlannedPage[] = [];
  for (let start = 0; start < items.length; start += ROWS_PER_PAGE)
    pages.push({ items: items.slice(start, start + ROWS_PER_PAGE), total: items.length, takesMs: 0 });
  return pages;
}
