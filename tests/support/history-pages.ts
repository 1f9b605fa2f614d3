/** What a random history's REST API answers: its lagging state, and everything that can be odd about a listing. */
import type { MeantEvent } from './history-build.ts';
import { at, jsonText, timeText } from './history-values.ts';
import type { EntityProfile, Member } from './history-values.ts';
import type { RawHistory, RawRow, RawSnapshot } from './histories.ts';

export interface PlannedPage {
  /** Exact texts. */
  readonly items: readonly string[];
  readonly total: number | null;
  /** How long the server takes to answer. */
  readonly takesMs: number;
}

interface ApiRow {
  readonly key: string;
  readonly members: readonly Member[];
}

const SLOW_MS = [0, 3, 700, 5_000, 20_000, 30_000];
/** How long the whole download takes: its last page answers that late. */
export const downloadMs = (snapshot: RawSnapshot): number => at(SLOW_MS, snapshot.slow);

/** Distances of a fresh row's `updated_at` from S0; the last ones are out of bounds unless the download takes long. */
const FRESH_US = [1, 0, 1e6, -1, 59 * 60e6, 3600e6, 3601e6, 86_400e6];

/** The API's state: per key the newest meant event at `atUs`; one that says gone is not listed, or listed as it was. */
function apiState(story: readonly MeantEvent[], atUs: number, listsGone: boolean): ApiRow[] {
  const newest = new Map<string, MeantEvent>();
  for (const event of story) {
    const known = newest.get(event.key);
    if (listsGone && !event.there) continue;
    if (event.atUs <= atUs && (known === undefined || event.atUs >= known.atUs)) newest.set(event.key, event);
  }
  return [...newest.values()].filter(({ there }) => there).map(({ key, members }) => ({ key, members }));
}

/** Keys with a record whose time lies at S0, or at the window's first or last instant. */
function movingKeys(
  story: readonly MeantEvent[],
  s0Ms: number,
  s1Ms: number,
  toleranceMs: number,
): ReadonlySet<string> {
  const close = (ms: number): boolean =>
    [s0Ms, s0Ms - toleranceMs, s1Ms + toleranceMs].some((edge) => Math.abs(ms - edge) <= 1000);
  return new Set(story.filter(({ atUs, brokerMs }) => close(atUs / 1000) || close(brokerMs)).map(({ key }) => key));
}

function without(row: ApiRow, field: string): ApiRow {
  return { ...row, members: row.members.filter(([name]) => name !== field) };
}

/** One oddity applied to the rows. */
function apply(profile: EntityProfile, rows: readonly ApiRow[], change: RawRow, s0Us: number, label: string): ApiRow[] {
  const { keyField, eventTimeField } = profile.job;
  const target = rows[change.key % Math.max(rows.length, 1)];
  const tag: Member = [profile.tag, `"${label}"`];
  const time = (us: number): Member => [eventTimeField, JSON.stringify(timeText(us, change.variant))];
  const renew = (row: ApiRow, ...members: Member[]): ApiRow => ({ ...row, members: [...row.members, tag, ...members] });
  const replace = (row: ApiRow): ApiRow[] => rows.map((old) => (old === target ? row : old));
  if (change.change === 'add' || target === undefined) {
    const key = profile.key(change.key);
    const field = at(profile.fields, change.variant);
    const added: ApiRow = {
      key,
      members: [[keyField, JSON.stringify(key)], time(s0Us - change.variant * 36e8), tag, field],
    };
    return [...rows, added];
  }
  switch (change.change) {
    case 'drop':
      return rows.filter((row) => row !== target);
    case 'twice':
      return [...rows, renew(target, time(s0Us - (change.variant - 30) * 6e7))];
    case 'fresh':
      return replace(renew(target, time(s0Us + at(FRESH_US, change.variant))));
    case 'timeless':
      return replace(
        renew(
          without(target, eventTimeField),
          ...(change.variant % 2 === 0 ? [] : [[eventTimeField, 'null'] as const]),
        ),
      );
    case 'retag':
      return replace(renew(target));
    case 'poison':
      return replace(renew(target, at(profile.wrong, change.variant)));
  }
}

export function snapshotPages(
  profile: EntityProfile,
  raw: RawHistory,
  snapshot: RawSnapshot,
  s0Ms: number,
  run: number,
  story: readonly MeantEvent[],
): PlannedPage[] {
  const { keyField, eventTimeField, toleranceMs } = profile.job;
  const s0Us = s0Ms * 1000;
  const strangers = Array.from({ length: raw.strangers }, (_, index): ApiRow => {
    const key = `S-${index}`;
    return {
      key,
      members: [
        [keyField, JSON.stringify(key)],
        [profile.tag, '"stranger"'],
      ],
    };
  });
  const moving = movingKeys(story, s0Ms, s0Ms + downloadMs(snapshot), toleranceMs);
  const listed = apiState(story, s0Us - snapshot.lag * toleranceMs * 10, snapshot.listsGone);
  const state = [...listed.filter(({ key }) => !snapshot.dropsMoving || !moving.has(key)), ...strangers];
  const times = snapshot.noTimes ? state.map((row) => without(row, eventTimeField)) : state;
  const rows = snapshot.changes.reduce<readonly ApiRow[]>(
    (all, change, index) => apply(profile, all, change, s0Us, `R${run}-${index}`),
    times,
  );
  const count = new Set(rows.map(({ key }) => key)).size;
  const pages: PlannedPage[] = [];
  const pageCount = Math.max(1, Math.ceil(rows.length / snapshot.pageSize));
  for (let page = 0; page < pageCount; page++) {
    const items = rows.slice(page * snapshot.pageSize, (page + 1) * snapshot.pageSize);
    const grown = count - 1 + (page === pageCount - 1 ? 2 : 0);
    const total = { right: count, off: count + 1, grows: grown }[snapshot.totals];
    // The rows of a page stand in one JSON document, so a row's text is always JSON.
    pages.push({
      items: items.map(({ members }, index) => jsonText(members, index).trim()),
      total,
      takesMs: page === pageCount - 1 ? downloadMs(snapshot) : 0,
    });
  }
  return pages;
}
