/** The documentation names what exists: commands, options, variables, keys and files; its YAML parses. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommanderError, type Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createProgram } from '../../src/cli/program.ts';
import { DEFAULT_LIMITS } from '../../src/core/job.ts';
import { DEFAULT_REST } from '../../src/config/job-snapshot.ts';
import { defineJob } from '../../src/config/define-job.ts';
import { blocksOf, commandLines, DOCUMENTS, textOf, words } from '../support/doc-examples.ts';
import { ProjectFolder, REPOSITORY, sluice } from '../support/sluice-command.ts';

function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap((inner) => everyCommand(inner))];
}

/** undefined: the line is a command with options that exist. */
function mistakeIn(argv: readonly string[]): string | undefined {
  let isChosen = false;
  const program = createProgram('0', () => (isChosen = true));
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} });
  }
  try {
    program.parse([...argv], { from: 'user' });
    return isChosen ? unknownOption(program, argv) : 'chooses no command';
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? undefined : error.message;
  }
}

/** `job run` lets options through, which may be parameters of the job: `--region` is the one of docs/jobs.md. */
function unknownOption(program: Command, argv: readonly string[]): string | undefined {
  if (argv[0] !== 'job' || argv[1] !== 'run') return undefined;
  const run = program.commands
    .find((group) => group.name() === 'job')
    ?.commands.find((inner) => inner.name() === 'run');
  const known = new Set(['--region', ...(run?.options ?? []).flatMap(({ long, short }) => [long, short])]);
  return argv.find((word) => word.startsWith('-') && !known.has(word));
}

/** `sluice job run <job>` stands for a job; `list|show` for each; `[topics…]` for none. */
function examples(line: string): readonly (readonly string[])[] {
  const argv = words(line)
    .filter((word) => !/^\[.*\]$/.test(word))
    .map((word) => (/^<.*>$/.test(word) ? '1' : word));
  const choice = argv.findIndex((word) => /^[a-z]+(?:\|[a-z]+)+$/.test(word));
  if (choice === -1) return [argv];
  return argv[choice]!.split('|').map((word) => argv.with(choice, word));
}

test('a command or an option that does not exist is found', () => {
  expect(mistakeIn(['job', 'run', 'customer', '--full-lod'])).toBe('--full-lod');
  expect(mistakeIn(['job', 'rum', 'customer'])).toContain('rum');
  expect(mistakeIn(['build', '--slect', 'x'])).toContain('--slect');
});

