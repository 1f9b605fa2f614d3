/** What every snapshot source has to do (src/ingest/ports.ts). Each adapter's test file calls this with a way to make one. */
import { describe, expect, it } from 'vitest';
import type { SnapshotPage, SnapshotSource } from '../../src/ingest/ports.ts';

export interface ListingUnderTest {
  /** Exact texts of the items that the listing has; the test may change the array between two pages. */
  readonly items: string[];
  readonly pageSize: number;
}

export function describeSnapshotSource(
  adapter: string,
  setUp: (listing: ListingUnderTest) => Promise<SnapshotSource>,
): void {
  describe(`snapshot source contract: ${adapter}`, () => {
    it('gives every item with its exact text, in order, in numbered pages', async () => {
      const items = [
        '{"id":"K-1","n":9007199254740993.10}',
        '{ "id" : "K-2",\n "e": 1E400 }',
        '{"id":"K-3","id":"K-3b"}',
        String.raw`{"id":"\u004b-4","s":"\ud800","t":"]},{"}`,
        '{"id":"K-5","__proto__":{"x":-0}}',
        '"text"',
        'null',
      ];
      const pages = await all(await setUp({ items: [...items], pageSize: 3 }), {});
      expect(pages.flatMap((page) => page.items)).toEqual(items);
      expect(pages.map((page) => page.number)).toEqual(pages.map((_, at) => at + 1));
      expect(pages.map((page) => page.next === null)).toEqual(pages.map((_, at) => at === pages.length - 1));
      for (const page of pages) expect(page.total).toBe(7);
    });

    it('gives one empty page for an empty listing', async () => {
      const pages = await all(await setUp({ items: [], pageSize: 3 }), {});
      expect(pages).toEqual([{ number: 1, items: [], total: 0, next: null }]);
    });

    it('ends after a last page that is full', async () => {
      const items = numbered(6);
      const pages = await all(await setUp({ items, pageSize: 3 }), {});
      expect(pages.flatMap((page) => page.items)).toEqual(items);
    });

    it('goes on behind any page, in another process', async () => {
      const listing = { items: numbered(10), pageSize: 3 };
      const whole = await all(await setUp(listing), {});
      for (const page of whole) {
        if (page.next === null) continue;
        expect(JSON.parse(JSON.stringify(page.next))).toBe(page.next);
        const rest = await all(await setUp(listing), { resume: page.next, resumePage: page.number });
        expect(rest).toEqual(whole.slice(page.number));
      }
    });

    it('can be read twice, and left in the middle', async () => {
      const source = await setUp({ items: numbered(7), pageSize: 3 });
      for await (const page of source.pages({})) {
        expect(page.number).toBe(1);
        break;
      }
      expect((await all(source, {})).flatMap((page) => page.items)).toEqual(numbered(7));
    });

    it('stops when it is told to', async () => {
      const source = await setUp({ items: numbered(7), pageSize: 3 });
      const controller = new AbortController();
      const read = async () => {
        for await (const page of source.pages({ signal: controller.signal })) {
          if (page.number === 1) controller.abort();
          expect(page.number).toBe(1);
        }
      };
      await expect(read()).rejects.toMatchObject({ code: 'interrupted' });
    });

    it('refuses a place to go on from that it did not write', async () => {
      const source = await setUp({ items: numbered(7), pageSize: 3 });
      for (const resume of [
        '',
        'null',
        '7',
        '{}',
        '{"type":"cursor"}',
        '{"type":"other","url":"http://127.0.0.1:1/"}',
      ]) {
        await expect(all(source, { resume, resumePage: 1 })).rejects.toMatchObject({ code: 'rest_failed' });
      }
    });
  });
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `{"id":"K-${String(at + 1)}"}`);
}

async function all(source: SnapshotSource, options: Parameters<SnapshotSource['pages']>[0]): Promise<SnapshotPage[]> {
  const pages: SnapshotPage[] = [];
  for await (const page of source.pages(options)) pages.push(page);
  return pages;
}
