/** From a compiled model to its SQL script: which strategy, on what is there, with which window. */
import { SluiceError } from '../../core/errors.ts';
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';
import { didYouMean } from '../../config/suggest.ts';
import { RESERVED_COLUMNS } from '../compile/node-config.ts';
import type { ModelNode } from '../compile/node.ts';
import type { ModelChanges } from '../plan/changes.ts';
import type { BuildMode } from '../plan/plan.ts';
import type { BuildInput, BuildScript, IncrementalInput, OverwriteWindow } from '../sql/build.ts';
import type { Dialect } from '../sql/dialect.ts';
import { columnKey } from '../sql/schema-change.ts';
import { buildAppend } from '../sql/strategies/append.ts';
import { buildDeleteInsert } from '../sql/strategies/delete-insert.ts';
import { buildInsertOverwrite } from '../sql/strategies/insert-overwrite.ts';
import { mergeStaging, type MergeInput } from '../sql/strategies/merge-parts.ts';
import { buildMerge } from '../sql/strategies/merge.ts';
import { stagingOf, type Staging } from '../sql/strategies/staging.ts';
import { buildTable } from '../sql/strategies/table.ts';
import { buildView } from '../sql/strategies/view.ts';

export interface ModelBuild {
  readonly node: ModelNode;
  readonly mode: BuildMode;
  readonly dialect: Dialect;
  /** The relation to write: the node's own, or its copy aside. */
  readonly target: RelationName;
  readonly select: string;
  readonly existing: RelationInfo | undefined;
  readonly changes: ModelChanges;
  /** Columns of the select; only incremental modes need them. */
  readonly incoming: readonly ColumnInfo[] | undefined;
  readonly keyRange?: MergeInput['keyRange'];
}

/** The staging of `modelScript`, which an incremental mode can begin with; null where it has none, or there is nothing to do. */
export function modelStaging(build: Omit<ModelBuild, 'incoming'>): Staging | null {
  switch (build.mode) {
    case 'merge':
      return mergeStaging(inputOf(build));
    case 'delete+insert':
      return stagingOf(inputOf(build));
    case 'insert_overwrite':
      return windowOf(build) === null ? null : stagingOf(inputOf(build));
    default:
      return null;
  }
}

function inputOf(build: Omit<ModelBuild, 'incoming'>): BuildInput {
  const { dialect, target, select, existing, node } = build;
  return { dialect, target, select, existing, options: node.config.build };
}

/** null: there is nothing to do (a window without days). */
export function modelScript(build: ModelBuild): BuildScript | null {
  const input = inputOf(build);
  switch (build.mode) {
    case 'view':
      return buildView(input);
    case 'table':
      return buildTable(input);
    case 'full':
      return buildTable(input, build.node.config.strategy ?? undefined);
    case 'merge':
      return buildMerge({
        ...incremental(build, input),
        ...(build.keyRange === undefined ? {} : { keyRange: build.keyRange }),
      });
    case 'append':
      return buildAppend(incremental(build, input));
    case 'delete+insert':
      return buildDeleteInsert(incremental(build, input));
    case 'insert_overwrite':
      return overwrite(build, incremental(build, input));
    case 'seed':
    case 'tests':
      throw new SluiceError('internal', `${build.node.name} is no model that can be built as ${build.mode}`);
  }
}

function incremental(build: ModelBuild, input: BuildInput): IncrementalInput {
  const { existing, incoming, node } = build;
  if (existing === undefined || incoming === undefined) {
    throw new SluiceError('internal', `${node.name} cannot run incrementally: its table or its columns are not known`);
  }
  checkColumns(node, incoming);
  return { ...input, existing, incoming };
}

/** Columns that the settings name must be columns of the model. */
function checkColumns(node: ModelNode, incoming: readonly ColumnInfo[]): void {
  const { build } = node.config;
  const known = new Map(incoming.map(({ name }) => [columnKey(name), name]));
  const named: readonly (readonly [setting: string, columns: readonly string[]])[] = [
    ['unique_key', build.uniqueKey],
    ['sequence_by', build.sequenceBy],
    ['merge_update_columns', build.mergeUpdateColumns ?? []],
    ['merge_exclude_columns', build.mergeExcludeColumns],
    ['partition_by', build.partitionBy === null ? [] : [build.partitionBy.field]],
  ];
  for (const [setting, columns] of named) {
    for (const column of columns) {
      if (known.has(columnKey(column))) continue;
      const message = `${setting} names the column "${column}", which the model does not have${didYouMean(column, known.values())}`;
      throw new SluiceError('model_failed', message);
    }
  }
  const reserved = RESERVED_COLUMNS.find((column) => known.has(columnKey(column)));
  if (reserved !== undefined)
    throw new SluiceError('model_failed', `the column name "${reserved}" is taken by sluice itself`);
}

function overwrite(build: ModelBuild, input: IncrementalInput): BuildScript | null {
  const partition = input.options.partitionBy;
  if (partition === null || partition.dataType === 'int64') {
    throw new SluiceError('internal', `${build.node.name} has no day to partition by`);
  }
  const window = windowOf(build);
  if (window === null) return null;
  return buildInsertOverwrite({
    ...input,
    window,
    partition: { field: partition.field, dataType: partition.dataType },
  });
}

function windowOf({ node, changes }: Pick<ModelBuild, 'node' | 'changes'>): OverwriteWindow | null {
  const { window, newDaysFrom, keys, full } = changes;
  if (full) {
    throw new SluiceError(
      'model_failed',
      `the days to overwrite are not known: no job runs ${node.name}, and no days were given`,
      {
        hint: 'Give them with --event-time-start and --event-time-end, or rebuild the model with --full-refresh.',
      },
    );
  }
  return window === null ? null : { from: window.from, to: window.to, newDaysFrom, keys };
}
