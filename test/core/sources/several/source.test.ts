/** How several sources are written and read, with databases of the real server. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judge } from '../../../../src/core/migration/verdict';
import { copySource, parseSource, printSource, readSource, withSources } from '../../../../src/core/sources';
import { sharedData, sharedJson } from '../../../shared-data';
import { failureOf } from '../../fleet/target';
import type { Manifest } from '../micromdm/manifest';

describe('several sources as text', () => {
  it('are printed one way, and read back', () => {
    const reference = parseSource('SEVERAL: [ "micromdm:/tmp/a#b.db", "micromdm:https://mdm.example.com/" ]');
    expect(reference).toMatchObject({ kind: 'several', transport: 'several' });
    const text = printSource(reference);
    expect(text).toBe('several:["micromdm:/tmp/a#b.db","micromdm:https://mdm.example.com"]');
    expect(parseSource(text)).toEqual(reference);
    expect(withSources('micromdm:/tmp/a#b.db', ['micromdm:https://mdm.example.com'])).toBe(text);
    expect(withSources('micromdm:/tmp/a.db', [])).toBe('micromdm:/tmp/a.db');
  });

  it.each([
    ['no JSON', 'several:micromdm:/a,micromdm:/b', 'usage/several'],
    ['no list', 'several:{"a":1}', 'usage/several'],
    ['a list of something else', 'several:["micromdm:/a",1]', 'usage/several'],
    ['one alone', 'several:["micromdm:/a"]', 'usage/several'],
    [
      'too many',
      `several:${JSON.stringify(Array.from({ length: 17 }, (_, at) => `micromdm:/${at}`))}`,
      'usage/several',
    ],
    ['one twice', 'several:["micromdm:/a","micromdm:/x/../a"]', 'usage/several'],
    ['several in several', 'several:["micromdm:/a","several:[\\"micromdm:/b\\",\\"micromdm:/c\\"]"]', 'usage/several'],
    ['an unknown kind', 'several:["micromdm:/a","jamf:/b"]', 'usage/source'],
    ['a password', 'several:["micromdm:/a","micromdm:https://u:secret@h"]', 'usage/secret-in-url'],
  ])('are refused: %s', async (_what, text, code) => {
    const failure = await failureOf(() => parseSource(text));
    expect(failure.code).toBe(code);
    expect(JSON.stringify(failure)).not.toContain('u:secret');
  });

  it('say which of them could not be read', async () => {
    const failure = await failureOf(() =>
      readSource(parseSource('several:["micromdm:/nowhere/a.db","micromdm:/nowhere/b.db"]'), { at: 0 }),
    );
    expect(failure.message).toMatch(/^Source 1 \(micromdm\): /);
  });

  it('are read each with what is meant for it alone', async () => {
    const text = 'several:["micromdm:https://127.0.0.1:1/a","micromdm:https://127.0.0.1:1/b"]';
    const bySource = new Map([['micromdm:https://127.0.0.1:1/a', { folder: '/nowhere' }]]);
    // Without a folder, and so without what stands for the first one only, it is another failure.
    const first = await failureOf(() => readSource(parseSource(text), { at: 0 }));
    const own = await failureOf(() => readSource(parseSource(text), { at: 0, bySource }));
    expect([first.code, own.code].map((code) => code === 'usage/no-folder')).toEqual([true, false]);
  });
});

const here = sharedData('micromdm', 'medium.db') !== null;

describe.skipIf(!here)('databases of the real server (../shared/data/micromdm)', () => {
  const at = Date.parse('2026-11-24T02:00:00Z');
  const path = (file: string): string => sharedData('micromdm', file) ?? '';
  let small: Manifest;
  let medium: Manifest;
  let folder: string;
  beforeAll(() => {
    small = sharedJson('micromdm', 'small.json') as Manifest;
    medium = sharedJson('micromdm', 'medium.json') as Manifest;
    folder = mkdtempSync(join(tmpdir(), 'slipway-several-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('of two servers with two CAs: the first leads, and its devices are judged as alone', async () => {
    const reference = parseSource(withSources(`micromdm:${path('small.db')}`, [`micromdm:${path('medium.db')}`]));
    const snapshot = await readSource(reference, { at });
    expect(snapshot.devices).toHaveLength(small.device_count + medium.device_count);
    expect(snapshot.scepCa).toMatchObject({
      sha256: small.scep_ca_cert_sha256,
      nextSerial: BigInt(small.scep_next_serial),
      keyMatches: true,
    });
    expect(snapshot.push?.topic).toBe(small.push_cert_topic);
    const differs = snapshot.findings.find(({ code }) => code === 'several/ca-differs');
    expect(differs?.detail).toContain(small.scep_ca_cert_sha256.slice(0, 12));
    expect(differs?.detail).toContain(
      `${medium.scep_ca_cert_sha256.slice(0, 12)}…, ${medium.devices_with_udid} devices`,
    );

    const alone = judge(await readSource(parseSource(`micromdm:${path('small.db')}`), { at }), at);
    const { devices } = judge(snapshot, at);
    const own = devices.filter(({ device }) => device.recordId.startsWith('1/'));
    expect(own.map(({ device, verdict }) => `${device.recordId.slice(2)} ${verdict}`)).toEqual(
      alone.devices.map(({ device, verdict }) => `${device.recordId} ${verdict}`),
    );
    const others = devices.filter(({ device }) => device.recordId.startsWith('2/'));
    expect(new Set(others.map(({ verdict }) => verdict))).toEqual(new Set(['blocked']));
    expect(
      others.filter(({ reasons }) => reasons.some(({ code }) => code === 'certificate-foreign-issuer')).length,
    ).toBe(medium.devices_with_cert_in_depot);
  });

  it('of the same devices twice: those alive in both are blocked in both; the copy is a capture that gives the same', async () => {
    const reference = parseSource(withSources(`micromdm:${path('small.db')}`, [`micromdm:${path('pagesize16k.db')}`]));
    const snapshot = await readSource(reference, { at });
    const judgement = judge(snapshot, at);
    expect(judgement.counts).toMatchObject({ devices: 2 * small.devices_with_udid, ready: 0, caution: 0 });
    const found = snapshot.findings.find(({ code }) => code === 'several/same-device');
    expect(found?.subjects).toHaveLength(new Set(small.devices.map(({ udid }) => udid).filter(Boolean)).size);

    const copy = await copySource(reference, join(folder, 'copies'), { at });
    expect(readdirSync(join(folder, 'copies'))).toEqual([`several-${copy.sha256.slice(0, 16)}.capture`]);
    const again = await readSource({ kind: 'several', transport: 'file', location: copy.path }, { at });
    expect(again.source).toMatchObject({ kind: 'several', sha256: copy.sha256, size: copy.size });
    expect(judge(again, at).devices.map(({ verdict, reasons }) => [verdict, reasons])).toEqual(
      judgement.devices.map(({ verdict, reasons }) => [verdict, reasons]),
    );
    expect((await copySource(reference, join(folder, 'copies'), { at })).sha256).toBe(copy.sha256);
  });
});
