/** Counts the models that a run makes from their published rows and the newest records (`ModelChanges.since`). */
import { jobModelRunner } from '../../src/cli/job/model-runner.ts';
import type { ModelsOf } from './run-in-process.ts';

/** For `inProcess`: adds to `used`, by model name. */
export function countingSince(used: Map<string, number>): ModelsOf {
  return async (call, request) => {
    const runner = await jobModelRunner(call, request);
    return {
      nodes: () => runner.nodes(),
      preview: (asked) => runner.preview(asked),
      buildAside: (asked) => runner.buildAside(asked),
      finish: () => runner.finish(),
      run: (asked) => {
        for (const [name, { since, keys }] of asked.changes)
          if (keys !== null && since != null) used.set(name, (used.get(name) ?? 0) + 1);
        return runner.run(asked);
      },
    };
  };
}
