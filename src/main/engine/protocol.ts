/**
 * What main and the engine's thread say to each other: one table of methods, and the messages that carry them.
 *
 * Inputs may hold secrets (a password, an API key): they go one way only. Outputs are parsed by these schemas on
 * arrival, which strips whatever they do not name, so that nothing else ever reaches main, and through it the window.
 */
import { z } from 'zod';
import { calls } from '../../contract/calls';
import { assetsPlan, assetsResult, assetsUndone } from '../../contract/assets';
import { givenFiles, pushRequestMade, type GivenSlot, type PairChoice } from '../../contract/given-files';
import { cutoverView, dnsPlan, probeRound, redirectConfiguration, type CutoverSettings } from '../../contract/cutover';
import { backupFacts, reportView, reportWritten, type BackupShown } from '../../contract/report';
import {
  agentView,
  agentWays,
  commandsFollowed,
  commandsSent,
  controlsExported,
  controlsView,
  removalShown,
  rolloutShown,
  type AgentWish,
  type DeviceChoice,
} from '../../contract/controls';
import { inspection, itemDifference, type PartFormat } from '../../contract/inspection';
import { healthReport, watchLook, watchSeries } from '../../contract/watch';
import { renewalBench, renewalForecast, type ProfileSlot, type RenewalForm } from '../../contract/renewal';
import type { DeviceFilter, DeviceQuery } from '../../contract/devices';
import {
  applySummary,
  checkResult,
  fleetSummary,
  planSummary,
  sourceSummary,
  undoSummary,
  verifySummary,
} from '../../contract/state';
import {
  backPreview,
  ladderView,
  routesView,
  waveMoved,
  wavePreview,
  waveWoken,
  type HaproxyDraft,
  type LadderDraft,
} from '../../contract/waves';
import type { Failure } from '../../core/failure';
import type { Progress } from '../../core/progress';

/** What one source needs to be reached: secrets, and whom to trust. */
export interface SourceLogin {
  readonly apiKey: string | null;
  readonly password: string | null;
  readonly keyPassphrase: string | null;
  readonly caFile: string | null;
  readonly pinSha256: string | null;
  /** Null: what is usual for its address. */
  readonly tls: 'verify-identity' | 'verify-ca' | 'disabled' | null;
  readonly plaintextConfirmed: boolean;
  /** Null: nothing of it goes over SSH. */
  readonly ssh: {
    readonly keyFile: string | null;
    readonly keyPassphrase: string | null;
    readonly password: string | null;
    /** Path of the agent's socket. */
    readonly agent: string | null;
    readonly knownHosts: readonly string[];
    readonly hostKey: string | null;
  } | null;
}

/** How a source is read. With `copy` that private copy is read again instead of the source itself. */
export interface SourceAccess {
  readonly reference: string;
  /** Folder for private copies. */
  readonly copies: string;
  readonly copy: { readonly path: string; readonly sha256: string } | null;
  readonly login: SourceLogin;
  /** Of several sources each one's own, by its reference. */
  readonly logins: readonly { readonly reference: string; readonly login: SourceLogin }[];
  readonly salvage: boolean;
  readonly sample: boolean;
}

/** How Fleet's database is reached. `sample`: a pretend Fleet for the bundled sample, no server anywhere. */
export type FleetAccess =
  | {
      readonly kind: 'mysql';
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly database: string;
      readonly password: string | null;
      readonly tls: 'verify-identity' | 'verify-ca' | 'disabled';
      readonly caFile: string | null;
      readonly plaintextConfirmed: boolean;
    }
  | { readonly kind: 'sample' };

/** What the checks are given besides the source. */
export interface CheckAccess {
  readonly fleet: FleetAccess | null;
  readonly url: string | null;
  readonly urlCaFile: string | null;
  readonly token: string | null;
  readonly privateKey: string | null;
  readonly staging: boolean;
  readonly answers: Readonly<Record<string, { readonly by: string; readonly note: string }>>;
  readonly accepted: readonly string[];
}

/** What the switch is worked out from, besides the source. */
export interface CutoverAccess {
  readonly typed: CutoverSettings;
  readonly fleetUrl: string | null;
  readonly fleetCaFile: string | null;
}

/** What sending commands to devices needs: the old server's API, and Fleet's. */
export interface SendAccess {
  readonly oldUrl: string | null;
  readonly oldCaFile: string | null;
  readonly apiKey: string | null;
  readonly fleetUrl: string | null;
  readonly fleetCaFile: string | null;
  readonly token: string | null;
}

