/** A real MicroMDM database written as a table by a second implementation gives the same devices and the same rows. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KNOWN_SCHEMAS } from '../../../../src/core/fleet/schema';
import { hashRows, deriveRows } from '../../../../src/core/migration/rows';
import { judge, type JudgedDevice } from '../../../../src/core/migration/verdict';
import { writePem } from '../../../../src/core/certificates/pem';
import { parseSource, printSource, readSource, withCompanions } from '../../../../src/core/sources';
import { readMicroMdm } from '../../../../src/core/sources/micromdm/index';
import type { Snapshot } from '../../../../src/core/sources/snapshot';
import { sharedData } from '../../../shared-data';
import { rowsOf, writeTable, type TableRow } from '../../../table-writer';

const AT = Date.parse('2026-11-24T03:00:00Z');
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'slipway-table-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const absent = sharedData('micromdm', 'medium.db') === null;
const [, , newest] = KNOWN_SCHEMAS;

/** What the database gives and no table can say: oddities of its records, its queue, where its push records lay. */
function comparable({ devices }: Snapshot): unknown[] {
  return devices
    .filter(({ udid }) => udid !== null)
    .map(
      ({
        recordId: _,
        reasons: _r,
        pending: _p,
        push,
        users,
        unlockToken,
        bootstrapToken,
        certificate,
        ...device
      }) => ({
        ...device,
        certificate: certificate && { ...certificate, der: certificate.der?.toString('hex') },
        push: push && [push.topic, push.magic.sha256(), push.tokenHex],
        unlockToken: unlockToken?.sha256() ?? null,
        bootstrapToken: bootstrapToken?.sha256() ?? null,
        users: users
          .filter(({ superseded, tokenMatches }) => !superseded && tokenMatches !== false)
          .map((user) => [user.id, user.shortName, user.longName, user.push?.magic.sha256(), user.push?.tokenHex]),
      }),
    );
}

const textOf = (snapshot: Snapshot): string =>
  JSON.stringify(
    comparable(snapshot),
    (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    1,
  );

/** A device that no table can carry, because the database itself says something impossible about it. */
function isFit({ device }: JudgedDevice): boolean {
  return device.udid !== null && !device.blockedAtSource && /^[0-9A-Za-z-]+$/.test(device.udid);
}

describe.skipIf(absent)(`a table of a real database${absent ? ' (skipped: ../shared/data is absent)' : ''}`, () => {
  it.each(['small.db', 'medium.db'])('%s', async (name) => {
    const all = await readMicroMdm(sharedData('micromdm', name) ?? '', { at: AT });
    const truth = judge(all, AT);
    const fit = truth.devices.filter(isFit);
    const snapshot = { ...all, devices: fit.map(({ device }) => device) };
    const ca = join(folder, `${name}.ca.pem`);
    const push = join(folder, `${name}.push.pem`);
    writeFileSync(
      ca,
      `${all.scepCa?.key?.revealText() ?? ''}${writePem('CERTIFICATE', all.scepCa?.der ?? Buffer.alloc(0))}`,
    );
    writeFileSync(push, writePem('CERTIFICATE', all.push?.der ?? Buffer.alloc(0)));
    writeFileSync(`${push}.key`, all.push?.key?.reveal() ?? '');
    const path = join(folder, `${name}.csv`);
    writeFileSync(path, writeTable(rowsOf(snapshot), { mark: true, delimiter: ';' }));
    const typed = withCompanions(`csv:${path}`, { 'scep-ca': ca, 'push-certificate': push, 'push-key': `${push}.key` });
    expect(printSource(parseSource(typed))).toBe(typed);

    const read = await readSource(parseSource(typed), { at: AT });
    expect(read.findings).toEqual([]);
    // As text: comparing ten thousand objects one by one takes the test runner seconds.
    expect(textOf(read)).toBe(textOf(snapshot));
    expect([
      read.instant,
      read.scepCa?.sha256,
      read.scepCa?.keyMatches,
      read.push?.topic,
      read.push?.keyMatches,
    ]).toEqual([all.instant, all.scepCa?.sha256, true, all.push?.topic, true]);

    // The same rows for Fleet, to the byte, wherever both let the device in.
    const hashesOf = ({ devices }: { devices: Iterable<JudgedDevice> }, { instant }: Snapshot): Map<string, string> =>
      new Map(
        [...devices]
          .filter(({ verdict, device }) => verdict !== 'blocked' && device.enrolled)
          .map((one) => [one.device.udid ?? '', hashRows(deriveRows(one, { schema: newest!, instant, teamId: null }))]),
      );
    const wanted = hashesOf({ devices: fit }, all);
    expect([...hashesOf(judge(read, AT), read)].join('\n')).toBe([...wanted].join('\n'));
    expect(wanted.size).toBeGreaterThan(name === 'small.db' ? 10 : 500);

    // And the same from JSON.
    if (name !== 'small.db') return;
    const items = new Map<string, TableRow & { users?: TableRow[] }>();
    for (const { udid = '', ...row } of rowsOf(snapshot)) {
      if (row['user_id'] === undefined) items.set(udid, { udid, ...row });
      else (items.get(udid)!.users ??= []).push(row);
    }
    const json = join(folder, `${name}.json`);
    writeFileSync(json, JSON.stringify([...items.values()], null, 1));
    const again = await readSource(parseSource(typed.replace('.csv#', '.json#')), { at: AT });
    expect(textOf(again)).toBe(textOf(read));
    const reasons = ({ devices }: Snapshot): string => JSON.stringify(devices.map((device) => device.reasons));
    expect(reasons(again)).toBe(reasons(read));
  });
});
