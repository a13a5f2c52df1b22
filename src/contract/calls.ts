/**
 * The table of calls: everything the window may ask of the main process, and the only list of it.
 *
 * A call is one line: its name, the schema of what it takes and the schema of what it gives back. Main, renderer and
 * tests derive their types from here; main checks both sides at run time, so a new call is a new line here plus one
 * handler, and nothing else. Secrets never appear in an output schema.
 *
 * Calls that start long work answer as soon as it is under way; how it goes shows in the state (`job`, `failures`).
 *
 *     'app.version': call(z.void(), z.object({ slipway: z.string() })),
 */
import { z } from 'zod';
import { deviceDetail, deviceFilter, devicePage, deviceQuery } from './devices';
import { assetsPlan, assetsResult, assetsUndone } from './assets';
import { inspection, itemDifference, PART_FORMATS } from './inspection';
import { appState, secretKind, settings } from './state';

function call<I extends z.ZodType, O extends z.ZodType>(
  input: I,
  output: O,
): { readonly input: I; readonly output: O } {
  return { input, output };
}

const path = z.string().max(4096);
const none = z.void();

const journalSummary = z.object({
  path: z.string(),
  planId: z.string(),
  openedAt: z.number(),
  operator: z.string(),
  rehearsal: z.boolean(),
  target: z.string(),
  committed: z.number(),
  undone: z.number(),
  tornBytes: z.number(),
});

