/** `sluice init` and `sluice debug`. */
import type { Command } from 'commander';
import { withProjectOptions, type ProjectOptions } from './common-options.ts';
import type { Choose } from './program.ts';

export function addProjectCommands(program: Command, choose: Choose): void {
  program
    .command('init')
    .description('make a new project folder: a complete example, a Dockerfile and a CI workflow')
    .argument('<folder>', 'folder to make; its name becomes the name of the project')
    .option('--json', 'print one JSON object on stdout at the end, everything else on stderr')
    .action((folder: string) => {
      choose(async (context) => (await import('./project/init.ts')).initProject(context, folder));
    });

  withProjectOptions(
    program
      .command('debug')
      .description(
        'check configuration, connections and versions; on Google Cloud also identity, locations and permissions',
      ),
  ).action((options: ProjectOptions) => {
    choose(async (context) => (await import('./project/debug.ts')).debugProject(context, options));
  });
}
