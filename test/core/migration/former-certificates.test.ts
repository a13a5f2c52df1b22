// Devices with several certificates the source accepts: every one that Fleet could accept comes along, the present one
// as Fleet's newest.
import { createHash } from 'node:crypto';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { unfitDevices } from '../../../src/core/cutover/fitness';
import { readDevices } from '../../../src/core/fleet/device-rows';
import { orderedRows, writtenHash } from '../../../src/core/migration/difference';
import { CANARY, deriveRows, hashRows, type Row } from '../../../src/core/migration/rows';
import { touchesOf } from '../../../src/core/migration/touched';
import { judge, type JudgedDevice } from '../../../src/core/migration/verdict';
import type { DeviceCertificate, SourceDevice } from '../../../src/core/sources/snapshot';
import { hasSchema, loadSqlFile, noServer } from '../../servers/mysql';
import { buildDevice, INSTANT, JUDGED_AT, snapshotOf } from '../../snapshot-builder';
import { FleetBench } from './fleet-bench';
import {
  deviceOf,
  expectRows,
  FITTING,
  judged,
  rowsFor,
  schemaOf,
  scratch,
  udidOf,
  withoutPauses,
  writeFor,
} from './sql-support';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function certificateOf(seed: string, change: Partial<DeviceCertificate> = {}): DeviceCertificate {
  const der = createHash('sha512').update(seed).digest();
  return {
    sha256: createHash('sha256').update(der).digest('hex'),
    inDepot: true,
    der,
    notBefore: INSTANT - 300 * DAY,
    notAfter: INSTANT + 65 * DAY,
    commonName: null,
    issuedByCa: true,
    associatedAt: INSTANT - 300 * DAY,
    ...change,
  };
}

/** The device with these certificates before the one it has. */
function withFormer(device: SourceDevice, ...formerCertificates: DeviceCertificate[]): SourceDevice {
  return { ...device, formerCertificates };
}

function judgeOne(device: SourceDevice, ...others: SourceDevice[]): JudgedDevice {
  const [one] = judge(snapshotOf([device, ...others]), JUDGED_AT).devices;
  if (one === undefined) throw new Error('nothing judged');
  return one;
}

const said = ({ reasons }: JudgedDevice): string[] => reasons.map(({ code, severity }) => `${severity} ${code}`);

describe('judging earlier certificates', () => {
  const good = certificateOf('good');

  it('takes those Fleet could accept along, once each, without a word', () => {
    const device = buildDevice(0);
    const one = judgeOne(withFormer(device, good, good, device.certificate!));
    expect(one).toMatchObject({ verdict: 'ready', reasons: [], formerCertificates: [good] });
  });

  it.each([
    ['of another CA', certificateOf('foreign', { issuedByCa: false }), 'caution former-certificate-left'],
    ['of an unknown issuer', certificateOf('unknown', { issuedByCa: null }), 'caution former-certificate-left'],
    ['known by its hash', certificateOf('hash', { inDepot: false, der: null }), 'caution former-certificate-left'],
    ['expired', certificateOf('old', { notAfter: JUDGED_AT - 1 }), 'note former-certificate-expired'],
    [
      'expired, of another CA',
      certificateOf('o', { notAfter: 1, issuedByCa: false }),
      'note former-certificate-expired',
    ],
  ])('leaves one %s behind and says so', (_what, former, code) => {
    const one = judgeOne(withFormer(buildDevice(0), former, good));
    expect(said(one)).toEqual([code]);
    expect(one.formerCertificates).toEqual([good]);
  });

  it('ties a certificate of two devices to neither, and blocks the one that presents it', () => {
    const other = buildDevice(5);
    const former = judgeOne(withFormer(buildDevice(0), other.certificate!), other);
    expect(said(former)).toEqual(['caution former-certificate-left']);
    expect(former.formerCertificates).toEqual([]);
    const present = judgeOne(other, withFormer(buildDevice(0), other.certificate!));
    expect(said(present)).toContain('block certificate-shared');
  });

  it('lets the present certificate alone decide', () => {
    const device = withFormer(
      { ...buildDevice(0), certificate: certificateOf('x', { notAfter: JUDGED_AT - 1 }) },
      good,
    );
    expect(judgeOne(device).verdict).toBe('blocked');
    expect(judgeOne({ ...device, certificate: null }).formerCertificates).toEqual([]);
  });
});

