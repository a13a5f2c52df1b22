/**
 * When Fleet will renew the devices' identities: hourly, 100 devices at most, from 180 days before their end on, and only
 * devices that have a row in `hosts`, an enabled enrollment and an end that Fleet knows (spec/fleet.md 3.5).
 */
import type { Hosts } from '../fleet/hosts';
import type { RenewalState } from '../fleet/renewal-state';
import type { JudgedDevice } from '../migration/verdict';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

/** Fleet's rules. */
const AN_HOUR = 100;
const DAYS_BEFORE_END = 180;

/** Where the source does not know the end of a certificate, rows say the snapshot's instant and this much. */
const ASSUMED_LEFT = 30 * DAY;

/** What the forecast is made of. */
export interface ForecastInput {
  readonly devices: Iterable<JudgedDevice>;
  /** The snapshot's instant, milliseconds. */
  readonly instant: number;
  /** When renewal begins, milliseconds: the clock, or the day it is switched on. */
  readonly at: number;
  /** Fleet's own hosts; null when Fleet was not asked. */
  readonly hosts: Hosts | null;
  /** The rows devices have in Fleet already; null when Fleet was not asked. */
  readonly states: ReadonlyMap<string, RenewalState> | null;
}

/** Seven days from an instant on. */
export interface ForecastWeek {
  readonly start: number;
  /** Devices whose turn begins in it; in the first week also those whose turn had begun before. */
  readonly due: number;
  /** Devices Fleet gets through in it. */
  readonly renewed: number;
  /** Devices that wait at its end. */
  readonly waiting: number;
}

/** Why a device is never renewed, or not surely. */
export type RenewalObstacle =
  | 'not-moved'
  | 'no-host'
  | 'no-expiry'
  | 'not-enabled'
  | 'too-late'
  | 'renewal-pending'
  | 'agent-unknown'
  | 'end-unknown';

/** Devices with the same obstacle. */
export interface ObstacleGroup {
  readonly code: RenewalObstacle;
  /** False: they will be renewed when what is said comes true. */
  readonly never: boolean;
  readonly count: number;
  /** UDIDs, the source's order. */
  readonly udids: readonly string[];
  readonly sentence: string;
  readonly remedy: string;
}

export interface Forecast {
  readonly at: number;
  /** Devices with a UDID. */
  readonly devices: number;
  /** Devices that come due; each is in one week. */
  readonly renewing: number;
  /** Already due when renewal begins, and the hours Fleet needs for them. */
  readonly dueAtOnce: number;
  readonly hoursForThese: number;
  /** Weeks in which something happens, in order. */
  readonly weeks: readonly ForecastWeek[];
  readonly obstacles: readonly ObstacleGroup[];
}

const OBSTACLES: Readonly<Record<RenewalObstacle, Pick<ObstacleGroup, 'never' | 'sentence' | 'remedy'>>> = {
  'not-moved': {
    never: true,
    sentence: 'They do not go to Fleet (blocked), so Fleet does not renew them.',
    remedy: '`slipway read SOURCE` says why for each; finish them at the old server or re-enrol them.',
  },
  'no-host': {
    never: true,
    sentence: 'Macs without a host in Fleet: its renewal passes over them.',
    remedy: 'Install Fleet’s agent (fleetd) on them, and see them appear in Fleet, before their certificate ends.',
  },
  'no-expiry': {
    never: true,
    sentence: 'Their rows in Fleet say nothing about the end of the certificate: its renewal passes over them.',
    remedy:
      'Import them with Slipway, or set it: UPDATE nano_cert_auth_associations SET cert_not_valid_after = … WHERE id = …',
  },
  'not-enabled': {
    never: true,
    sentence: 'Fleet holds them for not enrolled (enabled = 0).',
    remedy: 'They come back with their next token update, or must be re-enrolled.',
  },
  'too-late': {
    never: true,
    sentence: 'Their certificate ends before their turn comes.',
    remedy: 'Let renewal begin earlier, renew them at the old server before the move, or re-enrol them.',
  },
  'renewal-pending': {
    never: false,
    sentence: 'Fleet has sent them a renewal that has not come to its end; it does not send another.',
    remedy:
      'If it failed: UPDATE nano_cert_auth_associations SET renew_command_uuid = NULL WHERE id = …; then the next hour tries again.',
  },
  'agent-unknown': {
    never: false,
    sentence: 'Macs of which Fleet was not asked whether it knows them; without a host it never renews them.',
    remedy: 'Give the forecast Fleet’s database to look.',
  },
  'end-unknown': {
    never: false,
    sentence:
      'The source does not know when their certificate ends. Slipway tells Fleet 30 days, so they come at once.',
    remedy: 'Nothing, when imported with Slipway. Rows of Fleet’s own script hold NULL there: those are never renewed.',
  },
};

