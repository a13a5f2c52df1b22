/**
 * Going back: a wave’s devices are led to the old server again. What they became at Fleet meanwhile does not go back
 * with them; this says what, in counts and by device, before anything is changed.
 */
import { refused } from '../failure';
import type { FleetConnection } from '../fleet/connection';
import { foldId, places, readDevices } from '../fleet/device-rows';
import type { TargetSchema } from '../fleet/schema';
import { importedAt } from '../migration/touched';
import { operatorHere } from '../migration/journal';
import type { Snapshot, SourceDevice } from '../sources/snapshot';
import type { Hands, RouteEngine, RouteReading } from './engines/engine';
import { certainRoutes, readRoutes, settleRoutes } from './routes';
import { openWaves, readWaves, standingOf } from './wave-journal';

/** What going back cannot undo for one device. */
export interface Loss {
  readonly udid: string;
  /**
   * `certificate-renewed` and `renewal-begun`: the old server would refuse it. `not-at-source`: the old server does not
   * know it. `tokens-changed`: the old server cannot push it until it calls. `commands-run`: what they did stays done.
   */
  readonly code: 'certificate-renewed' | 'renewal-begun' | 'not-at-source' | 'tokens-changed' | 'commands-run';
  readonly sentence: string;
}

/** Losses that would leave a device with no server at all. */
const STRANDING: ReadonlySet<Loss['code']> = new Set(['certificate-renewed', 'renewal-begun', 'not-at-source']);
/** Accepts by name that devices go back although the old server would refuse them. */
export const STRAND_ANYWAY = 'certificate-renewed';

/** What going back would do. Nothing has been changed yet. */
export interface BackPreview {
  /** The rung that goes back; null: single devices. */
  readonly rung: string | null;
  readonly atFleet: ReadonlySet<string>;
  readonly returning: readonly string[];
  /** They stay at Fleet: the old server would refuse them. */
  readonly staying: readonly Loss[];
  /** What cannot be undone, of all. */
  readonly losses: readonly Loss[];
  readonly counts: {
    readonly devices: number;
    readonly certificatesRenewed: number;
    readonly tokensChanged: number;
    /** Devices that have run a command that changes something, and how many such commands. */
    readonly devicesWithCommands: number;
    readonly commands: number;
    /** Commands still in Fleet’s queue for them: they would run when the devices come again. */
    readonly queued: number;
  };
  /** Commands that were acknowledged, by their type. */
  readonly commandTypes: Readonly<Record<string, number>>;
}

/** Commands that only ask. */
const ASKING = new Set([
  'DeviceInformation',
  'SecurityInfo',
  'ProfileList',
  'CertificateList',
  'InstalledApplicationList',
  'ManagedApplicationList',
  'ProvisioningProfileList',
  'AvailableOSUpdates',
  'OSUpdateStatus',
  'Restrictions',
  'UserList',
  'DeclarativeManagement',
]);

export interface PrepareBackInput {
  readonly waves: string;
  readonly engine: RouteEngine;
  /** The source as it is now: what the old server knows of the devices. */
  readonly snapshot: Snapshot;
  readonly connection: FleetConnection;
  readonly schema: TargetSchema;
  readonly accepted: ReadonlySet<string>;
  /** Which rung; the last that moved unless given. Or single devices. */
  readonly rung?: string;
  readonly udids?: ReadonlySet<string>;
}

/**
 * Looks at what going back would do. Reads only.
 * @throws wave/nothing-back, wave/routes-in-doubt
 */
