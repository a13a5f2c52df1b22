/**
 * Taking assets back: ours are deleted, what they replaced becomes active again, by id and MD5. What one transaction
 * wrote is taken back by one, all of it or nothing, the newest first.
 *
 * Refused once any device has proof: one that Fleet has heard from since holds to the CA and topic that would go.
 */
import { refused } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import type { ProbedSchema } from '../fleet/probe';
import { nextBatch, operatorHere } from '../migration/journal';
import { FLUSH_PAUSE_MS } from '../migration/undo';
import { sleep, WritingSession, type Connect, type Patience } from '../migration/writing-session';
import { countProven } from './contact';
import {
  openAssetsJournal,
  readAssetsJournal,
  standingWrites,
  type AssetsJournal,
  type AssetsJournalContent,
  type AssetsWrite,
} from './journal';
import { deleteAsset, lockRows, restoreAsset, storedSha256, type AssetRow } from './rows';

export interface AssetsUndoInput {
  /** The journal `assets apply` wrote. */
  readonly journal: string;
  readonly connect: Connect;
  readonly probe: (connection: FleetConnection) => Promise<ProbedSchema>;
  readonly rehearse?: boolean;
  /** Accepted by name: `other-target`. */
  readonly accepted?: ReadonlySet<string>;
  readonly reason?: string | null;
  readonly patience?: Patience;
  /** Waits between the two looks for devices; tests inject their own. */
  readonly wait?: (milliseconds: number) => Promise<void>;
  readonly probePoint?: (point: string) => Promise<void>;
}

export interface AssetsUndoResult {
  readonly journal: string;
  readonly rehearsal: boolean;
  readonly removed: readonly { readonly name: string; readonly id: number }[];
  readonly restored: readonly { readonly name: string; readonly id: number; readonly md5: string }[];
  readonly notes: readonly string[];
}

/**
 * Throws `assets-undo/empty`, `assets-undo/rehearsal`, `assets-undo/other-target`, `assets-undo/device-proof`,
 * `assets-undo/rows-changed`, `fleet/locked-by-other-operator`, `journal/…`. Can be run again.
 */
export async function undoAssets(input: AssetsUndoInput): Promise<AssetsUndoResult> {
  const before = await readAssetsJournal(input.journal);
  const session = await WritingSession.open(input.connect, input.patience);
  try {
    const schema = await input.probe(session.connection);
    checkTarget(before, session.connection, input);
    const since = sinceWhen(before);
    if (since !== null) {
      await checkProof(session.connection, schema, since);
      // Fleet writes the time of a contact up to two seconds after it.
      await (input.wait ?? sleep)(FLUSH_PAUSE_MS);
    }
    await input.probePoint?.('between');
    const journal = await openAssetsJournal(input.journal);
    try {
      return await takeBack(input, session, schema, journal);
    } finally {
      await journal.close();
    }
  } finally {
    await session.close();
  }
}

function checkTarget(content: AssetsJournalContent, connection: FleetConnection, input: AssetsUndoInput): void {
  const opened = content.lines.find((line) => line.kind === 'opened');
  if (opened === undefined) {
    refused(
      'assets-undo/empty',
      'The journal does not say which Fleet it belongs to.',
      'Name the journal that `slipway assets apply` wrote (….assets.jsonl).',
    );
  }
  if (opened.rehearsal) {
    refused(
      'assets-undo/rehearsal',
      'This is the journal of a rehearsal: nothing of it was committed.',
      'Nothing needs to be done.',
    );
  }
  const { target } = opened;
  const same = target.serverUuid === connection.server.serverUuid && target.database === connection.address.database;
  if (same || input.accepted?.has('other-target') === true) return;
  refused(
    'assets-undo/other-target',
    `The journal is about the database ‘${target.database}’ on ${target.host}:${target.port}, and this is another server or database.`,
    'Connect to that one; after a failover, when you know it is the same Fleet, accept other-target by name.',
  );
}

/** When the first row that still stands was written, by the server's clock; null when none does. */
function sinceWhen(content: AssetsJournalContent): string | null {
  const times = standingWrites(content).flatMap(({ inserted }) => inserted.map(({ createdAt }) => createdAt));
  return times.sort()[0] ?? null;
}

async function checkProof(connection: FleetConnection, schema: ProbedSchema, since: string): Promise<void> {
  const devices = await countProven(connection, schema, since);
  if (devices === 0) return;
  refused(
    'assets-undo/device-proof',
    `Fleet has heard from ${devices === 1 ? 'one enrollment' : `${devices.toLocaleString('en')} enrollments`} since these assets went in; taking them back would cut ${devices === 1 ? 'it' : 'them'} off. Nothing was changed.`,
    'Leave the assets as they are. Nothing lifts this.',
    { enrollments: devices },
  );
}

