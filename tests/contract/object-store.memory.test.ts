import { createMemoryObjectStore } from '../../src/adapters/memory/object-store.ts';
import { describeObjectStore } from './object-store.ts';

describeObjectStore('memory', async () => {
  const store = createMemoryObjectStore();
  return { store, other: store, cleanUp: async () => {} };
});
