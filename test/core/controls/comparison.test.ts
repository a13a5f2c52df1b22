/** What is updated, new, left behind; conflicts; what Fleet refuses; what is removed and what never is. */
import { describe, expect, it } from 'vitest';
import { fleetRefusals } from '../../../src/core/controls/acceptance';
import { compareControls, sourceControls, type ControlsComparison } from '../../../src/core/controls/comparison';
import { planRemoval, removalCommand, removalTasks, type RemovalPlan } from '../../../src/core/controls/removal';
import { Hosts } from '../../../src/core/fleet/hosts';
import type { FleetProfile } from '../../../src/core/fleet/profiles';
import { Secret } from '../../../src/core/secret';
import type { CommandedProfile, ProfileCommands } from '../../../src/core/sources';
import type { Snapshot } from '../../../src/core/sources/snapshot';
import * as plist from 'plist';
import { buildDevice } from '../../snapshot-builder';
import { fleetProfile, mobileconfig, opened, payload, snapshotWith, sourceProfile, type Payload } from './profiles';

const RESTRICTIONS = 'com.apple.applicationaccess';

const stored = (
  identifier: string,
  payloads: readonly Payload[],
  root: Payload = {},
): ReturnType<typeof sourceProfile> => sourceProfile(identifier, mobileconfig(identifier, payloads, root));

const compare = (
  snapshot: Snapshot,
  fleet: readonly FleetProfile[],
  commands: ProfileCommands | null = null,
): ControlsComparison => compareControls(sourceControls(snapshot, commands), fleet, null);

const standings = ({ rows }: ControlsComparison): Record<string, string> =>
  Object.fromEntries(rows.map(({ identifier, standing }) => [identifier, standing]));

const codes = ({ conflicts }: ControlsComparison): string[] => conflicts.map(({ code }) => code).sort();

function sent(identifier: string, more: Partial<CommandedProfile> = {}): CommandedProfile {
  return {
    identifier,
    displayName: null,
    signed: false,
    payloadTypes: [],
    body: new Secret('profile', mobileconfig(identifier, [payload(RESTRICTIONS, 'r')])),
    installedOn: new Set(),
    waitingFor: new Set(),
    leaving: new Set(),
    versions: 1,
    ...more,
  };
}

describe('standing', () => {
  it('is updated, same, new, left behind or the enrollment profile', () => {
    const wifi = payload('com.apple.wifi.managed', 'w', { SSID_STR: 'a' });
    const snapshot = snapshotWith([
      stored('both', [payload(RESTRICTIONS, 'r', { allowCamera: false })]),
      stored('changed', [payload(RESTRICTIONS, 'r', { allowCamera: false })]),
      stored('old', [wifi]),
      stored('com.example.enroll', [payload('com.apple.mdm', 'm')]),
      stored('com.fleetdm.fleetd.config', [payload('com.fleetdm.fleetd.config', 'f')]),
    ]);
    const comparison = compare(snapshot, [
      fleetProfile('both', mobileconfig('both', [payload(RESTRICTIONS, 'r', { allowCamera: false })])),
      fleetProfile('changed', mobileconfig('changed', [payload(RESTRICTIONS, 'r', { allowCamera: true })])),
      fleetProfile('fresh', mobileconfig('fresh', [])),
      fleetProfile('declared', Buffer.alloc(0), { kind: 'declaration', body: null }),
    ]);
    expect(standings(comparison)).toEqual({
      both: 'same',
      changed: 'updated',
      old: 'left-behind',
      'com.example.enroll': 'enrollment',
      'com.fleetdm.fleetd.config': 'fleets-own',
      fresh: 'new',
      declared: 'new',
    });
    expect(comparison.rows.find(({ identifier }) => identifier === 'changed')?.payloads[0]?.changes).toEqual([
      { path: 'allowCamera', source: { text: 'no', masked: false }, fleet: { text: 'yes', masked: false } },
    ]);
  });

  it('knows by the history whether a device has it', () => {
    const snapshot = snapshotWith([stored('never', []), stored('waits', []), stored('at enrollment', [])], {
      blueprints: [
        { uuid: 'u', name: 'all', profileIdentifiers: ['at enrollment'], manifestUrls: [], appliesAtEnroll: true },
      ],
    });
    const commands: ProfileCommands = {
      hasHistory: true,
      unreadable: 0,
      profiles: [
        sent('waits', { waitingFor: new Set(['a']) }),
        sent('by command', { installedOn: new Set(['a', 'b']) }),
        sent('taken off', {}),
      ],
    };
    expect(standings(compare(snapshot, [], commands))).toEqual({
      never: 'stored-only',
      waits: 'left-behind',
      'at enrollment': 'left-behind',
      'by command': 'left-behind',
      'taken off': 'stored-only',
    });
    // Without a history nothing is taken for gone.
    expect(standings(compare(snapshot, [], { ...commands, hasHistory: false }))['never']).toBe('left-behind');
    expect(standings(compare(snapshot, []))['never']).toBe('left-behind');
  });
});

