/** Killed, or out of room, while the hand-over is written: its folder is whole or it is not there, and can be made again. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACCEPT, fleet, Workstation } from '../cli/workstation';
import { writeMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, type TestDatabase } from '../servers/mysql';
import { breakAt, chosenOf, countSteps, isTold, unfinished } from './broken-step';

describe.skipIf(noServer)('the hand-over', () => {
  let desk: Workstation;
  let database: TestDatabase;
  let command: string[];
  beforeAll(async () => {
    desk = new Workstation();
    database = await createDatabase('generation-newest');
    const side = fleet(database);
    const { path } = writeMicroMdm(desk.path('source.db'), { seed: 'report', devices: 6, sign: 'real' });
    const accept = ['--accept', ACCEPT, '--reason', 'a test'];
    await desk.data(['plan', `micromdm:${path}`, ...side.args, ...accept, '--out', desk.path('plan.json')], side);
    await desk.data(['apply', desk.path('plan.json'), ...side.args, ...accept, '--yes'], side);
    command = ['report', 'write', desk.path('plan.json'), ...side.args, '--out', desk.path('report'), '--json'];
  });
  afterAll(async () => {
    desk.close();
    await database.drop();
  });

  const isWhole = (): void => {
    const told = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: desk.path('report') });
    expect(told.toString()).not.toContain('FAILED');
  };
  const clear = (): void => rmSync(desk.path('report'), { recursive: true, force: true });

  it.each(['kill', 'full'] as const)('%s at any step', async (fault) => {
    const { env } = fleet(database);
    clear();
    // Exit 1: devices are open still, so the old server must stay.
    const steps = await countSteps(desk, command, env, 1);
    isWhole();
    for (const step of chosenOf(steps)) {
      clear();
      const broken = await breakAt(desk, command, env, fault, step);
      if (broken.code !== 1) isTold(broken, fault);
      if (fault === 'full') expect(unfinished(desk)).toEqual([]);
      // It is there under its name only when it is whole.
      if (existsSync(desk.path('report'))) {
        isWhole();
        clear();
      }
      const again = await desk.slipway(command, { env });
      expect(again.code, again.text).toBe(1);
      isWhole();
      expect(desk.files().filter((name) => name.includes('.part'))).toEqual([]);
    }
  });
});
