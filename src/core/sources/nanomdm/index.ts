/** A NanoMDM store, and what lies beside it, read into a snapshot (spec 6). */
import type { Secret } from '../../secret';
import { readProfileFile, readPushFiles } from '../companion-files';
import { newestContact } from '../instant';
import { countedCa } from '../scep-serial';
import type { ScepCa, Snapshot } from '../snapshot';
import type { Companions } from '../source-kind';
import type { CertificateShelf } from './certificates';
import { joinDevices, type DeviceDraft } from './join';
import { choosePush, tellOtherTopics } from './push';
import { REASON } from './reasons';
import { readScepBeside } from './scep-beside';
import type { Store } from './store';

export interface ReadNanoMdmOptions {
  /** The clock, milliseconds since the epoch. */
  readonly at: number;
  /** How the source is called in the snapshot: never with a secret. */
  readonly name: string;
  readonly companions: Companions;
  readonly keyPassphrase?: Secret;
  /** False: device certificates are read but not kept: `der` is null. Default true. */
  readonly keepCertificates?: boolean;
  /** How often the store was read again because it changed meanwhile. */
  readonly retries?: number;
}

/**
 * Reads a store into a snapshot.
 * @throws FailureError `database/…`, `folder/…`, `nanomdm/…`, `usage/file`
 */
export async function readNanoMdm(store: Store, options: ReadNanoMdmOptions): Promise<Snapshot> {
  const { at, companions, keepCertificates = true } = options;
  const { findings } = store;
  const stored = await store.pushCertificates();
  const { devices, shelf, byTopic, newest } = await joinDevices(store, at);
  const listeners = new Map([...byTopic].map(([topic, udids]) => [topic, udids.length]));
  const push =
    companions['push-certificate'] === undefined && companions['push-key'] === undefined
      ? choosePush(stored, listeners, findings)
      : readPushFiles({ companions, findings });
  tellOtherTopics(byTopic, push, findings);
  const scepCa = await readScep(shelf, options, store);
  const foreign = shelf.settle(scepCa, keepCertificates);
  if (foreign.size > 0)
    findings.add(
      'scep-ca-other',
      'warning',
      `Certificates of other CAs than the SCEP CA that moves: ${[...foreign]
        .slice(0, 10)
        .map(([issuer, count]) => `${count} of ${issuer}`)
        .join('; ')}. Fleet accepts those of one CA only, so their devices stay behind.`,
    );
  const counted = countedCa(scepCa, companions['scep-last-serial'], shelf.serials.greatest, findings);
  for (const device of devices) tellUnreadable(device);
  const { enrollmentProfile, enrollmentBody } = readProfileFile({ companions, findings });
  if (companions.profile === undefined)
    findings.add(
      'enrollment-profile-absent',
      'info',
      'NanoMDM keeps no enrollment profile: give the one the devices installed (--enrollment-profile), for the old address and for renewing in silence.',
    );
  return {
    source: {
      kind: 'nanomdm',
      path: options.name,
      sha256: null,
      txid: null,
      pageSize: null,
      size: null,
      retries: options.retries ?? 0,
    },
    instant: newestContact(devices, at) ?? newest ?? at,
    scepCa: counted,
    push,
    abmKeyPair: null,
    abmTokens: [],
    profiles: [],
    enrollmentProfile,
    ...(enrollmentBody === null ? {} : { enrollmentBody }),
    blueprints: [],
    devices,
    findings: findings.all(),
  };
}

/** The SCEP CA: the depot's, or one that was named itself. The depot also knows certificates by their hashes. */
async function readScep(shelf: CertificateShelf, options: ReadNanoMdmOptions, store: Store): Promise<ScepCa | null> {
  const { findings } = store;
  const beside = await readScepBeside(options, { wanted: shelf.wanted(), findings });
  for (const der of beside?.found ?? []) shelf.keep(der);
  if (beside !== null) return beside.ca;
  findings.add(
    'scep-ca-absent',
    'error',
    'NanoMDM holds no SCEP CA: name the depot of its SCEP server (--scep-depot), or the CA with its key (--scep-ca, --scep-ca-key-file). Without it whose certificates devices hold cannot be proven, and Fleet could not accept them.',
  );
  return null;
}

function tellUnreadable(device: DeviceDraft): void {
  if (device.certificate?.inDepot === true && device.certificate.notAfter === null)
    device.reasons = [...device.reasons, REASON.certificateUnreadable];
}
