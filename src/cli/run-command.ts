/** Runs one command from its surroundings to its exit status; the only place that ends the process. */
import { Redactor } from '../config/secret.ts';
import type { CliContext, CommandHandler } from './context.ts';
import { errorJson, exitCodeOf, printFailure } from './failure.ts';
import { INTERRUPTED_EXIT_CODE, watchInterrupts } from './interrupt.ts';
import { Output } from './output.ts';

export interface CommandCall {
  readonly argv: readonly string[];
  /** Further members of the `--json` object of a failure, so that it has the shape of the command's report. */
  readonly failureJson?: Readonly<Record<string, unknown>>;
}

export async function runCommand(call: CommandCall, handler: CommandHandler): Promise<never> {
  const json = call.argv.includes('--json');
  const redactor = new Redactor();
  const output = new Output({ stdout: process.stdout, stderr: process.stderr, json, redactor, env: process.env });
  ignoreClosedPipes();
  const crash = (error: unknown): void => {
    printFailure(output, error);
    process.exit(1);
  };
  process.on('uncaughtException', crash).on('unhandledRejection', crash);
  const interruption = watchInterrupts(() =>
    output.note('stopping at the next safe point; press Ctrl-C again to quit at once'),
  );
  const context: CliContext = {
    env: process.env,
    cwd: process.cwd(),
    output,
    signal: interruption.signal,
    redactor,
    command: call.argv.join(' '),
  };
  const exitCode = await settle(context, call, handler);
  output.progress('');
  await drained();
  // Not `exitCode =`: an idle connection of a vendor library would keep the process for its keep-alive time.
  process.exit(exitCode);
}

async function settle(context: CliContext, call: CommandCall, handler: CommandHandler): Promise<number> {
  const { output, signal } = context;
  try {
    const result = await handler(context);
    const exitCode = signal.aborted ? INTERRUPTED_EXIT_CODE : result.exitCode;
    if (output.json) output.object({ ...result.json, exitCode });
    return exitCode;
  } catch (thrown) {
    // Whatever breaks while stopping is a consequence of the stop.
    const error: unknown = signal.aborted ? signal.reason : thrown;
    printFailure(output, error);
    const exitCode = exitCodeOf(error);
    if (output.json) output.object({ ...call.failureJson, exitCode, errors: [errorJson(error)] });
    return exitCode;
  }
}

/** A reader that has gone (`| head`) is no reason to stop a run half way, and no fault of a command that prints its help. */
export function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(ignoreClosedPipe)) stream.on('error', ignoreClosedPipe);
  }
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

async function drained(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))),
  );
}
