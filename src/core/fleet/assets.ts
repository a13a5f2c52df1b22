/**
 * Fleet's MDM assets: certificates, keys and the SCEP challenge, encrypted with the server's private key
 * (spec/fleet.md 2). Read and proven here; writing them is another matter.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readCertificate, type Certificate } from '../certificates/der';
import { readCertificateBytes } from '../certificates/pem';
import type { Failure, Result } from '../failure';
import { Secret } from '../secret';
import type { FleetConnection } from './connection';

/** One active row of mdm_config_assets: deletion_uuid empty, deleted_at NULL. */
export interface Asset {
  readonly name: string;
  /** nonce (12) || ciphertext || tag (16). Worthless without the server's private key. */
  readonly encrypted: Buffer;
  /** md5_checksum is the MD5 of the stored value, as Fleet's cache expects. */
  readonly checksumMatches: boolean;
  /** UTC, `YYYY-MM-DD hh:mm:ss`. */
  readonly createdAt: string;
}

export type Assets = ReadonlyMap<string, Asset>;

/** The assets Fleet needs before it calls MDM configured. */
export const MDM_ASSETS = ['ca_cert', 'ca_key', 'apns_cert', 'apns_key'] as const;

/** What is decrypted at most: the largest asset is a bundle of a few certificates. */
const MAX_BYTES = 1024 * 1024;

const READ = ['ca_cert', 'ca_key', 'apns_cert', 'apns_key', 'scep_challenge'];

/**
 * Reads the active rows of the assets a migration is about: ca_cert, ca_key, apns_cert, apns_key, scep_challenge.
 * A value larger than 1 MiB comes cut off and will not decrypt.
 */
export async function readAssets(connection: FleetConnection): Promise<Assets> {
  const rows = await connection.query<{ name: string; value: Buffer; size: number; md5: Buffer; created_at: string }>(
    `SELECT name, LEFT(value, ${MAX_BYTES}) AS value, LENGTH(value) AS size, md5_checksum AS md5, created_at FROM mdm_config_assets ` +
      `WHERE deletion_uuid = '' AND deleted_at IS NULL AND name IN (${READ.map(() => '?').join(', ')}) ORDER BY id`,
    READ,
  );
  return new Map(
    rows.map(({ name, value, size, md5, created_at: createdAt }) => [
      name,
      {
        name,
        encrypted: value,
        // Worked out here: MySQL 9.6 took its MD5() away.
        checksumMatches: value.length === size && createHash('md5').update(value).digest().equals(md5),
        createdAt,
      },
    ]),
  );
}

/** The AES key: the first 32 bytes of the private key's text, neither decoded nor derived. Null when it is shorter. */
function keyOf(privateKey: Secret): Buffer | null {
  const bytes = privateKey.reveal();
  return bytes.length < 32 ? null : bytes.subarray(0, 32);
}

function failure(code: string, message: string, remedy: string): { ok: false; failure: Failure } {
  return { ok: false, failure: { code, message, remedy, kind: 'finding' } };
}

const KEY_REMEDY = 'Give the value Fleet runs with (FLEET_SERVER_PRIVATE_KEY), exactly as it is, not decoded.';

/**
 * Decrypts an asset. Failures as values: `fleet/private-key-short` (Fleet would not start with it),
 * `fleet/private-key-wrong` (or the value is damaged: AES-GCM cannot tell), `fleet/asset-malformed`.
 */
export function decryptAsset(name: string, encrypted: Buffer, privateKey: Secret): Result<Secret> {
  const key = keyOf(privateKey);
  if (key === null) {
    return failure(
      'fleet/private-key-short',
      'The server private key is shorter than 32 bytes; Fleet itself would not start with it.',
      KEY_REMEDY,
    );
  }
  if (encrypted.length < 12 + 16) {
    return failure(
      'fleet/asset-malformed',
      `The asset ${name} in Fleet’s database is too short to be an encrypted value.`,
      'Restore the row from a backup, or replace the asset.',
    );
  }
  const decipher = createDecipheriv('aes-256-gcm', key, encrypted.subarray(0, 12), { authTagLength: 16 });
  decipher.setAuthTag(encrypted.subarray(encrypted.length - 16));
  try {
    const plain = Buffer.concat([decipher.update(encrypted.subarray(12, encrypted.length - 16)), decipher.final()]);
    return { ok: true, value: new Secret(name, plain) };
  } catch {
    return failure(
      'fleet/private-key-wrong',
      `The server private key does not open the asset ${name}: it is another key, or the value is damaged.`,
      KEY_REMEDY,
    );
  }
}