describe('conflicts', () => {
  const old = (payloads: readonly Payload[], fleet: readonly FleetProfile[] = []): string[] =>
    codes(compare(snapshotWith([stored('old', payloads)]), fleet));
  const both = (before: readonly Payload[], after: readonly Payload[], root: Payload = {}): string[] =>
    codes(compare(snapshotWith([stored('one', before, root)]), [fleetProfile('one', mobileconfig('one', after))]));

  it.each([
    ['nothing', [payload(RESTRICTIONS, 'r')], []],
    ['Wi-Fi left', [payload('com.apple.wifi.managed', 'w')], ['network-left']],
    ['VPN left', [payload('com.apple.vpn.managed', 'w')], ['network-left']],
    ['an identity left', [payload('com.apple.security.scep', 's')], ['identity-left']],
    ['trust left', [payload('com.apple.security.root', 's')], ['trust-left']],
    ['escrow', [payload('com.apple.security.FDERecoveryKeyEscrow', 'e')], ['disk-encryption']],
    ['FileVault in MCX', [payload('com.apple.MCX', 'e', { dontAllowFDEDisable: true })], ['disk-encryption']],
    ['other MCX', [payload('com.apple.MCX', 'e', { DisableGuestAccount: true })], []],
  ])('%s', (_name, payloads, expected) => {
    expect(old(payloads)).toEqual(expected);
  });

  it('of a type a device can have once', () => {
    const other = fleetProfile('new', mobileconfig('new', [payload('com.apple.loginwindow', 'x')]));
    expect(old([payload('com.apple.loginwindow', 'y')], [other])).toEqual(['payload-type-twice']);
    expect(
      old([payload(RESTRICTIONS, 'y')], [fleetProfile('new', mobileconfig('new', [payload(RESTRICTIONS, 'x')]))]),
    ).toEqual([]);
  });

  it('of an update that moves the network, an identity, or the channel', () => {
    const wifi = (name: string): Payload => payload('com.apple.wifi.managed', 'w', { SSID_STR: name });
    expect(both([wifi('a')], [wifi('a')])).toEqual([]);
    expect(both([wifi('a')], [wifi('b')])).toEqual(['network-changes']);
    expect(both([wifi('a')], [])).toEqual(['network-changes']);
    expect(both([payload('com.apple.security.pkcs12', 'i')], [])).toEqual(['identity-changes']);
    expect(both([payload(RESTRICTIONS, 'r')], [payload(RESTRICTIONS, 'r')], { PayloadScope: 'User' })).toEqual([
      'scope-differs',
    ]);
  });

  it('of a reference to a certificate that is not there', () => {
    expect(both([], [payload('com.apple.wifi.managed', 'w', { PayloadCertificateUUID: 'nowhere' })])).toEqual([
      'reference-dangling',
    ]);
  });

  it('of names and of case', () => {
    const fleet = [fleetProfile('OLD', mobileconfig('OLD', [payload(RESTRICTIONS, 'r')]))];
    expect(old([payload(RESTRICTIONS, 'r')], fleet)).toEqual(['identifier-case']);
    const named = [fleetProfile('other', mobileconfig('other', []), { name: 'name of old' })];
    expect(old([payload(RESTRICTIONS, 'r')], named)).toEqual(['name-taken']);
  });
});

describe('what Fleet refuses', () => {
  const refused = (identifier: string, payloads: readonly Payload[], root: Payload = {}): string[] =>
    fleetRefusals(opened(mobileconfig(identifier, payloads, root))).map(({ code }) => code);

  it.each([
    ['nothing of an ordinary profile', refused('a', [payload(RESTRICTIONS, 'r')]), []],
    ['its own identifiers', refused('com.fleetdm.caroot', []), ['reserved-identifier']],
    ['its own identifiers inside', refused('a', [payload('x', 'com.fleetdm.fleetd.config')]), ['reserved-identifier']],
    ['its own names', refused('a', [], { PayloadDisplayName: 'Disk encryption' }), ['reserved-name']],
    ['FileVault', refused('a', [payload('com.apple.MCX.FileVault2', 'f')]), ['disk-encryption']],
    ['enrollment', refused('a', [payload('com.apple.mdm', 'm')]), ['enrollment-profile']],
    ['no name', refused('a', [], { PayloadDisplayName: '' }), ['no-name']],
    ['no identifier', refused('', []), ['no-identifier']],
    ['another type', refused('a', [], { PayloadType: 'Other' }), ['not-a-configuration']],
    ['another scope', refused('a', [], { PayloadScope: 'Everyone' }), ['scope-invalid']],
  ])('%s', (_name, found, expected) => {
    expect(found).toEqual(expected);
  });

  it('what cannot be read', () => {
    const of = (bytes: Buffer): string[] => fleetRefusals(opened(bytes)).map(({ code }) => code);
    expect(of(Buffer.from('bplist00'))).toEqual(['profile-binary']);
    expect(of(Buffer.from('no profile'))).toEqual(['profile-unreadable']);
    expect(of(mobileconfig('a', [], { EncryptedPayloadContent: Buffer.from('x') }))).toEqual(['profile-encrypted']);
  });
});

