/** Reading a source for a command: options to engine, progress on the terminal, verdicts as of the clock. */
import { existsSync } from 'node:fs';
import { judge, type Judgement } from '../core/migration/verdict';
import type { OnProgress } from '../core/progress';
import {
  parseSource,
  readSource,
  withCompanions,
  withSources,
  type Companions,
  type ReadOptions,
  type SourceReference,
} from '../core/sources';
import type { Snapshot } from '../core/sources/snapshot';
import { clockFrom, copiesFolder, type SourceOptions } from './input';
import { secretFrom } from './secret-input';
import { sshCredentials } from './ssh-login';
import { progressLine } from './terminal';

/** What a source says, judged. */
export interface JudgedSource {
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  /** The clock it was judged by, milliseconds. */
  readonly at: number;
}

/**
 * The source that was typed, with what was said to belong to it, and the sources that were said to go along: from here on
 * all are one reference, so whatever reads it again reads it the same way.
 * @throws FailureError as `parseSource`; `usage/companion` for what its kind does not have
 */
export function sourceNamed(text: string, options: SourceOptions): SourceReference {
  return parseSource(withSources(withCompanions(text, companionsFrom(options)), options.and ?? []));
}

function companionsFrom(options: SourceOptions): Companions {
  return {
    ...(options.scepDepot === undefined ? {} : { 'scep-depot': options.scepDepot }),
    ...(options.scepCa === undefined ? {} : { 'scep-ca': options.scepCa }),
    ...(options.scepLastSerial === undefined ? {} : { 'scep-last-serial': options.scepLastSerial }),
    ...(options.scepCaKeyFile === undefined ? {} : { 'scep-ca-key': options.scepCaKeyFile }),
    ...(options.pushCertificate === undefined ? {} : { 'push-certificate': options.pushCertificate }),
    ...(options.pushKeyFile === undefined ? {} : { 'push-key': options.pushKeyFile }),
    ...(options.enrollmentProfile === undefined ? {} : { profile: options.enrollmentProfile }),
    ...(options.via === undefined ? {} : { via: options.via }),
  };
}

/** The engine's read options from what was typed. */
export function readOptions(options: SourceOptions, at: number): ReadOptions {
  const apiKey = secretFrom('API key', options.apiKeyFile, 'SLIPWAY_API_KEY');
  const password = secretFrom('source database password', options.sourcePasswordFile, 'SLIPWAY_SOURCE_PASSWORD');
  const keyPassphrase = secretFrom('SCEP CA passphrase', options.scepCaPassphraseFile, 'SLIPWAY_SCEP_PASSPHRASE');
  return {
    at,
    folder: copiesFolder(options),
    salvage: options.salvage ?? false,
    ...(apiKey === null ? {} : { apiKey }),
    ...(password === null ? {} : { password }),
    ...(keyPassphrase === null ? {} : { keyPassphrase }),
    ...(options.sourceTls === undefined ? {} : { tls: options.sourceTls }),
    ...(options.sourceAllowPlaintext === undefined ? {} : { plaintextConfirmed: options.sourceAllowPlaintext }),
    ...(options.sourceCaFile === undefined ? {} : { caFile: options.sourceCaFile }),
    ...(options.sourcePin === undefined ? {} : { pinSha256: options.sourcePin }),
    ssh: sshCredentials(options),
  };
}

/**
 * Reads a source named on the command line and judges it.
 * @param more how to read it besides what was typed
 */
export async function readJudged(
  text: string,
  options: SourceOptions,
  more: Pick<ReadOptions, 'keepCertificates'> = {},
): Promise<JudgedSource> {
  const at = clockFrom(options);
  const reference = sourceNamed(text, options);
  const progress = progressLine(options.json === true);
  try {
    const reading = { ...readOptions(options, at), ...more, onProgress: progress.onProgress };
    const snapshot = await readSource(reference, reading);
    return { snapshot, judgement: judge(snapshot, at), at };
  } finally {
    progress.end();
  }
}

/** Reads the private copy of a source: the snapshot a plan is made from and applied from. */
export function readCopy(
  reference: SourceReference,
  path: string,
  options: SourceOptions,
  at: number,
  onProgress: OnProgress,
): Promise<Snapshot> {
  return readSource(
    { kind: reference.kind, transport: 'file', location: path },
    { at, salvage: options.salvage ?? false, privateCopy: true, onProgress },
  );
}

/** True when the text names a plan file rather than a source. */
export function namesPlan(text: string): boolean {
  return !/^[a-z]+:/.test(text) || (existsSync(text) && text.endsWith('.json'));
}
