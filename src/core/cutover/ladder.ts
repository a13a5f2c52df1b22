/**
 * The ladder: in which waves the devices move, on which conditions, and what leads them. A file in the workspace;
 * what has become of it stands in the waves’ journal beside it.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { misused, refused, unreadable } from '../failure';
import { writePrivate } from '../private-file';
import { choiceSchema, type Choice } from './choice';
import { engineSettings, type EngineSettings } from './engines';

const entrySchema = z.strictObject({
  /** Share of the wave before that must be migrated, 0 to 1. */
  migrated: z.number().min(0).max(1),
  /** Devices of the wave before that may need attention. */
  attention: z.number().int().min(0),
});

/** What must hold before a wave may follow another. */
export type EntryConditions = z.infer<typeof entrySchema>;

const rungSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._%-]{0,59}$/),
  /** Added to those of the rungs before. */
  choice: choiceSchema,
  entry: entrySchema,
});

const ladderSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('slipway-ladder'),
  /** One more with every change. */
  revision: z.number().int().positive(),
  /** How the source is named; waves read it again. */
  source: z.string().min(1),
  engine: engineSettings,
  /** Until when the last wave has moved and Fleet renews certificates again (RFC 3339). */
  ends: z.iso.datetime(),
  rungs: z.array(rungSchema).min(1).max(50),
  history: z.array(
    z.strictObject({
      at: z.iso.datetime(),
      operator: z.string(),
      workstation: z.string(),
      change: z.string(),
    }),
  ),
});

export type Ladder = z.infer<typeof ladderSchema>;
export type Rung = Ladder['rungs'][number];

export const USUAL_ENTRY: EntryConditions = { migrated: 0.95, attention: 0 };

/** The first wave has none before it. */
const LIMIT_BYTES = 64 * 1_048_576;

/** Pilot, 10 %, 50 %, all. */
export function usualRungs(pilot: Choice, entry: EntryConditions = USUAL_ENTRY): Rung[] {
  return [
    { name: 'pilot', choice: pilot, entry },
    { name: '10 %', choice: { kind: 'percentage', percentage: 10 }, entry },
    { name: '50 %', choice: { kind: 'percentage', percentage: 50 }, entry },
    { name: 'all', choice: { kind: 'all' }, entry },
  ];
}

/** Who changes it. */
export interface LadderChange {
  readonly at: number;
  readonly operator: string;
  readonly workstation: string;
  /** In words: `made`, `pilot: 12 devices by name`. */
  readonly change: string;
}

/** A new ladder. Throws `wave/ladder-rungs` when two rungs have one name. */
export function makeLadder(
  wish: {
    readonly source: string;
    readonly engine: EngineSettings;
    readonly ends: number;
    readonly rungs: readonly Rung[];
  },
  change: LadderChange,
): Ladder {
  return changed(
    {
      schema: 1,
      kind: 'slipway-ladder',
      revision: 0,
      history: [],
      ...wish,
      ends: new Date(wish.ends).toISOString(),
      rungs: [...wish.rungs],
    },
    {},
    change,
  );
}

/** The ladder with something about it changed, one revision on. Throws `wave/ladder-rungs`. */
export function changed(
  ladder: Ladder,
  what: Partial<Pick<Ladder, 'source' | 'engine' | 'ends' | 'rungs'>>,
  { at, operator, workstation, change }: LadderChange,
): Ladder {
  const next = {
    ...ladder,
    ...what,
    revision: ladder.revision + 1,
    history: [...ladder.history, { at: new Date(at).toISOString(), operator, workstation, change }],
  };
  const names = new Set<string>();
  for (const { name } of next.rungs) {
    if (names.has(name))
      misused('wave/ladder-rungs', `Two waves are called «${name}».`, 'Give each wave a name of its own.');
    names.add(name);
  }
  return next;
}

/** Where a ladder’s journal stands: with the other journals of its workspace, or beside it where there is none. */
export function wavesJournalOf(ladderPath: string): string {
  return join(journalsOf(ladderPath), `${basename(ladderPath, '.json')}.waves.jsonl`);
}

/** Where the journals of a ladder’s imports stand. */
export function journalsOf(ladderPath: string): string {
  return folderBeside(ladderPath, 'journals');
}

/** Where the plans of its waves are written. */
export function plansOf(ladderPath: string): string {
  return folderBeside(ladderPath, 'plans');
}

/** A workspace has folders for these; command line and window must find the same. */
function folderBeside(ladderPath: string, name: string): string {
  const folder = join(dirname(ladderPath), name);
  return existsSync(folder) ? folder : dirname(ladderPath);
}

/** Reads a ladder. Throws `wave/no-ladder`, `wave/ladder-unreadable`, `wave/ladder-newer`. */
export async function readLadder(path: string): Promise<Ladder> {
  const found = await findLadder(path);
  return found ?? refused('wave/no-ladder', `There is no ladder at ${path} yet.`, 'Make one first.');
}

/** Reads a ladder; null when there is none. Throws `wave/ladder-unreadable`, `wave/ladder-newer`. */
export async function findLadder(path: string): Promise<Ladder | null> {
  const remedy =
    'Restore the file from a copy, or make the ladder anew: what was moved stands in the journal beside it.';
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    return unreadable('wave/ladder-unreadable', `The ladder ${path} cannot be read (${code}).`, remedy);
  }
  let value: unknown = null;
  try {
    if (text.length <= LIMIT_BYTES) value = JSON.parse(text);
  } catch {
    // Told below.
  }
  const head = value as { kind?: unknown; schema?: unknown } | null;
  if (head?.kind === 'slipway-ladder' && typeof head.schema === 'number' && head.schema > 1)
    unreadable('wave/ladder-newer', 'The ladder was written by a newer version of Slipway.', 'Use that version.');
  const parsed = ladderSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  return unreadable(
    'wave/ladder-unreadable',
    `The file ${path} is no ladder of Slipway’s (${parsed.error.issues[0]?.path.join('.') ?? ''}).`,
    remedy,
  );
}

/**
 * Writes a ladder in one step, unless somebody else has changed it since it was read.
 * @throws wave/ladder-changed, file/cannot-write
 */
export async function saveLadder(path: string, ladder: Ladder): Promise<void> {
  const there = await findLadder(path);
  if ((there?.revision ?? 0) !== ladder.revision - 1)
    refused(
      'wave/ladder-changed',
      'The ladder was changed by somebody else since it was read.',
      'Look at it again, then repeat the change.',
    );
  await writePrivate(path, `${JSON.stringify(ladder, null, 2)}\n`, { overwrite: true });
}
