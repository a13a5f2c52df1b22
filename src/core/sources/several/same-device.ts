/** The same device in several sources: which record goes on, and which stay behind. */
import type { Finding, Reason, SourceDevice } from '../snapshot';

/** A device with the number of its source, from 1. */
export interface NumberedDevice {
  readonly source: number;
  readonly device: SourceDevice;
}

/** Of a record whose device is looked for elsewhere; the judge passes it over when it looks for namesakes. */
export const SUPERSEDED = 'superseded-by-source';

const SILENT_MS = 90 * 86_400_000;

/**
 * Decides for every UDID that several sources hold. Where just one of them looks alive, that record goes on; where more
 * do, or none, only a person can tell, and all are blocked. Two records within one source are that source's own matter.
 *
 * What is blocked comes first, else the order stays: who looks a device up by its UDID then finds the record that goes on.
 * @param instant what "lately" is counted from, milliseconds
 */
export function settleDevices(
  devices: readonly NumberedDevice[],
  instant: number,
  findings: Finding[],
): SourceDevice[] {
  const blocked: SourceDevice[] = [];
  const settled = new Map<NumberedDevice, SourceDevice>();
  const subjects: string[] = [];
  let undecided = 0;
  for (const records of sharedAmong(devices)) {
    const going = goingOn(records, instant);
    subjects.push((going ?? records[0])?.device.udid ?? '');
    if (going === null) undecided += 1;
    for (const record of records) {
      const others = records.filter(({ source }) => source !== record.source).map(({ source }) => source);
      const changed = withReason(
        record.device,
        going === null ? inSeveral(others) : record === going ? alsoIn(others) : supersededBy(going.source),
      );
      settled.set(record, changed);
      if (record !== going) blocked.push(changed);
    }
  }
  if (subjects.length > 0)
    findings.push({
      code: 'several/same-device',
      severity: undecided > 0 ? 'warning' : 'info',
      detail:
        `${subjects.length} ${subjects.length === 1 ? 'device is' : 'devices are'} in more than one source: ` +
        `${subjects.length - undecided} go${subjects.length - undecided === 1 ? 'es' : ''} on from the source where ${subjects.length - undecided === 1 ? 'it is' : 'they are'} alive, ` +
        `${undecided} ${undecided === 1 ? 'is' : 'are'} blocked because that is not plain.`,
      subjects,
    });
  const behind = new Set(blocked);
  return [...blocked, ...devices.map((one) => settled.get(one) ?? one.device).filter((device) => !behind.has(device))];
}

/** The records of each UDID that more than one source holds, in the order of their first. */
function sharedAmong(devices: readonly NumberedDevice[]): NumberedDevice[][] {
  const firsts = new Map<string, NumberedDevice>();
  const groups = new Map<string, NumberedDevice[]>();
  for (const one of devices) {
    if (one.device.udid === null) continue;
    const key = one.device.udid.trim().toLowerCase();
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, one);
    else groups.set(key, [...(groups.get(key) ?? [first]), one]);
  }
  return [...groups.values()].filter((records) => new Set(records.map(({ source }) => source)).size > 1);
}

/** The record that goes on; null where that is not plain. */
function goingOn(records: readonly NumberedDevice[], instant: number): NumberedDevice | null {
  const able = records.filter(({ device }) => isAble(device));
  const alive = able.filter(({ device }) => isRecent(device, instant));
  const chosen = alive.length > 0 ? alive : able;
  return chosen.length === 1 ? (chosen[0] ?? null) : null;
}

/** Whether Fleet could do anything with this record at all. */
function isAble({ enrolled, push, certificate, blockedAtSource, reasons }: SourceDevice): boolean {
  const isBlocked = blockedAtSource || reasons.some(({ severity }) => severity === 'block');
  return enrolled && push !== null && certificate !== null && !isBlocked;
}

function isRecent({ lastSeen }: SourceDevice, instant: number): boolean {
  return lastSeen !== null && instant - Number(lastSeen / 1_000_000n) <= SILENT_MS;
}

function withReason(device: SourceDevice, reason: Reason): SourceDevice {
  return { ...device, reasons: [...device.reasons, reason] };
}

function inSeveral(others: readonly number[]): Reason {
  return {
    code: 'in-several-sources',
    severity: 'block',
    sentence: `${sourcesOf(others)} ${others.length === 1 ? 'holds' : 'hold'} it as well, and it is not plain where it is alive.`,
    remedy: 'Find out which server it answers, delete its record at the others, and read again.',
  };
}

function alsoIn(others: readonly number[]): Reason {
  return {
    code: 'also-in-source',
    severity: 'note',
    sentence: `${sourcesOf(others)} ${others.length === 1 ? 'holds' : 'hold'} it as well, but it is not alive there.`,
    remedy: 'Nothing to do.',
  };
}

function supersededBy(source: number): Reason {
  return {
    code: SUPERSEDED,
    severity: 'block',
    sentence: `It is alive in source ${source}, and goes on from there.`,
    remedy: 'Nothing to do: this is what an earlier server remembers of it.',
  };
}

function sourcesOf(numbers: readonly number[]): string {
  const distinct = [...new Set(numbers)].sort((a, b) => a - b);
  return `${distinct.length === 1 ? 'Source' : 'Sources'} ${distinct.join(' and ')}`;
}