/** Where a workspace's ladder is, and what its engine and waking need. */
export interface WaveAccess {
  readonly ladder: string;
  readonly journals: string;
  readonly plans: string;
  readonly proxyToken: string | null;
  /** SHA-256 of map files carried by hand, by instance. */
  readonly copied: Readonly<Record<string, string>>;
  readonly wake: {
    readonly fleetUrl: string | null;
    readonly fleetCaFile: string | null;
    readonly token: string | null;
    readonly oldUrl: string | null;
    readonly oldCaFile: string | null;
    readonly apiKey: string | null;
  };
}

/** What a report is made of besides what lies on the bench. */
export interface ReportAccess {
  readonly title: string;
  readonly preparedBy: string;
  readonly badge: 'unset' | 'staging' | 'production';
  readonly tool: string;
  readonly owners: Readonly<Record<string, string>>;
  readonly redirects: { readonly by: string; readonly note: string } | null;
  readonly ownBackup: { readonly by: string; readonly note: string } | null;
  readonly renewal: { readonly by: string; readonly note: string } | null;
  readonly backup: BackupShown | null;
  readonly probes: { readonly at: number; readonly failed: readonly string[] } | null;
  readonly acknowledged: readonly { readonly code: string; readonly by: string; readonly note: string }[];
  /** Path of the list of devices that stay behind; it need not be there. */
  readonly accounts: string;
  readonly journalFolders: readonly string[];
  /** An enrollment profile of a device; empty for none. */
  readonly profile: string;
  /** The name devices call, as typed; empty: what the profile or the source say. */
  readonly host: string;
  readonly target: {
    readonly place: string;
    readonly generation: string;
    readonly migrationId: string | null;
    readonly fleetUrl: string | null;
  } | null;
  /** When Fleet was last asked about the devices; null: not in this session. */
  readonly lookedAt: number | null;
  /** The source was read again after the rows were written, and Fleet asked since. */
  readonly reread: boolean;
}

