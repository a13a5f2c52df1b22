/** NanoMDM as a kind of source: its database on MySQL or PostgreSQL, or its folder. */
import { resolve } from 'node:path';
import { parseDatabaseAddress, printDatabaseAddress, type DatabaseAddress } from '../../database/address';
import { openReadingSession, type Engine, type ReadingSession } from '../../database/reading-session';
import type { OpenStream } from '../../database/socket';
import { defaultTlsMode } from '../../database/trust';
import { misused } from '../../failure';
import { isSsh, openFolder, openTunnel, parseSshAddress, parseSshPlace, printSsh } from '../../ssh';
import { isCapture, readCapture } from '../capture';
import { FILE_COMPANIONS } from '../companion-files';
import { lastSerial } from '../scep-serial';
import type { Snapshot } from '../snapshot';
import type {
  CommandResult,
  Companions,
  ProfileCommands,
  ReadOptions,
  SourceKind,
  SourceReference,
} from '../source-kind';
import { commandResultsIn, databaseCommands, profileCommandsIn, type CommandStore } from './command-history';
import { openDatabaseStore } from './database-store';
import { folderCommands } from './folder-commands';
import { readFolder } from './folder-store';
import { readNanoMdm, type ReadNanoMdmOptions } from './index';

const WORDS = {
  what: 'NanoMDM’s database',
  code: 'usage/source-url',
  form: 'Write it as nanomdm:mysql://user@host:3306/database or nanomdm:postgres://user@host:5432/database.',
  beginning: 'mysql:// or postgres://',
  password: 'Leave it out and give it by --source-password-file or in SLIPWAY_SOURCE_PASSWORD.',
  options: 'Leave them out; TLS is chosen by the options --source-tls and --source-ca-file.',
};

const PORTS = { mysql: 3306, postgres: 5432, postgresql: 5432 };

/** NanoMDM in the table of sources. */
export const nanoMdm: SourceKind = {
  name: 'nanomdm',
  forms: [
    'nanomdm:mysql://USER@HOST[:PORT]/DATABASE',
    'nanomdm:postgres://USER@HOST[:PORT]/DATABASE',
    'nanomdm:PATH',
    'nanomdm:ssh://USER@HOST[:PORT]/PATH',
  ],
  companions: ['scep-depot', ...FILE_COMPANIONS, 'scep-last-serial', 'via'],
  parse,
  read,
  profileCommands,
  commandResults,
};

function parse(location: string, companions: Companions): SourceReference {
  if (location === '')
    misused(
      'usage/source',
      'The source names neither a database nor a folder.',
      `${WORDS.form} A folder: nanomdm:PATH.`,
    );
  const beside = Object.fromEntries(Object.entries(companions).map(([name, value]) => [name, besideOf(name, value)]));
  const more = Object.keys(beside).length === 0 ? {} : { companions: beside };
  const isDatabase = !isSsh(location) && /^[a-z][a-z0-9+.-]*:\/\//i.test(location);
  if (!isDatabase && companions.via !== undefined)
    misused(
      'usage/companion',
      'Only a database is connected to through another machine.',
      'Name a folder there as nanomdm:ssh://USER@HOST[:PORT]/PATH.',
    );
  if (isSsh(location))
    return { kind: 'nanomdm', transport: 'folder', location: printSsh(parseSshPlace(location)), ...more };
  if (!isDatabase) return { kind: 'nanomdm', transport: 'folder', location: resolve(location), ...more };
  const address = databaseAddress(location);
  const engine: Engine = /^mysql:/i.test(location) ? 'mysql' : 'postgres';
  return { kind: 'nanomdm', transport: engine, location: printDatabaseAddress(engine, address), ...more };
}

/**
 * Where a database source is. Names are taken apart here alone: `URL` would fold a database named `.` away.
 * @param location `mysql://user@host:3306/database` or `postgres://user@host:5432/database`
 * @throws FailureError `usage/source-url`, `usage/secret-in-url`
 */
export function databaseAddress(location: string): DatabaseAddress {
  return parseDatabaseAddress(location, PORTS, WORDS);
}

