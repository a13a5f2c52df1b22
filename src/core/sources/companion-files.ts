/**
 * What lies beside a source as files: its SCEP CA, its push certificate, the enrollment profile its devices installed.
 * For kinds whose own store holds none of these. Files the operator named: one that cannot be read at all is a
 * failure; what is wrong inside one is a finding, so that everything wrong is seen at once.
 */
import { readCertificate, type Certificate } from '../certificates/der';
import { isSignedData } from '../certificates/cms';
import { readCertificateBytes } from '../certificates/pem';
import { PROFILE_LIMIT, readGiven, SECRET_LIMIT } from '../given-file';
import { Secret } from '../secret';
import type { FindingLog } from './finding-log';
import { keyedCertificate } from './keyed-certificate';
import { enrollmentOf, openProfile } from './micromdm/profile';
import type { EnrollmentProfile, KeyedCertificate, PushCertificate, ScepCa } from './snapshot';
import type { Companions } from './source-kind';

/** Reading them needs this besides their paths. */
export interface CompanionReading {
  readonly companions: Companions;
  readonly findings: FindingLog;
  /** Passphrase of the SCEP CA's key. */
  readonly keyPassphrase?: Secret;
}

/** Where a certificate and its key are, and how both are called. */
interface NamedPair {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Beginning of finding codes: `scep-ca`. */
  readonly code: 'scep-ca' | 'push';
  readonly title: string;
  readonly absent: string;
  readonly passphrase?: Secret;
}

/**
 * The SCEP CA from `scep-ca` and `scep-ca-key` (PEM or DER in any form; the key may stand in the certificate's file).
 * Null, with a finding, when there is none or it cannot be used.
 * @throws FailureError `usage/file` when a file cannot be read
 */
export function readScepCaFiles({ companions, findings, keyPassphrase }: CompanionReading): ScepCa | null {
  const pair = readPair(
    {
      certificate: companions['scep-ca'],
      key: companions['scep-ca-key'],
      code: 'scep-ca',
      title: 'SCEP CA',
      absent:
        'No SCEP CA was given beside this source: whose certificates devices hold cannot be proven, and Fleet needs the CA with its key (--scep-ca, --scep-ca-key-file).',
      ...(keyPassphrase === undefined ? {} : { passphrase: keyPassphrase }),
    },
    findings,
  );
  // How far it has counted stands at the SCEP server, not in its certificate.
  return pair === null ? null : { ...pair.keyed, isCa: pair.certificate.isCa, nextSerial: null };
}

/**
 * The push certificate from `push-certificate` and `push-key`. Null, with a finding, when there is none or it cannot be
 * used.
 * @throws FailureError `usage/file` when a file cannot be read
 */
export function readPushFiles({ companions, findings }: CompanionReading): PushCertificate | null {
  const pair = readPair(
    {
      certificate: companions['push-certificate'],
      key: companions['push-key'],
      code: 'push',
      title: 'push certificate',
      absent:
        'No push certificate was given beside this source: that its topic is the devices’ cannot be checked (--push-certificate, --push-key-file).',
    },
    findings,
  );
  if (pair === null) return null;
  const topic = pair.certificate.userId;
  if (!topic?.startsWith('com.apple.mgmt'))
    findings.add(
      'push-topic-absent',
      'error',
      'The push certificate names no MDM topic (a UID beginning with com.apple.mgmt): it is not an MDM push certificate.',
    );
  return { ...pair.keyed, topic };
}

/**
 * The enrollment profile from `profile`, signed or not. Nulls when none was named; the body is kept, with a finding,
 * when it cannot be understood.
 * @throws FailureError `usage/file` when the file cannot be read
 */
export function readProfileFile({ companions, findings }: CompanionReading): {
  readonly enrollmentProfile: EnrollmentProfile | null;
  readonly enrollmentBody: Secret | null;
  readonly signed: boolean;
} {
  const { profile } = companions;
  if (profile === undefined) return { enrollmentProfile: null, enrollmentBody: null, signed: false };
  const body = readGiven('the enrollment profile', profile, PROFILE_LIMIT);
  const root = openProfile(body);
  const enrollmentProfile = root && enrollmentOf(root);
  if (enrollmentProfile === null)
    findings.add(
      'enrollment-profile-unreadable',
      'error',
      'The enrollment profile given beside the source cannot be read, or holds no MDM payload.',
    );
  return { enrollmentProfile, enrollmentBody: new Secret('enrollment profile', body), signed: isSignedData(body) };
}

/** Companions of these three, for a kind's list. */
export const FILE_COMPANIONS = ['scep-ca', 'scep-ca-key', 'push-certificate', 'push-key', 'profile'] as const;

function readPair(
  pair: NamedPair,
  findings: FindingLog,
): { readonly certificate: Certificate; readonly keyed: KeyedCertificate } | null {
  const { code, title } = pair;
  if (pair.certificate === undefined) {
    findings.add(
      code === 'push' ? 'push-certificate-absent' : 'scep-ca-absent',
      'error',
      pair.key === undefined ? pair.absent : `The key of the ${title} was given without its certificate.`,
    );
    return null;
  }
  const bytes = readGiven(`the ${title}`, pair.certificate, SECRET_LIMIT);
  const blocks = readCertificateBytes(bytes);
  const certificate = blocks[0] ? readCertificate(Buffer.from(blocks[0])) : null;
  if (certificate === null) {
    findings.add(
      code === 'push' ? 'push-certificate-unreadable' : 'scep-ca-unreadable',
      'error',
      `The ${title} given beside the source cannot be read: its file holds no certificate in PEM or DER form.`,
    );
    return null;
  }
  if (blocks.length > 1)
    findings.add(
      `${code}-several-certificates`,
      'info',
      `The file of the ${title} holds ${blocks.length} certificates; the first was taken.`,
    );
  const own = bytes.includes('PRIVATE KEY-----') ? bytes : null;
  const key = pair.key === undefined ? own : readGiven(`the key of the ${title}`, pair.key, SECRET_LIMIT);
  const { keyed, problem } = keyedCertificate(
    certificate,
    key,
    code === 'push' ? 'push key' : 'SCEP CA key',
    pair.passphrase,
  );
  if (problem) findings.add(`${code}-key-unreadable`, 'error', problem);
  else if (!keyed.keyMatches)
    findings.add(`${code}-key-mismatch`, 'error', `The key of the ${title} is absent or not its certificate’s.`);
  return { certificate, keyed };
}