async function takeBack(
  input: AssetsUndoInput,
  session: WritingSession,
  schema: ProbedSchema,
  journal: AssetsJournal,
): Promise<AssetsUndoResult> {
  const rehearsal = input.rehearse ?? false;
  const { address, server } = session.connection;
  await journal.append({
    kind: 'undo-opened',
    ...operatorHere(),
    target: { host: address.host, port: address.port, database: address.database, serverUuid: server.serverUuid },
    rehearsal,
    reason: input.reason ?? null,
  });
  let number = nextBatch(journal.found.lines);
  const removed: { name: string; id: number }[] = [];
  const restored: { name: string; id: number; md5: string }[] = [];
  const notes: string[] = [];
  for (const write of standingWrites(journal.found)) {
    let intent: number | null = null;
    /** It was taken back, and the answer to the commit was lost. */
    let perhaps = false;
    const done = await session.transaction(
      async (connection) => {
        intent = null;
        const rows = await lockRows(
          connection,
          [...write.inserted, ...write.replaced].map(({ id }) => id),
        );
        const state = stateOf(write, rows);
        if (state === 'back') return perhaps;
        if (state !== 'standing') rowsChanged(state.name);
        await checkProof(connection, schema, sinceWhen(journal.found) ?? '');
        const batch = number;
        number += 1;
        await journal.append({ kind: 'undo-intent', batch, of: write.batch });
        intent = batch;
        await input.probePoint?.('intent');
        for (const { id, md5 } of write.inserted) await deleteAsset(connection, id, md5);
        for (const row of write.replaced) await restoreAsset(connection, row, write.deletionUuid);
        const after = await lockRows(
          connection,
          [...write.inserted, ...write.replaced].map(({ id }) => id),
        );
        if (stateOf(write, after) !== 'back') rowsChanged('mdm_config_assets');
        return true;
      },
      {
        commit: !rehearsal,
        onOutcome: async (outcome) => {
          if (intent === null) return;
          const batch = intent;
          intent = null;
          perhaps = outcome === 'unknown';
          await journal.append({ kind: 'undo-outcome', batch, outcome });
        },
      },
    );
    if (!done) {
      notes.push('What the journal tells of had not come through, or was taken back before.');
      continue;
    }
    removed.push(...write.inserted.map(({ name, id }) => ({ name, id })));
    restored.push(...write.replaced.map(({ name, id, md5 }) => ({ name, id, md5 })));
  }
  notes.push('Restart all Fleet instances: each works out at its start whether MDM is on.');
  if (removed.length > restored.length && !rehearsal) {
    notes.push(
      'If a start file still sets Fleet’s MDM certificates, Fleet inserts the missing ones again at its next start.',
    );
  }
  for (const line of journal.found.lines) {
    if (line.kind !== 'serial' || line.outcome !== 'inserted') continue;
    notes.push(
      `The row ${line.serial} in ${line.table} is left on purpose: MySQL does not lower the counter again, and a higher one does no harm.`,
    );
  }
  return { journal: journal.path, rehearsal, removed, restored, notes };
}

/** Where the rows of a write stand: all as written, all as before it, or the first that is neither. */
function stateOf(
  write: AssetsWrite,
  rows: ReadonlyMap<number, AssetRow>,
): 'standing' | 'back' | { readonly name: string } {
  const is = (wanted: {
    readonly id: number;
    readonly md5: string;
    readonly storedSha256: string;
  }): AssetRow | null => {
    const row = rows.get(wanted.id);
    return row !== undefined && row.md5 === wanted.md5 && storedSha256(row) === wanted.storedSha256 ? row : null;
  };
  let standing = true;
  let back = true;
  let odd = '';
  for (const wanted of write.inserted) {
    const row = is(wanted);
    // A row that was rolled back may have left its number to another.
    if (row !== null) back = false;
    if (row?.deletionUuid === '') continue;
    standing = false;
    if (row !== null) odd ||= wanted.name;
  }
  for (const wanted of write.replaced) {
    const row = is(wanted);
    if (row?.deletionUuid !== write.deletionUuid) standing = false;
    if (row?.deletionUuid !== '' || row.deletedAt !== wanted.deletedAt || row.createdAt !== wanted.createdAt) {
      back = false;
      if (row?.deletionUuid !== write.deletionUuid) odd ||= wanted.name;
    }
  }
  if (standing) return 'standing';
  return back ? 'back' : { name: odd === '' ? (write.inserted[0]?.name ?? 'mdm_config_assets') : odd };
}

function rowsChanged(name: string): never {
  refused(
    'assets-undo/rows-changed',
    `The rows are not what the journal says (first: ${name}): Fleet or somebody has replaced an asset since. Nothing was changed.`,
    'Restore what you want from the backup, or put assets in anew with `slipway assets apply`.',
    { name },
  );
}
