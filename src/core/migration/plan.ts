/**
 * The plan: what will be done to the target, device by device.
 *
 * It holds hashes of rows, never the rows: apply derives them again from the private copy of the source and compares.
 * The same source, target and choices give the same plan and the same id.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { refused, unreadable } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import { bytesOf, foldId, isAbsent, places, readDevices, targetHash, type TargetDevice } from '../fleet/device-rows';
import { readHosts } from '../fleet/hosts';
import { MIGRATION_TABLES, type TargetSchema } from '../fleet/schema';
import { LineStore } from '../line-store';
import { PrivateFile, type WriteOptions } from '../private-file';
import type { OnProgress } from '../progress';
import { isHeld, type Sequence } from '../sequence';
import type { Reason, Snapshot, SourceDevice } from '../sources/snapshot';
import { canonicalHash } from './canonical';
import { differenceOf, orderedRows, type RowChange, type WrittenColumns } from './difference';
import { CommonKeys, KeyOwners } from './common-keys';
import { Fingerprints } from './fingerprint';
import { ASSOCIATION_TIME, deriveRows, hashRows, type DeviceRows, type Row } from './rows';
import { readAssociations, targetReasons, type TargetFacts } from './target-reasons';
import { touchesOf } from './touched';
import { certificatesOf, type JudgedDevice, type Judgement } from './verdict';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const shown = z.union([z.string(), z.number(), z.null()]);
const table = z.enum(MIGRATION_TABLES);

const changeSchema = z.strictObject({
  table,
  row: z.string(),
  change: z.enum(['insert', 'update', 'delete']),
  columns: z.array(z.tuple([z.string(), shown, shown])),
});

const deviceSchema = z.strictObject({
  udid: z.string().min(1),
  serial: z.string().nullable(),
  name: z.string().nullable(),
  action: z.enum(['insert', 'refresh', 'keep', 'held', 'blocked']),
  verdict: z.enum(['ready', 'caution', 'blocked']),
  reasons: z.array(
    z.strictObject({ code: z.string(), severity: z.enum(['note', 'caution', 'block']), sentence: z.string() }),
  ),
  /** Of the device in the source. */
  fingerprint: hash,
  /** Of the rows that shall stand; null for a device no rows can be made for. */
  rowsSha256: hash.nullable(),
  /** Of the rows that stand in the target now. */
  targetSha256: z.union([z.literal('absent'), hash]),
  /** User channels that go along. */
  users: z.number().int().nonnegative(),
  teamId: z.number().int().positive().nullable(),
  /** What a refresh changes; empty when it changes nothing. */
  changes: z.array(changeSchema),
});

const columnsSchema = z.strictObject({
  nano_devices: z.array(z.string()),
  nano_users: z.array(z.string()),
  nano_enrollments: z.array(z.string()),
  nano_cert_auth_associations: z.array(z.string()),
});

