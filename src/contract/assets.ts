/** Fleet's keys and certificates as the window shows them: hashes and lengths, never a value. */
import { z } from 'zod';

const value = z.object({ sha256: z.string(), length: z.number() });

export const assetsPlan = z.object({
  id: z.string(),
  origin: z.string(),
  /** Null when there is no asset yet the server private key could be tried on. */
  privateKeyProvenBy: z.string().nullable(),
  ca: z.enum(['untouched', 'new', 'same', 'reissued', 'different']),
  topic: z.object({ now: z.string().nullable(), wanted: z.string().nullable(), changes: z.boolean() }),
  devices: z.object({
    native: z.number(),
    imported: z.number(),
    importedInContact: z.number(),
    escrowedKeys: z.number().nullable(),
  }),
  assets: z.array(
    z.object({
      name: z.string(),
      action: z.enum(['insert', 'replace', 'keep']),
      why: z.string(),
      now: value.nullable(),
      wanted: value,
      subject: z.string().nullable(),
      notAfter: z.string().nullable(),
    }),
  ),
  /** The serial the counter is lifted to; null when it need not be. */
  serial: z.string().nullable(),
  blocks: z.array(
    z.object({
      code: z.string(),
      sentence: z.string(),
      remedy: z.string(),
      overridable: z.boolean(),
      open: z.boolean(),
    }),
  ),
  ways: z.array(z.object({ way: z.string(), applies: z.boolean(), sentence: z.string(), restart: z.string() })),
  notes: z.array(z.string()).readonly(),
  /** What the account lacks to write them. */
  grants: z.array(z.string()).readonly(),
  /** Everything stands there already. */
  settled: z.boolean(),
});

export const assetsResult = z.object({
  rehearsal: z.boolean(),
  outcome: z.enum(['written', 'already']),
  written: z.array(
    z.object({ name: z.string(), id: z.number(), replacedId: z.number().nullable(), sha256: z.string() }),
  ),
  /** The rows stand, and Fleet's API did not take the certificate; null when it did or was not asked. */
  uploadFailure: z.object({ code: z.string(), message: z.string(), remedy: z.string() }).nullable(),
  notes: z.array(z.string()).readonly(),
  journal: z.string(),
});

export const assetsUndone = z.object({
  rehearsal: z.boolean(),
  removed: z.array(z.object({ name: z.string(), id: z.number() })),
  restored: z.array(z.object({ name: z.string(), id: z.number() })),
  notes: z.array(z.string()).readonly(),
});

export type AssetsPlanShown = z.infer<typeof assetsPlan>;
export type AssetsResultShown = z.infer<typeof assetsResult>;
export type AssetsUndoneShown = z.infer<typeof assetsUndone>;
