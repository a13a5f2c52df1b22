/** The evidence of all sides brought together and judged, device by device. */
import type { ApiReader } from './api-reader';
import type { DatabaseReader } from './database-reader';
import type { Roster } from './roster';
import { judgeStatus, type DeviceEvidence, type DeviceStatus, type JudgeOptions } from './status';

/** Reads nothing itself: its readers do. */
export class Watch {
  roster: Roster;
  readonly database: DatabaseReader | null;
  readonly api: ApiReader | null;
  options: JudgeOptions;

  constructor(
    roster: Roster,
    sides: { readonly database: DatabaseReader | null; readonly api: ApiReader | null },
    options: JudgeOptions = {},
  ) {
    this.roster = roster;
    this.database = sides.database;
    this.api = sides.api;
    this.options = options;
  }

  /** The devices, in the roster's order; without a list those Fleet has from a migration, or its API's hosts. */
  *udids(): Generator<string> {
    const { udids } = this.roster;
    if (udids !== null) yield* udids;
    else if (this.database !== null) {
      const { table } = this.database;
      for (let row = 0; row < table.size; row += 1) yield table.udid(row);
    } else yield* this.api?.hosts() ?? [];
  }

  /** All that is known about one device. */
  evidence(udid: string): DeviceEvidence {
    const { database, roster } = this;
    const row = database?.table.find(udid) ?? -1;
    return {
      udid,
      platform: roster.device(udid)?.platform ?? null,
      database: database === null ? null : row < 0 ? NO_ROWS : database.table.evidence(row, database.seenCopiedAt),
      api: this.api?.evidence(udid) ?? null,
      source: roster.source(udid),
      own: roster.own(udid),
    };
  }

  /** @param now milliseconds since the epoch, on Fleet's clock where it is known */
  status(udid: string, now: number): DeviceStatus {
    return judgeStatus(this.evidence(udid), now, this.options);
  }

  /** Every device. For 100,000 this takes some 100 MB: keep a board instead where it must not. */
  statuses(now: number): Map<string, DeviceStatus> {
    const all = new Map<string, DeviceStatus>();
    for (const udid of this.udids()) all.set(udid, this.status(udid, now));
    return all;
  }
}

const NO_ROWS: DeviceEvidence['database'] = {
  enrollment: null,
  device: null,
  deviceRead: false,
  seenTime: null,
  seenCopiedAt: null,
  resultAt: null,
  certificate: undefined,
  host: undefined,
};
