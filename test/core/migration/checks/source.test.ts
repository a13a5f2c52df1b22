import { describe, expect, it } from 'vitest';
import {
  blockingChecks,
  CHECKS,
  runChecks,
  type CheckContext,
  type CheckResult,
} from '../../../../src/core/migration/checks';
import { judgeHost } from '../../../../src/core/migration/checks/server-url';
import { Secret } from '../../../../src/core/secret';
import type { EnrollmentProfile, Snapshot } from '../../../../src/core/sources/snapshot';
import { makeCa, makePush, TOPIC } from '../../fleet/certificate';
import {
  contextOf,
  DAY,
  deviceOf,
  FAR,
  NOW,
  pushOf,
  resultOf,
  scepCaOf,
  snapshotOf,
  SOURCE_CA,
  SOURCE_PUSH,
} from './sample';

const run = (more: Partial<Snapshot> = {}, context: Partial<CheckContext> = {}): Promise<CheckResult[]> =>
  runChecks(contextOf(snapshotOf(more), context));

const OTHER_TOPIC = 'com.apple.mgmt.External.99999999-2222-3333-4444-555555555555';

describe('the table of checks', () => {
  it('has every id once, and every check says what it is about', async () => {
    expect(new Set(CHECKS.map(({ id }) => id)).size).toBe(CHECKS.length);
    const results = await run();
    expect(results.map(({ id }) => id)).toEqual(CHECKS.map(({ id }) => id));
    for (const result of results) {
      expect(result.title).not.toBe('');
      expect(result.sentence, result.id).toMatch(/[.):]$/);
      expect(result.sentence + result.remedy).not.toMatch(/undefined|NaN|null|\[object|!/);
      if (result.status === 'fail' || result.status === 'warn') expect(result.remedy).not.toBe('');
      if (result.status !== 'fail') expect(result.overridable).toBe(false);
    }
    const phases = results.map(({ phase }) => phase);
    expect(phases).toEqual(
      [...phases].sort(
        (a, b) =>
          ['source', 'certificates', 'target', 'network', 'after'].indexOf(a) -
          ['source', 'certificates', 'target', 'network', 'after'].indexOf(b),
      ),
    );
  });

  it('finds nothing wrong with a source in order, and says why it did not look at the target', async () => {
    const results = await run();
    expect(results.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(results.filter(({ status }) => status === 'warn').map(({ id }) => id)).toEqual(['renewal-switch']);
    for (const result of results.filter(({ phase }) => phase === 'target')) {
      expect(result.status).toBe('skipped');
      expect(result.code).toBe(result.id);
      expect(`${result.sentence} ${result.remedy}`).toMatch(/--|staging/);
    }
    expect(JSON.stringify(results)).not.toMatch(/SECRET|PRIVATE KEY/);
  });

  it('says what became of the database when it could not be reached', async () => {
    const fleetFailure = {
      code: 'fleet/schema-too-old',
      message: 'Too old.',
      remedy: 'Upgrade.',
      kind: 'finding' as const,
    };
    const results = await run({}, { fleetFailure });
    expect(resultOf(results, 'fleet-database')).toMatchObject({
      status: 'fail',
      code: 'fleet/schema-too-old',
      overridable: false,
    });
    expect(resultOf(results, 'schema')).toMatchObject({ status: 'skipped' });
    expect(blockingChecks(results, ['fleet/schema-too-old', 'fleet-database']).map(({ id }) => id)).toEqual([
      'fleet-database',
    ]);
  });

  it('bounds what it lists', async () => {
    const devices = Array.from({ length: 60 }, (_, index) => ({
      ...deviceOf(0),
      udid: `U-${index}`,
      serial: `S${index}`,
      blockedAtSource: true,
    }));
    const blocked = resultOf(await run({ devices }), 'blocked-at-source');
    expect(blocked.subjects).toHaveLength(50);
    expect(blocked.sentence).toContain('60 devices');
  });
});

describe('blockingChecks', () => {
  const result = (id: string, status: CheckResult['status'], overridable: boolean): CheckResult => ({
    id,
    phase: 'source',
    title: id,
    status,
    code: `${id}-code`,
    sentence: '',
    remedy: '',
    overridable,
  });
  const results = [
    result('a', 'pass', false),
    result('b', 'warn', false),
    result('c', 'skipped', false),
    result('d', 'fail', true),
    result('e', 'fail', false),
  ];

  it.each([
    [[], ['d', 'e']],
    [['d-code'], ['e']],
    [['d'], ['e']],
    [['d', 'e', 'e-code'], ['e']],
    [
      ['D', 'd-', ''],
      ['d', 'e'],
    ],
  ])('with %j accepted leaves %j', (accepted, left) => {
    expect(blockingChecks(results, accepted).map(({ id }) => id)).toEqual(left);
  });
});

describe('judgeHost', () => {
  it.each([
    ['mdm.customer.com', 'own'],
    ['MDM.Customer.COM.', 'own'],
    ['micromdm.io.customer.com', 'own'],
    ['notngrok.io', 'own'],
    ['localhost', 'loopback'],
    ['127.0.0.1', 'loopback'],
    ['[::1]', 'loopback'],
    ['10.1.2.3', 'address'],
    ['[2001:db8::1]', 'address'],
    ['demo.micromdm.io', 'vendor'],
    ['micromdm.io', 'vendor'],
    ['abc123.ngrok-free.app', 'vendor'],
    ['ABC.NGROK.IO', 'vendor'],
    ['my-alb-123.eu-central-1.elb.amazonaws.com', 'vendor'],
    ['mdm.westeurope.cloudapp.azure.com', 'vendor'],
    ['mdm.azurewebsites.net', 'vendor'],
    ['x.trycloudflare.com', 'vendor'],
    ['company.duckdns.org', 'vendor'],
    ['10-1-2-3.nip.io', 'vendor'],
    ['mdm', 'private'],
    ['mdm.local', 'private'],
  ])('takes %s for %s', (host, kind) => {
    expect(judgeHost(host).kind).toBe(kind);
  });
});

describe('checks of the source', () => {
  const profile = snapshotOf().enrollmentProfile as EnrollmentProfile;

  it.each<[what: string, snapshot: Partial<Snapshot>, id: string, status: string, code: string]>([
    ['nothing', { devices: [] }, 'source-devices', 'fail', 'source-empty'],
    [
      'blocked devices only',
      { devices: [deviceOf(0, { push: null })] },
      'source-devices',
      'fail',
      'source-all-blocked',
    ],
    ['an old copy', { instant: NOW - 30 * DAY }, 'source-fresh', 'warn', 'source-old'],
    ['a clock ahead', { instant: NOW + 3 * DAY }, 'source-fresh', 'warn', 'source-from-future'],
    [
      'damage',
      { findings: [{ code: 'bolt/page', severity: 'error', detail: 'Page 3 is damaged.' }] },
      'source-whole',
      'fail',
      'source-damaged',
    ],
    [
      'an oddity',
      { findings: [{ code: 'meta', severity: 'warning', detail: 'One meta is invalid.' }] },
      'source-whole',
      'warn',
      'source-findings',
    ],
    ['no profile', { enrollmentProfile: null }, 'sign-message', 'warn', 'sign-message-unknown'],
    [
      'no SignMessage',
      { enrollmentProfile: { ...profile, signMessage: null } },
      'sign-message',
      'fail',
      'sign-message-off',
    ],
    [
      'SignMessage false',
      { enrollmentProfile: { ...profile, signMessage: false } },
      'sign-message',
      'fail',
      'sign-message-off',
    ],
    ['no URL', { enrollmentProfile: null }, 'server-url', 'warn', 'server-url-unknown'],
    [
      'no URL in it',
      { enrollmentProfile: { ...profile, serverUrl: 'not a url' } },
      'server-url',
      'warn',
      'server-url-unknown',
    ],
    [
      'localhost',
      { enrollmentProfile: { ...profile, serverUrl: 'https://localhost:8443/mdm/connect' } },
      'server-url',
      'fail',
      'server-url-loopback',
    ],
    [
      'an address',
      { enrollmentProfile: { ...profile, serverUrl: 'https://10.0.0.1/mdm/connect' } },
      'server-url',
      'fail',
      'server-url-address',
    ],
    [
      'a tunnel',
      { enrollmentProfile: { ...profile, serverUrl: 'https://x.ngrok.io/mdm/connect' } },
      'server-url',
      'fail',
      'server-url-vendor',
    ],
    [
      'a short name',
      { enrollmentProfile: { ...profile, serverUrl: 'https://mdm/mdm/connect', checkInUrl: null } },
      'server-url',
      'warn',
      'server-url-private',
    ],
    [
      'two names',
      { enrollmentProfile: { ...profile, checkInUrl: 'https://checkin.customer.com/mdm/checkin' } },
      'server-url',
      'warn',
      'server-url-split',
    ],
    [
      'UDIDs but for case',
      { devices: [deviceOf(0, { udid: 'abc' }), deviceOf(1, { udid: 'ABC' })] },
      'duplicate-udid',
      'warn',
      'duplicate-udid',
    ],
    [
      'one serial twice',
      { devices: [deviceOf(0), deviceOf(1, { serial: 'serial0' })] },
      'duplicate-serial',
      'warn',
      'duplicate-serial',
    ],
    [
      'a waiting erase',
      { devices: [deviceOf(0, { pending: { count: 2, requestTypes: ['EraseDevice'], enrollmentProfile: false } })] },
      'pending-commands',
      'warn',
      'pending-command',
    ],
    [
      'a harmless command',
      { devices: [deviceOf(0, { pending: { count: 2, requestTypes: ['ProfileList'], enrollmentProfile: false } })] },
      'pending-commands',
      'pass',
      'pending-commands',
    ],
    [
      'a blocked device',
      { devices: [deviceOf(0), deviceOf(1, { blockedAtSource: true })] },
      'blocked-at-source',
      'warn',
      'blocked-at-source',
    ],
    [
      'Setup Assistant',
      { devices: [deviceOf(0, { awaitingConfiguration: true })] },
      'setup-assistant',
      'warn',
      'in-setup-assistant',
    ],
  ])('see %s', async (_, snapshot, id, status, code) => {
    expect(resultOf(await run(snapshot), id)).toMatchObject({ status, code });
  });
});

describe('checks of the certificates', () => {
  const ca = (more: Parameters<typeof scepCaOf>[1]): Partial<Snapshot> => ({ scepCa: scepCaOf(SOURCE_CA, more) });
  const push = (more: Parameters<typeof pushOf>[1]): Partial<Snapshot> => ({ push: pushOf(SOURCE_PUSH, more) });
  const elsewhere = {
    topic: OTHER_TOPIC,
    magic: new Secret('m', 'm'),
    tokenHex: '0'.repeat(64),
    from: 'push-info' as const,
  };

  it.each<[what: string, snapshot: Partial<Snapshot>, id: string, status: string, code: string]>([
    ['no CA', { scepCa: null }, 'scep-ca', 'fail', 'scep-ca-missing'],
    ['a CA without key', ca({ key: null, keyMatches: false }), 'scep-ca', 'fail', 'scep-ca-key-missing'],
    ['another key', ca({ keyMatches: false }), 'scep-ca', 'fail', 'scep-ca-key-differs'],
    ['an EC key', ca({ keyType: 'ec', keyBits: 256 }), 'scep-ca', 'fail', 'scep-ca-not-rsa'],
    ['no CA flag', ca({ isCa: false }), 'scep-ca', 'fail', 'scep-ca-not-a-ca'],
    ['a short key', ca({ keyBits: 1024 }), 'scep-ca', 'fail', 'scep-ca-weak'],
    ['a good CA', ca({ keyType: 'RSA' }), 'scep-ca', 'pass', 'scep-ca'],
    ['an expired CA', ca({ notAfter: NOW - DAY }), 'scep-ca-validity', 'fail', 'scep-ca-expired'],
    ['a CA that ends today', ca({ notAfter: NOW }), 'scep-ca-validity', 'fail', 'scep-ca-expired'],
    ['half a year left', ca({ notAfter: NOW + 180 * DAY }), 'scep-ca-validity', 'warn', 'scep-ca-ending'],
    ['four years left', ca({ notAfter: NOW + 1460 * DAY }), 'scep-ca-validity', 'warn', 'scep-ca-short'],
    ['six years left', ca({ notAfter: NOW + 2200 * DAY }), 'scep-ca-validity', 'pass', 'scep-ca-validity'],
    ['no push certificate', { push: null }, 'push-certificate', 'fail', 'push-certificate-missing'],
    ['no topic', push({ topic: null }), 'push-certificate', 'fail', 'push-certificate-no-topic'],
    ['no push key', push({ key: null, keyMatches: false }), 'push-certificate', 'fail', 'push-certificate-key-differs'],
    ['another push key', push({ keyMatches: false }), 'push-certificate', 'fail', 'push-certificate-key-differs'],
    [
      'an expired push certificate',
      push({ notAfter: NOW - 1 }),
      'push-certificate-validity',
      'fail',
      'push-certificate-expired',
    ],
    [
      'a push certificate that ends soon',
      push({ notAfter: NOW + 10 * DAY }),
      'push-certificate-validity',
      'warn',
      'push-certificate-ending',
    ],
    [
      'an older topic',
      { devices: [deviceOf(0), deviceOf(1, { push: elsewhere })] },
      'push-topic',
      'warn',
      'older-topic',
    ],
    ['older topics only', { devices: [deviceOf(0, { push: elsewhere })] }, 'push-topic', 'fail', 'push-topic-differs'],
    [
      'an expired identity',
      { devices: [deviceOf(0), deviceOf(1, {}, NOW - DAY)] },
      'identities-expired',
      'warn',
      'identities-expired',
    ],
    [
      'an expiring identity',
      { devices: [deviceOf(0), deviceOf(1, {}, NOW + 5 * DAY)] },
      'identities-expiring',
      'warn',
      'identities-expiring',
    ],
    [
      'an unknown identity',
      {
        devices: [
          deviceOf(0, {
            certificate: {
              sha256: 'a'.repeat(64),
              inDepot: false,
              der: null,
              notBefore: null,
              notAfter: null,
              commonName: null,
              issuedByCa: null,
            },
          }),
        ],
      },
      'identities-provable',
      'warn',
      'certificate-not-in-depot',
    ],
    [
      'a foreign identity',
      { devices: [deviceOf(0), deviceOf(1, {}, FAR, 'other-ca')] },
      'identities-issuer',
      'fail',
      'identities-foreign',
    ],
    [
      'a foreign identity that stays out',
      { devices: [deviceOf(0), deviceOf(1, { push: null }, FAR, 'other-ca')] },
      'identities-issuer',
      'warn',
      'identities-foreign-blocked',
    ],
  ])('see %s', async (_, snapshot, id, status, code) => {
    expect(resultOf(await run(snapshot), id)).toMatchObject({ status, code });
  });

  it('say how long Fleet will be renewing', async () => {
    const devices = Array.from({ length: 250 }, (_, index) => ({
      ...deviceOf(0, {}, NOW + 100 * DAY),
      udid: `U-${index}`,
      serial: `S${index}`,
    }));
    // All share a certificate, which blocks them: give each its own hash.
    const own = devices.map((device, index) => ({
      ...device,
      certificate:
        device.certificate === null ? null : { ...device.certificate, sha256: index.toString(16).padStart(64, '0') },
    }));
    expect(resultOf(await run({ devices: own }), 'identities-expiring').sentence).toMatch(
      /250 devices .* about 3 hours/,
    );
  });

  it('verify the real signature, not the name', async () => {
    const renamed = { scepCa: scepCaOf(makeCa(FAR, 'other-ca')) };
    expect(resultOf(await run(renamed), 'identities-issuer')).toMatchObject({ code: 'identities-foreign' });
    expect(makePush(TOPIC, FAR).sha256).toHaveLength(64);
  });
});

describe('what a person confirms', () => {
  it('is taken with a name only', async () => {
    for (const by of ['', '   ']) {
      const results = await run({}, { answers: { 'renewal-switch': { by, note: 'set' } } });
      expect(resultOf(results, 'renewal-switch')).toMatchObject({ status: 'warn', code: 'renewal-switch-unconfirmed' });
    }
    const results = await run({}, { answers: { 'renewal-switch': { by: 'Ada', note: 'set on both instances' } } });
    expect(resultOf(results, 'renewal-switch')).toMatchObject({ status: 'pass', acknowledgedBy: 'Ada' });
    expect(resultOf(results, 'renewal-switch').sentence).toContain('set on both instances');
  });
});