export const calls = {
  /** What is running: Slipway's own version and the versions of what it stands on (null where it is not there). */
  'app.version': call(
    none,
    z.object({
      slipway: z.string(),
      node: z.string(),
      chromium: z.string().nullable(),
      electron: z.string().nullable(),
    }),
  ),
  /** The state as it is now; later states are pushed. */
  'app.state': call(none, appState),

  'workspace.recent': call(
    none,
    z.array(z.object({ name: z.string(), path: z.string(), openedAt: z.number(), missing: z.boolean() })),
  ),
  /** Makes a workspace folder inside `parent`; null asks with the system's dialog. False: the operator cancelled. */
  'workspace.create': call(z.object({ name: z.string().min(1).max(120), parent: path.nullable() }), z.boolean()),
  /** Opens a workspace folder; null asks with the system's dialog. False: the operator cancelled. */
  'workspace.open': call(z.object({ path: path.nullable() }), z.boolean()),
  'workspace.close': call(none, none),
  /** Forgets a recent workspace; its folder stays. */
  'workspace.forget': call(z.object({ path }), none),
  /** Saves settings; given parts replace what was there. */
  'workspace.save': call(settings.partial(), none),

  /** Hands a secret to main. `remember` is refused (false) where this machine cannot keep secrets. */
  'secret.set': call(
    z.object({ kind: secretKind, value: z.string().min(1).max(65_536), remember: z.boolean() }),
    z.object({ remembered: z.boolean() }),
  ),
  'secret.forget': call(z.object({ kind: secretKind }), none),

  /** Asks for an existing file with the system's dialog; null when cancelled. */
  'file.choose': call(z.object({ purpose: z.enum(['source', 'ca', 'team-map', 'journal']) }), path.nullable()),
  /** The path of a file dropped on the window, as the preload learned it, made into a source reference. */
  'source.fromFile': call(z.object({ path }), z.object({ reference: z.string() })),
  'source.read': call(z.object({ reference: z.string().min(1).max(4200) }), none),
  /** Reads the bundled sample migration: no server, no workspace folder of the operator's. */
  'source.sample': call(none, none),

  'devices.query': call(deviceQuery, devicePage),
  'devices.detail': call(z.object({ id: z.string() }), deviceDetail),
  /** UDIDs of all devices that match, for copying; bounded. */
  'devices.udids': call(deviceFilter, z.array(z.string()).max(200_000)),
  /** Writes the matching devices, or of them only those named, as CSV (formula-safe); asks where. Null: cancelled. */
  'devices.export': call(
    deviceFilter.extend({ ids: z.array(z.string().max(1000)).max(200_000).nullable() }),
    z.object({ path, devices: z.number() }).nullable(),
  ),

  /** The certificate MySQL shows, before it is trusted. */
  'fleet.certificate': call(
    z.object({ host: z.string().max(255), port: z.number().int().min(1).max(65_535) }),
    z.object({
      subject: z.string(),
      issuer: z.string(),
      names: z.array(z.string()),
      notBefore: z.number(),
      notAfter: z.number(),
      sha256: z.string(),
      /** Null when it would be trusted for this name; else why not. */
      untrusted: z.string().nullable(),
    }),
  ),
  /** What is laid out for inspection; null for nothing. */
  'inspect.state': call(none, inspection.nullable()),
  /** Lays out files and folders; null asks with the system's dialog. Null back: cancelled, or nothing is laid out. */
  'inspect.add': call(z.object({ paths: z.array(path).max(200).nullable() }), inspection.nullable()),
  /** Lays out the source's own private copy. */
  'inspect.addSource': call(none, inspection.nullable()),
  /** Tries one more password on everything that is locked. Kept until the bench is cleared, and never stored. */
  'inspect.unlock': call(z.object({ password: z.string().min(1).max(1024) }), inspection.nullable()),
  /** Clears the bench and forgets its passwords. */
  'inspect.clear': call(none, none),
  'inspect.compare': call(
    z.object({ a: z.number().int().min(0), b: z.number().int().min(0) }),
    z.array(itemDifference),
  ),
  /** Writes one item to a file (0600) where the operator says. Null: cancelled. */
  'inspect.export': call(
    z.object({
      item: z.number().int().min(0),
      format: z.enum(PART_FORMATS),
      password: z.string().max(1024).nullable(),
      withChain: z.boolean(),
    }),
    z.object({ path }).nullable(),
  ),
  /** Writes the list of all that was found. Null: cancelled. */
  'inspect.list': call(z.object({ format: z.enum(['csv', 'json']) }), z.object({ path, items: z.number() }).nullable()),

  /** What of the source's push certificate and SCEP CA Fleet holds, and what would change. Reads only. */
  'assets.plan': call(none, assetsPlan),
  /** Writes them; `planId` is that of the plan that was shown, `confirmation` the name of the target database. */
  'assets.apply': call(
    z.object({ rehearse: z.boolean(), confirmation: z.string().max(255), planId: z.string().max(200) }),
    assetsResult,
  ),
  /** Names of this workspace's journals of assets, newest first. */
  'assets.journals': call(none, z.array(z.string())),
  'assets.undo': call(
    z.object({ journal: z.string().max(300), rehearse: z.boolean(), confirmation: z.string().max(255) }),
    assetsUndone,
  ),

  'fleet.connect': call(none, none),
  'fleet.disconnect': call(none, none),

  'checks.run': call(none, none),
  /** Answers a check that only a person can answer, or accepts one that may be accepted. */
  'checks.acknowledge': call(
    z.object({ id: z.string(), by: z.string().min(1).max(120), note: z.string().max(2000) }),
    none,
  ),
  'checks.withdraw': call(z.object({ id: z.string() }), none),

  'plan.make': call(none, none),
  /** Lines of the SQL this plan stands for, secrets as length and hash. */
  'plan.sql': call(
    z.object({
      offset: z.number().int().min(0),
      limit: z.number().int().min(0).max(2000),
      search: z.string().max(200),
    }),
    z.object({
      total: z.number(),
      offset: z.number(),
      lines: z.array(z.string()),
      matches: z.array(z.number()).max(10_000),
    }),
  ),
  /** Writes the real SQL (0600) where the operator says. Null: cancelled. */
  'plan.saveSql': call(z.object({ undo: z.boolean() }), z.object({ path, devices: z.number() }).nullable()),

  /** `confirmation` must be the name of the target database. */
  'apply.start': call(z.object({ rehearse: z.boolean(), confirmation: z.string().max(255) }), none),
  'apply.verify': call(none, none),
  'undo.start': call(z.object({ journal: path, rehearse: z.boolean(), confirmation: z.string().max(255) }), none),
  'job.pause': call(none, none),
  'job.resume': call(none, none),
  /** Finishes what must not be cut short (a transaction), then stops. */
  'job.cancel': call(none, none),

  'journal.list': call(none, z.array(journalSummary)),
  'journal.read': call(
    z.object({ path, offset: z.number().int().min(0), limit: z.number().int().min(0).max(500) }),
    z.object({
      total: z.number(),
      entries: z.array(
        z.object({ seq: z.number(), at: z.number(), kind: z.string(), sentence: z.string(), detail: z.string() }),
      ),
    }),
  ),

  'copies.list': call(
    none,
    z.object({ folder: z.string(), copies: z.array(z.object({ name: z.string(), size: z.number() })) }),
  ),
  'copies.delete': call(none, z.object({ deleted: z.number() })),

  /** Puts text on the clipboard. */
  'clipboard.write': call(z.object({ text: z.string().max(20_000_000) }), none),
  /** Shows a file of this workspace in the system's file manager. */
  'file.reveal': call(z.object({ path }), none),
} as const;

export type CallName = keyof typeof calls;
export type CallInput<N extends CallName> = z.infer<(typeof calls)[N]['input']>;
export type CallOutput<N extends CallName> = z.infer<(typeof calls)[N]['output']>;
