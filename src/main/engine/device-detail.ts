/** Everything known about one device, for the drawer: facts, reasons, users, and its rows now and then. */
import type { DeviceDetail, DeviceRow, RowDiff } from '../../contract/devices';
import type { DeviceStory } from '../../contract/watch';
import { rowKey, type FoundRow, type TargetDevice } from '../../core/fleet/device-rows';
import { MIGRATION_TABLES, type MigrationTable, type TargetSchema } from '../../core/fleet/schema';
import { differenceOf, orderedRows, shownValue } from '../../core/migration/difference';
import type { Plan, PlanDevice } from '../../core/migration/plan';
import { deriveRows, type Row } from '../../core/migration/rows';
import type { JudgedDevice } from '../../core/migration/verdict';
import type { Secret } from '../../core/secret';

/** What stands in Fleet and what shall stand there. `target` null: Fleet was not asked. */
export interface Comparison {
  readonly plan: Plan;
  readonly planned: PlanDevice;
  readonly schema: TargetSchema;
  readonly instant: number;
  readonly target: TargetDevice | null;
}

export function detailOf(
  judged: JudgedDevice,
  row: DeviceRow,
  accepted: ReadonlySet<string>,
  comparison: Comparison | null,
  story: DeviceStory | null,
): DeviceDetail {
  return {
    device: row,
    facts: factsOf(judged, row),
    reasons: reasonsOf(judged, comparison, accepted),
    users: judged.device.users.map(({ id, shortName, longName }) => ({
      id,
      shortName,
      longName,
      goes: judged.users.some((user) => user.id === id),
    })),
    rows: comparison === null ? null : rowsOf(judged, comparison),
    story,
  };
}

function reasonsOf(
  judged: JudgedDevice,
  comparison: Comparison | null,
  accepted: ReadonlySet<string>,
): DeviceDetail['reasons'] {
  const remedies = new Map(judged.reasons.map(({ code, remedy }) => [code, remedy]));
  const reasons = comparison?.planned.reasons ?? judged.reasons;
  return reasons.map(({ code, severity, sentence }) => ({
    code,
    severity,
    sentence,
    remedy: remedies.get(code) ?? comparison?.plan.remedies[code] ?? '',
    accepted: severity === 'caution' && accepted.has(code),
  }));
}

function factsOf({ device, formerCertificates }: JudgedDevice, row: DeviceRow): DeviceDetail['facts'] {
  const { push, certificate, pending } = device;
  const facts: DeviceDetail['facts'] = [];
  const add = (label: string, value: string | null, mono = false): void => {
    if (value !== null && value !== '') facts.push({ label, value, mono });
  };
  add('UDID', device.udid, true);
  add('Serial number', device.serial, true);
  add('Name', device.name);
  add('Model', [device.modelName, device.productName, device.model].filter((part) => part !== null).join(' · '));
  add('System', [device.osVersion, device.buildVersion].filter((part) => part !== null).join(' · '));
  add('IMEI', device.imei, true);
  add('MEID', device.meid, true);
  add('Source', row.source === null ? null : String(row.source));
  add('Enrolled at the source', device.enrolled ? 'yes' : 'no');
  add('Last seen by the source', device.lastSeen === null ? 'never' : timeOf(Number(device.lastSeen / 1_000_000n)));
  if (device.awaitingConfiguration) add('Setup Assistant', 'waits for configuration');
  if (device.blockedAtSource) add('Blocked at the source', 'yes');
  add('Push topic', push?.topic ?? null, true);
  add('Push token', push?.tokenHex ?? null, true);
  add('Push magic', shownSecret(push?.magic ?? null));
  add('Identity certificate', certificate?.sha256 ?? null, true);
  add('Certificate name', certificate?.commonName ?? null);
  add('Certificate valid from', certificate?.notBefore == null ? null : timeOf(certificate.notBefore));
  add('Certificate ends', certificate?.notAfter == null ? null : timeOf(certificate.notAfter));
  if (certificate !== null) add('Certificate in the depot', certificate.inDepot ? 'yes' : 'no');
  for (const former of device.formerCertificates ?? [])
    add(
      formerCertificates.includes(former) ? 'Earlier certificate' : 'Earlier certificate, left behind',
      former.sha256,
      true,
    );
  add('Unlock token', shownSecret(device.unlockToken));
  add('Bootstrap token', shownSecret(device.bootstrapToken));
  if (pending !== null && pending.count > 0) {
    add('Commands waiting at the source', `${pending.count}: ${pending.requestTypes.join(', ')}`);
  }
  add('Record', device.recordId, true);
  return facts;
}

function shownSecret(secret: Secret | null): string | null {
  return secret === null ? null : secret.toString();
}

function timeOf(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? 'an impossible date' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The rows field by field; null when none can be made, or when what stands there is not known. */
function rowsOf(judged: JudgedDevice, { planned, schema, instant, target }: Comparison): RowDiff[] | null {
  if (planned.rowsSha256 === null) return null;
  if (target === null && planned.targetSha256 !== 'absent') return null;
  const rows = orderedRows(deriveRows(judged, { schema, instant, teamId: planned.teamId }));
  const written = planned.action === 'insert' || planned.action === 'refresh';
  const found = target ?? absent(planned.udid);
  // A device that stays out is shown as it stands, against what it would become.
  const difference = written ? differenceOf(found, rows) : null;
  const diffs: RowDiff[] = [];
  for (const table of MIGRATION_TABLES) {
    const present = new Map(found.rows[table].map((row) => [rowKey(table, row), row]));
    for (const row of rows[table]) {
      const key = rowKey(table, row);
      const now = present.get(key) ?? null;
      present.delete(key);
      const fields = Object.keys(row).map((column) => fieldOf(table, column, now, row));
      const changed = fields.some((field) => field.changed);
      diffs.push({
        table,
        row: nameOf(table, row),
        change: now === null ? 'insert' : changed ? 'update' : 'none',
        fields,
      });
    }
    for (const now of present.values()) {
      const gone = difference?.deletes[table].includes(now) ?? false;
      const fields = Object.keys(now).map((column) => fieldOf(table, column, now, gone ? null : now));
      diffs.push({ table, row: nameOf(table, now), change: gone ? 'delete' : 'none', fields });
    }
  }
  return diffs;
}

function fieldOf(
  table: MigrationTable,
  column: string,
  now: FoundRow | null,
  willBe: Row | FoundRow | null,
): RowDiff['fields'][number] {
  const text = (row: FoundRow | null): string | null => {
    const value = row === null ? null : shownValue(table, column, row[column] ?? null);
    return value === null ? null : String(value);
  };
  const [before, after] = [text(now), text(willBe)];
  return { column, now: before, willBe: after, changed: before !== after };
}

function nameOf(table: MigrationTable, row: FoundRow): string {
  return String(row[table === 'nano_cert_auth_associations' ? 'sha256' : 'id']);
}

function absent(udid: string): TargetDevice {
  return {
    udid,
    rows: { nano_devices: [], nano_users: [], nano_enrollments: [], nano_cert_auth_associations: [] },
    seen: [],
    results: [],
  };
}
