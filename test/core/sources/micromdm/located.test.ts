/** A source whose devices are read again whenever they are asked for must be the same source as one held in memory. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FailureError } from '../../../../src/core/failure';
import { judge, type JudgedDevice } from '../../../../src/core/migration/verdict';
import { readMicroMdm } from '../../../../src/core/sources/micromdm';
import { isHeld } from '../../../../src/core/sequence';
import type { Snapshot, SourceDevice } from '../../../../src/core/sources/snapshot';
import { writeMicroMdm, type DeviceSpec, type MicroMdmOptions } from '../../../micromdm-writer';
import { sharedData } from '../../../shared-data';

const at = Date.UTC(2026, 10, 24, 2);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-located-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Everything of a device, secrets and lazily read fields included. */
function plain(device: SourceDevice): unknown {
  const { certificate, push, unlockToken, bootstrapToken, users, ...rest } = device;
  const pushed = (one: typeof push): unknown => one && { ...one, magic: one.magic.revealText() };
  return {
    ...rest,
    push: pushed(push),
    unlockToken: unlockToken?.reveal().toString('hex'),
    bootstrapToken: bootstrapToken?.reveal().toString('hex'),
    users: users.map((user) => ({ ...user, push: pushed(user.push) })),
    certificate: certificate && {
      sha256: certificate.sha256,
      inDepot: certificate.inDepot,
      der: certificate.der?.toString('hex'),
      notBefore: certificate.notBefore,
      notAfter: certificate.notAfter,
      commonName: certificate.commonName,
      issuedByCa: certificate.issuedByCa,
    },
  };
}

async function both(path: string, keepCertificates = true): Promise<{ held: Snapshot; located: Snapshot }> {
  const options = { at, live: false, keepCertificates, salvage: true };
  return {
    held: await readMicroMdm(path, { ...options, heldBytes: Infinity }),
    located: await readMicroMdm(path, { ...options, heldBytes: 0 }),
  };
}

function compare({ held, located }: { held: Snapshot; located: Snapshot }): void {
  expect(isHeld(held.devices)).toBe(true);
  expect(isHeld(located.devices)).toBe(false);
  const { devices: _held, ...heldRest } = held;
  const { devices: _located, ...locatedRest } = located;
  expect(locatedRest).toEqual(heldRest);
  expect(located.devices.map(plain)).toEqual(held.devices.map(plain));
  const [all, again] = [judge(held, at), judge(located, at)];
  expect(again.counts).toEqual(all.counts);
  expect(again.findings).toEqual(all.findings);
  const judged = ({ verdict, reasons, users }: JudgedDevice): unknown => ({
    verdict,
    reasons,
    users: users.map(({ id }) => id),
  });
  expect(again.devices.map(judged)).toEqual(all.devices.map(judged));
}

const text = fc.constantFrom('AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE', 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', 'X', 'é');
const user = fc.record(
  { id: fc.constantFrom('U1', 'U2', 'u1', 'U3'), push: fc.boolean(), latest: fc.boolean(), authToken: text },
  { requiredKeys: ['id'] },
);
const device: fc.Arbitrary<DeviceSpec> = fc.record(
  {
    udid: fc.oneof(text, fc.constant(null)),
    serial: fc.constantFrom('', 'C02', 'c02', 'AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE'),
    kind: fc.constantFrom('mac', 'iphone', 'ipad', 'appletv'),
    enrolled: fc.boolean(),
    lastSeen: fc.constantFrom(0n, -5n, BigInt(at) * 1_000_000n, BigInt(at + 86_400_000 * 3) * 1_000_000n),
    push: fc.oneof(
      fc.constant(false as const),
      fc.record({ key: text, udid: text, token: fc.constantFrom('ff', '') }, { requiredKeys: [] }),
    ),
    recordPush: fc.constantFrom(false, { token: 'ff' }, {}),
    certificate: fc.oneof(
      fc.constant(false as const),
      fc.record(
        {
          days: fc.constantFrom(-40, 5, 300),
          inDepot: fc.boolean(),
          foreign: fc.boolean(),
          commonName: fc.constantFrom('same', 'a%b'),
          hash: fc.constantFrom(Buffer.alloc(3), Buffer.alloc(32, 7)),
          key: text,
          bytes: fc.constantFrom(Buffer.from('3003020101', 'hex'), Buffer.from('nothing')),
        },
        { requiredKeys: [] },
      ),
    ),
    unboundCertificates: fc.constantFrom(0, 1),
    unlockToken: fc.constantFrom('', 'abc', Buffer.from('token')),
    bootstrapToken: fc.constantFrom(Buffer.from('raw'), Buffer.alloc(24, 65)),
    blocked: fc.boolean(),
    index: fc.constantFrom(true, false, 'elsewhere'),
    users: fc.uniqueArray(user, { maxLength: 3, selector: ({ id }) => id }),
    commands: fc.constant([{ requestType: 'EraseDevice' }]),
    uuid: fc.constant('other'),
    rawName: fc.constant(Buffer.from([0x41, 0xff])),
    raw: fc.constant(Buffer.from([0xff])),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<DeviceSpec>;

const database: fc.Arbitrary<MicroMdmOptions> = fc.record(
  {
    extra: fc.array(device, { maxLength: 8 }),
    devices: fc.nat(4),
    orphans: fc.nat(2),
    deleted: fc.nat(2),
    superseded: fc.nat(2),
    dangling: fc.nat(2),
    sharedIpad: fc.boolean(),
    garbageDepot: fc.nat(2),
    blocked: fc.constantFrom([], ['X']),
    without: fc.constantFrom([], ['mdm.UDIDCertAuth'], ['mdm.DeviceCommands']),
  },
  { requiredKeys: ['extra'] },
);

describe('devices left in the file', () => {
  it('are those held in memory, whatever the database', async () => {
    const path = join(folder, 'any.db');
    await fc.assert(
      fc.asyncProperty(database, fc.boolean(), async (options, keep) => {
        writeMicroMdm(path, { ...options, at });
        compare(await both(path, keep));
      }),
      { numRuns: process.env['SLIPWAY_SOAK'] === '1' ? 2_000 : 40 },
    );
  });

  it.skipIf(sharedData('micromdm', 'small.db') === null)('are those of the real databases', async () => {
    for (const name of ['small.db', 'medium.db', 'pagesize16k.db'])
      compare(await both(sharedData('micromdm', name) as string));
  });

  it('are found by index, in any order', async () => {
    const path = join(folder, 'random.db');
    writeMicroMdm(path, { devices: 300, at });
    const { held, located } = await both(path);
    for (let step = 0; step < 300; step += 1) {
      const index = (step * 7919) % 300;
      expect(plain(located.devices.at(index) as SourceDevice)).toEqual(plain(held.devices.at(index) as SourceDevice));
    }
  });

  it('say so when the copy was changed under them', async () => {
    const path = join(folder, 'changed.db');
    writeMicroMdm(path, { devices: 50, at });
    const { located } = await both(path);
    writeFileSync(path, Buffer.alloc(1024));
    expect(() => [...located.devices]).toThrow(FailureError);
  });
});
