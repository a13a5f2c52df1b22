import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cautionsOf, goesIn, judge, type JudgedDevice } from '../../../src/core/migration/verdict';
import { Secret } from '../../../src/core/secret';
import { parseSource, readSource } from '../../../src/core/sources';
import type {
  DeviceCertificate,
  PushCertificate,
  PushIdentity,
  Snapshot,
  SourceDevice,
  SourceUser,
} from '../../../src/core/sources/snapshot';
import { sharedData } from '../../shared-data';

const AT = Date.parse('2026-11-24T12:00:00Z');
const DAY = 86_400_000;
const TOPIC = 'com.apple.mgmt.External.1580e552-a3b9-43fb-9528-7ce2e4018c0a';

let serial = 0;

function pushIdentity(change: Partial<PushIdentity> = {}): PushIdentity {
  return {
    topic: TOPIC,
    magic: new Secret('push magic', 'M'),
    tokenHex: 'ab'.repeat(32),
    from: 'push-info',
    ...change,
  };
}

function certificate(change: Partial<DeviceCertificate> = {}): DeviceCertificate {
  serial += 1;
  return {
    sha256: serial.toString(16).padStart(64, '0'),
    inDepot: true,
    der: Buffer.from([0x30, 0]),
    notBefore: AT - 100 * DAY,
    notAfter: AT + 200 * DAY,
    commonName: 'identity',
    issuedByCa: true,
    ...change,
  };
}

function device(change: Partial<SourceDevice> = {}): SourceDevice {
  serial += 1;
  return {
    recordId: `record-${serial}`,
    udid: `00000000-0000-0000-0000-${String(serial).padStart(12, '0')}`,
    serial: `C02${serial}`,
    name: 'Mac',
    model: null,
    modelName: null,
    productName: 'Mac14,2',
    osVersion: null,
    buildVersion: null,
    imei: null,
    meid: null,
    platform: 'darwin',
    enrolled: true,
    awaitingConfiguration: false,
    lastSeen: BigInt(AT - DAY) * 1_000_000n,
    push: pushIdentity(),
    certificate: certificate(),
    unlockToken: null,
    bootstrapToken: null,
    users: [],
    pending: null,
    blockedAtSource: false,
    reasons: [],
    ...change,
  };
}

function snapshot(devices: SourceDevice[], topic: string | null = TOPIC): Snapshot {
  return {
    source: { kind: 'micromdm', path: 'x', sha256: null, txid: 1, pageSize: 4096, size: 1, retries: 0 },
    instant: AT - DAY,
    scepCa: null,
    push: topic === null ? null : ({ topic, notAfter: AT + 300 * DAY } as PushCertificate),
    abmKeyPair: null,
    abmTokens: [],
    profiles: [],
    enrollmentProfile: null,
    blueprints: [],
    devices,
    findings: [],
  };
}

function judgeOne(change: Partial<SourceDevice>, topic: string | null = TOPIC): JudgedDevice {
  const [judged] = judge(snapshot([device(change)], topic), AT).devices;
  if (judged === undefined) throw new Error('nothing judged');
  return judged;
}

const codes = (judged: JudgedDevice): string[] => judged.reasons.map((reason) => reason.code);

