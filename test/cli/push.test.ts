/** `slipway push`: the real built bundle; exit codes, files, and openssl's word on what is written. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OpensslBench, TOPIC } from '../core/inspector/openssl-bench';
import { sharedData } from '../shared-data';
import { AT, modeOf, Workstation, type Outcome } from './workstation';

const bench = new OpensslBench();
const small = sharedData('micromdm', 'small.db');
let desk: Workstation;

const push = (...args: string[]): Promise<Outcome> =>
  desk.slipway(['push', ...args.map((arg) => (arg.startsWith('@') ? bench.path(arg.slice(1)) : arg))]);
const codes = ({ json }: Outcome): string[] => (json as { notes: { code: string }[] }).notes.map(({ code }) => code);

beforeAll(() => {
  desk = new Workstation();
  bench.makeBasics();
  const reply = (name: string, key: string, topic: string): void =>
    bench.issue(name, key, `/UID=${topic}/CN=APSP:x/C=US`, 'inter', 'rsa3072.key', 'extendedKeyUsage=clientAuth', 366);
  reply('renewed', 'rsa-push.key', TOPIC);
  reply('created', 'rsa-push.key', 'com.apple.mgmt.External.new');
  reply('other', 'rsa-other.key', TOPIC);
  bench.issue('vendor', 'rsa.key', '/CN=MDM Vendor: Example', 'inter', 'rsa3072.key', 'keyUsage=digitalSignature');
  bench.write('chain.pem', Buffer.concat(['vendor.pem', 'inter.pem', 'root.pem'].map((name) => bench.read(name))));
});
afterAll(() => {
  desk.close();
  bench.close();
});

describe('slipway push assess', () => {
  it.each<[string, string[], number, string]>([
    ['all at hand', ['--key-file', '@rsa-push.key', '--certificate', '@push.pem'], 0, 'nothing'],
    ['request and key', ['--request', '@push.csr', '--key', '@rsa-push.key', '--topic', TOPIC], 0, 'download'],
    ['request without key', ['--request', '@push.csr', '--certificate', '@push.pem'], 1, 'renew-new-key'],
    ['a key that does not fit', ['--request', '@push.csr', '--key', '@rsa.key', '--topic', TOPIC], 1, 'renew-new-key'],
    ['no topic', ['--request', '@push.csr', '--key-file', '@rsa-push.key'], 1, 'unknown-topic'],
  ])('%s', async (_name, args, code, way) => {
    const told = await push('assess', ...args, '--json');
    expect(told.code, told.text).toBe(code);
    expect(told.json).toMatchObject({ schema: 1, way });
    const shown = await push('assess', ...args);
    expect(shown.code).toBe(code);
    expect(shown.stdout).toMatch(/^1\. /m);
  });

  it.skipIf(small === null)('takes topic, certificate and key from a source', async () => {
    const told = await push('assess', '--source', `micromdm:${small ?? ''}`, '--at', AT, '--json');
    expect(told.code, told.text).toBe(0);
    expect(told.json).toMatchObject({ way: 'nothing', sameTopic: 'yes' });
  });
});

describe('slipway push request', () => {
  it('makes a key and a request, 0600, never overwriting; the key is shown nowhere', async () => {
    const [key, out] = [desk.path('new.key'), desk.path('new.csr')];
    const args = ['--new-key-file', key, '--out', out, '--common-name', 'Example MDM', '--country', 'US'];
    const done = await push('request', ...args, '--json');
    expect(done.code, done.text).toBe(0);
    expect(done.json).toEqual({ schema: 1, request: out, newKey: key, portal: null, send: out, to: 'vendor' });
    expect([modeOf(key), modeOf(out)]).toEqual(['600', '600']);
    expect(done.text).not.toContain('PRIVATE');
    bench.run('req', '-in', out, '-verify', '-noout');
    expect(bench.run('req', '-in', out, '-noout', '-pubkey').toString()).toBe(
      bench.run('pkey', '-in', key, '-pubout').toString(),
    );
    const before = readFileSync(key);
    const again = await push('request', ...args, '--json');
    expect([again.code, again.error.code]).toEqual([2, 'file/exists']);
    expect(readFileSync(key)).toEqual(before);
  });

  it('signs an existing request as a vendor, as the inspector verifies it', async () => {
    const out = desk.path('portal.b64');
    const own = ['--request', '@push.csr', '--key-file', '@rsa-push.key', '--portal-file', out];
    const done = await push('request', ...own, '--vendor-certificate', '@chain.pem', '--vendor-key-file', '@rsa.key');
    expect(done.code, done.text).toBe(0);
    expect(modeOf(out)).toBe('600');
    const { json } = await desk.slipway(['inspect', out, '--json']);
    expect((json as { items: object[] }).items[0]).toMatchObject({
      kind: 'push-request',
      problems: [],
      facts: { signatureValid: true, chainLinked: true },
    });
  });

  const exists = ['--request', '@push.csr', '--out', '-OUT'];
  const vendor = ['--vendor-certificate', '@chain.pem', '--vendor-key-file', '@rsa.key', '--portal-file', '-PORTAL'];
  it.each<[string, string[], number, string]>([
    ['no key', exists, 2, 'usage/no-key'],
    ['another key', [...exists, '--key-file', '@rsa.key'], 1, 'push/request-unfit'],
    ['an EC key', ['--out', '-OUT', '--key-file', '@p256.key'], 1, 'push/key-unfit'],
    ['no file', ['--new-key-file', '-KEY'], 2, 'usage/no-out'],
    ['one file twice', ['--new-key-file', '-OUT', '--out', '-OUT'], 2, 'usage/same-file'],
    ['half a vendor', ['--new-key-file', '-KEY', '--out', '-OUT', '--portal-file', '-PORTAL'], 2, 'usage/vendor'],
    ['no request', ['--request', '@rsa.key', '--key-file', '@rsa.key', '--out', '-OUT'], 3, 'request/unreadable'],
    [
      'a vendor key that does not fit',
      [...vendor.with(3, '@rsa-other.key'), '--new-key-file', '-KEY', '--out', '-OUT'],
      1,
      'push/vendor-key-differs',
    ],
    [
      'a vendor without chain',
      [...vendor.with(1, '@vendor.pem'), '--new-key-file', '-KEY', '--out', '-OUT'],
      1,
      'push/vendor-chain',
    ],
    [
      'an option of check',
      ['--certificate', '@push.pem', '--new-key-file', '-KEY', '--out', '-OUT'],
      2,
      'usage/option',
    ],
  ])('refuses %s, and writes nothing', async (_name, args, code, wanted) => {
    const named = args.map((arg) => (/^-[A-Z]+$/.test(arg) ? desk.path(`refused${arg}`) : arg));
    const done = await push('request', ...named, '--json');
    expect([done.code, done.error.code]).toEqual([code, wanted]);
    for (const name of ['-OUT', '-KEY', '-PORTAL']) expect(existsSync(desk.path(`refused${name}`))).toBe(false);
  });
});

describe('slipway push check', () => {
  const sent = ['--request', '@push.csr', '--key-file', '@rsa-push.key'];
  const old = ['--certificate', '@push.pem'];

  it.each<[string, string, string[], number, string[]]>([
    ['the renewed one', '@renewed.pem', [...sent, ...old], 0, ['fits']],
    ['without the key at hand', '@renewed.pem', ['--request', '@push.csr', ...old], 0, ['key-missing']],
    ['“Create”', '@created.pem', [...sent, ...old], 1, ['topic-changed']],
    ['another topic than given', '@created.pem', [...sent, '--topic', TOPIC], 1, ['topic-differs']],
    ['for another key', '@other.pem', [...sent, ...old], 1, ['request-differs', 'key-differs']],
    ['the old one again', '@push.pem', [...sent, ...old], 1, ['same-certificate']],
    ['nothing to compare the topic with', '@renewed.pem', sent, 1, ['topic-unproven']],
    ['neither key nor request', '@renewed.pem', old, 1, ['key-missing']],
  ])('%s', async (_name, reply, args, code, wanted) => {
    const told = await push('check', reply, ...args, '--json');
    expect(told.code, told.text).toBe(code);
    expect(told.json).toMatchObject({ schema: 1, ok: code === 0 });
    expect(codes(told)).toEqual(wanted);
    const file = bench.path(reply.slice(1));
    const { serial } = told.json as { serial: string };
    expect(bench.run('x509', '-in', file, '-noout', '-serial').toString()).toBe(`serial=${serial}\n`);
    const shown = await push('check', reply, ...args);
    expect(shown.code).toBe(code);
    expect(shown.stdout).toContain(code === 0 ? 'It may replace the old one.' : 'Do not use it.');
  });

  it('needs a certificate', async () => {
    const none = await push('check', '--json');
    expect([none.code, none.error.code]).toEqual([2, 'usage/no-files']);
    const garbage = await push('check', desk.file('garbage', 'hello'), ...sent, '--json');
    expect([garbage.code, garbage.error.code]).toEqual([3, 'certificate/not-der']);
  });
});
