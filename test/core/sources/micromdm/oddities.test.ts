/** Every odd case of spec/micromdm.md section 8 that reading alone can see, in databases made for it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyIssuers } from '../../../../src/core/certificates/issuer';
import { readMicroMdm } from '../../../../src/core/sources/micromdm';
import { requestTypeOf } from '../../../../src/core/sources/command-payload';
import { platformOf } from '../../../../src/core/sources/platform';
import type { Snapshot, SourceDevice } from '../../../../src/core/sources/snapshot';
import { writeBolt } from '../../../bolt-writer';
import {
  protobuf,
  writeMicroMdm,
  type DeviceSpec,
  type MicroMdmOptions,
  type WrittenMicroMdm,
} from '../../../micromdm-writer';
import { subjectsOf } from './manifest';

let folder: string;
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-odd-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DAY = 86_400_000;
const at = Date.UTC(2026, 10, 24, 2);
const UDID = 'AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE';

async function read(options: MicroMdmOptions, salvage = false): Promise<Snapshot & { written: WrittenMicroMdm }> {
  const written = writeMicroMdm(join(folder, `${count++}.db`), options);
  return { ...(await readMicroMdm(written.path, { at, salvage })), written };
}

async function one(spec: DeviceSpec, options: MicroMdmOptions = {}): Promise<SourceDevice> {
  const { devices } = await read({ ...options, extra: [spec] });
  return devices.at(0) as SourceDevice;
}

const reasonsOf = (device: SourceDevice | undefined): string[] =>
  (device?.reasons ?? []).map(({ severity, code }) => `${severity} ${code}`);
const codesOf = (snapshot: Snapshot): string[] => snapshot.findings.map(({ severity, code }) => `${severity} ${code}`);

describe('a device', () => {
  it.each<[string, DeviceSpec, string[]]>([
    ['ordinary', {}, []],
    ['known from DEP only', { udid: null }, []],
    ['whose record names another id', { uuid: 'other' }, ['note record-key-mismatch']],
    ['whose push record names another id', { push: { udid: 'other' } }, ['note record-key-mismatch']],
    ['with a name that is not UTF-8', { rawName: Buffer.from([65, 0xff]) }, ['caution invalid-utf8']],
    ['whose token differs in the record', { recordPush: { token: 'ff' } }, ['note push-info-differs']],
    ['whose magic differs in the record', { recordPush: { magic: 'x' } }, ['note push-info-differs']],
    ['without push record', { push: false, recordPush: {} }, ['caution push-from-device-record']],
    ['without any push information', { push: false }, []],
    [
      'with base64 for a bootstrap token',
      { bootstrapToken: Buffer.from('QUJDREVGR0hJSktMTU5PUFFS') },
      ['note bootstrap-token-text'],
    ],
    ['with a short bootstrap token', { bootstrapToken: Buffer.from('QUJD') }, []],
    ['with an unlock token that is not hex', { unlockToken: 'abcg' }, ['block unlock-token-not-hex']],
    ['with half a byte of unlock token', { unlockToken: 'abc' }, ['block unlock-token-not-hex']],
    ['a phone without unlock token', { kind: 'iphone', unlockToken: '' }, ['note unlock-token-absent']],
    ['without product name', { productName: '' }, ['note platform-inferred']],
    ['missing from the index', { index: false }, ['note udid-index-missing']],
    ['whose index entry leads nowhere', { index: 'gone' }, ['note udid-index-missing']],
    ['seen before 1970', { lastSeen: -5n }, ['note last-seen-absurd']],
    ['seen in two days', { lastSeen: at + 2 * DAY }, ['note last-seen-absurd']],
    ['with a hash of 31 bytes', { certificate: { hash: Buffer.alloc(31) } }, ['block certificate-hash-malformed']],
    [
      'whose certificate is none',
      { certificate: { bytes: Buffer.from([0x30, 2, 5, 0]) } },
      ['caution certificate-unreadable'],
    ],
    [
      'whose push record is in lower case',
      { udid: UDID, push: { key: UDID.toLowerCase() } },
      ['block udid-case-differs'],
    ],
    [
      'whose hash is in lower case',
      { udid: UDID, certificate: { key: UDID.toLowerCase() } },
      ['block udid-case-differs'],
    ],
  ])('%s', async (_what, spec, expected) => expect(reasonsOf(await one(spec))).toEqual(expected));

  it('keeps its own UDID where the others write it in another case, and gets their records', async () => {
    const lower = UDID.toLowerCase();
    const snapshot = await read({
      extra: [{ udid: UDID, recordPush: {}, push: { key: lower, token: 'ab' }, certificate: { key: lower } }],
    });
    const [device] = snapshot.devices;
    expect(device).toMatchObject({
      udid: UDID,
      push: { from: 'push-info', tokenHex: 'ab' },
      certificate: { inDepot: true },
    });
    expect(reasonsOf(device)).toEqual(['block udid-case-differs']);
    expect(codesOf(snapshot)).toEqual([]);
  });

  it('without push record is pushed with its own token and the certificate’s topic', async () => {
    const { devices, written } = await read({ extra: [{ push: false, recordPush: { token: 'aa', magic: 'M' } }] });
    expect(devices.at(0)?.push).toMatchObject({ from: 'device-record', tokenHex: 'aa', topic: written.topic });
    expect(devices.at(0)?.push?.magic.revealText()).toBe('M');
  });

  it('has no last contact when it is absurd, and one within a day ahead', async () => {
    expect((await one({ lastSeen: -5n })).lastSeen).toBeNull();
    expect((await one({ lastSeen: at + DAY / 2 })).lastSeen).toBe(BigInt(at + DAY / 2) * 1_000_000n);
    expect((await one({ lastSeen: 0n })).reasons).toEqual([]);
  });

  it('keeps tokens as bytes', async () => {
    const device = await one({
      kind: 'ipad',
      unlockToken: Buffer.from([0, 255, 1]),
      bootstrapToken: Buffer.from([0, 1]),
    });
    expect(device.unlockToken?.reveal()).toEqual(Buffer.from([0, 255, 1]));
    expect(device.bootstrapToken?.reveal()).toEqual(Buffer.from([0, 1]));
  });

  it('carries its flags', async () => {
    const device = await one({ enrolled: false, awaitingConfiguration: true, blocked: true });
    expect(device).toMatchObject({ enrolled: false, awaitingConfiguration: true, blockedAtSource: true });
  });
});

describe('certificates', () => {
  it('are told by issuer, and proven only by signature', async () => {
    const snapshot = await read({
      sign: 'real',
      extra: [
        { serial: 'OWN' },
        { serial: 'FOREIGN', certificate: { foreign: true } },
        { serial: 'FORGED', certificate: { forged: true } },
        { serial: 'UNKNOWN', certificate: { inDepot: false } },
        { serial: 'NONE', certificate: false },
      ],
    });
    const by = (serial: string): SourceDevice =>
      snapshot.devices.find((device) => device.serial === serial) as SourceDevice;
    expect(by('OWN').certificate).toMatchObject({ inDepot: true, issuedByCa: true });
    expect(by('FOREIGN').certificate).toMatchObject({ inDepot: true, issuedByCa: false });
    expect(by('FORGED').certificate).toMatchObject({ inDepot: true, issuedByCa: true });
    expect(by('UNKNOWN').certificate).toMatchObject({ inDepot: false, issuedByCa: null, der: null, notAfter: null });
    expect(by('NONE').certificate).toBeNull();
    expect(by('OWN').certificate?.der).toEqual(snapshot.written.devices[0]?.certificate);
    const proof = await verifyIssuers(snapshot);
    expect(proof.proven).toBe(1);
    expect([...proof.disproven].sort()).toEqual([by('FOREIGN').udid, by('FORGED').udid].sort());
    expect(proof.unknown).toEqual([by('UNKNOWN').udid]);
  });

  it('shared by two devices are one', async () => {
    const hash = Buffer.alloc(32, 7);
    const { devices } = await read({ extra: [{ certificate: { hash } }, { certificate: { hash } }] });
    expect(devices.at(0)?.certificate).toBe(devices.at(1)?.certificate);
  });

  it('that expired before the last contact make others of that name interesting', async () => {
    const stale = { certificate: { days: -20 }, lastSeen: at - DAY, unboundCertificates: 2, olderCertificates: 1 };
    const device = await one({ name: 'Ann', ...stale });
    expect(reasonsOf(device)).toEqual(['note certificate-candidates']);
    expect(device.reasons[0]?.sentence).toContain('(2)');
    const literal = { ...stale.certificate, commonName: 'MicroMDM Identity (%ComputerName%)' };
    expect(reasonsOf(await one({ ...stale, certificate: literal }))).toEqual([]);
    expect(reasonsOf(await one({ ...stale, unboundCertificates: 0 }))).toEqual([]);
    expect(reasonsOf(await one({ ...stale, certificate: { days: 20 } }))).toEqual([]);
  });

  it('are read all the same when they are not kept', async () => {
    const { written, devices } = await read({ devices: 5 });
    const light = await readMicroMdm(written.path, { at, keepCertificates: false });
    expect(light.devices.map(({ certificate }) => certificate)).toEqual(
      devices.map(({ certificate }) => certificate && { ...certificate, der: null }),
    );
  });

  it('that are none are counted', async () => {
    expect(subjectsOf(await read({ garbageDepot: 2 }), 'depot-entry-unreadable').length).toBe(2);
  });
});

describe('duplicates of a UDID', () => {
  const record = (recordId: string, more: DeviceSpec): DeviceSpec => ({
    recordId,
    udid: UDID,
    serial: '',
    push: { token: 'ab', magic: 'm' },
    ...more,
  });
  const verdicts = async (...extra: DeviceSpec[]): Promise<string[][]> =>
    (await read({ extra })).devices.map(reasonsOf);

  it('are decided by the index', async () => {
    expect(await verdicts(record('a', { enrolled: false, index: 'a' }), record('b', { index: false }))).toEqual([
      ['note duplicate-udid'],
      ['block duplicate-udid'],
    ]);
  });

  it('are decided by enrollment and last contact where the index is silent, and must be looked at', async () => {
    expect(await verdicts(record('a', { enrolled: false, index: false }), record('b', { index: false }))).toEqual([
      ['block duplicate-udid'],
      ['caution duplicate-udid'],
    ]);
    expect(
      await verdicts(
        record('a', { index: false, lastSeen: at - 9 }),
        record('b', { index: false, lastSeen: at - 5 }),
        record('c', { index: false, lastSeen: at - 7 }),
      ),
    ).toEqual([['block duplicate-udid'], ['caution duplicate-udid'], ['block duplicate-udid']]);
  });

  it('may hide in an index that leads to another UDID', async () => {
    const { devices } = await read({ extra: [{ recordId: 'a', index: 'b' }, { recordId: 'b' }] });
    expect(devices.map(reasonsOf)).toEqual([['caution udid-index-elsewhere'], []]);
  });

  it('by serial, one of them from DEP only, are fine', async () => {
    const { devices, findings } = await read({ extra: [{ serial: 'S' }, { serial: 'S', udid: null }] });
    expect(devices.map(reasonsOf).flat()).toEqual([]);
    expect(findings).toEqual([]);
  });
});

describe('user channels', () => {
  const USER = '11111111-2222-4333-8444-555555555555';
  it('go to their device with the facts to judge them by', async () => {
    const device = await one({ users: [{ id: USER, shortName: 'ann', longName: '' }] });
    expect(device.users).toMatchObject([
      {
        id: USER,
        shortName: 'ann',
        longName: null,
        tokenMatches: true,
        superseded: false,
        push: { from: 'push-info' },
      },
    ]);
    expect((await one({ users: [{ id: USER, authToken: 'ff' }] })).users[0]?.tokenMatches).toBe(false);
    expect((await one({ users: [{ id: USER, push: false }] })).users[0]).toMatchObject({
      push: null,
      tokenMatches: null,
    });
  });

  it('of which there are several: the index knows the last', async () => {
    const device = await one({ users: [{ id: USER, latest: true }, { id: 'other' }] });
    expect(reasonsOf(device)).toEqual(['note several-users']);
    expect(Object.fromEntries(device.users.map(({ id, superseded }) => [id, superseded]))).toEqual({
      [USER]: false,
      other: true,
    });
  });

  it('of shared iPads are left out with one finding', async () => {
    const id = 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF';
    const snapshot = await read({ extra: [{ kind: 'ipad', users: [{ id }] }] });
    expect(snapshot.devices.at(0)?.users).toEqual([]);
    expect(codesOf(snapshot)).toEqual(['info shared-ipad-user']);
  });

  it('of devices that are gone are named', async () => {
    const snapshot = await read({ extra: [{ raw: protobuf({ 1: 'x', 3: 'S' }), udid: UDID, users: [{ id: USER }] }] });
    expect(subjectsOf(snapshot, 'user-without-device')).toEqual([USER]);
  });
});

describe('what belongs to no device', () => {
  it('is told apart', async () => {
    const snapshot = await read({
      extra: [{ users: [{ id: 'user' }] }],
      orphans: 3,
      deleted: 2,
      superseded: 1,
      dangling: 4,
      sharedIpad: true,
      blocked: ['GONE'],
    });
    const counted = Object.fromEntries(snapshot.findings.map(({ code, subjects }) => [code, subjects?.length]));
    expect(counted).toEqual({
      'push-info-orphan': 3,
      'deleted-but-connecting': 2,
      'superseded-udid': 1,
      'index-dangling': 4,
      'shared-ipad-user': 1,
      'blocked-without-device': 1,
    });
  });
});

describe('waiting commands', () => {
  const mdmProfile = '<plist><dict><key>PayloadType</key><string>com.apple.mdm</string></dict></plist>';
  it('are counted by type, history is not', async () => {
    const device = await one({
      commands: [
        { requestType: 'InstallProfile', profile: '<plist/>' },
        { requestType: 'DeviceLock', state: 'not-now' },
        { requestType: 'EraseDevice', state: 'completed' },
        { requestType: 'EraseDevice', state: 'failed' },
        { requestType: 'InstallProfile' },
      ],
    });
    expect(device.pending).toEqual({
      count: 3,
      requestTypes: ['DeviceLock', 'InstallProfile'],
      enrollmentProfile: false,
    });
    expect((await one({})).pending).toEqual({ count: 0, requestTypes: [], enrollmentProfile: false });
  });

  it('that would install an enrollment profile are marked', async () => {
    expect((await one({ commands: [{ requestType: 'InstallProfile', profile: mdmProfile }] })).pending).toMatchObject({
      enrollmentProfile: true,
    });
    const other = { requestType: 'InstallProfile', profile: mdmProfile, state: 'completed' } as const;
    expect((await one({ commands: [other, { requestType: 'DeviceLock' }] })).pending?.enrollmentProfile).toBe(false);
  });

  it('whose type cannot be told are unknown', async () => {
    const device = await one({ commands: [{ requestType: 'x', payload: Buffer.from('bplist00') }] });
    expect(device.pending?.requestTypes).toEqual(['unknown']);
    expect(requestTypeOf(Buffer.from('<key>RequestType</key><string>a&amp;b</string>'))).toBeNull();
  });

  it('are unknown where the queue is in memory', async () => {
    const snapshot = await read({ without: ['mdm.DeviceCommands'], extra: [{}] });
    expect(snapshot.devices.at(0)?.pending).toBeNull();
    expect(codesOf(snapshot)).toEqual(['info queue-absent']);
  });
});

describe('key material', () => {
  it.each<[MicroMdmOptions, string[]]>([
    [{}, []],
    [{ push: 'absent' }, ['error push-certificate-absent']],
    [{ push: 'garbage' }, ['error push-certificate-unreadable']],
    [{ push: 'other-key' }, ['error push-key-mismatch']],
    [{ push: 'encrypted-key' }, ['error push-key-unreadable']],
    [{ push: 'no-topic' }, ['error push-topic-absent']],
    [{ push: 'pkcs8-with-preamble' }, []],
    [{ ca: 'absent' }, ['error scep-ca-absent']],
    [{ ca: 'garbage' }, ['error scep-ca-unreadable']],
    [{ ca: 'other-key' }, ['error scep-ca-key-mismatch']],
    [{ ca: 'no-key' }, ['error scep-ca-key-mismatch']],
  ])('%o', async (options, expected) => {
    expect(codesOf(await read({ ...options, extra: [{}] }))).toEqual(expected);
  });

  it('is read whatever form it is in, and the key comes out as PKCS#1', async () => {
    const { push, written } = await read({ push: 'pkcs8-with-preamble' });
    expect(push).toMatchObject({ topic: written.topic, keyMatches: true, keyType: 'RSA', keyBits: 2048 });
    expect(push?.key?.revealText()).toBe(written.push.key.export({ type: 'pkcs1', format: 'pem' }));
  });

  it('without CA leaves issuers open', async () => {
    expect((await one({}, { ca: 'absent' })).certificate?.issuedByCa).toBeNull();
  });

  it('of ABM: the token added last is the active one', async () => {
    const snapshot = await read({ depTokens: ['CK_a', 'CK_b', 'other'], lastAdded: 'CK_b', depKeyPair: true });
    expect(snapshot.abmTokens.map(({ consumerKey, active }) => [consumerKey, active])).toEqual([
      ['CK_a', false],
      ['CK_b', true],
    ]);
    expect(codesOf(snapshot)).toEqual(['info dep-token-ignored', 'info several-dep-tokens']);
    expect(snapshot.abmKeyPair?.keyMatches).toBe(true);
    const { abmTokens } = await read({ depTokens: ['CK_a'], lastAdded: 'CK_gone' });
    expect(abmTokens).toMatchObject([{ active: true }]);
  });
});

describe('profiles', () => {
  const payload = (type: string, more = ''): string =>
    `<dict><key>PayloadType</key><string>${type}</string>${more}</dict>`;
  const enrollment =
    '<?xml version="1.0"?><plist version="1.0"><dict><key>PayloadIdentifier</key><string>com.example.enroll</string>' +
    '<key>PayloadDisplayName</key><string>Enroll</string><key>PayloadContent</key><array>' +
    payload(
      'com.apple.security.scep',
      '<key>PayloadContent</key><dict><key>URL</key><string>https://m/scep?x=1</string></dict>',
    ) +
    payload(
      'com.apple.mdm',
      '<key>ServerURL</key><string>https://m/mdm/connect</string><key>CheckInURL</key><string>https://m/mdm/checkin</string>' +
        '<key>Topic</key><string>T</string><key>SignMessage</key><true/><key>AccessRights</key><integer>8191</integer>',
    ) +
    '</array></dict></plist>';
  const said = {
    identifier: 'com.example.enroll',
    serverUrl: 'https://m/mdm/connect',
    checkInUrl: 'https://m/mdm/checkin',
    topic: 'T',
    signMessage: true,
    accessRights: 8191,
    scepUrl: 'https://m/scep?x=1',
  };
  const identifier = 'com.github.micromdm.micromdm.enroll';

  it('tell what the devices installed, signed or not', async () => {
    const plain = await read({ profiles: [{ identifier, body: enrollment }] });
    expect(plain.enrollmentProfile).toEqual(said);
    const file = join(folder, 'enroll');
    writeFileSync(file, enrollment);
    const run = (...args: string[]): unknown => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
    run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'k', '-out', 'c', '-subj', '/CN=s');
    run(
      'smime',
      '-sign',
      '-nodetach',
      '-binary',
      '-in',
      file,
      '-signer',
      'c',
      '-inkey',
      'k',
      '-outform',
      'der',
      '-out',
      's',
    );
    const signed = await read({ profiles: [{ identifier, body: readFileSync(join(folder, 's')) }] });
    expect(signed.enrollmentProfile).toEqual(said);
    expect(signed.profiles).toMatchObject([
      { signed: true, displayName: 'Enroll', payloadTypes: ['com.apple.security.scep', 'com.apple.mdm'] },
    ]);
  });

  it('that cannot be read, or name another id, are kept and named', async () => {
    const bomb = '<!DOCTYPE plist [<!ENTITY a "aaaa">]><plist><dict><key>a</key><string>&a;</string></dict></plist>';
    const snapshot = await read({ profiles: [{ identifier: 'bomb', body: bomb, id: 'other' }] });
    expect(snapshot.profiles).toMatchObject([{ identifier: 'bomb', displayName: null, payloadTypes: [] }]);
    expect(snapshot.profiles[0]?.body.revealText()).toBe(bomb);
    expect(codesOf(snapshot)).toEqual(['warning profile-unreadable', 'info profile-key-mismatch']);
  });

  it('come with their blueprints', async () => {
    const { blueprints } = await read({
      blueprints: [{ name: 'All', profiles: ['a', 'b'], manifests: ['https://m/x.plist'], applyAt: ['ENROLL'] }],
    });
    expect(blueprints).toMatchObject([
      { name: 'All', profileIdentifiers: ['a', 'b'], manifestUrls: ['https://m/x.plist'], appliesAtEnroll: true },
    ]);
  });
});

describe('the file as a whole', () => {
  it('with broken records loses just these', async () => {
    const snapshot = await read({ extra: [{ recordId: 'bad', raw: Buffer.from([0x0a, 50]) }, { recordId: 'good' }] });
    expect(snapshot.devices.map(({ recordId }) => recordId)).toEqual(['good']);
    const [finding] = snapshot.findings.filter(({ code }) => code === 'undecodable-record');
    expect(finding).toMatchObject({ severity: 'error', subjects: ['bad'] });
    expect(finding?.detail).toContain('mdm.Devices');
    expect(finding?.detail).toContain('offset 0');
  });

  it('names fifty broken records and counts the rest', async () => {
    const bad = Array.from({ length: 60 }, () => ({ raw: Buffer.from([0x0a, 50]) }));
    const { findings } = await read({ extra: bad });
    const undecodable = findings.filter(({ code }) => code === 'undecodable-record');
    expect(undecodable.length).toBe(51);
    expect(undecodable.at(-1)?.detail).toContain('60 records');
  });

  it('of a server before 1.5 knows no certificate of any device', async () => {
    const snapshot = await read({ without: ['mdm.UDIDCertAuth'], extra: [{}] });
    expect(codesOf(snapshot)).toEqual(['error cert-auth-bucket-missing']);
    expect(snapshot.devices.at(0)?.certificate).toBeNull();
  });

  it('says what it does not know', async () => {
    const nested = { name: 'mdm.Other', entries: [] };
    expect(codesOf(await read({ extraBuckets: [nested] }))).toEqual(['info unknown-bucket']);
    expect(codesOf(await read({ extraBuckets: [{ name: 'mdm.Checkin.ARCHIVE', entries: [] }] }))).toEqual([]);
    const inside = { name: 'mdm.DEPToken', entries: [], nested: [{ name: 'inner', entries: [] }] };
    expect(codesOf(await read({ extraBuckets: [inside] }))).toEqual(['warning nested-bucket']);
  });

  it('speaks of the newest contact, else of its own time, never of the future', async () => {
    const seen = await read({ extra: [{ lastSeen: at - 5000 }, { lastSeen: at - 9000 }, { lastSeen: at + 5000 }] });
    expect(seen.instant).toBe(at - 5000);
    const { written } = await read({});
    utimesSync(written.path, new Date(at - 7000), new Date(at - 7000));
    expect((await readMicroMdm(written.path, { at })).instant).toBe(at - 7000);
    expect((await readMicroMdm(written.path, { at: at - 9000 })).instant).toBe(at - 9000);
  });

  it('may be named by its folder', async () => {
    const inside = join(folder, 'config');
    mkdirSync(inside);
    writeMicroMdm(join(inside, 'micromdm.db'), { devices: 3 });
    const snapshot = await readMicroMdm(inside, { at });
    expect(snapshot.devices.length).toBe(3);
    expect(snapshot.source.path).toBe(join(inside, 'micromdm.db'));
  });

  it('that a server writes meanwhile is read again, as one state', async () => {
    const { written } = await read({ devices: 5, seed: 'before' });
    const after = writeMicroMdm(join(folder, 'after.db'), { devices: 7, seed: 'after', txid: 3n });
    let moved = false;
    const onProgress = (): void => {
      if (!moved) writeFileSync(written.path, readFileSync(after.path));
      moved = true;
    };
    const snapshot = await readMicroMdm(written.path, { at, onProgress });
    expect(snapshot.source).toMatchObject({ txid: 3, retries: 1 });
    expect(snapshot.devices.map(({ udid }) => udid).sort()).toEqual(after.devices.map(({ udid }) => udid).sort());
    // A private copy is nobody's to write.
    moved = false;
    const again = writeMicroMdm(join(folder, 'again.db'), { devices: 5, seed: 'before' });
    await expect(
      readMicroMdm(again.path, {
        at,
        live: false,
        onProgress: () => writeFileSync(again.path, readFileSync(after.path)),
      }),
    ).rejects.toThrow('bolt/changed-while-reading');
  });

  it('is not changed by reading', async () => {
    const { written } = await read({ devices: 5 });
    const before = [readFileSync(written.path), statSync(written.path).mtimeMs] as const;
    await readMicroMdm(written.path, { at });
    expect([readFileSync(written.path), statSync(written.path).mtimeMs]).toEqual(before);
  });

  it('reads the same twice', async () => {
    const text = (snapshot: Snapshot): string =>
      JSON.stringify(snapshot, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
    const { written } = await read({ devices: 50, orphans: 3, seed: 'same' });
    expect(text(await readMicroMdm(written.path, { at }))).toBe(text(await readMicroMdm(written.path, { at })));
  });

  it('tells its progress', async () => {
    const { written } = await read({ devices: 10 });
    const labels: string[] = [];
    await readMicroMdm(written.path, { at, onProgress: ({ label }) => labels.push(label) });
    expect(labels).toContain('reading the source');
  });
});

describe('damage', () => {
  it('in the command queue is a finding, elsewhere the end', async () => {
    // Large values get pages of their own, which are then broken.
    const payload = Buffer.alloc(20_000, 'x');
    const queue = writeMicroMdm(join(folder, 'queue.db'), { extra: [{ commands: [{ requestType: 'a', payload }] }] });
    breakPageWith(queue.path, payload.subarray(0, 2000));
    const snapshot = await readMicroMdm(queue.path, { at });
    expect(snapshot.devices.length).toBe(1);
    expect(snapshot.findings[0]).toMatchObject({ code: 'bolt/page-id-mismatch', severity: 'error' });

    const devices = writeMicroMdm(join(folder, 'devices.db'), { extra: [{ bootstrapToken: payload }, {}] });
    breakPageWith(devices.path, payload.subarray(0, 2000));
    await expect(readMicroMdm(devices.path, { at })).rejects.toMatchObject({
      failure: { code: 'bolt/page-id-mismatch', kind: 'unreadable', detail: { bucket: 'mdm.Devices' } },
    });
    const salvaged = await readMicroMdm(devices.path, { at, salvage: true });
    expect(salvaged.findings.map(({ code }) => code)).toContain('bolt/page-id-mismatch');
  });
});

/** Changes the number in the header of the page in which these bytes begin. */
function breakPageWith(path: string, bytes: Buffer): void {
  const file = readFileSync(path);
  const page = Math.floor(file.indexOf(bytes) / 4096) * 4096;
  file[page] = (file[page] as number) ^ 0x55;
  writeFileSync(path, file);
}

