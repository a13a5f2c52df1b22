/** The hand-over as the window shows it: may the old server go, what must be kept alive, and which devices are open. */
import { z } from 'zod';

const confirmation = z.object({ by: z.string().max(120), note: z.string().max(2000) });

/** What is typed for the report; saved in the workspace. */
export const reportSettings = z.object({
  /** Empty: the workspace's name. */
  title: z.string().max(200),
  preparedBy: z.string().max(120),
  /** Who answers for what, by the obligation's id. */
  owners: z.record(z.string().max(40), z.string().max(120)),
  redirects: confirmation.nullable(),
  renewal: confirmation.nullable(),
  /** Who has backed the old server up by its own means; asked for where it is no MicroMDM. */
  ownBackup: confirmation.nullable().default(null),
});

export const backupFacts = z.object({
  path: z.string(),
  sha256: z.string(),
  size: z.number(),
  at: z.number(),
  devices: z.number(),
  sourceDevices: z.number(),
});

const account = z.object({ by: z.string(), note: z.string() });

export const reportView = z.object({
  /** When Fleet was last asked about the devices; null: never in this session. */
  lookedAt: z.number().nullable(),
  counts: z.object({ devices: z.number(), migrated: z.number(), accounted: z.number(), open: z.number() }),
  conditions: z.array(z.object({ id: z.string(), holds: z.boolean(), sentence: z.string(), remedy: z.string() })),
  obligations: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      sentence: z.string(),
      due: z.number().nullable(),
      owner: z.string().nullable(),
    }),
  ),
  /** Devices that are not proven at Fleet, bounded; `others` is their number. */
  behind: z.array(
    z.object({
      udid: z.string(),
      serial: z.string().nullable(),
      name: z.string().nullable(),
      state: z.string(),
      reasons: z.array(z.string()).readonly(),
      accounted: account.nullable(),
    }),
  ),
  others: z.number(),
  backup: backupFacts.nullable(),
});

export const reportWritten = z.object({
  folder: z.string(),
  files: z.array(z.object({ name: z.string(), sha256: z.string(), size: z.number() })),
});

export type ReportSettings = z.infer<typeof reportSettings>;
export type ReportView = z.infer<typeof reportView>;
export type ReportWritten = z.infer<typeof reportWritten>;
export type BackupShown = z.infer<typeof backupFacts>;
