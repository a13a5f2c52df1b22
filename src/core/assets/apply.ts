/**
 * Assets into Fleet: one transaction that soft-deletes what is replaced and inserts encrypted rows, reads them back and
 * opens them again before it commits.
 *
 * Under lock the plan is made anew and must be the one that was shown; so a device that enrolled meanwhile, or an asset
 * somebody changed, stops it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readCertificateBytes } from '../certificates/pem';
import { attempt, refused, type Result } from '../failure';
import { decryptAsset, encryptAsset } from '../fleet/assets';
import type { FleetConnection } from '../fleet/connection';
import type { ProbedSchema } from '../fleet/probe';
import { nextBatch, operatorHere } from '../migration/journal';
import { liftSerials, type SerialOutcome } from '../migration/serial-lift';
import { WritingSession, type Connect, type Patience } from '../migration/writing-session';
import type { Secret } from '../secret';
import { timestampText } from '../utc-text';
import { assetsJournalPath, openAssetsJournal, type AssetsJournal, type AssetsWrite } from './journal';
import { valuesOf, type AssetMaterial, type AssetName } from './material';
import { isSettled, openBlocks, planAssets, type AssetsPlan, type PlannedAsset } from './plan';
import { insertAsset, lockRows, readActiveRows, softDelete, storedSha256, type AssetRow } from './rows';

export interface AssetsApplyInput {
  /** What was shown and confirmed. */
  readonly plan: AssetsPlan;
  /** The same that the plan was made from. */
  readonly material: AssetMaterial;
  readonly privateKey: Secret;
  readonly connect: Connect;
  readonly probe: (connection: FleetConnection) => Promise<ProbedSchema>;
  readonly journalFolder: string;
  readonly rehearse?: boolean;
  readonly accepted?: ReadonlySet<string>;
  readonly reason?: string | null;
  readonly tool?: string;
  readonly patience?: Patience;
  /** Tests only: called at named points. */
  readonly probePoint?: (point: string) => Promise<void>;
  /** Has Fleet's API take the push certificate once the rows stand there: MDM is on without a restart. */
  readonly upload?: () => Promise<void>;
}

export interface AssetsApplyResult {
  readonly planId: string;
  readonly journal: string;
  readonly rehearsal: boolean;
  /** `already`: everything stood there as wanted. */
  readonly outcome: 'written' | 'already';
  readonly written: readonly {
    readonly name: string;
    readonly id: number;
    readonly replacedId: number | null;
    readonly sha256: string;
    readonly length: number;
  }[];
  /** The serial counter: null when there was nothing to lift. `not-rehearsed`: it would move for good. */
  readonly serial: SerialOutcome | null;
  /** Whether Fleet's API took the push certificate; null when that was not asked for, or rehearsed. */
  readonly uploaded: Result<{ readonly id: number }> | null;
  readonly notes: readonly string[];
}

/**
 * Writes what the plan says. Throws `assets/blocked`, `assets/changed-since-plan`, `assets/read-back-differs`,
 * `fleet/private-key-wrong`, `fleet/locked-by-other-operator`, `journal/…` and the failures of the connection. After
 * any of them nothing of the four rows is changed; after a lost connection the same call tells what came of it.
 */
export async function applyAssets(input: AssetsApplyInput): Promise<AssetsApplyResult> {
  const { plan } = input;
  checkBlocks(plan, input.accepted);
  const rehearsal = input.rehearse ?? false;
  const session = await WritingSession.open(input.connect, input.patience);
  try {
    const schema = await input.probe(session.connection);
    const { address, server } = session.connection;
    const place = { serverUuid: server.serverUuid, database: address.database };
    // Before a journal is begun: with another key, on another Fleet, there is nothing to tell of.
    const now = await lookAgain(input, session.connection, schema);
    const journal = await openAssetsJournal(assetsJournalPath(input.journalFolder, plan.id, place, rehearsal));
    try {
      await journal.append({
        kind: 'opened',
        planId: plan.id,
        ...operatorHere(),
        tool: input.tool ?? 'slipway',
        origin: plan.origin,
        target: { ...place, host: address.host, port: address.port },
        rehearsal,
        accepted: [...(input.accepted ?? [])].sort(),
        reason: input.reason ?? null,
      });
      // First: once Fleet has the CA, a device that enrolls is given the next serial.
      const serial = now.serials === null ? null : await liftSerials(session, journal, now.serials, rehearsal);
      const writing = new Writing(input, session, schema, journal, rehearsal);
      const written = await writing.run();
      const uploaded =
        input.upload === undefined || rehearsal ? null : await attempt(() => writing.uploaded(input.upload));
      return {
        planId: plan.id,
        journal: journal.path,
        rehearsal,
        outcome: written === null ? 'already' : 'written',
        written: (written?.inserted ?? []).map(({ name, id, sha256, length }) => ({
          name,
          id,
          replacedId: written?.replaced.find((row) => row.name === name)?.id ?? null,
          sha256,
          length,
        })),
        serial,
        uploaded,
        notes: [
          ...now.notes,
          ...(session.reconnects > 0 ? [`The connection was lost and found again ${session.reconnects} times.`] : []),
        ],
      };
    } finally {
      await journal.close();
    }
  } finally {
    await session.close();
  }
}

