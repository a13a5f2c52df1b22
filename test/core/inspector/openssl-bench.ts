/**
 * Key and certificate files made by openssl, and openssl as the judge of what is in them. Keys are made once and shared.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPem } from '../../../src/core/certificates/pem';

/** RC2 and DES live in a provider of their own since OpenSSL 3. */
export const LEGACY = ['-provider', 'legacy', '-provider', 'default'];

export const TOPIC = 'com.apple.mgmt.External.0f8cbbd1-5e4b-4b3b-8a3e-1d3c7a2b9f10';

/** A certificate in openssl's words. */
export interface JudgedCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly sha256: string;
  readonly sha1: string;
  readonly publicKeySha256: string;
}

export class OpensslBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-inspect-'));
  readonly #certificates = new Map<string, JudgedCertificate>();

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  write(name: string, content: string | Buffer): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** Runs openssl in the folder; throws with its complaint when it fails. */
  run(...args: string[]): Buffer {
    return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Runs openssl with a command line without blanks in its words. */
  sh(line: string): Buffer {
    return this.run(...line.split(' '));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Keys, a small hierarchy, a push certificate and the like. About two seconds. */
  makeBasics(): void {
    for (const name of ['rsa', 'rsa-other', 'rsa-ca', 'rsa-push']) this.sh(`genrsa -out ${name}.key 2048`);
    this.sh('genrsa -out rsa3072.key 3072');
    this.sh('ecparam -name prime256v1 -genkey -out p256.key');
    this.sh('ecparam -name secp384r1 -genkey -noout -out p384.key');
    this.sh('ecparam -name secp521r1 -genkey -noout -out p521.key');
    this.sh('genpkey -algorithm ed25519 -out ed25519.key');
    this.selfSigned('root', 'rsa-ca.key', '/C=US/O=Example/CN=Example SCEP CA', 4000, [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=keyCertSign,cRLSign',
    ]);
    this.issue(
      'inter',
      'rsa3072.key',
      '/O=Example/CN=Example Issuing CA',
      'root',
      'rsa-ca.key',
      'basicConstraints=critical,CA:TRUE,pathlen:0\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid',
    );
    this.issue(
      'leaf',
      'rsa.key',
      '/O=Example/CN=mdm.example.com',
      'inter',
      'rsa3072.key',
      'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:mdm.example.com,DNS:*.mdm.example.com,IP:192.0.2.7,IP:2001:db8::1,email:a@example.com,URI:https://example.com/x',
    );
    this.issue(
      'device',
      'p256.key',
      '/O=MicroMDM/CN=MicroMDM Identity (Zoë)',
      'root',
      'rsa-ca.key',
      'extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature',
    );
    this.issue(
      'push',
      'rsa-push.key',
      `/UID=${TOPIC}/CN=APSP:0f8cbbd1-5e4b-4b3b-8a3e-1d3c7a2b9f10/C=US`,
      'inter',
      'rsa3072.key',
      '1.2.840.113635.100.6.3.2=DER:0500\nextendedKeyUsage=clientAuth',
    );
    this.sh('req -new -key rsa.key -out plain.csr -subj /CN=plain');
  }

  selfSigned(
    name: string,
    key: string,
    subject: string,
    days: number,
    extensions: string[] = [],
    more: string[] = [],
  ): void {
    const added = extensions.flatMap((extension) => ['-addext', extension]);
    this.run(
      'req',
      '-x509',
      '-utf8',
      '-key',
      key,
      '-subj',
      subject,
      '-days',
      String(days),
      '-out',
      `${name}.pem`,
      ...added,
      ...more,
    );
  }

  issue(
    name: string,
    key: string,
    subject: string,
    issuer: string,
    issuerKey: string,
    extensions: string,
    days = 365,
  ): void {
    this.run('req', '-new', '-utf8', '-key', key, '-subj', subject, '-out', `${name}.csr`);
    this.write(`${name}.ext`, extensions);
    this.run(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${issuer}.pem`,
      '-CAkey',
      issuerKey,
      '-CAcreateserial',
      '-days',
      String(days),
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  }

  /** What openssl says of each certificate in a PEM text. */
  certificates(pem: Buffer): JudgedCertificate[] {
    return readPem(pem)
      .filter(({ label }) => label.endsWith('CERTIFICATE'))
      .map(({ der }) => this.certificate(der));
  }

  certificate(der: Buffer): JudgedCertificate {
    const id = der.toString('base64');
    const known = this.#certificates.get(id);
    if (known) return known;
    this.write('judged.der', der);
    const options = '-noout -subject -issuer -serial -dates -nameopt RFC2253,-esc_msb,utf8 -fingerprint';
    const lines = this.sh(`x509 -inform DER -in judged.der ${options} -sha256`).toString();
    const sha1 = this.sh('x509 -inform DER -in judged.der -noout -fingerprint -sha1').toString();
    const publicKey = readPem(this.sh('x509 -inform DER -in judged.der -noout -pubkey'))[0]!.der;
    const field = (text: string, name: string): string => new RegExp(`^${name}=(.*)$`, 'im').exec(text)?.[1] ?? '';
    const hex = (text: string): string => text.replaceAll(':', '').toLowerCase();
    const judged = {
      subject: field(lines, 'subject'),
      issuer: field(lines, 'issuer'),
      serial: field(lines, 'serial'),
      notBefore: Date.parse(field(lines, 'notBefore')),
      notAfter: Date.parse(field(lines, 'notAfter')),
      sha256: hex(field(lines, 'sha256 Fingerprint')),
      sha1: hex(field(sha1, 'sha1 Fingerprint')),
      publicKeySha256: sha256(publicKey),
    };
    this.#certificates.set(id, judged);
    return judged;
  }

  /** Hash of the public key of a private key file, as openssl opens it. */
  keyHash(...args: string[]): string {
    return sha256(this.run('pkey', ...args, '-pubout', '-outform', 'DER'));
  }
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
