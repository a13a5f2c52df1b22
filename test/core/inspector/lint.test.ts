/** What belongs together, roles, chains, and everything the inspector has to say, one cause at a time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare, csv, inspectFiles, listing, type Inspection, type InspectInput } from '../../../src/core/inspector';
import { OpensslBench, TOPIC } from './openssl-bench';

const bench = new OpensslBench();
const DAY = 86_400_000;
let at = 0;
beforeAll(() => {
  bench.makeBasics();
  at = Date.now() + 60_000;
});
afterAll(() => bench.close());

function inspect(
  names: (string | InspectInput)[],
  options: { at?: number; topics?: string[] } = {},
): Promise<Inspection> {
  return inspectFiles(
    names.map((name) => (typeof name === 'string' ? { path: bench.path(name) } : name)),
    { at: options.at ?? at, ...(options.topics ? { snapshotTopics: options.topics } : {}) },
  );
}

/** `file: code, code` for each item, without the codes that only say what is not at hand. */
function said({ items }: Inspection): string[] {
  return items.map(({ file, problems }) =>
    [file.split('/').at(-1), ...problems.map(({ code }) => code).filter((code) => code !== 'chain-incomplete')].join(
      ' ',
    ),
  );
}

describe('what belongs together', () => {
  it('key, certificate and request by public key; issuers by signature', async () => {
    const { items, groups, links } = await inspect([
      'rsa.key',
      'leaf.pem',
      'plain.csr',
      'inter.pem',
      'root.pem',
      'rsa-other.key',
      'device.pem',
    ]);
    expect(groups).toEqual([[0, 1, 2], [3], [4], [5], [6]]);
    expect(links).toEqual([
      { certificate: 1, issuer: 3 },
      { certificate: 3, issuer: 4 },
      { certificate: 6, issuer: 4 },
    ]);
    expect(items.map(({ role }) => role)).toEqual([
      'tls-server',
      'tls-server',
      'tls-server',
      'ca',
      'scep-ca',
      'unknown',
      'identity',
    ]);
    expect(items[1]?.chain).toEqual({ state: 'complete', path: [1, 3, 4] });
    expect(items[4]?.chain?.state).toBe('self-signed');
  });

  it('a CA of the right name with the wrong key is not the issuer', async () => {
    bench.selfSigned(
      'false-root',
      'rsa-other.key',
      '/C=US/O=Example/CN=Example SCEP CA',
      4000,
      ['basicConstraints=critical,CA:TRUE'],
      ['-addext', 'subjectKeyIdentifier=none'],
    );
    // Without a key id only the signature tells them apart.
    bench.issue(
      'no-id',
      'rsa.key',
      '/CN=no id',
      'root',
      'rsa-ca.key',
      'basicConstraints=CA:FALSE\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none',
    );
    const wrong = await inspect(['no-id.pem', 'false-root.pem']);
    expect(wrong.items[0]).toMatchObject({ chain: { state: 'broken', path: [0] } });
    expect(said(wrong)[0]).toBe('no-id.pem signature-differs');
    const both = await inspect(['no-id.pem', 'false-root.pem', 'root.pem']);
    expect(both.items[0]?.chain).toEqual({ state: 'complete', path: [0, 2] });
    expect(both.links).toEqual([{ certificate: 0, issuer: 2 }]);
  });

  it('the same thing in several files is one item', async () => {
    bench.run('x509', '-in', 'push.pem', '-outform', 'DER', '-out', 'push.der');
    bench.run('pkcs8', '-topk8', '-nocrypt', '-in', 'rsa-push.key', '-out', 'push.p8');
    bench.run('rsa', '-in', 'rsa-push.key', '-traditional', '-out', 'push.p1');
    const { items } = await inspect(['push.pem', 'push.der', 'push.p8', 'push.p1']);
    expect(items.map(({ kind, alsoIn, facts }) => [kind, alsoIn.length, facts['forms']])).toEqual([
      ['certificate', 1, undefined],
      ['key', 1, ['pkcs8', 'pkcs1']],
    ]);
    expect(items[1]?.problems).toEqual([]);
  });
});

