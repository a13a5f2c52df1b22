/** Commands through the old server's API and Fleet's: what arrives there, and what the journal says of it. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
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
import { askFleet, askOldServer, countFates } from '../../../src/core/commands/follow-up';
import { openOldServer, type OldServer } from '../../../src/core/commands/old-server';
import type { WebPlace } from '../../../src/core/commands/web-call';
import { sendThroughFleet, sendThroughOldServer, type SendResult } from '../../../src/core/commands/send';
import { FleetApi, type Pacing } from '../../../src/core/fleet/api-client';
import { Secret } from '../../../src/core/secret';
import { MicroMdmApi } from '../../servers/micromdm-api';
import { failureOf } from '../fleet/target';

const udid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const udids = (count: number): string[] => Array.from({ length: count }, (_, at) => udid(at));

let server: MicroMdmApi;
let folder = '';
beforeEach(async () => {
  server = await new MicroMdmApi().listen();
  folder = mkdtempSync(join(tmpdir(), 'slipway-commands-'));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** No waiting: sleeping moves the clock. */
function clock(): Pacing & { slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    random: () => 0,
    sleep: (milliseconds) => {
      slept.push(milliseconds);
      now += milliseconds;
      return Promise.resolve();
    },
  };
}

const place = (url = server.url): WebPlace => ({
  who: 'The old server',
  url,
  caFile: null,
  plainConfirmed: false,
});
const api = (key = server.apiKey): OldServer => openOldServer('micromdm', place(), new Secret('API key', key));
const identity = (devices: readonly string[], way: 'old-server' | 'fleet' = 'old-server'): CommandRunIdentity => ({
  purpose: 'remove-profile',
  way,
  place: new URL(server.url).host,
  subjects: ['com.example.old'],
  udids: devices,
});

function remove(
  devices: readonly string[],
  more: { pacing?: Pacing; signal?: AbortSignal; server?: OldServer; perSecond?: number } = {},
): Promise<SendResult> {
  const about = identity(devices);
  return sendThroughOldServer({
    identity: about,
    journal: commandJournalPath(folder, commandRunId(about)),
    tool: 'a test',
    accepted: [],
    reason: null,
    server: more.server ?? api(),
    tasks: devices.map((one) => ({
      udid: one,
      subject: 'com.example.old',
      requestType: 'RemoveProfile',
      fields: { Identifier: 'com.example.old' },
    })),
    pacing: more.pacing ?? clock(),
    ...(more.perSecond === undefined ? {} : { perSecond: more.perSecond }),
    ...(more.signal === undefined ? {} : { signal: more.signal }),
  });
}

describe('through the old server', () => {
  it('sends each device its command once, and tells the same in the journal', async () => {
    const all = udids(50);
    const result = await remove(all);
    expect(result).toMatchObject({ state: 'complete', already: 0, left: 0, why: null });
    expect(server.taken.map((one) => one.udid).sort()).toEqual(all);
    expect(new Set(server.taken.map(({ uuid }) => uuid)).size).toBe(50);
    expect(server.taken[0]?.body).toMatchObject({ request_type: 'RemoveProfile', identifier: 'com.example.old' });
    const standing = commandStanding(await readCommandJournal(result.journal));
    expect(standing.closed).toBe('complete');
    expect(standing.commands.map((one) => [one.udid, one.uuid, one.state]).sort()).toEqual(
      server.taken.map((one) => [one.udid, one.uuid, 'sent']).sort(),
    );
    expect((statSync(result.journal).mode & 0o777).toString(8)).toBe('600');
    expect(readFileSync(result.journal, 'utf8')).not.toContain(server.apiKey);
  });

  it('keeps to its rate', async () => {
    const pacing = clock();
    await remove(udids(31), { pacing, perSecond: 5 });
    // 30 gaps of 200 ms.
    expect(pacing.now()).toBeGreaterThanOrEqual(30 * 200 - 1);
  });

  it('goes on where it stopped, and asks nobody twice', async () => {
    const all = udids(60);
    const stop = new AbortController();
    const pacing = clock();
    const stopping: Pacing = {
      ...pacing,
      sleep: async (milliseconds) => {
        await pacing.sleep(milliseconds);
        if (server.taken.length >= 25) stop.abort();
      },
    };
    const first = await remove(all, { pacing: stopping, signal: stop.signal });
    expect(first.state).toBe('stopped');
    expect(first.why?.code).toBe('commands/stopped');
    expect(first.commands.length + first.left).toBe(60);
    const second = await remove(all);
    expect(second).toMatchObject({ state: 'complete', left: 0 });
    expect(second.already).toBe(first.commands.length);
    expect(server.taken.map((one) => one.udid).sort()).toEqual(all);
  });

  it('tries again where the server stumbles, with the same command', async () => {
    server.troubles.push(null, 503, 'hang up', 502, null);
    const result = await remove(udids(3));
    expect(result.commands.map(({ state }) => state)).toEqual(['sent', 'sent', 'sent']);
    // The one that was taken before its connection broke came twice, under one UUID.
    const uuids = server.taken.map(({ uuid }) => uuid);
    expect(uuids.length).toBe(4);
    expect(new Set(uuids).size).toBe(3);
  });

  it('asks once with a wrong key, and says so', async () => {
    const failure = await failureOf(() => remove(udids(20), { server: api('another') }));
    expect(failure.code).toBe('old-server/key-refused');
    expect(server.asked).toEqual(['POST /v1/commands']);
    server.hasApi = false;
    expect((await failureOf(() => remove(udids(20)))).code).toBe('old-server/key-refused');
    const journal = commandJournalPath(folder, commandRunId(identity(udids(20))));
    expect(commandStanding(await readCommandJournal(journal)).closed).toBe('stopped');
  });

  it('stops when everything fails, and leaves single failures to their devices', async () => {
    server.broken.add(udid(3));
    const some = await remove(udids(8));
    expect(some.state).toBe('complete');
    expect(some.commands.filter(({ state }) => state === 'failed').map((one) => one.udid)).toEqual([udid(3)]);
    const all = Array.from({ length: 200 }, (_, at) => udid(1000 + at));
    for (const one of all.slice(1)) server.broken.add(one);
    const result = await remove(all);
    expect(result.state).toBe('stopped');
    expect(result.why?.code).toBe('commands/too-many-failures');
    expect(result.left).toBeGreaterThan(150);
  });

  it('follows up: waiting, taken by the device, lost', async () => {
    const result = await remove(udids(4));
    server.drain(udid(0));
    server.drain(udid(1));
    const standing = commandStanding(await readCommandJournal(result.journal));
    expect(countFates(await askOldServer(api(), standing))).toMatchObject({ fetched: 2, waiting: 2 });
    expect((await failureOf(() => askOldServer(api('another'), standing))).code).toBe('old-server/key-refused');
  });

  it('refuses plain HTTP to another machine and secrets in the address', async () => {
    const key = new Secret('API key', 'k');
    const send = (url: string): Promise<unknown> =>
      openOldServer('micromdm', place(url), key).send({
        udid: 'x',
        requestType: 'RemoveProfile',
        uuid: 'y',
        fields: {},
      });
    expect((await failureOf(() => send('http://192.0.2.1'))).code).toBe('usage/plain-http');
    expect((await failureOf(() => send('https://micromdm:secret@192.0.2.1'))).code).toBe('usage/secret-in-url');
  });
});