export interface EngineInputs {
  readonly read: SourceAccess;
  /** Lets go of everything: source, plan, connection. */
  readonly forget: null;
  readonly query: DeviceQuery;
  readonly detail: { readonly id: string; readonly accepted: readonly string[]; readonly fleet: FleetAccess | null };
  readonly udids: DeviceFilter;
  /** `ids`: of the matching only these; null for all. */
  readonly exportCsv: {
    readonly filter: DeviceFilter;
    readonly ids: readonly string[] | null;
    readonly path: string;
  };
  /** Lays out more files and tries one more password; with neither, all is inspected anew. */
  readonly inspect: { readonly add: readonly string[]; readonly password: string | null };
  readonly inspected: null;
  readonly clearInspection: null;
  readonly compareItems: { readonly a: number; readonly b: number };
  readonly exportItem: {
    readonly item: number;
    readonly format: PartFormat;
    readonly password: string | null;
    readonly withChain: boolean;
    readonly path: string;
  };
  readonly exportItems: { readonly format: 'csv' | 'json'; readonly path: string };
  readonly planAssets: {
    readonly fleet: FleetAccess;
    readonly privateKey: string | null;
    readonly accepted: readonly string[];
    readonly choice: PairChoice;
  };
  readonly applyAssets: {
    readonly fleet: FleetAccess;
    readonly privateKey: string | null;
    readonly accepted: readonly string[];
    readonly choice: PairChoice;
    /** Null: the push certificate is not uploaded through Fleet's API. */
    readonly upload: {
      readonly url: string | null;
      readonly caFile: string | null;
      readonly token: string | null;
    } | null;
    readonly planId: string;
    readonly rehearse: boolean;
    readonly reason: string | null;
    readonly journals: string;
    readonly tool: string;
  };
  readonly undoAssets: {
    readonly fleet: FleetAccess;
    readonly journal: string;
    readonly rehearse: boolean;
    readonly reason: string | null;
  };
  readonly writeEnvironment: {
    readonly choice: PairChoice;
    readonly path: string;
    /** Null: it cannot be looked whether the file would be ignored. */
    readonly fleet: FleetAccess | null;
    readonly privateKey: string | null;
    /** The file holds the server private key too. */
    readonly withKey: boolean;
  };
  readonly giveFiles: { readonly slot: GivenSlot; readonly add: readonly string[] };
  readonly givenFiles: null;
  readonly unlockGiven: { readonly password: string };
  readonly clearGiven: { readonly slot: GivenSlot };
  readonly extendCa: { readonly from: 'source' | 'files'; readonly years: number; readonly keepSerial: boolean };
  readonly saveExtendedCa: { readonly path: string };
  readonly assessPush: { readonly topic: string };
  readonly requestPush: {
    readonly folder: string;
    /** The key at hand, or a new one. */
    readonly key: 'own' | 'new';
    /** The request at hand is sent once more. */
    readonly keepRequest: boolean;
    readonly vendor: boolean;
    readonly topic: string;
    readonly commonName: string;
    readonly country: string;
    readonly email: string;
  };
  readonly checkPush: { readonly topic: string };
  readonly usePush: { readonly topic: string };
  readonly renewalBench: null;
  readonly giveProfiles: { readonly slot: ProfileSlot; readonly add: readonly string[] };
  readonly dropProfile: { readonly slot: ProfileSlot; readonly file: string | null };
  readonly makeRenewal: {
    readonly fleet: FleetAccess | null;
    readonly privateKey: string | null;
    /** Null: it is taken from Fleet's database. */
    readonly challenge: string | null;
    readonly serverUrl: string;
    readonly allowOldChallenge: boolean;
  };
  readonly saveRenewal: { readonly form: RenewalForm; readonly path: string };
  readonly forecastRenewals: { readonly fleet: FleetAccess | null; readonly at: number | null };
  readonly saveForecast: { readonly path: string };
  readonly certificate: { readonly host: string; readonly port: number; readonly caFile: string | null };
  readonly connect: { readonly fleet: FleetAccess };
  readonly disconnect: null;
  readonly check: CheckAccess;
  readonly plan: {
    readonly fleet: FleetAccess;
    readonly accepted: readonly string[];
    readonly reason: string | null;
    /** Folder the plan is written to. */
    readonly folder: string;
    readonly steps: readonly ('serials' | 'queue')[];
    /** Path of a team map. */
    readonly teamMap: string | null;
  };
  readonly openPlan: { readonly path: string };
  readonly sqlPage: {
    readonly offset: number;
    readonly limit: number;
    readonly search: string;
    readonly folder: string;
  };
  readonly saveSql: { readonly path: string; readonly undoPath: string | null };
  readonly apply: {
    readonly planPath: string;
    readonly rehearse: boolean;
    readonly source: SourceAccess;
    readonly check: CheckAccess & { readonly fleet: FleetAccess };
    readonly reason: string | null;
    readonly journals: string;
    readonly tool: string;
  };
  readonly verify: { readonly planPath: string; readonly fleet: FleetAccess; readonly accepted: readonly string[] };
  readonly undo: {
    readonly journal: string;
    readonly rehearse: boolean;
    readonly fleet: FleetAccess;
    readonly reason: string | null;
    /** What leads devices is asked: rows of those that go to Fleet are not taken back. */
    readonly waves: WaveAccess;
  };
  readonly wavesView: WaveAccess;
  readonly waveRoutes: WaveAccess;
  readonly saveLadder: {
    readonly access: WaveAccess;
    readonly draft: LadderDraft;
    readonly source: string;
    readonly certificatesFirst: boolean;
  };
  readonly prepareWave: {
    readonly access: WaveAccess;
    readonly source: SourceAccess;
    readonly fleet: FleetAccess;
    /** The next one, unless named. */
    readonly rung: string | null;
    readonly accepted: readonly string[];
    readonly reason: string | null;
    readonly teamMap: string | null;
  };
  readonly moveWave: {
    readonly access: WaveAccess;
    readonly source: SourceAccess;
    readonly check: CheckAccess & { readonly fleet: FleetAccess };
    /** Of the plan that was looked at. */
    readonly planId: string;
    readonly reason: string | null;
    readonly tool: string;
  };
  readonly prepareBack: {
    readonly access: WaveAccess;
    readonly source: SourceAccess;
    readonly fleet: FleetAccess;
    readonly rung: string;
    /** Also devices the old server would refuse. */
    readonly strand: boolean;
  };
  readonly goBack: { readonly access: WaveAccess; readonly rung: string; readonly reason: string | null };
  readonly setRoutes: WaveAccess;
  readonly wakeWave: { readonly access: WaveAccess; readonly fleet: FleetAccess; readonly rung: string };
  readonly saveWaveConfig: {
    /** Null: it is only shown. */
    readonly path: string | null;
    readonly typed: CutoverSettings;
    readonly fleetUrl: string | null;
    readonly draft: HaproxyDraft;
  };
  readonly controlsView: null;
  readonly compareControls: {
    readonly fleet: FleetAccess | null;
    readonly access: SendAccess;
    readonly team: string;
    readonly history: boolean;
    /** The source’s own store may be asked for what was sent. */
    readonly source: SourceAccess;
  };
  readonly exportControls: { readonly folder: string; readonly team: string | null };
  readonly prepareRemoval: {
    readonly access: SendAccess;
    readonly identifiers: readonly string[];
    readonly way: 'old-server' | 'fleet';
    readonly choice: DeviceChoice;
    /** Text of the list of devices that was chosen. */
    readonly list: string | null;
    readonly accepted: readonly string[];
  };
  readonly sendRemoval: {
    readonly access: SendAccess;
    readonly planId: string;
    readonly accepted: readonly string[];
    readonly reason: string | null;
    readonly journals: string;
    readonly tool: string;
  };
  /** How many devices of the source a list names. */
  readonly countList: { readonly list: string };
  readonly followCommands: { readonly access: SendAccess; readonly journal: string; readonly source: SourceAccess };
  readonly agentView: { readonly secretFile: string | null };
  readonly lookForAgent: { readonly fleet: FleetAccess };
  readonly inspectPackage: {
    readonly path: string;
    readonly fleet: FleetAccess | null;
    readonly fleetUrl: string | null;
    readonly team: string;
  };
  readonly agentWays: {
    readonly wish: AgentWish;
    readonly fleet: FleetAccess | null;
    readonly fleetUrl: string | null;
    readonly fleetCaFile: string | null;
    readonly team: string;
    readonly secretFile: string | null;
  };
  readonly saveAgentProfile: {
    readonly path: string;
    readonly fleetUrl: string | null;
    readonly secretFile: string | null;
    readonly scripts: boolean;
  };
  readonly saveManifest: { readonly path: string; readonly url: string };
  readonly prepareRollout: {
    readonly access: SendAccess;
    readonly manifestUrl: string;
    readonly choice: DeviceChoice;
    readonly list: string | null;
  };
  readonly sendRollout: {
    readonly access: SendAccess;
    readonly planId: string;
    readonly reason: string | null;
    readonly journals: string;
    readonly tool: string;
  };
  readonly cutoverView: CutoverAccess;
  readonly cutoverConfig: CutoverAccess;
  readonly saveCutover: CutoverAccess & { readonly path: string };
  readonly cutoverDns: CutoverAccess;
  readonly probe: CutoverAccess;
  /** One look at Fleet, through its database, or through its API where no database is named. */
  readonly poll: {
    readonly fleet: FleetAccess | null;
    readonly url: string | null;
    readonly urlCaFile: string | null;
    readonly token: string | null;
    readonly privateKey: string | null;
    /** Everything is read, not only what may have changed. */
    readonly full: boolean;
    /** Seconds. */
    readonly interval: number;
    readonly staleDays: number;
    readonly silentDays: number;
    /** Folder of the journals of applies; the journal of the waves; the record of the progress. */
    readonly journals: string;
    readonly waves: string;
    readonly series: string;
  };
  readonly stopWatching: null;
  readonly watchSeries: { readonly path: string };
  readonly health: { readonly fleet: FleetAccess };
  readonly reportView: ReportAccess;
  readonly writeReport: ReportAccess & { readonly folder: string };
  readonly addToReport: { readonly folder: string; readonly name: string; readonly bytes: Uint8Array };
  readonly backUp: { readonly source: SourceAccess; readonly folder: string };
  readonly journals: { readonly folder: string };
  readonly journalPage: { readonly path: string; readonly offset: number; readonly limit: number };
}

