/** Everything that a run could have written on the services of production, as text to compare. */
import type { CloudHome, KillCloud } from './kill-cloud.ts';
import { publishedIn } from './kill-project.ts';
import { writesOf } from './wire-faults.ts';

export interface CloudEverything {
  readonly objects: string;
  readonly state: string;
  readonly jobs: string;
  readonly published: string;
}

async function objectsOf({ data: { landing } }: CloudHome): Promise<string> {
  const names: string[] = [];
  for await (const name of landing.list('')) names.push(`${name} ${String((await landing.stat(name))?.bytes)}`);
  return names.toSorted().join('\n');
}

async function stateOf(cloud: KillCloud, { database }: CloudHome): Promise<string> {
  const name = new URL(database).pathname.slice(1);
  const tables = await cloud.server.admin(
    `select table_name from information_schema.tables where table_schema = 'public' order by 1`,
    name,
  );
  const texts: string[] = [];
  for (const { table_name: table } of tables) {
    const rows = await cloud.server.admin(`select t::text as line from "${String(table)}" as t order by 1`, name);
    texts.push(`${String(table)}\n${rows.map(({ line }) => String(line)).join('\n')}`);
  }
  return texts.join('\n\n');
}

export async function everythingIn(cloud: KillCloud, home: string): Promise<CloudEverything> {
  const services = cloud.of(home);
  const { front } = services;
  const ids = front.jobs.map(({ jobId, state }) => `${jobId} ${state}`);
  return {
    objects: await objectsOf(services),
    state: await stateOf(cloud, services),
    jobs: `${String(writesOf(services).bigquery)} requests\n${ids.join('\n')}`,
    published: JSON.stringify(await publishedIn(services.data)),
  };
}