const planSchema = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('slipway-plan'),
  id: hash,
  /** The instant the source was judged at. */
  at: z.iso.datetime({ precision: 3 }),
  source: z.strictObject({
    /** How the source was named: `micromdm:/path`. */
    reference: z.string(),
    kind: z.string(),
    sha256: hash.nullable(),
    txid: z.number().nullable(),
    /** The instant the snapshot speaks of, milliseconds. */
    instant: z.number(),
    fingerprint: hash,
  }),
  /** The private copy of the source the rows are derived from again. */
  copy: z.strictObject({ path: z.string(), sha256: z.string() }),
  target: z.strictObject({
    host: z.string(),
    port: z.number(),
    database: z.string(),
    serverUuid: z.string(),
    version: z.string(),
    /** Over the rows of all devices of this plan. */
    fingerprint: hash,
    generation: z.string(),
    migrationId: z.string().nullable(),
    seenStorage: z.enum(['column', 'table']),
    serialsTable: z.enum(['scep_serials', 'identity_serials']).nullable(),
    columns: columnsSchema,
  }),
  /** Columns that are written, in the order they are hashed. */
  written: columnsSchema,
  /** Codes of cautions accepted by name, and why. */
  accepted: z.array(z.string()),
  reason: z.string().nullable(),
  /** The devices this plan was limited to; null for all. */
  wave: z.strictObject({ devices: z.number().int(), sha256: hash, unknown: z.array(z.string()) }).nullable(),
  steps: z.strictObject({
    /** Commands that wait in Fleet's queue for devices of this plan and would run at their first contact. */
    queue: z.strictObject({
      chosen: z.boolean(),
      count: z.number().int(),
      requestTypes: z.record(z.string(), z.number().int()),
      /** Filled when chosen. */
      rows: z.array(
        z.strictObject({ udid: z.string(), id: z.string(), commandUuid: z.string(), requestType: z.string() }),
      ),
    }),
    /** The row that lifts Fleet's certificate serials above the old CA's; null when they are above already or unknown. */
    serials: z
      .strictObject({
        chosen: z.boolean(),
        table: z.enum(['scep_serials', 'identity_serials']),
        /** The next serial the source would issue, and the next one Fleet would. */
        sourceNext: z.string(),
        targetNext: z.string(),
        serial: z.string(),
      })
      .nullable(),
  }),
  /** What to do about each code that occurs. */
  remedies: z.record(z.string(), z.string()),
  counts: z.strictObject({
    devices: z.number().int(),
    insert: z.number().int(),
    refresh: z.number().int(),
    /** Of the refreshed: those that change nothing. */
    unchanged: z.number().int(),
    keep: z.number().int(),
    held: z.number().int(),
    blocked: z.number().int(),
    /** Records without a UDID, and devices outside the wave: not part of this plan. */
    withoutUdid: z.number().int(),
    outsideWave: z.number().int(),
  }),
  devices: z.array(deviceSchema),
});

export type PlanDevice = z.infer<typeof deviceSchema>;
/** A plan, as its file holds it. */
export interface Plan extends Omit<z.infer<typeof planSchema>, 'devices'> {
  readonly devices: Sequence<PlanDevice>;
}
export type PlanAction = PlanDevice['action'];
/** Steps besides the devices' rows. */
export type PlanStep = 'queue' | 'serials';

/** What a plan is made from. */
export interface PlanInput {
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  /** The instant the source was judged at, milliseconds. */
  readonly at: number;
  /** How the source was named, without any secret. */
  readonly sourceReference: string;
  readonly copy: { readonly path: string; readonly sha256: string };
  readonly connection: FleetConnection;
  readonly schema: TargetSchema;
  /** Cautions accepted by name. */
  readonly accepted: ReadonlySet<string>;
  readonly reason: string | null;
  readonly teamOf?: (device: SourceDevice) => number | null;
  /** Only these devices. */
  readonly wave?: ReadonlySet<string>;
  /** Default: the serials step alone (see ARCHITECTURE.md); it writes only where the counter is too low. */
  readonly steps?: readonly PlanStep[];
  /** Private folder for the devices of a plan that are too many for memory. */
  readonly spool?: string;
  readonly onProgress?: OnProgress;
}

/** Devices read from the target in one go. */
const BATCH = 500;

/** A new serial is this far above the source's next one: what the old server still issues meanwhile stays below. */
const SERIAL_DISTANCE = 100_000n;

/**
 * Compares a judged source with the live target and decides for each device:
 * `insert` nothing stands there; `refresh` only a migration has written what stands there; `keep` Fleet or the device
 * has touched it, so it is never overwritten; `held` a caution is not accepted by name; `blocked` it cannot go in.
 *
 * Reads only. All reads see the target at one instant.
 */
export async function makePlan(input: PlanInput): Promise<Plan> {
  const { connection } = input;
  await connection.begin();
  try {
    return await decide(input);
  } finally {
    await connection.rollback().catch(() => undefined);
  }
}