const copy = z.object({ path: z.string(), sha256: z.string() });
const checks = z.array(checkResult);
const nothing = z.null();
/** A plan, and the fingerprint of the source it was made from: by it main tells whether it is stale. */
const plan = z.object({ summary: planSummary, fingerprint: z.string() });

/** What each method gives back. */
export const engineOutputs = {
  read: z.object({ summary: sourceSummary, copy }),
  forget: nothing,
  query: calls['devices.query'].output,
  detail: calls['devices.detail'].output,
  udids: calls['devices.udids'].output,
  exportCsv: z.object({ devices: z.number() }),
  inspect: inspection.nullable(),
  inspected: inspection.nullable(),
  clearInspection: nothing,
  compareItems: z.array(itemDifference),
  exportItem: nothing,
  exportItems: z.object({ items: z.number() }),
  planAssets: assetsPlan,
  applyAssets: assetsResult,
  undoAssets: assetsUndone,
  writeEnvironment: nothing,
  giveFiles: givenFiles,
  givenFiles,
  unlockGiven: givenFiles,
  clearGiven: givenFiles,
  extendCa: calls['ca.extend'].output,
  saveExtendedCa: nothing,
  assessPush: calls['push.assess'].output,
  requestPush: pushRequestMade,
  checkPush: calls['push.check'].output,
  usePush: nothing,
  renewalBench,
  giveProfiles: renewalBench,
  dropProfile: renewalBench,
  makeRenewal: renewalBench,
  saveRenewal: nothing,
  forecastRenewals: renewalForecast,
  saveForecast: z.object({ devices: z.number() }),
  certificate: calls['fleet.certificate'].output,
  connect: fleetSummary,
  disconnect: nothing,
  check: checks,
  plan,
  openPlan: plan,
  sqlPage: calls['plan.sql'].output,
  saveSql: z.object({ devices: z.number() }),
  /** `applied` is null when the checks, which are run again just before, hold it up. */
  apply: z.object({ checks, applied: applySummary.nullable(), verified: verifySummary.nullable() }),
  verify: verifySummary,
  undo: undoSummary,
  wavesView: ladderView.nullable(),
  waveRoutes: routesView.nullable(),
  saveLadder: ladderView,
  prepareWave: wavePreview,
  moveWave: z.object({ checks, moved: waveMoved.nullable(), applied: z.string().nullable() }),
  prepareBack: backPreview,
  goBack: z.object({ returned: z.number(), staying: z.number() }),
  setRoutes: z.object({ total: z.number() }),
  wakeWave: waveWoken,
  saveWaveConfig: z.object({ text: z.string(), connections: z.number() }),
  controlsView: controlsView.nullable(),
  compareControls: nothing,
  exportControls: controlsExported,
  prepareRemoval: removalShown,
  sendRemoval: commandsSent,
  countList: z.object({ devices: z.number() }),
  followCommands: commandsFollowed,
  agentView,
  lookForAgent: z.object({ at: z.number(), without: z.number() }),
  inspectPackage: nothing,
  agentWays,
  saveAgentProfile: nothing,
  saveManifest: nothing,
  prepareRollout: rolloutShown,
  sendRollout: commandsSent,
  cutoverView,
  cutoverConfig: redirectConfiguration,
  saveCutover: nothing,
  cutoverDns: dnsPlan,
  probe: probeRound,
  poll: watchLook,
  stopWatching: nothing,
  watchSeries,
  health: healthReport,
  reportView,
  writeReport: z.object({ files: reportWritten.shape.files, html: z.string() }),
  addToReport: z.object({ name: z.string(), sha256: z.string(), size: z.number() }),
  backUp: backupFacts,
  journals: calls['journal.list'].output,
  journalPage: calls['journal.read'].output,
} as const satisfies Record<keyof EngineInputs, z.ZodType>;

