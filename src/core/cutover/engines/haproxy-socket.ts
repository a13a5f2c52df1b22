/**
 * HAProxy's runtime interface: commands over a unix socket, never over a port, since whoever reaches it may do anything.
 * A socket of another machine is forwarded: `ssh -L /tmp/lb1.sock:/run/haproxy/slipway.sock lb1`.
 */
import { connect } from 'node:net';
import { FailureError, misused, refused, unreadable } from '../../failure';
import { FLEET, isRoutable } from '../route-map';

/** An answer of 100,000 routes has about 6 MB. */
const MOST_BYTES = 256 * 1_048_576;
const PATIENCE_MS = 20_000;
/** Routes a command: its text must fit into HAProxy's buffer, whatever that is. */
const BATCH = 200;

/** Throws `haproxy/socket-not-unix` for anything but the absolute path of a socket. */
export function checkSocket(path: string): void {
  if (/^\/[^\p{Cc}]+$/u.test(path) && Buffer.byteLength(path) <= 103) return;
  misused(
    'haproxy/socket-not-unix',
    'HAProxy’s runtime interface is reached by a unix socket only, named by its absolute path of up to 103 bytes.',
    'Never open it on a port: it asks for no password. Forward the socket over SSH if HAProxy runs elsewhere.',
  );
}

/** One command, one answer. Throws `haproxy/unreachable`, `haproxy/no-answer`. */
async function askRuntime(socket: string, command: string): Promise<string> {
  checkSocket(socket);
  return new Promise<string>((resolve, reject) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const fail = (code: string, sentence: string): void => {
      clearTimeout(timer);
      connection.destroy();
      reject(
        new FailureError({
          code,
          message: sentence,
          remedy: 'Check that HAProxy runs, that its configuration names this socket, and that you may open it.',
          kind: 'unreadable',
          detail: { socket },
        }),
      );
    };
    const timer = setTimeout(
      () => fail('haproxy/no-answer', `HAProxy did not answer on ${socket} within ${PATIENCE_MS / 1000} seconds.`),
      PATIENCE_MS,
    );
    const connection = connect(socket, () => connection.write(`${command}\n`));
    connection.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > MOST_BYTES) fail('haproxy/no-answer', `What HAProxy answers on ${socket} does not end.`);
      else pieces.push(piece);
    });
    connection.on('error', (error: NodeJS.ErrnoException) =>
      fail('haproxy/unreachable', `HAProxy’s socket ${socket} could not be opened (${error.code ?? 'unknown error'}).`),
    );
    connection.on('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(pieces).toString('utf8'));
    });
  });
}

/** What the running map holds. */
export interface RunningMap {
  readonly fleet: ReadonlySet<string>;
  /** Entries that name no UDID, or lead somewhere else than to Fleet. */
  readonly foreign: readonly string[];
}

/** Reads the map HAProxy works with. Throws `haproxy/map-unknown`, and what {@link askRuntime} throws. */
export async function readRunningMap(socket: string, map: string): Promise<RunningMap> {
  const text = await askRuntime(socket, `show map ${map}`);
  const fleet = new Set<string>();
  const foreign: string[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    // The first word is where the entry lies in memory.
    const entry = /^0x[0-9a-f]+ (\S+) (\S+)$/.exec(line.trim());
    if (entry === null) {
      unreadable(
        'haproxy/map-unknown',
        `HAProxy does not know the map ${map}.`,
        'The map must be written exactly as in HAProxy’s configuration. Start HAProxy with the configuration Slipway writes.',
        { said: line.trim().slice(0, 120) },
      );
    }
    const [, udid = '', value = ''] = entry;
    if (value === FLEET && isRoutable(udid)) fleet.add(udid);
    else foreign.push(`${udid} ${value}`.slice(0, 120));
  }
  return { fleet, foreign };
}

/**
 * Gives the running map a new content in one step: prepared beside the old one, then put in its place. No request ever
 * sees half of it. Throws `haproxy/refused`, and what {@link askRuntime} throws; the old content then stays.
 */
export async function replaceRunningMap(socket: string, map: string, fleet: ReadonlySet<string>): Promise<void> {
  const prepared = await askRuntime(socket, `prepare map ${map}`);
  const version = /^New version created: (\d+)\s*$/.exec(prepared.trim())?.[1];
  if (version === undefined) complain(prepared);
  const udids = [...fleet].sort();
  for (let start = 0; start < udids.length; start += BATCH) {
    const lines = udids.slice(start, start + BATCH).map((udid) => `${udid} ${FLEET}\n`);
    const said = await askRuntime(socket, `add map @${version} ${map} <<\n${lines.join('')}`);
    if (said.trim() !== '') complain(said);
  }
  const committed = await askRuntime(socket, `commit map @${version} ${map}`);
  if (committed.trim() !== '') complain(committed);
}

/** Requests led to each backend since HAProxy started; null when it does not say. */
export async function readTraffic(socket: string): Promise<{ old: number; fleet: number } | null> {
  const lines = (await askRuntime(socket, 'show stat')).split('\n');
  const names = (lines[0] ?? '').replace(/^# /, '').split(',');
  const found = { old: null as number | null, fleet: null as number | null };
  const total = names.indexOf('stot');
  for (const line of lines.slice(1)) {
    const fields = line.split(',');
    const [proxy, part] = fields;
    if (part !== 'BACKEND' || (proxy !== 'old' && proxy !== 'fleet')) continue;
    const count = Number(fields[total]);
    if (Number.isInteger(count)) found[proxy] = count;
  }
  return found.old === null || found.fleet === null ? null : { old: found.old, fleet: found.fleet };
}

function complain(said: string): never {
  return refused(
    'haproxy/refused',
    `HAProxy did not take the new routes: ${said.trim().slice(0, 160)}`,
    'The socket must allow level admin, and the map must be the one of HAProxy’s configuration (version 2.4 or newer).',
  );
}
