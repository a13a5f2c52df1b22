/** mdm.DEPToken: Apple Business Manager's server tokens and the key pair made for them (spec 2.4). */
import { displayName } from '../../bolt';
import { readCertificate } from '../../certificates/der';
import { Secret } from '../../secret';
import { keyedCertificate } from '../keyed-certificate';
import type { AbmToken, KeyedCertificate } from '../snapshot';
import { BUCKET, type Reading } from './reading';

export interface AbmMaterial {
  readonly keyPair: KeyedCertificate | null;
  readonly tokens: readonly AbmToken[];
}

export function readAbm(reading: Reading): AbmMaterial {
  const { findings } = reading;
  const stored: { key: string; consumerKey: string; expiry: string | null; body: Secret }[] = [];
  let lastAdded: string | null = null;
  let certificate: Buffer | null = null;
  let privateKey: Buffer | null = null;
  reading.entries(BUCKET.depToken, ({ key, value }) => {
    const name = key.toString('utf8');
    if (name === 'last_added') lastAdded = value.toString('utf8').trim();
    else if (name === 'key') privateKey = Buffer.from(value);
    else if (name === 'certificate') certificate = Buffer.from(value);
    else if (!name.startsWith('CK_')) {
      findings.add(
        'dep-token-ignored',
        'info',
        `The ABM token entry ${displayName(key)} does not begin with CK_; MicroMDM ignores it, and so do we.`,
      );
    } else {
      const token = parseToken(value);
      if (!token) {
        reading.undecodable(BUCKET.depToken, key, { reason: 'not a token in JSON', offset: 0 });
        return;
      }
      stored.push({
        key: name,
        consumerKey: token.consumerKey ?? name,
        expiry: token.expiry,
        body: new Secret('ABM token', Buffer.from(value)),
      });
    }
  });
  if (stored.length > 1)
    findings.add(
      'several-dep-tokens',
      'info',
      `The source holds ${stored.length} Apple Business Manager tokens; the one added last is in use, the others are left-overs.`,
      stored.map(({ consumerKey }) => consumerKey),
    );
  const active = stored.find(({ consumerKey }) => consumerKey === lastAdded) ?? stored[0];
  const tokens = stored.map((token) => ({
    consumerKey: token.consumerKey,
    expiry: token.expiry,
    active: token === active,
    body: token.body,
  }));
  return { keyPair: readKeyPair(reading, certificate, privateKey), tokens };
}

function readKeyPair(reading: Reading, der: Buffer | null, key: Buffer | null): KeyedCertificate | null {
  if (der === null) return null;
  const certificate = readCertificate(der);
  if (!certificate) {
    reading.findings.add('abm-certificate-unreadable', 'warning', 'The certificate made for ABM cannot be read.');
    return null;
  }
  const { keyed, problem } = keyedCertificate(certificate, key, 'ABM key');
  if (problem) reading.findings.add('abm-key-unreadable', 'warning', problem);
  return keyed;
}

function parseToken(value: Buffer): { consumerKey: string | null; expiry: string | null } | null {
  let parsed: unknown;
  try {
    parsed = value.length <= 65_536 ? JSON.parse(value.toString('utf8')) : null;
  } catch {
    return null;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return null;
  const { consumer_key: consumerKey, access_token_expiry: expiry } = parsed as Record<string, unknown>;
  return {
    consumerKey: typeof consumerKey === 'string' && consumerKey !== '' ? consumerKey : null,
    expiry: typeof expiry === 'string' && expiry !== '' ? expiry : null,
  };
}
