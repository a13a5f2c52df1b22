/**
 * mdm.DeviceIdx: which record MicroMDM uses for a UDID or serial. Records are never found through it (spec 3.5);
 * it only decides between duplicates and tells what became of enrollments without a record.
 */
import type { DeviceStore, Stores } from './device-store';
import type { PushRecords } from './push-info';
import { BUCKET, type Reading } from './reading';
import { REASON } from './reasons';

/** Judges every record and every enrollment without one by the index. */
export function readDeviceIndex(
  reading: Reading,
  { devices, hashes, userIds }: Pick<Stores, 'devices' | 'hashes' | 'userIds'>,
  push: PushRecords,
): void {
  const { byUdid, duplicates } = devices;
  const records = devices.records();
  /** By ordinal: 1 where the index points from the record's UDID to the record. */
  const indexed = new Uint8Array(devices.length);
  // The other UDIDs the index answers for: with the record it names, or null where that record is gone.
  const pointed = new Map<string, number | null>();
  reading.entries(BUCKET.deviceIndex, ({ key, value }) => {
    const ordinal = records.get(value.toString('latin1'));
    const id = key.toString('utf8');
    if (ordinal === undefined) reading.findings.mark('index-dangling', id);
    else if (devices.udidOf(ordinal) === id) {
      indexed[ordinal] = 1;
      return;
    } else if (devices.hasSerial(ordinal, id)) return;
    // A UDID is what some record, push record or hash goes by; old serials are of no interest.
    if (byUdid.has(id) || push.byKey.has(id) || hashes.has(id)) pointed.set(id, ordinal ?? null);
  });
  reading.findings.gather(
    'index-dangling',
    'warning',
    (count) =>
      `Index entries that point to device records which do not exist: ${count}. The records themselves were read.`,
  );

  for (let ordinal = 0; ordinal < devices.length; ordinal += 1) {
    if (indexed[ordinal] === 1) continue;
    const udid = devices.udidOf(ordinal);
    if (udid === null || duplicates.has(udid)) continue;
    devices.addReason(ordinal, pointed.get(udid) == null ? REASON.udidIndexMissing : REASON.udidIndexElsewhere);
  }
  for (const ordinals of duplicates.values()) judgeDuplicates(devices, ordinals, indexed);

  judgeOrphans(reading, { devices, hashes, userIds }, push, pointed);
}

function judgeDuplicates(devices: DeviceStore, ordinals: readonly number[], indexed: Uint8Array): void {
  const pointed = ordinals.find((ordinal) => indexed[ordinal] === 1);
  const kept = pointed ?? ordinals.toSorted((a, b) => betterFirst(devices, a, b))[0];
  for (const ordinal of ordinals) {
    if (ordinal !== kept) devices.addReason(ordinal, REASON.duplicateSuperseded);
    else devices.addReason(ordinal, pointed === undefined ? REASON.duplicateGuessed : REASON.duplicateKept);
  }
}

function betterFirst(devices: DeviceStore, a: number, b: number): number {
  const enrolled = devices.at(a).enrolled;
  if (enrolled !== devices.at(b).enrolled) return enrolled ? -1 : 1;
  const [seenA, seenB] = [devices.contactOf(a) ?? 0n, devices.contactOf(b) ?? 0n];
  return seenA === seenB ? 0 : seenA > seenB ? -1 : 1;
}

/** Push records and certificate hashes that belong to no device record (spec 3.3, 3.4, 8 #24, #26). */
function judgeOrphans(
  reading: Reading,
  { devices, hashes, userIds }: Pick<Stores, 'devices' | 'hashes' | 'userIds'>,
  push: PushRecords,
  pointed: ReadonlyMap<string, number | null>,
): void {
  const { findings } = reading;
  let folded: ReturnType<DeviceStore['foldedUdids']> | null = null;
  const without = (id: string): boolean => {
    if (userIds.has(id) || devices.byUdid.has(id)) return false;
    // A device with the UDID in other case has got this record already.
    folded ??= devices.foldedUdids();
    return !folded.has(id.toLowerCase());
  };
  for (const id of push.byKey.keys()) {
    if (!without(id)) continue;
    if (pointed.get(id) != null) findings.mark('superseded-udid', id);
    else if (hashes.has(id)) findings.mark('deleted-but-connecting', id);
    else findings.mark('push-info-orphan', id);
  }
  for (const id of hashes.keys())
    if (without(id) && !push.byKey.has(id))
      findings.mark(pointed.get(id) == null ? 'cert-auth-orphan' : 'superseded-udid', id);

  findings.gather(
    'deleted-but-connecting',
    'warning',
    (count) =>
      `Devices deleted from MicroMDM through its API that may still be enrolled and in contact (push and certificate record, no device record): ${count}. They cannot be moved from here.`,
  );
  findings.gather(
    'superseded-udid',
    'info',
    (count) =>
      `UDIDs superseded by another UDID of the same serial (a new logic board, a restored virtual machine): ${count}. They are dead and stay out.`,
  );
  findings.gather(
    'push-info-orphan',
    'info',
    (count) =>
      `Push records of no device and no user: ${count}. They are outdated user channels, or User Enrollments (BYOD), which cannot be moved from the database and must enroll again.`,
  );
  findings.gather(
    'cert-auth-orphan',
    'info',
    (count) => `Certificate hashes of UDIDs without a device or push record: ${count}. They stay out.`,
  );
}
