/** Keys and certificates as the window shows them: what files hold, what belongs together, what is wrong. No secrets. */
import { z } from 'zod';

const place = z.object({ file: z.string(), path: z.string() });
const instant = z.number();
const fact = z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly(), z.null()]);

export const PART_FORMATS = ['pem', 'der', 'pkcs12'] as const;

/** One thing that was found; the meaning of each field stands in the inspector’s own `item.ts`. */
const inspectedItem = place.extend({
  index: z.number(),
  alsoIn: z.array(place).readonly(),
  parent: z.number().nullable(),
  kind: z.string(),
  role: z.string(),
  subject: z.string().nullable(),
  issuer: z.string().nullable(),
  serial: z.string().nullable(),
  notBefore: instant.nullable(),
  notAfter: instant.nullable(),
  sha256: z.string(),
  sha1: z.string().nullable(),
  keyType: z.string().nullable(),
  keyBits: z.number().nullable(),
  topic: z.string().nullable(),
  sans: z.array(z.string()).readonly(),
  isCa: z.boolean(),
  keyUsage: z.array(z.string()).readonly(),
  extendedKeyUsage: z.array(z.string()).readonly(),
  signatureAlgorithm: z.string().nullable(),
  chain: z.object({ state: z.string(), path: z.array(z.number()).readonly() }).nullable(),
  encrypted: z.boolean(),
  locked: z.boolean(),
  facts: z.record(z.string(), fact),
  problems: z
    .array(
      z.object({
        code: z.string(),
        severity: z.enum(['error', 'warning', 'info']),
        sentence: z.string(),
        remedy: z.string(),
      }),
    )
    .readonly(),
});

export const inspection = z.object({
  /** The instant it was judged at. */
  at: instant,
  items: z.array(inspectedItem).readonly(),
  /** Indexes of what has the same public key. */
  groups: z.array(z.array(z.number()).readonly()).readonly(),
  links: z.array(z.object({ certificate: z.number(), issuer: z.number() })).readonly(),
  skipped: z.array(z.object({ file: z.string(), code: z.string() })).readonly(),
  /** Things that a password would open. */
  locked: z.number(),
});

export const itemDifference = z.object({ field: z.string(), a: z.string(), b: z.string() });

export type InspectedItem = z.infer<typeof inspectedItem>;
export type InspectionShown = z.infer<typeof inspection>;
export type ItemDifference = z.infer<typeof itemDifference>;
export type PartFormat = (typeof PART_FORMATS)[number];
