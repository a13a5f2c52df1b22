/** Who is meant: percentages as mdmproxy computes them, lists, filters, teams; and the ladder as a file. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { describeChoice, resolveChoice, type Choice } from '../../../src/core/cutover/choice';
import { changed, findLadder, makeLadder, readLadder, saveLadder, usualRungs } from '../../../src/core/cutover/ladder';
import { certificateObstacle, entryObstacle } from '../../../src/core/cutover/obstacle';
import { fnv1a32, isWithin } from '../../../src/core/cutover/percentage';
import { Hosts } from '../../../src/core/fleet/hosts';
import { judge } from '../../../src/core/migration/verdict';
import { buildSnapshot, INSTANT, JUDGED_AT } from '../../snapshot-builder';
import { failureOf } from '../fleet/target';

describe('the percentage', () => {
  it('agrees with mdmproxy’s own examples', () => {
    // From its README, at 50 %.
    expect(isWithin('575424CB-09D7-4CAD-8A7A-D3511FE8A7E2', 50)).toBe(true);
    expect(isWithin('E5C6DBBA-D5CC-4DB6-9560-995F17FB7A59', 50)).toBe(false);
    // FNV's published vectors.
    expect([fnv1a32(''), fnv1a32('a'), fnv1a32('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  });

  it('agrees with the same sum in big integers, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let hash = 2_166_136_261n;
        for (const byte of Buffer.from(text)) hash = ((hash ^ BigInt(byte)) * 16_777_619n) & 0xffff_ffffn;
        expect(fnv1a32(text)).toBe(Number(hash));
      }),
    );
  });

  it('never takes a device out when it is raised', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.integer({ min: 0, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        (udid, left, right) => {
          const [low, high] = [Math.min(left, right), Math.max(left, right)];
          expect(isWithin(udid, low) && !isWithin(udid, high)).toBe(false);
          expect([isWithin(udid, 0), isWithin(udid, 100)]).toEqual([false, true]);
        },
      ),
    );
  });
});

describe('resolveChoice', () => {
  const snapshot = buildSnapshot(60);
  const udids = snapshot.devices.map(({ udid }) => udid!);
  const resolve = (choice: Choice, fleet: Parameters<typeof resolveChoice>[1]['fleet'] = null): string[] => [
    ...resolveChoice(choice, { snapshot, fleet }),
  ];

  it('takes all, those listed, or those within a percentage', () => {
    expect(resolve({ kind: 'all' })).toEqual(udids);
    expect(resolve({ kind: 'list', udids: [udids[3]!, 'gone', udids[1]!] })).toEqual([udids[1], udids[3]]);
    expect(resolve({ kind: 'percentage', percentage: 30 })).toEqual(udids.filter((udid) => isWithin(udid, 30)));
  });

  it('filters by platform, name and certificate', () => {
    const filter = { kind: 'filter', platform: null, nameContains: null, certificateEndsBefore: null } as const;
    expect(resolve({ ...filter, platform: 'ios' })).toEqual(
      snapshot.devices.flatMap(({ udid, platform }) => (platform === 'ios' ? [udid] : [])),
    );
    expect(resolve({ ...filter, nameContains: 'MACBOOK' }).length).toBeGreaterThan(5);
    const end = INSTANT + 100 * 86_400_000;
    const ending = snapshot.devices
      .filter(({ certificate }) => (certificate?.notAfter ?? 0) < end)
      .map(({ udid }) => udid);
    expect(resolve({ ...filter, certificateEndsBefore: new Date(end).toISOString() })).toEqual(ending);
    expect(describeChoice({ ...filter, platform: 'ios', nameContains: 'x' })).toBe('devices: ios, called «x»');
  });

  it('asks Fleet’s hosts for a team, and refuses to guess without them', async () => {
    const hosts = new Hosts();
    hosts.add({ id: 1, uuid: udids[5]!.toLowerCase(), serial: '', teamId: 3, platform: 'darwin', hasAgent: true });
    hosts.add({ id: 2, uuid: udids[6]!, serial: '', teamId: 4, platform: 'darwin', hasAgent: true });
    expect(resolve({ kind: 'team', team: 'Pilots' }, { teams: [{ id: 3, name: 'Pilots' }], hosts })).toEqual([
      udids[5],
    ]);
    expect((await failureOf(() => resolve({ kind: 'team', team: 'x' }, { teams: [], hosts }))).code).toBe(
      'fleet/unknown-team',
    );
    expect((await failureOf(() => resolve({ kind: 'team', team: 'x' }))).code).toBe('wave/fleet-needed');
  });
});

describe('what holds a wave up', () => {
  it('is the wave before it, below its conditions', () => {
    const entry = { migrated: 0.95, attention: 0 };
    expect(entryObstacle('pilot', entry, { size: 100, migrated: 95, attention: 0 })).toBeNull();
    expect(entryObstacle('pilot', entry, { size: 100, migrated: 94, attention: 0 })?.sentence).toContain(
      '94 of 100 devices (94 %)',
    );
    expect(entryObstacle('pilot', entry, { size: 100, migrated: 100, attention: 1 })?.code).toBe('entry-not-met');
    expect(entryObstacle('pilot', entry, { size: 0, migrated: 0, attention: 0 })).toBeNull();
    expect(entryObstacle('pilot', entry, null)?.code).toBe('entry-not-met');
  });

  it('is a certificate that ends within 14 days of the ladder, unless that device is gone or goes now', () => {
    const snapshot = buildSnapshot(20);
    const judgement = judge(snapshot, JUDGED_AT);
    const ends = INSTANT + 60 * 86_400_000;
    const late = snapshot.devices
      .filter(({ certificate }) => certificate!.notAfter! < ends + 14 * 86_400_000)
      .map(({ udid }) => udid!);
    const ladder = { ends: new Date(ends).toISOString() };
    const obstacle = certificateObstacle(ladder, snapshot, judgement, new Set());
    expect(new Set(obstacle?.devices ?? [])).toEqual(new Set(late));
    expect(certificateObstacle(ladder, snapshot, judgement, new Set(late))).toBeNull();
  });
});

describe('the ladder’s file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-ladder-'));
  const path = join(folder, 'ladder.json');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const ladder = makeLadder(
    {
      source: 'micromdm:/x.db',
      engine: {
        kind: 'haproxy',
        instances: [{ name: 'lb1', map: '/etc/map', socket: '/run/s', file: null, byHand: false }],
      },
      ends: Date.UTC(2026, 11, 24),
      rungs: usualRungs({ kind: 'list', udids: ['A'] }),
    },
    { at: 0, operator: 'ann', workstation: 'here', change: 'made' },
  );

  it('is written in one step, keeps who changed it, and is not written over another’s change', async () => {
    expect(await findLadder(path)).toBeNull();
    expect((await failureOf(() => readLadder(path))).code).toBe('wave/no-ladder');
    await saveLadder(path, ladder);
    expect(await readLadder(path)).toEqual(ladder);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    const next = changed(
      ladder,
      { ends: new Date(0).toISOString() },
      { at: 1, operator: 'ben', workstation: 'there', change: 'ends earlier' },
    );
    await saveLadder(path, next);
    expect(next.history.map(({ operator, change }) => `${operator}: ${change}`)).toEqual([
      'ann: made',
      'ben: ends earlier',
    ]);
    const late = changed(ladder, {}, { at: 2, operator: 'cid', workstation: 'there', change: 'too late' });
    expect((await failureOf(() => saveLadder(path, late))).code).toBe('wave/ladder-changed');
    expect((await readLadder(path)).revision).toBe(2);
  });

  it('refuses two waves of one name', async () => {
    expect(
      (
        await failureOf(() =>
          changed(
            ladder,
            { rungs: [ladder.rungs[0]!, ladder.rungs[0]!] },
            { at: 0, operator: '', workstation: '', change: '' },
          ),
        )
      ).code,
    ).toBe('wave/ladder-rungs');
  });

  it.each([
    ['not JSON', 'x', 'wave/ladder-unreadable'],
    ['of something else', '{"kind":"slipway-plan"}', 'wave/ladder-unreadable'],
    ['of a newer version', '{"kind":"slipway-ladder","schema":2}', 'wave/ladder-newer'],
  ])('refuses a file %s', async (_what, text, code) => {
    writeFileSync(join(folder, 'wrong.json'), text);
    expect((await failureOf(() => readLadder(join(folder, 'wrong.json')))).code).toBe(code);
    expect(readFileSync(join(folder, 'wrong.json'), 'utf8')).toBe(text);
  });

  it('never crashes over any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const file = join(folder, 'any.json');
        writeFileSync(file, JSON.stringify({ ...ladder, rungs: value }));
        await readLadder(file).catch((error: unknown) =>
          expect((error as { failure?: { code: string } }).failure?.code).toBe('wave/ladder-unreadable'),
        );
      }),
      { numRuns: 50 },
    );
  });
});
