/**
 * The model layer as the pipeline and the command line use it:
 *
 *   compileProject(config, target, environment) -> Project      files read, names resolved, every mistake at once
 *   planRun(project, request)                   -> RunPlan      plain data: nodes in order, SQL, tests
 *   runPlan(project, plan, warehouse, options)  -> RunResult    executes it; tests decide inside each publishing transaction
 *   buildAside(…) and swapStatements(…)                         the whole set under other names, then put in place
 */
export { compileProject } from './compile/project.ts';
export type { CompileOptions, Project } from './compile/project.ts';
export type { CheckedYaml, YamlCache } from './compile/checked-yaml.ts';
export type { ConfigTree, ModelProjectConfig, ModelTarget } from './compile/project-config.ts';
export type { ContextExtensions, ExtensionScope, RenderEnvironment } from './compile/context/environment.ts';
export { RelationValue } from './compile/context/relation-value.ts';
export type { ModelNode, Node, SeedNode, SourceNode, TestNode } from './compile/node.ts';
export { selectNodes } from './compile/selection.ts';
export type { Selection, SelectionRequest } from './compile/selection.ts';
export { fail, hostFunction, hostObject, toText } from './compile/jinja/index.ts';
export type { Kwargs, Value } from './compile/jinja/index.ts';
export type { DayWindow, ModelChanges } from './plan/changes.ts';
export { planRun } from './plan/plan-run.ts';
export type { PlanRequest } from './plan/plan-run.ts';
export type { BuildMode, PlannedNode, PlannedTest, RunCommand, RunPlan } from './plan/plan.ts';
export { runPlan } from './run/run-plan.ts';
export type { ModelObserver, RunOptions } from './run/run-plan.ts';
export { compileInline, compileWithWarehouse } from './run/compile-now.ts';
export { estimateOf } from './run/estimate.ts';
export type { Estimate } from './run/estimate.ts';
export { manifestOf } from './compile/manifest.ts';
export { runResultsOf } from './run/run-results.ts';
export { TargetFolder } from './run/target-folder.ts';
export { buildAside } from './run/build-aside.ts';
export type { AsideOptions, AsideResult, TableCount } from './run/build-aside.ts';
export type { NodeHooks } from './run/prepare-node.ts';
export type { NodeError, NodeResult, RunResult, TestResult } from './run/results.ts';
export type { ArtifactSink } from './run/artifact-sink.ts';
export type {
  GateResult,
  GateTest,
  ModelSession,
  ModelWarehouse,
  PublishOutcome,
  PublishUnit,
  QueryResult,
  Usage,
} from './run/ports.ts';
