/**
 * The journal of commands that were sent to devices: what was meant before each call, what became of it after. A run that
 * was stopped goes on from it, and it is read again to see what is still on its way. Never a payload, never a secret.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { canonicalHash } from '../migration/canonical';
import { ChainedLog, readLog, type LogContent } from '../migration/chained-log';
import { operatorHere } from '../migration/journal';

const who = { operator: z.string(), workstation: z.string() };
const way = z.enum(['old-server', 'fleet']);
const purpose = z.enum(['remove-profile', 'install-agent']);
const state = z.enum(['sent', 'failed', 'unknown']);

const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('opened'),
    planId: z.string(),
    purpose,
    way,
    /** Host that is called. */
    place: z.string(),
    /** What kind of server the old one is; absent for Fleet, and in journals of before there were several. */
    server: z.enum(['micromdm', 'nanomdm']).optional(),
    ...who,
    tool: z.string(),
    /** What is sent: identifiers of profiles, or the address of a manifest. */
    subjects: z.array(z.string()),
    devices: z.number(),
    accepted: z.array(z.string()),
    reason: z.string().nullable(),
  }),
  z.object({ kind: z.literal('resumed'), ...who, tornBytes: z.number() }),
  z.object({
    kind: z.literal('intent'),
    batch: z.number(),
    commands: z.array(z.object({ udid: z.string(), subject: z.string(), uuid: z.string().nullable() })),
  }),
  z.object({
    kind: z.literal('outcome'),
    batch: z.number(),
    results: z.array(
      z.object({
        udid: z.string(),
        subject: z.string(),
        uuid: z.string().nullable(),
        state,
        code: z.string().nullable(),
      }),
    ),
  }),
  z.object({ kind: z.literal('closed'), state: z.enum(['complete', 'stopped']), why: z.string().nullable() }),
]);

export type CommandEntry = z.infer<typeof entrySchema>;
export type CommandJournal = ChainedLog<CommandEntry>;
export type CommandJournalContent = LogContent<CommandEntry>;
export type CommandPurpose = z.infer<typeof purpose>;
export type CommandWay = z.infer<typeof way>;
export type CommandState = z.infer<typeof state>;

/** What a run is about; equal runs have equal ids, so that a second one goes on with the journal of the first. */
export interface CommandRunIdentity {
  readonly purpose: CommandPurpose;
  readonly way: CommandWay;
  readonly place: string;
  readonly subjects: readonly string[];
  readonly udids: readonly string[];
}

/** SHA-256 over what a run is about. */
export function commandRunId({ purpose: what, way: by, place, subjects, udids }: CommandRunIdentity): string {
  return canonicalHash({
    purpose: what,
    way: by,
    place,
    subjects: [...subjects].sort(),
    udids: [...udids].sort(),
  });
}

/** Where the journal of a run is. */
export function commandJournalPath(folder: string, planId: string): string {
  return join(folder, `${planId.slice(0, 16)}.commands.jsonl`);
}

/** Opens the journal for appending, or creates it; see {@link ChainedLog.open}. */
export function openCommandJournal(path: string): Promise<CommandJournal> {
  return ChainedLog.open(path, entrySchema, (tornBytes) => ({ kind: 'resumed', ...operatorHere(), tornBytes }));
}

/** Reads one; throws `journal/unreadable` and `journal/altered`. */
export function readCommandJournal(path: string): Promise<CommandJournalContent> {
  return readLog(path, entrySchema);
}

/** One command as a journal tells of it. */
export interface JournaledCommand {
  readonly udid: string;
  readonly subject: string;
  readonly uuid: string | null;
  /** `unknown`: meant, and its answer lost; the command may have been queued. */
  readonly state: CommandState;
  readonly code: string | null;
  /** RFC 3339 of the newest line about it. */
  readonly at: string;
}

/** A journal summed up. */
export interface CommandStanding {
  readonly opened: Extract<CommandEntry, { kind: 'opened' }> | null;
  readonly openedAt: string | null;
  /** Newest word on each device and subject, in the order they were first meant. */
  readonly commands: readonly JournaledCommand[];
  readonly closed: 'complete' | 'stopped' | null;
  readonly nextBatch: number;
}

/** Names one device and subject. */
export function commandKey(udid: string, subject: string): string {
  return JSON.stringify([udid, subject]);
}

/** Sums a journal up. */
export function commandStanding(content: CommandJournalContent): CommandStanding {
  const commands = new Map<string, JournaledCommand>();
  let opened: CommandStanding['opened'] = null;
  let openedAt: string | null = null;
  let closed: CommandStanding['closed'] = null;
  let next = 1;
  for (const line of content.lines) {
    if ('batch' in line) next = Math.max(next, line.batch + 1);
    if (line.kind === 'opened') {
      opened = line;
      openedAt ??= line.at;
      closed = null;
    } else if (line.kind === 'intent') {
      for (const { udid, subject, uuid } of line.commands)
        commands.set(commandKey(udid, subject), { udid, subject, uuid, state: 'unknown', code: null, at: line.at });
    } else if (line.kind === 'outcome') {
      for (const result of line.results)
        commands.set(commandKey(result.udid, result.subject), { ...result, at: line.at });
    } else if (line.kind === 'closed') closed = line.state;
  }
  return { opened, openedAt, commands: [...commands.values()], closed, nextBatch: next };
}
