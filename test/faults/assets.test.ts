/** Killed, or out of room, while Fleet's assets are written: all of them stand there or none, and the same command ends it. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sessionEnded } from '../cli/obstacle';
import { fleet, Workstation } from '../cli/workstation';
import { closeAsset, openAsset, PRIVATE_KEY } from '../core/assets/assets-bench';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { breakAt, chosenOf, countSteps, isTold, unfinished } from './broken-step';

describe.skipIf(noServer)('Fleet’s assets', () => {
  let desk: Workstation;
  let database: TestDatabase;
  let command: string[];
  beforeAll(async () => {
    desk = new Workstation();
    database = await createDatabase('generation-newest');
    const { path } = writeMicroMdm(desk.path('source.db'), { seed: 'assets', devices: 3, sign: 'real' });
    const key = desk.file('key', `${PRIVATE_KEY}\n`);
    command = [
      ...['assets', 'apply', `micromdm:${path}`, ...fleet(database).args, '--private-key-file', key],
      ...['--journals', desk.path('out'), '--yes', '--json'],
    ];
    // The counter of serial numbers is lifted by the first one only.
    await fresh();
    const first = await desk.slipway(command, fleet(database));
    expect(first.code, first.text).toBe(0);
  });
  afterAll(async () => {
    desk.close();
    await database.drop();
  });

  /** A Fleet that has only its own challenge, and no journal yet. */
  async function fresh(): Promise<void> {
    await database.query('DELETE FROM mdm_config_assets');
    const { value, md5 } = closeAsset('fleets-own-challenge');
    await database.query("INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES ('scep_challenge', ?, ?)", [
      value,
      md5,
    ]);
    rmSync(desk.path('out'), { recursive: true, force: true });
    desk.subfolder('out');
  }
  /** What Fleet would read: values are enciphered afresh each time. */
  async function standing(): Promise<string[]> {
    const rows = await database.query<{ name: string; value: Buffer }>(
      "SELECT name, value FROM mdm_config_assets WHERE deletion_uuid = '' ORDER BY name",
    );
    return rows.map(({ name, value }) => `${name} ${openAsset(value)}`);
  }

  it.each(['kill', 'full'] as const)('%s at any step', async (fault) => {
    const { env } = fleet(database);
    await fresh();
    const none = await standing();
    const steps = await countSteps(desk, command, env);
    const all = await standing();
    expect(all.length).toBeGreaterThan(none.length);
    for (const step of chosenOf(steps)) {
      await fresh();
      const broken = await breakAt(desk, command, env, fault, step);
      if (broken.code !== 0) isTold(broken, fault);
      await sessionEnded(database);
      expect([none, all], `step ${step} of ${steps}`).toContainEqual(await standing());
      const again = await desk.slipway(command, { env });
      expect(again.code, again.text).toBe(0);
      expect(await standing(), `step ${step} of ${steps}`).toEqual(all);
      expect(unfinished(desk)).toEqual([]);
    }
  });
});