async function decide(input: PlanInput): Promise<Plan> {
  const { snapshot, judgement, connection, schema, accepted } = input;
  const teamOf = input.teamOf ?? (() => null);
  const steps = new Set(input.steps ?? (['serials'] satisfies PlanStep[]));

  const { devices: all } = judgement;
  const population = surveyOf(all, (udid) => input.wave === undefined || input.wave.has(udid));
  const { ordinals, owners, twice } = population;
  const holdsOther = (sha256: string, id: string): boolean =>
    owners.of(sha256).some((ordinal) => {
      const judged = all.at(ordinal) as JudgedDevice;
      return foldId(judged.device.udid ?? '') !== id && certificatesOf(judged).some((one) => one.sha256 === sha256);
    });
  const associations = await readAssociations(connection, holdsOther);
  const teamIds = new Set((await connection.query<{ id: number }>('SELECT id FROM teams')).map((team) => team.id));
  // A million hosts are too many to keep: of a list that is not in memory either each batch asks for its own.
  const hosts = isHeld(all)
    ? await readHosts(
        connection,
        Array.from(ordinals, (ordinal) => (all[ordinal] as JudgedDevice).device),
      )
    : null;

  const fingerprints = new Fingerprints(snapshot.devices);
  const remedies: Record<string, string> = {};
  const devices = new DeviceList(isHeld(all) ? null : (input.spool ?? null));
  const counts = { devices: 0, insert: 0, refresh: 0, unchanged: 0, keep: 0, held: 0, blocked: 0 };
  const targetDigest = createHash('sha256');
  const written: Record<keyof WrittenColumns, string[]> = {
    nano_devices: [],
    nano_users: [],
    nano_enrollments: [],
    nano_cert_auth_associations: [],
  };
  const waiting: Plan['steps']['queue'] = { chosen: steps.has('queue'), count: 0, requestTypes: {}, rows: [] };
  for (let start = 0; start < ordinals.length; start += BATCH) {
    const batch = Array.from(ordinals.subarray(start, start + BATCH), (ordinal) => ({
      ordinal,
      judged: all.at(ordinal) as JudgedDevice,
    }));
    const facts: TargetFacts = {
      schema,
      hosts:
        hosts ??
        (await readHosts(
          connection,
          batch.map(({ judged }) => judged.device),
        )),
      teamIds,
      associations,
    };
    const udids = [...new Set(batch.map(({ judged }) => judged.device.udid ?? ''))];
    const target = await readDevices(connection, schema, distinctFolds(udids));
    const targets = new Map([...target].map(([udid, device]) => [foldId(udid), device]));
    const refreshed: TargetDevice[] = [];
    for (const { judged, ordinal } of batch) {
      const udid = judged.device.udid ?? '';
      const found = targets.get(foldId(udid));
      if (found === undefined) throw new Error('a device that was asked for was not answered');
      const decided = decideDevice(judged, udid, found, {
        facts,
        instant: snapshot.instant,
        // Fleet places only what has the column; elsewhere the map says nothing.
        teamId: schema.columns.nano_devices.includes('enroll_team_id') ? teamOf(judged.device) : null,
        accepted,
        fingerprint: fingerprints.at(ordinal),
        twice: judged.verdict !== 'blocked' && twice.has(foldId(udid)),
        written,
      });
      for (const reason of decided.reasons) remedies[reason.code] ??= reason.remedy;
      const { device } = decided;
      targetDigest.update(`${counts.devices === 0 ? '' : '\n'}${device.udid}\u0000${device.targetSha256}`);
      devices.add(device);
      counts.devices += 1;
      counts[device.action] += 1;
      if (device.action === 'refresh' && device.changes.length === 0) counts.unchanged += 1;
      if (device.action === 'refresh') refreshed.push(found);
    }
    await collectQueue(connection, refreshed, waiting);
    input.onProgress?.({ label: 'planning', done: counts.devices, total: ordinals.length });
  }

  const { address, server } = connection;
  const body: Omit<Plan, 'id'> = {
    schema: 1,
    kind: 'slipway-plan',
    at: new Date(input.at).toISOString(),
    source: {
      reference: input.sourceReference,
      kind: snapshot.source.kind,
      sha256: snapshot.source.sha256,
      txid: snapshot.source.txid,
      instant: snapshot.instant,
      fingerprint: fingerprints.source,
    },
    copy: { path: input.copy.path, sha256: input.copy.sha256 },
    target: {
      host: address.host,
      port: address.port,
      database: address.database,
      serverUuid: server.serverUuid,
      version: server.version,
      fingerprint: targetDigest.digest('hex'),
      generation: schema.generation,
      migrationId: schema.migrationId,
      seenStorage: schema.seenStorage,
      serialsTable: schema.serialsTable,
      columns: {
        nano_devices: [...schema.columns.nano_devices],
        nano_users: [...schema.columns.nano_users],
        nano_enrollments: [...schema.columns.nano_enrollments],
        nano_cert_auth_associations: [...schema.columns.nano_cert_auth_associations],
      },
    },
    written,
    accepted: [...accepted].sort(),
    reason: input.reason,
    wave:
      input.wave === undefined
        ? null
        : {
            devices: input.wave.size,
            sha256: digest([...input.wave].sort()),
            unknown: unknownOf(input.wave, all),
          },
    steps: {
      queue: waiting,
      serials: await serialsStep(connection, schema, snapshot.scepCa?.nextSerial ?? null, steps.has('serials')),
    },
    remedies,
    counts: {
      ...counts,
      withoutUdid: all.length - population.withUdid,
      outsideWave: population.withUdid - ordinals.length,
    },
    devices: devices.finish(),
  };
  return { ...body, id: canonicalHash(body) };
}

