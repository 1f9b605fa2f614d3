/** The model layer of a job's run, compiled when the run first needs it. */
import { formatMillis, millisOf } from '../../core/time.ts';
import type { ModelRunner } from '../../pipeline/model-runner.ts';
import type { JobPorts } from '../../pipeline/ports.ts';
import type { RunRequest } from '../../pipeline/request.ts';
import type { CliContext } from '../context.ts';
import { compileModels } from '../model-project.ts';
import type { OpenProject } from '../open-project.ts';

export async function jobModelRunner(
  call: { readonly context: CliContext; readonly project: OpenProject; readonly ports: JobPorts },
  request: RunRequest,
): Promise<ModelRunner> {
  const { context, project, ports } = call;
  const [{ TransformRunner }, { manifestOf, runResultsOf, TargetFolder }] = await Promise.all([
    import('../../pipeline/transform-runner.ts'),
    import('../../transform/index.ts'),
  ]);
  const folder = new TargetFolder(project.config, ports.runId, (text) => context.redactor.redact(text));
  return new TransformRunner({
    artifacts: folder,
    writeResults: (compiled, _plan, result) => {
      const generatedAt = formatMillis(ports.clock.now());
      folder.artifact('manifest.json', manifestOf(compiled, { generatedAt }));
      folder.artifact(
        'run_results.json',
        runResultsOf(compiled, result, { generatedAt, args: { which: 'job run', job: ports.job.name } }),
      );
      return Promise.resolve();
    },
    job: ports.job,
    clock: ports.clock,
    ...(ports.signal === undefined ? {} : { signal: ports.signal }),
    compile: () =>
      compileModels({
        context,
        project,
        jobs: [ports.job],
        vars: request.parameters,
        invocationId: ports.runId,
        startedAtMs: request.logicalTime === null ? ports.clock.now() : millisOf(request.logicalTime),
        fullRefresh: request.fullRefresh,
      }),
  });
}
