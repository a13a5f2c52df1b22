/** What several checks look at, asked once: each question to the target at the first check that needs its answer. */
import { verifyIssuers, type IssuerProof } from '../../certificates/issuer';
import { readCertificate } from '../../certificates/der';
import { attempt, refused, type Failure, type Result } from '../../failure';
import { fetchPushCertificate } from '../../fleet/api';
import {
  identityOf,
  provePrivateKey,
  readAssets,
  readIdentity,
  type Assets,
  type FleetIdentity,
  type IdentityCertificate,
  type KeyProof,
} from '../../fleet/assets';
import type { FleetConnection } from '../../fleet/connection';
import { readHosts, type Hosts } from '../../fleet/hosts';
import type { FleetUrl } from '../../fleet/https-request';
import type { ProbedSchema } from '../../fleet/probe';
import { fetchScepCa } from '../../fleet/scep';
import type { Snapshot } from '../../sources/snapshot';
import { userChannelId } from '../rows';
import type { JudgedDevice, Judgement } from '../verdict';
import type { Acknowledgement, CheckContext } from './check';

/** Fleet's settings as JSON; every access tolerates that a key is missing or of another type. */
export class FleetSettings {
  constructor(private readonly root: Readonly<Record<string, unknown>>) {}

  /** The value at `mdm.macos_migration.enable`; undefined where the path ends early. */
  at(path: string): unknown {
    let value: unknown = this.root;
    for (const key of path.split('.')) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      value = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
    }
    return value;
  }
}

/** Fleet's JSON is some kilobytes; this bounds what a strange database makes us parse. */
const MAX_SETTINGS = 4 * 1024 * 1024;

export class Facts {
  readonly #once = new Map<string, Promise<unknown>>();

  constructor(readonly context: CheckContext) {}

  get snapshot(): Snapshot {
    return this.context.snapshot;
  }

  get judgement(): Judgement {
    return this.context.judgement;
  }

  get at(): number {
    return this.context.at;
  }

  /** For checks that declare the need `fleet`. */
  get connection(): FleetConnection {
    return this.#fleet().connection;
  }

  get schema(): ProbedSchema {
    return this.#fleet().schema;
  }

  answer(id: string): Acknowledgement | null {
    const answer = this.context.answers[id];
    return answer === undefined || answer.by.trim() === '' ? null : answer;
  }

  /** Devices that go in, or would when their cautions are accepted. */
  readonly entering = lazily(() => this.judgement.devices.filter((judged) => judged.verdict !== 'blocked'));

  /** UDIDs of devices that have one of these reasons. */
  withReason(...codes: readonly string[]): string[] {
    return this.judgement.devices
      .filter((judged) => judged.reasons.some((reason) => codes.includes(reason.code)))
      .map(nameOf);
  }

  /** The topic most entering devices listen on, and how many listen on it; null when none has one. */
  readonly devicesTopic = lazily(() => {
    const counts = new Map<string, number>();
    for (const { device } of this.entering()) {
      const topic = device.push?.topic ?? '';
      if (topic !== '') counts.set(topic, (counts.get(topic) ?? 0) + 1);
    }
    let most: { topic: string; count: number } | null = null;
    for (const [topic, count] of counts) if (most === null || count > most.count) most = { topic, count };
    return most;
  });

  /** Ids of all enrollments that go in: devices, and their user channels. */
  readonly enrollmentIds = lazily(() => {
    const ids: string[] = [];
    for (const { device, users } of this.entering()) {
      if (device.udid === null) continue;
      ids.push(device.udid);
      for (const user of users) ids.push(userChannelId(device.udid, user));
    }
    return ids;
  });

  /** The source's SCEP CA as it is compared with the target's. */
  readonly sourceCa = lazily((): IdentityCertificate | null => {
    const ca = this.snapshot.scepCa;
    const certificate = ca === null ? null : readCertificate(ca.der);
    return certificate === null ? null : identityOf(certificate);
  });

  issuers(): Promise<IssuerProof> {
    return this.#ask('issuers', () => verifyIssuers(this.snapshot));
  }

