/**
 * The old server as devices know it: the name, the paths and the anchors their enrollment profile brought. Taken from a
 * profile of a real device where there is one, else from what the source holds; what neither tells is what the kind of
 * server does by default.
 */
import { readCertificate } from '../certificates/der';
import { readCertificateBytes } from '../certificates/pem';
import { misused } from '../failure';
import { readInstalled, scepContentOf, type Enrollment } from '../profile/enrollment';
import { textOf } from '../sources/property-list';
import type { Snapshot } from '../sources/snapshot';
import { DEVICE_PATHS, type DevicePaths, type OldServer } from './redirects/route';

export interface DeviceView {
  /** Null when neither profile nor source tells. */
  readonly host: string | null;
  readonly port: number | null;
  readonly oldServer: OldServer;
  readonly paths: DevicePaths;
  /** Why the paths are only a guess; null where profile or kind of server tell them. */
  readonly pathsUnknown: string | null;
  /** DER of the anchors; null when no profile was given. */
  readonly anchors: readonly Buffer[] | null;
  /** SHA-256 of the SCEP CA, lower-case hex; null when there is no source. */
  readonly caSha256: string | null;
  /** Check-ins go to another name than commands. */
  readonly secondHost: string | null;
}

/** Payloads that make a device trust a certificate (Apple's configuration profile reference). */
const ANCHOR_TYPES = ['com.apple.security.root', 'com.apple.security.pem', 'com.apple.security.pkcs1'];

/** What a kind of source says of the server; a table, and several sources, say nothing. */
const SERVERS: Readonly<Record<string, OldServer>> = { micromdm: 'micromdm', nanomdm: 'nanomdm' };

/**
 * @param named a profile the operator named for this; else the one that was given with the source counts
 * @throws FailureError `cutover/server-url` when an address in the profile is none; what {@link readInstalled} throws
 */
export function deviceView(snapshot: Snapshot | null, named: Enrollment | null): DeviceView {
  const oldServer = snapshot === null ? 'micromdm' : (SERVERS[snapshot.source.kind] ?? 'other');
  const given = named === null ? givenWith(snapshot) : null;
  const enrollment = named ?? (given === 'unreadable' ? null : given);
  const mdm = enrollment?.mdm ?? null;
  const stored = snapshot?.enrollmentProfile ?? null;
  const connect = urlFrom(mdm === null ? (stored?.serverUrl ?? null) : textOf(mdm, 'ServerURL'));
  const checkIn = urlFrom(mdm === null ? (stored?.checkInUrl ?? null) : textOf(mdm, 'CheckInURL')) ?? connect;
  const request = scepContentOf(enrollment?.identity ?? null);
  const scep = urlFrom(request === null ? (stored?.scepUrl ?? null) : textOf(request, 'URL'));
  const usual = DEVICE_PATHS[oldServer];
  return {
    host: connect?.hostname ?? null,
    port: connect === null ? null : connect.port === '' ? 443 : Number(connect.port),
    oldServer,
    paths: {
      connect: connect?.pathname ?? usual.connect,
      checkIn: checkIn?.pathname ?? usual.checkIn,
      // A SCEP server under another name or port is not led anywhere by this one: it stays where it is.
      scep: scep === null ? usual.scep : connect === null || scep.origin === connect.origin ? scep.pathname : null,
    },
    pathsUnknown: unknownPaths(snapshot, named, connect !== null, given === 'unreadable'),
    anchors: enrollment === null ? null : anchorsOf(enrollment),
    caSha256: snapshot?.scepCa?.sha256 ?? null,
    secondHost: checkIn !== null && checkIn.hostname !== connect?.hostname ? checkIn.hostname : null,
  };
}

/**
 * The paths devices call, as far as they are known.
 * @throws FailureError `cutover/paths-unknown`
 */
export function knownPaths({ paths, pathsUnknown }: DeviceView): DevicePaths {
  if (pathsUnknown !== null)
    misused(
      'cutover/paths-unknown',
      pathsUnknown,
      'Give the enrollment profile of a real device with the source (--enrollment-profile FILE).',
    );
  return paths;
}

function unknownPaths(
  snapshot: Snapshot | null,
  named: Enrollment | null,
  hasUrl: boolean,
  unreadable: boolean,
): string | null {
  const kind = snapshot?.source.kind ?? 'micromdm';
  if (kind === 'several')
    return named === null
      ? 'Several sources have several old servers, and each name needs a configuration of its own: name one source.'
      : null;
  if (unreadable)
    return 'The enrollment profile given with the source cannot be read; only it tells which paths devices call.';
  return hasUrl || SERVERS[kind] !== undefined
    ? null
    : 'Which paths devices call at this old server is not known: only their enrollment profile tells.';
}

/** The profile an operator gave with a source that has none of its own; MicroMDM’s is only what it hands out today. */
function givenWith(snapshot: Snapshot | null): Enrollment | 'unreadable' | null {
  const body = snapshot?.enrollmentBody;
  if (snapshot === null || body === undefined || snapshot.source.kind === 'micromdm') return null;
  // Reading the source has made a finding of one that cannot be read.
  if (snapshot.enrollmentProfile === null) return 'unreadable';
  return readInstalled(body.reveal(), 'the enrollment profile given with the source');
}

/** DER of every certificate a profile makes devices trust. */
function anchorsOf({ payloads }: Enrollment): Buffer[] {
  return payloads.flatMap((payload) => {
    const content = payload['PayloadContent'];
    return ANCHOR_TYPES.includes(textOf(payload, 'PayloadType') ?? '') && Buffer.isBuffer(content)
      ? // What is no certificate makes no device trust anything.
        readCertificateBytes(content).filter((der) => readCertificate(der) !== null)
      : [];
  });
}

function urlFrom(text: string | null): URL | null {
  if (text === null) return null;
  try {
    return new URL(text);
  } catch {
    return misused(
      'cutover/server-url',
      `The enrollment profile holds «${text.slice(0, 120)}» where an address belongs.`,
      'Give a profile exported from a real device.',
    );
  }
}
