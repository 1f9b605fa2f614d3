import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Job files import the package by its name; under test that is the source, so that there is one copy of every module.
  resolve: { alias: { sluice: fileURLToPath(new URL('src/index.ts', import.meta.url)) } },
  test: {
    include: ['tests/**/*.test.ts'],
    reporters: ['default', './scripts/closing-line.ts'],
    // Two workers: the reference machine has two cores and every e2e test starts processes of its own.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // On CI a test of processes, brokers or time-outs may meet a machine that is busy with something else: it gets one more try, and the report
    // shows that it needed one.
    retry: process.env['CI'] === undefined ? 0 : 1,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text-summary', 'json-summary'] },
  },
});
