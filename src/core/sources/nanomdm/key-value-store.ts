/**
 * NanoMDM's `filekv` store, its default (spec 6.3): a file for each value, in folders by bucket, named by enrollment id and
 * kind of value.
 */
import type { Folder } from '../../folder';
import { FindingLog } from '../finding-log';
import { readTokenUpdate } from './check-in';
import { folderCommands } from './folder-commands';
import { FolderListing, someAtATime } from './folder-listing';
import { readDeviceFiles } from './device-files';
import type {
  AssociationRecord,
  DeviceRecord,
  EnrollmentRecord,
  PushCertificateRecord,
  Store,
  UserRecord,
  WaitingRecord,
} from './store';

/** Files with this in their path change with every contact and say nothing that is moved. */
const RESTLESS = /^queue(\/|$)|\.last_seen_at$/;

const DEVICE_KEYS = ['auth', 'cert', 'serial', 'tok_upd', 'bstoken'] as const;

export class KeyValueStore implements Store {
  readonly findings = new FindingLog();
  readonly description = 'NanoMDM’s filekv store';
  readonly foldsCase = false;
  /** Enrollment id to path without the ending, by bucket. */
  readonly #keys: Readonly<
    Record<'devices' | 'users' | 'enrollments' | 'cert_auth' | 'push_cert', Map<string, string>>
  >;

  private constructor(
    private readonly folder: Folder,
    private readonly listing: FolderListing,
  ) {
    this.#keys = {
      devices: this.#ids('devices', DEVICE_KEYS),
      users: this.#ids('users', ['tok_upd', 'device_ch', 'user_auth']),
      enrollments: this.#ids('enrollments', ['type']),
      cert_auth: this.#ids('cert_auth', ['cert_hash']),
      push_cert: this.#ids('push_cert', ['pem']),
    };
  }

  static async open(folder: Folder): Promise<KeyValueStore> {
    return new KeyValueStore(folder, await FolderListing.of(folder, (path) => RESTLESS.test(path)));
  }

  isUnchanged(): Promise<boolean> {
    return this.listing.isUnchanged();
  }

  async pushCertificates(): Promise<PushCertificateRecord[]> {
    const found = await someAtATime([...this.#keys.push_cert], async ([topic, stem]) => {
      const certificate = await this.listing.value(`${stem}.pem`);
      return certificate === null ? [] : [{ topic, certificate, key: await this.listing.value(`${stem}.key`) }];
    });
    return found.flat();
  }

  async enrollments(): Promise<EnrollmentRecord[]> {
    const found = await someAtATime([...this.#keys.enrollments], async ([id, stem]) => {
      const [type, topic, magic, token, seen, deviceId] = await Promise.all([
        this.listing.text(`${stem}.type`),
        this.listing.text(`${stem}.topic`),
        this.listing.text(`${stem}.push_magic`),
        this.listing.value(`${stem}.token`),
        // Not in the listing: it is written at every contact.
        this.folder.read(`${stem}.last_seen_at`, 64),
        this.#deviceOf(id),
      ]);
      const enabled = !this.listing.has(`${stem}.disabled`);
      const channel = this.#keys.enrollments.get(deviceId);
      return {
        id,
        deviceId,
        type: type ?? '',
        topic: topic ?? '',
        pushMagic: magic ?? '',
        tokenHex: token?.toString('hex') ?? '',
        // The server forgets to disable a user channel with its device.
        enabled: enabled && (channel === undefined || !this.listing.has(`${channel}.disabled`)),
        lastSeen: microseconds(seen),
      };
    });
    return found;
  }

  users(): Promise<UserRecord[]> {
    return someAtATime([...this.#keys.users], async ([id, stem]) => {
      const message = await this.listing.value(`${stem}.tok_upd`);
      const facts = message === null ? null : readTokenUpdate(message);
      return {
        id,
        deviceId: await this.#deviceOf(id),
        shortName: facts?.shortName ?? null,
        longName: facts?.longName ?? null,
      };
    });
  }

  async associations(): Promise<AssociationRecord[]> {
    const found = await someAtATime([...this.#keys.cert_auth], async ([id, stem]) => {
      const sha256 = await this.listing.text(`${stem}.cert_hash`);
      return sha256 === null ? [] : [{ id, sha256: sha256.toLowerCase(), createdAt: null }];
    });
    return found.flat();
  }

  async *devices(): AsyncGenerator<DeviceRecord> {
    const all = [...this.#keys.devices];
    for (let at = 0; at < all.length; at += 1024)
      yield* await someAtATime(all.slice(at, at + 1024), ([id, stem]) => this.#device(id, stem));
  }

  async waiting(): Promise<WaitingRecord[] | null> {
    return (await folderCommands(this.folder))?.waiting() ?? null;
  }

  #device(id: string, stem: string): Promise<DeviceRecord> {
    const enrollment = this.#keys.enrollments.get(id) ?? stem.replace(/^devices\//, 'enrollments/');
    const paths = {
      authenticate: `${stem}.auth`,
      token_update: `${stem}.tok_upd`,
      identity_cert: `${stem}.cert`,
      serial_number: `${stem}.serial`,
      unlock_token: `${enrollment}.unl_tok`,
      bootstrap_token_b64: `${stem}.bstoken`,
    };
    return readDeviceFiles(this.listing, id, paths, (der) => der);
  }

  async #deviceOf(id: string): Promise<string> {
    const stem = this.#keys.users.get(id);
    const named = stem === undefined ? null : await this.listing.text(`${stem}.device_ch`);
    if (named !== null) return named;
    return this.#keys.devices.has(id) || !id.includes(':') ? id : (id.split(':', 1)[0] ?? id);
  }

  /** Which enrollments a bucket knows, by what it keeps of each. An id may hold dots, so the ending is taken from behind. */
  #ids(bucket: string, endings: readonly string[]): Map<string, string> {
    const found = new Map<string, string>();
    for (const path of this.listing.files.keys()) {
      if (!path.startsWith(`${bucket}/`)) continue;
      const ending = endings.find((one) => path.endsWith(`.${one}`));
      if (ending === undefined) continue;
      const stem = path.slice(0, -ending.length - 1);
      const id = stem.slice(stem.lastIndexOf('/') + 1);
      if (id !== '') found.set(id, stem);
    }
    return found;
  }
}

/** Decimal microseconds as nanoseconds; null for anything else. */
function microseconds(bytes: Buffer | null): bigint | null {
  const text = bytes?.toString('latin1').trim() ?? '';
  return /^\d{1,18}$/.test(text) ? BigInt(text) * 1000n : null;
}