export type EngineMethod = keyof EngineInputs;
export type EngineInput<M extends EngineMethod> = EngineInputs[M];
export type EngineOutput<M extends EngineMethod> = z.infer<(typeof engineOutputs)[M]>;

/** To the engine's thread. */
export interface EngineRequest {
  readonly id: number;
  readonly method: EngineMethod;
  readonly input: unknown;
  /** See {@link JobControl}. */
  readonly control: SharedArrayBuffer;
}

/** From the engine's thread. `defect` carries where it happened, never a message that might quote a value. */
export type EngineReply =
  | { readonly id: number; readonly kind: 'progress'; readonly progress: Progress }
  | { readonly id: number; readonly kind: 'done'; readonly value: unknown }
  | { readonly id: number; readonly kind: 'failed'; readonly failure: Failure }
  | { readonly id: number; readonly kind: 'defect'; readonly trace: string };

const CANCEL = 0;
const PAUSE = 1;

/**
 * Pause and cancel in shared memory. Reading a file is synchronous for seconds: a message would only be heard once
 * it is over, a flag is seen at the next report of progress.
 */
export class JobControl {
  readonly #flags: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#flags = new Int32Array(memory);
  }

  get cancelled(): boolean {
    return Atomics.load(this.#flags, CANCEL) !== 0;
  }

  get paused(): boolean {
    return Atomics.load(this.#flags, PAUSE) !== 0;
  }

  cancel(): void {
    Atomics.store(this.#flags, CANCEL, 1);
  }

  pause(paused: boolean): void {
    Atomics.store(this.#flags, PAUSE, paused ? 1 : 0);
  }
}
