/** Commands through NanoMDM's API: what arrives there, and what its answers are taken for. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  commandJournalPath,
  commandRunId,
  commandStanding,
  readCommandJournal,
  type CommandRunIdentity,
} from '../../../src/core/commands/command-journal';
import { askOldServer, countFates, storedFates } from '../../../src/core/commands/follow-up';
import { oldServerKindOf, openOldServer, type OldServer } from '../../../src/core/commands/old-server';
import { sendThroughOldServer, type SendResult } from '../../../src/core/commands/send';
import { wakeThroughOldServer } from '../../../src/core/cutover/wake';
import { Secret } from '../../../src/core/secret';
import { NanoMdmApi } from '../../servers/nanomdm-api';
import { failureOf } from '../fleet/target';

const MANIFEST = 'https://files.example.com/a&b.plist';
const udid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const udids = (count: number): string[] => Array.from({ length: count }, (_, at) => udid(at));

let server: NanoMdmApi;
let folder = '';
beforeEach(async () => {
  server = await new NanoMdmApi().listen();
  folder = mkdtempSync(join(tmpdir(), 'slipway-nano-commands-'));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const api = (key = server.apiKey): OldServer =>
  openOldServer(
    'nanomdm',
    { who: 'The old server', url: server.url, caFile: null, plainConfirmed: false },
    new Secret('API key', key),
  );

function install(devices: readonly string[], through: OldServer = api()): Promise<SendResult> {
  const identity: CommandRunIdentity = {
    purpose: 'install-agent',
    way: 'old-server',
    place: new URL(server.url).host,
    subjects: [MANIFEST],
    udids: devices,
  };
  return sendThroughOldServer({
    identity,
    journal: commandJournalPath(folder, commandRunId(identity)),
    tool: 'a test',
    accepted: [],
    reason: null,
    server: through,
    tasks: devices.map((one) => ({
      udid: one,
      subject: MANIFEST,
      requestType: 'InstallEnterpriseApplication',
      fields: { ManifestURL: MANIFEST },
    })),
    pacing: { sleep: () => Promise.resolve(), now: () => 0, random: () => 0 },
  });
}

describe('through NanoMDM', () => {
  it('sends each device a property list of its own, and says in the journal by which server', async () => {
    const result = await install(udids(3));
    expect(result).toMatchObject({ state: 'complete', left: 0 });
    expect(server.taken.map((one) => one.udid).sort()).toEqual(udids(3));
    expect(new Set(server.taken.map(({ uuid }) => uuid)).size).toBe(3);
    expect(server.taken[0]?.command).toEqual({ RequestType: 'InstallEnterpriseApplication', ManifestURL: MANIFEST });
    expect([...server.pushed].sort()).toEqual(udids(3));
    const standing = commandStanding(await readCommandJournal(result.journal));
    expect(standing.opened?.server).toBe('nanomdm');
    expect(readFileSync(result.journal, 'utf8')).not.toContain(server.apiKey);
    // Its API cannot be asked what waits: nothing is claimed.
    expect(countFates(await askOldServer(api(), standing))).toMatchObject({ unasked: 3, fetched: 0 });
  });

  it('takes a command for sent when only its push failed, although the server answers 500', async () => {
    server.unpushable.add(udid(1));
    const result = await install(udids(2));
    expect(result.commands.map(({ state, code }) => [state, code])).toEqual([
      ['sent', null],
      ['sent', 'push-failed'],
    ]);
    expect((await install(udids(2))).already).toBe(2);
    expect(server.taken).toHaveLength(2);
  });

  it('does not take its own command for a failure when the first answer was lost', async () => {
    server.troubles.push('hang up', null, 503);
    const result = await install(udids(2));
    expect(result.commands.map(({ state }) => state)).toEqual(['sent', 'sent']);
    expect(server.taken.map((one) => one.udid)).toEqual(udids(2));
  });

  it('fails a device the database does not know at once, and cannot know it of the file stores', async () => {
    server.known = new Set([udid(0)]);
    const result = await install(udids(2));
    expect(result.commands.map(({ state, code }) => [state, code])).toEqual([
      ['sent', null],
      ['failed', 'old-server/refused'],
    ]);
    expect(server.asked.filter((line) => line.startsWith('PUT'))).toHaveLength(2);
    await server.close();
    server = await new NanoMdmApi('files').listen();
    server.known = new Set([udid(0)]);
    expect((await install(udids(2))).commands.map(({ state }) => state)).toEqual(['sent', 'sent']);
  });

  it('never takes a stranger’s 200, nor an id with a comma, for a queued command', async () => {
    server.troubles.push(null, 200, 200, 200);
    const result = await install(udids(2));
    expect(result.commands.map(({ state, code }) => [state, code])).toEqual([
      ['sent', null],
      ['failed', 'old-server/error'],
    ]);
    const command = { uuid: 'u', requestType: 'RemoveProfile', fields: { Identifier: 'a' } };
    expect((await failureOf(() => api().send({ udid: 'a,b', ...command }))).code).toBe('old-server/refused');
  });

  it('asks once with a wrong key, or where it has no API', async () => {
    expect((await failureOf(() => install(udids(9), api('another')))).code).toBe('old-server/key-refused');
    expect(server.asked).toHaveLength(1);
    server.hasApi = false;
    expect((await failureOf(() => install(udids(9)))).code).toBe('old-server/key-refused');
  });

  it('pushes devices, and tells of those that could not be', async () => {
    server.unpushable.add(udid(2));
    const { sent, failed } = await wakeThroughOldServer(api(), udids(3));
    expect(sent).toBe(2);
    expect(failed.map((one) => [one.udid, one.code])).toEqual([[udid(2), 'push-failed']]);
  });
});

describe('which API an old server has', () => {
  it('follows from the kind of source, or is said', async () => {
    expect(oldServerKindOf(null, 'nanomdm')).toBe('nanomdm');
    expect(oldServerKindOf(null, null)).toBe('micromdm');
    expect(oldServerKindOf('nanomdm', 'csv')).toBe('nanomdm');
    for (const [said, kind] of [
      [null, 'csv'],
      [null, 'several'],
      ['jamf', 'csv'],
    ] as const)
      expect((await failureOf(() => Promise.resolve(oldServerKindOf(said, kind)))).code).toBe('usage/old-server-kind');
  });
});

describe('what became of commands, from the old server’s own store', () => {
  it('is the device’s word where there is one, and never a guess', () => {
    const command = (number: number, state: 'sent' | 'failed' | 'unknown', uuid: string | null = `u-${number}`) => ({
      udid: udid(number),
      subject: MANIFEST,
      uuid,
      state,
      code: null,
      at: '2026-01-01T00:00:00Z',
    });
    const standing = {
      opened: null,
      openedAt: null,
      closed: null,
      nextBatch: 1,
      commands: [
        command(0, 'sent'),
        command(1, 'unknown'),
        command(2, 'sent'),
        command(3, 'unknown'),
        command(4, 'failed'),
        command(5, 'sent', null),
      ],
    };
    const fates = storedFates(standing, [
      // MySQL’s identifiers differ in case only where devices have sent both.
      { udid: udid(0).toLowerCase(), uuid: 'U-0', state: 'done' },
      { udid: udid(1), uuid: 'u-1', state: 'deferred' },
      { udid: udid(9), uuid: 'u-2', state: 'done' },
    ]);
    expect(fates.map(({ fate }) => fate)).toEqual(['done', 'deferred', 'dropped', 'failed', 'failed', 'unasked']);
  });
});