export async function prepareBack(input: PrepareBackInput): Promise<BackPreview> {
  const standing = standingOf((await readWaves(input.waves)).lines);
  const atFleet = certainRoutes(await readRoutes(input.engine, standing));
  const rungOf = (udid: string): string | null =>
    standing.switched.get(udid)?.rung ?? standing.moves.findLast(({ devices }) => devices.includes(udid))?.rung ?? null;
  let devices: string[];
  let rung: string | null = null;
  if (input.udids !== undefined) devices = [...input.udids].filter((udid) => atFleet.has(udid));
  else {
    rung =
      input.rung ??
      standing.moves.findLast((move) => [...atFleet].some((udid) => rungOf(udid) === move.rung))?.rung ??
      null;
    devices = rung === null ? [] : [...atFleet].filter((udid) => rungOf(udid) === rung);
  }
  if (devices.length === 0)
    refused(
      'wave/nothing-back',
      rung === null && input.udids === undefined ? 'No wave has moved yet.' : 'None of these devices goes to Fleet.',
      'There is nothing to go back from.',
    );
  const losses: Loss[] = [];
  const known = new Map(
    input.snapshot.devices.flatMap((device) => (device.udid === null ? [] : [[device.udid, device] as const])),
  );
  const imported = new Map<string, string | null>();
  for (let start = 0; start < devices.length; start += BATCH) {
    const found = await readDevices(input.connection, input.schema, devices.slice(start, start + BATCH), {
      contacts: false,
    });
    for (const [udid, target] of found) {
      imported.set(udid, importedAt(target));
      losses.push(...identityLosses(udid, known.get(udid), target.rows));
    }
  }
  const commands = await commandsRun(input.connection, devices, imported);
  for (const [udid, types] of commands.byDevice) {
    const changing = Object.entries(types).filter(([type]) => !ASKING.has(type));
    const total = changing.reduce((sum, [, count]) => sum + count, 0);
    if (total > 0)
      losses.push({
        udid,
        code: 'commands-run',
        sentence: `It has carried out ${total} command${total === 1 ? '' : 's'} of Fleet (${changing.map(([type]) => type).join(', ')}).`,
      });
  }
  const stranded = losses.filter(({ code }) => STRANDING.has(code));
  const staying = input.accepted.has(STRAND_ANYWAY) ? [] : stranded;
  const stays = new Set(staying.map(({ udid }) => udid));
  const distinct = (...codes: Loss['code'][]): number =>
    new Set(losses.filter(({ code }) => codes.includes(code)).map(({ udid }) => udid)).size;
  return {
    rung,
    atFleet,
    returning: devices.filter((udid) => !stays.has(udid)),
    staying,
    losses,
    counts: {
      devices: devices.length,
      certificatesRenewed: distinct('certificate-renewed', 'renewal-begun'),
      tokensChanged: distinct('tokens-changed'),
      devicesWithCommands: distinct('commands-run'),
      commands: Object.entries(commands.types).reduce((sum, [type, count]) => sum + (ASKING.has(type) ? 0 : count), 0),
      queued: await queuedCommands(input.connection, devices),
    },
    commandTypes: commands.types,
  };
}

const BATCH = 500;

type Rows =
  Awaited<ReturnType<typeof readDevices>> extends ReadonlyMap<string, infer T>
    ? T extends { rows: infer R }
      ? R
      : never
    : never;

function identityLosses(udid: string, source: SourceDevice | undefined, rows: Rows): Loss[] {
  const losses: Loss[] = [];
  if (source === undefined) {
    losses.push({ udid, code: 'not-at-source', sentence: 'The old server does not know it any more.' });
    return losses;
  }
  const associations = rows.nano_cert_auth_associations;
  const accepted = new Set([source.certificate, ...(source.formerCertificates ?? [])].map((one) => one?.sha256));
  if (associations.some((row) => !accepted.has(String(row['sha256']))))
    losses.push({
      udid,
      code: 'certificate-renewed',
      sentence: 'Fleet has given it another certificate than the old server knows; the old server would refuse it.',
    });
  else if (associations.some((row) => row['renew_command_uuid'] !== null))
    losses.push({ udid, code: 'renewal-begun', sentence: 'Fleet has begun to renew its certificate.' });
  const enrollment = rows.nano_enrollments.find((row) => foldId(String(row['id'])) === foldId(udid));
  const push = source.push;
  if (
    enrollment !== undefined &&
    push !== null &&
    (enrollment['token_hex'] !== push.tokenHex || enrollment['push_magic'] !== push.magic.revealText())
  )
    losses.push({
      udid,
      code: 'tokens-changed',
      sentence:
        'It has told Fleet new push tokens; the old server reaches it again only after it called there by itself.',
    });
  return losses;
}

