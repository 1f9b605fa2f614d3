/**
 * A vitest reporter that ends the run with one plain line, `12 passed, 0 failed`, for whatever counts results in a log; the same line is left in a
 * file for .ci/run, because npm prints more behind it when tests fail.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

export const CLOSING_LINE_FILE = 'target/test-counts.txt';

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    for (const module of modules) {
      const states = Array.from(module.children.allTests(), (test) => test.result().state);
      const failures = states.filter((state) => state === 'failed').length;
      passed += states.filter((state) => state === 'passed').length;
      // A file that cannot be imported, or whose preparation fails, fails without any of its tests: they did not run.
      failed += failures === 0 && module.state() === 'failed' ? 1 : failures;
    }
    const line = `${passed} passed, ${failed} failed`;
    mkdirSync('target', { recursive: true });
    writeFileSync(CLOSING_LINE_FILE, `${line}\n`);
    process.stdout.write(`${line}\n`);
  }
}
