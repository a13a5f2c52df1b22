/**
 * The environment file for a fresh Fleet: at its start Fleet inserts each pair (APNs, SCEP CA) its database does not
 * have yet from these variables, and ignores those it has (spec/fleet.md 2.4).
 *
 * Values stand in single quotes over several lines: read alike by a POSIX shell (`set -a; . FILE`), by systemd's
 * EnvironmentFile= and by Compose's env_file; not by plain Docker's environment files, which know no quotes.
 */
import { misused } from '../failure';
import type { Secret } from '../secret';
import { PAIRS, type AssetMaterial, type PairName } from './material';

/** The variables of each pair that take PEM text. */
export const VARIABLES: Readonly<Record<PairName, { readonly cert: string; readonly key: string }>> = {
  push: { cert: 'FLEET_MDM_APPLE_APNS_CERT_BYTES', key: 'FLEET_MDM_APPLE_APNS_KEY_BYTES' },
  ca: { cert: 'FLEET_MDM_APPLE_SCEP_CERT_BYTES', key: 'FLEET_MDM_APPLE_SCEP_KEY_BYTES' },
};

/**
 * The text of the file. It is a secret.
 * @param privateKey Fleet's server private key; null leaves its line out. Throws `fleet/private-key-short` and
 *   `assets/private-key-unquotable`.
 */
export function environmentText(material: AssetMaterial, privateKey: Secret | null): string {
  const lines = [
    '# For one start of a Fleet that has no MDM assets yet. Made by slipway. Secret: delete it afterwards.',
    '# FLEET_MDM_APPLE_SCEP_CHALLENGE is left out on purpose: Fleet makes its own.',
  ];
  if (privateKey === null) lines.push('# FLEET_SERVER_PRIVATE_KEY must be set as well.');
  else lines.push(`FLEET_SERVER_PRIVATE_KEY='${quotable(privateKey)}'`);
  for (const name of ['push', 'ca'] as const) {
    const pair = material[name];
    if (pair === null) continue;
    lines.push(`${VARIABLES[name].cert}='${pair.certPem.trimEnd()}'`);
    lines.push(`${VARIABLES[name].key}='${pair.key.revealText().trimEnd()}'`);
  }
  return `${lines.join('\n')}\n`;
}

/** What the file holds, without a value: variable, row it becomes, hash and length of the text. */
export function environmentParts(
  material: AssetMaterial,
): { readonly variable: string; readonly asset: string; readonly pair: PairName }[] {
  return (['push', 'ca'] as const).flatMap((name) =>
    material[name] === null
      ? []
      : [
          { variable: VARIABLES[name].cert, asset: PAIRS[name].cert, pair: name },
          { variable: VARIABLES[name].key, asset: PAIRS[name].key, pair: name },
        ],
  );
}

function quotable(privateKey: Secret): string {
  if (privateKey.length < 32) {
    misused(
      'fleet/private-key-short',
      'The server private key is shorter than 32 bytes; Fleet itself would not start with it.',
      'Give the value Fleet runs with (FLEET_SERVER_PRIVATE_KEY), exactly as it is, not decoded.',
    );
  }
  const text = privateKey.revealText();
  if (/['\\\r\n]/.test(text)) {
    misused(
      'assets/private-key-unquotable',
      'The server private key holds a quote, a backslash or a line break, which not every reader of the file takes alike.',
      'Leave --private-key-file out and set FLEET_SERVER_PRIVATE_KEY the way you set it now.',
    );
  }
  return text;
}
