/**
 * Any order of things that can happen: imports, drift on both sides, Fleet at work, taking back. Whatever comes, a row
 * that Fleet has touched is never overwritten and never deleted, and what is untouched is as the newest apply left it.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprintsOf } from '../../../src/core/migration/fingerprint';
import type { Plan } from '../../../src/core/migration/plan';
import type { Snapshot, SourceDevice } from '../../../src/core/sources/snapshot';
import { noServer } from '../../servers/mysql';
import { buildDevice, renewed, snapshotOf } from '../../snapshot-builder';
import { FleetBench } from './fleet-bench';

const DEVICES = 4;
const SOAK = process.env['SLIPWAY_SOAK'] === '1';

type Step =
  | { readonly kind: 'plan' | 'apply' | 'rehearse' | 'undo' | 'undo-between' }
  | { readonly kind: 'source' | 'token-update' | 'poll' | 'renewal' | 'delete' | 'enroll'; readonly at: number };

const at = fc.integer({ min: 0, max: DEVICES - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'plan' }) },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'apply' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'rehearse' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'undo' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'undo-between' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('source', 'source', 'token-update', 'poll', 'renewal', 'delete', 'enroll'),
      at,
    }),
  },
);

describe.skipIf(noServer).each(['generation-newest', 'generation-469'] as const)('any history on %s', (schema) => {
  let bench: FleetBench;
  beforeAll(async () => void (bench = await FleetBench.open(schema)));
  afterAll(() => bench.close());

  it(
    'never overwrites or deletes what Fleet has touched',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
          await bench.reset();
          await new History(bench, schema === 'generation-newest').run(steps);
        }),
        { numRuns: SOAK ? 300 : 10, endOnFailure: true },
      );
    },
    SOAK ? 900_000 : 120_000,
  );
});

class History {
  readonly #bench: FleetBench;
  readonly #seenTable: boolean;
  #source: Snapshot = snapshotOf(Array.from({ length: DEVICES }, (_, number) => buildDevice(number + 1, 17)));
  /** The newest plan and the source it was made from. */
  #plan: { readonly plan: Plan; readonly source: Snapshot } | null = null;
  readonly #journals: string[] = [];
  /** All rows of a device as Fleet left them, for the devices Fleet has touched. */
  readonly #touched = new Map<string, string>();
  /** Fingerprint of the source record each untouched device in Fleet was last written from. */
  readonly #written = new Map<string, string>();
  #seed = 100;

  constructor(bench: FleetBench, seenTable: boolean) {
    this.#bench = bench;
    this.#seenTable = seenTable;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.#take(one);
      await this.#check();
    }
  }

  async #take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'plan':
        this.#plan = { plan: await this.#bench.plan(this.#source), source: this.#source };
        break;
      case 'apply':
      case 'rehearse':
        await this.#apply(one.kind === 'rehearse');
        break;
      case 'undo':
      case 'undo-between':
        await this.#undo(one.kind === 'undo-between');
        break;
      case 'source':
        this.#source = {
          ...this.#source,
          devices: this.#source.devices.map((device, index) =>
            index === one.at ? this.#renewed(device, (this.#seed += 1)) : device,
          ),
        };
        break;
      default:
        await this.#fleet(one.kind, this.#udid(one.at));
    }
  }

  /** Every other time the source goes on accepting the certificates it had, as NanoMDM does on SQL. */
  #renewed(device: SourceDevice, seed: number): SourceDevice {
    const { formerCertificates = [], certificate } = device;
    const formers = seed % 2 === 0 || certificate === null ? [] : [...formerCertificates, certificate];
    return { ...renewed(device, seed), formerCertificates: formers };
  }

  async #apply(rehearse: boolean): Promise<void> {
    if (this.#plan === null) return;
    const { plan, source } = this.#plan;
    const now = fingerprintsOf(this.#source);
    const result = await this.#bench.apply(plan, source, { fresh: now, rehearse });
    if (rehearse) return;
    if (!this.#journals.includes(result.journal)) this.#journals.push(result.journal);
    const held = new Set(result.held.map((device) => device.udid));
    for (const device of plan.devices) {
      const { udid, action, fingerprint } = device;
      const written = action === 'insert' || action === 'refresh';
      if (written && !held.has(udid)) {
        // Never what changed at the source meanwhile.
        expect(now.get(udid)).toBe(fingerprint);
        if (!this.#touched.has(udid)) this.#written.set(udid, fingerprint);
      }
    }
  }

  async #undo(fleetBetween: boolean): Promise<void> {
    const journal = this.#journals.at(-1);
    if (journal === undefined) return;
    const standing = await this.#present();
    await this.#bench.undo(journal, {
      earlier: this.#journals,
      wait: async () => {
        const udid = this.#udid(0);
        if (fleetBetween && standing.has(udid)) await this.#fleet('poll', udid);
      },
    });
    const left = await this.#present();
    for (const udid of standing) if (!left.has(udid)) this.#written.delete(udid);
  }

  /** Fleet's side: what it writes when a device talks to it, or an administrator acts. */
  async #fleet(kind: 'token-update' | 'poll' | 'renewal' | 'delete' | 'enroll', udid: string): Promise<void> {
    const bench = this.#bench;
    const there = (await this.#present()).has(udid);
    if (kind === 'enroll') {
      await bench.sql(
        "INSERT INTO nano_devices (id, authenticate) VALUES (?, 'native') ON DUPLICATE KEY UPDATE authenticate = 'native', bootstrap_token_b64 = NULL",
        [udid],
      );
    } else if (!there) return;
    else if (kind === 'token-update') {
      await bench.sql("UPDATE nano_devices SET token_update = 'fleet' WHERE id = ?", [udid]);
      await bench.sql('UPDATE nano_enrollments SET token_update_tally = token_update_tally + 1 WHERE id = ?', [udid]);
    } else if (kind === 'poll') {
      if (this.#seenTable) {
        await bench.sql('REPLACE INTO nano_seen_times (id, seen_time) VALUES (?, NOW())', [udid]);
      } else await bench.sql('UPDATE nano_enrollments SET last_seen_at = NOW() WHERE id = ?', [udid]);
    } else if (kind === 'renewal') {
      await bench.command('renew', 'InstallProfile');
      await bench.sql("UPDATE nano_cert_auth_associations SET renew_command_uuid = 'renew' WHERE id = ?", [udid]);
    } else {
      await bench.sql('DELETE FROM nano_enrollments WHERE device_id = ?', [udid]);
      await bench.sql('DELETE FROM nano_users WHERE device_id = ?', [udid]);
      await bench.sql('DELETE FROM nano_devices WHERE id = ?', [udid]);
      await bench.sql('DELETE FROM nano_cert_auth_associations WHERE id = ?', [udid]);
      // Else the next import would fall into the very second of that contact, which counts as after it.
      if (this.#seenTable) await bench.sql('DELETE FROM nano_seen_times WHERE id = ?', [udid]);
      this.#touched.delete(udid);
      this.#written.delete(udid);
      return;
    }
    this.#written.delete(udid);
    this.#touched.set(udid, await this.#rowsOf(udid));
  }

  async #check(): Promise<void> {
    for (const [udid, rows] of this.#touched) expect(await this.#rowsOf(udid), udid).toBe(rows);
    const standing = await this.#present();
    for (const udid of this.#written.keys()) expect(standing.has(udid), udid).toBe(true);
    // What nobody touched is whole: the next plan finds nothing to do but for what changed at the source.
    const plan = await this.#bench.plan(this.#source);
    const now = fingerprintsOf(this.#source);
    for (const device of plan.devices) {
      if (this.#touched.has(device.udid)) expect(device.action, device.udid).toBe('keep');
      else if (this.#written.has(device.udid)) {
        const same = this.#written.get(device.udid) === now.get(device.udid);
        expect(device.action).toBe('refresh');
        if (same) expect(device.changes).toEqual([]);
        else expect(device.changes.length).toBeGreaterThan(0);
      } else expect(device.action, device.udid).toBe('insert');
    }
  }

  async #present(): Promise<Set<string>> {
    return new Set((await this.#bench.sql('SELECT id FROM nano_devices')).map((row) => String(row['id'])));
  }

  async #rowsOf(udid: string): Promise<string> {
    return JSON.stringify([
      await this.#bench.sql('SELECT * FROM nano_devices WHERE id = ?', [udid]),
      await this.#bench.sql('SELECT * FROM nano_users WHERE device_id = ? ORDER BY id', [udid]),
      await this.#bench.sql('SELECT * FROM nano_enrollments WHERE device_id = ? ORDER BY id', [udid]),
      await this.#bench.sql('SELECT * FROM nano_cert_auth_associations WHERE id = ? ORDER BY sha256', [udid]),
    ]);
  }

  #udid(index: number): string {
    const device: SourceDevice | undefined = this.#source.devices.at(index);
    if (device?.udid === null || device?.udid === undefined) throw new Error('no such device');
    return device.udid;
  }
}
