import { describe, expect, test } from 'vitest';
import { printFailure } from '../../../src/cli/failure.ts';
import { printReport } from '../../../src/cli/job/report-text.ts';
import { printStatus } from '../../../src/cli/job/status-text.ts';
import { Output, type TextStream } from '../../../src/cli/output.ts';
import { counted, grouped, tableLines } from '../../../src/cli/table.ts';
import { Redactor } from '../../../src/config/secret.ts';
import { SluiceError } from '../../../src/core/errors.ts';
import type { JobStatus } from '../../../src/pipeline/job-status.ts';
import type { RunReport } from '../../../src/pipeline/request.ts';

interface Recorded {
  readonly output: Output;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

function record(
  options: {
    readonly json?: boolean;
    readonly tty?: boolean;
    readonly env?: Readonly<Record<string, string>>;
    readonly secret?: string;
  } = {},
): Recorded {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof texts): TextStream => ({
    write: (text) => (texts[name] += text),
    isTTY: options.tty === true,
    columns: 40,
  });
  const redactor = new Redactor();
  if (options.secret !== undefined) redactor.add(options.secret);
  const output = new Output({
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    json: options.json === true,
    redactor,
    env: options.env ?? {},
  });
  return { output, stdout: () => texts.stdout, stderr: () => texts.stderr };
}

describe('output', () => {
  test('results go to stdout, remarks to stderr', () => {
    const { output, stdout, stderr } = record();
    output.result('a');
    output.note('b');
    expect([stdout(), stderr()]).toEqual(['a\n', 'b\n']);
  });

  test('with --json stdout has the object alone', () => {
    const { output, stdout, stderr } = record({ json: true });
    output.result('a');
    output.object({ big: 2n ** 60n, list: [1] });
    expect(stdout()).toBe('{"big":"1152921504606846976","list":[1]}\n');
    expect(stderr()).toBe('a\n');
  });

  test('whatever is written passes the redactor', () => {
    const { output, stdout, stderr } = record({ secret: 'kanarienvogel', tty: true });
    output.result('x kanarienvogel');
    output.note('x kanarienvogel');
    output.progress('x kanarienvogel');
    output.object({ x: 'kanarienvogel' });
    expect(stdout() + stderr()).not.toContain('kanarienvogel');
    expect(stdout()).toContain('x ***');
  });

  test('progress is drawn on a terminal only, and removed before the next line', () => {
    const plain = record();
    plain.output.progress('half');
    expect(plain.stderr()).toBe('');
    const terminal = record({ tty: true });
    terminal.output.progress('half');
    terminal.output.progress('half');
    terminal.output.note('done');
    expect(terminal.stderr()).toBe('half\r\u001B[2Kdone\n');
  });

  test('a long progress line is cut to the terminal', () => {
    const { output, stderr } = record({ tty: true });
    output.progress('x'.repeat(200));
    expect(stderr()).toHaveLength(39);
  });

  test.each([
    [{ tty: true }, true],
    [{ tty: false }, false],
    [{ tty: true, env: { NO_COLOR: '1' } }, false],
    [{ tty: false, env: { FORCE_COLOR: '1' } }, true],
    [{ tty: true, env: { TERM: 'dumb' } }, false],
  ])('colours: %j', (options, coloured) => {
    expect(record(options).output.colours.red('x')).toBe(coloured ? '\u001B[31mx\u001B[39m' : 'x');
  });
});

describe('failures', () => {
  test('show code, message and hint', () => {
    const { output, stderr } = record();
    printFailure(output, new SluiceError('topic_missing', 'topic a does not exist', { hint: 'Make it' }));
    expect(stderr()).toBe('error[topic_missing]: topic a does not exist\nhint: Make it\n');
  });

  test('show the stack of a defect, and ask for a report', () => {
    const { output, stderr } = record();
    printFailure(output, new TypeError('x is not a function'));
    expect(stderr()).toMatch(/^error\[internal\]: x is not a function\n\s+at .*output\.test\.ts[\s\S]*report it/);
  });
});

describe('tables', () => {
  test('pad text to the right, numbers to the left', () => {
    expect(
      tableLines(
        ['name', 'rows'],
        [
          ['a', '5'],
          ['long name', '1,234'],
        ],
      ),
    ).toEqual(['name        rows', 'a              5', 'long name  1,234']);
  });

  test('numbers are grouped and counted', () => {
    expect([grouped(0), grouped(999), grouped(1_234_567), grouped(12_345n)]).toEqual([
      '0',
      '999',
      '1,234,567',
      '12,345',
    ]);
    expect([counted(1, 'row', 'rows'), counted(2, 'row', 'rows')]).toEqual(['1 row', '2 rows']);
  });
});