describe('through Fleet', () => {
  it('sends by platform, halves what is refused, and asks for results', async () => {
    const mdmOff = new Set([udid(5)]);
    const calls: string[][] = [];
    const results = new Map<string, string[]>();
    const fleet = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const say = (status: number, body: unknown): void => {
          response.statusCode = status;
          response.end(JSON.stringify(body));
        };
        if (request.headers.authorization !== 'Bearer token') {
          say(401, {});
          return;
        }
        const url = new URL(request.url ?? '', 'http://x');
        if (url.pathname === '/api/v1/fleet/commands/results') {
          const uuid = url.searchParams.get('command_uuid') ?? '';
          say(200, {
            results: (results.get(uuid) ?? []).map((one, at) => ({
              host_uuid: one,
              command_uuid: uuid,
              status: ['Acknowledged', 'Error', 'NotNow', 'Pending'][at % 4],
            })),
          });
          return;
        }
        const { host_uuids: hosts, command } = JSON.parse(Buffer.concat(pieces).toString()) as {
          host_uuids: string[];
          command: string;
        };
        expect(Buffer.from(command, 'base64').toString()).toBe('<plist/>');
        calls.push(hosts);
        if (hosts.some((one) => mdmOff.has(one))) {
          say(422, {});
          return;
        }
        const uuid = `command-${calls.length}`;
        results.set(uuid, hosts);
        say(202, { command_uuid: uuid });
      });
    });
    await new Promise<void>((resolve) => fleet.listen(0, '127.0.0.1', resolve));
    const address = fleet.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
    try {
      const token = new Secret('token', 'token');
      const devices = udids(12).map((one, at) => ({ udid: one, platform: at < 8 ? 'darwin' : 'ios' }));
      const about = identity(udids(12), 'fleet');
      const journal = commandJournalPath(folder, commandRunId(about));
      const input = {
        identity: about,
        journal,
        tool: 'a test',
        accepted: [],
        reason: null,
        fleet: { url, caFile: null },
        token,
        subjects: [{ subject: 'com.example.old', command: '<plist/>', devices }],
      };
      const result = await sendThroughFleet(input);
      expect(result.commands.filter(({ state }) => state === 'failed').map((one) => one.udid)).toEqual([udid(5)]);
      expect(result.commands.filter(({ state }) => state === 'sent')).toHaveLength(11);
      for (const call of calls) expect(new Set(call.map((one) => Number(one.slice(-2)) < 8)).size).toBe(1);
      const standing = commandStanding(await readCommandJournal(journal));
      const counts = countFates(await askFleet(new FleetApi({ url, caFile: null }, token), standing));
      expect(counts.failed).toBe(1);
      expect(counts.done + counts.refused + counts.deferred + counts.waiting).toBe(11);
      const before = calls.length;
      mdmOff.clear();
      const again = await sendThroughFleet(input);
      expect(again).toMatchObject({ already: 11, state: 'complete' });
      expect(calls.slice(before)).toEqual([[udid(5)]]);
      expect(readFileSync(journal, 'utf8')).not.toContain('Bearer');
    } finally {
      fleet.closeAllConnections();
      fleet.close();
    }
  });
});
