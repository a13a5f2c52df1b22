/**
 * The depot of the SCEP server beside a NanoMDM (spec 6.2): its CA with the key, the serial number it has come to, and
 * every certificate it issued. Either a folder of files, or a Bolt file with the bucket MicroMDM has as well.
 */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { readStable } from '../../bolt';
import { readCertificate, type Certificate } from '../../certificates/der';
import { readCertificateBytes } from '../../certificates/pem';
import { unreadable } from '../../failure';
import { localFolder, type Folder } from '../../folder';
import type { Secret } from '../../secret';
import type { FindingLog } from '../finding-log';
import { keyedCertificate } from '../keyed-certificate';
import { readScepCa } from '../micromdm/depot';
import { BUCKET, Reading } from '../micromdm/reading';
import type { ScepCa } from '../snapshot';

/** What a depot holds of what is asked for. */
export interface ScepDepot {
  /** Null, with a finding, when there is none or it cannot be read. */
  readonly ca: ScepCa | null;
  /** The wanted certificates that lie in it. */
  readonly found: readonly Buffer[];
}

export interface DepotReading {
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
  /** Hashes of the certificates that are looked for, where not every one is. */
  readonly wanted: ReadonlySet<string> | 'all';
  readonly findings: FindingLog;
  /** Of the CA's key; without it an empty one is tried, which is what the server writes unless told otherwise. */
  readonly keyPassphrase?: Secret;
}

/** Certificates, keys and lists of a depot are all small. */
const LIMIT = 16_777_216;
/** Files read at a time. */
const AT_ONCE = 32;

/**
 * Reads a depot: a folder, or the Bolt file of a server that was started with one.
 * @throws FailureError `nanomdm/no-depot`, `folder/…`, `bolt/…`
 */
export async function readScepDepot(path: string, reading: DepotReading): Promise<ScepDepot> {
  const folder = localFolder(path);
  try {
    const about = await folder.stat('');
    if (about === null)
      unreadable(
        'nanomdm/no-depot',
        `There is no SCEP depot at ${path}.`,
        'Name the folder of the SCEP server (-depot).',
      );
    if (about.kind === 'file') return await readBoltDepot(path, reading);
    const entries = (await folder.list()) ?? [];
    const names = new Map(entries.map((entry) => [entry.name, entry.kind]));
    if (names.get('ca.pem') !== 'file') {
      const inside = entries.find(({ name, kind }) => kind === 'folder' && name === 'depot');
      unreadable(
        'nanomdm/no-depot',
        `The folder ${path} is no SCEP depot: it holds no ca.pem.`,
        inside === undefined
          ? 'Name the folder the SCEP server keeps ca.pem, ca.key and the issued certificates in (-depot).'
          : `Name ${join(path, inside.name)}.`,
      );
    }
    return await readFolderDepot(
      folder,
      entries.filter(({ kind }) => kind === 'file').map(({ name }) => name),
      reading,
    );
  } finally {
    await folder.close();
  }
}

