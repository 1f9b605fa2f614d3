/** run_results.json in dbt's shape (v6). Pure. */
import type { Project } from '../compile/project.ts';
import type { NodeResult, RunResult, TestResult } from './results.ts';

export interface RunResultsOptions {
  readonly generatedAt: string;
  /** The command and its flags, as the user gave them. */
  readonly args: Readonly<Record<string, unknown>>;
}

export function runResultsOf(
  project: Project,
  result: RunResult,
  options: RunResultsOptions,
): Readonly<Record<string, unknown>> {
  const { environment } = project.renderer;
  return {
    metadata: {
      dbt_schema_version: 'https://schemas.getdbt.com/dbt/run-results/v6.json',
      dbt_version: environment.version,
      generated_by: 'sluice',
      generated_at: options.generatedAt,
      invocation_id: environment.invocationId,
      env: {},
    },
    results: result.nodes.flatMap((node) => [
      ...(node.kind === 'test' ? [] : [nodeEntry(project, node)]),
      ...node.tests.map((test) => testEntry(node, test)),
    ]),
    elapsed_time: result.seconds,
    args: options.args,
  };
}

const STATUS = { done: 'success', failed: 'error', skipped: 'skipped' } as const;

function nodeEntry(project: Project, node: NodeResult): Readonly<Record<string, unknown>> {
  const found = project.nodes.get(node.id);
  const relation =
    found === undefined || found.kind === 'test' ? null : project.renderer.dialect.relation(found.relation);
  return {
    unique_id: node.id,
    status: STATUS[node.state],
    ...timing(node),
    adapter_response: adapterResponse(node),
    message: node.error?.message ?? node.reason ?? node.mode,
    failures: null,
    compiled: node.compiledPath !== null,
    compiled_path: node.compiledPath,
    relation_name: relation,
    partitions: node.partitions,
    batch_results: null,
  };
}

/** Members and names of dbt-bigquery's; what the warehouse does not say is left out. */
function adapterResponse({ rows, usage }: NodeResult): Readonly<Record<string, unknown>> {
  const affected = rows === null ? {} : { rows_affected: rows };
  if (usage === null) return affected;
  const told: Readonly<Record<string, string | number | null>> = {
    code: usage.statementType,
    bytes_processed: usage.bytesProcessed,
    bytes_billed: usage.bytesBilled,
    slot_ms: usage.slotMs,
    location: usage.location,
    project_id: usage.project,
    job_id: usage.jobId,
  };
  return { ...affected, ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)) };
}

function testEntry(node: NodeResult, test: TestResult): Readonly<Record<string, unknown>> {
  return {
    unique_id: test.id,
    status: test.status,
    ...timing(node),
    adapter_response: {},
    message:
      test.status === 'error' ? (node.error?.message ?? null) : test.failures > 0 ? `${test.failures} failing` : null,
    failures: test.failures,
    compiled: test.compiledPath !== null,
    compiled_path: test.compiledPath,
    relation_name: null,
    batch_results: null,
  };
}

function timing(node: NodeResult): Readonly<Record<string, unknown>> {
  const completed = new Date(Date.parse(node.startedAt) + Math.round(node.seconds * 1000)).toISOString();
  return {
    timing: node.state === 'skipped' ? [] : [{ name: 'execute', started_at: node.startedAt, completed_at: completed }],
    thread_id: 'main',
    execution_time: node.seconds,
  };
}
