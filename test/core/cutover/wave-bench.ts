/**
 * A whole migration on loopback: simulated devices, an old server and a Fleet that verify and write as the real ones,
 * a real MySQL, and two real HAProxies in front, both with the configuration Slipway writes.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEngine, type EngineSettings } from '../../../src/core/cutover/engines';
import type { RouteEngine } from '../../../src/core/cutover/engines/engine';
import { haproxyWaves } from '../../../src/core/cutover/haproxy-waves';
import { makeLadder, saveLadder, wavesJournalOf, type Ladder, type Rung } from '../../../src/core/cutover/ladder';
import { openOldServer } from '../../../src/core/commands/old-server';
import { wakeThroughFleet, wakeThroughOldServer, WAKE_COMMAND, type WakePlan } from '../../../src/core/cutover/wake';
import { goBack, prepareBack, type BackPreview, type BackResult } from '../../../src/core/cutover/wave-back';
import { standingOf, readWaves, type WaveStanding } from '../../../src/core/cutover/wave-journal';
import {
  moveWave,
  prepareWave,
  type FreshSource,
  type MoveInput,
  type MoveResult,
  type PrepareInput,
  type WavePreview,
} from '../../../src/core/cutover/wave-move';
import { connectFleet, type FleetConnection } from '../../../src/core/fleet/connection';
import { readHosts } from '../../../src/core/fleet/hosts';
import { probeSchema } from '../../../src/core/fleet/probe';
import { freshFingerprints, type Fresh } from '../../../src/core/migration/drift';
import { formatPlan, type Plan } from '../../../src/core/migration/plan';
import { judge } from '../../../src/core/migration/verdict';
import { Secret } from '../../../src/core/secret';
import { copySource, parseSource, readSource } from '../../../src/core/sources';
import { DatabaseReader } from '../../../src/core/watch/database-reader';
import { judgeStatus, progressOf, type DeviceStatus, type WatchProgress } from '../../../src/core/watch/status';
import { each, makeIdentity, MdmDevice, MICROMDM_PATHS, NANOMDM_PATHS, type DeviceHome } from '../../mdm-device';
import { Random, rsaKey, writeMicroMdm, type DeviceSpec } from '../../micromdm-writer';
import { FleetMdm } from '../../servers/fleet-mdm';
import { freePort, Haproxy } from '../../servers/haproxy';
import { createDatabase, type FleetSchema, type TestDatabase } from '../../servers/mysql';
import { OldMdm } from '../../servers/old-mdm';
import { makeCertificate } from '../fleet/certificate';
import { SHORT, targetOf } from '../migration/fleet-bench';

export const TOPIC = 'com.apple.mgmt.External.5f0f3a0c-7d5a-4c1e-9a56-0123456789ab';
const DAY = 86_400_000;

export interface BenchOptions {
  readonly devices: number;
  readonly schema?: FleetSchema;
  /** Proxies in front. */
  readonly proxies?: number;
  /** Of the devices, how many Fleet has no host of. */
  readonly hostless?: number;
  /** Whose paths devices and proxies use. Of NanoMDM the bench writes no database: that is the test's. */
  readonly oldServer?: 'micromdm' | 'nanomdm';
}

/** What is the case at the old server about one device, beyond the usual. */
export type Oddity = Pick<DeviceSpec, 'commands' | 'certificate' | 'blocked'>;

export class WaveBench {
  readonly folder = mkdtempSync(join(tmpdir(), 'slipway-waves-'));
  readonly at = Date.now();
  readonly devices: MdmDevice[] = [];
  readonly proxies: Haproxy[] = [];
  readonly ports: number[] = [];
  readonly oddities = new Map<string, Oddity>();
  readonly #notAfter = new Map<string, number>();
  readonly #open = new Set<FleetConnection>();
  readonly caKey = rsaKey('scep ca');
  tlsCa = '';

  private constructor(
    readonly options: BenchOptions,
    readonly database: TestDatabase,
    readonly fleet: FleetMdm,
    readonly old: OldMdm,
  ) {}