/** What a plan needs to know of all devices before it decides on the first. */
interface Population {
  readonly withUdid: number;
  /** Of the devices the plan is about. */
  readonly ordinals: Uint32Array;
  /** The devices of these that go in with a certificate, by its hash. */
  readonly owners: KeyOwners;
  /** Folded ids that would go in twice. The judge lets one record of an id through at most; should it ever be two, neither does. */
  readonly twice: ReadonlySet<string>;
}

function surveyOf(devices: Judgement['devices'], isChosen: (udid: string) => boolean): Population {
  const ordinals = new Uint32Array(devices.length);
  const owners = new KeyOwners();
  const going = new CommonKeys(devices.length, 1);
  let withUdid = 0;
  let count = 0;
  devices.forEach((judged, ordinal) => {
    const { udid } = judged.device;
    if (udid === null) return;
    withUdid += 1;
    if (judged.verdict !== 'blocked') going.set(ordinal, 0, foldId(udid));
    if (!isChosen(udid)) return;
    ordinals[count++] = ordinal;
    for (const { sha256 } of certificatesOf(judged)) owners.add(sha256, ordinal);
  });
  const met = new Set<string>();
  const twice = new Set<string>();
  for (const ordinal of going.related()) {
    const id = foldId(devices.at(ordinal)?.device.udid ?? '');
    if (met.has(id)) twice.add(id);
    met.add(id);
  }
  return { withUdid, ordinals: ordinals.slice(0, count), owners, twice };
}

function unknownOf(wave: ReadonlySet<string>, devices: Judgement['devices']): string[] {
  const unknown = new Set(wave);
  devices.forEach(({ device }) => {
    if (device.udid !== null) unknown.delete(device.udid);
  });
  return [...unknown].sort();
}

/** The plan's devices: in memory, or in a file of the folder given. */
class DeviceList {
  readonly #list: PlanDevice[] = [];
  readonly #lines: LineStore<PlanDevice> | null;

  constructor(folder: string | null) {
    this.#lines = folder === null ? null : new LineStore(folder);
  }

