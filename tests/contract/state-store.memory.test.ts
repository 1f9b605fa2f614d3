import { createMemoryState, createMemoryStateStore } from '../../src/adapters/memory/state-store.ts';
import { describeStateStore } from './state-store.ts';

describeStateStore('memory', () => {
  const state = createMemoryState();
  let nowMs = Date.UTC(2026, 2, 1);
  return Promise.resolve({
    open: () => Promise.resolve(createMemoryStateStore({ now: () => nowMs }, state)),
    elapse: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});