describe.each(DOCUMENTS)('%s', (file) => {
  test('names commands and options that exist', () => {
    const mistakes = commandLines(file).flatMap((line) =>
      examples(line).flatMap((argv) => {
        // A family of commands (`sluice job`), or a command in prose whose arguments stand elsewhere.
        const mistake = argv.length < 2 ? undefined : mistakeIn(argv);
        const isShortened = mistake !== undefined && /missing required argument|required option/.test(mistake);
        return mistake === undefined || isShortened ? [] : [`sluice ${argv.join(' ')}: ${mistake}`];
      }),
    );
    expect(mistakes).toEqual([]);
  });

  test('links to files and headings that exist', () => {
    const broken = Array.from(textOf(file).matchAll(/\]\((?!https?:)([^)#]*)(#[^)]*)?\)/g)).filter(
      ([, path = '', anchor = '']) => {
        const target = path === '' ? file : join(dirname(file), path);
        if (!existsSync(join(REPOSITORY, target))) return true;
        return anchor !== '' && !headings(target).includes(anchor.slice(1));
      },
    );
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  test('has YAML that parses, without anything to warn of', () => {
    for (const { text } of blocksOf(file).filter(({ language }) => language === 'yaml')) {
      for (const document of parseAllDocuments(text)) {
        if (!('errors' in document)) throw new Error('empty YAML block');
        expect([...document.errors, ...document.warnings].map(String)).toEqual([]);
      }
    }
  });
});

function headings(file: string): readonly string[] {
  return Array.from(textOf(file).matchAll(/^#+ (.*)$/gm), ([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

interface PodSpec {
  readonly containers: readonly {
    readonly name: string;
    readonly args: readonly string[];
    readonly volumeMounts: readonly { readonly name: string }[];
    readonly envFrom: readonly { readonly configMapRef?: { readonly name: string } }[];
  }[];
  readonly volumes: readonly { readonly name: string }[];
  readonly restartPolicy: string;
}

interface CronJob {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly jobTemplate: {
      readonly spec: {
        readonly template: { readonly spec: PodSpec };
        readonly podFailurePolicy: {
          readonly rules: readonly { readonly onExitCodes: { readonly containerName: string } }[];
        };
      };
    };
  };
}

test.each(['README.md', 'docs/jobs.md'])('the job in %s is one that sluice takes', async (file) => {
  const job = blocksOf(file).find(
    ({ language, text }) => language === 'ts' && text.includes('export default defineJob'),
  );
  using project = new ProjectFolder({ 'project.yml': textOf('project.yml'), 'jobs/order.ts': job?.text ?? '' });
  expect(await sluice(['job', 'list'], { cwd: project.dir })).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('order'),
    stderr: '',
  });
});

describe('docs/running.md', () => {
  const [cronJob, configMap] = blocksOf('docs/running.md')
    .filter(({ language, text }) => language === 'yaml' && text.includes('CronJob'))
    .flatMap(({ text }) => parseAllDocuments(text).map((document) => document.toJS() as unknown));

  test('its CronJob runs a command that exists, and names volumes, containers and a ConfigMap that exist', () => {
    const jobSpec = (cronJob as CronJob).spec.jobTemplate.spec;
    const { spec } = jobSpec.template;
    const [container] = spec.containers;
    expect(mistakeIn(container?.args ?? [])).toBeUndefined();
    // Kubernetes takes a podFailurePolicy with this policy alone.
    expect(spec.restartPolicy).toBe('Never');
    for (const { onExitCodes } of jobSpec.podFailurePolicy.rules)
      expect(onExitCodes.containerName).toBe(container?.name);
    const volumes = spec.volumes.map(({ name }) => name);
    expect(container?.volumeMounts.map(({ name }) => name).filter((name) => !volumes.includes(name))).toEqual([]);
    expect(container?.envFrom[0]?.configMapRef?.name).toBe((configMap as CronJob).metadata.name);
  });

  test('its Cloud Run job runs a command that exists, and the scheduler calls that job', () => {
    const text = blocksOf('docs/running.md')
      .map((block) => block.text)
      .join('\n');
    const args = Array.from(text.matchAll(/--args=(\S+)/g), ([, list = '']) => list.replace(/`.*$/, '').split(','));
    expect(args.length).toBeGreaterThan(0);
    for (const argv of args) expect(mistakeIn(argv), argv.join(' ')).toBeUndefined();
    const name = /gcloud run jobs create (\S+)/.exec(text)?.[1] ?? '';
    expect(text).toContain(`/jobs/${name}:run`);
    expect(text).toContain(`jobs add-iam-policy-binding ${name}`);
  });

  test('its variables are read by the project, a job or sluice itself', () => {
    const named = new Set(textOf('docs/running.md').match(/\b(?:[A-Z]+_)+[A-Z]+\b/g) ?? []);
    const ours = [textOf('project.yml'), textOf('jobs/customer.ts')].join('\n');
    const known = new Set(['GOOGLE_APPLICATION_CREDENTIALS', 'XDG_CACHE_HOME']);
    expect([...named].filter((name) => !known.has(name) && !new RegExp(`\\b${name}\\b`).test(ours))).toEqual([]);
  });

  test('has every variable that project.yml reads', () => {
    const read = Array.from(textOf('project.yml').matchAll(/env_var\('(\w+)'/g), ([, name = '']) => name);
    const documented = textOf('docs/running.md');
    expect([...new Set(read)].filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('docs/commands.md', () => {
  const documented = textOf('docs/commands.md');

  test('has every command and every option', () => {
    const program = createProgram('0', () => {});
    const missing = everyCommand(program).flatMap((command) => {
      if (command === program || command.name() === 'help') return [];
      const isGroup = command.commands.length > 0;
      const parent = command.parent === program ? '' : `${command.parent?.name()} `;
      const own = isGroup || documented.includes(`sluice ${parent}${command.name()}`) ? [] : [command.name()];
      const options = command.options.flatMap(({ long, short }) => [long, short]).filter((flag) => flag != null);
      return [
        ...own,
        ...options.filter((flag) => !documented.includes(flag)).map((flag) => `${command.name()} ${flag}`),
      ];
    });
    expect(missing).toEqual([]);
  });
});

describe('docs/jobs.md', () => {
  const documented = textOf('docs/jobs.md');

  test('has every key of defineJob, with those of snapshot and limits', () => {
    const keys = [...knownKeys('job'), ...knownKeys('snapshot'), ...Object.keys(DEFAULT_LIMITS)];
    expect(keys.length).toBeGreaterThan(30);
    expect(keys.filter((key) => !documented.includes(`\`${key}\``))).toEqual([]);
  });

  test('states the defaults that the code has', () => {
    expect(documented).toContain(
      `| ${String(DEFAULT_REST.maxRetries)}; ${DEFAULT_REST.retryBudgetMs / 60_000} minutes |`,
    );
    expect(documented).toContain(
      `| ${DEFAULT_REST.connectTimeoutMs / 1000} seconds; ${DEFAULT_REST.bodyTimeoutMs / 1000} seconds |`,
    );
    expect(documented).toContain(`| ${DEFAULT_REST.maxPageBytes / 1_000_000} MB |`);
  });
});

/** The keys that defineJob itself lists when it meets an unknown one. */
function knownKeys(what: 'job' | 'snapshot'): readonly string[] {
  try {
    defineJob({ _: 1, snapshot: { _: 1 } } as never);
  } catch (error) {
    const start = what === 'job' ? '  unknown key' : '  snapshot: unknown key';
    const line = (error as Error).message.split('\n').find((each) => each.startsWith(start));
    return line?.split('known keys: ')[1]?.split(', ') ?? [];
  }
  return [];
}

describe('docs/models.md', () => {
  const documented = textOf('docs/models.md');
  const missingOf = (names: Iterable<string>): readonly string[] =>
    [...new Set(names)].filter((name) => !new RegExp(`\\b${name}\\b`).test(documented));

  test('has every setting of models, seeds and tests', () => {
    const source = ['node-config', 'table-options'].map((file) => textOf(`src/transform/compile/${file}.ts`)).join('');
    const keys = Array.from(
      source.matchAll(/(?:reader\.\w+(?:<\w+>)?|comparison|hooks|positive)\((?:reader, )?'(\w+)'/g),
      ([, key = '']) => key,
    );
    expect(keys.length).toBeGreaterThan(35);
    expect(missingOf(keys)).toEqual([]);
  });

  test('has every name that templates know', () => {
    const source = textOf('src/transform/compile/context/names.ts');
    const names = Array.from(source.matchAll(/^ {2,4}\[?'(\w+)',/gm), ([, name = '']) => name);
    const more = Array.from(source.matchAll(/\['(\w+)', \(/g), ([, name = '']) => name);
    expect(more.length).toBeGreaterThan(20);
    expect(missingOf([...more, ...names, 'run_query', 'statement', 'load_result'])).toEqual([]);
  });

  test('has every method of selection', () => {
    const [, list = ''] = /const METHODS = \[([^\]]*)\]/.exec(textOf('src/transform/compile/selection.ts')) ?? [];
    const methods = Array.from(list.matchAll(/'(\w+)'/g), ([, name = '']) => name);
    expect(methods.length).toBeGreaterThan(5);
    expect(methods.filter((method) => !new RegExp(`\\b${method}[.:]`).test(documented) && method !== 'fqn')).toEqual(
      [],
    );
  });
});
