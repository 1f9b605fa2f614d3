/**
 * `npm start`: the reference case on the embedded target, with a simulated customer service. Five days in March pass in seconds: a full
 * load, hourly batches, a late and a broken event, a full load that brings a new field, a run with nothing new, a full refresh.
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TopicLog } from '../adapters/topic-log/topic-log.ts';
import type { RunReport } from '../pipeline/request.ts';
import { CUSTOMER_TOPICS, type ChangeEvent } from './change-events.ts';
import { reportIn, runCli } from './cli-process.ts';
import { CustomerDirectory } from './customer-directory.ts';
import { startCustomerService, type CustomerService } from './customer-service.ts';
import { customerId, generateAddress, generateCustomer, generateCustomers, seededRandom } from './customers.ts';

const CUSTOMERS = 400;
const SEED = 7;
const TOKEN = 'demo-token';
/** The customer whose history is shown: moves from Wendenstraße to Heidenkampsweg. */
const HERO = customerId(123);

interface Stage {
  readonly home: string;
  readonly log: TopicLog;
  readonly directory: CustomerDirectory;
  readonly env: Readonly<Record<string, string>>;
  readonly random: () => number;
}

const bold = (text: string): string => (process.stdout.isTTY ? `\u001B[1m${text}\u001B[22m` : text);
const dim = (text: string): string => (process.stdout.isTTY ? `\u001B[2m${text}\u001B[22m` : text);
const say = (text = ''): void => void process.stdout.write(`${text}\n`);

async function publish(stage: Stage, events: readonly ChangeEvent[]): Promise<void> {
  const byTopic = Map.groupBy(events, ({ topic }) => topic);
  for (const [topic, list] of byTopic) {
    await stage.log.append(
      topic,
      list.map(({ key, value, timestampMs }) => ({
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
        timestampMs,
      })),
    );
  }
}

function days(partitions: readonly string[]): string {
  const first = partitions[0];
  const last = partitions.at(-1);
  if (first === undefined || last === undefined) return 'no partition';
  return first === last ? first : `${first} .. ${last} (${partitions.length} days)`;
}

function describe(report: RunReport): readonly string[] {
  const lines = report.batches.map(
    (batch) =>
      `${batch.kind.padEnd(8)} ${batch.id}: ${batch.read} read, ${batch.landed} landed, ${batch.quarantined} quarantined`,
  );
  for (const model of report.models) {
    if (!model.name.startsWith('stg_'))
      lines.push(
        `model    ${model.name}: ${model.rows} rows written${model.partitions.length > 0 ? `, partitions ${days(model.partitions)}` : ''}`,
      );
  }
  if (report.batches.length === 0 && report.models.length === 0) lines.push('nothing new, nothing touched');
  return lines;
}

async function run(stage: Stage, at: string, flags: readonly string[] = []): Promise<RunReport> {
  const args = ['job', 'run', 'customer', '--logical-time', at, ...flags];
  say(dim(`  $ sluice ${args.join(' ')}`));
  const remarks: string[] = [];
  const startedAt = performance.now();
  const result = await runCli([...args, '--json'], stage.env, (line) => remarks.push(line));
  const report = reportIn(result);
  for (const line of describe(report)) say(`    ${line}`);
  for (const warning of report.warnings) say(`    note: ${warning}`);
  say(dim(`    exit ${result.exitCode}, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`));
  if (result.exitCode !== 0) {
    throw new Error(
      `the demo's run failed:\n${remarks.join('\n')}\n${report.errors.map(({ message }) => message).join('\n')}`,
    );
  }
  return report;
}

async function show(stage: Stage, sql: string, limit: number): Promise<string> {
  const result = await runCli(['show', '--inline', sql, '--limit', String(limit)], stage.env, () => undefined);
  return result.stdout.trimEnd();
}

/** A few customers move or change their credit limit at this hour. */
function hourOfChanges(stage: Stage, hour: string, count: number): readonly ChangeEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const id = customerId(1 + Math.floor(stage.random() * (CUSTOMERS - 2)));
    const at = `${hour.slice(0, 14)}${String(10 + index).padStart(2, '0')}:00.000Z`;
    return stage.directory.update(id, at, id === HERO ? {} : generateAddress(stage.random));
  });
}

async function fingerprint(stage: Stage): Promise<string> {
  const sql =
    "select (select count(*) || ':' || bit_xor(hash(c)) from (select * exclude (_batch_id) from analytics.current_customer) c) || ' ' || (select count(*) || ':' || bit_xor(hash(h)) from (select * exclude (_batch_id) from analytics.history_customer) h) as tables";
  return show(stage, sql, 1);
}

