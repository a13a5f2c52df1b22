/** Apple Business Manager's server tokens: what may be said of them without their secrets. */
import type { Facts } from './item';

const MAX_BYTES = 65_536;

/**
 * Reads a decrypted token: JSON, with or without the MESSAGE lines and mail headers Apple puts around it.
 * @returns null when it is none.
 */
export function tokenFacts(content: Buffer): { readonly facts: Facts; readonly notAfter: number | null } | null {
  if (content.length > MAX_BYTES) return null;
  const text = content.toString('utf8');
  const begin = text.indexOf('{');
  const end = text.lastIndexOf('}');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.slice(begin, end + 1));
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null) return null;
  const { consumer_key: consumerKey, access_token_expiry: expiry } = parsed as Record<string, unknown>;
  if (typeof consumerKey !== 'string' || consumerKey === '') return null;
  const notAfter = typeof expiry === 'string' ? Date.parse(expiry) : NaN;
  return {
    facts: { consumerKeyPrefix: consumerKey.slice(0, 8) },
    notAfter: Number.isNaN(notAfter) ? null : notAfter,
  };
}
