/** A MicroMDM database among the files: its CA, push and ABM material, its profiles, and counts. */
import { FailureError } from '../failure';
import { readSource } from '../sources';
import type { KeyedCertificate } from '../sources/snapshot';
import { Draft } from './draft';
import type { Place, Role } from './item';
import { within, type Reading } from './reading';

/** Where Bolt's first meta page has its magic, little-endian. */
const MAGIC_OFFSET = 16;
const MAGIC = 0xed0cdaed;

/** True when a file begins like a Bolt database. */
export function looksLikeBolt(head: Buffer): boolean {
  return head.length >= MAGIC_OFFSET + 4 && head.readUInt32LE(MAGIC_OFFSET) === MAGIC;
}

/** Reads a database into drafts. Adds the devices' topics to `topics`. */
export async function readDatabase(
  reading: Reading,
  path: string,
  place: Place,
  at: number,
  topics: Set<string>,
): Promise<void> {
  try {
    const snapshot = await readSource(
      { kind: 'micromdm', transport: 'file', location: path },
      { at, keepCertificates: false },
    );
    const draft = new Draft('database', place, null, Buffer.from(`${snapshot.source.kind} ${snapshot.source.path}`));
    draft.fileSha256 = snapshot.source.sha256;
    const devices = snapshot.devices.filter(({ udid }) => udid !== null);
    for (const { push } of devices) if (push && push.topic !== '') topics.add(push.topic);
    const expired = devices.filter(({ certificate }) => (certificate?.notAfter ?? Infinity) < at).length;
    draft.facts = {
      program: 'MicroMDM',
      devices: devices.length,
      enrolled: devices.filter(({ enrolled }) => enrolled).length,
      identityCertificates: devices.filter(({ certificate }) => certificate !== null).length,
      identityCertificatesExpired: expired,
      profiles: snapshot.profiles.length,
      abmTokens: snapshot.abmTokens.length,
      topics: [...new Set(devices.flatMap(({ push }) => (push ? [push.topic] : [])))].slice(0, 20),
    };
    const kept = reading.add(draft);
    await keyed(reading, within(place, 'SCEP CA'), kept, snapshot.scepCa, 'scep-ca');
    await keyed(reading, within(place, 'push certificate'), kept, snapshot.push, 'push-certificate');
    await keyed(reading, within(place, 'ABM key pair'), kept, snapshot.abmKeyPair, 'abm');
    for (const { consumerKey, body } of snapshot.abmTokens)
      await reading.open(body.reveal(), within(place, `ABM token ${consumerKey.slice(0, 8)}`), kept, 1);
    for (const { identifier, body } of snapshot.profiles)
      await reading.open(body.reveal(), within(place, `profile ${identifier}`), kept, 1);
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    reading.note(place, Buffer.from(path), 'database-unreadable', error.failure.message);
  }
}

async function keyed(
  reading: Reading,
  place: Place,
  parent: Draft,
  pair: KeyedCertificate | null,
  role: Role,
): Promise<void> {
  if (!pair) return;
  for (const [what, bytes] of [
    ['certificate', pair.der],
    ['key', pair.key?.reveal()],
  ] as const) {
    if (!bytes) continue;
    const before = reading.drafts.length;
    await reading.open(bytes, within(place, what), parent, 1);
    const draft = reading.drafts[before];
    if (draft) draft.roleHint = role;
  }
}
