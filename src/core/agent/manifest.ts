/** The manifest by which an MDM server has a Mac install a package (Apple’s ManifestURL; spec/micromdm.md 5.6). */
import { misused } from '../failure';
import { writePropertyList } from '../profile/property-list-writer';
import type { PropertyListValue } from '../sources/property-list';
import { CHUNK, type AgentPackage } from './package';

/**
 * The manifest as a property list: the package’s address, SHA-256 of each 10 MiB, and what it is called.
 * @param url where the package itself is served: https, without a secret in it
 */
export function packageManifest(found: AgentPackage, url: string): string {
  requireHttps(url, 'package');
  return writePropertyList(manifestValue(found, url));
}

/** Throws `usage/url`, `usage/secret-in-url`. `what` completes "the address of the". */
export function requireHttps(text: string, what: string): URL {
  if (!URL.canParse(text))
    return misused('usage/url', `The address of the ${what} is not a URL.`, 'Write it as https://host/path.');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '')
    misused(
      'usage/secret-in-url',
      `The address of the ${what} holds a user or password; every Mac would get it.`,
      'Serve it without.',
    );
  // Macs refuse plain HTTP for it.
  if (url.protocol !== 'https:')
    misused(
      'usage/url',
      `The address of the ${what} is not https; Macs refuse it.`,
      'Serve it by https, with a certificate Macs trust.',
    );
  return url;
}

function manifestValue(found: AgentPackage, url: string): PropertyListValue {
  const identifier = found.identifier ?? 'com.fleetdm.orbit.base.pkg';
  const version = found.version ?? '1.0';
  return {
    items: [
      {
        assets: [
          {
            kind: 'software-package',
            'sha256-size': Math.min(CHUNK, found.size),
            sha256s: [...found.chunkSha256],
            url,
          },
        ],
        metadata: {
          'bundle-identifier': identifier,
          'bundle-version': version,
          items: [{ 'bundle-identifier': identifier, 'bundle-version': version }],
          kind: 'software',
          sizeInBytes: found.size,
          title: 'Fleet agent',
          subtitle: 'fleetd',
        },
      },
    ],
  };
}
