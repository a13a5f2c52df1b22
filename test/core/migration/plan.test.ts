import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { canonicalHash } from '../../../src/core/migration/canonical';
import { formatPlan, parsePlan, type Plan, type PlanDevice } from '../../../src/core/migration/plan';
import { isHeld, MadeSequence } from '../../../src/core/sequence';
import { Secret } from '../../../src/core/secret';
import type { Snapshot, SourceDevice } from '../../../src/core/sources/snapshot';
import { noServer } from '../../servers/mysql';
import { buildDevice, buildSnapshot, INSTANT, renewed, snapshotOf } from '../../snapshot-builder';
import { FleetBench } from './fleet-bench';

const MAC = buildDevice(0);
const IPHONE = buildDevice(3);

function only(plan: Plan): PlanDevice {
  const [device] = plan.devices;
  if (device === undefined || plan.devices.length !== 1) throw new Error('one device was expected');
  return device;
}

const codes = (plan: Plan): string[] => only(plan).reasons.map((reason) => reason.code);

async function host(bench: FleetBench, uuid: string, serial: string): Promise<void> {
  await bench.sql('INSERT INTO hosts (osquery_host_id, uuid, hardware_serial, platform) VALUES (?, ?, ?, ?)', [
    `${uuid}-${serial}`,
    uuid,
    serial,
    'darwin',
  ]);
}

