/** The slice of the project's configuration that models need; what config/ loads has this shape. */
import type { YamlValue } from '../../config/yaml-source.ts';

export interface ConfigTree {
  /** `+key` values of this level, without the plus. */
  readonly config: Readonly<Record<string, YamlValue>>;
  readonly folders: Readonly<Record<string, ConfigTree>>;
}

export interface ModelProjectConfig {
  /** Absolute path of the project's folder. */
  readonly dir: string;
  readonly name: string;
  readonly version: string;
  /** IANA name; local days are days of this zone. */
  readonly timezone: string;
  readonly modelPaths: readonly string[];
  readonly macroPaths: readonly string[];
  readonly seedPaths: readonly string[];
  readonly testPaths: readonly string[];
  readonly targetPath: string;
  readonly models: ConfigTree;
  readonly seeds: ConfigTree;
  readonly dataTests: ConfigTree;
}

/** Where models are built; what templates see as `target`. */
export interface ModelTarget {
  readonly name: string;
  readonly type: 'duckdb' | 'bigquery';
  /** BigQuery project; absent on DuckDB. */
  readonly database?: string;
  readonly schema: string;
  /** Schema of the raw tables, `<schema>_raw`. */
  readonly rawSchema: string;
  readonly threads: number;
}

/** The settings that hold at a folder: outer levels first, inner ones win (lists of `tags` add up where they are read). */
export function treeLevels(tree: ConfigTree, path: readonly string[]): readonly ConfigTree['config'][] {
  const levels = [tree.config];
  let level: ConfigTree | undefined = tree;
  for (const folder of path) {
    level = level.folders[folder];
    if (level === undefined) break;
    levels.push(level.config);
  }
  return levels;
}