/** Throws `assets/blocked` while something stands against the plan that was not, or cannot be, accepted. */
export function checkBlocks(plan: AssetsPlan, accepted: ReadonlySet<string> = new Set()): void {
  const open = openBlocks(plan, accepted);
  const [first] = open;
  if (first === undefined) return;
  refused(
    'assets/blocked',
    `Nothing was written (${open.map(({ code }) => code).join(', ')}): ${first.sentence}`,
    first.remedy,
    Object.fromEntries(open.map(({ code, overridable }) => [code, overridable ? 'may be accepted by name' : 'final'])),
  );
}

/** The plan as it would be now; it must be the one that was shown, or all of it done already. */
async function lookAgain(
  input: AssetsApplyInput,
  connection: FleetConnection,
  schema: ProbedSchema,
  lock = false,
): Promise<AssetsPlan> {
  const { plan } = input;
  const now = await planAssets({
    material: input.material,
    origin: plan.origin,
    privateKey: input.privateKey,
    connection,
    schema,
    at: Date.parse(plan.at),
    lock,
  });
  if (now.id === plan.id || isSettled(now)) return now;
  checkBlocks(now, input.accepted);
  refused(
    'assets/changed-since-plan',
    'Fleet’s assets, or what hangs on them, are not what they were when this was shown. Nothing was written.',
    'Look at it again (`slipway assets plan`), and confirm that.',
    { planned: plan.id, found: now.id },
  );
}

class Writing {
  readonly #input: AssetsApplyInput;
  readonly #session: WritingSession;
  readonly #schema: ProbedSchema;
  readonly #journal: AssetsJournal;
  readonly #rehearsal: boolean;
  #number: number;
  /** A write whose commit may have come through although its answer was lost. */
  #perhaps: AssetsWrite | null = null;

  constructor(
    input: AssetsApplyInput,
    session: WritingSession,
    schema: ProbedSchema,
    journal: AssetsJournal,
    rehearsal: boolean,
  ) {
    this.#input = input;
    this.#session = session;
    this.#schema = schema;
    this.#journal = journal;
    this.#rehearsal = rehearsal;
    this.#number = nextBatch(journal.found.lines);
  }

  /** What was written; null when everything stood there already. */
  async run(): Promise<AssetsWrite | null> {
    let intent: AssetsWrite | null = null;
    return this.#session.transaction(
      async (connection) => {
        intent = null;
        const now = await lookAgain(this.#input, connection, this.#schema, true);
        await this.#input.probePoint?.('locked');
        if (isSettled(now)) return this.#perhaps;
        const write = await this.#write(connection, now);
        await this.#journal.append(write);
        intent = write;
        await this.#input.probePoint?.('intent');
        return write;
      },
      {
        commit: !this.#rehearsal,
        onOutcome: async (outcome) => {
          if (intent === null) return;
          if (outcome === 'unknown') this.#perhaps = intent;
          const { batch } = intent;
          intent = null;
          await this.#journal.append({ kind: 'outcome', batch, outcome });
          await this.#input.probePoint?.(`outcome-${outcome}`);
        },
      },
    );
  }

