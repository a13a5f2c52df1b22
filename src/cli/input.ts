/** Turning what was typed into what the engine takes. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { misused } from '../core/failure';

/** Options every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly at?: string;
}

/** Options of every command that may reach something over SSH. */
export interface SshOptions {
  readonly sshKeyFile?: string;
  readonly sshPassphraseFile?: string;
  readonly sshPasswordFile?: string;
  readonly sshKnownHosts?: string[];
  readonly sshHostKey?: string;
  /** False with --no-ssh-agent. */
  readonly sshAgent?: boolean;
}

/** Options of every command that reads a source. */
export interface SourceOptions extends CommonOptions, SshOptions {
  readonly salvage?: boolean;
  readonly apiKeyFile?: string;
  readonly sourceCaFile?: string;
  readonly sourcePin?: string;
  readonly copies?: string;
  /** Of the account at the source's database. */
  readonly sourcePasswordFile?: string;
  readonly sourceTls?: 'verify-identity' | 'verify-ca' | 'disabled';
  readonly sourceAllowPlaintext?: boolean;
  readonly scepDepot?: string;
  readonly scepCa?: string;
  readonly scepLastSerial?: string;
  readonly scepCaKeyFile?: string;
  readonly scepCaPassphraseFile?: string;
  readonly pushCertificate?: string;
  readonly pushKeyFile?: string;
  readonly enrollmentProfile?: string;
  /** The jump host to the source's database. */
  readonly via?: string;
  /** More sources, read along with the one that was named. */
  readonly and?: string[];
}

/** Options of every command that connects to Fleet. */
export interface FleetOptions extends SshOptions {
  readonly fleet?: string;
  /** The jump host to Fleet's database. */
  readonly fleetVia?: string;
  readonly fleetPasswordFile?: string;
  readonly fleetCaFile?: string;
  readonly fleetTls?: string;
  readonly allowPlaintext?: boolean;
  readonly allowMariadb?: boolean;
  readonly fleetUrl?: string;
  readonly fleetUrlCaFile?: string;
  readonly fleetTokenFile?: string;
  readonly privateKeyFile?: string;
}

/** Options by which cautions and overridable checks are acknowledged. */
export interface AcceptOptions {
  readonly accept?: string[];
  readonly reason?: string;
}

/** The clock: `--at`, else now. Milliseconds since the epoch. */
export function clockFrom(options: CommonOptions): number {
  if (options.at === undefined) return Date.now();
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(options.at)
    ? Date.parse(options.at)
    : NaN;
  if (Number.isNaN(at)) {
    misused('usage/time', 'The time given with --at is not RFC 3339.', 'Write it like 2026-11-24T18:30:00Z.');
  }
  return at;
}

/** Comma-separated and repeatable: `--accept a,b --accept c`. */
export function collectCodes(value: string, previous: string[] = []): string[] {
  const codes = value
    .split(',')
    .map((code) => code.trim())
    .filter((code) => code !== '');
  const wrong = codes.find((code) => !/^[a-z0-9][a-z0-9/-]*$/.test(code));
  if (wrong !== undefined) {
    misused(
      'usage/accept',
      `«${wrong}» is not a code.`,
      'Name codes as they are printed, separated by commas: --accept no-agent,silent',
    );
  }
  return [...previous, ...codes];
}

/** Repeatable, one source each: `--and micromdm:PATH`. */
export function collectSources(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** `--sessions 1`: sessions that write side by side. */
export function sessionCount(value: string): 1 | 2 {
  if (value !== '1' && value !== '2') {
    misused('usage/sessions', `«${value}» is no number of sessions.`, 'Give 1 or 2.');
  }
  return value === '1' ? 1 : 2;
}

/** `--batch 200`: devices a transaction. */
export function batchSize(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) {
    misused('usage/batch', `«${value}» is no number of devices.`, 'Give a whole number from 1 to 999999.');
  }
  return Number(value);
}

/** Where private copies of sources are kept: outside any workspace, so that they never travel with one. */
export function copiesFolder(options: { readonly copies?: string }): string {
  const data = process.env['XDG_DATA_HOME'];
  return (
    options.copies ??
    process.env['SLIPWAY_COPIES'] ??
    join(data !== undefined && data !== '' ? data : join(homedir(), '.local', 'share'), 'slipway', 'copies')
  );
}

/** Who runs this, for the journal. */
export function operatorName(): string {
  const named = process.env['SLIPWAY_OPERATOR'];
  if (named !== undefined && named !== '') return named;
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? 'unknown';
  }
}

/** Throws `usage/confirmation-needed` where nobody could answer: before any work is done for nothing. */
export function requireAnswer(yes: boolean | undefined): void {
  if (yes === true || (process.stdin.isTTY && process.stderr.isTTY)) return;
  misused(
    'usage/confirmation-needed',
    'This writes, and no terminal is there to ask on.',
    'Add --yes once you have looked at what it would do.',
  );
}

/**
 * Asks for the name of what is about to be changed. `--yes` answers where no terminal is there.
 * @returns false when the operator typed something else
 */
export async function confirm(question: string, expected: string, yes: boolean | undefined): Promise<boolean> {
  requireAnswer(yes);
  if (yes === true) return true;
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await ask.question(`${question}\nType ${expected} to go on: `);
    return answer.trim() === expected;
  } finally {
    ask.close();
  }
}

/**
 * Refuses options that say nothing to the action: one passed over in silence would mislead.
 * @param owners for each option that not every action knows, the actions that do; none when no action does
 */
export function refuseForeign<Action extends string>(
  command: string,
  action: Action,
  options: object,
  owners: Readonly<Record<string, readonly Action[]>>,
): void {
  for (const [name, actions] of Object.entries(owners)) {
    if ((options as Record<string, unknown>)[name] === undefined || actions.includes(action)) continue;
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    misused(
      'usage/option',
      `${option} says nothing to \`${command} ${action}\`.`,
      actions.length === 0
        ? 'Leave it out.'
        : `It belongs to ${actions.map((owner) => `${command} ${owner}`).join(', ')}.`,
    );
  }
}
