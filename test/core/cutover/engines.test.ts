/** The engines that lead devices: HAProxy over its real sockets, mdmproxy over its admin paths. On all instances or none. */
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openEngine, engineSettings, type EngineSettings } from '../../../src/core/cutover/engines';
import { checkSocket } from '../../../src/core/cutover/engines/haproxy-socket';
import { haproxyWaves } from '../../../src/core/cutover/haproxy-waves';
import { formatMap, parseMap, sha256Of } from '../../../src/core/cutover/route-map';
import { Secret } from '../../../src/core/secret';
import { ask, freePort, Haproxy, noHaproxy } from '../../servers/haproxy';
import { MdmProxy } from '../../servers/mdmproxy';
import { makeCertificate } from '../fleet/certificate';
import { failureOf } from '../fleet/target';

const A = '575424CB-09D7-4CAD-8A7A-D3511FE8A7E2';
const B = 'E5C6DBBA-D5CC-4DB6-9560-995F17FB7A59';
const C = '00008110-001A2B3C4D5E6F70';
const NONE: ReadonlySet<string> = new Set();

type HaproxyEntry = Extract<EngineSettings, { kind: 'haproxy' }>['instances'][number];

describe.skipIf(noHaproxy)('HAProxy', () => {
  const proxies = [new Haproxy(), new Haproxy()];
  const entry = (number: number, more: Partial<HaproxyEntry> = {}): HaproxyEntry => ({
    name: `lb${number + 1}`,
    map: proxies[number]!.path('map'),
    socket: proxies[number]!.socket,
    file: null,
    byHand: false,
    ...more,
  });
  const engine = (...instances: HaproxyEntry[]) =>
    openEngine({ kind: 'haproxy', instances: instances.length > 0 ? instances : [entry(0), entry(1)] });
  const running = async (number: number): Promise<string[]> => {
    const text = await ask(proxies[number]!.socket, `show map ${proxies[number]!.path('map')}`);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ').slice(1).join(' '))
      .sort();
  };
  const file = (number: number): string => readFileSync(proxies[number]!.path('map'), 'utf8');
  beforeAll(async () => {
    const own = makeCertificate({
      key: 'tls',
      subject: [{ shortName: 'CN', value: 'mdm.example.test' }],
      notAfter: Date.now() + 86_400_000,
    });
    for (const proxy of proxies) {
      writeFileSync(proxy.path('tls.pem'), own.pem + own.keyPem);
      writeFileSync(proxy.path('map'), '');
      const { text } = haproxyWaves({
        oldServer: 'micromdm',
        oldHost: 'mdm.example.test',
        oldUrl: 'http://127.0.0.1:9',
        fleetUrl: 'http://127.0.0.1:9',
        port: await freePort(),
        bind: '127.0.0.1',
        files: { certificate: proxy.path('tls.pem') },
        map: proxy.path('map'),
        socket: proxy.socket,
        memory: 1_073_741_824,
      });
      await proxy.start(text);
    }
  });
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));
  beforeEach(async () => {
    await engine().lead(NONE, NONE);
  });

  it('writes the files, then what runs, and reads both back', async () => {
    const reading = await engine().lead(new Set([A, B]), NONE);
    expect(reading.problems).toEqual([]);
    expect(reading.fleet).toEqual(new Set([A, B]));
    for (const number of [0, 1]) {
      expect(await running(number)).toEqual([`${A} fleet`, `${B} fleet`]);
      expect(file(number)).toBe(`${A} fleet\n${B} fleet\n`);
    }
    await proxies[1]!.restart();
    expect(await running(1)).toEqual([`${A} fleet`, `${B} fleet`]);
    expect((await engine().lead(new Set([B]), new Set([A, B]))).fleet).toEqual(new Set([B]));
    expect(await running(0)).toEqual([`${B} fleet`]);
  });

  it('leads 20,000 devices in one step', async () => {
    const many = new Set(Array.from({ length: 20_000 }, (_, number) => `DEVICE-${String(number).padStart(29, '0')}`));
    expect((await engine(entry(0)).lead(many, NONE)).fleet?.size).toBe(20_000);
    expect((await running(0)).length).toBe(20_000);
  });

  it('keeps the file’s mode, and lets HAProxy read a new one', async () => {
    chmodSync(proxies[0]!.path('map'), 0o640);
    rmSync(proxies[1]!.path('map'));
    await engine().lead(new Set([A]), NONE);
    expect(proxies.map((proxy) => (statSync(proxy.path('map')).mode & 0o777).toString(8))).toEqual(['640', '644']);
    chmodSync(proxies[0]!.path('map'), 0o644);
  });

  it('changes nothing when one of them does not answer', async () => {
    await engine().lead(new Set([A]), NONE);
    await proxies[1]!.stop();
    const failure = await failureOf(() => engine().lead(new Set([A, B]), new Set([A])));
    await proxies[1]!.start();
    expect(failure.code).toBe('haproxy/unreachable');
    for (const number of [0, 1])
      expect([await running(number), file(number)]).toEqual([[`${A} fleet`], `${A} fleet\n`]);
  });

  it.each([
    ['its map file cannot be written', { file: '/proc/nowhere/map' }, 'wave/map-file'],
    ['its map has another name', { map: '/etc/haproxy/other.map' }, 'haproxy/map-unknown'],
  ])('sets everything back when on one of them %s', async (_what, more, code) => {
    await engine().lead(new Set([A]), NONE);
    const failure = await failureOf(() => engine(entry(0), entry(1, more)).lead(new Set([B]), new Set([A])));
    expect([failure.code, failure.message.includes('No route was changed') || code === 'haproxy/map-unknown']).toEqual([
      code,
      true,
    ]);
    for (const number of [0, 1])
      expect([await running(number), file(number)]).toEqual([[`${A} fleet`], `${A} fleet\n`]);
  });

  it('tells instances that differ, files that lag behind, and entries of others', async () => {
    await engine().lead(new Set([A]), NONE);
    await ask(proxies[1]!.socket, `add map ${proxies[1]!.path('map')} ${B} fleet`);
    const differing = await engine().read();
    expect([differing.fleet, differing.problems.map(({ code }) => code)]).toEqual([
      null,
      ['stored-differs', 'instance-differs'],
    ]);
    await ask(proxies[1]!.socket, `del map ${proxies[1]!.path('map')} ${B}`);
    writeFileSync(proxies[0]!.path('map'), '# mine\n');
    expect((await engine().read()).problems.map(({ code, instance }) => [code, instance])).toEqual([
      ['stored-differs', 'lb1'],
    ]);
    await engine().lead(new Set([A]), NONE);
    await ask(proxies[0]!.socket, `add map ${proxies[0]!.path('map')} ${C} elsewhere`);
    expect((await engine().read()).problems.map(({ code }) => code)).toContain('foreign-entry');
    await engine().lead(new Set([A]), NONE);
    expect((await engine().read()).problems).toEqual([]);
  });

  it('counts requests by side', async () => {
    expect((await engine().read()).traffic).toEqual({ old: 0, fleet: 0 });
  });

  it('changes what runs only once a file carried by hand is there', async () => {
    const staged = proxies[1]!.path('staged');
    mkdirSync(staged, { recursive: true });
    const byHand = entry(1, { file: `${staged}/map`, byHand: true });
    const wanted = new Set([A, B]);
    const failure = await failureOf(() => engine(entry(0), byHand).lead(wanted, NONE));
    expect(failure.code).toBe('wave/copy-needed');
    // Ready to be carried; nothing else has changed.
    expect([readFileSync(byHand.file!, 'utf8'), file(0), await running(0), await running(1)]).toEqual([
      formatMap(wanted),
      '',
      [],
      [],
    ]);
    const wrong = await failureOf(() =>
      engine(entry(0), byHand).lead(wanted, NONE, { copied: () => Promise.resolve('ab'.repeat(32)) }),
    );
    expect(wrong.code).toBe('wave/copy-needed');
    const reading = await engine(entry(0), byHand).lead(wanted, NONE, {
      copied: ({ target, path, sha256 }) => {
        expect([target, path, sha256]).toEqual([byHand.map, byHand.file, sha256Of(formatMap(wanted))]);
        return Promise.resolve(sha256.toUpperCase());
      },
    });
    expect([reading.fleet, reading.problems]).toEqual([wanted, []]);
    writeFileSync(proxies[1]!.path('map'), formatMap(wanted));
  });

  it('speaks over unix sockets only', async () => {
    for (const socket of ['127.0.0.1:9999', 'localhost:9999', 'socket', '', '/a\nb', `/${'x'.repeat(120)}`])
      expect((await failureOf(() => checkSocket(socket))).code).toBe('haproxy/socket-not-unix');
    const settings = (more: object): unknown => ({ kind: 'haproxy', instances: [{ ...entry(0), ...more }] });
    expect(engineSettings.safeParse(settings({})).success).toBe(true);
    for (const wrong of [
      { socket: '127.0.0.1:9999' },
      { map: '/etc/map; shutdown' },
      { map: '/etc/map\nx' },
      { name: 'a b' },
    ])
      expect(engineSettings.safeParse(settings(wrong)).success).toBe(false);
  });
});

