/**
 * NanoMDM's `file` store, which newer versions call deprecated (spec 6.3): a folder for each enrollment. What an enrollment is,
 * and what it is pushed by, stands in its TokenUpdate alone.
 */
import { readCertificateBytes } from '../../certificates/pem';
import type { Folder } from '../../folder';
import { FindingLog } from '../finding-log';
import { SHARED_IPAD_USER } from '../micromdm/push-info';
import { readTokenUpdate, type TokenUpdateFacts } from './check-in';
import { folderCommands } from './folder-commands';
import { FolderListing, someAtATime } from './folder-listing';
import { readDeviceFiles } from './device-files';
import {
  TYPE,
  type AssociationRecord,
  type DeviceRecord,
  type EnrollmentRecord,
  type PushCertificateRecord,
  type Store,
  type UserRecord,
  type WaitingRecord,
} from './store';

const QUEUES = /^[^/]+\/Queue/;

/** What an enrollment's folder turned out to be. */
interface Channel {
  readonly id: string;
  readonly deviceId: string;
  readonly type: string;
  /** Null when it never sent a TokenUpdate that can be read. */
  readonly update: TokenUpdateFacts | null;
}

export class FileStore implements Store {
  readonly findings = new FindingLog();
  readonly description = 'NanoMDM’s file store';
  readonly foldsCase = false;
  #channels: Promise<readonly Channel[]> | null = null;

  private constructor(
    private readonly folder: Folder,
    private readonly listing: FolderListing,
  ) {
    this.findings.add(
      'nanomdm-no-last-seen',
      'info',
      'This store does not keep when a device was last in contact, so which ones are still in use cannot be told.',
    );
  }

  static async open(folder: Folder): Promise<FileStore> {
    return new FileStore(folder, await FolderListing.of(folder, (path) => QUEUES.test(path)));
  }

  isUnchanged(): Promise<boolean> {
    return this.listing.isUnchanged();
  }

  async pushCertificates(): Promise<PushCertificateRecord[]> {
    const topics = [...this.listing.files.keys()].filter((path) => /^[^/]+\.pem$/.test(path));
    const found = await someAtATime(topics, async (path) => {
      const certificate = await this.listing.value(path);
      const stem = path.slice(0, -'.pem'.length);
      return certificate === null ? [] : [{ topic: stem, certificate, key: await this.listing.value(`${stem}.key`) }];
    });
    return found.flat();
  }

  async enrollments(): Promise<EnrollmentRecord[]> {
    const channels = await this.#all();
    return channels.flatMap(({ id, deviceId, type, update }) => {
      if (update === null) return [];
      const { topic, pushMagic, tokenHex } = update;
      const enabled = !this.listing.has(`${id}/Disabled`) && !this.listing.has(`${deviceId}/Disabled`);
      return [{ id, deviceId, type, topic, pushMagic, tokenHex, enabled, lastSeen: null }];
    });
  }

  async users(): Promise<UserRecord[]> {
    return (await this.#all())
      .filter(({ id, deviceId }) => id !== deviceId)
      .map(({ id, deviceId, update }) => ({
        id,
        deviceId,
        shortName: update?.shortName ?? null,
        longName: update?.longName ?? null,
      }));
  }

  /** The server asks the file beside the device; the common one is its log. */
  async associations(): Promise<AssociationRecord[]> {
    const found = await someAtATime(await this.#all(), async ({ id, deviceId }) => {
      const sha256 = id === deviceId ? await this.listing.text(`${id}/CertAuth.sha256.txt`) : null;
      return sha256 === null ? [] : [{ id, sha256: sha256.toLowerCase(), createdAt: null }];
    });
    return found.flat();
  }

  async *devices(): AsyncGenerator<DeviceRecord> {
    const all = (await this.#all()).filter(({ id, deviceId }) => id === deviceId);
    for (let at = 0; at < all.length; at += 1024)
      yield* await someAtATime(all.slice(at, at + 1024), ({ id }) => this.#device(id));
  }

  async waiting(): Promise<WaitingRecord[] | null> {
    return (await folderCommands(this.folder))?.waiting() ?? null;
  }

  #device(id: string): Promise<DeviceRecord> {
    const paths = {
      authenticate: `${id}/Authenticate.plist`,
      token_update: `${id}/TokenUpdate.plist`,
      identity_cert: `${id}/Identity.pem`,
      serial_number: `${id}/SerialNumber.txt`,
      unlock_token: `${id}/UnlockToken.dat`,
      bootstrap_token_b64: `${id}/BootstrapToken.dat`,
    };
    return readDeviceFiles(this.listing, id, paths, (pem) => readCertificateBytes(pem)[0] ?? null);
  }

  #all(): Promise<readonly Channel[]> {
    this.#channels ??= this.#read();
    return this.#channels;
  }

  async #read(): Promise<readonly Channel[]> {
    const ids = new Set([...this.listing.files.keys()].flatMap((path) => path.split('/').slice(0, -1).slice(0, 1)));
    return someAtATime([...ids], async (id) => {
      const message = await this.listing.value(`${id}/TokenUpdate.plist`);
      const update = message === null ? null : readTokenUpdate(message);
      return { ...this.#channelOf(id, update), id, update };
    });
  }

  /** By the identifiers inside the TokenUpdate: a folder without Authenticate is not surely a user's (spec 6.3). */
  #channelOf(id: string, update: TokenUpdateFacts | null): Pick<Channel, 'deviceId' | 'type'> {
    const parent = id.split(':', 1)[0] ?? id;
    if (update === null) {
      const isUser = id.includes(':') && !this.listing.has(`${id}/Authenticate.plist`);
      return isUser ? { deviceId: parent, type: TYPE.user } : { deviceId: id, type: TYPE.device };
    }
    const { udid, enrollmentId, userId, enrollmentUserId } = update;
    if (udid !== null) {
      if (userId === null) return { deviceId: id, type: TYPE.device };
      return { deviceId: parent, type: userId === SHARED_IPAD_USER ? TYPE.sharedIpad : TYPE.user };
    }
    if (enrollmentId !== null && enrollmentUserId !== null) return { deviceId: parent, type: TYPE.userEnrollment };
    return { deviceId: id, type: enrollmentId === null ? '' : TYPE.userEnrollmentDevice };
  }
}
