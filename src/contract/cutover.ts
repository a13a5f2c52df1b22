/** The switch as the window shows it: the load balancer's configuration, what is set in DNS, and what probes see. */
import { z } from 'zod';

/** What is typed for the switch, as typed: it is read when it is used. No secret among it. */
export const cutoverSettings = z.object({
  /** The name devices call; empty: what source or profile say. */
  host: z.string().max(255),
  /** The port devices call; empty: what source or profile say, else 443. */
  port: z.string().max(5),
  /** Path of an enrollment profile of a real device; empty for none. */
  profile: z.string().max(4096),
  oldUrl: z.string().max(500),
  balancer: z.string().max(60),
  mode: z.enum(['rewrite', 'redirect']),
  phase: z.enum(['cutover', 'retired']),
  certificateFile: z.string().max(500),
  keyFile: z.string().max(500),
  trustFile: z.string().max(500),
  /** Several, with blanks or commas between them. */
  targets: z.string().max(2000),
  zone: z.string().max(255),
  issuer: z.string().max(255),
  validation: z.string().max(600),
  ttl: z.string().max(7),
  /** Milliseconds since the epoch; null: not fixed. */
  switchAt: z.number().nullable(),
  places: z.string().max(2000),
  instances: z.string().max(4000),
  resolvers: z.string().max(2000),
});

export const cutoverView = z.object({
  /** What devices know of the old server, from the source and the profile. */
  host: z.string().nullable(),
  port: z.number().nullable(),
  paths: z.object({ connect: z.string(), checkIn: z.string(), scep: z.string().nullable() }),
  /** Null: no profile was given. */
  anchors: z.number().nullable(),
  secondHost: z.string().nullable(),
  balancers: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      modes: z.array(z.enum(['rewrite', 'redirect'])).readonly(),
      proof: z.enum(['run', 'schema']),
      notes: z.array(z.string()).readonly(),
    }),
  ),
});

export const redirectConfiguration = z.object({
  balancer: z.string(),
  title: z.string(),
  ending: z.string(),
  mode: z.enum(['rewrite', 'redirect']),
  host: z.string(),
  text: z.string(),
  routes: z.array(z.object({ path: z.string(), prefix: z.boolean(), target: z.string(), why: z.string() })),
});

export const dnsPlan = z.object({
  host: z.string(),
  apex: z.boolean(),
  /** As lines of a zone file. */
  records: z.array(z.object({ line: z.string(), why: z.string() })),
  steps: z.array(z.object({ offset: z.number(), at: z.number().nullable(), sentence: z.string() })),
  notes: z.array(z.string()).readonly(),
});

const probeResult = z.object({
  id: z.string(),
  title: z.string(),
  status: z.enum(['pass', 'warn', 'fail', 'skipped']),
  code: z.string(),
  sentence: z.string(),
  remedy: z.string(),
  facts: z.array(z.string()).readonly(),
});

/** What the last round of probes saw. */
export const probeRound = z.object({ at: z.number(), host: z.string(), results: z.array(probeResult) });

export type CutoverSettings = z.infer<typeof cutoverSettings>;
export type ProbeRound = z.infer<typeof probeRound>;
export type ProbeResultShown = z.infer<typeof probeResult>;
