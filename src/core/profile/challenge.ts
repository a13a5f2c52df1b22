/** Fleet's SCEP challenge, from where Fleet itself takes it (spec/fleet.md 3.5): the asset `scep_challenge`. */
import { FailureError, refused } from '../failure';
import { decryptAsset, readAssets } from '../fleet/assets';
import type { FleetConnection } from '../fleet/connection';
import { Secret } from '../secret';

/**
 * Reads and decrypts the challenge.
 * @throws FailureError `profile/no-fleet-challenge` when Fleet has none yet; `fleet/private-key-wrong` and the like
 */
export async function readChallenge(connection: FleetConnection, privateKey: Secret): Promise<Secret> {
  const asset = (await readAssets(connection)).get('scep_challenge');
  if (asset === undefined)
    return refused(
      'profile/no-fleet-challenge',
      'Fleet’s database holds no SCEP challenge yet.',
      'Start Fleet once with its server private key: it makes one.',
    );
  const opened = decryptAsset('scep_challenge', asset.encrypted, privateKey);
  if (!opened.ok) throw new FailureError(opened.failure);
  return new Secret('SCEP challenge', opened.value.reveal());
}
