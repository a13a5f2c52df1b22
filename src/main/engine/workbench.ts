/**
 * What lies on the engine's bench: the source that was read, the plan that was made, the way to Fleet.
 *
 * Runs in the engine's thread. Each method is what a command of the command line does, over the same functions.
 */
import { existsSync } from 'node:fs';
import { misused, refused, FailureError } from '../../core/failure';
import { readDevices } from '../../core/fleet/device-rows';
import { judge, type JudgedDevice, type Judgement } from '../../core/migration/verdict';
import type { Plan } from '../../core/migration/plan';
import type { OnProgress } from '../../core/progress';
import { Secret } from '../../core/secret';
import { copySource, parseSource, printSource, readSource, type SourceReference } from '../../core/sources';
import type { ReadOptions, SshCredentials } from '../../core/sources/source-kind';
import type { Snapshot } from '../../core/sources/snapshot';
import { detailOf, type Comparison } from './device-detail';
import { DeviceIndex, type WatchView } from './device-index';
import { planByUdid, plannedOf, rowsOf } from './device-rows';
import { FleetLink } from './fleet-link';
import type { DeviceStory } from '../../contract/watch';
import type { EngineInput, EngineOutput, FleetAccess, JobControl, SourceAccess, SourceLogin } from './protocol';
import { SAMPLE_CLOCK, SampleFleet } from './sample-fleet';
import { summaryOf } from './source-summary';

/** What every method is told about the job it runs in. */
export interface Task {
  readonly control: JobControl;
  /** Tells progress, and throws `job/cancelled` once the job was cancelled: for work that changes nothing. */
  readonly onProgress: OnProgress;
  /** Only tells progress: what writes to Fleet stops by its own signal, between two transactions. */
  readonly report: OnProgress;
}

/** A source that was read, from its private copy. */
export interface OpenSource {
  readonly reference: SourceReference;
  readonly copy: { readonly path: string; readonly sha256: string };
  readonly snapshot: Snapshot;
  readonly judgement: Judgement;
  /** The clock it was judged by. */
  readonly at: number;
  readonly sample: boolean;
}

export interface OpenPlan {
  readonly path: string;
  readonly plan: Plan;
}

export class Workbench {
  readonly link = new FleetLink(() => this.sampleFleet());
  source: OpenSource | null = null;
  #plan: OpenPlan | null = null;
  #index: DeviceIndex | null = null;
  #judgedById: ReadonlyMap<string, JudgedDevice> | null = null;
  #plannedByUdid: ReturnType<typeof planByUdid> | null = null;
  #sample: SampleFleet | null = null;
  #watch: WatchView | null = null;

  get plan(): OpenPlan | null {
    return this.#plan;
  }

  set plan(plan: OpenPlan | null) {
    this.#plan = plan;
    this.#index = null;
    this.#plannedByUdid = null;
  }

  /**
   * Copies a source into the private folder and reads the copy: what is looked at, planned and written is one and the
   * same state. A copy that was made before is read again as it is.
   */
  async read(access: SourceAccess, task: Task): Promise<EngineOutput<'read'>> {
    const at = access.sample ? SAMPLE_CLOCK : Date.now();
    const reference = parseSource(access.reference);
    const onProgress = task.onProgress;
    const copy = access.copy ?? (await copySource(reference, access.copies, { ...readOptions(access), onProgress }));
    if (!existsSync(copy.path)) {
      refused('source/copy-missing', 'The private copy of the source is gone.', 'Read the source again.');
    }
    const snapshot = await readCopy(reference, copy.path, { at, salvage: access.salvage, onProgress });
    if (task.control.cancelled) cancelled();
    const judgement = judge(snapshot, at);
    onProgress({ label: 'preparing the list', done: 0, total: null });
    this.#sample = null;
    this.#judgedById = null;
    this.source = {
      reference,
      copy: { path: copy.path, sha256: copy.sha256 },
      snapshot,
      judgement,
      at,
      sample: access.sample,
    };
    this.plan = null;
    this.index();
    const summary = summaryOf(snapshot, judgement, {
      reference: printSource(reference),
      location: reference.location,
      readAt: Date.now(),
      sample: access.sample,
    });
    return { summary, copy: this.source.copy };
  }

  async forget(): Promise<null> {
    this.source = null;
    this.plan = null;
    this.#sample = null;
    this.#judgedById = null;
    await this.link.close();
    return null;
  }

  index(): DeviceIndex {
    const { judgement, snapshot } = this.requireSource();
    if (this.#index === null) {
      const several = snapshot.source.kind === 'several';
      this.#index = new DeviceIndex(rowsOf(judgement, this.#planOfSource(), several));
      this.#index.warm();
      this.#index.watch(this.#watch);
    }
    return this.#index;
  }

  /** Lays what is watched over the list of devices, or takes it away. */
  setWatch(view: WatchView | null): void {
    this.#watch = view;
    this.#index?.watch(view);
  }

