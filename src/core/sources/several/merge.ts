/**
 * The snapshots of several sources as one. Fleet holds one SCEP CA and one push certificate: the first source's that
 * has one leads, and whatever does not go with it is told. Nothing is left out in silence.
 *
 * Pure, and by the content alone: the same snapshots give the same one whenever it is asked for.
 */
import { readCertificate } from '../../certificates/der';
import { Issuer } from '../../certificates/issuer';
import type {
  DeviceCertificate,
  Finding,
  PushCertificate,
  ScepCa,
  Snapshot,
  SourceDevice,
  SourceProfile,
} from '../snapshot';
import { settleDevices, type NumberedDevice } from './same-device';

/** Merges snapshots that were read with their certificates, in the order the sources are named. */
export function mergeSnapshots(
  snapshots: readonly Snapshot[],
  { keepCertificates = true }: { readonly keepCertificates?: boolean } = {},
): Snapshot {
  const findings: Finding[] = [];
  const instant = Math.max(...snapshots.map((snapshot) => snapshot.instant));
  const scepCa = leadingCa(snapshots, findings);
  const push = leadingPush(snapshots, findings);
  const devices = settleDevices(
    snapshots.flatMap(({ devices: own, scepCa: ownCa }, at) => {
      const bound = bindingTo(scepCa, ownCa);
      return own.map((device): NumberedDevice => ({
        source: at + 1,
        device: { ...bound(device), recordId: `${at + 1}/${device.recordId}` },
      }));
    }),
    instant,
    findings,
  );
  const enrollment = snapshots.find(({ enrollmentProfile }) => enrollmentProfile !== null);
  tellEnrollmentProfiles(snapshots, findings);
  return {
    source: {
      kind: 'several',
      path: snapshots.map(({ source }, at) => `${at + 1}: ${source.kind} ${source.path}`).join(', '),
      sha256: null,
      txid: null,
      pageSize: null,
      size: null,
      retries: snapshots.reduce((sum, { source }) => sum + source.retries, 0),
    },
    instant,
    scepCa,
    push,
    abmKeyPair: leadingAbmKeyPair(snapshots, findings),
    abmTokens: distinct(
      snapshots.flatMap(({ abmTokens }) => abmTokens),
      ({ consumerKey, body }) => `${consumerKey} ${body.sha256()}`,
    ),
    profiles: mergedProfiles(snapshots, findings),
    enrollmentProfile: enrollment?.enrollmentProfile ?? null,
    ...(enrollment?.enrollmentBody === undefined ? {} : { enrollmentBody: enrollment.enrollmentBody }),
    blueprints: distinct(
      snapshots.flatMap(({ blueprints }) => blueprints),
      (blueprint) => JSON.stringify(blueprint),
    ),
    devices: keepCertificates ? devices : devices.map(withoutDer),
    findings: [
      ...findings,
      ...snapshots.flatMap((snapshot, at) =>
        snapshot.findings.map((finding) => ({ ...finding, detail: `Source ${at + 1}: ${finding.detail}` })),
      ),
    ],
  };
}

// SCEP CA -------------------------------------------------------------------------------------------------------

/** The first source's CA with its key, else the first CA; with the highest serial any source would issue with it. */
function leadingCa(snapshots: readonly Snapshot[], findings: Finding[]): ScepCa | null {
  const held = snapshots.flatMap(({ scepCa, devices }, at) => (scepCa === null ? [] : [{ scepCa, devices, at }]));
  const leading = (held.find(({ scepCa }) => scepCa.keyMatches) ?? held[0])?.scepCa;
  if (leading === undefined) return null;
  const others = held.filter(({ scepCa }) => !isSameCa(scepCa, leading));
  if (others.length > 0) {
    const named = others.map(
      ({ scepCa, devices, at }) =>
        `source ${at + 1} has ${scepCa.subject} (${scepCa.sha256.slice(0, 12)}…, ${countOf(devices)})`,
    );
    findings.push({
      code: 'several/ca-differs',
      severity: 'error',
      detail: `The sources have different SCEP CAs, and Fleet holds one: ${leading.subject} (${leading.sha256.slice(0, 12)}…) leads; ${named.join('; ')}. Devices with certificates of those stay out.`,
    });
  }
  const { serialFrom: _, ...keyed } = leading;
  const same = held.map(({ scepCa }) => scepCa).filter((scepCa) => isSameCa(scepCa, leading));
  const far = same.reduce((most, one) => ((one.nextSerial ?? -1n) > (most.nextSerial ?? -1n) ? one : most), leading);
  return {
    ...keyed,
    nextSerial: far.nextSerial,
    ...(far.serialFrom === undefined ? {} : { serialFrom: far.serialFrom }),
  };
}

/** Also where one of them was issued anew with the same key and subject: certificates are valid under both. */
function isSameCa(one: ScepCa, other: ScepCa): boolean {
  if (one.sha256 === other.sha256) return true;
  const [left, right] = [readCertificate(one.der), readCertificate(other.der)];
  return left !== null && right !== null && left.subjectDer.equals(right.subjectDer) && left.spki.equals(right.spki);
}

