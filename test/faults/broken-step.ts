/** A command at one of whose steps on the disk something breaks: it is killed, or the disk is full. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { Outcome, Workstation } from '../cli/workstation';

/** `kill`: SIGKILL instead of the step. `full`: no room from that step on, half of its bytes being written. */
export type Fault = 'kill' | 'full';

const INJECTOR = fileURLToPath(new URL('injector.mjs', import.meta.url));

/** Every step with SLIPWAY_SOAK=1, else some, spread evenly, first and last among them. */
const MOST = process.env['SLIPWAY_SOAK'] === '1' ? Infinity : 3;

/** Runs a command, which ends with `exit`, with its steps counted. */
export async function countSteps(
  desk: Workstation,
  args: readonly string[],
  env: NodeJS.Dict<string>,
  exit = 0,
): Promise<number> {
  const file = desk.path('steps');
  const outcome = await withFault(desk, args, env, `count:${file}`);
  expect(outcome.code, outcome.text).toBe(exit);
  return Number(readFileSync(file, 'utf8'));
}

/** The steps to break. */
export function chosenOf(steps: number): number[] {
  const count = Math.min(steps, MOST);
  return Array.from({ length: count }, (_, index) => 1 + Math.round((index * (steps - 1)) / Math.max(count - 1, 1)));
}

/** Runs a command that breaks at a step, counted from 1. */
export function breakAt(
  desk: Workstation,
  args: readonly string[],
  env: NodeJS.Dict<string>,
  fault: Fault,
  step: number,
): Promise<Outcome> {
  return withFault(desk, args, env, `${fault}:${step}`);
}

function withFault(
  desk: Workstation,
  args: readonly string[],
  env: NodeJS.Dict<string>,
  fault: string,
): Promise<Outcome> {
  const NODE_OPTIONS = `--import ${JSON.stringify(INJECTOR)}`;
  return desk.slipway(args, { env: { ...env, NODE_OPTIONS, SLIPWAY_FAULT: fault } });
}

/** Files that were not finished, in the whole folder. */
export function unfinished(desk: Workstation): string[] {
  return desk.files().filter((name) => name.endsWith('.part'));
}

/** What is there to be said: killed, or that there is no room, and that room must be made. */
export function isTold(outcome: Outcome, fault: Fault): void {
  const { code, signal, text } = outcome;
  if (fault === 'kill') {
    expect(signal, text).toBe('SIGKILL');
    return;
  }
  expect(code, text).toBe(3);
  const { message, remedy } = outcome.error;
  expect(message, text).toMatch(/no room|ENOSPC/);
  expect(remedy, text).toMatch(/room/);
}
