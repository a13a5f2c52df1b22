/**
 * mdm.DeviceIdx: which record MicroMDM uses for a UDID or serial. Records are never found through it (spec 3.5);
 * it only decides between duplicates and tells what became of enrollments without a record.
 */
import type { PushRecords } from './push-info';
import type { CertificateHashes } from './cert-auth';
import { addReason, type DeviceDraft, type DeviceRecords } from './device';
import { BUCKET, type Reading } from './reading';
import { REASON } from './reasons';

/** Judges every record and every enrollment without one by the index. `userIds` are the known user channels. */
export function readDeviceIndex(
  reading: Reading,
  devices: DeviceRecords,
  push: PushRecords,
  hashes: CertificateHashes,
  userIds: ReadonlySet<string>,
): void {
  const { list, byUdid, duplicates } = devices;
  const ordinals = new Map<string, number>();
  list.forEach(({ recordId }, ordinal) => ordinals.set(recordId, ordinal));
  /** By ordinal: 1 where the index points from the record's UDID to the record. */
  const indexed = new Uint8Array(list.length);
  // The other UDIDs the index answers for: with the record it names, or null where that record is gone.
  const pointed = new Map<string, DeviceDraft | null>();
  reading.entries(BUCKET.deviceIndex, ({ key, value }) => {
    const ordinal = ordinals.get(value.toString('latin1'));
    const device = ordinal === undefined ? undefined : list[ordinal];
    const id = key.toString('utf8');
    if (ordinal === undefined || device === undefined) reading.findings.mark('index-dangling', id);
    else if (device.udid === id) {
      indexed[ordinal] = 1;
      return;
    } else if (device.serial === id) return;
    // A UDID is what some record, push record or hash goes by; old serials are of no interest.
    if (byUdid.has(id) || push.byKey.has(id) || hashes.has(id)) pointed.set(id, device ?? null);
  });
  reading.findings.gather(
    'index-dangling',
    'warning',
    (count) =>
      `Index entries that point to device records which do not exist: ${count}. The records themselves were read.`,
  );

  list.forEach((device, ordinal) => {
    if (device.udid === null || indexed[ordinal] === 1) return;
    if (duplicates.has(device.udid)) return;
    addReason(device, pointed.get(device.udid) ? REASON.udidIndexElsewhere : REASON.udidIndexMissing);
  });
  const kept = new Set(duplicates.size === 0 ? [] : list.filter((_device, ordinal) => indexed[ordinal] === 1));
  for (const records of duplicates.values()) judgeDuplicates(records, kept);

  judgeOrphans(reading, devices, push, hashes, userIds, pointed);
}

function judgeDuplicates(records: readonly DeviceDraft[], indexed: ReadonlySet<DeviceDraft>): void {
  const pointed = records.find((device) => indexed.has(device));
  const kept = pointed ?? records.toSorted(betterFirst)[0];
  for (const device of records) {
    if (device !== kept) addReason(device, REASON.duplicateSuperseded);
    else addReason(device, pointed ? REASON.duplicateKept : REASON.duplicateGuessed);
  }
}

function betterFirst(a: DeviceDraft, b: DeviceDraft): number {
  if (a.enrolled !== b.enrolled) return a.enrolled ? -1 : 1;
  const [seenA, seenB] = [a.lastSeen ?? 0n, b.lastSeen ?? 0n];
  return seenA === seenB ? 0 : seenA > seenB ? -1 : 1;
}

/** Push records and certificate hashes that belong to no device record (spec 3.3, 3.4, 8 #24, #26). */
function judgeOrphans(
  reading: Reading,
  devices: DeviceRecords,
  push: PushRecords,
  hashes: CertificateHashes,
  userIds: ReadonlySet<string>,
  pointed: ReadonlyMap<string, DeviceDraft | null>,
): void {
  const { findings } = reading;
  let folded: Set<string> | null = null;
  const without = (id: string): boolean => {
    if (userIds.has(id) || devices.byUdid.has(id)) return false;
    // A device with the UDID in other case has got this record already.
    folded ??= new Set([...devices.byUdid.keys()].map((udid) => udid.toLowerCase()));
    return !folded.has(id.toLowerCase());
  };
  for (const id of push.byKey.keys()) {
    if (!without(id)) continue;
    if (pointed.get(id)) findings.mark('superseded-udid', id);
    else if (hashes.has(id)) findings.mark('deleted-but-connecting', id);
    else findings.mark('push-info-orphan', id);
  }
  for (const id of hashes.keys())
    if (without(id) && !push.byKey.has(id)) findings.mark(pointed.get(id) ? 'superseded-udid' : 'cert-auth-orphan', id);

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
