/** Options that many commands share. `commander` itself is imported by main.ts and program parts only. */
import { InvalidArgumentError, Option, type Command } from 'commander';

export interface ProjectOptions {
  readonly projectDir?: string;
  readonly target?: string;
  readonly json?: boolean;
}

/** `--project-dir`, `--target`, `--json`. */
export function withProjectOptions(command: Command): Command {
  return command
    .option('-t, --target <name>', 'environment of project.yml to work in (default: its "target")')
    .option('--project-dir <folder>', 'folder with project.yml (default: this folder or the nearest above it)')
    .option('--json', 'print one JSON object on stdout at the end, everything else on stderr');
}

export function wholeNumber(name: string, minimum: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < minimum) {
      throw new InvalidArgumentError(`${name} is a whole number of at least ${minimum}.`);
    }
    return number;
  };
}

export function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}
