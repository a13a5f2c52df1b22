/**
 * The journal of the waves: each step of a move with its devices, before it is taken where it cannot be seen afterwards.
 * From it alone it is known what was begun, what is done, and which devices shall go to Fleet.
 */
import { existsSync } from 'node:fs';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { z } from 'zod';
import { refused, unreadable } from '../failure';
import { ChainedLog, readLog, type LogContent } from '../migration/chained-log';
import { operatorHere } from '../migration/journal';
import { isFull, removeAbandoned, temporaryName } from '../private-file';
import { isRunning } from '../process-life';

const left = z.array(z.object({ udid: z.string(), code: z.string() }));
const who = { operator: z.string(), workstation: z.string() };
const counts = z.record(z.string(), z.number());

const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('opened'),
    move: z.number(),
    rung: z.string(),
    ...who,
    tool: z.string(),
    engine: z.string(),
    /** The devices that shall move: a resumed move is about these, whatever the source says by then. */
    devices: z.array(z.string()),
    accepted: z.array(z.string()),
    reason: z.string().nullable(),
  }),
  z.object({ kind: z.literal('resumed'), ...who, tornBytes: z.number() }),
  z.object({ kind: z.literal('planned'), move: z.number(), planId: z.string(), plan: z.string(), counts }),
  z.object({ kind: z.literal('imported'), move: z.number(), journal: z.string(), counts }),
  z.object({ kind: z.literal('verified'), move: z.number(), devices: z.number(), left }),
  /** Before the routes are changed: from here on any of these may be led to Fleet. */
  z.object({ kind: z.literal('route-intent'), move: z.number(), devices: z.array(z.string()) }),
  z.object({ kind: z.literal('routed'), move: z.number(), total: z.number(), instances: z.array(z.string()) }),
  /** Before a command is sent or a device pushed. */
  z.object({
    kind: z.literal('wake-intent'),
    move: z.number(),
    /** Some time after the wave: no step of its move. */
    again: z.boolean().optional(),
    way: z.string(),
    devices: z.number(),
    command: z.string(),
  }),
  z.object({
    kind: z.literal('woken'),
    move: z.number(),
    again: z.boolean().optional(),
    sent: z.number(),
    commands: z.array(z.string()),
    failed: left,
  }),
  z.object({ kind: z.literal('closed'), move: z.number(), moved: z.number(), left: z.number() }),
  z.object({
    kind: z.literal('back-intent'),
    move: z.number(),
    rung: z.string().nullable(),
    ...who,
    devices: z.array(z.string()),
    staying: left,
    accepted: z.array(z.string()),
    reason: z.string().nullable(),
  }),
  z.object({ kind: z.literal('back-routed'), move: z.number(), total: z.number() }),
  /** A change of routes was interrupted; what leads devices was asked, and this is how it stood. */
  z.object({ kind: z.literal('settled'), fleet: z.array(z.string()), old: z.array(z.string()) }),
  /** The routes were set again, to what they should be. */
  z.object({ kind: z.literal('set-again'), ...who, total: z.number() }),
]);

export type WaveEntry = z.infer<typeof entrySchema>;
export type WaveLine = WaveEntry & { readonly at: string };
/** The journal, open for writing. */
export interface WaveJournal {
  readonly found: LogContent<WaveEntry>;
  /** When this returns it is on disk. Throws `journal/unwritable`. */
  append(entry: WaveEntry): Promise<void>;
  close(): Promise<void>;
}

/** Opens the journal for writing, for one process at a time. Throws `wave/busy`, `journal/…`. */
export async function openWaves(path: string): Promise<WaveJournal> {
  const lock = `${path}.lock`;
  await takeLock(lock);
  try {
    const log = await ChainedLog.open<WaveEntry>(path, entrySchema, (tornBytes) => ({
      kind: 'resumed',
      ...operatorHere(),
      tornBytes,
    }));
    return {
      found: log.found,
      append: (entry) => log.append(entry),
      async close() {
        await log.close();
        await unlink(lock).catch(() => undefined);
      },
    };
  } catch (error) {
    await unlink(lock).catch(() => undefined);
    throw error;
  }
}

/** Two that move waves at once would lead devices by what the other has changed already. */
async function takeLock(lock: string): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    if (await makeLock(lock)) return;
    const [pid = '', host = ''] = (await readFile(lock, 'utf8').catch(() => '')).split('\n');
    if (host !== hostname() || isAlive(Number(pid))) break;
    // Its owner died without a word; what it did stands in the journal.
    await unlink(lock).catch(() => undefined);
  }
  refused(
    'wave/busy',
    'Somebody else is moving a wave of this ladder at this moment.',
    `Wait until that is done. If nobody is, remove ${lock}.`,
  );
}