describe('judging one device', () => {
  it('finds a plain enrolled Mac ready, without a reason', () => {
    expect(judgeOne({})).toMatchObject({ verdict: 'ready', reasons: [] });
  });

  const blocked: [string, Partial<SourceDevice>][] = [
    ['no-udid', { udid: null }],
    ['udid-malformed', { udid: 'A:B' }],
    ['udid-malformed', { udid: 'ÄÖÜ' }],
    ['udid-malformed', { udid: 'ABC ' }],
    ['blocked-at-source', { blockedAtSource: true }],
    ['no-push-info', { push: null }],
    ['push-info-unusable', { push: pushIdentity({ topic: '' }) }],
    ['push-info-unusable', { push: pushIdentity({ magic: new Secret('push magic', '') }) }],
    ['push-info-unusable', { push: pushIdentity({ tokenHex: '' }) }],
    ['push-info-unusable', { push: pushIdentity({ tokenHex: 'abc' }) }],
    ['push-info-unusable', { push: pushIdentity({ tokenHex: 'zz'.repeat(32) }) }],
    ['push-info-unusable', { push: pushIdentity({ tokenHex: 'AB'.repeat(32) }) }],
    ['push-info-unusable', { push: pushIdentity({ tokenHex: 'ab'.repeat(128) }) }],
    ['push-info-unusable', { push: pushIdentity({ magic: new Secret('push magic', 'x'.repeat(128)) }) }],
    ['topic-differs', { push: pushIdentity({ topic: 'com.apple.mgmt.External.other' }) }],
    ['no-certificate-hash', { certificate: null }],
    ['certificate-foreign-issuer', { certificate: certificate({ issuedByCa: false }) }],
    [
      'certificate-expired',
      { certificate: certificate({ notAfter: AT - 1 }), lastSeen: BigInt(AT - 40 * DAY) * 1_000_000n },
    ],
    ['certificate-binding-stale', { certificate: certificate({ notAfter: AT - 10 * DAY }) }],
    ['value-too-long', { serial: 'S'.repeat(128) }],
    ['value-too-long', { unlockToken: new Secret('unlock token', Buffer.alloc(60_000)) }],
    ['value-too-long', { bootstrapToken: new Secret('bootstrap token', Buffer.alloc(60_000)) }],
    ['not-enrolled', { enrolled: false, push: null }],
    ['not-enrolled', { enrolled: false, lastSeen: BigInt(AT - 31 * DAY) * 1_000_000n }],
    ['not-enrolled', { enrolled: false, lastSeen: null }],
    ['not-enrolled', { enrolled: false, certificate: certificate({ inDepot: false, der: null, notAfter: null }) }],
    ['not-enrolled', { enrolled: false, blockedAtSource: true }],
  ];
  it.each(blocked)('blocks with %s', (code, change) => {
    const judged = judgeOne(change);
    expect(judged.verdict).toBe('blocked');
    expect(judged.reasons.find((reason) => reason.code === code)?.severity).toBe('block');
  });

  const cautions: [string, Partial<SourceDevice>][] = [
    ['probably-enrolled', { enrolled: false }],
    ['push-token-short', { push: pushIdentity({ tokenHex: '66616b65546f6b656e' }) }],
    ['certificate-not-in-depot', { certificate: certificate({ inDepot: false, der: null, notAfter: null }) }],
    ['certificate-expiring', { certificate: certificate({ notAfter: AT + 29 * DAY }) }],
    ['certificate-not-yet-valid', { certificate: certificate({ notBefore: AT + 2 * DAY }) }],
    ['never-seen', { lastSeen: null }],
    ['silent', { lastSeen: BigInt(AT - 91 * DAY) * 1_000_000n }],
    ['in-setup-assistant', { awaitingConfiguration: true, lastSeen: BigInt(AT - 3_600_000) * 1_000_000n }],
    ['no-serial', { serial: null, platform: 'ios' }],
    ['platform-unknown', { platform: null }],
    ...['EraseDevice', 'DeviceLock', 'EnableLostMode', 'RemoveProfile'].map((type): [string, Partial<SourceDevice>] => [
      'pending-command',
      { pending: { count: 1, requestTypes: [type], enrollmentProfile: false } },
    ]),
    ['pending-command', { pending: { count: 1, requestTypes: ['InstallProfile'], enrollmentProfile: true } }],
  ];
  it.each(cautions)('holds with %s until it is accepted by name', (code, change) => {
    const judged = judgeOne(change);
    expect(judged.verdict).toBe('caution');
    expect(cautionsOf(judged)).toEqual([code]);
    expect(goesIn(judged, new Set())).toBe(false);
    expect(goesIn(judged, new Set(['something-else']))).toBe(false);
    expect(goesIn(judged, new Set([code]))).toBe(true);
  });

  it('never lets a blocked device in, whatever was accepted', () => {
    const judged = judgeOne({ push: null, lastSeen: null });
    expect(goesIn(judged, new Set(codes(judged)))).toBe(false);
  });

  it('takes longer tokens: Apple does not promise 32 bytes', () => {
    expect(judgeOne({ push: pushIdentity({ tokenHex: 'ab'.repeat(100) }) }).verdict).toBe('ready');
  });

  it('notes a missing serial number of a Mac and harmless waiting commands without holding it', () => {
    const judged = judgeOne({
      serial: null,
      pending: { count: 2, requestTypes: ['ProfileList'], enrollmentProfile: false },
    });
    expect(judged.verdict).toBe('ready');
    expect(codes(judged)).toEqual(['no-serial', 'pending-lost']);
  });

  it('notes a certificate that outlives MySQL’s timestamps', () => {
    const judged = judgeOne({ certificate: certificate({ notAfter: Date.parse('2049-12-31T23:59:59Z') }) });
    expect([judged.verdict, codes(judged)]).toEqual(['ready', ['certificate-end-capped']]);
  });

  it('does not hold topics against a push certificate that is not there', () => {
    expect(judgeOne({}, null).verdict).toBe('ready');
  });

  it('puts blocks before cautions before notes', () => {
    const judged = judgeOne({ serial: null, lastSeen: null, push: null });
    expect(judged.reasons.map((reason) => reason.severity)).toEqual(['block', 'caution', 'note']);
  });
});

