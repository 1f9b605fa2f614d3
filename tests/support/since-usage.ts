/** Histories in which runs make models from their published rows and the newest records (`ModelChanges.base`), and how often they did. */
import { jobModelRunner } from '../../src/cli/job/model-runner.ts';
import type { RawHistory } from './histories.ts';
import type { ModelsOf } from './run-in-process.ts';

function count(used: Map<string, number>, what: string): void {
  used.set(what, (used.get(what) ?? 0) + 1);
}

/** For `inProcess`: adds to `used`, by model name and, for a daily model, by the day that it builds on. */
export function countingSince(used: Map<string, number>): ModelsOf {
  return async (call, request) => {
    const runner = await jobModelRunner(call, request);
    return {
      nodes: () => runner.nodes(),
      preview: (asked) => runner.preview(asked),
      buildAside: (asked) => runner.buildAside(asked),
      finish: () => runner.finish(),
      run: (asked) => {
        for (const [name, { base, keys, window }] of asked.changes) {
          if (keys === null || base == null) continue;
          count(used, name);
          if (base.day !== null)
            count(used, `${name} on ${base.day === window?.from ? 'its own day' : 'the day before'}`);
        }
        return runner.run(asked);
      },
    };
  };
}

/** The first run at the very start, with the listing; no other listing, and only whole runs on what is there. */
export function streaming(raw: RawHistory): RawHistory {
  const [first, ...later] = raw.runs;
  const whole = { fullLoad: null, mode: 'all', lost: null } as const;
  const runs = [
    ...(first === undefined ? [] : [{ ...first, ...whole, at: { near: 'spot', permille: 0 } as const }]),
    ...later.map((run) => ({ ...run, ...whole })),
  ];
  return { ...raw, days: Math.min(raw.days + 2, 9), runs };
}
