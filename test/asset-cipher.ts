/** Fleet's assets opened and closed straight from the spec (fleet.md 2.2), with nothing of the program's. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Nonce, ciphertext and tag of AES-256-GCM under the first 32 bytes of the private key. */
export function openAsset(stored: Buffer, privateKey: string): string {
  const key = Buffer.from(privateKey, 'utf8').subarray(0, 32);
  const decipher = createDecipheriv('aes-256-gcm', key, stored.subarray(0, 12));
  decipher.setAuthTag(stored.subarray(stored.length - 16));
  return Buffer.concat([decipher.update(stored.subarray(12, stored.length - 16)), decipher.final()]).toString('utf8');
}

/** Closes one the same way, as Fleet would. */
export function closeAsset(plain: string, privateKey: string): { value: Buffer; md5: Buffer } {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(privateKey, 'utf8').subarray(0, 32), nonce);
  const value = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { value, md5: createHash('md5').update(value).digest() };
}
