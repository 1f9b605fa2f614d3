/** Ctrl-C and SIGTERM: the first asks the command to stop cleanly, a later one ends the process. */
import { SluiceError } from '../core/errors.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  dispose(): void;
}

/**
 * Signals that follow the first within this time are the same wish: a terminal sends Ctrl-C to the whole process group, and a parent that
 * passes signals on (npm, bin/sluice.mjs under an old Node) sends it again.
 */
const SAME_WISH_MS = 1000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
export const INTERRUPTED_EXIT_CODE = 130;

export function watchInterrupts(onFirst: () => void): Interruption {
  const controller = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      onFirst();
      controller.abort(
        new SluiceError('interrupted', `stopped by ${signal}`, {
          hint: 'Run the same command again: it finishes what was begun',
        }),
      );
    } else if (now - firstAt > SAME_WISH_MS) process.exit(INTERRUPTED_EXIT_CODE);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