/**
 * Encrypts a value as Fleet stores it, with the MD5 Fleet keeps beside it (of the encrypted value).
 * The nonce is random; give one only in tests. Throws RangeError for a private key shorter than 32 bytes.
 */
export function encryptAsset(
  plain: Buffer | string,
  privateKey: Secret,
  nonce: Buffer = randomBytes(12),
): { value: Buffer; md5: Buffer } {
  const key = keyOf(privateKey);
  if (key === null || nonce.length !== 12) throw new RangeError('a key of 32 bytes and a nonce of 12 are needed');
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  const value = Buffer.concat([nonce, body, cipher.getAuthTag()]);
  return { value, md5: createHash('md5').update(value).digest() };
}

/** Whether the private key is the server's: `proven` by an asset it opens. */
export type KeyProof =
  | { readonly state: 'proven'; readonly by: string }
  | { readonly state: 'wrong'; readonly failure: Failure }
  /** There is nothing to try it on, or the assets disagree. */
  | { readonly state: 'unproven'; readonly why: string };

/**
 * Tries the private key on the assets, the SCEP challenge first: every server that was started with a private key has
 * one. Wrong only when it opens none of them; a single damaged asset beside one it opens is not the key's fault.
 */
export function provePrivateKey(assets: Assets, privateKey: Secret): KeyProof {
  let refusal: Failure | null = null;
  for (const name of ['scep_challenge', ...MDM_ASSETS]) {
    const asset = assets.get(name);
    if (asset === undefined) continue;
    const opened = decryptAsset(name, asset.encrypted, privateKey);
    if (opened.ok) return { state: 'proven', by: name };
    refusal ??= opened.failure;
  }
  if (refusal !== null) return { state: 'wrong', failure: refusal };
  return { state: 'unproven', why: 'Fleet’s database holds no asset yet that the key could be tried on' };
}

/** Who Fleet is to the devices: its SCEP CA and its push topic. */
export interface FleetIdentity {
  /** Null when the asset is missing or cannot be read. */
  readonly ca: IdentityCertificate | null;
  readonly push: (IdentityCertificate & { readonly topic: string | null }) | null;
  /** What could not be read, and why. */
  readonly failures: readonly Failure[];
}

export interface IdentityCertificate {
  /** Lower-case hex SHA-256 of the DER. */
  readonly sha256: string;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** Lower-case hex SHA-256 of the SubjectPublicKeyInfo: equal for a CA that was re-issued with the same key. */
  readonly keySha256: string;
  /** Lower-case hex SHA-256 of the subject's DER. */
  readonly subjectSha256: string;
}

/** Decrypts ca_cert and apns_cert and says what they are. The first certificate of the PEM counts, as in Fleet. */
export function readIdentity(assets: Assets, privateKey: Secret): FleetIdentity {
  const failures: Failure[] = [];
  const certificate = (name: string): Certificate | null => {
    const asset = assets.get(name);
    if (asset === undefined) return null;
    const opened = decryptAsset(name, asset.encrypted, privateKey);
    if (!opened.ok) {
      failures.push(opened.failure);
      return null;
    }
    const [der] = readCertificateBytes(opened.value.reveal());
    const read = der === undefined ? null : readCertificate(der);
    if (read === null) {
      failures.push(
        failure(
          'fleet/asset-malformed',
          `The asset ${name} decrypts, but holds no certificate.`,
          'Replace the asset; Fleet cannot serve devices with it.',
        ).failure,
      );
    }
    return read;
  };
  const ca = certificate('ca_cert');
  const push = certificate('apns_cert');
  return {
    ca: ca === null ? null : identityOf(ca),
    push: push === null ? null : { ...identityOf(push), topic: push.userId },
    failures,
  };
}

/** What is compared of a certificate. */
export function identityOf(certificate: Certificate): IdentityCertificate {
  const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  return {
    sha256: sha256(certificate.der),
    subject: certificate.subject,
    notAfter: certificate.notAfter,
    keySha256: sha256(certificate.spki),
    subjectSha256: sha256(certificate.subjectDer),
  };
}

/**
 * Whether devices with certificates of one CA are accepted under the other: same certificate, or re-issued for the
 * same subject and key (how a CA about to expire is extended).
 */
export function sameCa(one: IdentityCertificate, other: IdentityCertificate): 'same' | 'reissued' | 'different' {
  if (one.sha256 === other.sha256) return 'same';
  return one.keySha256 === other.keySha256 && one.subjectSha256 === other.subjectSha256 ? 'reissued' : 'different';
}