describe('push certificates', () => {
  it('topic, environment, and the devices’ topics', async () => {
    const own = await inspect(['push.pem', 'rsa-push.key'], { topics: [TOPIC] });
    expect(own.items[0]).toMatchObject({ role: 'push-certificate', topic: TOPIC, environment: 'production' });
    expect(said(own)).toEqual(['push.pem', 'rsa-push.key key-not-pkcs1']);
    const other = await inspect(['push.pem', 'rsa-push.key'], { topics: ['com.apple.mgmt.External.other'] });
    expect(said(other)[0]).toBe('push.pem topic-differs');
  });

  it('without a UID there is no topic', async () => {
    bench.selfSigned('no-topic', 'rsa-push.key', '/CN=APSP:1234', 300);
    const found = await inspect(['no-topic.pem', 'rsa-push.key']);
    expect(said(found)[0]).toBe('no-topic.pem topic-missing');
    expect(found.items[0]?.topic).toBe('com.apple.mgmt.External.1234');
  });

  it('must be RSA', async () => {
    bench.selfSigned('ec-push', 'p256.key', `/UID=${TOPIC}/CN=APSP:x`, 300);
    expect(said(await inspect(['ec-push.pem', 'p256.key']))).toEqual([
      'ec-push.pem not-rsa-for-fleet',
      'p256.key not-rsa-for-fleet',
    ]);
  });
});

describe('dates', () => {
  it.each([
    [0, 'push.pem'],
    [340 * DAY, 'push.pem expiring-30'],
    [400 * DAY, 'push.pem expired'],
    [-2 * DAY, 'push.pem not-yet-valid'],
  ])('%d ms from now', async (shift, wanted) => {
    expect(said(await inspect(['push.pem', 'rsa-push.key'], { at: at + shift }))[0]).toBe(wanted);
  });
});

describe('CAs', () => {
  it('under five years left; not a CA at all', async () => {
    bench.selfSigned('short', 'rsa-ca.key', '/CN=Short SCEP CA', 1800, ['basicConstraints=critical,CA:TRUE']);
    bench.selfSigned('long', 'rsa-ca.key', '/CN=Long SCEP CA', 1830, ['basicConstraints=critical,CA:TRUE']);
    bench.selfSigned(
      'no-ca',
      'rsa-ca.key',
      '/CN=Old SCEP CA',
      3000,
      [],
      ['-extensions', 'none', '-config', bench.write('none.cnf', '[req]\ndistinguished_name=dn\n[dn]\n[none]\n')],
    );
    expect(said(await inspect(['short.pem', 'long.pem', 'no-ca.pem', 'rsa-ca.key']))).toEqual([
      'short.pem ca-under-five-years',
      'long.pem',
      'no-ca.pem ca-not-a-ca',
      'rsa-ca.key key-not-pkcs1',
    ]);
  });

  it('a certificate that issued others without saying that it may', async () => {
    bench.selfSigned(
      'plain',
      'rsa-other.key',
      '/CN=plain root',
      3000,
      [],
      ['-extensions', 'none', '-config', bench.path('none.cnf')],
    );
    bench.issue('below', 'p256.key', '/CN=MDM Identity', 'plain', 'rsa-other.key', 'extendedKeyUsage=clientAuth');
    const found = await inspect(['plain.pem', 'below.pem', 'rsa-other.key']);
    expect(found.items.map(({ role }) => role)).toEqual(['scep-ca', 'identity', 'scep-ca']);
    expect(said(found)[0]).toBe('plain.pem ca-not-a-ca');
  });
});

