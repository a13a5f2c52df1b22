/** The manual page, made from the commands themselves so that it can never fall behind them. */
import type { Command, Option } from 'commander';

/**
 * The page slipway(1) as roff with man(7) macros.
 * @param release the version it is for; it carries no date, so that the same commands give the same bytes
 */
export function manPage(program: Command, release: string): string {
  return `${[
    `.TH SLIPWAY 1 "" "slipway ${escaped(release)}" "User Commands"`,
    '.SH NAME',
    `slipway \\- ${escaped(program.description())}`,
    '.SH SYNOPSIS',
    '.B slipway',
    '.I command',
    '.RI [ arguments ]',
    '.RI [ options ]',
    '.SH COMMANDS',
    ...program.commands.flatMap(section),
    '.SH EXIT STATUS',
    ...EXIT_CODES.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, meaning]),
    '.SH SECRETS',
    'Passwords, keys and tokens are read from files, from standard input or from the environment variables that the',
    'options above name. They are never taken from the command line.',
  ].join('\n')}\n`;
}

const EXIT_CODES = [
  ['0', 'fine'],
  ['1', 'something must be looked at'],
  ['2', 'wrong usage'],
  ['3', 'something could not be read or reached'],
] as const;

function section(command: Command): string[] {
  const subjects = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name();
    return argument.required ? name : `[${name}]`;
  });
  return [
    `.SS slipway ${escaped([command.name(), ...subjects].join(' '))}`,
    line(command.description()),
    ...command.registeredArguments
      .filter(({ description }) => description !== '')
      .flatMap((argument) => ['.TP', `.I ${escaped(argument.name())}`, line(argument.description)]),
    ...command.options.filter(({ hidden }) => !hidden).flatMap(entry),
  ];
}

function entry(option: Option): string[] {
  const choices = option.argChoices === undefined ? '' : ` (${option.argChoices.join(', ')})`;
  return ['.TP', `.B ${escaped(option.flags)}`, line(`${option.description}${choices}`)];
}

/** Text as roff prints it: nothing in it is an escape, and a hyphen is the one people type. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/\s*\n\s*/g, ' ');
}

/** Text as a line of its own, which a full stop or an apostrophe at its beginning would make a request. */
function line(text: string): string {
  return `\\&${escaped(text)}`;
}
