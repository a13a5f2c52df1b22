/**
 * The old server as devices know it: the name, the paths and the anchors their enrollment profile brought. Taken from a
 * profile of a real device where there is one, else from what the source holds; what neither tells is what the kind of
 * server does by default.
 */
import { readCertificate } from '../certificates/der';
import { readCertificateBytes } from '../certificates/pem';
import { misused } from '../failure';
import { scepContentOf, type Enrollment } from '../profile/enrollment';
import { textOf } from '../sources/property-list';
import type { Snapshot } from '../sources/snapshot';
import { DEVICE_PATHS, type DevicePaths, type OldServer } from './redirects/route';

export interface DeviceView {
  /** Null when neither profile nor source tells. */
  readonly host: string | null;
  readonly port: number | null;
  readonly oldServer: OldServer;
  readonly paths: DevicePaths;
  /** DER of the anchors; null when no profile was given. */
  readonly anchors: readonly Buffer[] | null;
  /** SHA-256 of the SCEP CA, lower-case hex; null when there is no source. */
  readonly caSha256: string | null;
  /** Check-ins go to another name than commands. */
  readonly secondHost: string | null;
}

/** Payloads that make a device trust a certificate (Apple's configuration profile reference). */
const ANCHOR_TYPES = ['com.apple.security.root', 'com.apple.security.pem', 'com.apple.security.pkcs1'];

/** @throws cutover/server-url when an address in the profile is none */
export function deviceView(snapshot: Snapshot | null, enrollment: Enrollment | null): DeviceView {
  const oldServer = snapshot?.source.kind === 'nanomdm' ? 'nanomdm' : 'micromdm';
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
      // A SCEP server under another name is not led anywhere by this one.
      scep: scep !== null && (connect === null || scep.hostname === connect.hostname) ? scep.pathname : usual.scep,
    },
    anchors: enrollment === null ? null : anchorsOf(enrollment),
    caSha256: snapshot?.scepCa?.sha256 ?? null,
    secondHost: checkIn !== null && checkIn.hostname !== connect?.hostname ? checkIn.hostname : null,
  };
}

/** DER of every certificate a profile makes devices trust. */
export function anchorsOf({ payloads }: Enrollment): Buffer[] {
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
