/**
 * The journal of assets: the same chained file as that of the devices, with entries of its own. Ids, hashes and lengths
 * only; encrypted values are named by their MD5 and SHA-256.
 */
import { z } from 'zod';
import { ChainedLog, logPath, readLog, type LogContent } from '../migration/chained-log';
import { operatorHere } from '../migration/journal';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const md5 = z.string().regex(/^[0-9a-f]{32}$/);
const target = z.object({ host: z.string(), port: z.number(), database: z.string(), serverUuid: z.string() });
const outcome = z.enum(['committed', 'rolled-back', 'rehearsed', 'unknown']);

/** A row that was soft-deleted, as it stood before. */
const replaced = z.object({
  id: z.number(),
  name: z.string(),
  md5,
  storedSha256: hash,
  createdAt: z.string(),
  /** Null in every row Fleet itself holds for active. */
  deletedAt: z.string().nullable(),
});

/** A row that was inserted; `sha256` and `length` are those of the value before encryption. */
const inserted = z.object({
  id: z.number(),
  name: z.string(),
  md5,
  storedSha256: hash,
  sha256: hash,
  length: z.number(),
  /** UTC by the server's clock: since then a device may depend on it. */
  createdAt: z.string(),
});

const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('opened'),
    planId: hash,
    operator: z.string(),
    workstation: z.string(),
    tool: z.string(),
    origin: z.string(),
    target,
    rehearsal: z.boolean(),
    accepted: z.array(z.string()),
    reason: z.string().nullable(),
  }),
  z.object({ kind: z.literal('resumed'), operator: z.string(), workstation: z.string(), tornBytes: z.number() }),
  z.object({
    kind: z.literal('serial'),
    table: z.string(),
    serial: z.string(),
    outcome: z.enum(['intended', 'inserted', 'there']),
  }),
  z.object({
    kind: z.literal('intent'),
    batch: z.number(),
    deletionUuid: z.string(),
    replaced: z.array(replaced),
    inserted: z.array(inserted),
  }),
  z.object({ kind: z.literal('outcome'), batch: z.number(), outcome }),
  z.object({
    kind: z.literal('undo-opened'),
    operator: z.string(),
    workstation: z.string(),
    target,
    rehearsal: z.boolean(),
    reason: z.string().nullable(),
  }),
  z.object({ kind: z.literal('undo-intent'), batch: z.number(), of: z.number() }),
  z.object({ kind: z.literal('undo-outcome'), batch: z.number(), outcome }),
]);

export type AssetsEntry = z.infer<typeof entrySchema>;
export type AssetsJournal = ChainedLog<AssetsEntry>;
export type AssetsJournalContent = LogContent<AssetsEntry>;
export type AssetsWrite = Extract<AssetsEntry, { kind: 'intent' }>;

/** Opens the journal for appending, or creates it; see {@link ChainedLog.open}. */
export function openAssetsJournal(path: string): Promise<AssetsJournal> {
  return ChainedLog.open(path, entrySchema, (tornBytes) => ({ kind: 'resumed', ...operatorHere(), tornBytes }));
}

/** Reads one; throws `journal/unreadable` and `journal/altered`. */
export function readAssetsJournal(path: string): Promise<AssetsJournalContent> {
  return readLog(path, entrySchema);
}

/** Where the journal of a plan and its target is. Not a name `findJournals` takes for one of devices. */
export function assetsJournalPath(
  folder: string,
  planId: string,
  place: { readonly serverUuid: string; readonly database: string },
  rehearsal: boolean,
): string {
  return logPath(folder, planId, place, rehearsal, 'assets.jsonl');
}

/**
 * What was written, or may have been (a commit whose answer was lost), and was not taken back for certain; newest first.
 */
export function standingWrites(content: AssetsJournalContent): AssetsWrite[] {
  const outcomes = new Map<string, z.infer<typeof outcome>>();
  for (const line of content.lines) {
    if (line.kind === 'outcome' || line.kind === 'undo-outcome')
      outcomes.set(`${line.kind} ${line.batch}`, line.outcome);
  }
  const undone = new Set<number>();
  for (const line of content.lines) {
    if (line.kind === 'undo-intent' && outcomes.get(`undo-outcome ${line.batch}`) === 'committed') undone.add(line.of);
  }
  return content.lines
    .filter((line) => line.kind === 'intent')
    .filter(({ batch }) => {
      const became = outcomes.get(`outcome ${batch}`) ?? 'unknown';
      return !undone.has(batch) && became !== 'rolled-back' && became !== 'rehearsed';
    })
    .reverse();
}
