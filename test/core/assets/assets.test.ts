import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBlocks } from '../../../src/core/assets/plan';
import { uploadPushCertificate } from '../../../src/core/fleet/api';
import { unreadable } from '../../../src/core/failure';
import type { FleetConnection } from '../../../src/core/fleet/connection';
import { Secret } from '../../../src/core/secret';
import { noServer, SCHEMAS } from '../../servers/mysql';
import { buildSnapshot } from '../../snapshot-builder';
import { makeCa, makePush, TOPIC } from '../fleet/certificate';
import {
  AssetsBench,
  CA,
  codeOf,
  FLEETS_CA,
  FLEETS_PUSH,
  FLEETS_TOPIC,
  material,
  NOW,
  openAsset,
  PRIVATE_KEY,
  PUSH,
} from './assets-bench';

const NAMES = ['apns_cert', 'apns_key', 'ca_cert', 'ca_key'];

describe.skipIf(noServer).each(SCHEMAS)('assets on %s', (schema) => {
  let bench: AssetsBench;
  beforeAll(async () => void (bench = await AssetsBench.open(schema)));
  afterAll(() => bench.close());
  beforeEach(() => bench.reset());

  it('go into a fresh Fleet, and open with an implementation of its own', async () => {
    const challenge = (await bench.active()).get('scep_challenge');
    const plan = await bench.plan(material(CA, PUSH, 40n));
    expect(plan).toMatchObject({ privateKeyProvenBy: 'scep_challenge', blocks: [], changes: { ca: 'new' } });
    expect(plan.assets.map(({ action }) => action)).toEqual(['insert', 'insert', 'insert', 'insert']);
    expect(plan.ways.map(({ way, applies }) => [way, applies])).toEqual([
      ['rows', true],
      ['environment', true],
      ['api', true],
    ]);
    expect(plan.serials).toMatchObject({ sourceNext: '40', targetNext: '2', serial: '100040' });

    const result = await bench.apply(plan, material(CA, PUSH, 40n), { reason: 'a test' });
    expect(result).toMatchObject({ outcome: 'written', serial: 'inserted', rehearsal: false });
    const active = await bench.active();
    expect([...active.keys()].sort()).toEqual([...NAMES, 'scep_challenge']);
    expect(active.get('scep_challenge')).toEqual(challenge);
    const value = (name: string): string => openAsset(active.get(name)?.value ?? Buffer.alloc(0));
    expect(new X509Certificate(value('ca_cert')).raw).toEqual(CA.der);
    expect(new X509Certificate(value('apns_cert')).raw).toEqual(PUSH.der);
    for (const [cert, key] of [
      ['ca_cert', 'ca_key'],
      ['apns_cert', 'apns_key'],
    ] as const) {
      expect(value(key)).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
      expect(new X509Certificate(value(cert)).checkPrivateKey(createPrivateKey(value(key)))).toBe(true);
    }
    for (const name of NAMES) {
      const row = active.get(name);
      expect(row?.md5_checksum).toEqual(
        createHash('md5')
          .update(row?.value ?? '')
          .digest(),
      );
      expect(row?.value.subarray(0, 12)).not.toEqual(challenge?.value.subarray(0, 12));
      if (row !== undefined && 'renew_at' in row) {
        const end = name === 'apns_cert' ? '2027-06-01' : name === 'ca_cert' ? '2038-01-19' : null;
        const renewAt = row.renew_at == null ? null : new Date(row.renew_at).toISOString().slice(0, 10);
        expect(renewAt).toBe(end);
      }
    }

    // Again: nothing to do, and nothing done; the plan that was carried out is recognised too.
    const before = await bench.dump();
    expect((await bench.plan()).assets.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep', 'keep']);
    expect(await bench.apply(plan, material(CA, PUSH, 40n))).toMatchObject({ outcome: 'already', serial: null });
    expect(await bench.dump()).toBe(before);
  });

  it('replace what Fleet has; undo gives it back byte for byte', async () => {
    await bench.putFleetsOwn();
    const before = await bench.dump();
    const plan = await bench.plan();
    expect(plan.changes).toEqual({ ca: 'different', topic: { now: FLEETS_TOPIC, wanted: TOPIC, changes: true } });
    expect(plan.ways.map(({ way, applies }) => [way, applies])).toEqual([
      ['rows', true],
      ['environment', false],
      ['api', true],
    ]);
    expect(await bench.apply(plan, material(), { rehearse: true })).toMatchObject({ outcome: 'written' });
    expect(await bench.dump()).toBe(before);

    const result = await bench.apply(plan);
    const rows = await bench.rows();
    expect(rows).toHaveLength(9);
    const deleted = rows.filter((row) => row.deletion_uuid !== '');
    expect(deleted.map(({ name }) => name).sort()).toEqual(NAMES);
    expect(deleted.every((row) => row.deleted_at !== null)).toBe(true);
    expect(openAsset((await bench.active()).get('ca_key')?.value ?? Buffer.alloc(0))).toBe(CA.keyPem);

    expect(await bench.undo(result.journal, { rehearse: true })).toMatchObject({ rehearsal: true });
    expect(await bench.rows()).toEqual(rows);
    const undone = await bench.undo(result.journal);
    expect(undone.removed.map(({ name }) => name).sort()).toEqual(NAMES);
    expect(undone.restored.map(({ name }) => name).sort()).toEqual(NAMES);
    expect(await bench.dump()).toBe(before);
    expect(await bench.undo(result.journal)).toMatchObject({ removed: [], restored: [] });
    expect(await bench.dump()).toBe(before);

    // The same may go in again, into the same journal, and be taken back again.
    const again = await bench.apply(await bench.plan());
    expect(again).toMatchObject({ outcome: 'written', journal: result.journal });
    await bench.undo(again.journal);
    expect(await bench.dump()).toBe(before);
  });

  it('are refused with a wrong private key before anything is written', async () => {
    await bench.putFleetsOwn();
    const before = await bench.dump();
    const other = 'another-key-that-is-quite-long-enough-for-Fleet';
    expect(await codeOf(bench.plan(material(), other))).toBe('fleet/private-key-wrong');
    const plan = await bench.plan();
    for (const [key, code] of [
      [other, 'fleet/private-key-wrong'],
      ['short', 'fleet/private-key-short'],
    ] as const) {
      expect(await codeOf(bench.apply(plan, material(), { privateKey: new Secret('k', key) }))).toBe(code);
    }
    expect(await bench.dump()).toBe(before);
    expect(bench.files()).toEqual([]);
  });

  it('are not written with a key that nothing proves', async () => {
    await bench.fleet.sql('DELETE FROM mdm_config_assets');
    const plan = await bench.plan();
    expect(plan.blocks.map(({ code }) => code)).toEqual(['private-key-unproven']);
    expect(plan.ways.map(({ applies }) => applies)).toEqual([false, true, false]);
    expect(await codeOf(bench.apply(plan, material(), { accepted: new Set(['private-key-unproven']) }))).toBe(
      'assets/blocked',
    );
    expect(await bench.rows()).toEqual([]);
  });

  it('stay out while Fleet manages devices of its own, whatever is accepted', async () => {
    await bench.putFleetsOwn();
    await bench.native();
    const accepted = new Set(['native-enrollments', 'escrowed-keys']);
    const plan = await bench.plan();
    expect(openBlocks(plan, accepted).map(({ code }) => code)).toEqual(['native-enrollments']);
    expect(await codeOf(bench.apply(plan, material(), { accepted }))).toBe('assets/blocked');
    // The topic alone, and the CA alone, are enough.
    expect((await bench.plan(material(FLEETS_CA))).blocks.map(({ code }) => code)).toEqual(['native-enrollments']);
    expect((await bench.plan(material(CA, FLEETS_PUSH))).blocks.map(({ code }) => code)).toEqual([
      'native-enrollments',
    ]);
    // What cannot be read may be any CA.
    await bench.fleet.sql("UPDATE mdm_config_assets SET value = REPEAT('x', 60) WHERE name = 'ca_cert'");
    expect((await bench.plan(material(CA, FLEETS_PUSH))).blocks.map(({ code }) => code)).toContain(
      'native-enrollments',
    );
    await bench.fleet.sql("DELETE FROM mdm_config_assets WHERE name <> 'scep_challenge'");
    await bench.putFleetsOwn();

    // A renewed push certificate of the same topic and a CA with the same key cut nobody off.
    const renewed = makePush(FLEETS_TOPIC, Date.UTC(2028, 1, 1));
    const extended = makeCa(Date.UTC(2044, 0, 1), 'fleet ca', { subject: [{ shortName: 'CN', value: 'Fleet CA' }] });
    const harmless = await bench.plan(material(extended, renewed));
    expect(harmless).toMatchObject({ blocks: [], changes: { ca: 'reissued', topic: { changes: false } } });

    // A device that was switched off holds nothing up.
    await bench.fleet.sql('UPDATE nano_enrollments SET enabled = 0');
    expect((await bench.plan()).blocks).toEqual([]);
  });

  it('stop for a device that enrolled after they were shown', async () => {
    await bench.putFleetsOwn();
    const plan = await bench.plan();
    await bench.native();
    const before = await bench.dump();
    expect(await codeOf(bench.apply(plan))).toBe('assets/blocked');
    expect(await bench.dump()).toBe(before);
    await bench.fleet.sql('DELETE FROM nano_devices');
    await bench.fleet.sql("DELETE FROM mdm_config_assets WHERE name = 'apns_key'");
    await bench.put('apns_key', PUSH.keyPem);
    expect(await codeOf(bench.apply(plan))).toBe('assets/changed-since-plan');
  });

  it('take an acceptance by name when disk encryption keys are escrowed', async () => {
    await bench.putFleetsOwn();
    await bench.fleet.sql("INSERT INTO hosts (id, osquery_host_id, uuid, platform) VALUES (7, '7', 'U', 'darwin')");
    await bench.fleet.sql("INSERT INTO host_disk_encryption_keys (host_id, base64_encrypted) VALUES (7, 'MIIB')");
    const plan = await bench.plan();
    expect(plan.blocks).toMatchObject([{ code: 'escrowed-keys', overridable: true }]);
    expect(await codeOf(bench.apply(plan))).toBe('assets/blocked');
    const result = await bench.apply(plan, material(), {
      accepted: new Set(['escrowed-keys']),
      reason: 'exported yesterday',
    });
    expect(result.outcome).toBe('written');
    expect(readFileSync(result.journal, 'utf8')).toContain(
      '"accepted":["escrowed-keys"],"reason":"exported yesterday"',
    );
    await bench.undo(result.journal);
    // Same key, issuer and serial: those keys can still be read. Another serial: not.
    const subject = [{ shortName: 'CN', value: 'Fleet CA' }];
    const extended = makeCa(Date.UTC(2044, 0, 1), 'fleet ca', { subject });
    expect((await bench.plan(material(extended))).blocks).toEqual([]);
    const renumbered = makeCa(Date.UTC(2044, 0, 1), 'fleet ca', { subject, serial: '02' });
    expect((await bench.plan(material(renumbered))).blocks.map(({ code }) => code)).toEqual(['escrowed-keys']);
    // A Windows key is encrypted otherwise.
    await bench.fleet.sql("UPDATE hosts SET platform = 'windows'");
    expect((await bench.plan()).blocks).toEqual([]);
  });

  it('are not taken back, nor changed, once a device has proof', async () => {
    const snapshot = buildSnapshot(4);
    const result = await bench.apply(await bench.plan());
    const { result: imported } = await bench.fleet.bringIn(snapshot);
    expect(imported.counts.inserted).toBe(4);
    expect((await bench.plan()).devices).toMatchObject({ native: 0, imported: 4, importedInContact: 0 });
    const udid = snapshot.devices.at(1)?.udid ?? '';
    const contact = [
      schema === 'generation-newest'
        ? 'INSERT INTO nano_seen_times (id, seen_time) VALUES (?, NOW())'
        : 'UPDATE nano_enrollments SET last_seen_at = NOW() WHERE id = ?',
      [udid],
    ] as const;
    const before = await bench.dump();
    // One that comes between the two looks counts as well.
    const late = bench.undo(result.journal, {
      wait: async (milliseconds) => {
        expect(milliseconds).toBeGreaterThanOrEqual(2_000);
        await bench.fleet.sql(contact[0], [...contact[1]]);
      },
    });
    expect(await codeOf(late)).toBe('assets-undo/device-proof');
    expect(await codeOf(bench.undo(result.journal))).toBe('assets-undo/device-proof');
    expect(await bench.dump()).toBe(before);
    const plan = await bench.plan(material(FLEETS_CA));
    expect(plan.devices.importedInContact).toBe(1);
    expect(openBlocks(plan, new Set(['imported-in-contact'])).map(({ code }) => code)).toEqual(['imported-in-contact']);

    // Without proof they may go; a device Fleet enrolled since is proof again.
    await bench.fleet.reset();
    const second = await bench.apply(await bench.plan(material(FLEETS_CA)), material(FLEETS_CA));
    await bench.native('NEW', new Date().toISOString().slice(0, 19).replace('T', ' '));
    expect(await codeOf(bench.undo(second.journal))).toBe('assets-undo/device-proof');
    await bench.fleet.sql('DELETE FROM nano_devices');
    expect((await bench.undo(second.journal)).restored).toHaveLength(2);
    expect(await bench.dump()).toBe(before);
  });

  it('are not taken back when somebody has replaced one since, or from another Fleet', async () => {
    await bench.putFleetsOwn();
    const result = await bench.apply(await bench.plan());
    await bench.fleet.sql(
      "UPDATE mdm_config_assets SET deleted_at = NOW(), deletion_uuid = 'fleet' WHERE name = 'apns_cert' AND deletion_uuid = ''",
    );
    await bench.put('apns_cert', PUSH.pem);
    const before = await bench.dump();
    expect(await codeOf(bench.undo(result.journal))).toBe('assets-undo/rows-changed');
    expect(await bench.dump()).toBe(before);

    const elsewhere = await AssetsBench.open('generation-469');
    try {
      const more = { connect: () => elsewhere.fleet.connect('write') };
      expect(await codeOf(bench.undo(result.journal, more))).toBe('assets-undo/other-target');
    } finally {
      await elsewhere.close();
    }
    bench.removeFiles();
    const rehearsed = await bench.apply(await bench.plan(material(FLEETS_CA)), material(FLEETS_CA), { rehearse: true });
    expect(await codeOf(bench.undo(rehearsed.journal))).toBe('assets-undo/rehearsal');
  });

  it('mend what is only half right: another form of the key, a wrong checksum', async () => {
    await bench.put('ca_cert', CA.pem);
    await bench.put('ca_key', CA.keyPem);
    await bench.put('apns_cert', PUSH.pem);
    const pkcs8 = createPrivateKey(PUSH.keyPem).export({ type: 'pkcs8', format: 'pem' }).toString();
    await bench.put('apns_key', pkcs8);
    await bench.fleet.sql("UPDATE mdm_config_assets SET md5_checksum = REPEAT('x', 16) WHERE name = 'ca_key'");
    const plan = await bench.plan();
    expect(plan.assets.map(({ name, action }) => [name, action])).toEqual([
      ['ca_cert', 'keep'],
      ['ca_key', 'replace'],
      ['apns_cert', 'keep'],
      ['apns_key', 'replace'],
    ]);
    const before = await bench.dump();
    const result = await bench.apply(plan);
    expect(openAsset((await bench.active()).get('apns_key')?.value ?? Buffer.alloc(0))).toBe(PUSH.keyPem);
    // Its wrong checksum comes back with it.
    await bench.undo(result.journal);
    expect(await bench.dump()).toBe(before);
  });

  it('are written once, whatever happens to the connection', async () => {
    await bench.putFleetsOwn();
    const before = await bench.dump();
    const plan = await bench.plan();
    const broken = bench.apply(plan, material(), {
      probePoint: (point) => (point === 'intent' ? Promise.reject(new Error('killed')) : Promise.resolve()),
    });
    expect(await codeOf(broken)).toContain('killed');
    expect(await bench.dump()).toBe(before);

    let cut = false;
    const result = await bench.apply(plan, material(), {
      probePoint: async (point) => {
        if (point !== 'intent' || cut) return;
        cut = true;
        const sessions = await bench.fleet.sql('SELECT IS_USED_LOCK(?) AS id', [
          `slipway:${bench.fleet.database.name}`,
        ]);
        await bench.fleet.sql(`KILL ${String(sessions[0]?.['id'])}`);
      },
    });
    expect(result).toMatchObject({ outcome: 'written' });
    expect(await bench.rows()).toHaveLength(9);
    // The first transaction is open in the journal, and shows itself as rolled back.
    expect(await bench.undo(result.journal)).toMatchObject({ restored: [{}, {}, {}, {}] });
    expect(await bench.dump()).toBe(before);
  });

  it('are known for written when only the answer to the commit was lost', async () => {
    await bench.putFleetsOwn();
    const before = await bench.dump();
    let lost = false;
    const connect = async (): Promise<FleetConnection> => {
      const connection = await bench.fleet.connect('write');
      const commit = async (): Promise<void> => {
        await connection.commit();
        if (lost) return;
        lost = true;
        unreadable('fleet/connection-lost', 'The answer was lost.', 'None.');
      };
      return new Proxy(connection, {
        get(target, name): unknown {
          const value: unknown = Reflect.get(target, name, target);
          if (name === 'commit') return commit;
          return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
        },
      });
    };
    const result = await bench.apply(await bench.plan(), material(), { connect });
    expect([lost, result.outcome, result.written.length]).toEqual([true, 'written', 4]);
    expect(await bench.rows()).toHaveLength(9);
    expect(readFileSync(result.journal, 'utf8')).toContain('"kind":"outcome","batch":1,"outcome":"unknown"');
    expect((await bench.undo(result.journal)).restored).toHaveLength(4);
    expect(await bench.dump()).toBe(before);
  });

  it('go on through Fleet’s API without a restart, and all of it comes back', async () => {
    await bench.putFleetsOwn();
    const before = await bench.dump();
    let asked: string[] = [];
    let status = 202;
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        asked = [request.method ?? '', request.url ?? '', request.headers.authorization ?? ''];
        const form = new Response(Buffer.concat(chunks), {
          headers: { 'content-type': request.headers['content-type'] ?? '' },
        }).formData();
        void form
          .then((fields) => (fields.get('certificate') as Blob | null)?.text())
          .then(async (pem) => {
            // What Fleet does: the same certificate, its own row (spec/fleet.md 2.3, 2.4).
            if (status === 202) {
              await bench.fleet.sql(
                "UPDATE mdm_config_assets SET deleted_at = NOW(), deletion_uuid = UUID() WHERE name = 'apns_cert' AND deletion_uuid = ''",
              );
              await bench.put('apns_cert', (pem ?? '').trimEnd(), PRIVATE_KEY, '2037-01-01 00:00:00');
            }
            response.writeHead(status).end();
          });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const upload = (): Promise<void> => uploadPushCertificate({ url, caFile: null }, new Secret('t', 'tok'), PUSH.pem);
    try {
      const rehearsed = await bench.apply(await bench.plan(), material(), { upload, rehearse: true });
      expect([rehearsed.uploaded, asked]).toEqual([null, []]);
      const result = await bench.apply(await bench.plan(), material(), { upload });
      expect(asked).toEqual(['POST', '/api/v1/fleet/mdm/apple/apns_certificate', 'Bearer tok']);
      const fleets = (await bench.active()).get('apns_cert');
      expect(result.uploaded).toEqual({ ok: true, value: { id: fleets?.id } });
      expect(result.written.map(({ id }) => id)).not.toContain(fleets?.id);
      expect((await bench.undo(result.journal)).restored).toHaveLength(5);
      expect(await bench.dump()).toBe(before);

      for (const [answer, code] of [
        [401, 'fleet/api-unauthorized'],
        [403, 'fleet/api-forbidden'],
        [422, 'fleet/api-certificate-refused'],
        [500, 'fleet/api-unreadable'],
      ] as const) {
        status = answer;
        const refusal = await bench.apply(await bench.plan(), material(), { upload });
        expect(refusal.uploaded).toMatchObject({ ok: false, failure: { code } });
      }
      // An answer from another Fleet than the database's.
      const elsewhere = await bench.apply(
        await bench.plan(material(FLEETS_CA, FLEETS_PUSH)),
        material(FLEETS_CA, FLEETS_PUSH),
        {
          upload: () => bench.fleet.sql("DELETE FROM mdm_config_assets WHERE name = 'apns_cert'").then(() => undefined),
        },
      );
      expect(elsewhere.uploaded).toMatchObject({ ok: false, failure: { code: 'assets/upload-not-there' } });
    } finally {
      server.close();
    }
  });

  it('are rolled back when they are read back other than they were sent', async () => {
    await bench.putFleetsOwn();
    const before = await bench.dump();
    await bench.fleet.sql(
      "CREATE TRIGGER meddler BEFORE INSERT ON mdm_config_assets FOR EACH ROW SET NEW.value = CONCAT(NEW.value, 'x')",
    );
    try {
      expect(await codeOf(bench.apply(await bench.plan()))).toBe('assets/read-back-differs');
    } finally {
      await bench.fleet.sql('DROP TRIGGER meddler');
    }
    expect(await bench.dump()).toBe(before);
  });

  it('show and journal no secret', async () => {
    await bench.putFleetsOwn();
    const plan = await bench.plan(material(CA, PUSH, 40n));
    const result = await bench.apply(plan, material(CA, PUSH, 40n));
    const undone = await bench.undo(result.journal);
    const told =
      JSON.stringify(plan) + JSON.stringify(result) + JSON.stringify(undone) + readFileSync(result.journal, 'utf8');
    for (const pem of [CA.keyPem, PUSH.keyPem, FLEETS_CA.keyPem, FLEETS_PUSH.keyPem]) {
      for (const line of pem.split('\n').slice(1, -2)) expect(told).not.toContain(line);
    }
    expect(told).not.toContain(PRIVATE_KEY);
    expect(told).not.toContain('fleets-own-challenge');
    expect(told).toContain(createHash('sha256').update(CA.keyPem).digest('hex'));
    expect(plan.at).toBe(new Date(NOW).toISOString());
  });
});
