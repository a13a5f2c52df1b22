#!/usr/bin/env node
/**
 * The command line: the same engine as the window, headless. This file runs it and tells what went wrong; what there is
 * to run is in `program.ts`.
 */
import { CommanderError } from 'commander';
import { FailureError } from '../core/failure';
import { EXIT, exitCodeOf } from './exit-code';
import { program } from './program';
import { guardOutput, tell, tellFailure } from './terminal';

const json = process.argv.includes('--json');

/** Where an error came from, without its message: that may quote a value, and a value may be a secret. */
function traceOf(error: Error): string {
  const stack = error.stack ?? '';
  const told = stack.indexOf(error.message) + error.message.length;
  const frames = stack.slice(told).split('\n');
  return [error.name, ...frames.filter((line) => line.startsWith('    at '))].join('\n');
}

for (const command of [program, ...program.commands]) {
  // Errors are told below, in one form whoever finds them; with --json help must not get between.
  command.exitOverride().configureOutput({
    outputError: () => undefined,
    ...(json ? { writeErr: (): void => undefined } : {}),
  });
}

guardOutput();

try {
  await program.parseAsync(process.argv);
} catch (error) {
  if (error instanceof FailureError) {
    tellFailure(error.failure, json);
    process.exitCode = exitCodeOf(error.failure);
  } else if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    // Without a command, or with `help` of one that is not there, commander shows the help instead of an error.
    const helped = error.code === 'commander.help';
    if (error.exitCode !== 0 && (json || !helped)) {
      const message = helped
        ? 'No command was given, or one that is not known.'
        : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
      tellFailure(
        { code: 'usage/wrong', message, remedy: 'slipway --help shows the commands and their options.', kind: 'usage' },
        json,
      );
    }
  } else {
    // A defect of ours: say so, with the trace only when asked for, and never its message.
    const name = error instanceof Error ? error.name : 'unknown';
    tellFailure(
      {
        code: 'internal/defect',
        message: `Slipway itself failed (${name}). Nothing more was written.`,
        remedy: 'Set SLIPWAY_DEBUG=1 and run it again to see where; please report it.',
        kind: 'unreadable',
      },
      json,
    );
    if (process.env['SLIPWAY_DEBUG'] === '1' && error instanceof Error) tell(traceOf(error));
    process.exitCode = EXIT.unreadable;
  }
}