async function commandsRun(
  connection: FleetConnection,
  devices: readonly string[],
  imported: ReadonlyMap<string, string | null>,
): Promise<{ types: Record<string, number>; byDevice: Map<string, Record<string, number>> }> {
  const types: Record<string, number> = {};
  const byDevice = new Map<string, Record<string, number>>();
  const byFold = new Map(devices.map((udid) => [foldId(udid), udid]));
  for (let start = 0; start < devices.length; start += BATCH) {
    const batch = devices.slice(start, start + BATCH);
    const rows = await connection.query<{ id: string; type: string; at: string; number: number | string }>(
      "SELECT r.id AS id, c.request_type AS type, DATE_FORMAT(MAX(r.created_at), '%Y-%m-%d %H:%i:%s') AS at, COUNT(*) AS number " +
        'FROM nano_command_results r JOIN nano_commands c ON c.command_uuid = r.command_uuid ' +
        `WHERE r.id IN (${places(batch.length)}) AND r.status = 'Acknowledged' GROUP BY r.id, c.request_type`,
      batch,
    );
    for (const { id, type, at, number } of rows) {
      const udid = byFold.get(foldId(id));
      const since = udid === undefined ? null : (imported.get(udid) ?? null);
      // Before the import it was somebody else’s life.
      if (udid === undefined || (since !== null && at < since)) continue;
      types[type] = (types[type] ?? 0) + Number(number);
      const own = byDevice.get(udid) ?? {};
      own[type] = (own[type] ?? 0) + Number(number);
      byDevice.set(udid, own);
    }
  }
  return { types, byDevice };
}

async function queuedCommands(connection: FleetConnection, devices: readonly string[]): Promise<number> {
  let count = 0;
  for (let start = 0; start < devices.length; start += BATCH) {
    const batch = devices.slice(start, start + BATCH);
    const [row] = await connection.query<{ number: number | string }>(
      'SELECT COUNT(*) AS number FROM nano_enrollment_queue q LEFT JOIN nano_command_results r ' +
        'ON r.id = q.id AND r.command_uuid = q.command_uuid ' +
        `WHERE q.id IN (${places(batch.length)}) AND q.active = 1 AND r.id IS NULL`,
      batch,
    );
    count += Number(row?.number ?? 0);
  }
  return count;
}

/** What became of going back. */
export interface BackResult {
  readonly rung: string | null;
  readonly returned: readonly string[];
  readonly staying: readonly Loss[];
  readonly routes: RouteReading;
}

/** Goes back: the routes alone are changed; Fleet’s rows stay, and can then be taken back by an undo where untouched. */
export async function goBack(input: {
  readonly preview: BackPreview;
  readonly waves: string;
  readonly engine: RouteEngine;
  readonly hands?: Hands;
  readonly accepted: ReadonlySet<string>;
  readonly reason: string | null;
  readonly probePoint?: (point: string) => Promise<void>;
}): Promise<BackResult> {
  const { preview, engine } = input;
  if (preview.returning.length === 0)
    refused(
      'wave/nothing-back',
      'None of these devices can go back: the old server would refuse every one of them.',
      `They stay at Fleet. To lead them back all the same, accept ${STRAND_ANYWAY} by name.`,
    );
  const journal = await openWaves(input.waves);
  try {
    const standing = standingOf(await settleRoutes(journal, journal.found.lines, engine));
    const now = certainRoutes(await readRoutes(engine, standing));
    const returning = new Set(preview.returning);
    const move = standing.nextMove;
    await journal.append({
      kind: 'back-intent',
      move,
      rung: preview.rung,
      ...operatorHere(),
      devices: [...returning],
      staying: preview.staying.map(({ udid, code }) => ({ udid, code })),
      accepted: [...input.accepted].sort(),
      reason: input.reason,
    });
    await input.probePoint?.('back-intent');
    const rest = new Set([...now].filter((udid) => !returning.has(udid)));
    const routes = await engine.lead(rest, now, input.hands);
    await input.probePoint?.('led-back');
    await journal.append({ kind: 'back-routed', move, total: rest.size });
    return { rung: preview.rung, returned: preview.returning, staying: preview.staying, routes };
  } finally {
    await journal.close();
  }
}

/**
 * Sets the routes again to what the waves left: after somebody changed them, or mdmproxy was restarted.
 * @throws wave/unfinished while a move is on its way
 */
export async function setRoutesAgain(input: {
  readonly waves: string;
  readonly engine: RouteEngine;
  readonly hands?: Hands;
}): Promise<{ readonly total: number; readonly routes: RouteReading }> {
  const journal = await openWaves(input.waves);
  try {
    const standing = standingOf(await settleRoutes(journal, journal.found.lines, input.engine));
    if (standing.undecided.size > 0)
      refused(
        'wave/unfinished',
        'A move was interrupted while routes were being changed.',
        'Take it to its end, or go back with it.',
      );
    const routes = await input.engine.lead(standing.fleet, standing.fleet, input.hands);
    await journal.append({ kind: 'set-again', ...operatorHere(), total: standing.fleet.size });
    return { total: standing.fleet.size, routes };
  } finally {
    await journal.close();
  }
}