describe('files of other programs', () => {
  it.each([
    [['device_serial', 'device_computer_name', 'profiles'], 'mdmb'],
    [['key', 'members', 'meta'], 'etcd'],
    [['scep_certificates'], 'plain SCEP server'],
    [['alpha', 'beta'], 'alpha, beta'],
    [['mdm.Devices'], 'mdm.Devices'],
    [[], 'empty'],
  ])('%j', async (names, said) => {
    const path = join(folder, `other-${count++}.db`);
    writeBolt(
      path,
      names.toSorted().map((name) => ({ name, entries: [['k', 'v']] as const })),
    );
    await expect(readMicroMdm(path, { at })).rejects.toMatchObject({
      failure: { code: 'micromdm/not-micromdm', kind: 'unreadable', message: expect.stringContaining(said) as string },
    });
  });
});

describe('platformOf', () => {
  it.each([
    ['Mac16,10', [], '', 'darwin', false],
    ['VirtualMac2,1', [], '', 'darwin', false],
    ['iMac21,1', [], '', 'darwin', false],
    ['iPod9,1', [], '', 'ios', false],
    ['iPad13,18', [], '', 'ipados', false],
    ['AppleTV14,1', [], '', 'tvos', false],
    ['Watch7,1', [], '', 'watchos', false],
    ['RealityDevice14,1', [], '', 'visionos', false],
    ['', ['', 'IPAD PRO'], '', 'ipados', true],
    ['', ['MacBook Air'], '', 'darwin', true],
    ['', [], UDID, 'darwin', true],
    ['', [], '00008110-001A2B3C4D5E6F70', 'ios', true],
    ['', [], 'a'.repeat(40), 'ios', true],
    ['', [], 'odd', null, false],
  ] as const)('%s %j %s', (product, models, udid, platform, inferred) => {
    expect(platformOf(product, models, udid)).toEqual({ platform, inferred });
  });
});
