/** Which profiles devices have, by the commands the old server keeps. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readProfileCommands } from '../../../../src/core/sources/micromdm/profile-commands';
import type { ProfileCommands } from '../../../../src/core/sources/source-kind';
import { writeMicroMdm, type CommandSpec, type MicroMdmOptions } from '../../../micromdm-writer';
import { sharedData } from '../../../shared-data';
import { mobileconfig, payload } from '../../controls/profiles';

const folder = mkdtempSync(join(tmpdir(), 'slipway-history-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = Date.UTC(2026, 10, 24, 2);
let count = 0;

const read = (options: MicroMdmOptions): Promise<ProfileCommands> =>
  readProfileCommands(writeMicroMdm(join(folder, `${count++}.db`), options).path, { at });

const install = (
  identifier: string,
  state: NonNullable<CommandSpec['state']> = 'completed',
  version = 1,
): CommandSpec => ({
  requestType: 'InstallProfile',
  profile: mobileconfig(identifier, [payload('com.apple.dock', 'd', { version })]),
  state,
});
const remove = (identifier: string, state: NonNullable<CommandSpec['state']> = 'completed'): CommandSpec => ({
  requestType: 'RemoveProfile',
  payload: Buffer.from(
    `<?xml version="1.0"?><plist version="1.0"><dict><key>Command</key><dict><key>Identifier</key><string>${identifier}</string><key>RequestType</key><string>RemoveProfile</string></dict><key>CommandUUID</key><string>x</string></dict></plist>`,
  ),
  state,
});

const [A, B, C] = ['A', 'B', 'C'].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`) as [
  string,
  string,
  string,
];

describe('profiles on devices', () => {
  it('are those installed and not removed since', async () => {
    const found = await read({
      extra: [
        {
          udid: A,
          commands: [
            install('one'),
            install('two'),
            remove('two'),
            install('three'),
            remove('three'),
            install('three'),
          ],
        },
        { udid: B, commands: [install('one', 'completed', 2), install('four', 'failed'), install('two', 'pending')] },
        { udid: C, commands: [install('five', 'not-now'), remove('one', 'pending'), { requestType: 'DeviceLock' }] },
      ],
    });
    const told = Object.fromEntries(
      found.profiles.map(({ identifier, installedOn, waitingFor, leaving, versions }) => [
        identifier,
        { on: [...installedOn].sort(), waiting: [...waitingFor], leaving: [...leaving], versions },
      ]),
    );
    // (Profiles made anew have other UUIDs, so `three` and `two` were sent in two versions each.)
    expect(told).toEqual({
      one: { on: [A, B], waiting: [], leaving: [C], versions: 2 },
      two: { on: [], waiting: [B], leaving: [], versions: 2 },
      three: { on: [A], waiting: [], leaving: [], versions: 2 },
      five: { on: [], waiting: [C], leaving: [], versions: 1 },
    });
    expect(found).toMatchObject({ hasHistory: true, unreadable: 0 });
    expect(found.profiles.find(({ identifier }) => identifier === 'one')?.displayName).toBe('Name of one');
  });

  it('are not known without history, nor without a queue', async () => {
    expect(await read({ extra: [{ udid: A, commands: [install('one', 'pending')] }] })).toMatchObject({
      hasHistory: false,
    });
    expect(await read({ without: ['mdm.DeviceCommands'] })).toEqual({ profiles: [], hasHistory: false, unreadable: 0 });
  });

  it('that cannot be read are counted', async () => {
    const found = await read({ extra: [{ udid: A, commands: [{ ...install('x'), profile: 'no profile' }] }] });
    expect(found).toEqual({ profiles: [], hasHistory: true, unreadable: 1 });
  });

  it('never show their content', async () => {
    const found = await read({
      extra: [
        {
          udid: A,
          commands: [
            {
              requestType: 'InstallProfile',
              state: 'completed',
              profile: mobileconfig('s', [payload('x', 'x', { Password: 'Sesame-0123' })]),
            },
          ],
        },
      ],
    });
    expect(JSON.stringify(found)).not.toMatch(/Sesame|U2VzYW1l/);
  });

  const small = sharedData('micromdm', 'small.db');
  it.skipIf(small === null)('are found in a real database', async () => {
    const found = await readProfileCommands(small ?? '', { at });
    expect(
      found.profiles.map(({ identifier, installedOn, waitingFor }) => [identifier, installedOn.size, waitingFor.size]),
    ).toEqual([
      ['com.example.restrictions', 4, 15],
      ['com.example.wifi', 4, 15],
    ]);
  });
});