  /**
   * Uploads, and writes down the row Fleet makes of it in place of ours, so that an undo takes back both.
   * @returns the row that is active then
   */
  async uploaded(upload: () => Promise<void> = () => Promise.resolve()): Promise<{ readonly id: number }> {
    const { connection } = this.#session;
    const [before] = await readActiveRows(connection, ['apns_cert'], false);
    await upload();
    return this.#session.transaction(
      async (again) => {
        const rows = await readActiveRows(again, ['apns_cert'], true);
        const [after] = rows;
        const value = valuesOf(this.#input.material).get('apns_cert');
        const opened = after === undefined ? null : decryptAsset('apns_cert', after.value, this.#input.privateKey);
        const [der] = opened?.ok === true ? readCertificateBytes(opened.value.reveal()) : [];
        if (
          after === undefined ||
          rows.length !== 1 ||
          opened?.ok !== true ||
          value === undefined ||
          der?.equals(readCertificateBytes(value)[0] ?? Buffer.alloc(0)) !== true
        ) {
          refused(
            'assets/upload-not-there',
            'Fleet took the push certificate, but it is not what its database holds now.',
            'Check that the address is that of the Fleet whose database this is, then look with `slipway assets plan`.',
          );
        }
        if (before === undefined || after.id === before.id) return { id: after.id };
        const old = (await lockRows(again, [before.id])).get(before.id);
        // Where Fleet deletes for good there is nothing to give back; undo will say that the rows changed.
        if (old === undefined || old.deletionUuid === '') return { id: after.id };
        const batch = this.#number;
        this.#number += 1;
        await this.#journal.append({
          kind: 'intent',
          batch,
          deletionUuid: old.deletionUuid,
          replaced: [replacedOf(before)],
          inserted: [insertedOf(after, opened.value)],
        });
        await this.#journal.append({ kind: 'outcome', batch, outcome: 'committed' });
        return { id: after.id };
      },
      { commit: false },
    );
  }

  async #write(connection: FleetConnection, now: AssetsPlan): Promise<AssetsWrite> {
    const values = valuesOf(this.#input.material);
    const going = now.assets.filter(({ action }) => action !== 'keep');
    const names = going.map(({ name }) => name);
    const before = await readActiveRows(connection, names, true);
    const deletionUuid = randomUUID();
    await softDelete(
      connection,
      before.map(({ id }) => id),
      deletionUuid,
    );
    const sent = new Map<AssetName, Buffer>();
    for (const { name, wanted } of going) {
      const { value, md5 } = encryptAsset(values.get(name) ?? Buffer.alloc(0), this.#input.privateKey);
      sent.set(name, value);
      const renewAt = wanted.notAfter === null ? null : timestampText(Date.parse(wanted.notAfter));
      await insertAsset(connection, { name, value, md5, ...(this.#schema.assetsRenewAt ? { renewAt } : {}) });
    }
    await this.#input.probePoint?.('written');
    const after = await readActiveRows(connection, names, true);
    const batch = this.#number;
    this.#number += 1;
    return {
      kind: 'intent',
      batch,
      deletionUuid,
      replaced: before.map(replacedOf),
      inserted: going.map((asset) => this.#readBack(asset, after, sent.get(asset.name), values.get(asset.name))),
    };
  }

  /** The row as it stands there now: the bytes that were sent, which the private key opens to the value wanted. */
  #readBack(
    { name }: PlannedAsset,
    rows: readonly AssetRow[],
    sent: Buffer | undefined,
    wanted: Buffer | undefined,
  ): AssetsWrite['inserted'][number] {
    const found = rows.filter((row) => row.name === name);
    const [row] = found;
    const opened = row === undefined ? null : decryptAsset(name, row.value, this.#input.privateKey);
    if (
      row === undefined ||
      found.length !== 1 ||
      sent === undefined ||
      wanted === undefined ||
      !row.value.equals(sent) ||
      row.md5 !== createHash('md5').update(sent).digest('hex') ||
      opened?.ok !== true ||
      !opened.value.reveal().equals(wanted)
    ) {
      refused(
        'assets/read-back-differs',
        `The row ${name} was read back other than it was written; everything was rolled back.`,
        'Look for a trigger on mdm_config_assets, or a proxy that changes binary values.',
      );
    }
    return insertedOf(row, opened.value);
  }
}

function replacedOf(row: AssetRow): AssetsWrite['replaced'][number] {
  const { id, name, md5, createdAt, deletedAt } = row;
  return { id, name, md5, storedSha256: storedSha256(row), createdAt, deletedAt };
}

function insertedOf(row: AssetRow, value: Secret): AssetsWrite['inserted'][number] {
  const { id, name, md5, createdAt } = row;
  return { id, name, md5, storedSha256: storedSha256(row), sha256: value.sha256(), length: value.length, createdAt };
}
