/** Key and certificate files the operator gave for a purpose, and what is done with them besides writing to Fleet. No secrets. */
import { z } from 'zod';

const instant = z.number();

/**
 * What files are given for: the SCEP CA, the push certificate (with its key and request, as far as they exist),
 * certificates of devices to prove a CA on, what Apple gave back, an MDM vendor’s certificate and key.
 */
export const GIVEN_SLOTS = ['ca', 'push', 'proof', 'reply', 'vendor'] as const;
export const givenSlot = z.enum(GIVEN_SLOTS);

const givenThing = z.object({
  kind: z.string(),
  role: z.string(),
  file: z.string(),
  path: z.string(),
  subject: z.string().nullable(),
  serial: z.string().nullable(),
  notAfter: instant.nullable(),
  keyType: z.string().nullable(),
  keyBits: z.number().nullable(),
  topic: z.string().nullable(),
  locked: z.boolean(),
});

const givenPile = z.object({
  slot: givenSlot,
  things: z.array(givenThing),
  /** Things that a password would open. */
  locked: z.number(),
  /** What was made here and takes the place of files: `the extended SCEP CA`; null when there is none. */
  made: z.string().nullable(),
});

/** Every pile there is something in. */
export const givenFiles = z.array(givenPile);

/** Where a pair comes from; `none` leaves Fleet’s as it is. */
const pairOrigin = z.enum(['source', 'files', 'none']);
export const pairChoice = z.object({ ca: pairOrigin, push: pairOrigin });

const caFacts = z.object({ subject: z.string(), serial: z.string(), notBefore: instant, notAfter: instant });
const note = z.object({ code: z.string(), severity: z.enum(['error', 'warning', 'info']), sentence: z.string() });

export const caExtension = z.object({
  old: caFacts,
  extended: caFacts,
  keptSerial: z.boolean(),
  /** Certificates that verify under the new one; names of those the CA never issued, bounded. */
  proof: z.object({ proven: z.number(), foreign: z.array(z.string()), foreignCount: z.number() }),
  notes: z.array(note),
});

export const pushAssessment = z.object({
  way: z.enum(['nothing', 'download', 'renew', 'renew-new-key', 'unknown-topic']),
  topic: z.string().nullable(),
  sameTopic: z.enum(['yes', 'account', 'unknown']),
  notes: z.array(note),
  steps: z.array(z.string()),
  /** A request is at hand that can be sent as it is, and whose key is there. */
  requestUsable: z.boolean(),
  keyAtHand: z.boolean(),
});

export const pushRequestMade = z.object({
  folder: z.string(),
  files: z.array(z.string()),
  /** Who gets it: an MDM vendor to be signed, or Apple’s portal at once. */
  to: z.enum(['vendor', 'portal']),
});

export const pushReply = z.object({
  ok: z.boolean(),
  topic: z.string().nullable(),
  subject: z.string(),
  serial: z.string(),
  notBefore: instant,
  notAfter: instant,
  notes: z.array(note),
});

export type GivenSlot = z.infer<typeof givenSlot>;
export type GivenPile = z.infer<typeof givenPile>;
export type GivenFilesShown = z.infer<typeof givenFiles>;
export type PairChoice = z.infer<typeof pairChoice>;
export type PairOrigin = z.infer<typeof pairOrigin>;
export type CaExtensionShown = z.infer<typeof caExtension>;
export type PushAssessmentShown = z.infer<typeof pushAssessment>;
export type PushReplyShown = z.infer<typeof pushReply>;
