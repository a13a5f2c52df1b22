import type { Failure } from '../core/failure';

/** Exit codes of every command; part of the command line contract. */
export const EXIT = {
  fine: 0,
  /** It ran and found something that must be looked at. */
  found: 1,
  /** Wrong usage. */
  usage: 2,
  /** Could not read or reach something. */
  unreadable: 3,
  /** Stopped by Ctrl-C, as shells expect it. */
  interrupted: 130,
} as const;

/** The exit code a failure stands for. */
export function exitCodeOf(failure: Failure): number {
  switch (failure.kind) {
    case 'usage':
      return EXIT.usage;
    case 'unreadable':
      return EXIT.unreadable;
    case 'finding':
      return EXIT.found;
  }
}
