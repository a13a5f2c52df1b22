// Certificates for tests, made here: RSA keys once per process, since making one takes a tenth of a second.
import { createHash, generateKeyPairSync } from 'node:crypto';
import forge from 'node-forge';

export interface TestCertificate {
  readonly der: Buffer;
  readonly pem: string;
  readonly keyPem: string;
  readonly sha256: string;
}

const keys = new Map<string, string>();

function keyOf(name: string): string {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
  keys.set(name, pem);
  return pem;
}

export interface CertificateOptions {
  /** Which key: certificates with the same name here share one. */
  readonly key: string;
  readonly subject: readonly { shortName?: string; type?: string; value: string }[];
  readonly issuer?: { readonly key: string; readonly subject: CertificateOptions['subject'] };
  readonly notBefore?: number;
  readonly notAfter: number;
  readonly ca?: boolean;
  readonly serial?: string;
}

export function makeCertificate(options: CertificateOptions): TestCertificate {
  const keyPem = keyOf(options.key);
  const key = forge.pki.privateKeyFromPem(keyPem);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.rsa.setPublicKey(key.n, key.e);
  certificate.serialNumber = options.serial ?? '01';
  certificate.validity.notBefore = new Date(options.notBefore ?? Date.UTC(2020, 0, 1));
  certificate.validity.notAfter = new Date(options.notAfter);
  certificate.setSubject(options.subject as forge.pki.CertificateField[]);
  certificate.setIssuer((options.issuer?.subject ?? options.subject) as forge.pki.CertificateField[]);
  if (options.ca === true) certificate.setExtensions([{ name: 'basicConstraints', cA: true, critical: true }]);
  certificate.sign(forge.pki.privateKeyFromPem(keyOf(options.issuer?.key ?? options.key)), forge.md.sha256.create());
  const der = Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(certificate)).getBytes(), 'binary');
  return {
    der,
    pem: forge.pki.certificateToPem(certificate),
    keyPem,
    sha256: createHash('sha256').update(der).digest('hex'),
  };
}

const CA_SUBJECT = [
  { shortName: 'C', value: 'US' },
  { shortName: 'O', value: 'MicroMDM' },
  { shortName: 'OU', value: 'MICROMDM SCEP CA' },
];

export const TOPIC = 'com.apple.mgmt.External.11111111-2222-3333-4444-555555555555';

export function makeCa(notAfter: number, key = 'ca', more: Partial<CertificateOptions> = {}): TestCertificate {
  return makeCertificate({ key, subject: CA_SUBJECT, notAfter, ca: true, ...more });
}

export function makePush(topic: string, notAfter: number): TestCertificate {
  return makeCertificate({
    key: 'push',
    subject: [
      { type: '0.9.2342.19200300.100.1.1', value: topic },
      { shortName: 'CN', value: `APSP:${topic.slice(-36)}` },
    ],
    notAfter,
  });
}

/** A device's identity. All share one key: nothing here looks at it. */
export function makeIdentity(name: string, serial: number, notAfter: number, caKey = 'ca'): TestCertificate {
  return makeCertificate({
    key: 'device',
    subject: [{ shortName: 'CN', value: name }],
    issuer: { key: caKey, subject: CA_SUBJECT },
    serial: `02${serial.toString(16).padStart(8, '0')}`,
    notAfter,
  });
}
