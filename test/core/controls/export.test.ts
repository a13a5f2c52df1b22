/** The export for Fleet: signatures made by openssl come off, bytes stay, and the YAML says what another reader reads. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { sourceControls } from '../../../src/core/controls/comparison';
import { planExport, writeExport } from '../../../src/core/controls/export';
import { canary, givenAway } from '../../cli/canary';
import { OpensslBench } from '../inspector/openssl-bench';
import { failureOf } from '../fleet/target';
import { mobileconfig, payload, snapshotWith, sourceProfile } from './profiles';

const bench = new OpensslBench();
const folder = mkdtempSync(join(tmpdir(), 'slipway-export-'));
beforeAll(() => {
  bench.sh('genrsa -out signer.key 2048');
  bench.selfSigned('signer', 'signer.key', '/CN=Somebody', 300);
});
afterAll(() => {
  bench.close();
  rmSync(folder, { recursive: true, force: true });
});

function signed(xml: Buffer, ...more: string[]): Buffer {
  const input = bench.write('plain.mobileconfig', xml);
  bench.run(
    'cms',
    '-sign',
    '-nodetach',
    '-binary',
    '-outform',
    'DER',
    '-signer',
    bench.path('signer.pem'),
    '-inkey',
    bench.path('signer.key'),
    '-in',
    input,
    '-out',
    bench.path('signed.mobileconfig'),
    ...more,
  );
  return bench.read('signed.mobileconfig');
}

describe('an export', () => {
  it('writes profiles as Fleet takes them, and the part of a team file that names them', async () => {
    const password = 'Correct-Horse-Battery-9';
    const wifi = mobileconfig('com.example.wifi', [
      payload('com.apple.wifi.managed', 'w', { Password: password, SSID_STR: 'Office' }),
    ]);
    const odd = mobileconfig('com.example/ünïcode: "x"\n- y', [payload('com.apple.dock', 'd')]);
    const bare = Buffer.from(
      mobileconfig('com.example.bare', [])
        .toString()
        .replace(/^<\?xml[^>]*\?>\n/, ''),
    );
    const controls = sourceControls(
      snapshotWith([
        sourceProfile('com.example.wifi', signed(wifi)),
        sourceProfile('com.example.streamed', signed(mobileconfig('com.example.streamed', []), '-stream')),
        sourceProfile('com.example/ünïcode: "x"\n- y', odd),
        sourceProfile('com.example.bare', bare),
        sourceProfile(
          'com.example.variable',
          mobileconfig('com.example.variable', [payload('x', 'x', { a: '$HOME' })]),
        ),
        sourceProfile(
          'com.example.vault',
          mobileconfig('com.example.vault', [payload('com.apple.MCX.FileVault2', 'v')]),
        ),
        sourceProfile('com.example.enroll', mobileconfig('com.example.enroll', [payload('com.apple.mdm', 'm')])),
        sourceProfile(
          'com.example.twin',
          mobileconfig('com.example.twin', [], { PayloadDisplayName: 'NAME OF com.example.bare' }),
        ),
      ]),
      null,
    );
    const out = join(folder, 'out');
    const written = await writeExport(planExport(controls, "Müller's: team"), out);
    expect(written.leftOut.map(({ identifier, code }) => [identifier, code])).toEqual([
      ['com.example.enroll', 'enrollment-profile'],
      ['com.example.twin', 'name-taken'],
      ['com.example.vault', 'disk-encryption'],
    ]);
    const by = new Map(written.profiles.map((one) => [one.identifier, one]));
    const bytes = (identifier: string): Buffer => readFileSync(join(out, by.get(identifier)?.file ?? ''));
    expect(bytes('com.example.wifi').equals(wifi)).toBe(true);
    expect(by.get('com.example.wifi')).toMatchObject({
      unsigned: true,
      secretFields: ['com.apple.wifi.managed: Password'],
      hasVariables: false,
    });
    expect(bytes('com.example.streamed').toString()).toContain('com.example.streamed');
    expect(bytes('com.example/ünïcode: "x"\n- y').equals(odd)).toBe(true);
    expect(bytes('com.example.bare').toString()).toBe(`<?xml version="1.0" encoding="UTF-8"?>\n${bare.toString()}`);
    expect(by.get('com.example.variable')?.hasVariables).toBe(true);
    // What the listing says holds no secret, and neither does the YAML.
    const yaml = readFileSync(join(out, written.gitops), 'utf8');
    expect(givenAway(JSON.stringify(written) + yaml, [canary('password', password)])).toEqual([]);
    const team = parse(yaml) as { name: string; controls: { macos_settings: { custom_settings: { path: string }[] } } };
    expect(Object.keys(team)).toEqual(['name', 'controls']);
    expect(team.name).toBe("Müller's: team");
    // Paths are relative to the team's file.
    expect(
      team.controls.macos_settings.custom_settings.map(
        ({ path }) => readFileSync(join(out, dirname(written.gitops), path)).length,
      ),
    ).toEqual(written.profiles.map(({ size }) => size));
    expect(yaml).toContain('com.example.vault (disk-encryption)');
    const entries = readdirSync(out, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777;
      expect([entry.name, mode.toString(8)]).toEqual([entry.name, entry.isDirectory() ? '700' : '600']);
    }
    expect((await failureOf(() => writeExport(planExport(controls, "Müller's: team"), out))).code).toBe('file/exists');
  });

  it('for hosts without a team has the file Fleet knows', () => {
    const planned = planExport([], null);
    expect(planned.gitops).toBe('teams/no-team.yml');
    expect(parse(planned.files.get('teams/no-team.yml')?.toString() ?? '')).toMatchObject({ name: 'No team' });
  });
});