  add(device: PlanDevice): void {
    if (this.#lines === null) this.#list.push(device);
    else this.#lines.append(device);
  }

  finish(): Sequence<PlanDevice> {
    return this.#lines?.finish() ?? this.#list;
  }
}

/** A batch may hold ids that differ in case only (all of them blocked): the target is asked once for them. */
function distinctFolds(udids: readonly string[]): string[] {
  const byFold = new Map<string, string>();
  for (const udid of udids) if (!byFold.has(foldId(udid))) byFold.set(foldId(udid), udid);
  return [...byFold.values()];
}

interface Deciding {
  readonly facts: TargetFacts;
  readonly instant: number;
  readonly teamId: number | null;
  readonly accepted: ReadonlySet<string>;
  readonly fingerprint: string;
  /** The same id was planned already: nothing may be written twice. */
  readonly twice: boolean;
  readonly written: Record<keyof WrittenColumns, string[]>;
}

function decideDevice(
  judged: JudgedDevice,
  udid: string,
  target: TargetDevice,
  context: Deciding,
): { device: PlanDevice; reasons: readonly Reason[] } {
  const { device } = judged;
  const reasons: Reason[] = [...judged.reasons];
  if (context.twice) {
    reasons.push({
      code: 'id-twice',
      severity: 'block',
      sentence: 'The source holds this id more than once.',
      remedy: 'Remove the stale record at the source and make the plan anew.',
    });
  }

  let rows: DeviceRows | null = null;
  if (judged.verdict !== 'blocked') {
    rows = orderedRows(
      deriveRows(judged, { schema: context.facts.schema, instant: context.instant, teamId: context.teamId }),
    );
    noteColumns(context.written, rows);
    reasons.push(...targetReasons(device, udid, rows, target, context.teamId, context.facts));
  }
  const touches = isAbsent(target) ? [] : touchesOf(target);
  for (const touch of touches) {
    reasons.push({
      code: touch.code,
      severity: 'note',
      sentence: touch.sentence,
      remedy: 'Nothing is done: what Fleet or the device has touched is never overwritten.',
    });
  }

  let action: PlanAction;
  if (touches.length > 0) action = 'keep';
  else if (judged.verdict === 'blocked' || reasons.some((reason) => reason.severity === 'block')) action = 'blocked';
  else if (reasons.some((reason) => reason.severity === 'caution' && !context.accepted.has(reason.code)))
    action = 'held';
  else action = isAbsent(target) ? 'insert' : 'refresh';

  if ((action === 'blocked' || action === 'held') && !isAbsent(target)) {
    reasons.push({
      code: 'left-in-fleet',
      severity: 'note',
      sentence: 'Rows of an earlier import stand in Fleet and are left as they are.',
      remedy: 'Take them back with `slipway undo` and the journal of that import if the device shall stay out.',
    });
  }
  const severities = reasons.map((reason) => reason.severity);
  const changes: RowChange[] = action === 'refresh' && rows !== null ? [...differenceOf(target, rows).changes] : [];
  return {
    reasons,
    device: {
      udid,
      serial: device.serial,
      name: device.name,
      action,
      verdict: severities.includes('block') ? 'blocked' : severities.includes('caution') ? 'caution' : judged.verdict,
      reasons: reasons.map(({ code, severity, sentence }) => ({ code, severity, sentence })),
      fingerprint: context.fingerprint,
      rowsSha256: rows === null ? null : hashRows(rows),
      targetSha256: targetHash(target),
      users: rows?.nano_users.length ?? 0,
      teamId: context.teamId,
      changes: changes.map((change) => ({
        ...change,
        columns: change.columns.map(([column, from, to]): [string, string | number | null, string | number | null] => [
          column,
          from,
          to,
        ]),
      })),
    },
  };
}

function noteColumns(written: Record<keyof WrittenColumns, string[]>, rows: DeviceRows): void {
  for (const name of MIGRATION_TABLES) {
    const list: readonly Row[] = rows[name];
    const first = list[0];
    if (written[name].length === 0 && first !== undefined)
      written[name] = Object.keys(first).filter(
        (column) => name !== 'nano_cert_auth_associations' || column !== ASSOCIATION_TIME,
      );
  }
}

async function collectQueue(
  connection: FleetConnection,
  devices: readonly TargetDevice[],
  waiting: Plan['steps']['queue'],
): Promise<void> {
  const owner = new Map<string, string>();
  for (const device of devices) {
    for (const row of device.rows.nano_enrollments) owner.set(foldId(String(row['id'])), device.udid);
  }
  if (owner.size === 0) return;
  const ids = devices.flatMap((device) => device.rows.nano_enrollments.map((row) => String(row['id'])));
  const rows = await connection.query<{ id: string; command_uuid: string; request_type: string }>(
    'SELECT q.id, q.command_uuid, c.request_type FROM nano_enrollment_queue q ' +
      'JOIN nano_commands c ON c.command_uuid = q.command_uuid ' +
      'LEFT JOIN nano_command_results r ON r.id = q.id AND r.command_uuid = q.command_uuid ' +
      `WHERE q.id IN (${places(ids.length)}) AND q.active = 1 AND r.id IS NULL ORDER BY q.id, q.command_uuid`,
    ids,
  );
  for (const row of rows) {
    waiting.count += 1;
    waiting.requestTypes[row.request_type] = (waiting.requestTypes[row.request_type] ?? 0) + 1;
    if (!waiting.chosen) continue;
    waiting.rows.push({
      udid: owner.get(foldId(row.id)) ?? '',
      id: row.id,
      commandUuid: row.command_uuid,
      requestType: row.request_type,
    });
  }
}

/** The serials step for a source whose CA would issue this serial next; null where nothing is to be lifted. */
export async function serialsStep(
  connection: FleetConnection,
  schema: TargetSchema,
  sourceNext: bigint | null,
  chosen: boolean,
): Promise<Plan['steps']['serials']> {
  if (schema.serialsTable === null || sourceNext === null || sourceNext < 0n) return null;
  const next = await nextSerial(connection, schema.serialsTable);
  const serial = sourceNext + SERIAL_DISTANCE;
  // MicroMDM may have been made to issue random serials; those cannot be stepped over, and need not be.
  if (next > serial || serial > 0x7fff_ffff_ffffn) return null;
  return {
    chosen,
    table: schema.serialsTable,
    sourceNext: sourceNext.toString(),
    targetNext: next.toString(),
    serial: serial.toString(),
  };
}

/** The next serial Fleet would hand out. Asked of SHOW CREATE TABLE: information_schema answers from a cache. */
export async function nextSerial(
  connection: FleetConnection,
  serialsTable: 'scep_serials' | 'identity_serials',
): Promise<bigint> {
  const [shownTable] = await connection.query<Record<string, string>>(`SHOW CREATE TABLE ${serialsTable}`);
  const counter = /AUTO_INCREMENT=(\d+)/.exec(shownTable?.['Create Table'] ?? '')?.[1];
  const [newest] = await connection.query<{ newest: string | number | null }>(
    `SELECT MAX(serial) AS newest FROM ${serialsTable}`,
  );
  const above = BigInt(newest?.newest ?? 0) + 1n;
  const counted = BigInt(counter ?? 1);
  return counted > above ? counted : above;
}

/** Rows that are kept rather than derived a second time: those of some 10,000 devices. */
const KEPT_BYTES = 32 * 1_048_576;

/**
 * Rows of a plan's devices, derived again from the private copy.
 *
 * Throws `plan/rows-differ` before anything is returned when the rows of any device that is to be written are not those
 * the plan was made with; the returned function then gives a device's rows whenever they are needed.
 */
export function rowsOfPlan(plan: Plan, snapshot: Snapshot, judgement: Judgement): (udid: string) => DeviceRows {
  const schema = schemaOfPlan(plan);
  const judged = new Map<string, JudgedDevice>();
  // An id may have several records; the blocked ones have no rows.
  for (const one of judgement.devices) {
    if (one.device.udid !== null && one.verdict !== 'blocked') judged.set(one.device.udid, one);
  }
  const writes = plan.devices.filter(isWritten);
  const planned = new Map(writes.map((device) => [device.udid, device]));
  const kept = new Map<string, DeviceRows>();
  const derive = (udid: string): DeviceRows => {
    const known = kept.get(udid);
    if (known !== undefined) return known;
    const one = judged.get(udid);
    const device = planned.get(udid);
    if (one === undefined || device === undefined) rowsDiffer(udid);
    return orderedRows(deriveRows(one, { schema, instant: snapshot.instant, teamId: device.teamId }));
  };
  if (snapshot.instant !== plan.source.instant) rowsDiffer(plan.devices.at(0)?.udid ?? '');
  let bytes = 0;
  for (const device of writes) {
    const rows = derive(device.udid);
    if (hashRows(rows) !== device.rowsSha256) rowsDiffer(device.udid);
    if (bytes > KEPT_BYTES) continue;
    for (const table of MIGRATION_TABLES) bytes += bytesOf(rows[table]);
    kept.set(device.udid, rows);
  }
  return derive;
}

/**
 * The plan with the held devices let in whose every caution is accepted by now. Its id stays: what was reviewed is the
 * same, and the codes accepted later stand in the journal.
 */
export function withAccepted(plan: Plan, accepted: ReadonlySet<string>): Plan {
  const devices = plan.devices.map((device) => {
    if (device.action !== 'held' || device.rowsSha256 === null) return device;
    const open = device.reasons.some(({ code, severity }) => severity === 'caution' && !accepted.has(code));
    if (open) return device;
    const action = device.targetSha256 === 'absent' ? ('insert' as const) : ('refresh' as const);
    return { ...device, action };
  });
  return { ...plan, devices };
}

/** True for a device whose rows are to stand in the target after the plan was applied. */
export function isWritten(device: PlanDevice): boolean {
  return device.action === 'insert' || device.action === 'refresh';
}

function rowsDiffer(udid: string): never {
  refused(
    'plan/rows-differ',
    `The rows derived from the private copy of the source are not those the plan was made with (first: ${udid}). Nothing was written.`,
    'Make the plan anew: the copy was replaced, or the plan was made by another version of Slipway.',
    { udid },
  );
}

/** The schema the plan's rows were made for. */
export function schemaOfPlan(plan: Plan): TargetSchema {
  const { generation, migrationId, columns, seenStorage, serialsTable } = plan.target;
  return { generation, migrationId, columns, seenStorage, serialsTable };
}

/** Throws `plan/schema-changed` when the target's tables are not those the plan was made for. */
export function checkSchema(plan: Plan, schema: TargetSchema): void {
  const same =
    plan.target.seenStorage === schema.seenStorage &&
    MIGRATION_TABLES.every(
      (name) => [...plan.target.columns[name]].sort().join() === [...schema.columns[name]].sort().join(),
    );
  if (same) return;
  refused(
    'plan/schema-changed',
    'Fleet’s tables do not have the columns the plan was made for; Fleet was upgraded meanwhile, or this is another Fleet.',
    'Make the plan anew.',
    { planned: plan.target.generation, found: schema.generation },
  );
}

/** A plan as the text of its file: one device a line, so that two plans can be compared with ordinary tools. */
export function formatPlan(plan: Plan): string {
  return [...planText(plan)].join('');
}

/**
 * Writes a plan's file, whole or not at all.
 * @throws FailureError `file/exists`, `file/cannot-write`
 */
export async function writePlan(path: string, plan: Plan, options: WriteOptions): Promise<void> {
  const file = await PrivateFile.create(path, options);
  try {
    let text = '';
    for (const part of planText(plan)) {
      text += part;
      if (text.length < 1 << 20) continue;
      await file.write(Buffer.from(text));
      text = '';
    }
    await file.write(Buffer.from(text));
    await file.finish();
    await file.publish();
  } finally {
    await file.discard();
  }
}

function* planText(plan: Plan): Generator<string, void, undefined> {
  const { devices, ...head } = plan;
  yield `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "devices": [`;
  let first = true;
  for (const device of devices) {
    yield `${first ? '' : ','}\n    ${JSON.stringify(device)}`;
    first = false;
  }
  yield `${first ? '' : '\n  '}]\n}\n`;
}

/**
 * Reads the text of a plan file.
 * Throws `plan/unreadable`, `plan/not-a-plan`, `plan/unknown-schema`, `plan/altered` (its id does not fit its content)
 * and `plan/malformed`.
 */
export function parsePlan(text: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    unreadable('plan/unreadable', 'The plan file is not JSON.', 'Check that the file is whole, or make the plan anew.');
  }
  const remedy = 'Name the file that `slipway plan --out` wrote.';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    unreadable('plan/not-a-plan', 'The file is no plan of Slipway’s.', remedy);
  }
  const { id, ...body } = value as Record<string, unknown>;
  if (body['kind'] !== 'slipway-plan') unreadable('plan/not-a-plan', 'The file is no plan of Slipway’s.', remedy);
  if (body['schema'] !== 1) {
    unreadable(
      'plan/unknown-schema',
      'The plan was written by a version of Slipway whose plans this one does not know.',
      'Use that version, or make the plan anew.',
    );
  }
  if (id !== canonicalHash(body)) {
    refused(
      'plan/altered',
      'The plan’s content does not fit its id: it was changed after it was made, so what it says was never confirmed.',
      'Make the plan anew and do not edit it.',
    );
  }
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    unreadable(
      'plan/malformed',
      `The plan is not as this version of Slipway writes plans (${issue?.path.join('.') ?? ''}).`,
      'Make the plan anew.',
    );
  }
  return parsed.data;
}

function digest(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}