async function readFolderDepot(folder: Folder, names: readonly string[], reading: DepotReading): Promise<ScepDepot> {
  const { findings, wanted } = reading;
  const found: Buffer[] = [];
  // 1 is the CA's own.
  let highest = 1n;
  const seen = (serial: bigint): void => {
    if (serial > highest) highest = serial;
  };
  const issued = names.filter((name) => name.endsWith('.pem') && name !== 'ca.pem');
  for (let at = 0; at < issued.length; at += AT_ONCE) {
    const some = issued.slice(at, at + AT_ONCE);
    const read = await Promise.all(some.map(async (name) => [name, await folder.read(name, LIMIT)] as const));
    for (const [name, bytes] of read) {
      const number = /\.(\d{1,40})\.pem$/.exec(name)?.[1];
      if (number !== undefined) seen(BigInt(number));
      const der = bytes === null ? undefined : readCertificateBytes(bytes)[0];
      if (der === undefined || readCertificate(der) === null) findings.mark('depot-entry-unreadable', name);
      else if (wanted === 'all' || wanted.has(hash('sha256', der, 'hex'))) found.push(der);
    }
  }
  findings.gather(
    'depot-entry-unreadable',
    'warning',
    (count) => `Entries of the certificate depot that are no certificates: ${count}. They were skipped.`,
  );
  const index = (await readText(folder, names, 'index.txt')) ?? '';
  for (const line of index.split('\n')) {
    const serial = /^[0-9A-Fa-f]{1,40}$/.exec(line.split('\t')[3] ?? '')?.[0];
    if (serial !== undefined) seen(BigInt(`0x${serial}`));
  }
  const stored = /^\s*([0-9A-Fa-f]{1,40})\s*$/.exec((await readText(folder, names, 'serial')) ?? '')?.[1];
  const given = stored === undefined ? null : BigInt(`0x${stored}`);
  if (given === null || given < highest)
    findings.add(
      'scep-serial-behind',
      'warning',
      `The depot’s file serial ${given === null ? 'is missing' : `says ${given}`}, but a certificate with the serial number ${highest} was issued; counting goes on from the latter.`,
    );
  seen(given ?? 0n);
  const ca = await readCa(folder, names, reading);
  return { ca: ca === null ? null : { ...ca, nextSerial: highest + 1n }, found };
}

async function readCa(
  folder: Folder,
  names: readonly string[],
  { findings, keyPassphrase }: DepotReading,
): Promise<ScepCa | null> {
  const certificate = open(await folder.read('ca.pem', LIMIT));
  if (certificate === null) {
    findings.add('scep-ca-unreadable', 'error', 'The SCEP CA certificate of the depot (ca.pem) cannot be read.');
    return null;
  }
  const key = names.includes('ca.key') ? await folder.read('ca.key', LIMIT) : null;
  const { keyed, problem } = keyedCertificate(certificate, key, 'SCEP CA key', keyPassphrase);
  if (problem !== null) findings.add('scep-ca-key-unreadable', 'error', `${problem} (--scep-ca-passphrase-file)`);
  else if (!keyed.keyMatches)
    findings.add('scep-ca-key-mismatch', 'error', 'The SCEP CA key of the depot is absent or not its certificate’s.');
  return { ...keyed, isCa: certificate.isCa, nextSerial: null };
}

function open(bytes: Buffer | null): Certificate | null {
  const block = bytes === null ? undefined : readCertificateBytes(bytes)[0];
  return block === undefined ? null : readCertificate(Buffer.from(block));
}

async function readText(folder: Folder, names: readonly string[], name: string): Promise<string | null> {
  return names.includes(name) ? ((await folder.read(name, LIMIT))?.toString('latin1') ?? null) : null;
}

async function readBoltDepot(path: string, { at, wanted, findings }: DepotReading): Promise<ScepDepot> {
  const { value } = await readStable(path, { retries: 20, backoffMs: 50, salvage: false }, (bolt) => {
    if (bolt.bucket(BUCKET.depot) === null)
      unreadable(
        'nanomdm/no-depot',
        `The Bolt file ${path} is no SCEP depot: it has no bucket ${BUCKET.depot}.`,
        'Name the depot file of the SCEP server, or its folder.',
      );
    const reading = new Reading(bolt, at, false, undefined);
    const ca = readScepCa(reading);
    const found: Buffer[] = [];
    reading.entries(BUCKET.depot, ({ value: entry }) => {
      if (entry[0] === 0x30 && (wanted === 'all' || wanted.has(hash('sha256', entry, 'hex'))))
        found.push(Buffer.from(entry));
    });
    return Promise.resolve({ ca, found, told: reading.finish() });
  });
  for (const { code, severity, detail, subjects } of value.told)
    if (code !== 'unknown-bucket') findings.add(code, severity, detail, subjects);
  return { ca: value.ca, found: value.found };
}
