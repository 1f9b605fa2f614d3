/** `sluice init <folder>`: a new project with the reference example in it, from the files that ship with the package. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { packageFolder } from '../package-version.ts';
import { ownRequirement } from './own-requirement.ts';

/** The package's own top level is laid out as a project is (DESIGN.md §6); these of its parts make the new one. */
const PARTS = ['project.yml', 'jobs', 'models', 'macros', 'seeds', 'tests/data'] as const;

/** The topics of the example's customer job: with the dev target they are folders, and somebody has to make them. */
const TOPICS = [
  'kundenservice-kunde-create',
  'kundenservice-kunde-update',
  'kundenservice-kunde-delete',
  'shop-order-changes',
] as const;

export function initProject({ cwd, output }: CliContext, folder: string): Promise<CommandResult> {
  const dir = resolve(cwd, folder);
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new SluiceError('usage', `${dir} is not empty`, { hint: 'Name a folder that does not exist yet' });
  }
  const name = projectName(basename(dir));
  const source = packageFolder();
  mkdirSync(dir, { recursive: true });
  const files = copyParts(source, dir);
  const renamed = readFileSync(join(dir, 'project.yml'), 'utf8').replaceAll('kundenservice', name);
  writeFileSync(join(dir, 'project.yml'), renamed);
  for (const [file, text] of Object.entries(ownFiles(name, ownRequirement(dir)))) {
    writeFileSync(join(dir, file), text);
    files.push(file);
  }
  output.result(`made ${folder} with ${files.length} entries`);
  output.note(
    `\nNext:\n  cd ${folder}\n  npm install\n  npx sluice debug\n  npx sluice topic create kundenservice-kunde-create --partitions 2`,
  );
  return Promise.resolve({ exitCode: 0, json: { project: name, folder: dir, files } });
}

function projectName(folder: string): string {
  const name = folder.replaceAll(/[^A-Za-z0-9_]+/g, '_').replace(/^[^A-Za-z]+/, '');
  return name === '' ? 'project' : name.slice(0, 60);
}

function copyParts(source: string, dir: string): string[] {
  const copied: string[] = [];
  for (const part of PARTS) {
    if (!existsSync(join(source, part))) continue;
    cpSync(join(source, part), join(dir, part), { recursive: true });
    copied.push(part);
  }
  return copied;
}

function ownFiles(name: string, requirement: string): Readonly<Record<string, string>> {
  const manifest = {
    name: name.toLowerCase().replaceAll('_', '-'),
    private: true,
    type: 'module',
    scripts: { batch: 'sluice job run customer', test: 'sluice build' },
    dependencies: { sluice: requirement },
  };
  const types = {
    compilerOptions: {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      noEmit: true,
      erasableSyntaxOnly: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
    },
    include: ['jobs'],
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    // For editors and `npx tsc`; Node runs the job files as they are.
    'tsconfig.json': `${JSON.stringify(types, null, 2)}\n`,
    '.gitignore': 'node_modules/\n.sluice/\ntarget/\n.env\n',
    'README.md': readme(name),
  };
}

function readme(name: string): string {
  return `# ${name}

A [sluice](https://www.npmjs.com/package/sluice) project: change topics, hour by hour, into tested tables.

| where | what |
|---|---|
| \`jobs/\` | one file per entity: its topics, schema, key, REST listing and the models it publishes |
| \`models/\` | templated SQL, dbt's way |
| \`macros/\`, \`seeds/\`, \`tests/data/\` | macros, CSV files, data tests |
| \`project.yml\` | targets (where things run), paths, time zone |

\`\`\`
npm install
${TOPICS.map((topic) => `npx sluice topic create ${topic} --partitions 2`).join('\n')}
npx sluice debug                        # is everything there and reachable?
npx sluice job run customer             # one hourly batch
npx sluice job run customer --full-load # with the complete listing first (needs CUSTOMER_API_URL)
npx sluice job status customer
npx sluice --help
\`\`\`

The \`dev\` target keeps everything in \`.sluice/\`. \`--target kafka\` reads a broker (KAFKA_BROKERS), \`--target prod\` works on BigQuery.
`;
}