async function story(stage: Stage): Promise<void> {
  const { directory, log } = stage;

  say(bold('1  March 1, 08:00: nothing exists yet. Initial full load of the listing, then the change topics'));
  await run(stage, '2026-03-01T07:00:00Z', ['--full-load']);

  say();
  say(bold('2  March 1 and 2: hourly batches'));
  await publish(stage, hourOfChanges(stage, '2026-03-01T08:00:00Z', 12));
  await run(stage, '2026-03-01T09:00:00Z');
  await publish(stage, [
    ...hourOfChanges(stage, '2026-03-02T09:00:00Z', 8),
    directory.update(HERO, '2026-03-02T09:30:00.000Z', {
      street: 'Heidenkampsweg 41',
      postal_code: '20097',
      city: 'Hamburg',
    }),
    directory.create({
      ...generateCustomer(CUSTOMERS + 1, { seed: SEED, before: '2026-03-02T09:00:00Z' }),
      updated_at: '2026-03-02T09:45:00.000Z',
    }),
    directory.deactivate(customerId(17), '2026-03-02T09:50:00.000Z'),
  ]);
  await run(stage, '2026-03-02T10:00:00Z');

  say();
  say(bold('3  March 3: an event that is two days late, and a broken one'));
  say(
    '  The late one changes history from its own day on; the broken one is kept whole as a dead letter and stops nothing.',
  );
  const before = directory.get(customerId(42));
  const late = directory.update(customerId(42), '2026-03-01T20:15:00.000Z', {
    street: 'Reeperbahn 1',
    city: 'Hamburg',
  });
  directory.put({ ...before, street: 'Reeperbahn 1', city: 'Hamburg', updated_at: '2026-03-01T20:15:00.000Z' });
  await publish(stage, [
    { ...late, timestampMs: Date.parse('2026-03-03T08:10:00Z') },
    ...hourOfChanges(stage, '2026-03-03T08:00:00Z', 5),
  ]);
  await log.append(CUSTOMER_TOPICS.update, [
    {
      key: Buffer.from(customerId(99)),
      value: Buffer.from('{"id":"K-000099","updated_at":"2026-03-03T08:20:00Z","credit_limit":12.345}'),
      timestampMs: Date.parse('2026-03-03T08:20:00Z'),
    },
  ]);
  await run(stage, '2026-03-03T09:00:00Z');

  say();
  say(
    bold(
      '4  March 4: the service learns a new field (newsletter, default false) without events. A full load brings it',
    ),
  );
  directory.hiddenFields.delete('newsletter');
  await run(stage, '2026-03-04T07:00:00Z', ['--full-load']);
  await publish(stage, hourOfChanges(stage, '2026-03-05T08:00:00Z', 10));
  await run(stage, '2026-03-05T09:00:00Z');

  say();
  say(bold('5  The same run again: nothing is new, nothing changes'));
  const before5 = await fingerprint(stage);
  await run(stage, '2026-03-05T09:30:00Z');
  say(`    tables before and after are ${before5 === (await fingerprint(stage)) ? 'the same' : 'DIFFERENT'}`);

  say();
  say(bold('6  Full refresh: everything rebuilt from the backup alone, aside, then swapped in'));
  await run(stage, '2026-03-05T10:00:00Z', ['--full-refresh']);
  const after = await fingerprint(stage);
  if (after !== before5) throw new Error(`the rebuilt tables differ:\n${before5}\n${after}`);
  say('    the rebuilt tables equal the incremental ones, row for row');
}

async function showTables(stage: Stage): Promise<void> {
  say();
  say(bold('current_customer: one row per customer'));
  say(
    await show(
      stage,
      'select customer_id, status, first_name, last_name, street, city, newsletter, credit_limit, external_ref, _op, _is_deleted from analytics.current_customer order by customer_id',
      6,
    ),
  );
  say();
  say(bold(`history_customer of ${HERO}: one row per day`));
  say(
    await show(
      stage,
      `select day, customer_id, street, postal_code, city, newsletter, _event_at from analytics.history_customer where customer_id = '${HERO}' order by day`,
      10,
    ),
  );
}

async function stageFor(home: string, service: CustomerService, directory: CustomerDirectory): Promise<Stage> {
  const log = new TopicLog(join(home, 'topics'));
  for (const topic of Object.values(CUSTOMER_TOPICS)) await log.create(topic, 2);
  return {
    home,
    log,
    directory,
    random: seededRandom(SEED),
    env: {
      SLUICE_HOME: home,
      SLUICE_TARGET: 'dev',
      CUSTOMER_API_URL: service.url,
      CUSTOMER_API_TOKEN: TOKEN,
      NO_COLOR: '1',
    },
  };
}

/** Plays the story; everything it leaves behind lies in `.sluice/demo` of the current folder. */
export async function play(): Promise<void> {
  const home = resolve('.sluice', 'demo');
  await rm(home, { recursive: true, force: true });
  const directory = new CustomerDirectory(generateCustomers(CUSTOMERS, { seed: SEED, before: '2026-02-28T00:00:00Z' }));
  directory.put({
    ...directory.get(HERO),
    first_name: 'Anna',
    last_name: 'Schäfer',
    street: 'Wendenstraße 12',
    postal_code: '20097',
    city: 'Hamburg',
  });
  // The service does not have this field yet; when it comes, everybody has the default.
  for (let number = 1; number <= CUSTOMERS; number++)
    directory.put({ ...directory.get(customerId(number)), newsletter: false });
  directory.hiddenFields.add('newsletter');
  const service = await startCustomerService({ directory, token: TOKEN });
  const startedAt = performance.now();
  say(`sluice demo: ${CUSTOMERS} customers of a simulated service at ${service.url}, three change topics, five days.`);
  say(dim(`Everything lies in ${join('.sluice', 'demo')}: topics/, landing/, warehouse.duckdb, state.sqlite.`));
  say();
  try {
    const stage = await stageFor(home, service, directory);
    await story(stage);
    await showTables(stage);
  } finally {
    await service.close();
  }
  say();
  say(bold(`Done in ${((performance.now() - startedAt) / 1000).toFixed(0)} s. Try next:`));
  say('  SLUICE_HOME=.sluice/demo npx sluice job status customer');
  say('  SLUICE_HOME=.sluice/demo npx sluice dlq list customer');
  say(
    `  SLUICE_HOME=.sluice/demo npx sluice show --inline "select day, count(*) from analytics.history_customer group by day order by day"`,
  );
}
