/** A table that gives certificates by their hashes alone, with the depot of the SCEP server that issued them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import { parseSource, readSource, withCompanions } from '../../../../src/core/sources';
import { ABSENT, unpackStore } from '../../../nanomdm-stores';
import { rowsOf, TABLE_COLUMNS, writeTable } from '../../../table-writer';
import { AT, readManifest } from '../nanomdm/manifest';

describe.skipIf(ABSENT !== '')(`a table beside a SCEP depot${ABSENT}`, () => {
  let folder: string;
  let depot: string;
  let store: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-table-depot-'));
    depot = unpackStore('scep-depot');
    store = unpackStore('filekv');
  });
  afterAll(() => {
    for (const path of [folder, depot, store]) rmSync(path, { recursive: true });
  });

  it('has its CA, its count and its certificates from there', async () => {
    const options = { at: AT, keyPassphrase: new Secret('passphrase', 'nm-capass') };
    const beside = { 'scep-depot': join(depot, 'depot') };
    const whole = await readSource(parseSource(withCompanions(`nanomdm:${join(store, 'dbkv')}`, beside)), options);
    const devices = whole.devices.filter(({ platform, push, certificate }) => platform && push && certificate?.inDepot);
    expect(devices.length).toBeGreaterThan(30);
    const path = join(folder, 'devices.csv');
    const rows = rowsOf({ devices }).map(({ certificate: _, ...row }) => {
      const sha256 = devices.find(({ udid }) => udid === row['udid'])?.certificate?.sha256 ?? '';
      return row['user_id'] ? row : { ...row, certificate_sha256: sha256, certificate_associated_at: '' };
    });
    writeFileSync(path, writeTable(rows, { columns: TABLE_COLUMNS.filter((name) => name !== 'certificate') }));
    const read = await readSource(parseSource(withCompanions(`csv:${path}`, beside)), options);
    const facts = (snapshot: typeof read) =>
      snapshot.devices
        .filter(({ udid }) => devices.some((device) => device.udid === udid))
        .map(({ udid, certificate }) => [udid, certificate && { ...certificate, associatedAt: null }])
        .sort();
    const atHand = readManifest('manifest.json').enrollments.flatMap(({ certs = [] }) =>
      certs.filter(({ in_depot: stored }) => stored).map(({ sha256 }) => sha256),
    );
    const inDepot = facts(read).filter(([udid]) => {
      const sha256 = devices.find((device) => device.udid === udid)?.certificate?.sha256;
      return atHand.includes(sha256 ?? '');
    });
    expect(inDepot).toEqual(facts(whole).filter(([udid]) => inDepot.some(([other]) => other === udid)));
    expect(inDepot.length).toBeGreaterThan(30);
    const last = BigInt(`0x${readFileSync(join(depot, 'depot', 'serial'), 'utf8').trim()}`);
    expect(read.scepCa).toMatchObject({ keyMatches: true, nextSerial: last + 1n });
    expect(read.scepCa?.sha256).toBe(readManifest('manifest.json').scep_ca.sha256);
  });
});