describe('keys and hashes', () => {
  it('weak keys, weak and broken hashes', async () => {
    bench.sh('genrsa -out small.key 1024');
    bench.selfSigned('small', 'small.key', '/CN=small', 300);
    bench.selfSigned('sha1', 'rsa.key', '/CN=sha1', 300, [], ['-sha1']);
    bench.selfSigned('md5', 'rsa.key', '/CN=md5', 300, [], ['-md5']);
    bench.run('req', '-new', '-sha1', '-key', 'rsa.key', '-subj', '/CN=r', '-out', 'sha1.csr');
    expect(said(await inspect(['small.pem', 'sha1.pem', 'md5.pem', 'sha1.csr']))).toEqual([
      'small.pem weak-key',
      'sha1.pem weak-hash',
      'md5.pem broken-hash',
      'sha1.csr weak-hash',
    ]);
  });

  it('a key beside a certificate it does not fit: in one file, by name, and as the only two', async () => {
    bench.write('both.pem', Buffer.concat([bench.read('leaf.pem'), bench.read('rsa-other.key')]));
    expect(said(await inspect(['both.pem', 'root.pem']))).toEqual([
      'both.pem key-differs',
      'both.pem key-differs',
      'root.pem key-missing',
    ]);
    bench.write('site.crt', bench.read('leaf.pem'));
    bench.write('site-key.pem', bench.read('rsa-other.key'));
    expect(said(await inspect(['site.crt', 'site-key.pem', 'root.pem']))).toEqual([
      'site.crt key-differs',
      'site-key.pem key-differs',
      'root.pem key-missing',
    ]);
    expect(said(await inspect(['push.pem', 'rsa-other.key']))).toEqual([
      'push.pem key-missing key-differs',
      'rsa-other.key key-differs',
    ]);
    expect(said(await inspect(['push.pem', 'rsa-other.key', 'root.pem']))).toEqual([
      'push.pem key-missing',
      'rsa-other.key',
      'root.pem key-missing',
    ]);
  });

  it('a request that was changed', async () => {
    const der = bench.run('req', '-in', 'plain.csr', '-outform', 'DER');
    der.write('PLAIN', der.indexOf('plain'));
    expect(said(await inspect([{ name: 'r', bytes: der }]))).toEqual(['r self-signature-wrong']);
  });

  it('encryption that protects nothing', async () => {
    bench.run(
      'pkcs12',
      '-export',
      '-legacy',
      '-in',
      'leaf.pem',
      '-inkey',
      'rsa.key',
      '-passout',
      'pass:',
      '-out',
      'old.p12',
    );
    expect(said(await inspect(['old.p12']))[0]).toBe('old.p12 weak-encryption');
  });
});

describe('TLS', () => {
  it('self-signed, nameless, too long', async () => {
    bench.selfSigned('tls', 'rsa.key', '/CN=mdm', 1000, ['subjectAltName=DNS:mdm.example.com']);
    bench.selfSigned('nameless', 'rsa.key', '/CN=mdm', 300, ['extendedKeyUsage=serverAuth']);
    expect(said(await inspect(['tls.pem', 'nameless.pem', 'rsa.key']))).toEqual([
      'tls.pem self-signed-tls tls-too-long',
      'nameless.pem self-signed-tls tls-name-missing',
      'rsa.key',
    ]);
  });
});

describe('comparing and listing', () => {
  it('shows only what differs', async () => {
    bench.selfSigned('renewed', 'rsa-ca.key', '/C=US/O=Example/CN=Example SCEP CA', 5000, [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=keyCertSign,cRLSign',
    ]);
    const { items } = await inspect(['root.pem', 'renewed.pem', 'push.pem']);
    const fields = compare(items[0]!, items[1]!).map(({ field }) => field);
    expect(fields.filter((field) => field !== 'notBefore')).toEqual(['serial', 'notAfter', 'sha256', 'sha1']);
    expect(compare(items[0]!, items[0]!)).toEqual([]);
    expect(compare(items[0]!, items[2]!).find(({ field }) => field === 'topic')).toEqual({
      field: 'topic',
      a: '—',
      b: TOPIC,
    });
  });

  it('as JSON keeps the contract', async () => {
    const found = await inspect(['push.pem', 'rsa.key']);
    const { schema, items, groups, findings } = listing(found);
    expect([schema, groups]).toEqual([1, [[0], [1]]]);
    expect(Object.keys(items[0]!).slice(0, 12)).toEqual([
      'file',
      'kind',
      'role',
      'subject',
      'issuer',
      'serial',
      'notBefore',
      'notAfter',
      'sha256',
      'keyType',
      'keyBits',
      'topic',
    ]);
    expect(items[0]!.notAfter).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(items[1]).not.toHaveProperty('topic');
    expect(items[0]!.problems).toEqual(['chain-incomplete', 'key-missing', 'key-differs']);
    expect(findings[1]).toMatchObject({ item: 0, code: 'key-missing', severity: 'warning' });
    expect(JSON.stringify(listing(found))).not.toContain('PRIVATE');
  });

  it('as CSV cannot start a formula', async () => {
    bench.selfSigned(
      'evil',
      'p256.key',
      '/CN=x',
      300,
      [],
      ['-config', bench.write('evil.cnf', '[req]\ndistinguished_name=dn\nstring_mask=utf8only\n[dn]\n')],
    );
    const found = await inspectFiles([{ name: '=cmd|\' /C calc\'!A1,"x"', bytes: bench.read('evil.pem') }], { at });
    const [, line] = csv(found).split('\r\n');
    expect(line).toMatch(/^"'=cmd\|' \/C calc'!A1,""x""",,certificate,/);
    expect(csv(found).endsWith('\r\n')).toBe(true);
  });
});
