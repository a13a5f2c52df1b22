/** fleetd's package looked into: what bsdtar wrote is read, what openssl signed is verified, what is broken is refused. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import * as plist from 'plist';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgePackage, type PackageIntent } from '../../../src/core/agent/judgement';
import { packageManifest } from '../../../src/core/agent/manifest';
import { inspectPackage } from '../../../src/core/agent/package';
import { agentProfile, packageWays } from '../../../src/core/agent/package-command';
import { CpioReader } from '../../../src/core/agent/payload';
import { readTableOfContents } from '../../../src/core/agent/table-of-contents';
import { FailureError } from '../../../src/core/failure';
import { Secret } from '../../../src/core/secret';
import { canary, givenAway } from '../../cli/canary';
import { failureOf } from '../fleet/target';
import { DAEMON, daemonOf, noBsdtar, PackageBench, SECRET } from './package-bench';

const FLEET = 'https://fleet.example.com';
const ENROLL = 'Enroll-Secret-Of-The-Team-0123456789';
const NOW = Date.now();

describe.skipIf(noBsdtar)('a package', () => {
  let bench: PackageBench;
  beforeAll(() => void (bench = new PackageBench()));
  afterAll(() => bench.close());

  const intent = (more: Partial<PackageIntent> = {}): PackageIntent => ({
    fleetUrl: FLEET,
    team: undefined,
    secrets: null,
    teams: [],
    at: NOW,
    ...more,
  });
  const payload = (variables: Record<string, string> = { ORBIT_FLEET_URL: FLEET }, format = 'odc'): Buffer =>
    bench.cpio({ [DAEMON]: daemonOf(variables), [SECRET]: `${ENROLL}\n`, 'opt/orbit/osquery.db/x': 'y' }, format);

  it.each([
    ['odc', 'none'],
    ['newc', 'none'],
    ['odc', 'gzip'],
  ])('of %s cpio in xar compressed with %s is read', async (format, compression) => {
    const path = bench.build(`${format}-${compression}.pkg`, gzipSync(payload(undefined, format)), compression);
    const found = await inspectPackage(path);
    expect(found).toMatchObject({
      identifier: 'com.fleetdm.orbit.base.pkg',
      version: '1.36.0',
      isDistribution: true,
      isFleetd: true,
      fleetUrl: FLEET,
      signer: null,
      unread: null,
    });
    expect(found.enrollSecret?.revealText()).toBe(ENROLL);
    expect(found.sha256).toBe(createHash('sha256').update(bench.read(path)).digest('hex'));
    expect(judgePackage(found, intent()).problems.map(({ code }) => code)).toEqual(['unsigned']);
  });

  it('says that it cannot tell where the payload is packed otherwise', async () => {
    const found = await inspectPackage(bench.build('pbzx.pkg', Buffer.from('pbzx and the rest')));
    expect(found).toMatchObject({ isFleetd: false, unread: 'format' });
    expect(judgePackage(found, intent()).problems.map(({ code }) => code)).toEqual(['unsigned', 'not-told']);
    const other = await inspectPackage(bench.build('other.pkg', gzipSync(bench.cpio({ 'Applications/x': 'y' }))));
    expect(other).toMatchObject({ isFleetd: false, unread: null });
    expect(judgePackage(other, intent()).problems.map(({ code }) => code)).toContain('not-fleetd');
    const cut = await inspectPackage(bench.build('cut.pkg', gzipSync(payload()).subarray(0, 200)));
    expect(cut.unread).toBe('damaged');
  });

  it('is verified against the certificate openssl signed it with', async () => {
    const good = await inspectPackage(bench.fleetd('good.pkg', { ORBIT_FLEET_URL: FLEET }, ENROLL));
    expect(good.signer).toMatchObject({ name: 'Developer ID Installer: Example (ABCDE12345)', isValid: true });
    expect(judgePackage(good, intent()).problems).toEqual([]);
    const bad = await inspectPackage(bench.fleetd('bad.pkg', { ORBIT_FLEET_URL: FLEET }, ENROLL, true));
    expect(bad.signer?.isValid).toBe(false);
    expect(judgePackage(bad, intent()).problems.map(({ code }) => code)).toEqual(['signature-wrong']);
    expect(judgePackage(good, intent({ at: NOW + 3 * 365 * 86_400_000 })).problems.map(({ code }) => code)).toEqual([
      'signer-expired',
    ]);
  });

  it('is judged by Fleet’s address and the secrets Fleet has', async () => {
    const found = await inspectPackage(
      bench.fleetd('judged.pkg', { ORBIT_FLEET_URL: 'https://FLEET.example.com:443/' }, ENROLL),
    );
    const secrets = [
      { teamId: 3, teamName: 'Workstations', secret: new Secret('s', ENROLL) },
      { teamId: null, teamName: null, secret: new Secret('s', 'global') },
    ];
    const teams = [
      { id: 3, name: 'Workstations' },
      { id: 4, name: 'Servers' },
    ];
    const judge = (more: Partial<PackageIntent>): { team: unknown; codes: string[] } => {
      const { team, problems } = judgePackage(found, intent(more));
      return { team, codes: problems.map(({ code }) => code) };
    };
    expect(judge({ secrets, teams, team: 'Workstations' })).toEqual({
      team: { id: 3, name: 'Workstations' },
      codes: [],
    });
    expect(judge({ secrets, teams, team: 'Servers' }).codes).toEqual(['other-team']);
    expect(judge({ secrets, teams, team: null }).codes).toEqual(['other-team']);
    expect(judge({ secrets: secrets.slice(1), teams }).codes).toEqual(['unknown-secret']);
    expect(judge({ fleetUrl: 'https://other.example.com' }).codes).toEqual(['other-fleet']);
    const odd = await inspectPackage(
      bench.fleetd(
        'odd.pkg',
        { ORBIT_INSECURE: 'true', ORBIT_FLEET_URL: FLEET, ORBIT_UPDATE_URL: 'https://updates.fleetdm.com' },
        null,
      ),
    );
    expect(
      judgePackage(odd, intent())
        .problems.map(({ code }) => code)
        .sort(),
    ).toEqual(['insecure', 'no-secret', 'updates-from-internet']);
    const byProfile = await inspectPackage(
      bench.fleetd('profile.pkg', { ORBIT_USE_SYSTEM_CONFIGURATION: 'true' }, null),
    );
    expect(judgePackage(byProfile, intent()).problems.map(({ code }) => code)).toEqual(['from-profile']);
    expect(givenAway(JSON.stringify([found, odd]), [canary('enroll secret', ENROLL)])).toEqual([]);
  });

  it('has a manifest another reader understands, with a hash for every 10 MiB', async () => {
    const path = bench.path('large.pkg');
    const content = Buffer.concat([
      bench.read(bench.fleetd('small.pkg', { ORBIT_FLEET_URL: FLEET }, ENROLL)),
      Buffer.alloc(23 * 1024 * 1024, 5),
    ]);
    writeFileSync(path, content);
    const found = await inspectPackage(path);
    const url = 'https://files.example.com/a%20b.pkg?x=1&y=2';
    const read = plist.parse(packageManifest(found, url)) as {
      items: { assets: Record<string, unknown>[]; metadata: Record<string, unknown> }[];
    };
    const [item] = read.items;
    const hashes = [0, 1, 2].map((at) =>
      createHash('sha256')
        .update(content.subarray(at * 10_485_760, (at + 1) * 10_485_760))
        .digest('hex'),
    );
    expect(item?.assets).toEqual([{ kind: 'software-package', 'sha256-size': 10_485_760, sha256s: hashes, url }]);
    expect(item?.metadata).toMatchObject({
      kind: 'software',
      'bundle-identifier': 'com.fleetdm.orbit.base.pkg',
      'bundle-version': '1.36.0',
      sizeInBytes: content.length,
    });
    expect((await failureOf(() => packageManifest(found, 'http://files.example.com/x.pkg'))).code).toBe('usage/url');
    expect((await failureOf(() => packageManifest(found, 'https://a:b@files.example.com/x.pkg'))).code).toBe(
      'usage/secret-in-url',
    );
  });

  it('that is hostile is refused or told, never a defect', async () => {
    const good = bench.read(bench.build('hostile.pkg', gzipSync(payload())));
    const path = bench.path('mutated.pkg');
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.option(fc.nat(good.length), { freq: 4 }),
        async (changes, cut) => {
          const bytes = Buffer.from(cut === null ? good : good.subarray(0, cut));
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          writeFileSync(path, bytes);
          try {
            judgePackage(await inspectPackage(path), intent());
          } catch (error) {
            if (!(error instanceof FailureError)) throw error;
            expect(error.failure.code).toMatch(/^package\//);
            seen += 1;
          }
        },
      ),
      { numRuns: 150 },
    );
    expect(seen).toBeGreaterThan(0);
    writeFileSync(path, 'PK no package');
    expect((await failureOf(() => inspectPackage(path))).code).toBe('package/not-a-package');
    expect((await failureOf(() => inspectPackage(bench.path('nowhere')))).code).toBe('package/unreadable');
  });

  it('is the same in whatever pieces its payload comes', () => {
    const cpio = payload();
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const reader = new CpioReader(new Set([DAEMON, SECRET, 'never there']));
        for (let at = 0, turn = 0; at < cpio.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          reader.push(cpio.subarray(at, at + size));
          at += size;
        }
        expect(reader.isComplete).toBe(true);
        expect([...reader.files.keys()].sort()).toEqual([DAEMON, SECRET].sort());
        expect(reader.files.get(SECRET)?.toString()).toBe(`${ENROLL}\n`);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the command', () => {
  it('holds no secret, quotes what it names, and says what it shows', () => {
    const [direct, profile] = packageWays({
      fleetUrl: FLEET,
      secretFile: "/tmp/o'brien secret",
      certificateFile: null,
      signIdentity: 'Developer ID Installer: Example (A)',
      desktop: true,
      scripts: false,
      updateUrl: null,
      disableUpdates: true,
    });
    const line = direct?.lines.join('\n') ?? '';
    expect(line).toContain(`--enroll-secret "$(cat '/tmp/o'\\''brien secret')"`);
    expect(line).toContain('--fleet-url https://fleet.example.com');
    expect(line).toContain('--disable-updates');
    expect(direct?.notes.join(' ')).toContain('list of processes');
    expect(profile?.lines.join('\n')).not.toContain('secret');
    expect(profile?.lines.join('\n')).toContain('--use-system-configuration');
  });

  it('of the second way comes with a profile Fleet’s agent understands', () => {
    const body = agentProfile(FLEET, new Secret('s', ' a&b<c \n'), true).revealText();
    expect(plist.parse(body)).toMatchObject({
      PayloadIdentifier: 'com.fleetdm.fleetd.config',
      PayloadType: 'Configuration',
      PayloadContent: [
        { PayloadType: 'com.fleetdm.fleetd.config', EnrollSecret: 'a&b<c', FleetURL: FLEET, EnableScripts: true },
      ],
    });
  });
});

describe('a table of contents', () => {
  it.each([
    ['nothing', ''],
    ['a document type', '<!DOCTYPE x [<!ENTITY a "b">]><xar><toc/></xar>'],
    ['elements that do not close', '<xar><toc>'],
    ['elements that cross', '<xar><toc></xar></toc>'],
    ['another root', '<plist><toc/></plist>'],
    ['a thousand folders deep', `<xar><toc>${'<file>'.repeat(1000)}${'</file>'.repeat(1000)}</toc></xar>`],
  ])('with %s is none', (_name, xml) => {
    expect(readTableOfContents(xml)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('<', '>', '/', '"', '=', ' ', 'a', 'file', 'toc', 'xar', '&#1;', '!', '?', '-'),
        }),
        (text) => {
          readTableOfContents(text);
        },
      ),
      { numRuns: 500 },
    );
  });
});