describe('judging devices beside each other', () => {
  it('blocks UDIDs that differ in case only: Fleet’s collation takes them for one', () => {
    const { devices } = judge(snapshot([device({ udid: 'ABC-1' }), device({ udid: 'abc-1' })]), AT);
    expect(devices.map((judged) => [judged.verdict, codes(judged)])).toEqual([
      ['blocked', ['udid-case-conflict']],
      ['blocked', ['udid-case-conflict']],
    ]);
  });

  it('blocks devices that share an identity certificate', () => {
    const shared = certificate();
    const { devices } = judge(snapshot([device({ certificate: shared }), device({ certificate: shared })]), AT);
    expect(devices.every((judged) => codes(judged).includes('certificate-shared'))).toBe(true);
  });

  it('holds twins that are both alive, and blocks the one that is not', () => {
    const alive = judge(snapshot([device({ serial: 'TWIN' }), device({ serial: ' twin' })]), AT);
    expect(alive.devices.map(codes)).toEqual([['duplicate-serial'], ['duplicate-serial']]);
    const dead = judge(
      snapshot([device({ serial: 'TWIN' }), device({ serial: 'TWIN', lastSeen: BigInt(AT - 200 * DAY) * 1_000_000n })]),
      AT,
    );
    expect(dead.devices.map((judged) => judged.verdict)).toEqual(['caution', 'blocked']);
    expect(codes(dead.devices.at(1) as JudgedDevice)).toContain('superseded-serial');
  });

  it('leaves records without a UDID out of twins and counts', () => {
    const { devices, counts } = judge(snapshot([device({ serial: 'DEP' }), device({ serial: 'DEP', udid: null })]), AT);
    expect(devices.map((judged) => judged.verdict)).toEqual(['ready', 'blocked']);
    expect(counts).toEqual({ devices: 1, ready: 1, caution: 0, blocked: 0 });
  });
});

describe('judging user channels', () => {
  const user = (change: Partial<SourceUser> = {}): SourceUser => ({
    id: '6D2F57B0-4A72-4CDC-956F-48BCC878B7B3',
    shortName: 'ann',
    longName: 'Ann',
    push: pushIdentity(),
    tokenMatches: true,
    superseded: false,
    ...change,
  });

  it('takes a live channel along', () => {
    const judged = judgeOne({ users: [user()] });
    expect(judged.verdict).toBe('ready');
    expect(judged.users).toHaveLength(1);
  });

  const left: [string, Partial<SourceUser>][] = [
    ['superseded', { superseded: true }],
    ['without push information', { push: null }],
    ['with an outdated token', { tokenMatches: false }],
    ['on another topic', { push: pushIdentity({ topic: 'com.apple.mgmt.External.other' }) }],
    ['with a malformed id', { id: 'a:b' }],
    ['with an unusable token', { push: pushIdentity({ tokenHex: 'x' }) }],
  ];
  it.each(left)('leaves out one %s, with a caution on its device', (_, change) => {
    const judged = judgeOne({ users: [user(change)] });
    expect(judged.users).toHaveLength(0);
    expect(cautionsOf(judged)).toEqual(['user-left-out']);
  });

  it('leaves out the second of two that differ in case only', () => {
    const judged = judgeOne({ users: [user(), user({ id: '6d2f57b0-4a72-4cdc-956f-48bcc878b7b3' })] });
    expect(judged.users).toHaveLength(1);
    expect(judged.verdict).toBe('caution');
  });
});

const small = sharedData('micromdm', 'small.db');
const manifest = sharedData('micromdm', 'small.json');

describe.skipIf(small === null || manifest === null)('the real small.db (skipped where ../shared is absent)', () => {
  /** What each kind of device of the manifest must become, from the manifest's own notes. */
  const expected: Record<string, [string, string[]]> = {
    mdmb: ['caution', ['push-token-short']],
    'dep-then-enrolled': ['ready', []],
    'reenrolled-new-cert': ['ready', []],
    'dep-only': ['blocked', []],
    'shared-serial-a': ['caution', ['duplicate-serial']],
    'shared-serial-b': ['caution', ['duplicate-serial']],
    'user-channel': ['ready', []],
    'no-push-info': ['blocked', []],
    'cert-not-in-depot': ['caution', ['certificate-not-in-depot']],
    'newline-name': ['ready', []],
    'tokens-huge': ['ready', []],
    'tokens-normal': ['ready', []],
    'weird-name': ['ready', []],
    'no-serial': ['ready', []],
    'checked-out': ['blocked', []],
    'long-name': ['ready', []],
    'udid-changed': ['ready', []],
  };

  it('judges every device as the manifest describes it', async () => {
    const truth = JSON.parse(readFileSync(manifest ?? '', 'utf8')) as { devices: { uuid: string; kind: string }[] };
    const read = await readSource(parseSource(`micromdm:${small ?? ''}`), { at: AT });
    const byRecord = new Map(judge(read, AT).devices.map((judged) => [judged.device.recordId, judged]));
    for (const { uuid, kind } of truth.devices) {
      const judged = byRecord.get(uuid);
      expect([kind, judged?.verdict, judged && cautionsOf(judged)]).toEqual([kind, ...(expected[kind] ?? [])]);
    }
    const withUser = [...byRecord.values()].filter((judged) => judged.users.length > 0);
    expect(withUser).toHaveLength(1);
    expect(withUser[0]?.device.name).toBe('Mac with user channel');
  });

  it('holds every certificate for expired a year later', async () => {
    const later = AT + 366 * DAY;
    const read = await readSource(parseSource(`micromdm:${small ?? ''}`), { at: later });
    const { devices, counts } = judge(read, later);
    expect(counts.ready).toBe(0);
    const bound = devices.filter((judged) => judged.device.certificate?.inDepot === true);
    expect(bound.every((judged) => codes(judged).includes('certificate-expired'))).toBe(true);
  });
});