/** Makes the lock, whole from its first moment on: one that a crash or a full disk left empty would name nobody. */
async function makeLock(lock: string): Promise<boolean> {
  const temporary = temporaryName(lock);
  const text = `${process.pid}\n${hostname()}\n`;
  try {
    await mkdir(dirname(lock), { recursive: true, mode: 0o700 });
    await removeAbandoned(dirname(lock));
    await writeFile(temporary, text, { flag: 'wx', mode: 0o600 });
    await link(temporary, lock).catch((error: unknown) => {
      // FAT and some network shares have no hard links.
      if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(codeOf(error))) throw error;
      return writeFile(lock, text, { flag: 'wx', mode: 0o600 });
    });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    return unreadable(
      'journal/unwritable',
      `The waves’ journal cannot be opened for writing (${codeOf(error)}).`,
      isFull(codeOf(error))
        ? 'Make room on its disk and do the same again; nothing was changed.'
        : 'Choose a folder on a local disk that you may write to.',
    );
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

function isAlive(pid: number): boolean {
  return Number.isInteger(pid) && pid > 0 && isRunning(pid);
}

/** Reads the journal; empty when there is none yet. Throws `journal/altered`, `journal/unreadable`. */
export async function readWaves(path: string): Promise<LogContent<WaveEntry>> {
  return existsSync(path) ? readLog(path, entrySchema) : { lines: [], tornBytes: 0 };
}

/** One move as the journal tells of it. */
export interface WaveMove {
  readonly number: number;
  readonly rung: string;
  readonly openedAt: string;
  readonly operator: string;
  /** The devices it was about. */
  readonly devices: readonly string[];
  /** Those whose route it switched. */
  readonly routed: readonly string[];
  readonly routedAt: string | null;
  readonly left: readonly { readonly udid: string; readonly code: string }[];
  /** How far it came. */
  readonly step: 'opened' | 'planned' | 'imported' | 'verified' | 'routing' | 'routed' | 'waking' | 'woken' | 'closed';
  readonly journal: string | null;
  readonly woken: { readonly sent: number; readonly failed: number } | null;
}

/** What the journal says about the waves as a whole. */
export interface WaveStanding {
  readonly moves: readonly WaveMove[];
  /** The move that was begun and is not at its end; null when there is none. */
  readonly open: WaveMove | null;
  /** Devices that shall go to Fleet. */
  readonly fleet: ReadonlySet<string>;
  /** Devices whose route is being changed at this moment, one way or the other: either is right. */
  readonly undecided: ReadonlySet<string>;
  /** When each of `fleet` was switched (RFC 3339), and by which rung. */
  readonly switched: ReadonlyMap<string, { readonly at: string; readonly rung: string }>;
  /** Moves back, newest last. */
  readonly backs: readonly {
    readonly move: number;
    readonly at: string;
    readonly rung: string | null;
    readonly devices: number;
    readonly operator: string;
  }[];
  readonly nextMove: number;
}

/** Sums the journal up. */
export function standingOf(lines: readonly WaveLine[]): WaveStanding {
  const moves = new Map<number, { -readonly [K in keyof WaveMove]: WaveMove[K] }>();
  const switched = new Map<string, { at: string; rung: string }>();
  const undecided = new Set<string>();
  const backs: { move: number; at: string; rung: string | null; devices: number; operator: string }[] = [];
  const going = new Map<number, readonly string[]>();
  let last = 0;
  for (const line of lines) {
    if ('move' in line) last = Math.max(last, line.move);
    const move = 'move' in line ? moves.get(line.move) : undefined;
    switch (line.kind) {
      case 'opened':
        moves.set(line.move, {
          number: line.move,
          rung: line.rung,
          openedAt: line.at,
          operator: line.operator,
          devices: line.devices,
          routed: [],
          routedAt: null,
          left: [],
          step: 'opened',
          journal: null,
          woken: null,
        });
        break;
      case 'planned':
        if (move !== undefined) move.step = 'planned';
        break;
      case 'imported':
        if (move !== undefined) Object.assign(move, { step: 'imported', journal: line.journal });
        break;
      case 'verified':
        if (move !== undefined) Object.assign(move, { step: 'verified', left: line.left });
        break;
      case 'route-intent':
        if (move !== undefined) move.step = 'routing';
        going.set(line.move, line.devices);
        for (const udid of line.devices) undecided.add(udid);
        break;
      case 'routed': {
        const devices = going.get(line.move) ?? [];
        if (move !== undefined)
          Object.assign(move, { step: 'routed', routed: [...move.routed, ...devices], routedAt: line.at });
        for (const udid of devices) {
          undecided.delete(udid);
          if (!switched.has(udid)) switched.set(udid, { at: line.at, rung: move?.rung ?? '' });
        }
        break;
      }
      case 'wake-intent':
        if (move !== undefined && line.again !== true) move.step = 'waking';
        break;
      case 'woken':
        if (move !== undefined)
          Object.assign(move, {
            ...(line.again === true ? {} : { step: 'woken' as const }),
            woken: { sent: (move.woken?.sent ?? 0) + line.sent, failed: line.failed.length },
          });
        break;
      case 'closed':
        if (move !== undefined) move.step = 'closed';
        break;
      case 'back-intent':
        going.set(line.move, line.devices);
        for (const udid of line.devices) undecided.add(udid);
        backs.push({
          move: line.move,
          at: line.at,
          rung: line.rung,
          devices: line.devices.length,
          operator: line.operator,
        });
        break;
      case 'back-routed':
        for (const udid of going.get(line.move) ?? []) {
          undecided.delete(udid);
          switched.delete(udid);
        }
        break;
      case 'settled':
        for (const udid of line.fleet) {
          undecided.delete(udid);
          if (switched.has(udid)) continue;
          const by = [...moves.values()].findLast(({ number }) => going.get(number)?.includes(udid) === true);
          switched.set(udid, { at: line.at, rung: by?.rung ?? '' });
          if (by !== undefined) Object.assign(by, { routed: [...by.routed, udid], routedAt: line.at });
        }
        for (const udid of line.old) {
          undecided.delete(udid);
          switched.delete(udid);
        }
        break;
      case 'set-again':
      case 'resumed':
        break;
    }
  }
  const all = [...moves.values()];
  return {
    moves: all,
    open: all.findLast(({ step }) => step !== 'closed') ?? null,
    fleet: new Set(switched.keys()),
    undecided,
    switched,
    backs,
    nextMove: last + 1,
  };
}