describe('their rows', () => {
  const schema = schemaOf('newest');
  const rowsOf = (formers: readonly DeviceCertificate[], certificate: DeviceCertificate, instant: number): Row[] => [
    ...deriveRows(judged(withFormer({ ...deviceOf(1), certificate }, ...formers)), { schema, instant, teamId: null })
      .nano_cert_auth_associations,
  ];

  it('leave created_at to the server where there is one', () => {
    const [row, ...more] = rowsOf([], certificateOf('one'), INSTANT);
    expect(more).toEqual([]);
    expect(Object.keys(row!)).toEqual(['id', 'sha256', 'updated_at', 'cert_not_valid_after']);
  });

  it('carry the time each was bound, and the end each has', () => {
    const former = certificateOf('former', { notAfter: Date.UTC(2027, 0, 2, 3, 4, 5, 678) });
    const present = certificateOf('present', { associatedAt: Date.UTC(2026, 4, 5, 6, 7, 8, 900), notAfter: null });
    expect(rowsOf([former], present, INSTANT)).toEqual([
      {
        id: udidOf(1),
        sha256: former.sha256,
        updated_at: CANARY,
        cert_not_valid_after: '2027-01-02 03:04:05',
        created_at: '2025-11-05 12:00:00',
      },
      {
        id: udidOf(1),
        sha256: present.sha256,
        updated_at: CANARY,
        cert_not_valid_after: '2026-10-01 12:00:00',
        created_at: '2026-05-05 06:07:08',
      },
    ]);
  });

  const time = fc.option(fc.integer({ min: -4e12, max: 4e12 }));
  it('are in their order whatever the source says of times: a second apart, none after the instant', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ associatedAt: time, notBefore: time }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 0, max: 2e12 }),
        (times, instant) => {
          const all = times.map((change, at) => certificateOf(String(at), change));
          const rows = rowsOf(all.slice(0, -1), all.at(-1)!, instant);
          expect(rows.map((row) => row['sha256'])).toEqual(all.map(({ sha256 }) => sha256));
          const written = rows.map((row) => Date.parse(`${String(row['created_at'])}Z`));
          for (const [at, value] of written.entries()) {
            expect(value).toBeLessThanOrEqual(Math.max(instant, Date.parse(`${CANARY}Z`)));
            if (at > 0) expect(value).toBeGreaterThanOrEqual(written[at - 1]! + 1_000);
          }
          // The present one's own time, where it is any.
          const own = all.at(-1)!.associatedAt ?? all.at(-1)!.notBefore;
          if (own !== null && own > Date.parse(`${CANARY}Z`) && own <= instant)
            expect(written.at(-1)).toBe(Math.floor(own / 1_000) * 1_000);
        },
      ),
    );
  });
});

/** What Fleet's renewal takes for the present certificate of each device (spec/fleet.md 3.5). */
const RENEWED_NEXT =
  'SELECT a.id, a.sha256 FROM nano_cert_auth_associations a JOIN (SELECT id, MAX(created_at) AS newest ' +
  'FROM nano_cert_auth_associations GROUP BY id) n ON n.id = a.id AND n.newest = a.created_at ' +
  'JOIN nano_enrollments e ON e.id = a.id AND e.enabled = 1 WHERE a.renew_command_uuid IS NULL ' +
  "AND a.cert_not_valid_after < '2037-01-01' ORDER BY a.id";

const MINE = [0, 2, 3, 5].map((number) => buildDevice(number));
const SEVERAL = MINE.map((device, at) =>
  at === 1
    ? device
    : withFormer(
        device,
        ...Array.from({ length: at + 1 }, (_, number) =>
          certificateOf(`${at} ${number}`, { associatedAt: INSTANT - (200 - number) * DAY }),
        ),
      ),
);

