/** NanoMDM as a kind of source: its database on MySQL or PostgreSQL, or its folder. */
import { resolve } from 'node:path';
import { parseDatabaseAddress, printDatabaseAddress } from '../../database/address';
import { openReadingSession, type Engine, type ReadingSession } from '../../database/reading-session';
import { defaultTlsMode } from '../../database/trust';
import { misused } from '../../failure';
import { localFolder } from '../../folder';
import { isCapture, readCapture } from '../capture';
import { FILE_COMPANIONS } from '../companion-files';
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
  forms: ['nanomdm:mysql://USER@HOST[:PORT]/DATABASE', 'nanomdm:postgres://USER@HOST[:PORT]/DATABASE', 'nanomdm:PATH'],
  companions: ['scep-depot', ...FILE_COMPANIONS],
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
  const beside = Object.fromEntries(
    Object.entries(companions).map(([name, value]) => [name, name === 'via' ? value : resolve(value)]),
  );
  const more = Object.keys(beside).length === 0 ? {} : { companions: beside };
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(location))
    return { kind: 'nanomdm', transport: 'folder', location: resolve(location), ...more };
  const address = parseDatabaseAddress(location, PORTS, WORDS);
  const engine: Engine = /^mysql:/i.test(location) ? 'mysql' : 'postgres';
  return { kind: 'nanomdm', transport: engine, location: printDatabaseAddress(engine, address), ...more };
}

async function read(reference: SourceReference, options: ReadOptions): Promise<Snapshot> {
  const reading: ReadNanoMdmOptions = {
    at: options.at,
    name: reference.location,
    companions: reference.companions ?? {},
    keepCertificates: options.keepCertificates ?? true,
    ...(options.keyPassphrase === undefined ? {} : { keyPassphrase: options.keyPassphrase }),
  };
  const { transport, location } = reference;
  if (transport === 'mysql' || transport === 'postgres')
    return inDatabase(transport, location, options, async (session) =>
      readNanoMdm(await openDatabaseStore(session, options.onProgress), reading),
    );
  if (await isCapture(location)) return readCapture(location, options);
  options.onProgress?.({ label: 'reading the source', done: 0, total: null });
  const folder = localFolder(location);
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
  { transport, location }: SourceReference,
  options: ReadOptions,
  ask: (store: CommandStore) => Promise<T>,
): Promise<T | null> {
  if (transport !== 'mysql' && transport !== 'postgres') {
    if (transport !== 'folder' || location.startsWith('ssh://')) return null;
    const folder = localFolder(location);
    try {
      const store = await folderCommands(folder);
      return store === null ? null : await ask(store);
    } finally {
      await folder.close();
    }
  }
  return inDatabase(transport, location, options, async (session) => {
    const store = await databaseCommands(session, options.onProgress);
    return store === null ? null : ask(store);
  });
}

async function inDatabase<T>(
  engine: Engine,
  location: string,
  options: ReadOptions,
  work: (session: ReadingSession) => Promise<T>,
): Promise<T> {
  const address = parseDatabaseAddress(location, PORTS, WORDS);
  options.onProgress?.({ label: 'reading the source', done: 0, total: null });
  const session = await openReadingSession(engine, {
    address,
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
