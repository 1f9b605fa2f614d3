/**
 * A copy of the reference project with topics, a customer service and a SLUICE_HOME of its own, driven by the command line alone. What a test
 * breaks (a model, the job file, the topics) is broken in the copy.
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';
import { CUSTOMER_TOPICS, type ChangeEvent } from '../../src/demo/change-events.ts';
import { CustomerDirectory } from '../../src/demo/customer-directory.ts';
import { startCustomerService, type CustomerService, type ServiceFault } from '../../src/demo/customer-service.ts';
import type { RunReport } from '../../src/pipeline/request.ts';
import { customersOf } from './customer-service.ts';
import { copyProject } from './project-copy.ts';
import { TableReader } from './read-tables.ts';
import { sluice, type CommandOutcome } from './sluice-command.ts';

export interface CliProjectOptions {
  /** Generated customers that the service lists at the start. */
  readonly customers?: number;
  readonly partitions?: number;
}

export class CliProject implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  readonly home = join(this.dir, '.sluice');
  readonly topics = new TopicLog(join(this.home, 'topics'), { durable: false });
  readonly directory: CustomerDirectory;
  /** What the service's next answers suffer from. */
  fault: ServiceFault | undefined;
  readonly #partitions: number;
  #service: CustomerService | undefined;

  private constructor({ customers = 3, partitions = 1 }: CliProjectOptions) {
    this.directory = new CustomerDirectory(customersOf(customers));
    this.#partitions = partitions;
    copyProject(this.dir);
  }

  static async create(options: CliProjectOptions = {}): Promise<CliProject> {
    const project = new CliProject(options);
    await project.#start();
    return project;
  }

  async #start(): Promise<void> {
    this.#service = await startCustomerService({ directory: this.directory, onRequest: () => this.fault });
    for (const topic of Object.values(CUSTOMER_TOPICS)) await this.topics.create(topic, this.#partitions);
  }

  get service(): CustomerService {
    if (this.#service === undefined) throw new Error('the service was not started');
    return this.#service;
  }

  get env(): Readonly<Record<string, string>> {
    return { SLUICE_HOME: this.home, CUSTOMER_API_URL: this.service.url };
  }

  /** `sluice <args>` in the project's folder. */
  run(args: readonly string[], env: Readonly<Record<string, string>> = this.env): Promise<CommandOutcome> {
    return sluice(args, { cwd: this.dir, env });
  }

  /** `sluice <args> --json`: what stands on stdout; throws when it is not one object that names the exit code. */
  async json<T = Readonly<Record<string, unknown>>>(...args: readonly string[]): Promise<T> {
    const { exitCode, stdout, stderr } = await this.run([...args, '--json']);
    const told = stdout === '' ? null : (JSON.parse(stdout) as T & { readonly exitCode?: number });
    if (told === null || (told.exitCode ?? exitCode) !== exitCode)
      throw new Error(`sluice ${args.join(' ')} ended with ${exitCode} and printed "${stdout}":\n${stderr}`);
    return told;
  }

  /** `sluice job run customer` at this instant. */
  hour(logicalTime: string, ...flags: readonly string[]): Promise<RunReport> {
    return this.json<RunReport>('job', 'run', 'customer', '--logical-time', logicalTime, ...flags);
  }

  /** Puts events into their topics, into this partition. */
  async produce(events: readonly ChangeEvent[], partition = 0): Promise<void> {
    for (const { topic, key, value, timestampMs } of events)
      await this.topics.append(topic, [{ key, value, timestampMs, partition }]);
  }

  /** Replaces text in a project file; throws when it is not there. */
  edit(file: string, from: string | RegExp, to: string): void {
    const path = join(this.dir, file);
    const before = readFileSync(path, 'utf8');
    const after = before.replace(from, to);
    if (after === before) throw new Error(`${file} has no ${String(from)}`);
    writeFileSync(path, after);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.dir, file), text);
  }

  /** Rows of a table as texts joined by " | ", sorted; [] where the warehouse does not exist. */
  async rows(table: string, ...columns: readonly string[]): Promise<string[]> {
    const path = join(this.home, 'warehouse.duckdb');
    if (!existsSync(path)) return [];
    using tables = await TableReader.open(path);
    const [schema = '', name = ''] = table.includes('.') ? table.split('.') : ['analytics', table];
    const wanted = columns.length > 0 ? columns : [...(await tables.columns(schema, name)).keys()];
    const rows = await tables.read(
      `${schema}.${name}`,
      wanted.map((column) => ({ name: column, type: 'STRING' })),
    );
    return rows.map((row) => wanted.map((column) => row[column] ?? '-').join(' | ')).toSorted();
  }

  /** Every column of what readers read. */
  async published(): Promise<{ readonly current: string[]; readonly history: string[] }> {
    return { current: await this.rows('current_customer'), history: await this.rows('history_customer') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}
