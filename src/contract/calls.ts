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
import {
  caExtension,
  givenFiles,
  givenSlot,
  pairChoice,
  pushAssessment,
  pushReply,
  pushRequestMade,
} from './given-files';
import {
  agentView,
  agentWays,
  agentWish,
  commandsFollowed,
  commandsSent,
  controlsExported,
  controlsView,
  deviceChoice,
  deviceList,
  removalShown,
  rolloutShown,
} from './controls';
import { cutoverView, dnsPlan, probeRound, redirectConfiguration } from './cutover';
import { inspection, itemDifference, PART_FORMATS } from './inspection';
import { profileSlot, RENEWAL_FORMS, renewalBench, renewalForecast } from './renewal';
import { backupFacts, reportView, reportWritten } from './report';
import { runbookView } from './runbook';
import { MOST_WAYS, SOURCE_FILES, sourceWay } from './source-ways';
import { appState, secretKind, settings } from './state';
import { healthReport, watchSeries } from './watch';
import { backPreview, haproxyDraft, ladderDraft, waveWoken } from './waves';

function call<I extends z.ZodType, O extends z.ZodType>(
  input: I,
  output: O,
): { readonly input: I; readonly output: O } {
  return { input, output };
}

const path = z.string().max(4096);
const none = z.void();

const paths = z.array(path).max(200).nullable();
const topic = z.string().max(300);

