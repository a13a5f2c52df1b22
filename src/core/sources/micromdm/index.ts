/** MicroMDM's database file read into a snapshot (spec 2 to 4). */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readStable, type BoltFile } from '../../bolt';
import { FailureError } from '../../failure';
import type { OnProgress } from '../../progress';
import { hashFile } from '../file-hash';
import { newestContact } from '../instant';
import type { Snapshot } from '../snapshot';
import { readBlueprints } from './blueprint';
import { readCertAuth } from './cert-auth';
import { readCommandQueue } from './command-queue';
import { readAbm } from './dep-token';
import { readDepot, readScepCa } from './depot';
import { readDevices } from './device';
import { readDeviceIndex } from './device-index';
import { heldStores, type DeviceStore } from './device-store';
import { LocatedFile, locatedStores } from './located-store';
import { requireMicroMdm } from './origin';
import { readProfiles } from './profile';
import { readPushInfo } from './push-info';
import { Reading } from './reading';
import { readBlocked } from './remove-device';
import { readPushCertificate } from './server-config';
import { readUsers } from './user';

/** How to read a MicroMDM database. */
export interface ReadMicroMdmOptions {
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
  /** Read on past damage, turning it into findings. */
  readonly salvage?: boolean;
  /** False: device certificates are read but not kept: `der` is null. Default true. */
  readonly keepCertificates?: boolean;
  readonly onProgress?: OnProgress;
  /** False for a private copy, which nobody writes: it is read once, never again. Default true. */
  readonly live?: boolean;
  /**
   * Bytes from which on the devices of a private copy are not kept in memory but read from it again whenever they are asked
   * for, so that the copy must stay as it is for as long as the snapshot is used. Default {@link HELD_BYTES}.
   */
  readonly heldBytes?: number;
  /** Lower-case hex SHA-256 of the file where it is known; else it is taken. */
  readonly sha256?: string;
  /** How the source is called in the snapshot, where that is not the path: the URL it was downloaded from. */
  readonly name?: string;
}