/**
 * Where a folder source is on the machine that has it: this one, or the one its SSH address names.
 * @throws FailureError `usage/ssh-address`
 */
export function folderPath(location: string): string {
  return isSsh(location) ? parseSshPlace(location).path : location;
}

/** What belongs to a source, as a reference keeps it. */
function besideOf(name: string, value: string): string {
  if (name === 'via') return printSsh(parseSshAddress(value));
  if (name === 'scep-last-serial') return lastSerial(value);
  return isSsh(value) ? hereOnly(name) : resolve(value);
}

/** What lies beside a source is read from this machine. */
function hereOnly(name: string): never {
  return misused(
    'usage/companion',
    `The ${name} of a source is read from this machine, not over SSH.`,
    'Copy it here, to a folder only you can read, and name that.',
  );
}

async function read(reference: SourceReference, options: ReadOptions): Promise<Snapshot> {
  const reading: ReadNanoMdmOptions = {
    at: options.at,
    name: reference.location,
    companions: reference.companions ?? {},
    keepCertificates: options.keepCertificates ?? true,
    ...(options.keyPassphrase === undefined ? {} : { keyPassphrase: options.keyPassphrase }),
  };
  const { transport, location, companions = {} } = reference;
  if (transport === 'mysql' || transport === 'postgres')
    return inDatabase(transport, location, companions, options, async (session) =>
      readNanoMdm(await openDatabaseStore(session, options.onProgress), reading),
    );
  if (!isSsh(location) && (await isCapture(location))) return readCapture(location, options);
  options.onProgress?.({ label: 'reading the source', done: 0, total: null });
  const folder = await openFolder(location, options.ssh);
  try {
    return await readFolder(folder, reading);
  } finally {
    await folder.close();
  }
}

async function profileCommands(reference: SourceReference, options: ReadOptions): Promise<ProfileCommands> {
  const found = await withCommands(reference, options, profileCommandsIn);
  return found ?? { profiles: [], hasHistory: false, unreadable: 0 };
}

async function commandResults(
  reference: SourceReference,
  options: ReadOptions,
  uuids: readonly string[],
): Promise<readonly CommandResult[] | null> {
  return withCommands(reference, options, (store) => commandResultsIn(store, uuids));
}

/** Null where commands cannot be read: the account may not, or the store is none that can be asked. */
async function withCommands<T>(
  { transport, location, companions = {} }: SourceReference,
  options: ReadOptions,
  ask: (store: CommandStore) => Promise<T>,
): Promise<T | null> {
  if (transport !== 'mysql' && transport !== 'postgres') {
    if (transport !== 'folder') return null;
    const folder = await openFolder(location, options.ssh);
    try {
      const store = await folderCommands(folder);
      return store === null ? null : await ask(store);
    } finally {
      await folder.close();
    }
  }
  return inDatabase(transport, location, companions, options, async (session) => {
    const store = await databaseCommands(session, options.onProgress);
    return store === null ? null : ask(store);
  });
}

async function inDatabase<T>(
  engine: Engine,
  location: string,
  { via }: Companions,
  options: ReadOptions,
  work: (session: ReadingSession) => Promise<T>,
): Promise<T> {
  const address = databaseAddress(location);
  options.onProgress?.({ label: 'reading the source', done: 0, total: null });
  if (via === undefined) return inSession(engine, address, options, work);
  const tunnel = await openTunnel(via, options.ssh);
  try {
    return await inSession(engine, address, options, work, (host, port) => tunnel.open(host, port));
  } finally {
    await tunnel.close();
  }
}

async function inSession<T>(
  engine: Engine,
  address: DatabaseAddress,
  options: ReadOptions,
  work: (session: ReadingSession) => Promise<T>,
  open?: OpenStream,
): Promise<T> {
  const session = await openReadingSession(engine, {
    address,
    ...(open ? { open } : {}),
    password: options.password ?? null,
    tls: {
      // Who names a CA wants it asked for.
      mode: options.tls ?? (options.caFile === undefined ? defaultTlsMode(address.host) : 'verify-identity'),
      caFile: options.caFile ?? null,
    },
    plaintextConfirmed: options.plaintextConfirmed ?? false,
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