describe('mdmproxy', () => {
  const token = 'token-of-mdmproxy';
  const ports = () => 9;
  const proxies = [
    new MdmProxy({ token, old: ports, fleet: ports }),
    new MdmProxy({ token, bare: true, old: ports, fleet: ports }),
  ];
  beforeAll(() => Promise.all(proxies.map((proxy) => proxy.listen())));
  afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));
  beforeEach(() => {
    for (const proxy of proxies) {
      proxy.restarted();
      proxy.changes = [];
      proxy.failFrom = Infinity;
      proxy.breakOff = false;
    }
  });
  const engine = (secret: string | null = token, more: object = {}) =>
    openEngine(
      {
        kind: 'mdmproxy',
        instances: proxies.map(({ port }, number) => ({
          name: `proxy${number + 1}`,
          url: `http://127.0.0.1:${port}`,
          caFile: null,
          plainConfirmed: false,
          ...more,
        })),
      },
      secret === null ? {} : { token: new Secret('token', secret) },
    );

  it('gives every replica the whole list, then takes the percentage away', async () => {
    for (const proxy of proxies) proxy.restarted(50);
    const reading = await engine().lead(new Set([A, B, C]), NONE);
    expect([reading.fleet, reading.problems]).toEqual([null, []]);
    for (const proxy of proxies) {
      expect([proxy.udids, proxy.percentage]).toEqual([new Set([A, B, C]), 0]);
      expect(proxy.changes).toEqual(['/admin/udids', '/admin/percentage']);
    }
  });

  it('sets the first one back when the second fails', async () => {
    await engine().lead(new Set([A]), NONE);
    // Its second round: it takes the list, and nothing after it.
    proxies[1]!.failFrom = 4;
    const failure = await failureOf(() => engine().lead(new Set([A, B]), new Set([A])));
    expect([failure.code, failure.detail]).toEqual(['wave/routes-split', { instances: 'proxy2' }]);
    expect(proxies[0]!.udids).toEqual(new Set([A]));
  });

  it('says so when it is not known whether a change was taken', async () => {
    proxies[1]!.breakOff = true;
    expect((await failureOf(() => engine().lead(new Set([A]), NONE))).code).toBe('wave/routes-split');
    expect(proxies[0]!.udids).toEqual(new Set());
  });

  it.each([
    ['without a token', null, {}, 'mdmproxy/token-missing'],
    ['with another token', 'wrong', {}, 'mdmproxy/unauthorized'],
    ['over plain HTTP to another machine', token, { url: 'http://proxy.example.test' }, 'usage/plain-http'],
    ['with a secret in the address', token, { url: 'https://a:b@proxy.example.test' }, 'usage/secret-in-url'],
    ['that is something else', token, { url: 'ftp://proxy.example.test' }, 'usage/web-url'],
  ])('changes nothing %s', async (_how, secret, more, code) => {
    expect((await failureOf(() => engine(secret, more).lead(new Set([A]), NONE))).code).toBe(code);
    expect(proxies.map(({ udids }) => udids.size)).toEqual([0, 0]);
  });

  it('says which replica does not run', async () => {
    await proxies[1]!.close();
    const { problems } = await engine().read();
    expect(problems.map(({ code, instance }) => [code, instance])).toEqual([['not-readable', 'proxy2']]);
  });
});

describe('parseMap', () => {
  it('gives what formatMap wrote, and names what is not ours', () => {
    expect(parseMap(formatMap([B, A, C])).fleet).toEqual(new Set([A, B, C]));
    expect(parseMap(`# comment\n\n${A} fleet\r\n${B} old\nx fleet\n${C} fleet x\n`)).toEqual({
      fleet: new Set([A]),
      foreign: [`${B} old`, 'x fleet', `${C} fleet x`],
    });
  });
});
