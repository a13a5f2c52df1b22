/**
 * Silent renewal as the window shows it. The profile itself, its base64 and its line never come here: they hold Fleet’s
 * challenge, and are saved by main. Values that may be secret are lengths and hashes.
 */
import { z } from 'zod';

const instant = z.number();

/** Profiles from devices; the one to make the new one from; one to be checked; MicroMDM’s TLS certificate. */
const PROFILE_SLOTS = ['installed', 'base', 'candidate', 'anchor'] as const;
export const profileSlot = z.enum(PROFILE_SLOTS);

const givenProfile = z.object({
  file: z.string(),
  form: z.enum(['xml', 'signed', 'base64', 'environment', 'listing', 'template']),
  identifier: z.string().nullable(),
  serverUrl: z.string().nullable(),
  payloads: z.number(),
});

const problem = z.object({
  code: z.string(),
  severity: z.enum(['error', 'warning']),
  party: z.enum(['apple', 'fleet', 'keep', 'proof']),
  field: z.string().nullable(),
  group: z.number().nullable(),
  sentence: z.string(),
  remedy: z.string(),
});

const profileComparison = z.object({
  verdict: z.enum(['pass', 'warning', 'fail']),
  renews: z.boolean(),
  groups: z.array(
    z.object({
      names: z.array(z.string()).readonly(),
      differsIn: z.array(z.string()).readonly(),
      accepted: z.boolean(),
      fields: z
        .array(
          z.object({
            field: z.string(),
            candidate: z.string().nullable(),
            installed: z.string().nullable(),
            same: z.boolean(),
          }),
        )
        .readonly(),
    }),
  ),
  problems: z.array(problem),
});

const judgedProfile = z.object({
  /** What it was made from, or the file it is. */
  name: z.string(),
  /** Of the XML. */
  sha256: z.string(),
  length: z.number(),
  comparison: profileComparison,
  /** The profile line by line, secrets masked. */
  lines: z.array(z.object({ depth: z.number(), key: z.string().nullable(), value: z.string(), masked: z.boolean() })),
});

export const renewalBench = z.object({
  installed: z.array(givenProfile),
  base: givenProfile.nullable(),
  /** MicroMDM’s TLS certificate, by file. */
  anchor: z.string().nullable(),
  made: judgedProfile.nullable(),
  /** A finished profile from elsewhere, checked. */
  checked: judgedProfile.nullable(),
});

export const RENEWAL_FORMS = ['profile', 'base64', 'environment'] as const;

export const renewalForecast = z.object({
  at: instant,
  devices: z.number(),
  renewing: z.number(),
  dueAtOnce: z.number(),
  hoursForThese: z.number(),
  /** Fleet was asked for hosts and rows. */
  fleetAsked: z.boolean(),
  weeks: z.array(z.object({ start: instant, due: z.number(), renewed: z.number(), waiting: z.number() })),
  obstacles: z.array(
    z.object({
      code: z.string(),
      never: z.boolean(),
      count: z.number(),
      /** Bounded; the saved list has all. */
      udids: z.array(z.string()),
      sentence: z.string(),
      remedy: z.string(),
    }),
  ),
});

export type ProfileSlot = z.infer<typeof profileSlot>;
export type GivenProfile = z.infer<typeof givenProfile>;
export type ProfileComparisonShown = z.infer<typeof profileComparison>;
export type JudgedProfileShown = z.infer<typeof judgedProfile>;
export type RenewalBenchShown = z.infer<typeof renewalBench>;
export type RenewalForm = (typeof RENEWAL_FORMS)[number];
export type RenewalForecastShown = z.infer<typeof renewalForecast>;