describe.skipIf(noServer).each((['generation-462', 'generation-469', 'generation-newest'] as const).filter(hasSchema))(
  'several certificates on %s',
  (schema) => {
    let bench: FleetBench;
    let files: Awaited<ReturnType<typeof scratch>>;
    beforeAll(async () => {
      bench = await FleetBench.open(schema);
      files = await scratch();
    });
    afterEach(() => bench.reset());
    afterAll(async () => {
      await files.remove();
      await bench.close();
    });

    const present = async (): Promise<string[]> =>
      (await bench.sql(RENEWED_NEXT)).map((row) => `${String(row['id'])} ${String(row['sha256'])}`);
    const expected = (devices: readonly SourceDevice[]): string[] =>
      devices
        .map(({ udid, certificate }) => `${udid} ${certificate?.sha256}`)
        .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));

    it('go in and come out again, with the present one as Fleet’s newest', async () => {
      const snapshot = snapshotOf(SEVERAL);
      const plan = await bench.plan(snapshot);
      expect(plan.written.nano_cert_auth_associations).not.toContain('created_at');
      const rehearsed = await bench.apply(plan, snapshot, { rehearse: true });
      expect(rehearsed.counts).toMatchObject({ inserted: 4, held: 0 });
      expect(await bench.sql('SELECT * FROM nano_cert_auth_associations')).toEqual([]);

      const result = await bench.apply(plan, snapshot);
      expect(result.counts).toMatchObject({ inserted: 4, held: 0 });
      expect((await bench.verify(plan, snapshot)).counts).toMatchObject({ devices: 4, same: 4 });
      expect(await present()).toEqual(expected(SEVERAL));
      const [counted] = await bench.sql('SELECT COUNT(*) AS n FROM nano_cert_auth_associations');
      expect(Number(counted?.['n'])).toBe(4 + 1 + 3 + 4);

      // Long-past times of associations are no import and no contact: untouched, and the same again.
      const again = await bench.bringIn(snapshot);
      expect(again.plan.counts).toMatchObject({ refresh: 4, unchanged: 4 });
      const found = await bench.reading(async (connection) =>
        readDevices(
          connection,
          await bench.schema(),
          SEVERAL.map(({ udid }) => udid!),
        ),
      );
      const one = found.get(SEVERAL[3]!.udid!)!;
      expect(touchesOf(one)).toEqual([]);
      expect(writtenHash(one, plan.written)).toBe(plan.devices.at(3)?.rowsSha256);

      // A row that Fleet adds when it renews is newer than all of them.
      await bench.sql('INSERT INTO nano_cert_auth_associations (id, sha256, cert_not_valid_after) VALUES (?, ?, ?)', [
        SEVERAL[0]!.udid,
        'ab'.repeat(32),
        '2036-01-01 00:00:00',
      ]);
      expect(await present()).toContain(`${SEVERAL[0]!.udid} ${'ab'.repeat(32)}`);
      const undone = await bench.undo(result.journal);
      expect(undone.counts).toMatchObject({ removed: 3, left: 1 });
      expect(undone.left).toMatchObject([{ udid: SEVERAL[0]!.udid, code: 'touched' }]);
      expect((await bench.sql('SELECT DISTINCT id FROM nano_cert_auth_associations')).length).toBe(1);
    });

    it('turn one into several and several into one on a refresh', async () => {
      const one = snapshotOf(MINE);
      await bench.bringIn(one);
      const several = snapshotOf(SEVERAL);
      const { plan, result } = await bench.bringIn(several);
      expect(result.counts).toMatchObject({ refreshed: 3, unchanged: 1, held: 0 });
      expect((await bench.verify(plan, several)).counts).toMatchObject({ same: 4 });
      expect(await present()).toEqual(expected(SEVERAL));
      // A first import is the same, byte for byte; the times of the rows are the source's or the server's.
      const dump = await bench.dump();
      await bench.reset();
      await bench.bringIn(several);
      expect(await bench.dump()).toBe(dump);

      const back = await bench.bringIn(one);
      expect(back.result.counts).toMatchObject({ refreshed: 3, held: 0 });
      expect((await bench.verify(back.plan, one)).counts).toMatchObject({ same: 4 });
      expect(await present()).toEqual(expected(MINE));
    });

    it('block a device whose earlier certificate Fleet ties to another id, at the plan and at apply', async () => {
      const snapshot = snapshotOf(SEVERAL);
      const plan = await bench.plan(snapshot);
      const taken = SEVERAL[2]!.formerCertificates![0]!.sha256;
      await bench.sql('INSERT INTO nano_cert_auth_associations (id, sha256) VALUES (?, ?)', ['SOMEBODY-ELSE', taken]);
      const result = await bench.apply(plan, snapshot);
      expect(result.held).toMatchObject([{ udid: SEVERAL[2]!.udid, code: 'association-taken' }]);
      const later = await bench.plan(snapshot);
      expect(later.devices.at(2)).toMatchObject({ action: 'blocked' });
      expect(later.devices.at(2)?.reasons.map(({ code }) => code)).toContain('association-taken');
    });

    it('make a kept device unfit where Fleet knows the present one only', async () => {
      await bench.bringIn(snapshotOf(MINE));
      const devices = [...judge(snapshotOf(SEVERAL), JUDGED_AT).devices];
      const unfit = await bench.reading(async (connection) => unfitDevices(connection, await bench.schema(), devices));
      expect([...unfit.values()].map(({ udid, code }) => `${udid} ${code}`)).toEqual(
        [0, 2, 3].map((at) => `${SEVERAL[at]!.udid} kept-certificate-differs`),
      );
    });

    it('are written and taken back by the SQL files', async () => {
      const generation = FITTING.find(([, schemas]) => schemas.includes(schema))![0];
      const file = path.join(files.folder, 'several.sql');
      const write = async (devices: readonly JudgedDevice[]): Promise<string> => {
        await writeFor(file, generation, devices, { undoPath: `${file}.undo` });
        return withoutPauses(file);
      };
      const former = (number: number): DeviceCertificate =>
        certificateOf(`former ${number}`, { associatedAt: Date.parse('2023-01-01T00:00:00Z') + number * DAY });
      const before = [judged(deviceOf(1)), judged(withFormer(deviceOf(2), former(1), former(2))), judged(deviceOf(3))];
      await loadSqlFile(bench.database, await write(before));
      await expectRows(bench.database, before.map(rowsFor(generation)));

      const after = [
        judged(withFormer(deviceOf(1), former(3))),
        judged(withFormer(deviceOf(2), former(2))),
        before[2]!,
      ];
      const swift = await write(after);
      await loadSqlFile(bench.database, swift);
      await loadSqlFile(bench.database, swift);
      await expectRows(bench.database, after.map(rowsFor(generation)));

      // One of them tied to somebody else: that device is left alone, whole.
      const more = [...after, judged(withFormer(deviceOf(4), former(4)))];
      await bench.sql('INSERT INTO nano_cert_auth_associations (id, sha256) VALUES (?, ?)', ['ELSE', former(4).sha256]);
      const { stdout } = await loadSqlFile(bench.database, await write(more));
      expect(stdout).toContain(`${udidOf(4)}\tcertificate belongs to another device in Fleet`);
      await bench.sql("DELETE FROM nano_cert_auth_associations WHERE id = 'ELSE'");

      await loadSqlFile(bench.database, await withoutPauses(`${file}.undo`));
      await expectRows(bench.database, []);
    });
  },
);

it('hashes them alike in whatever order they are read', () => {
  const schema = schemaOf('4.69');
  const rows = deriveRows(judged(SEVERAL[3]!), { schema, instant: INSTANT, teamId: null });
  const turned = { ...rows, nano_cert_auth_associations: rows.nano_cert_auth_associations.toReversed() };
  expect(hashRows(orderedRows(turned))).toBe(hashRows(orderedRows(rows)));
});
