/** Judged devices, and what a plan says about them, as rows of the window's list. */
import type { DeviceRow } from '../../contract/devices';
import type { Plan, PlanDevice } from '../../core/migration/plan';
import type { JudgedDevice, Judgement } from '../../core/migration/verdict';
import type { Reason } from '../../core/sources/snapshot';

const WEIGHT: Readonly<Record<Reason['severity'], number>> = { block: 0, caution: 1, note: 2 };

/** The rows of all devices. Once there is a plan its verdicts and reasons count: it has seen Fleet's side too. */
export function rowsOf(judgement: Judgement, plan: Plan | null, several = false): DeviceRow[] {
  const planned = planByUdid(plan);
  return judgement.devices.map((judged) => rowOf(judged, plannedOf(planned, judged), several));
}

export function planByUdid(plan: Plan | null): ReadonlyMap<string, PlanDevice[]> {
  const planned = new Map<string, PlanDevice[]>();
  for (const device of plan?.devices ?? []) {
    const known = planned.get(device.udid);
    if (known === undefined) planned.set(device.udid, [device]);
    else known.push(device);
  }
  return planned;
}

/** An id may have several records: the one that goes in and others that are blocked. */
export function plannedOf(
  planned: ReadonlyMap<string, readonly PlanDevice[]>,
  judged: JudgedDevice,
): PlanDevice | null {
  const { udid } = judged.device;
  const devices = udid === null ? [] : (planned.get(udid) ?? []);
  const blocked = judged.verdict === 'blocked';
  return devices.find((device) => (device.rowsSha256 === null) === blocked) ?? devices[0] ?? null;
}

/** Which of several sources a record is of, counted from one: its id begins with that. Null in a single source. */
export function sourceNumberOf(recordId: string): number | null {
  const [, number] = /^(\d{1,2})\//.exec(recordId) ?? [];
  return number === undefined ? null : Number(number);
}

function rowOf(judged: JudgedDevice, planned: PlanDevice | null, several: boolean): DeviceRow {
  const { device } = judged;
  const reasons = [...(planned ?? judged).reasons].sort(
    (left, right) => WEIGHT[left.severity] - WEIGHT[right.severity],
  );
  return {
    id: device.recordId,
    udid: device.udid,
    serial: device.serial,
    name: device.name,
    platform: device.platform,
    model: device.modelName ?? device.productName ?? device.model,
    verdict: planned?.verdict ?? judged.verdict,
    action: planned?.action ?? null,
    reasons: [...new Set(reasons.map(({ code }) => code))],
    lastSeen: device.lastSeen === null ? null : Number(device.lastSeen / 1_000_000n),
    certificateNotAfter: device.certificate?.notAfter ?? null,
    users: judged.users.length,
    source: several ? sourceNumberOf(device.recordId) : null,
    // Laid over when it is shown: it changes while rows do not.
    watch: null,
  };
}
