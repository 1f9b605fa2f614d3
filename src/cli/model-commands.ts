/** `sluice run|build|test|seed|compile|ls|show|parse`: models, with dbt's names and flags. */
import type { Command } from 'commander';
import type { Choose } from './program.ts';

export function addModelCommands(_program: Command, _choose: Choose): void {}
