/**
 * The import table of src/README.md, enforced on the real import graph. A failure names the edge, the rule it breaks and the folder where the
 * code belongs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../src/', import.meta.url));

interface Edge {
  /** Path inside src/, `/`-separated. */
  readonly from: string;
  /** Path inside src/, or the name of a package or of a `node:` module. */
  readonly to: string;
  readonly kind: 'source' | 'package' | 'node';
  /** Erased when compiled: a type only. */
  readonly typeOnly: boolean;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

const COMMENTS = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g;
const STATIC = /(?:^|\n|;)\s*(import|export)\s+(type\s+)?([^'";]*?\sfrom\s+)?['"]([^'"\n]+)['"]/g;
/** `createRequire(import.meta.url)('x')`, or a function made by it: `requireKafkajs('x')`. */
const REQUIRED = /(?:createRequire\([^)]*\)|\brequire(?!d)\w*)\(\s*['"]([^'"\n]+)['"]/g;
const DYNAMIC = /\bimport\(\s*['"]([^'"\n]+)['"]/g;

/** `import { type A, type B } from` is erased as well. */
function isTypeOnly(keyword: string | undefined, clause: string | undefined): boolean {
  if (keyword !== undefined) return true;
  const names = /^\{([^}]*)\}\s+from\s+$/s.exec(clause?.trimStart() ?? '')?.[1];
  return (
    names !== undefined &&
    names.trim() !== '' &&
    names.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type '))
  );
}

function edgesOf(path: string): Edge[] {
  const text = readFileSync(path, 'utf8').replaceAll(COMMENTS, '');
  const from = inside(path);
  const edge = (specifier: string, typeOnly: boolean): Edge => {
    if (specifier.startsWith('.'))
      return { from, to: inside(resolve(dirname(path), specifier)), kind: 'source', typeOnly };
    return { from, to: packageName(specifier), kind: specifier.startsWith('node:') ? 'node' : 'package', typeOnly };
  };
  return [
    ...[...text.matchAll(STATIC)].map((match) => edge(match[4] ?? '', isTypeOnly(match[2], match[3]))),
    ...[...text.matchAll(DYNAMIC), ...text.matchAll(REQUIRED)].map((match) => edge(match[1] ?? '', false)),
  ];
}

function inside(path: string): string {
  return relative(root, path).split(sep).join('/');
}

function packageName(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The part of the table an inner folder belongs to: adapters count one by one. */
function areaOf(file: string): string {
  const [first = '', second = ''] = file.split('/');
  if (first === 'adapters') return `adapters/${second}`;
  return file.includes('/') ? first : file;
}

/** A port file holds interfaces and what belongs to them: whoever implements or composes it may read it. */
function isPort(file: string): boolean {
  // The ledger of warehouse jobs is a port of its own: the warehouse needs it, the state store keeps it.
  return file.endsWith('/ports.ts') || file === 'state/job-ledger.ts';
}

/**
 * Which areas an area may import, as a value or as a type. What is not listed is forbidden. STYLE.md, "Shape": stages never import each other, one
 * composer imports them all, adapters sit at the edge, the vocabulary in the middle is pure.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  config: ['core', 'config'],
  ingest: ['core', 'ingest'],
  load: ['core', 'load'],
  // Model properties are YAML of the user like project.yml: read, checked and reported by the same readers.
  transform: [
    'core',
    'transform',
    'config/yaml-source.ts',
    'config/schema-check.ts',
    'config/problems.ts',
    'config/suggest.ts',
    'config/expression.ts',
  ],
  publish: ['core', 'publish', 'transform/run/ports.ts'],
  state: ['core', 'state'],
  pipeline: ['core', 'pipeline', 'ingest', 'load', 'transform', 'publish', 'state'],
  cli: ['core', 'config', 'pipeline', 'ingest', 'load', 'transform', 'publish', 'state', 'adapters', 'cli'],
  // It plays the systems around the product, and fills topics as a producer would.
  demo: ['core', 'config', 'cli', 'demo', 'pipeline/request.ts', 'adapters/topic-log'],
  'index.ts': ['core', 'config', 'cli'],
};

/** What an adapter may import besides core, ports and itself. */
const ADAPTER_EXTRAS: Readonly<Record<string, readonly string[]>> = {
  // Rules that every state store shares, as pure decisions.
  'adapters/knex-state': ['state', 'adapters/folders'],
  'adapters/memory': ['state'],
  // `mkdir -p` that ends everywhere.
  'adapters/local-files': ['adapters/folders'],
  'adapters/topic-log': ['adapters/folders'],
  // The raw tables' columns are data of load, what a test's answer means is a rule of publish.
  'adapters/duckdb': ['load', 'publish', 'transform/sql'],
  'adapters/bigquery': ['load', 'publish', 'transform/sql', 'adapters/google-auth'],
  // Whom Google Cloud sees is one question for both of its services.
  'adapters/gcs': ['adapters/google-auth'],
};

/** The one vendor package of each adapter (and what comes with it). */
const VENDORS: Readonly<Record<string, readonly string[]>> = {
  'adapters/kafka': ['kafkajs'],
  'adapters/duckdb': ['@duckdb/node-api'],
  'adapters/bigquery': ['@google-cloud/bigquery'],
  'adapters/gcs': ['@google-cloud/storage', '@node-rs/crc32'],
  'adapters/google-auth': ['google-auth-library'],
  'adapters/knex-state': ['knex', 'better-sqlite3', 'pg'],
  // Its writers' lock is one that a dead process lets go of, which only a database file gives.
  'adapters/topic-log': ['better-sqlite3'],
};

/** Packages outside adapters, by the files that may import them. */
const PACKAGES: readonly { readonly name: string; readonly files: RegExp }[] = [
  { name: 'ajv', files: /^(config\/schema-check|transform\/compile\/.*|ingest\/.*)\.ts$/ },
  { name: 'yaml', files: /^(config\/yaml-source|transform\/compile\/.*)\.ts$/ },
  { name: 'nunjucks', files: /^transform\/compile\// },
  { name: 'csv-parse', files: /^transform\/compile\// },
  { name: 'commander', files: /^cli\// },
  { name: 'yargs', files: /^cli\// },
  { name: 'node-cron', files: /^cli\// },
];

function allowed(area: string, to: string): boolean {
  const rules = area.startsWith('adapters/')
    ? ['core', area, ...(ADAPTER_EXTRAS[area] ?? [])]
    : (MAY_IMPORT[area] ?? []);
  if (area.startsWith('adapters/') && isPort(to)) return true;
  return rules.some((rule) => to === rule || to.startsWith(`${rule}/`));
}

/** Where code belongs that needs this import. */
function home(from: string, to: string): string {
  const target = areaOf(to);
  if (target === 'cli') return 'cli/';
  const stages = new Set(['ingest', 'load', 'transform', 'publish', 'state', 'pipeline']);
  if (from.startsWith('core/'))
    return stages.has(target)
      ? `${target}/`
      : target.startsWith('adapters/')
        ? `${target}/`
        : 'the stage that needs it';
  if (target.startsWith('adapters/')) return 'cli/ (the composition root)';
  return stages.has(target) ? 'pipeline/ (only it composes stages), or what both share into core/' : 'core/';
}

const files = sourceFiles(root);
const edges = files.flatMap(edgesOf);

function report(violations: readonly string[]): void {
  expect(violations, violations.join('\n')).toEqual([]);
}

describe('import graph of src/', () => {
  test('reads the graph: every relative import leads to a file', () => {
    const known = new Set(files.map(inside));
    const lost = edges
      .filter((edge) => edge.kind === 'source' && !known.has(edge.to))
      .map((edge) => `${edge.from} imports ${edge.to}, which is not there`);
    expect(edges.length).toBeGreaterThan(100);
    report(lost);
  });

  test('every folder has its place in the table', () => {
    const areas = [...new Set(files.map((file) => areaOf(inside(file))))].filter(
      (area) => !area.startsWith('adapters/'),
    );
    report(
      areas
        .filter((area) => MAY_IMPORT[area] === undefined)
        .map((area) => `src/${area} is not in the table of tests/unit/architecture.test.ts`),
    );
  });

  test('folders import only what the table allows', () => {
    const violations = edges
      .filter((edge) => edge.kind === 'source' && !allowed(areaOf(edge.from), edge.to))
      .map(
        (edge) =>
          `${edge.from} imports ${edge.to}: ${areaOf(edge.from)} must not import ${areaOf(edge.to)}; such code belongs into ${home(edge.from, edge.to)}`,
      );
    report(violations);
  });

  test('core is pure: no node modules and no packages', () => {
    const violations = edges
      .filter((edge) => edge.from.startsWith('core/') && edge.kind !== 'source' && !edge.typeOnly)
      .map(
        (edge) =>
          `${edge.from} imports ${edge.to}: core is pure; such code belongs into the stage or adapter that needs it`,
      );
    report(violations);
  });

  test('a vendor package is imported by its one adapter, other packages by the files that own them', () => {
    const violations = edges
      .filter((edge) => edge.kind === 'package' && !packageAllowed(edge))
      .map((edge) => `${edge.from} imports the package ${edge.to}; ${packageHome(edge.to)}`);
    report(violations);
  });
});

function packageAllowed({ from, to }: Edge): boolean {
  const area = areaOf(from);
  if (VENDORS[area]?.includes(to) === true) return true;
  return PACKAGES.some((rule) => rule.name === to && rule.files.test(from));
}

function packageHome(name: string): string {
  const adapter = Object.entries(VENDORS).find(([, packages]) => packages.includes(name))?.[0];
  if (adapter !== undefined) return `only ${adapter}/ may`;
  const rule = PACKAGES.find((known) => known.name === name);
  return rule === undefined
    ? 'no file may: name it in tests/unit/architecture.test.ts if it is wanted'
    : `only files like ${rule.files.source} may`;
}

/** Code without comments and without the contents of plain strings, so that a message that speaks of the clock is not taken for its use. */
function codeOf(path: string): string {
  return readFileSync(path, 'utf8')
    .replaceAll(COMMENTS, '')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

function uses(folder: RegExp, except: readonly string[], pattern: RegExp): string[] {
  return files
    .map((path) => ({ path, file: inside(path) }))
    .filter(({ file }) => folder.test(file) && !except.includes(file))
    .flatMap(({ path, file }) => [...codeOf(path).matchAll(pattern)].map((match) => `${file} uses ${match[0]}`));
}

describe('where effects may stand', () => {
  test('core takes time and randomness as arguments', () => {
    report(
      uses(
        /^core\//,
        [],
        /\bDate\.now\b|\bMath\.random\b|\bnew Date\(\)|\bperformance\.now\b|\bcrypto\.randomUUID\b/g,
      ).map((use) => `${use}: core is pure; hand it in`),
    );
  });

  test('argv and environment are read in cli/ only', () => {
    report(
      uses(/^(?!cli\/|demo\/)/, [], /\bprocess\.(?:argv|env)\b/g).map(
        (use) => `${use}: only cli/ reads argv and environment; hand the value in`,
      ),
    );
  });

  test('only cli/ prints or ends the process', () => {
    report(
      uses(/^(?!cli\/|demo\/)/, [], /\bconsole\.\w+|\bprocess\.(?:stdout|stderr|exit|exitCode)\b/g).map(
        (use) => `${use}: only cli/ prints; use the run's observer`,
      ),
    );
  });
});
