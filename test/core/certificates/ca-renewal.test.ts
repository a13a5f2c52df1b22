/** A CA with a later end: openssl says what changed, and that what the old one issued still verifies. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { extendCa, proveExtension, type CaRenewal } from '../../../src/core/certificates/ca-renewal';
import { openCertificate, type Certificate } from '../../../src/core/certificates/der';
import { readPem, writePem } from '../../../src/core/certificates/pem';
import { FailureError } from '../../../src/core/failure';
import { OpensslBench } from '../inspector/openssl-bench';

const bench = new OpensslBench();
const at = Math.floor(Date.now() / 1000) * 1000 + 60_000;
const YEAR = 365.25 * 86_400_000;
let key: KeyObject;

const certificate = (name: string): Certificate =>
  openCertificate(readPem(bench.read(`${name}.pem`))[0]!.der, `certificate ${name}`);

const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,digitalSignature,keyCertSign,cRLSign'];

/** Without a key identifier of the CA's, openssl names its serial number in what it issues unless told not to. */
const DEVICE = 'extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=none';

/** A CA that ends in two years. */
function makeCa(name: string, keyName: string, subject: string, extensions: string[], more: string[] = []): void {
  bench.selfSigned(name, keyName, subject, 730, extensions, more);
}

beforeAll(() => {
  bench.sh('genrsa -out ca.key 2048');
  bench.sh('genrsa -out other.key 2048');
  bench.sh('ecparam -name prime256v1 -genkey -noout -out ec.key');
  key = createPrivateKey(bench.read('ca.key'));
  makeCa('ca', 'ca.key', '/C=US/O=MicroMDM/OU=MICROMDM SCEP CA', CA, ['-set_serial', '1']);
  makeCa('bare', 'ca.key', '/CN=Bare', ['basicConstraints=CA:TRUE,pathlen:1', 'subjectKeyIdentifier=none']);
  makeCa('sha1', 'ca.key', '/CN=Zoë’s CA', ['basicConstraints=critical,CA:TRUE'], ['-sha1']);
  makeCa('sha512', 'ca.key', '/CN=Long', ['basicConstraints=critical,CA:TRUE', 'nsComment=kept'], ['-sha512']);
  makeCa('pinned', 'ca.key', '/CN=Pinned', [...CA, 'authorityKeyIdentifier=keyid:always,issuer:always']);
  makeCa('leaf-only', 'ca.key', '/CN=No CA', ['basicConstraints=critical,CA:FALSE']);
  makeCa('no-signing', 'ca.key', '/CN=No signing', ['basicConstraints=critical,CA:TRUE', 'keyUsage=digitalSignature']);
  makeCa('ec', 'ec.key', '/CN=EC', CA);
  for (const ca of ['ca', 'bare', 'sha1', 'sha512'])
    bench.issue(`${ca}-device`, 'other.key', '/O=MicroMDM/CN=Identity', ca, 'ca.key', DEVICE);
  bench.issue('by-serial', 'other.key', '/CN=By serial', 'ca', 'ca.key', 'authorityKeyIdentifier=keyid,issuer:always');
  bench.issue('sub', 'other.key', '/CN=Sub CA', 'ca', 'ca.key', 'basicConstraints=critical,CA:TRUE', 700);
});
afterAll(() => bench.close());

const extend = (name: string, more: Partial<CaRenewal> = {}): ReturnType<typeof extendCa> =>
  extendCa({ ca: certificate(name), key, years: 10, keepSerial: false, at, ...more });

/** `openssl x509 -text` without what must change: the end, the signature, and the serial unless it was kept. */
function textOf(name: string, withSerial: boolean): string {
  return bench
    .run('x509', '-in', `${name}.pem`, '-noout', '-text', '-certopt', 'no_sigdump')
    .toString()
    .replace(/^ *Not After.*\n/m, '')
    .replace(/Serial Number:(?: .*|\s*\n.*)\n/, withSerial ? '$&' : '');
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof FailureError) return error.failure.code;
    throw error;
  }
  return 'nothing thrown';
}