  static async open(options: BenchOptions): Promise<WaveBench> {
    const database = await createDatabase(options.schema ?? 'generation-469');
    const paths = options.oldServer === 'nanomdm' ? NANOMDM_PATHS : MICROMDM_PATHS;
    const old = new OldMdm(rsaKey('scep ca'), paths);
    await old.listen();
    const bench = new WaveBench(options, database, await FleetMdm.listen(database, rsaKey('scep ca')), old);
    const random = new Random('waves');
    for (let number = 0; number < options.devices; number += 1) {
      const udid = number % 5 === 4 ? phoneUdid(random) : random.uuid().toUpperCase();
      const notAfter = bench.at + 200 * DAY + number * 60_000;
      bench.#notAfter.set(udid, notAfter);
      const device = new MdmDevice(
        udid,
        TOPIC,
        random.uuid(),
        random.hex(32),
        makeIdentity(`mac ${number}`, bench.caKey, notAfter),
        paths,
      );
      bench.devices.push(device);
      old.certificates.set(udid, device.identity.sha256);
    }
    await bench.#hosts(options.devices - (options.hostless ?? 0));
    await bench.#startProxies(options.proxies ?? 1);
    if (options.oldServer !== 'nanomdm') bench.writeSource();
    return bench;
  }

  async #hosts(count: number): Promise<void> {
    for (const [number, { udid }] of this.devices.slice(0, count).entries()) {
      const platform = udid.includes('-') && udid.length === 36 ? 'darwin' : 'ios';
      await this.database.query(
        'INSERT INTO hosts (osquery_host_id, node_key, orbit_node_key, uuid, hardware_serial, platform, hostname) VALUES (?, ?, ?, ?, ?, ?, ?)',
        [
          `host ${number}`,
          `node ${number}`,
          platform === 'darwin' ? `orbit ${number}` : null,
          udid,
          serialOf(number),
          platform,
          `mac-${number}`,
        ],
      );
    }
  }

  async #startProxies(count: number): Promise<void> {
    const own = makeCertificate({
      key: 'tls',
      subject: [{ shortName: 'CN', value: 'mdm.example.test' }],
      notAfter: this.at + DAY,
    });
    this.tlsCa = own.pem;
    for (let number = 0; number < count; number += 1) {
      const proxy = new Haproxy();
      const port = await freePort();
      writeFileSync(proxy.path('tls.pem'), own.pem + own.keyPem, { mode: 0o600 });
      writeFileSync(proxy.path('map'), '');
      const { text } = haproxyWaves({
        oldServer: this.options.oldServer ?? 'micromdm',
        oldHost: 'mdm.example.test',
        oldUrl: `http://127.0.0.1:${this.old.port}`,
        fleetUrl: `http://127.0.0.1:${this.fleet.port}`,
        port,
        bind: '127.0.0.1',
        files: { certificate: proxy.path('tls.pem') },
        map: proxy.path('map'),
        socket: proxy.socket,
        memory: 1_073_741_824,
      });
      await proxy.start(text);
      this.proxies.push(proxy);
      this.ports.push(port);
    }
  }

  get engineSettings(): EngineSettings {
    return {
      kind: 'haproxy',
      instances: this.proxies.map((proxy, number) => ({
        name: `lb${number + 1}`,
        map: proxy.path('map'),
        socket: proxy.socket,
        file: null,
        byHand: false,
      })),
    };
  }

  get engine(): RouteEngine {
    return openEngine(this.engineSettings);
  }

  /** Where devices call: the first proxy, or another. */
  home(proxy = 0): DeviceHome {
    return { host: '127.0.0.1', port: this.ports[proxy] ?? 0, ca: this.tlsCa, servername: 'mdm.example.test' };
  }

  device(udid: string): MdmDevice {
    const found = this.devices.find((one) => one.udid === udid);
    if (found === undefined) throw new Error(`no device ${udid}`);
    return found;
  }

  get sourcePath(): string {
    return join(this.folder, 'micromdm.db');
  }

  /** The old server's database as it is now. */
  writeSource(): void {
    const written = writeMicroMdm(this.sourcePath, {
      seed: 'waves',
      at: this.at,
      topic: TOPIC,
      extra: this.devices.map(({ udid, token, magic, identity }, number) => ({
        udid,
        serial: serialOf(number),
        name: `mac-${number}`,
        kind: udid.length === 36 ? ('mac' as const) : ('iphone' as const),
        lastSeen: this.at - 3_600_000 - number * 1_000,
        push: { token, magic },
        // Nothing that is made up: a device must stay the same whatever is written about the one before it.
        unlockToken: '',
        ...this.oddities.get(udid),
        certificate: { bytes: identity.der, ...(this.oddities.get(udid)?.certificate as object | undefined) },
      })),
    });
    this.fleet.ca = written.ca.der;
    this.fleet.topic = written.topic;
  }

  /** A device gets another certificate from the old server, as after its enrollment profile was sent again. */
  renewAtOldServer(device: MdmDevice): void {
    device.identity = makeIdentity('renewed', this.caKey, this.at + 300 * DAY);
    this.old.certificates.set(device.udid, device.identity.sha256);
    this.writeSource();
  }

  /** Fleet renews a device's certificate: another association, which the old server knows nothing of. */
  async renewAtFleet(device: MdmDevice): Promise<void> {
    device.identity = makeIdentity('renewed by Fleet', this.caKey, this.at + 365 * DAY);
    await this.database.query(
      'INSERT INTO nano_cert_auth_associations (id, sha256, cert_not_valid_after) VALUES (?, ?, NOW() + INTERVAL 365 DAY)',
      [device.udid, device.identity.sha256],
    );
  }

  async source(): Promise<FreshSource> {
    const reference = parseSource(`micromdm:${this.sourcePath}`);
    const copy = await copySource(reference, join(this.folder, 'copies'));
    const snapshot = await readSource(
      { ...reference, location: copy.path },
      { at: this.at, folder: this.folder, salvage: false },
    );
    return {
      snapshot,
      judgement: judge(snapshot, this.at),
      at: this.at,
      reference: `micromdm:${this.sourcePath}`,
      copy,
    };
  }

  async connect(purpose: 'read' | 'write' = 'write'): Promise<FleetConnection> {
    const connection = await connectFleet(targetOf(this.database), purpose);
    this.#open.add(connection);
    return connection;
  }

  async reading<T>(work: (connection: FleetConnection) => Promise<T>): Promise<T> {
    const connection = await this.connect('read');
    try {
      return await work(connection);
    } finally {
      await connection.close();
    }
  }

  get ladderPath(): string {
    return join(this.folder, 'ladder.json');
  }

  get waves(): string {
    return wavesJournalOf(this.ladderPath);
  }

  ladder(rungs: readonly Rung[], ends = this.at + 30 * DAY): Ladder {
    return makeLadder(
      { source: `micromdm:${this.sourcePath}`, engine: this.engineSettings, ends, rungs },
      { at: this.at, operator: 'ann', workstation: 'here', change: 'made' },
    );
  }

  async saved(ladder: Ladder): Promise<void> {
    await saveLadder(this.ladderPath, ladder);
  }

  async standing(): Promise<WaveStanding> {
    return standingOf((await readWaves(this.waves)).lines);
  }

  /** Who shall go to Fleet by the journal of a workspace. */
  async standingOf(workspace: string): Promise<ReadonlySet<string>> {
    return standingOf((await readWaves(wavesJournalOf(join(workspace, 'ladder.json')))).lines).fleet;
  }

  /** Each device's status as the watch judges it. */
  async statuses(): Promise<Map<string, DeviceStatus>> {
    return this.reading(async (connection) => {
      const { seenStorage } = await probeSchema(connection);
      const [tables] = [
        await connection.query<{ name: string }>(
          'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
        ),
      ];
      const reader = new DatabaseReader(
        { seenStorage, tables: new Set(tables.map(({ name }) => name)) },
        this.devices.map(({ udid }) => udid),
      );
      const { at } = await reader.read(connection);
      const found = new Map<string, DeviceStatus>();
      for (const { udid } of this.devices) {
        const row = reader.table.find(udid);
        const database = reader.table.evidence(row, reader.seenCopiedAt);
        found.set(udid, judgeStatus({ udid, platform: null, database, api: null, source: null, own: null }, at));
      }
      return found;
    });
  }

  async progress(udids: readonly string[]): Promise<WatchProgress> {
    return progressOf(await this.statuses(), udids);
  }

  async prepare(
    ladder: Ladder,
    more: Partial<PrepareInput> = {},
  ): Promise<{ preview: WavePreview; source: FreshSource }> {
    const source = more.source ?? (await this.source());
    const preview = await this.reading(async (connection) =>
      prepareWave({
        ladder,
        waves: this.waves,
        engine: more.engine ?? this.engine,
        source,
        connection,
        schema: await probeSchema(connection),
        accepted: new Set(['no-agent']),
        reason: 'a test',
        progress: (udids) => this.progress(udids),
        ...more,
      }),
    );
    return { preview, source };
  }

  /** The source as it is at this moment, as a command reads it once more before it writes. */
  fresh(plan: Plan): Promise<Fresh | null> {
    const reference = parseSource(`micromdm:${this.sourcePath}`);
    return freshFingerprints(plan, reference, { at: this.at, folder: this.folder, salvage: false }, [], 'no way out');
  }

  moveInput(prepared: { preview: WavePreview; source: FreshSource }, more: Partial<MoveInput> = {}): MoveInput {
    return {
      ...prepared,
      waves: this.waves,
      engine: this.engine,
      savePlan: (plan) => {
        const path = join(this.folder, `${plan.id.slice(0, 16)}.json`);
        writeFileSync(path, formatPlan(plan));
        return Promise.resolve(path);
      },
      apply: {
        connect: () => this.connect('write'),
        connectReader: () => this.connect('read'),
        probe: probeSchema,
        journalFolder: this.folder,
        patience: SHORT,
        accepted: ['no-agent'],
        reason: 'a test',
      },
      fresh: (plan) => this.fresh(plan),
      accepted: new Set(['no-agent']),
      reason: 'a test',
      tool: 'a test',
      engineName: 'haproxy',
      wake: {
        way: 'fleet',
        command: WAKE_COMMAND,
        send: async (plan: WakePlan) => {
          const byFleet = await wakeThroughFleet(
            { url: `http://127.0.0.1:${this.fleet.port}`, caFile: null },
            new Secret('token', this.fleet.token),
            plan.batches,
          );
          const byOld = await wakeThroughOldServer(
            openOldServer(
              'micromdm',
              { who: 'The old server', url: `http://127.0.0.1:${this.old.port}`, caFile: null, plainConfirmed: false },
              new Secret('API key', this.old.apiKey),
            ),
            plan.hostless,
          );
          return {
            sent: byFleet.sent + byOld.sent,
            commands: byFleet.commands,
            failed: [...byFleet.failed, ...byOld.failed],
          };
        },
      },
      hosts: async () => {
        const { snapshot } = prepared.source;
        return this.reading((connection) => readHosts(connection, snapshot.devices));
      },
      connectReader: () => this.connect('read'),
      ...more,
    };
  }

  /** Looks at the next wave and moves it; T of its devices is then moved an hour back, so that no contact is too early. */
  async next(
    ladder: Ladder,
    more: { prepare?: Partial<PrepareInput>; move?: Partial<MoveInput> } = {},
  ): Promise<MoveResult> {
    const prepared = await this.prepare(ladder, more.prepare);
    const result = await moveWave(this.moveInput(prepared, more.move));
    await this.age();
    return result;
  }

  async prepareBack(
    more: { rung?: string; accepted?: ReadonlySet<string>; udids?: ReadonlySet<string> } = {},
  ): Promise<BackPreview> {
    const { snapshot } = await this.source();
    return this.reading(async (connection) =>
      prepareBack({
        waves: this.waves,
        engine: this.engine,
        snapshot,
        connection,
        schema: await probeSchema(connection),
        accepted: new Set(),
        ...more,
      }),
    );
  }

  async back(more: { rung?: string; accepted?: ReadonlySet<string> } = {}): Promise<BackResult> {
    return goBack({
      preview: await this.prepareBack(more),
      waves: this.waves,
      engine: this.engine,
      accepted: more.accepted ?? new Set(),
      reason: null,
    });
  }

  /** Rows written in this same second count as no proof; an hour ago they do. Nothing else about them is touched. */
  async age(): Promise<void> {
    for (const table of ['nano_devices', 'nano_enrollments']) {
      await this.database.query(
        `UPDATE ${table} SET created_at = created_at - INTERVAL 1 HOUR, updated_at = updated_at WHERE created_at > NOW() - INTERVAL 30 MINUTE`,
      );
    }
  }

  /** All devices call in, spread over the proxies; where each arrived, by the servers' own logs. */
  async round(
    devices: readonly MdmDevice[] = this.devices,
  ): Promise<{ fleet: Set<string>; old: Set<string>; refused: string[] }> {
    this.fleet.heard.length = 0;
    this.old.heard.length = 0;
    await each(devices, (device) => device.poll(this.home(this.devices.indexOf(device) % this.ports.length)));
    return {
      fleet: new Set(this.fleet.heard.map(({ udid }) => udid)),
      old: new Set(this.old.heard.map(({ udid }) => udid)),
      refused: [...this.fleet.heard, ...this.old.heard].flatMap(({ udid, refused }) =>
        refused === null ? [] : [`${udid} ${refused}`],
      ),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await Promise.all([this.fleet.close(), this.old.close()]);
    for (const connection of this.#open) connection.destroy();
    await this.database.drop();
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true });
  }
}

export function serialOf(number: number): string {
  return `C02WAVE${String(number).padStart(4, '0')}`;
}

function phoneUdid(random: Random): string {
  return `00008110-${random.hex(8).toUpperCase()}`;
}
