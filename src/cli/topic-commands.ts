/** `sluice topic …`: the topics of the target's stream, for the on-disk log of the embedded target and for brokers alike. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { wholeNumber, withProjectOptions, type ProjectOptions } from './common-options.ts';
import type { CommandHandler, CommandResult, CliContext } from './context.ts';
import { openProject } from './open-project.ts';
import type { Choose } from './program.ts';
import { systemClock } from './system-clock.ts';
import type { TopicAdmin } from './topic/topic-admin.ts';

const LINE_HELP = `
Each line of the file is one record:
  {"key":"K-1","value":{"id":"K-1","updated_at":"2026-03-01T10:15:30Z"},"timestamp":"2026-03-01T10:15:31Z","partition":0,"headers":{"trace":"1"}}
key, timestamp (default: now), partition (default: Kafka's hash of the key) and headers may be left out. A value that is an object is stored as the exact
text that stands in the line, a string as its characters, null as a tombstone; "value_base64" gives bytes. A file named - is standard input.`;

export function addTopicCommands(program: Command, choose: Choose): void {
  const topic = program
    .command('topic')
    .description("topics of the target's stream: create, produce, ls, trim, alter, delete");

  withProjectOptions(
    topic
      .command('create')
      .description('make a topic')
      .argument('<topic>', 'name')
      .requiredOption('--partitions <n>', 'number of partitions', wholeNumber('--partitions', 1)),
  ).action((name: string, options: ProjectOptions & { readonly partitions: number }) => {
    choose(
      withAdmin(options, async (admin, context) =>
        (await import('./topic/manage-topic.ts')).createTopic(
          admin,
          { topic: name, partitions: options.partitions },
          context.output,
        ),
      ),
    );
  });

  withProjectOptions(
    topic
      .command('produce')
      .description('append the records of a file, all or none')
      .argument('<topic>', 'name')
      .requiredOption('--file <file>', 'NDJSON, one record per line; -: standard input'),
  )
    .addHelpText('after', LINE_HELP)
    .action((name: string, options: ProjectOptions & { readonly file: string }) => {
      choose(
        withAdmin(options, async (admin, context) =>
          (await import('./topic/produce-topic.ts')).produceTopic(
            admin,
            { topic: name, file: options.file, stdin: interruptible(context) },
            context.output,
          ),
        ),
      );
    });

  withProjectOptions(
    topic
      .command('ls')
      .description('list topics with their partitions and offsets')
      .argument('[topics...]', 'only these'),
  ).action((topics: string[], options: ProjectOptions) => {
    choose(
      withAdmin(options, async (admin, context) =>
        (await import('./topic/list-topics.ts')).listTopics(admin, { topics }, context.output),
      ),
    );
  });

  withProjectOptions(
    topic
      .command('trim')
      .description('delete the records of a partition below an offset, as retention does')
      .argument('<topic>', 'name')
      .requiredOption('--partition <p>', 'partition', wholeNumber('--partition', 0))
      .requiredOption('--before-offset <n>', 'first offset that stays', offset),
  ).action((name: string, options: ProjectOptions & { readonly partition: number; readonly beforeOffset: bigint }) => {
    choose(
      withAdmin(options, async (admin, context) =>
        (await import('./topic/manage-topic.ts')).trimTopic(
          admin,
          { topic: name, partition: options.partition, beforeOffset: options.beforeOffset },
          context.output,
        ),
      ),
    );
  });

  addChanges(topic, choose);
}

function addChanges(topic: Command, choose: Choose): void {
  withProjectOptions(
    topic
      .command('alter')
      .description('add partitions to a topic')
      .argument('<topic>', 'name')
      .requiredOption('--partitions <n>', 'partitions in all', wholeNumber('--partitions', 1)),
  ).action((name: string, options: ProjectOptions & { readonly partitions: number }) => {
    choose(
      withAdmin(options, async (admin, context) =>
        (await import('./topic/manage-topic.ts')).alterTopic(
          admin,
          { topic: name, partitions: options.partitions },
          context.output,
        ),
      ),
    );
  });

  withProjectOptions(
    topic.command('delete').description('delete a topic with all its records').argument('<topic>', 'name'),
  ).action((name: string, options: ProjectOptions) => {
    choose(
      withAdmin(options, async (admin, context) =>
        (await import('./topic/manage-topic.ts')).deleteTopic(admin, { topic: name }, context.output),
      ),
    );
  });
}

function withAdmin(
  options: ProjectOptions,
  work: (admin: TopicAdmin, context: CliContext) => Promise<CommandResult>,
): CommandHandler {
  return async (context) => {
    const { target } = await openProject(context, options);
    const { openTopicAdmin } = await import('./topic/topic-admin.ts');
    const admin = await openTopicAdmin(target.stream(), () => systemClock.now());
    try {
      return await work(admin, context);
    } finally {
      await admin.close();
    }
  };
}

/** Ctrl-C also ends waiting for standard input. */
function interruptible({ signal }: CliContext): NodeJS.ReadStream {
  signal.addEventListener('abort', () => process.stdin.destroy(new Error('interrupted')), { once: true });
  return process.stdin;
}

function offset(text: string): bigint {
  if (!/^\d{1,19}$/.test(text)) throw new InvalidArgumentError('--before-offset is a whole number of at least 0.');
  return BigInt(text);
}
