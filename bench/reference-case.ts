/** The reference case with some history: a complete listing, then days of events, all landed. */
import { join } from 'node:path';
import { customerEvents, listedCustomers } from './events.ts';
import { appendEvents, createTopics, topicLog } from './fill.ts';
import { serveListing } from './listing.ts';
import type { Workspace } from './workspace.ts';

/** Midnight in Berlin, in winter; summer time does not begin in the weeks behind it. */
export const FIRST_DAY_MS = Date.UTC(2026, 0, 31, 23);
export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;

export interface Story {
  readonly customers: number;
  readonly events: number;
  /** Days after the first one, on which events come. */
  readonly days: number;
  readonly size: 'small' | 'whole';
}

/** The local day number `days` after the first. */
export function dayAfter(days: number): string {
  return new Date(FIRST_DAY_MS + HOUR_MS + days * DAY_MS).toISOString().slice(0, 10);
}

/** The end of the story, as logical time: the last evening. */
export function lastEvening({ days }: Pick<Story, 'days'>): string {
  return new Date(FIRST_DAY_MS + (days + 1) * DAY_MS - HOUR_MS).toISOString();
}

export type Log = ReturnType<typeof topicLog>;

/** Lists all customers on the first morning and lands the events; nothing but the listing is loaded. */
export async function tellStory(workspace: Workspace, story: Story): Promise<Log> {
  workspace.copyProject();
  const log = topicLog(join(workspace.home, 'topics'));
  await createTopics(log);
  const morning = FIRST_DAY_MS + 6 * HOUR_MS;
  await using listing = await serveListing(listedCustomers(story.customers, FIRST_DAY_MS));
  await workspace.job(['--full-load', '--logical-time', new Date(morning).toISOString()], {
    CUSTOMER_API_URL: listing.url,
  });
  const fromMs = morning + HOUR_MS;
  const toMs = FIRST_DAY_MS + (story.days + 1) * DAY_MS - 2 * HOUR_MS;
  const { customers, events: count, size } = story;
  await appendEvents(log, customerEvents({ seed: 3, count, customers, fromMs, toMs, size }));
  await workspace.job(['--only', 'land', '--logical-time', lastEvening(story)]);
  return log;
}
