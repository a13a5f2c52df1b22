/** mdm.UDIDCertAuth: the SHA-256 of the identity certificate each UDID is bound to (spec 4). */
import type { Stores } from './device-store';
import { BUCKET, type Reading } from './reading';

/** Takes every hash: lower-case hex SHA-256, or null where what is stored is not 32 bytes long. */
export function readCertAuth(reading: Reading, hashes: Stores['hashes']): void {
  if (!reading.has(BUCKET.certAuth))
    reading.findings.add(
      'cert-auth-bucket-missing',
      'error',
      'The database was last written by a MicroMDM older than 1.5: it holds no certificate hash of any device. Upgrade MicroMDM to 1.13.1 and wait until every device has been in contact once.',
    );
  reading.entries(BUCKET.certAuth, (entry) => {
    const { key, value } = entry;
    hashes.set(key.toString('utf8'), value.length === 32 ? value.toString('hex') : null, entry);
  });
}
