/** Brings together what a report is made of. Reads journals; everything else is given. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createHash } from 'node:crypto';
import type { PlanDevice } from '../migration/plan';
import { foldId } from '../fleet/device-rows';
import { keepsContacts } from '../sources/contact-times';
import type { Snapshot } from '../sources/snapshot';
import type { Roster } from '../watch/roster';
import type { DeviceStatus } from '../watch/status';
import type { BackupFacts, Confirmation, DecommissionFacts } from './decommission';
import type { Enclosed } from './folder';
import { reportedDevice, type JournalAccount, type ReportFacts } from './hand-over';
import { journalKindOf, tellJournal } from './journal-story';
import type { Owners } from './obligation';

export interface ReportSources {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly title: string;
  readonly preparedBy: string;
  readonly tool: string;
  readonly badge: ReportFacts['badge'];
  /** How the source was named. */
  readonly reference: string;
  readonly snapshot: Snapshot;
  /** The name devices call; null when it is not known. */
  readonly host: string | null;
  readonly target: ReportFacts['target'];
  /** Who is watched, and what each is known to be. */
  readonly roster: Roster;
  readonly statuses: ReadonlyMap<string, DeviceStatus>;
  readonly planned: ReadonlyMap<string, PlanDevice> | null;
  readonly accounts: ReadonlyMap<string, Confirmation>;
  readonly acknowledged: ReportFacts['acknowledged'];
  readonly journals: readonly JournalAccount[];
  readonly owners: Owners;
  readonly backup: BackupFacts | null;
  readonly ownBackup: DecommissionFacts['ownBackup'];
  /** Who has seen that no device calls the old server, where its store does not say. */
  readonly callers: Confirmation | null;
  readonly redirects: Confirmation | null;
  readonly renewal: Confirmation | null;
  readonly probes: DecommissionFacts['probes'];
  /** The source was read again after the switch: only then it is known who still calls there. */
  readonly reread: boolean;
}

/** The facts of a report. */
export function reportFacts(sources: ReportSources): ReportFacts {
  const { snapshot, roster, statuses } = sources;
  const byFold = new Map([...statuses].map(([udid, status]) => [foldId(udid), status]));
  const devices = (roster.udids ?? [...statuses.keys()]).map((udid) => {
    const device = roster.device(udid);
    const planned = sources.planned?.get(udid);
    const stays = planned?.action === 'blocked' || planned?.action === 'held';
    return reportedDevice(
      {
        udid,
        serial: device?.serial ?? roster.serial(udid),
        name: device?.name ?? roster.name(udid),
        platform: device?.platform ?? null,
      },
      byFold.get(foldId(udid)) ?? null,
      {
        wave: roster.wave(udid),
        reasons: stays ? planned.reasons.map(({ code }) => code) : [],
        accounted: sources.accounts.get(udid) ?? null,
      },
    );
  });
  const { push, scepCa } = snapshot;
  const pending = snapshot.devices.map((device) => device.pending?.count ?? 0);
  const knowsPending = snapshot.devices.some((device) => device.pending !== null);
  return {
    at: sources.at,
    title: sources.title,
    preparedBy: sources.preparedBy,
    tool: sources.tool,
    badge: sources.badge,
    source: {
      reference: sources.reference,
      sha256: snapshot.source.sha256,
      txid: snapshot.source.txid,
      instant: snapshot.instant,
      devices: snapshot.devices.filter(({ udid }) => udid !== null).length,
    },
    target: sources.target,
    host: sources.host,
    topic: push?.topic ?? null,
    push: push === null ? null : { subject: push.subject, sha256: push.sha256, notAfter: push.notAfter },
    scepCa: scepCa === null ? null : { subject: scepCa.subject, sha256: scepCa.sha256, notAfter: scepCa.notAfter },
    abm:
      snapshot.abmTokens.length === 0
        ? null
        : {
            tokens: snapshot.abmTokens.length,
            expiry: snapshot.abmTokens.find(({ active }) => active)?.expiry ?? null,
          },
    devices,
    journals: sources.journals,
    acknowledged: sources.acknowledged,
    decommission: {
      backup: sources.backup,
      ownBackup: sources.ownBackup,
      callers: sources.callers,
      redirects: sources.redirects,
      renewal: sources.renewal,
      probes: sources.probes,
      callingOldServer:
        sources.reread && keepsContacts(snapshot)
          ? [...statuses.values()].filter(({ attention }) =>
              attention.some(({ code }) => code === 'answered-old-server'),
            ).length
          : null,
      pendingCommands: knowsPending ? pending.reduce((sum, count) => sum + count, 0) : null,
    },
    owners: sources.owners,
  };
}

/** The journals in some folders, told for the report and enclosed as they are. A rehearsal was rolled back, and is left out. */
export async function gatherJournals(
  folders: readonly string[],
): Promise<{ readonly accounts: JournalAccount[]; readonly enclosed: Enclosed[] }> {
  const accounts: JournalAccount[] = [];
  const enclosed: Enclosed[] = [];
  for (const path of await journalsIn(folders)) {
    const bytes = await readFile(path);
    const { summary, entries } = await tellJournal(path);
    if (summary === null) continue;
    accounts.push({
      name: basename(path),
      sha256: createHash('sha256').update(bytes).digest('hex'),
      kind: summary.kind,
      openedAt: summary.openedAt,
      operator: summary.operator,
      planId: summary.planId === '' ? null : summary.planId,
      rehearsal: summary.rehearsal,
      sentences: entries.map(
        ({ at, sentence }) => `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} ${sentence}`,
      ),
    });
    enclosed.push({ name: basename(path), bytes });
  }
  accounts.sort((left, right) => left.openedAt - right.openedAt);
  return { accounts, enclosed };
}

async function journalsIn(folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of new Set(folders)) {
    for (const name of (await readdir(folder).catch(() => [] as string[])).sort())
      // What was rehearsed was rolled back; it is not what was done.
      if (journalKindOf(name) !== null && !name.includes('.rehearsal.')) found.push(join(folder, name));
  }
  return found;
}