describe('extendCa', () => {
  it.each(['ca', 'bare', 'sha512'].flatMap((name) => [false, true].map((keepSerial) => ({ name, keepSerial }))))(
    '$name, serial kept $keepSerial: openssl sees only end, serial and signature differ',
    ({ name, keepSerial }) => {
      const { certificate: extended } = extend(name, { keepSerial });
      bench.write('extended.pem', writePem('CERTIFICATE', extended.der));
      expect(textOf('extended', keepSerial)).toBe(textOf(name, keepSerial));
      const [old, now] = [bench.certificate(certificate(name).der), bench.certificate(extended.der)];
      expect(now.notAfter).toBe(new Date(at).setUTCFullYear(new Date(at).getUTCFullYear() + 10));
      expect(now.notBefore).toBe(old.notBefore);
      expect(now.serial === old.serial).toBe(keepSerial);
      expect(now.publicKeySha256).toBe(old.publicKeySha256);
      expect(extended.serial > 0n).toBe(true);
      const verified = bench.run('verify', '-x509_strict', '-CAfile', 'extended.pem', 'extended.pem');
      expect(verified.toString()).toBe('extended.pem: OK\n');
    },
    20_000,
  );

  it.each(['ca', 'bare', 'sha1', 'sha512'])(
    '%s: a device certificate verifies by openssl, after the old end too',
    (name) => {
      const { certificate: extended } = extend(name);
      bench.write('extended.pem', writePem('CERTIFICATE', extended.der));
      const verify = (ca: string, when: number): string => {
        try {
          const seconds = String(Math.floor(when / 1000));
          return bench.run('verify', '-attime', seconds, '-CAfile', ca, `${name}-device.pem`).toString();
        } catch (error) {
          return String((error as { stderr: Buffer }).stderr);
        }
      };
      const now = Date.now() + 60_000;
      expect(verify(`${name}.pem`, now)).toBe(`${name}-device.pem: OK\n`);
      expect(verify('extended.pem', now)).toBe(`${name}-device.pem: OK\n`);
      // At the old CA's end the device certificate has expired as well; so one is issued that has not.
      bench.issue('late', 'other.key', '/CN=Late', name, 'ca.key', DEVICE, 2000);
      const late = Math.floor((at + 4 * YEAR) / 1000);
      const run =
        (ca: string): (() => unknown) =>
        () =>
          bench.run('verify', '-attime', String(late), '-CAfile', ca, 'late.pem');
      expect(run('extended.pem')).not.toThrow();
      expect(run(`${name}.pem`)).toThrow(/certificate has expired/);
    },
  );

  it('replaces SHA-1 by SHA-256 and says so; keeps SHA-512', () => {
    const { certificate: extended, notes } = extend('sha1', { years: 3 });
    expect(extended.signatureAlgorithm.digest).toBe('sha256');
    expect(notes.map(({ code }) => code)).toEqual(['hash-changed', 'serial-new']);
    expect(extend('sha512').certificate.signatureAlgorithm.digest).toBe('sha512');
  });

  it('notes an end beyond MySQL’s TIMESTAMP, and writes years from 2050 on as RFC 5280 asks', () => {
    const year = new Date(at).getUTCFullYear();
    expect(extend('ca', { years: 2037 - year }).notes.map(({ code }) => code)).toEqual(['serial-new']);
    const in2032 = Date.UTC(2032, 5, 1);
    const { certificate: late, notes } = extend('ca', { years: 20, at: in2032, keepSerial: true });
    expect(notes.map(({ code }) => code)).toEqual(['serial-kept', 'after-2038']);
    expect(late.der.includes(Buffer.from([0x18, 0x0f]))).toBe(true);
    expect(bench.certificate(late.der).notAfter).toBe(late.notAfter);
    expect(new Date(late.notAfter).getUTCFullYear()).toBe(2052);
  });

  it.each<[string, () => unknown, string]>([
    ['another key', () => extend('ca', { key: createPrivateKey(bench.read('other.key')) }), 'ca/key-differs'],
    ['an EC key', () => extend('ec', { key: createPrivateKey(bench.read('ec.key')) }), 'ca/not-rsa'],
    ['no CA', () => extend('leaf-only'), 'ca/not-a-ca'],
    ['a CA that may not sign', () => extend('no-signing'), 'ca/not-a-ca'],
    ['a sub CA', () => extend('sub', { key: createPrivateKey(bench.read('other.key')) }), 'ca/not-self-issued'],
    ['its own serial pinned', () => extend('pinned'), 'ca/serial-pinned'],
    ['no later end', () => extend('ca', { years: 1 }), 'ca/not-later'],
    ['no years', () => extend('ca', { years: 0 }), 'ca/years'],
    ['too many years', () => extend('ca', { years: 21 }), 'ca/years'],
    ['half a year', () => extend('ca', { years: 2.5 }), 'ca/years'],
    ['before it is valid', () => extend('ca', { at: Date.UTC(2020, 0, 1) }), 'ca/not-yet-valid'],
  ])('refuses %s', (_name, work, code) => {
    expect(codeOf(work)).toBe(code);
  });

  it('with its own serial pinned, keeps it', () => {
    bench.write('extended.pem', writePem('CERTIFICATE', extend('pinned', { keepSerial: true }).certificate.der));
    expect(bench.run('verify', '-CAfile', 'extended.pem', 'extended.pem').toString()).toBe('extended.pem: OK\n');
  });
});

describe('proveExtension', () => {
  const issued = (...names: string[]): { name: string; der: Buffer }[] =>
    names.map((name) => ({ name, der: certificate(name).der }));

  it('counts what verifies, once each, and names what was never this CA’s', async () => {
    const old = certificate('ca');
    const { certificate: extended } = extend('ca');
    expect(
      await proveExtension(old, extended, [
        ...issued('ca-device', 'ca-device', 'bare-device'),
        { name: 'damaged', der: Buffer.from('no certificate') },
      ]),
    ).toEqual({ proven: 1, lost: [], foreign: ['bare-device', 'damaged'] });
  });

  it('finds what names the CA’s serial number lost under a new one, as openssl does, and kept under the same', async () => {
    const old = certificate('ca');
    const changed = extend('ca').certificate;
    const kept = extend('ca', { keepSerial: true }).certificate;
    bench.write('changed.pem', writePem('CERTIFICATE', changed.der));
    bench.write('kept.pem', writePem('CERTIFICATE', kept.der));
    expect(() => bench.run('verify', '-CAfile', 'changed.pem', 'by-serial.pem')).toThrow();
    expect(bench.run('verify', '-CAfile', 'kept.pem', 'by-serial.pem').toString()).toContain('OK');
    expect(await proveExtension(old, changed, issued('by-serial'))).toMatchObject({ proven: 0, lost: ['by-serial'] });
    expect(await proveExtension(old, kept, issued('by-serial'))).toMatchObject({ proven: 1, lost: [] });
  });
});
