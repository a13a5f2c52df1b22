/** Devices as the window shows them: asked for in portions, never all at once. */
import { z } from 'zod';
import { ACTIONS } from './state';
import { deviceStory, deviceWatch, watchState } from './watch';

export const VERDICTS = ['ready', 'caution', 'blocked'] as const;

/** Columns a device list can be sorted by. */
export const DEVICE_SORTS = [
  'name',
  'serial',
  'udid',
  'platform',
  'verdict',
  'action',
  'lastSeen',
  'certificateNotAfter',
  'state',
  'contactFleet',
] as const;

/** Which devices, in which order. Empty lists mean "any". */
export const deviceFilter = z.object({
  /** Words that must all occur in name, serial number, UDID, model, platform or reason codes; case does not matter. */
  search: z.string().max(500),
  verdicts: z.array(z.enum(VERDICTS)),
  actions: z.array(z.enum(ACTIONS)),
  platforms: z.array(z.string()),
  /** Reason codes: any of them. */
  reasons: z.array(z.string()),
  /** Numbers of sources, where there are several. */
  sources: z.array(z.string()),
  /** How they are watched. */
  states: z.array(watchState),
  /** Codes of what needs attention, or `any`. */
  attention: z.array(z.string().max(60)).max(50),
  sort: z.enum(DEVICE_SORTS),
  descending: z.boolean(),
});

export const deviceQuery = deviceFilter.extend({
  offset: z.number().int().min(0),
  limit: z.number().int().min(0).max(500),
  /** The same places as in the last answer, although what is watched may have moved since: nothing jumps while it is read. */
  hold: z.boolean(),
});

const deviceRow = z.object({
  /** The source's record id: stable, also where there is no UDID. */
  id: z.string(),
  udid: z.string().nullable(),
  serial: z.string().nullable(),
  name: z.string().nullable(),
  platform: z.string().nullable(),
  model: z.string().nullable(),
  verdict: z.enum(VERDICTS),
  /** Null until there is a plan. */
  action: z.enum(ACTIONS).nullable(),
  /** Codes of its reasons, worst first. */
  reasons: z.array(z.string()),
  lastSeen: z.number().nullable(),
  certificateNotAfter: z.number().nullable(),
  users: z.number(),
  /** Which of several sources it comes from, counted from one; null where there is one only. */
  source: z.number().nullable(),
  /** Null while nothing is watched. */
  watch: deviceWatch.nullable(),
});

export const devicePage = z.object({
  total: z.number(),
  matching: z.number(),
  offset: z.number(),
  rows: z.array(deviceRow),
  /** How many of all devices have each value: the filter chips. */
  facets: z.object({
    verdicts: z.record(z.string(), z.number()),
    actions: z.record(z.string(), z.number()),
    platforms: z.record(z.string(), z.number()),
    reasons: z.record(z.string(), z.number()),
    /** Empty where there is one source only. */
    sources: z.record(z.string(), z.number()),
    /** Empty while nothing is watched. */
    states: z.record(z.string(), z.number()),
    attention: z.record(z.string(), z.number()),
  }),
  /** The places are those of an older look at Fleet; asked anew they may be others. */
  outdated: z.boolean(),
});

/** One field of a row as it stands in Fleet and as it will be; secrets as `‹unlock token, 3412 bytes, sha256 …›`. */
const rowField = z.object({
  column: z.string(),
  now: z.string().nullable(),
  willBe: z.string().nullable(),
  changed: z.boolean(),
});

const rowDiff = z.object({
  table: z.string(),
  row: z.string(),
  change: z.enum(['insert', 'update', 'delete', 'none']),
  fields: z.array(rowField),
});

export const deviceDetail = z.object({
  device: deviceRow,
  /** Label and value, for people. Never a secret. */
  facts: z.array(z.object({ label: z.string(), value: z.string(), mono: z.boolean() })),
  reasons: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(['note', 'caution', 'block']),
      sentence: z.string(),
      remedy: z.string(),
      accepted: z.boolean(),
    }),
  ),
  users: z.array(
    z.object({ id: z.string(), shortName: z.string().nullable(), longName: z.string().nullable(), goes: z.boolean() }),
  ),
  /** The rows it becomes; null without a plan, or when no rows can be made for it. */
  rows: z.array(rowDiff).nullable(),
  /** Null while nothing is watched, and for a device without UDID. */
  story: deviceStory.nullable(),
});

export type DeviceFilter = z.infer<typeof deviceFilter>;
export type DeviceQuery = z.infer<typeof deviceQuery>;
export type DeviceRow = z.infer<typeof deviceRow>;
export type DevicePage = z.infer<typeof devicePage>;
export type DeviceDetail = z.infer<typeof deviceDetail>;
export type RowDiff = z.infer<typeof rowDiff>;