describe('a report', () => {
  const report: RunReport = {
    job: 'customer',
    exitCode: 1,
    logicalTime: '2026-03-01T06:00:00.000Z',
    batches: [
      {
        id: 'customer-00000001',
        kind: 'stream',
        state: 'loaded',
        logicalTime: '2026-03-01T06:00:00.000Z',
        read: 1200,
        landed: 1199,
        quarantined: 1,
        ranges: [],
      },
    ],
    steps: [
      { name: 'land', state: 'done', rows: 1199, seconds: 0.31 },
      { name: 'load', state: 'skipped', rows: 0, seconds: 0 },
    ],
    models: [
      { name: 'current_customer', state: 'done', rows: 900, partitions: [], seconds: 0.12 },
      {
        name: 'history_customer',
        state: 'failed',
        rows: 0,
        partitions: ['2026-02-27', '2026-02-28', '2026-03-01'],
        seconds: 0.4,
      },
    ],
    errors: [{ code: 'model_failed', message: 'history_customer: no such column', hint: 'Mend the model' }],
    warnings: [],
  };

  test('tells batches, models, errors and times', () => {
    const { output, stdout, stderr } = record();
    printReport(output, report);
    expect(stdout()).toBe(`customer-00000001  stream  loaded: read 1,200, landed 1,199, 1 dead letter
model             state   rows  seconds  partitions
current_customer  done     900     0.12
history_customer  failed     0     0.40  2026-02-27 .. 2026-03-01 (3)
customer failed logical time 2026-03-01T06:00:00.000Z, 0.3 s: land 0.3
`);
    expect(stderr()).toBe('error[model_failed]: history_customer: no such column\nhint: Mend the model\n');
  });
});

describe('a status', () => {
  const status: JobStatus = {
    job: 'customer',
    lease: { holder: { host: 'h', pid: 7, processStartedAt: null, command: 'job run customer' }, remainingMs: 41_500 },
    batches: { planned: 1, landed: 0, loaded: 4 },
    unfinished: [{ id: 'customer-00000005', kind: 'stream', state: 'planned', logicalTime: 't' }],
    refusedSnapshots: ['customer-00000003'],
    deadLetters: 3,
    gaps: [],
    models: [
      {
        model: 'history_customer',
        logicalTime: 't',
        unpublished: 1,
        firstPartition: '2026-01-01',
        lastPartition: '2026-03-01',
        stale: ['2026-01-01', '2026-01-02'],
      },
    ],
    lag: [{ topic: 'a', partition: 0, next: '5', end: '1005', lag: '1000' }],
    lagError: null,
    runs: [
      {
        runId: 'r',
        job: 'customer',
        command: 'job run customer',
        logicalTime: 't',
        startedAt: 's',
        finishedAt: 'f',
        exitCode: 1,
        error: 'broken\nmore',
      },
    ],
  };

  test('tells what is there and what is to be done', () => {
    const { output, stdout } = record();
    printStatus(output, status, 'dev');
    expect(stdout()).toBe(`customer on dev
batches       4 loaded, 0 landed, 1 planned
last run      job run customer: exit 1 at f (broken)
running       process 7 on h (job run customer), lease for another 42 s
dead letters  3 (sluice dlq list customer)

topic  partition  next   end    lag
a              0     5  1005  1,000

model             published  batches waiting  days                      stale days
history_customer  t                        1  2026-01-01 .. 2026-03-01           2

kept out: snapshot customer-00000003 (sluice job run customer --accept-deletes lets it in)
unfinished: batch customer-00000005 (stream) is to be landed
unfinished: history_customer has stale days: sluice job backfill customer --from 2026-01-01 --to 2026-01-02
`);
  });

  test('tells why the lag is not known, and that nothing is unfinished', () => {
    const { output, stdout } = record();
    printStatus(
      output,
      {
        ...status,
        lease: null,
        unfinished: [],
        refusedSnapshots: [],
        models: [],
        lag: [],
        lagError: 'no broker answers',
        runs: [],
      },
      'kafka',
    );
    expect(stdout()).toContain('the lag is not known: no broker answers');
    expect(stdout()).toContain('nothing is unfinished');
  });
});
