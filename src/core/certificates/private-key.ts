/** Private keys in every form they lie around in, encrypted or not. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { DerCursor, TAG } from './der';
import { decryptByPassword, encryptionName, passwordForms, type Opened, type WorkBudget } from './password-encryption';

/** How a private key is written down. */
export type KeyForm = 'pkcs1' | 'pkcs8' | 'sec1';

/** An opened private key. */
export interface OpenedKey {
  readonly key: KeyObject;
  readonly form: KeyForm;
}

/**
 * Opens an unencrypted private key: PKCS#1, PKCS#8 or SEC 1.
 * @returns null when the bytes are none of these.
 */
export function readPrivateKey(der: Buffer): OpenedKey | null {
  const shape = shapeOf(der);
  if (!shape) return null;
  for (const form of [shape, 'pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      const key = createPrivateKey({ key: der, format: 'der', type: form });
      // A key whose public half cannot be made is no use to anybody.
      spkiOf(key);
      return { key, form };
    } catch {
      // Not this form: the next one.
    }
  }
  return null;
}

/** True when the bytes look like a private key in DER, whether or not it can be opened. */
export function looksLikePrivateKey(der: Buffer): boolean {
  return shapeOf(der) !== null;
}

/** An encrypted PKCS#8 key, still shut. */
export interface EncryptedKey {
  readonly scheme: string;
  readonly weak: boolean;
  open(password: Buffer, work: WorkBudget): Promise<Opened<Buffer>>;
}

/**
 * EncryptedPrivateKeyInfo.
 * @returns null when the bytes are none.
 */
export function readEncryptedKey(der: Buffer): EncryptedKey | null {
  const top = new DerCursor(der, 0, der.length);
  if (!top.expect(TAG.sequence)) return null;
  const inner = top.inside();
  if (!inner.expect(TAG.sequence)) return null;
  const algorithm = der.subarray(inner.start, inner.end);
  if (!inner.expect(TAG.octetString) || inner.end !== top.end) return null;
  const ciphertext = der.subarray(inner.contentStart, inner.end);
  const { name, weak } = encryptionName(algorithm);
  return {
    scheme: name,
    weak,
    open: (password, work) => decryptByPassword(algorithm, ciphertext, passwordForms(password), work),
  };
}

/** The SubjectPublicKeyInfo of a private (or public) key. */
export function spkiOf(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return publicKey.export({ type: 'spki', format: 'der' });
}

/** INTEGER first, then what tells the three forms apart. */
function shapeOf(der: Buffer): KeyForm | null {
  const top = new DerCursor(der, 0, der.length);
  if (!top.expect(TAG.sequence)) return null;
  const inner = top.inside();
  if (!inner.expect(TAG.integer) || !inner.next()) return null;
  if (inner.tag === TAG.integer) return 'pkcs1';
  if (inner.tag === TAG.octetString) return 'sec1';
  return inner.tag === TAG.sequence && inner.expect(TAG.octetString) ? 'pkcs8' : null;
}