  hosts(): Promise<Hosts> {
    return this.#ask('hosts', () =>
      readHosts(
        this.connection,
        this.entering().map(({ device }) => ({ udid: device.udid, serial: device.serial })),
      ),
    );
  }

  assets(): Promise<Assets> {
    return this.#ask('assets', () => readAssets(this.connection));
  }

  /** Whether the given private key is Fleet's. Null without key or database. */
  keyProof(): Promise<KeyProof | null> {
    return this.#ask('key', async () => {
      const { privateKey, fleet } = this.context;
      return privateKey === undefined || fleet === undefined ? null : provePrivateKey(await this.assets(), privateKey);
    });
  }

  /** CA and push certificate out of Fleet's database. Null without key or database. */
  stored(): Promise<FleetIdentity | null> {
    return this.#ask('stored', async () => {
      const { privateKey, fleet } = this.context;
      return privateKey === undefined || fleet === undefined ? null : readIdentity(await this.assets(), privateKey);
    });
  }

  /** The SCEP CA Fleet serves over HTTPS. Null without an address. */
  served(): Promise<Result<IdentityCertificate> | null> {
    return this.#ask('served', async () => {
      const url = this.fleetUrl();
      if (url === null) return null;
      const answer = await attempt(() => fetchScepCa(url));
      if (!answer.ok) return answer;
      const [first] = answer.value;
      if (first === undefined) throw new Error('an empty answer of GetCACert is a failure');
      return { ok: true, value: first };
    });
  }

  /** The push topic Fleet's API names; value null when it has no push certificate or its name tells none. */
  apiTopic(): Promise<Result<string | null> | null> {
    return this.#ask('api-topic', async () => {
      const url = this.fleetUrl();
      const { fleetToken } = this.context;
      if (url === null || fleetToken === undefined) return null;
      return attempt(async () => (await fetchPushCertificate(url, fleetToken))?.topic ?? null);
    });
  }

  fleetUrl(): FleetUrl | null {
    const { fleetUrl, fleetCaFile } = this.context;
    return fleetUrl === undefined ? null : { url: fleetUrl, caFile: fleetCaFile ?? null };
  }

  /** Throws `fleet-settings-absent` and `fleet-settings-unreadable`. */
  settings(): Promise<FleetSettings> {
    return this.#ask('settings', async () => {
      const [row] = await this.connection.query<{ json: string | Buffer | null }>(
        `SELECT LEFT(json_value, ${MAX_SETTINGS}) AS json FROM app_config_json ORDER BY id LIMIT 1`,
      );
      if (row === undefined) {
        refused(
          'fleet-settings-absent',
          'Fleet’s settings (app_config_json) are empty: this Fleet has never been set up.',
          'Finish Fleet’s own setup first.',
        );
      }
      let value: unknown = null;
      try {
        value = JSON.parse(String(row.json ?? ''));
      } catch {
        // Told below: what it says instead is not ours to quote.
      }
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        refused(
          'fleet-settings-unreadable',
          'Fleet’s settings (app_config_json) are no JSON object.',
          'Look at Fleet’s log; it cannot run with such settings either.',
        );
      }
      return new FleetSettings(value as Record<string, unknown>);
    });
  }

  #fleet(): NonNullable<CheckContext['fleet']> {
    if (this.context.fleet === undefined) throw new Error('a check asked for the database without declaring its need');
    return this.context.fleet;
  }

  #ask<T>(name: string, work: () => Promise<T>): Promise<T> {
    const known = this.#once.get(name);
    if (known !== undefined) return known as Promise<T>;
    const asked = work();
    // Nobody may be waiting when it fails; whoever asks gets the failure.
    asked.catch(() => undefined);
    this.#once.set(name, asked);
    return asked;
  }
}

function lazily<T>(work: () => T): () => T {
  let known: { value: T } | null = null;
  return () => (known ??= { value: work() }).value;
}

/** How a device is named among the subjects of a check. */
export function nameOf(judged: JudgedDevice): string {
  return judged.device.udid ?? judged.device.serial ?? judged.device.recordId;
}

/** One line about a failure that kept something from being asked. */
export function whyOf(failure: Failure): string {
  return `${failure.message} (${failure.code})`;
}
