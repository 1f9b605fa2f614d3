/** Writes docs/errors.md from the catalogue: `npm run docs:errors`. tests/unit/core/errors.test.ts says when it is due. */
import { writeFileSync } from 'node:fs';
import { ERROR_CATALOGUE } from '../src/core/errors.ts';

const rows = Object.entries(ERROR_CATALOGUE).map(
  ([code, { exitCode, title }]) => `| \`${code}\` | ${exitCode} | ${title} |`,
);

writeFileSync(
  new URL('../docs/errors.md', import.meta.url),
  `# Errors

Every failure has a stable code. The terminal prints it in brackets (\`error[topic_missing]: …\`) with a hint what to do; with \`--json\` it stands in
\`errors[].code\`. The exit status of a command follows from it: 0 done, 1 the run failed or refused, 2 a mistake found before anything ran, 75 another run of
the job holds the lease, 130 stopped by Ctrl-C.

| code | exit | what it means |
|---|---|---|
${rows.join('\n')}
`,
);