describe.skipIf(noServer)('a plan', () => {
  let bench: FleetBench;
  beforeAll(async () => void (bench = await FleetBench.open('generation-newest')));
  afterAll(() => bench.close());
  beforeEach(() => bench.reset());

  const planOf = (device: SourceDevice, more: Parameters<FleetBench['plan']>[1] = {}): Promise<Plan> =>
    bench.plan(snapshotOf([device]), more);

  it('is the same for the same source, target and choices, whatever the clock', async () => {
    const snapshot = buildSnapshot(30);
    const [one, two] = [await bench.plan(snapshot), await bench.plan(snapshot)];
    expect(formatPlan(two)).toBe(formatPlan(one));
    const { id, ...body } = one;
    expect(canonicalHash(body)).toBe(id);
    expect(
      formatPlan(one)
        .split('\n')
        .filter((line) => line.includes('"udid"')),
    ).toHaveLength(30);
  });

  it('is the same, to the byte, of devices that are not in memory', async () => {
    const snapshot = buildSnapshot(30);
    await bench.bringIn(snapshotOf(snapshot.devices.slice(0, 10)));
    await host(bench, snapshot.devices.at(3)?.udid ?? '', 'OTHER');
    const list = [...snapshot.devices, ...snapshot.devices.slice(0, 2)];
    const made = new MadeSequence(list.length, (at) => list[at] as SourceDevice);
    const wave = new Set([...list.slice(0, 25).map(({ udid }) => udid ?? ''), 'UNKNOWN']);
    const held = await bench.plan({ ...snapshot, devices: list }, { wave });
    const spooled = await bench.plan({ ...snapshot, devices: made }, { wave, spool: bench.folder });
    expect(isHeld(spooled.devices)).toBe(false);
    expect(formatPlan(spooled)).toBe(formatPlan(held));
    expect(parsePlan(formatPlan(spooled)).id).toBe(held.id);
  });

  it('holds no secret', async () => {
    const snapshot = buildSnapshot(30);
    await bench.bringIn(snapshot);
    const later: Snapshot = {
      ...snapshot,
      devices: snapshot.devices.map((device) => ({
        ...renewed(device),
        push: device.push === null ? null : { ...device.push, magic: new Secret('push magic', 'NEW-MAGIC') },
        ...(device.unlockToken === null ? {} : { unlockToken: new Secret('unlock token', 'NEW-UNLOCK-TOKEN') }),
      })),
    };
    const plan = await bench.plan(later);
    expect(plan.counts.refresh).toBe(30);
    const text = formatPlan(plan);
    for (const device of [...snapshot.devices, ...later.devices]) {
      const secrets = [device.push?.magic, device.unlockToken, device.bootstrapToken, device.users[0]?.push?.magic];
      for (const secret of secrets) {
        if (!secret) continue;
        expect(text).not.toContain(secret.revealText());
        expect(text).not.toContain(secret.reveal().toString('base64'));
        expect(text).not.toContain(secret.reveal().toString('hex'));
      }
    }
    expect(text).toMatch(/‹push magic, 9 bytes, sha256 [0-9a-f]{12}…›/);
  });

  it('is refused when anything in it was changed, and named for what it is otherwise', async () => {
    const plan = await planOf(MAC);
    const text = formatPlan(plan);
    expect(parsePlan(text)).toEqual(plan);
    expect(parsePlan(JSON.stringify(JSON.parse(text)))).toEqual(plan);
    expect(() => parsePlan(text.replace('"reason": "a test"', '"reason": "another"'))).toThrow('plan/altered');
    expect(() => parsePlan(text.replace('"schema": 1', '"schema": 2'))).toThrow('plan/unknown-schema');
    expect(() => parsePlan(text.slice(0, -20))).toThrow('plan/unreadable');
    expect(() => parsePlan('[]')).toThrow('plan/not-a-plan');
    expect(() => parsePlan('{"kind":"other"}')).toThrow('plan/not-a-plan');
    const { id: _id, ...body } = plan;
    const odd = { ...body, extra: 1 };
    expect(() => parsePlan(JSON.stringify({ ...odd, id: canonicalHash(odd) }))).toThrow('plan/malformed');
  });

  it('holds a caution until it is accepted by name, every one of them', async () => {
    const silent = { ...MAC, lastSeen: BigInt(INSTANT - 100 * 86_400_000) * 1_000_000n };
    const held = await planOf(silent, { accepted: new Set() });
    expect(only(held).action).toBe('held');
    expect(codes(held)).toEqual(['silent', 'no-agent']);
    expect(held.remedies['silent']).toBeTruthy();
    expect(only(await planOf(silent, { accepted: new Set(['silent']) })).action).toBe('held');
    const going = await planOf(silent, { accepted: new Set(['silent', 'no-agent']), reason: 'agreed' });
    expect(only(going)).toMatchObject({ action: 'insert', verdict: 'caution' });
    expect(going).toMatchObject({ accepted: ['no-agent', 'silent'], reason: 'agreed' });
  });

  it('asks for an agent on Macs; Fleet makes the hosts of iPhones itself where it can', async () => {
    expect(codes(await planOf(MAC))).toEqual(['no-agent']);
    expect(codes(await planOf(IPHONE))).toEqual([]);
    const udid = MAC.udid ?? '';
    await host(bench, udid.toLowerCase(), MAC.serial ?? '');
    expect(codes(await planOf(MAC))).toEqual(['host-uuid-case']);
    await bench.sql('DELETE FROM hosts');
    await host(bench, udid, MAC.serial ?? '');
    expect(codes(await planOf(MAC))).toEqual([]);
  });

  it('notices a serial number under another UDID', async () => {
    await host(bench, 'OTHER-MAC', MAC.serial ?? '');
    await host(bench, '', IPHONE.serial ?? '');
    expect(codes(await planOf(MAC))).toEqual(['no-agent', 'serial-in-hosts-under-other-udid']);
    expect(codes(await planOf(IPHONE))).toEqual([]);
    await host(bench, 'OTHER-IPHONE', IPHONE.serial ?? '');
    const plan = await planOf(IPHONE);
    expect(codes(plan)).toEqual(['serial-in-hosts-under-other-udid']);
    expect(only(plan).action).toBe('held');
  });

  it('blocks a certificate that Fleet has tied to another id, however many associations there are', async () => {
    const sha256 = MAC.certificate?.sha256 ?? '';
    await bench.sql('INSERT INTO nano_cert_auth_associations (id, sha256) VALUES (?, ?)', ['OTHER', sha256]);
    const plan = await planOf(MAC);
    expect(only(plan)).toMatchObject({ action: 'blocked', verdict: 'blocked', targetSha256: 'absent' });
    expect(codes(plan)).toContain('association-taken');
  });

  it('blocks an id that Fleet has in another case', async () => {
    const lower = (MAC.udid ?? '').toLowerCase();
    await bench.sql("INSERT INTO nano_devices (id, authenticate, updated_at) VALUES (?, 'x', '2000-01-01 00:00:00')", [
      lower,
    ]);
    const plan = await planOf(MAC);
    expect(only(plan).action).toBe('blocked');
    expect(codes(plan)).toEqual(expect.arrayContaining(['case-conflict', 'left-in-fleet']));
  });

  it('blocks values and times that do not fit, and teams that are not there', async () => {
    const certificate = MAC.certificate;
    if (certificate === null) throw new Error('the builder changed');
    const late = await planOf({ ...MAC, certificate: { ...certificate, notAfter: Date.UTC(2040, 0) } });
    // Either the rows keep such a time within MySQL's bounds, or the device is blocked; it never sinks a batch.
    expect(['insert', 'blocked']).toContain(only(late).action);
    const long = await planOf({ ...MAC, name: '"'.repeat(9_000), modelName: '"'.repeat(9_000) });
    expect(only(long).action).toBe('blocked');
    expect(codes(long)).toContain('value-too-long');

    const unknown = await planOf(MAC, { teamOf: () => 7 });
    expect(codes(unknown)).toContain('team-unknown');
    await bench.sql("INSERT INTO teams (id, name) VALUES (7, 'seven')");
    const snapshot = snapshotOf([MAC]);
    const { plan, result } = await bench.bringIn(snapshot, { teamOf: () => 7 });
    expect(only(plan)).toMatchObject({ action: 'insert', teamId: 7 });
    expect(result.counts.inserted).toBe(1);
    expect(await bench.sql('SELECT enroll_team_id FROM nano_devices')).toEqual([{ enroll_team_id: 7 }]);
  });

  it('keeps what Fleet enrolled itself, also when the source would block it', async () => {
    const udid = MAC.udid ?? '';
    await bench.sql("INSERT INTO nano_devices (id, authenticate) VALUES (?, 'x')", [udid]);
    await bench.sql(
      "INSERT INTO nano_enrollments (id, device_id, type, topic, push_magic, token_hex) VALUES (?, ?, 'Device', 't', 'm', 'ab')",
      [udid, udid],
    );
    expect(only(await planOf(MAC)).action).toBe('keep');
    expect(codes(await planOf(MAC))).toEqual(expect.arrayContaining(['fleet-native', 'row-updated']));
    const gone = await planOf({ ...MAC, enrolled: false, push: null });
    expect(only(gone)).toMatchObject({ action: 'keep', verdict: 'blocked', rowsSha256: null });
  });

  it('says so when a device that is blocked now stands in Fleet from an earlier import', async () => {
    await bench.bringIn(snapshotOf([MAC]));
    const plan = await planOf({ ...MAC, push: null });
    expect(only(plan).action).toBe('blocked');
    expect(codes(plan)).toContain('left-in-fleet');
  });

  it('covers a wave and nothing else, and names what the source does not have', async () => {
    const snapshot = buildSnapshot(10);
    const wave = new Set([snapshot.devices.at(1)?.udid ?? '', snapshot.devices.at(2)?.udid ?? '', 'UNKNOWN']);
    const plan = await bench.plan(snapshot, { wave });
    expect(plan.counts).toMatchObject({ devices: 2, insert: 2, outsideWave: 8 });
    expect(plan.wave).toMatchObject({ devices: 3, unknown: ['UNKNOWN'] });
    expect((await bench.apply(plan, snapshot)).counts).toMatchObject({ planned: 2, inserted: 2 });
  });

  it('leaves records without a UDID out, and writes an id that is there twice not at all', async () => {
    const twin = { ...buildDevice(5), udid: MAC.udid };
    const plan = await bench.plan(snapshotOf([MAC, twin, { ...buildDevice(1), udid: null }]));
    expect(plan.counts).toMatchObject({ devices: 2, blocked: 2, withoutUdid: 1 });
    expect(plan.devices.at(0)?.reasons.map((reason) => reason.code)).toContain('id-twice');
  });

  it('names every column a refresh changes', async () => {
    await bench.bringIn(snapshotOf([MAC]));
    const plan = await planOf({ ...MAC, name: 'new' });
    expect(only(plan).changes).toMatchObject([
      {
        table: 'nano_devices',
        row: MAC.udid,
        change: 'update',
        columns: [['authenticate', expect.any(String), expect.any(String)]],
      },
    ]);
  });
});
