/** What NanoMDM's two file stores keep of a device, in the same kinds of files under different names. */
import { readCertificate } from '../../certificates/der';
import type { FolderListing } from './folder-listing';
import { LARGEST_VALUE, type DeviceRecord } from './store';

/** Where the values of one device lie, by the names a database has for them. */
export interface DevicePaths {
  readonly authenticate: string;
  readonly token_update: string;
  readonly identity_cert: string;
  readonly serial_number: string;
  readonly unlock_token: string;
  readonly bootstrap_token_b64: string;
}

/**
 * Reads them. Values larger than {@link LARGEST_VALUE} are left out and named; of times there are none.
 * @param certificateOf the DER in an identity certificate's file; null when there is none in it
 */
export async function readDeviceFiles(
  listing: FolderListing,
  id: string,
  paths: DevicePaths,
  certificateOf: (file: Buffer) => Buffer | null,
): Promise<DeviceRecord> {
  const [authenticate, tokenUpdate, identity, serial, unlockToken, bootstrapToken] = await Promise.all([
    listing.value(paths.authenticate),
    listing.value(paths.token_update),
    listing.value(paths.identity_cert),
    listing.text(paths.serial_number),
    listing.value(paths.unlock_token),
    listing.value(paths.bootstrap_token_b64),
  ]);
  const found = identity === null ? null : certificateOf(identity);
  const certificate = found === null || readCertificate(found) === null ? null : found;
  return {
    id,
    serial,
    identityCertificate: certificate,
    authenticate,
    tokenUpdate,
    unlockToken: ifAny(unlockToken),
    // Cleared, it may stay as an empty file.
    bootstrapToken: ifAny(bootstrapToken),
    authenticatedAt: null,
    tokenUpdatedAt: null,
    unlockTokenAt: null,
    contactAt: null,
    oversized: Object.entries<string>({ ...paths })
      .filter(([, path]) => (listing.size(path) ?? 0) > LARGEST_VALUE)
      .map(([name]) => name),
    unreadable: identity !== null && certificate === null ? ['identity_cert'] : [],
  };
}

function ifAny(value: Buffer | null): Buffer | null {
  return value === null || value.length === 0 ? null : value;
}