const journalSummary = z.object({
  path: z.string(),
  /** What it tells of: rows of devices, or Fleet's keys and certificates. */
  kind: z.enum(['devices', 'assets', 'waves', 'commands']),
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
  /** The same from a file that the system's dialog asks for. False: cancelled. */
  'secret.fromFile': call(z.object({ kind: secretKind }), z.boolean()),

  /** Asks for an existing file with the system's dialog; null when cancelled. */
  'file.choose': call(
    z.object({ purpose: z.enum(['source', 'ca', 'team-map', 'journal', ...SOURCE_FILES]) }),
    path.nullable(),
  ),
  /** What a file or folder on this machine is as a source, looked at from outside: its reference, and the way to it. */
  'source.fromFile': call(z.object({ path }), z.object({ reference: z.string(), way: sourceWay })),
  'source.read': call(z.object({ reference: z.string().min(1).max(30_000) }), none),
  /**
   * Reads a source as it was typed. It takes the place of the one in its slot, or is added to the others; `alone`: the
   * others are let go.
   */
  'source.use': call(z.object({ way: sourceWay, alone: z.boolean() }), none),
  /** Lets one of several sources go, its secrets too, and reads the others. */
  'source.drop': call(z.object({ slot: z.number().int().min(1).max(MOST_WAYS) }), none),
  /** Trusts the host key an SSH server has just shown, and reads again. Refused for any other key. */
  'source.trustHost': call(z.object({ host: z.string().max(300), fingerprint: z.string().max(200) }), none),
  /** Forgets a host key that was trusted here. */
  'source.forgetHost': call(z.object({ host: z.string().max(300) }), none),
  /** Writes a template of the table (headers, and an example) where the operator says. Null: cancelled. */
  'source.template': call(z.object({ form: z.enum(['csv', 'json']) }), z.object({ path }).nullable()),
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

  /** What was given from files, by purpose. */
  'given.state': call(none, givenFiles),
  /** Gives files for a purpose; null asks with the system's dialog. Null back: cancelled. */
  'given.add': call(z.object({ slot: givenSlot, paths }), givenFiles.nullable()),
  /** Tries one more password on everything that is locked. Kept until the workspace is closed, and never stored. */
  'given.unlock': call(z.object({ password: z.string().min(1).max(1024) }), givenFiles),
  'given.clear': call(z.object({ slot: givenSlot }), givenFiles),

  /** The SCEP CA with a later end, proven on the devices' certificates at hand. Writes nothing. */
  'ca.extend': call(
    z.object({ from: z.enum(['source', 'files']), years: z.number().int().min(1).max(20), keepSerial: z.boolean() }),
    caExtension,
  ),
  /** Saves what was shown (0600); from then on it is the SCEP CA that was given from files. Null: cancelled. */
  'ca.save': call(none, z.object({ path }).nullable()),

  /** Whether the push certificate can be had again for the same topic, and how. */
  'push.assess': call(z.object({ topic }), pushAssessment),
  /** Writes what has to be sent (0600) into a folder that is asked for. Null: cancelled. */
  'push.request': call(
    z.object({
      topic,
      key: z.enum(['own', 'new']),
      keepRequest: z.boolean(),
      vendor: z.boolean(),
      commonName: z.string().max(200),
      country: z.string().max(10),
      email: z.string().max(300),
    }),
    pushRequestMade.nullable(),
  ),
  /** Checks what Apple gave back. */
  'push.check': call(z.object({ topic }), pushReply),
  /** Takes what came back for the push certificate that was given from files. */
  'push.use': call(z.object({ topic }), none),

  /** The profiles that were given, and what was made and checked. */
  'renewal.state': call(none, renewalBench),
  'renewal.add': call(z.object({ slot: profileSlot, paths }), renewalBench.nullable()),
  'renewal.remove': call(z.object({ slot: profileSlot, file: path.nullable() }), renewalBench),
  /** Makes the profile. The challenge is Fleet's own from its database, or the one that was typed or read from a file. */
  'renewal.make': call(
    z.object({
      serverUrl: z.string().max(2000),
      challenge: z.enum(['fleet', 'given']),
      allowOldChallenge: z.boolean(),
    }),
    renewalBench,
  ),
  /** Saves it (0600) where the operator says. Null: cancelled. */
  'renewal.save': call(z.object({ form: z.enum(RENEWAL_FORMS) }), z.object({ path }).nullable()),
  /** When renewal comes to whom; `at` is when it begins, null for now. Reads only. */
  'renewal.forecast': call(z.object({ at: z.number().nullable() }), renewalForecast),
  /** Saves the devices that are never or not surely renewed, as CSV. Null: cancelled. */
  'renewal.saveForecast': call(none, z.object({ path, devices: z.number() }).nullable()),

  /** What Fleet holds of the pairs that were chosen, and what would change. Reads only. */
  'assets.plan': call(pairChoice, assetsPlan),
  /** Writes them; `planId` is that of the plan that was shown, `confirmation` the name of the target database. */
  'assets.apply': call(
    z.object({
      choice: pairChoice,
      /** Then Fleet's API is given the push certificate, and no restart is needed. */
      upload: z.boolean(),
      rehearse: z.boolean(),
      confirmation: z.string().max(255),
      planId: z.string().max(200),
    }),
    assetsResult,
  ),
  /** Writes the environment file for a fresh Fleet (0600) where the operator says. Null: cancelled. */
  'assets.environment': call(z.object({ choice: pairChoice, withKey: z.boolean() }), z.object({ path }).nullable()),
  /** Paths of this workspace's journals of assets, newest first. */
  'assets.journals': call(none, z.array(z.string())),
  'assets.undo': call(
    z.object({ journal: path, rehearse: z.boolean(), confirmation: z.string().max(255) }),
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

  /** The profiles as they were compared last; null: not yet, or the source was read again since. */
  'controls.view': call(none, controlsView.nullable()),
  /** Compares the source’s profiles with Fleet’s of the team that is typed. Only reads. */
  'controls.compare': call(z.object({ history: z.boolean() }), none),
  /** Writes them as Fleet takes them (0600) into a folder that is asked for. Null: cancelled. */
  'controls.export': call(none, controlsExported.nullable()),
  /** Looks at what a removal would send. Only reads. */
  'controls.prepare': call(
    z.object({
      identifiers: z.array(z.string().max(500)).min(1).max(200),
      way: z.enum(['old-server', 'fleet']),
      choice: deviceChoice,
      accepted: z.array(z.string().max(60)).max(10),
    }),
    removalShown,
  ),
  /** Sends what was looked at; `confirmation` is the host it goes through. */
  'controls.remove': call(
    z.object({
      planId: z.string().max(64),
      confirmation: z.string().max(300),
      accepted: z.array(z.string().max(60)).max(10),
    }),
    commandsSent,
  ),
  /** Chooses a list of devices with the system’s dialog: UDIDs or serial numbers. Null: cancelled. */
  'commands.chooseList': call(none, deviceList.nullable()),
  /** What became of the commands of a journal. Asks the server that took them, once. */
  'commands.follow': call(z.object({ journal: path }), commandsFollowed),

  'agent.view': call(none, agentView),
  /** Asks Fleet which Macs have its agent. */
  'agent.look': call(none, none),
  /** Looks into a package; asks for the file. False: cancelled. */
  'agent.choosePackage': call(none, z.boolean()),
  /** The file that holds the enroll secret, for the command and the profile. False: cancelled. */
  'agent.chooseSecretFile': call(none, z.boolean()),
  'agent.ways': call(agentWish, agentWays),
  /** Writes the profile that carries Fleet’s address and the secret (0600). Null: cancelled. */
  'agent.saveProfile': call(z.object({ scripts: z.boolean() }), z.object({ path }).nullable()),
  'agent.saveManifest': call(none, z.object({ path }).nullable()),
  /** Looks at what an installation would send. Only reads. */
  'agent.prepare': call(z.object({ choice: deviceChoice }), rolloutShown),
  'agent.install': call(z.object({ planId: z.string().max(64), confirmation: z.string().max(300) }), commandsSent),

  /** What devices know of the old server, and which load balancers a configuration can be written for. */
  'cutover.view': call(none, cutoverView),
  /** Asks for the enrollment profile of a real device with the system's dialog; false when cancelled. */
  'cutover.chooseProfile': call(none, z.boolean()),
  'cutover.dropProfile': call(none, none),
  /** The load balancer's configuration from what is typed. */
  'cutover.config': call(none, redirectConfiguration),
  /** Writes it where the operator says. Null: cancelled. */
  'cutover.saveConfig': call(none, z.object({ path }).nullable()),
  'cutover.dns': call(none, dnsPlan),
  /** Asks the network, once. Nothing is asked without this call. */
  'cutover.probe': call(none, probeRound),

  /** Reads the ladder and its journal, and asks what leads devices; shown in the state. */
  'waves.look': call(none, none),
  'waves.saveLadder': call(z.object({ draft: ladderDraft, certificatesFirst: z.boolean() }), none),
  /** Looks at what a wave would do: the next one, or the one named. Only reads. */
  'waves.prepare': call(z.object({ rung: z.string().max(60).nullable() }), none),
  /** Forgets what was looked at. */
  'waves.leave': call(none, none),
  /** Moves what was looked at; `confirmation` is the name of the wave. */
  'waves.move': call(
    z.object({
      rung: z.string().max(60),
      planId: z.string().max(64),
      confirmation: z.string().max(60),
      copied: z.record(z.string().max(60), z.string().max(64)),
    }),
    none,
  ),
  /** What going back would do, and what it would not undo. Only reads. */
  'waves.prepareBack': call(z.object({ rung: z.string().max(60), strand: z.boolean() }), backPreview),
  'waves.back': call(
    z.object({
      rung: z.string().max(60),
      confirmation: z.string().max(60),
      copied: z.record(z.string().max(60), z.string().max(64)),
    }),
    z.object({ returned: z.number(), staying: z.number() }),
  ),
  /** Sets the routes again to what the waves left. */
  'waves.set': call(
    z.object({ confirmation: z.string().max(60), copied: z.record(z.string().max(60), z.string().max(64)) }),
    z.object({ total: z.number() }),
  ),
  'waves.wake': call(z.object({ rung: z.string().max(60), confirmation: z.string().max(60) }), waveWoken),
  /** HAProxy’s configuration for the waves, from what is typed here and at Cutover. */
  'waves.config': call(haproxyDraft, z.object({ text: z.string(), connections: z.number() })),
  /** Writes it where the operator says. Null: cancelled. */
  'waves.saveConfig': call(haproxyDraft, z.object({ path }).nullable()),

  /** The runbook, with this workspace's own column as it stands now. */
  'runbook.view': call(none, runbookView),
  'runbook.tick': call(
    z.object({ id: z.string().max(60), by: z.string().min(1).max(120), note: z.string().max(2000) }),
    none,
  ),
  'runbook.untick': call(z.object({ id: z.string().max(60) }), none),
  /** Takes the other column from another workspace's runbook; asks for the file. False: cancelled. */
  'runbook.takeOver': call(none, z.boolean()),
  /** Writes it as a page to print. Null: cancelled. */
  'runbook.save': call(none, z.object({ path }).nullable()),

  /** Begins to ask Fleet at an interval, until it is stopped or the workspace is closed. Reads only. */
  'watch.start': call(none, none),
  'watch.stop': call(none, none),
  /** Asks at once; everything, not only what changed. */
  'watch.now': call(none, none),
  'watch.series': call(none, watchSeries),
  /** Examines Fleet's tables for what will bite later. Remedies are told, never carried out. */
  'watch.health': call(none, healthReport),

  /** May the old server go, what must be kept alive, which devices are open: as it stands now. */
  'report.view': call(none, reportView),
  /** Puts a name to devices that stay behind. */
  'report.account': call(
    z.object({
      devices: z.array(z.string().max(1000)).min(1).max(200_000),
      by: z.string().min(1).max(120),
      note: z.string().min(1).max(2000),
    }),
    none,
  ),
  'report.withdraw': call(z.object({ device: z.string().max(1000) }), none),
  /** Takes a list of such devices in (CSV device,by,note); asks for the file. Null: cancelled. */
  'report.takeAccounts': call(none, z.object({ devices: z.number() }).nullable()),
  /** A verified backup of the old database, in a folder the operator chooses. Null: cancelled. */
  'report.backUp': call(none, backupFacts.nullable()),
  /** Writes the report into a new folder the operator names. Null: cancelled. */
  'report.write': call(none, reportWritten.nullable()),

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