/** What {@link readMicroMdmFile} cannot know of an open file. */
export interface MicroMdmFileIdentity {
  /** The path or URL without any secret. */
  readonly path: string;
  /** Lower-case hex SHA-256 of the file's bytes; null when not taken. */
  readonly sha256: string | null;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

/** A file of this size has about 100,000 devices and more: in memory they would take some 400 MB. */
export const HELD_BYTES = 384 * 1024 * 1024;

/** Reads of a live file before giving up, and the pause before each (spec 1.10). */
const RETRIES = 20;
const BACKOFF_MS = 50;

/**
 * Reads a MicroMDM database without locking or changing it. A file that a server is writing meanwhile is read again
 * until one whole read lies between two of its transactions.
 * @param path the database, or the folder that holds `micromdm.db`.
 * @throws FailureError `bolt/…` when the file cannot be read, `micromdm/not-micromdm` when it is another program's
 */
export async function readMicroMdm(path: string, options: ReadMicroMdmOptions): Promise<Snapshot> {
  const file = databaseIn(path);
  const { at, salvage = false, keepCertificates = true, onProgress, live = true, name } = options;
  const { heldBytes = HELD_BYTES } = options;
  const read = (older: boolean): Promise<{ value: Snapshot; retries: number }> =>
    readStable(file, { retries: live ? RETRIES : 0, backoffMs: BACKOFF_MS, salvage: older }, async (bolt) => {
      const hashed = options.sha256 ?? hashFile(file);
      const identity = { path: name ?? file, sha256: null, ...sizeAndTime(file) };
      const reading = { at, salvage, keepCertificates, ...(onProgress ? { onProgress } : {}) };
      const located = !live && bolt.fileSize >= heldBytes ? new LocatedFile(file) : null;
      const snapshot = readMicroMdmFile(bolt, reading, identity, located);
      return { ...snapshot, source: { ...snapshot.source, sha256: await hashed } };
    });
  const { value, retries } = await read(false).catch((error: unknown) => {
    // What is left of the newest state is worth more than an older one; that is for a file nothing else opens.
    if (!salvage || !(error instanceof FailureError) || !error.failure.code.startsWith('bolt/')) throw error;
    return read(true);
  });
  return retries === 0 ? value : { ...value, source: { ...value.source, retries } };
}

/**
 * Reads an open MicroMDM database. Synchronous: the caller sees to it that the file does not change meanwhile.
 * @param located the same file once more, where devices are to be read from it again instead of kept
 * @throws FailureError as {@link readMicroMdm}
 */
export function readMicroMdmFile(
  bolt: BoltFile,
  {
    at,
    salvage = false,
    keepCertificates = true,
    onProgress,
  }: Omit<ReadMicroMdmOptions, 'live' | 'name' | 'heldBytes' | 'sha256'>,
  identity: MicroMdmFileIdentity,
  located: LocatedFile | null = null,
): Snapshot {
  requireMicroMdm(bolt);
  onProgress?.({ label: 'reading the source', done: 0, total: null });
  const reading = new Reading(bolt, at, salvage, onProgress);
  const push = readPushCertificate(reading);
  const scepCa = readScepCa(reading);
  const devices = readDevicesJoined(reading, push?.topic ?? '', located);
  readDepot(reading, scepCa, devices, keepCertificates);
  const { profiles, enrollmentProfile, enrollmentBody } = readProfiles(reading);
  const abm = readAbm(reading);
  const blueprints = readBlueprints(reading);
  return {
    source: {
      kind: 'micromdm',
      path: identity.path,
      sha256: identity.sha256,
      txid: Number(bolt.txid),
      pageSize: bolt.pageSize,
      size: identity.size,
      retries: 0,
    },
    instant: newestContact(contactsOf(devices), at) ?? Math.min(Math.trunc(identity.modified), at),
    scepCa,
    push,
    abmKeyPair: abm.keyPair,
    abmTokens: abm.tokens,
    profiles,
    enrollmentProfile,
    ...(enrollmentBody === null ? {} : { enrollmentBody }),
    blueprints,
    devices: devices.list(),
    findings: reading.finish(),
  };
}

/**
 * The devices with everything that is joined to them by UDID. A function of its own so that the tables it joins with
 * are free again before the certificates arrive.
 */
function readDevicesJoined(reading: Reading, certificateTopic: string, located: LocatedFile | null): DeviceStore {
  const stores = located === null ? heldStores() : locatedStores(located);
  const { devices, hashes } = stores;
  const push = readPushInfo(reading, stores.push);
  readCertAuth(reading, hashes);
  const blocked = readBlocked(reading);
  const pending = readCommandQueue(reading);
  readDevices(reading, { push, hashes, blocked, pending, certificateTopic }, devices);
  for (const udid of blocked) if (!devices.byUdid.has(udid)) reading.findings.mark('blocked-without-device', udid);
  reading.findings.gather(
    'blocked-without-device',
    'info',
    (count) => `Blocked UDIDs without a device record: ${count}. They stay out.`,
  );
  readUsers(reading, stores, push);
  readDeviceIndex(reading, stores, push);
  devices.endJoin();
  return devices;
}

function* contactsOf(devices: DeviceStore): Generator<{ lastSeen: bigint | null }> {
  for (let ordinal = 0; ordinal < devices.length; ordinal += 1) yield { lastSeen: devices.contactOf(ordinal) };
}

/** What MicroMDM calls its database, in its configuration folder. */
export const DATABASE_NAME = 'micromdm.db';

/** The database itself, where its folder was given. */
export function databaseIn(path: string): string {
  const inside = join(path, DATABASE_NAME);
  const directory = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return directory && statSync(inside, { throwIfNoEntry: false })?.isFile() ? inside : path;
}

function sizeAndTime(path: string): { size: number; modified: number } {
  const { size, mtimeMs } = statSync(path);
  return { size, modified: mtimeMs };
}