  /** `storyOf`: what watching knows of a device; it may ask Fleet. */
  async detail(
    { id, accepted, fleet }: EngineInput<'detail'>,
    storyOf: (udid: string | null) => Promise<DeviceStory | null>,
  ): Promise<EngineOutput<'detail'>> {
    const { judgement, snapshot } = this.requireSource();
    this.#judgedById ??= new Map(judgement.devices.map((judged) => [judged.device.recordId, judged]));
    const judged = this.#judgedById.get(id);
    const row = this.index().row(id);
    if (judged === undefined || row === null) {
      return misused('devices/unknown', 'There is no such device in this reading.', 'Look for it in the list again.');
    }
    const comparison = await this.#compare(judged, snapshot.instant, fleet);
    return detailOf(judged, row, new Set(accepted), comparison, await storyOf(judged.device.udid));
  }

  requireSource(): OpenSource {
    return (
      this.source ?? refused('source/not-read', 'No source has been read yet.', 'Choose a source and read it first.')
    );
  }

  requirePlan(): OpenPlan {
    return this.#plan ?? refused('plan/none', 'There is no plan yet.', 'Make a plan first.');
  }

  /** The plan as far as it is about the source on the bench: another reading's devices are not its devices. */
  #planOfSource(): Plan | null {
    const plan = this.#plan?.plan ?? null;
    return plan !== null && plan.copy.sha256 === this.source?.copy.sha256 ? plan : null;
  }

  async #compare(judged: JudgedDevice, instant: number, fleet: FleetAccess | null): Promise<Comparison | null> {
    const plan = this.#planOfSource();
    if (plan === null) return null;
    this.#plannedByUdid ??= planByUdid(plan);
    const planned = plannedOf(this.#plannedByUdid, judged);
    if (planned === null) return null;
    const { generation, migrationId, columns, seenStorage, serialsTable } = plan.target;
    const schema = { generation, migrationId, columns, seenStorage, serialsTable };
    const known = { plan, planned, schema, instant };
    if (fleet === null) return { ...known, target: null };
    try {
      const target = await this.link.read(fleet, async ({ connection, schema: found }) => {
        const devices = await readDevices(connection, found, [planned.udid], { contacts: false });
        return devices.get(planned.udid) ?? null;
      });
      return { ...known, target };
    } catch (error) {
      // The drawer still shows what is known without Fleet; that it cannot be reached is told where one connects.
      if (error instanceof FailureError) return { ...known, target: null };
      throw error;
    }
  }

  /** The pretend Fleet of the sample; refuses for any other source. */
  sampleFleet(): SampleFleet {
    const { snapshot, judgement, sample } = this.requireSource();
    if (!sample) {
      refused('fleet/not-connected', 'No Fleet has been named yet.', 'Say where Fleet’s database is, and connect.');
    }
    this.#sample ??= new SampleFleet(snapshot, judgement);
    return this.#sample;
  }
}

/** Throws what a cancelled job ends with. */
export function cancelled(): never {
  refused('job/cancelled', 'Cancelled before it was done; nothing was changed.', 'Start it again when you like.');
}

/** The engine's read options from what main knows. */
export function readOptions(access: SourceAccess): Omit<ReadOptions, 'at' | 'folder'> {
  const { login, logins, salvage } = access;
  return {
    ...loginOptions(login),
    ...(logins.length === 0
      ? {}
      : { bySource: new Map(logins.map((one) => [one.reference, loginOptions(one.login)] as const)) }),
    salvage,
  };
}

function loginOptions(login: SourceLogin): Partial<ReadOptions> {
  const { apiKey, password, keyPassphrase, caFile, pinSha256, tls, plaintextConfirmed, ssh } = login;
  return {
    ...(apiKey === null ? {} : { apiKey: new Secret('API key', apiKey) }),
    ...(password === null ? {} : { password: new Secret('source password', password) }),
    ...(keyPassphrase === null ? {} : { keyPassphrase: new Secret('key passphrase', keyPassphrase) }),
    ...(caFile === null ? {} : { caFile }),
    ...(pinSha256 === null ? {} : { pinSha256 }),
    ...(tls === null ? {} : { tls }),
    plaintextConfirmed,
    ...(ssh === null ? {} : { ssh: sshOptions(ssh) }),
  };
}

function sshOptions(ssh: NonNullable<SourceLogin['ssh']>): SshCredentials {
  const { keyFile, keyPassphrase, password, agent, knownHosts, hostKey } = ssh;
  return {
    ...(password === null ? {} : { password: new Secret('SSH password', password) }),
    ...(keyFile === null ? {} : { keyFile }),
    ...(keyPassphrase === null ? {} : { keyPassphrase: new Secret('SSH key passphrase', keyPassphrase) }),
    ...(agent === null ? {} : { agent }),
    ...(knownHosts.length === 0 ? {} : { knownHosts }),
    ...(hostKey === null ? {} : { hostKey }),
  };
}

/** Reads a private copy: a plain file whatever the source was. */
export function readCopy(
  reference: SourceReference,
  path: string,
  options: Pick<ReadOptions, 'at' | 'salvage' | 'onProgress'>,
): Promise<Snapshot> {
  return readSource({ kind: reference.kind, transport: 'file', location: path }, options);
}
