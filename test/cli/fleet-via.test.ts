/** Fleet's MySQL through a real SSH server, as an operator types it: plan, apply, verify, and a line that breaks between. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { makeKey, noSshd, Sshd } from '../servers/sshd';
import { Obstacle } from './obstacle';
import { ACCEPT, fleet, Workstation } from './workstation';

const PASSPHRASE = 'CANARY-passphrase-91f2';
const ABSENT = noServer !== false || noSshd !== false;

describe.skipIf(ABSENT)('--fleet-via', () => {
  let desk: Workstation;
  let server: Sshd;
  let database: TestDatabase;
  let via: string[];
  beforeAll(async () => {
    desk = new Workstation();
    server = new Sshd();
    const key = makeKey(join(server.folder, 'id'), ['-t', 'ed25519'], PASSPHRASE);
    server.authorize(key);
    await server.start();
    database = await createDatabase('generation-469');
    const known = server.knownHosts('known');
    via = ['--fleet-via', server.url(), '--ssh-key-file', key, '--ssh-known-hosts', known, '--no-ssh-agent'];
    via.push('--ssh-passphrase-file', '-');
  });
  afterAll(async () => {
    desk.close();
    await database.drop();
    await server.remove();
  });

  it('plans, applies over a line that breaks in the middle, and verifies', async () => {
    const shares = { checkedOut: 0, noPushInfo: 0 };
    const { path } = writeMicroMdm(desk.path('via.db'), { seed: 'via', sign: 'real', devices: 40, shares });
    const plan = desk.path('via.json');
    const { args, env } = fleet(database);
    const more = [...args, ...via];
    // From standard input once, for whatever asks for the login.
    const typed = { env, input: PASSPHRASE };
    await desk.data(['plan', `micromdm:${path}`, ...more, '--out', plan, '--accept', ACCEPT], typed);
    expect(server.log).toContain('Accepted publickey');
    const { devices } = JSON.parse(readFileSync(plan, 'utf8')) as { devices: { udid: string }[] };
    const udids = devices.map(({ udid }) => udid).sort();
    const insert = 'INSERT INTO nano_devices (id, authenticate, authenticate_at) VALUES (?, ?, NOW())';
    const obstacle = await Obstacle.make(database, insert, [udids[25], '<x/>']);
    try {
      const tuned = ['--accept', ACCEPT, '--yes', '--batch', '10', '--sessions', '1', '--json'];
      const running = desk.start(['apply', plan, ...more, ...tuned], typed);
      await obstacle.reached();
      server.cutConnections();
      await obstacle.remove();
      const { code, stdout, stderr } = await running.outcome;
      expect(code, stderr).toBe(0);
      expect(stdout + stderr).not.toContain(PASSPHRASE);
      expect(JSON.parse(stdout)).toMatchObject({ state: 'complete', counts: { planned: 40, inserted: 40, left: 0 } });
      expect(stdout).toMatch(/connection[^"]*lost/i);
    } finally {
      await obstacle.remove();
    }
    const rows = await database.query<{ id: string }>('SELECT id FROM nano_devices ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual(udids);
    // The plan is of this server whichever way leads to it.
    expect(await desk.data(['verify', plan, ...args, '--accept', ACCEPT], { env })).toMatchObject({
      counts: { same: 40 },
    });
  });

  it('is in every command that takes --fleet', async () => {
    const { stdout } = await desk.slipway(['man']);
    const taking = stdout.split(/^\.SS /m).filter((section) => section.includes('\n.B \\-\\-fleet <'));
    expect(taking.length).toBeGreaterThan(10);
    for (const section of taking) {
      expect(section).toContain('\n.B \\-\\-fleet\\-via <');
      expect(section).toContain('\n.B \\-\\-ssh\\-host\\-key <');
    }
  });
});