/** How a source's devices stand to the CA that leads. */
function bindingTo(leading: ScepCa | null, own: ScepCa | null): (device: SourceDevice) => SourceDevice {
  if (leading === null || (own !== null && isSameCa(own, leading))) return (device) => device;
  const parsed = readCertificate(leading.der);
  const issuer = parsed === null ? null : new Issuer(parsed);
  const bound = (certificate: DeviceCertificate): DeviceCertificate => {
    const read = certificate.der === null ? null : readCertificate(certificate.der);
    // What cannot be looked at is of its own source's CA, where there is one.
    if (read === null || issuer === null) return own === null ? certificate : { ...certificate, issuedByCa: false };
    return { ...certificate, issuedByCa: issuer.claimedBy(read) };
  };
  return (device) => {
    const { certificate, formerCertificates } = device;
    if (certificate === null) return device;
    const isUnknown = own !== null && !certificate.inDepot;
    return {
      ...device,
      certificate: bound(certificate),
      ...(formerCertificates === undefined ? {} : { formerCertificates: formerCertificates.map(bound) }),
      ...(isUnknown ? { reasons: [...device.reasons, CA_NOT_LEADING] } : {}),
    };
  };
}

const CA_NOT_LEADING = {
  code: 'certificate-foreign-issuer',
  severity: 'block',
  sentence:
    'Only the hash of its identity certificate is known, and its source has another SCEP CA than the one that leads.',
  remedy: 'Move the devices of that source by themselves, or bring the certificate so that its issuer can be seen.',
} as const;

// Push certificate ----------------------------------------------------------------------------------------------

/** The first source's push certificate; of those for its topic the one with its key that ends last. */
function leadingPush(snapshots: readonly Snapshot[], findings: Finding[]): PushCertificate | null {
  const held = snapshots.flatMap(({ push }) => (push === null ? [] : [push]));
  const topic = held.find((push) => push.keyMatches)?.topic ?? held[0]?.topic;
  if (topic === undefined) return null;
  const topics = new Map<string, number[]>();
  for (const [at, { devices }] of snapshots.entries()) {
    for (const { push } of devices) {
      if (push === null || push.topic === '') continue;
      const counts = topics.get(push.topic) ?? snapshots.map(() => 0);
      counts[at] = (counts[at] ?? 0) + 1;
      topics.set(push.topic, counts);
    }
  }
  const others = [...topics].filter(([name]) => topic !== null && name !== topic);
  if (others.length > 0) {
    const named = others.map(
      ([name, counts]) =>
        `${name.slice(0, 100)} (${counts.flatMap((count, at) => (count > 0 ? [`source ${at + 1}: ${count}`] : [])).join(', ')})`,
    );
    findings.push({
      code: 'several/topic-differs',
      severity: 'warning',
      detail: `Devices listen on other push topics than ${topic ?? ''}, the one that leads: ${named.slice(0, 8).join('; ')}. They cannot be pushed with its certificate and stay out.`,
    });
  }
  return held
    .filter((push) => push.topic === topic)
    .reduce((best, one) =>
      one.keyMatches !== best.keyMatches ? (one.keyMatches ? one : best) : one.notAfter > best.notAfter ? one : best,
    );
}

// What else a source holds --------------------------------------------------------------------------------------

function leadingAbmKeyPair(snapshots: readonly Snapshot[], findings: Finding[]): Snapshot['abmKeyPair'] {
  const held = snapshots.flatMap(({ abmKeyPair }) => (abmKeyPair === null ? [] : [abmKeyPair]));
  const [first, ...others] = distinct(held, ({ sha256 }) => sha256);
  if (first !== undefined && others.length > 0)
    findings.push({
      code: 'several/abm-key-pair-differs',
      severity: 'info',
      detail: 'The sources have different key pairs for Apple Business Manager; the first one is taken.',
    });
  return first ?? null;
}

/** By identifier, the first source's content first. */
function mergedProfiles(snapshots: readonly Snapshot[], findings: Finding[]): SourceProfile[] {
  const merged = new Map<string, SourceProfile>();
  const clashes = new Set<string>();
  for (const { profiles } of snapshots) {
    for (const profile of profiles) {
      const known = merged.get(profile.identifier);
      if (known === undefined) merged.set(profile.identifier, profile);
      else if (known.body.sha256() !== profile.body.sha256()) clashes.add(profile.identifier);
    }
  }
  if (clashes.size > 0)
    findings.push({
      code: 'several/profile-differs',
      severity: 'warning',
      detail: `${clashes.size} ${clashes.size === 1 ? 'profile has' : 'profiles have'} the same identifier and different content in the sources; the first source’s is taken.`,
      subjects: [...clashes],
    });
  return [...merged.values()];
}

function tellEnrollmentProfiles(snapshots: readonly Snapshot[], findings: Finding[]): void {
  const held = snapshots.flatMap(({ enrollmentProfile }) => (enrollmentProfile === null ? [] : [enrollmentProfile]));
  if (distinct(held, (profile) => JSON.stringify(profile)).length < 2) return;
  findings.push({
    code: 'several/enrollment-profile-differs',
    severity: 'warning',
    detail:
      'The sources have different enrollment profiles; the first one is taken. Fleet renews devices with one profile, which Apple accepts only where identifier, server address and topic stay what they are: devices of the others need a renewal of their own.',
  });
}

function withoutDer(device: SourceDevice): SourceDevice {
  const { certificate, formerCertificates } = device;
  return {
    ...device,
    certificate: certificate === null ? null : { ...certificate, der: null },
    ...(formerCertificates === undefined
      ? {}
      : { formerCertificates: formerCertificates.map((former) => ({ ...former, der: null })) }),
  };
}

function distinct<T>(list: readonly T[], keyOf: (one: T) => string): T[] {
  const found = new Map<string, T>();
  for (const one of list) {
    const key = keyOf(one);
    if (!found.has(key)) found.set(key, one);
  }
  return [...found.values()];
}

function countOf(devices: Snapshot['devices']): string {
  const count = devices.filter(({ udid }) => udid !== null).length;
  return `${count} ${count === 1 ? 'device' : 'devices'}`;
}
