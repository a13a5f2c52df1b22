/** Without the APNs key: what can be done, what is sent, and what is refused when it comes back. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCertificate, type Certificate } from '../../../src/core/certificates/der';
import { readPem } from '../../../src/core/certificates/pem';
import { readRequest, type CertificateRequest } from '../../../src/core/certificates/request';
import {
  assessPushRequest,
  checkPushReply,
  inspectFiles,
  makePushRequest,
  writePushRequest,
} from '../../../src/core/inspector';
import { OpensslBench, TOPIC } from './openssl-bench';

const bench = new OpensslBench();
const at = Date.now() + 60_000;
const DAY = 86_400_000;
const CN = 'APSP:0f8cbbd1-5e4b-4b3b-8a3e-1d3c7a2b9f10';
let key: KeyObject;
let otherKey: KeyObject;
let old: Certificate;
let csr: CertificateRequest;

const certificate = (name: string): Certificate => readCertificate(readPem(bench.read(name))[0]!.der)!;
const codes = ({ notes }: { notes: readonly { code: string }[] }): string[] => notes.map(({ code }) => code);

beforeAll(() => {
  bench.makeBasics();
  key = createPrivateKey(bench.read('rsa-push.key'));
  otherKey = createPrivateKey(bench.read('rsa-other.key'));
  old = certificate('push.pem');
  csr = readRequest(readPem(bench.read('push.csr'))[0]!.der)!;
  bench.issue(
    'renewed',
    'rsa-push.key',
    `/UID=${TOPIC}/CN=${CN}/C=US`,
    'inter',
    'rsa3072.key',
    'extendedKeyUsage=clientAuth',
    366,
  );
  bench.issue(
    'created',
    'rsa-push.key',
    '/UID=com.apple.mgmt.External.new/CN=APSP:new/C=US',
    'inter',
    'rsa3072.key',
    'extendedKeyUsage=clientAuth',
    366,
  );
  bench.selfSigned('forged', 'rsa-push.key', `/UID=${TOPIC}/CN=${CN}/C=US`, 366);
});
afterAll(() => bench.close());

describe('what can be done', () => {
  const topics = [TOPIC];
  it.each([
    ['certificate and key are here', () => ({ key, oldCertificate: old }), 'nothing'],
    ['request and key, no certificate', () => ({ key, csr }), 'download'],
    [
      'request and key, another certificate',
      () => ({ key: otherKey, csr: requestOf(otherKey), oldCertificate: old }),
      'renew',
    ],
    ['certificate and key, but expired', () => ({ key, csr, oldCertificate: old, at: at + 370 * DAY }), 'renew'],
    ['request without key', () => ({ csr, oldCertificate: old }), 'renew-new-key'],
    ['request with another key', () => ({ csr, key: otherKey, oldCertificate: old }), 'renew-new-key'],
    ['only the certificate', () => ({ oldCertificate: old }), 'renew-new-key'],
  ] as const)('%s', (_name, material, way) => {
    const found = assessPushRequest({ deviceTopics: topics, at, ...material() });
    expect(found).toMatchObject({ way, topic: TOPIC, sameTopic: way === 'nothing' ? 'yes' : 'account' });
    expect(found.requestPem !== null).toBe(way === 'renew' || way === 'download');
    expect(found.steps.length).toBeGreaterThan(0);
  });

  it('says what it does not know', () => {
    expect(assessPushRequest({ csr, key, deviceTopics: [], at })).toMatchObject({
      way: 'unknown-topic',
      topic: null,
      sameTopic: 'unknown',
    });
    expect(codes(assessPushRequest({ csr, deviceTopics: ['a', 'b'], at }))).toEqual(
      expect.arrayContaining(['several-topics', 'request-without-key', 'old-certificate-missing']),
    );
    expect(codes(assessPushRequest({ oldCertificate: old, deviceTopics: ['x'], at }))).toContain('topic-differs');
    expect(codes(assessPushRequest({ oldCertificate: old, deviceTopics: [TOPIC], at: at + 500 * DAY }))).toContain(
      'expired-long',
    );
  });

  it('a changed request is not sent', () => {
    const bytes = Buffer.from(csr.der);
    bytes.writeUInt8(bytes[bytes.length - 1]! ^ 1, bytes.length - 1);
    const found = assessPushRequest({ csr: readRequest(bytes), key, deviceTopics: [TOPIC], at });
    expect(codes(found)).toContain('request-damaged');
    expect(found.requestPem).toBeNull();
  });
});

describe('a new request', () => {
  it('openssl verifies it, and its key is PKCS#1', async () => {
    const made = await makePushRequest({ commonName: 'Example MDM push', country: 'US', email: 'ops@example.com' });
    bench.write('new.csr', made.csrPem);
    bench.write('new.key', made.key.revealText());
    expect(made.key.revealText()).toContain('BEGIN RSA PRIVATE KEY');
    bench.run('req', '-in', 'new.csr', '-verify', '-noout');
    expect(bench.run('req', '-in', 'new.csr', '-noout', '-subject', '-nameopt', 'RFC2253').toString()).toBe(
      'subject=C=US,CN=Example MDM push,emailAddress=ops@example.com\n',
    );
    expect(bench.run('req', '-in', 'new.csr', '-noout', '-pubkey').toString()).toBe(
      bench.run('pkey', '-in', 'new.key', '-pubout').toString(),
    );
    expect(JSON.stringify(made)).not.toContain('PRIVATE');
  });

  it('signed by a vendor it is what the inspector (and openssl) verify; changed, it is not', async () => {
    const chain = ['leaf.pem', 'inter.pem', 'root.pem'].map(certificate);
    const text = writePushRequest(csr.der, createPrivateKey(bench.read('rsa.key')), chain);
    const good = await inspectFiles(
      [{ name: 'push.b64', bytes: Buffer.from(text) }, { path: bench.path('rsa-push.key') }],
      { at },
    );
    expect(good.items[0]).toMatchObject({
      kind: 'push-request',
      problems: [],
      facts: { signatureValid: true, signatureDigest: 'sha256', chainLength: 3, chainLinked: true },
    });
    expect(good.items.map(({ kind, parent }) => [kind, parent])).toEqual([
      ['push-request', null],
      ['request', 0],
      ['certificate', 0],
      ['certificate', 0],
      ['certificate', 0],
      ['key', null],
    ]);
    expect(good.groups).toContainEqual([1, 5]);
    const plist = Buffer.from(text, 'base64').toString();
    const signature = /PushCertSignature<\/key>\n<string>(.*)<\/string>/.exec(plist)![1]!;
    bench.write('signature', Buffer.from(signature, 'base64'));
    bench.write('signed', csr.der);
    bench.run('x509', '-in', 'leaf.pem', '-noout', '-pubkey', '-out', 'vendor.pub');
    expect(
      bench.run('dgst', '-sha256', '-verify', 'vendor.pub', '-signature', 'signature', 'signed').toString(),
    ).toContain('OK');
    const bad = await inspectFiles(
      [{ name: 'x', bytes: Buffer.from(plist.replace(signature, signature.replace(/^../, 'AA'))) }],
      { at },
    );
    expect(bad.items[0]?.problems.map(({ code }) => code)).toEqual(['push-request-signature-wrong']);
    const bare = await inspectFiles(
      [
        {
          name: 'x',
          bytes: Buffer.from(
            `<plist><dict><key>PushCertRequestCSR</key><string>${csr.der.toString('base64')}</string></dict></plist>`,
          ),
        },
      ],
      { at },
    );
    expect(bare.items[0]?.problems.map(({ code }) => code)).toEqual([
      'push-request-incomplete',
      'push-request-incomplete',
    ]);
  });

  it('as mdmcert.download sends it back: hex of an encrypted base64 property list', async () => {
    bench.write(
      'reply',
      writePushRequest(
        csr.der,
        createPrivateKey(bench.read('rsa.key')),
        ['leaf.pem', 'inter.pem', 'root.pem'].map(certificate),
      ),
    );
    const cms = bench.run('cms', '-encrypt', '-binary', '-in', 'reply', '-aes256', '-outform', 'DER', 'push.pem');
    const { items } = await inspectFiles(
      [{ name: 'reply.plist.b64.p7', bytes: Buffer.from(cms.toString('hex')) }, { path: bench.path('rsa-push.key') }],
      { at },
    );
    expect(items.map(({ kind }) => kind)).toEqual([
      'message',
      'key',
      'push-request',
      'request',
      'certificate',
      'certificate',
      'certificate',
    ]);
  });
});

describe('what comes back', () => {
  const check = (name: string, more: object = {}): ReturnType<typeof checkPushReply> =>
    checkPushReply({ newCertificate: certificate(name), key, oldCertificate: old, deviceTopics: [TOPIC], at, ...more });

  it('the renewed one is right', () => {
    expect(check('renewed.pem')).toMatchObject({ ok: true, topic: TOPIC, notes: [{ code: 'fits' }] });
  });

  it.each([
    ['“Create” instead of “Renew”', () => check('created.pem'), ['topic-differs', 'topic-changed']],
    ['another key', () => check('renewed.pem', { key: otherKey }), ['key-differs']],
    ['no key', () => check('renewed.pem', { key: null }), ['key-missing']],
    ['the old one again', () => check('push.pem'), ['same-certificate']],
    ['no push certificate', () => check('leaf.pem'), ['topic-missing', 'key-differs', 'not-newer']],
    ['expired', () => check('renewed.pem', { at: at + 400 * DAY }), ['expired']],
    ['from the future', () => check('renewed.pem', { at: at - 2 * DAY }), ['not-yet-valid']],
  ] as const)('%s', (_name, run, wanted) => {
    const found = run();
    expect(found.ok).toBe(false);
    expect(codes(found)).toEqual(wanted);
  });

  it('another issuer is a warning: Apple changes its own', () => {
    const found = check('forged.pem');
    expect(found.ok).toBe(true);
    expect(codes(found)).toEqual(['issuer-differs']);
  });
});

function requestOf(from: KeyObject): CertificateRequest {
  bench.write('from.key', from.export({ type: 'pkcs1', format: 'pem' }));
  bench.run('req', '-new', '-key', 'from.key', '-subj', '/CN=from', '-out', 'from.csr');
  return readRequest(readPem(bench.read('from.csr'))[0]!.der)!;
}