describe('removal', () => {
  const devices = Array.from({ length: 6 }, (_, at) => buildDevice(at)).filter(({ udid }) => udid !== null);
  const udids = devices.map(({ udid }) => udid ?? '');
  const profiles = [
    stored('plain', [payload(RESTRICTIONS, 'r')]),
    stored('wifi', [payload('com.apple.wifi.managed', 'w')]),
    stored('cert', [payload('com.apple.security.pkcs12', 'w')]),
    stored('user', [payload(RESTRICTIONS, 'r')], { PayloadScope: 'User' }),
    stored('my.enroll', [payload('com.apple.mdm', 'm'), payload('com.apple.security.scep', 's')]),
    stored('kept', [payload(RESTRICTIONS, 'r')]),
  ];
  const snapshot = snapshotWith(profiles, { devices });
  const fleet = [fleetProfile('kept', mobileconfig('kept', []))];
  const plan = (identifiers: readonly string[], more: Partial<Parameters<typeof planRemoval>[0]> = {}): RemovalPlan =>
    planRemoval({
      snapshot,
      rows: compare(snapshot, fleet).rows,
      fleetKnown: true,
      identifiers,
      wave: new Set(udids),
      way: 'old-server',
      place: 'mdm.example.com',
      accepted: new Set(),
      hosts: null,
      ...more,
    });

  it.each([
    ['my.enroll', 'enrollment-profile', false],
    ['com.github.micromdm.micromdm.enroll', 'enrollment-profile', false],
    ['com.github.micromdm.micromdm.ENROLL.mdm', 'enrollment-profile', false],
    ['com.fleetdm.fleet.mdm.apple', 'fleets-own', false],
    ['kept', 'still-in-fleet', true],
    ['wifi', 'carries-network', true],
    ['cert', 'carries-identity', true],
    ['nobody knows it', 'unknown-profile', true],
  ])('%s is refused: %s', (identifier, code, overridable) => {
    const refused = plan([identifier]);
    expect(refused.refusals).toMatchObject([{ identifier, code, overridable }]);
    expect(refused.commands).toBe(0);
    const accepted = plan([identifier], { accepted: new Set([code]) });
    expect(accepted.commands > 0).toBe(overridable);
  });

  it('of the profile named as the enrollment profile is refused, whatever is in it', () => {
    const odd = { ...snapshot, enrollmentProfile: { identifier: 'plain' } as Snapshot['enrollmentProfile'] };
    expect(plan(['plain'], { snapshot: odd }).refusals).toMatchObject([{ code: 'enrollment-profile' }]);
  });

  it('goes to the enrolled devices of the wave, and to nobody else', () => {
    const wave = new Set(udids.slice(0, 3));
    const found = plan(['plain'], { wave });
    const enrolled = devices.filter((one) => one.enrolled && wave.has(one.udid ?? '')).map((one) => one.udid);
    expect(found.subjects[0]?.targets).toEqual([...enrolled].sort());
    expect(removalTasks(found)).toEqual(
      [...enrolled].sort().map((udid) => ({
        udid,
        subject: 'plain',
        requestType: 'RemoveProfile',
        fields: { Identifier: 'plain' },
      })),
    );
  });

  it('goes only to those that have it, where the history tells', () => {
    const commands: ProfileCommands = {
      hasHistory: true,
      unreadable: 0,
      profiles: [sent('plain', { installedOn: new Set([udids[0] ?? '', 'somebody else']) })],
    };
    const rows = compare(snapshot, fleet, commands).rows;
    const found = plan(['plain'], { rows });
    expect(found.subjects[0]?.targets).toEqual([udids[0]]);
    expect(found.skipped.find(({ code }) => code === 'not-installed')?.udids.length).toBeGreaterThan(0);
  });

  it('through Fleet needs hosts, and leaves the user channel alone', () => {
    const hosts = new Hosts();
    hosts.add({ id: 1, uuid: udids[0] ?? '', serial: 's', teamId: null, platform: 'darwin', hasAgent: true });
    const found = plan(['plain'], { way: 'fleet', hosts });
    expect(found.subjects[0]?.targets).toEqual([udids[0]]);
    expect(found.skipped.find(({ code }) => code === 'no-host')?.udids).toHaveLength(udids.length - 1);
    expect(plan(['user'], { way: 'fleet', hosts }).refusals).toMatchObject([
      { code: 'user-channel', overridable: false },
    ]);
    expect(plist.parse(removalCommand('a & <b>'))).toEqual({
      Command: { RequestType: 'RemoveProfile', Identifier: 'a & <b>' },
    });
  });

  it('has the same id for the same wave, another for another', () => {
    expect(plan(['plain']).id).toBe(plan(['plain']).id);
    expect(plan(['plain'], { wave: new Set(udids.slice(1)) }).id).not.toBe(plan(['plain']).id);
    expect(plan(['plain'], { place: 'other.example.com' }).id).not.toBe(plan(['plain']).id);
  });
});
