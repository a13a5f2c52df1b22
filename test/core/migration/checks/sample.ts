// A source to check: three Macs, two iPhones, an iPad; everything in order unless a test changes it.
import { readCertificate } from '../../../../src/core/certificates/der';
import { Secret } from '../../../../src/core/secret';
import type { ScepCa, Snapshot, SourceDevice, PushCertificate } from '../../../../src/core/sources/snapshot';
import { judge } from '../../../../src/core/migration/verdict';
import type { CheckContext, CheckResult } from '../../../../src/core/migration/checks';
import { makeCa, makeIdentity, makePush, TOPIC, type TestCertificate } from '../../fleet/certificate';

export const DAY = 86_400_000;
export const NOW = Date.UTC(2026, 9, 1, 12);
export const FAR = Date.UTC(2036, 0, 1);

const read = (certificate: TestCertificate): { notBefore: number; notAfter: number; subject: string } => {
  const opened = readCertificate(certificate.der);
  if (opened === null) throw new Error('a test certificate that cannot be read');
  return { notBefore: opened.notBefore, notAfter: opened.notAfter, subject: opened.subject };
};

export function scepCaOf(certificate: TestCertificate, more: Partial<ScepCa> = {}): ScepCa {
  return {
    der: certificate.der,
    sha256: certificate.sha256,
    ...read(certificate),
    keyType: 'rsa',
    keyBits: 2048,
    key: new Secret('SCEP CA key', certificate.keyPem),
    keyMatches: true,
    isCa: true,
    nextSerial: 100n,
    ...more,
  };
}

export function pushOf(certificate: TestCertificate, more: Partial<PushCertificate> = {}): PushCertificate {
  return {
    der: certificate.der,
    sha256: certificate.sha256,
    ...read(certificate),
    keyType: 'rsa',
    keyBits: 2048,
    key: new Secret('push key', certificate.keyPem),
    keyMatches: true,
    topic: TOPIC,
    ...more,
  };
}

const identities = new Map<string, TestCertificate>();

export function deviceOf(
  index: number,
  more: Partial<SourceDevice> = {},
  notAfter = NOW + 300 * DAY,
  caKey = 'ca',
): SourceDevice {
  const name = `${index}:${notAfter}:${caKey}`;
  const identity = identities.get(name) ?? makeIdentity(`device ${index}`, index + 1, notAfter, caKey);
  identities.set(name, identity);
  const udid = `00000000-0000-4000-8000-${index.toString().padStart(12, '0')}`;
  return {
    recordId: `record-${index}`,
    udid,
    serial: `SERIAL${index}`,
    name: `Device ${index}`,
    model: null,
    modelName: null,
    productName: index < 3 ? 'Mac14,2' : 'iPhone15,2',
    osVersion: '15.1',
    buildVersion: null,
    imei: null,
    meid: null,
    platform: index < 3 ? 'darwin' : index < 5 ? 'ios' : 'ipados',
    enrolled: true,
    awaitingConfiguration: false,
    lastSeen: BigInt(NOW - index * 60_000) * 1_000_000n,
    push: {
      topic: TOPIC,
      magic: new Secret('push magic', `MAGIC-${index}-SECRET`),
      tokenHex: index.toString(16).padStart(64, '0'),
      from: 'push-info',
    },
    certificate: {
      sha256: identity.sha256,
      inDepot: true,
      der: identity.der,
      notBefore: Date.UTC(2020, 0, 1),
      notAfter,
      commonName: `device ${index}`,
      issuedByCa: null,
    },
    unlockToken: null,
    bootstrapToken: null,
    users: [],
    pending: { count: 0, requestTypes: [], enrollmentProfile: false },
    blockedAtSource: false,
    reasons: [],
    ...more,
  };
}

export const SOURCE_CA = makeCa(FAR);
export const SOURCE_PUSH = makePush(TOPIC, NOW + 200 * DAY);

export function snapshotOf(more: Partial<Snapshot> = {}): Snapshot {
  return {
    source: { kind: 'micromdm', path: '/x/micromdm.db', sha256: null, txid: 1, pageSize: 4096, size: 1, retries: 0 },
    instant: NOW - 60_000,
    scepCa: scepCaOf(SOURCE_CA),
    push: pushOf(SOURCE_PUSH),
    abmKeyPair: null,
    abmTokens: [],
    profiles: [],
    enrollmentProfile: {
      identifier: 'com.github.micromdm.micromdm.enroll',
      serverUrl: 'https://mdm.customer.com/mdm/connect',
      checkInUrl: 'https://mdm.customer.com/mdm/checkin',
      topic: TOPIC,
      signMessage: true,
      accessRights: 8191,
      scepUrl: 'https://mdm.customer.com/scep',
    },
    blueprints: [],
    devices: [0, 1, 2, 3, 4, 5].map((index) => deviceOf(index)),
    findings: [],
    ...more,
  };
}

export function contextOf(snapshot: Snapshot = snapshotOf(), more: Partial<CheckContext> = {}): CheckContext {
  return { snapshot, judgement: judge(snapshot, NOW), at: NOW, staging: false, answers: {}, ...more };
}

/** The result of one check; an error when there is none of that name. */
export function resultOf(results: readonly CheckResult[], id: string): CheckResult {
  const found = results.find((result) => result.id === id);
  if (found === undefined) throw new Error(`no check ${id}`);
  return found;
}