/** The forecast. Where more than 100 are due in an hour those that end first are taken first. */
export function forecastRenewals({ devices, instant, at, hosts, states }: ForecastInput): Forecast {
  const obstacles = new Map<RenewalObstacle, string[]>();
  const mark = (code: RenewalObstacle, udid: string): void => {
    const known = obstacles.get(code);
    if (known) known.push(udid);
    else obstacles.set(code, [udid]);
  };
  const queue: { readonly udid: string; readonly end: number }[] = [];
  let counted = 0;
  for (const { device, verdict } of devices) {
    const { udid, certificate, platform } = device;
    if (udid === null) continue;
    counted += 1;
    const state = states?.get(udid.toUpperCase());
    // What is in Fleet already counts, whatever the source says.
    if (state === undefined && (verdict === 'blocked' || certificate === null)) mark('not-moved', udid);
    else if (state?.enabled === false) mark('not-enabled', udid);
    else if (state?.notAfter === null) mark('no-expiry', udid);
    // Phones get their host from Fleet at their first contact; a Mac only from the agent.
    else if (hosts !== null && !isMobile(platform) && hosts.withUdid(udid).length === 0) mark('no-host', udid);
    else if (state?.pending === true) mark('renewal-pending', udid);
    else {
      if (hosts === null && !isMobile(platform)) mark('agent-unknown', udid);
      const known = state?.notAfter ?? certificate?.notAfter ?? null;
      if (known === null) mark('end-unknown', udid);
      queue.push({ udid, end: known ?? instant + ASSUMED_LEFT });
    }
  }
  const { weeks, late, renewing } = runThrough(queue, at);
  for (const udid of late) mark('too-late', udid);
  const dueAtOnce = queue.filter(({ end }) => end - DAYS_BEFORE_END * DAY <= at && end > at).length;
  return {
    at,
    devices: counted,
    renewing,
    dueAtOnce,
    hoursForThese: Math.ceil(dueAtOnce / AN_HOUR),
    weeks,
    obstacles: (Object.keys(OBSTACLES) as RenewalObstacle[]).flatMap((code) => {
      const udids = obstacles.get(code);
      return udids === undefined ? [] : [{ code, count: udids.length, udids, ...OBSTACLES[code] }];
    }),
  };
}

function isMobile(platform: string | null): boolean {
  return platform !== null && platform !== 'darwin';
}

/** Hour by hour: who is due, who has their turn, whose certificate ends first. */
function runThrough(
  queue: readonly { readonly udid: string; readonly end: number }[],
  at: number,
): { weeks: ForecastWeek[]; late: string[]; renewing: number } {
  const weeks: { start: number; due: number; renewed: number; left: number }[] = [];
  const week = (when: number): { due: number; renewed: number; left: number } => {
    const index = Math.max(0, Math.floor((when - at) / WEEK));
    for (let next = weeks.length; next <= index; next += 1)
      weeks.push({ start: at + next * WEEK, due: 0, renewed: 0, left: 0 });
    return weeks[index] as { due: number; renewed: number; left: number };
  };
  const late: string[] = [];
  let hour = 0;
  let taken = 0;
  for (const { udid, end } of [...queue].sort((a, b) => a.end - b.end)) {
    const due = Math.max(at, end - DAYS_BEFORE_END * DAY);
    const own = Math.ceil((due - at) / HOUR);
    if (own > hour || taken === AN_HOUR) {
      hour = own > hour ? own : hour + 1;
      taken = 0;
    }
    const turn = at + hour * HOUR;
    if (turn >= end) {
      late.push(udid);
      // One that has ended before anything began was never due.
      if (end > at) {
        week(due).due += 1;
        week(end).left += 1;
      }
      continue;
    }
    taken += 1;
    week(due).due += 1;
    week(turn).renewed += 1;
  }
  let waiting = 0;
  const told = weeks.map(({ start, due, renewed, left }) => {
    waiting += due - renewed - left;
    return { start, due, renewed, waiting };
  });
  return {
    weeks: told.filter(({ due, renewed, waiting: rest }) => due + renewed + rest > 0),
    late,
    renewing: told.reduce((sum, { renewed }) => sum + renewed, 0),
  };
}
