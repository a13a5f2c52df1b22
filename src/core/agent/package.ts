/**
 * What a fleetd package is: which Fleet its agents call, with which enroll secret, and whether a Mac takes it from an MDM server.
 * Read out of the package itself (spec/fleet.md 6.1): the launch daemon’s environment and the secret’s file lie in its Payload.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { unreadable } from '../failure';
import { Secret } from '../secret';
import { asDictionary, readPropertyList, textOf } from '../sources/property-list';
import { Archive, type PackageSigner } from './archive';
import { searchPayload } from './payload';

const DAEMON = 'Library/LaunchDaemons/com.fleetdm.orbit.plist';
const SECRET = 'opt/orbit/secret.txt';
/** fleetctl writes it last of the three; without a CA of its own it is not there. */
const WANTED = new Set([DAEMON, SECRET]);
const MAX_INFO = 1024 * 1024;

/** What was read. */
export interface AgentPackage {
  readonly path: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Of 10 MiB each, in order, for a manifest. */
  readonly chunkSha256: readonly string[];
  readonly signer: PackageSigner | null;
  /** A distribution (product) archive, which is what InstallEnterpriseApplication takes. */
  readonly isDistribution: boolean;
  /** `com.fleetdm.orbit.base.pkg`; null when PackageInfo could not be read. */
  readonly identifier: string | null;
  readonly version: string | null;
  /** True when it holds fleetd’s launch daemon. */
  readonly isFleetd: boolean;
  readonly fleetUrl: string | null;
  readonly enrollSecret: Secret | null;
  /** URL and secret come from a profile (com.fleetdm.fleetd.config) on the Mac. */
  readonly usesProfile: boolean;
  readonly updateUrl: string | null;
  readonly updatesDisabled: boolean;
  readonly insecure: boolean;
  readonly desktop: boolean;
  readonly scripts: boolean;
  readonly ownCertificate: boolean;
  /** Why the payload could not be seen to its end; null when it was. */
  readonly unread: 'no-payload' | 'format' | 'damaged' | 'too-large' | null;
}

export const CHUNK = 10 * 1024 * 1024;

/**
 * Reads a package. Nothing is unpacked to disk.
 * @throws FailureError `package/unreadable`, `package/not-a-package`, `package/damaged`
 */
export async function inspectPackage(path: string): Promise<AgentPackage> {
  const archive = await Archive.open(path);
  try {
    const info = archive.toc.files.find(({ path: one }) => /^(?:[^/]+\.pkg\/)?PackageInfo$/.test(one));
    const infoText = info === undefined ? null : ((await archive.read(info, MAX_INFO))?.toString('utf8') ?? null);
    const payload = archive.toc.files.find(({ path: one }) => /^(?:[^/]+\.pkg\/)?Payload$/.test(one));
    const found = payload === undefined ? null : await searchPayload(archive, payload, WANTED);
    const environment = environmentOf(found?.files.get(DAEMON) ?? null);
    const secret = found?.files.get(SECRET)?.toString('utf8').trim() ?? '';
    const yes = (key: string): boolean => /^(?:true|1)$/i.test(environment?.get(key) ?? '');
    return {
      path,
      size: archive.size,
      ...(await hashesOf(path)),
      signer: archive.signer,
      isDistribution: archive.find('Distribution') !== null,
      identifier: attributeOf(infoText, 'identifier'),
      version: attributeOf(infoText, 'version'),
      isFleetd: environment !== null,
      fleetUrl: environment?.get('ORBIT_FLEET_URL') ?? null,
      enrollSecret: secret === '' ? null : new Secret('enroll secret', secret),
      usesProfile: yes('ORBIT_USE_SYSTEM_CONFIGURATION'),
      updateUrl: environment?.get('ORBIT_UPDATE_URL') ?? null,
      updatesDisabled: yes('ORBIT_DISABLE_UPDATES'),
      insecure: yes('ORBIT_INSECURE'),
      desktop: yes('ORBIT_FLEET_DESKTOP'),
      scripts: yes('ORBIT_ENABLE_SCRIPTS'),
      ownCertificate: environment?.has('ORBIT_FLEET_CERTIFICATE') ?? false,
      unread: found === null ? 'no-payload' : found.unfinished,
    };
  } finally {
    await archive.close();
  }
}

function environmentOf(daemon: Buffer | null): Map<string, string> | null {
  const root = daemon === null ? null : asDictionary(readPropertyList(daemon));
  const variables = root === null ? null : asDictionary(root['EnvironmentVariables']);
  if (variables === null) return null;
  return new Map(
    Object.keys(variables).flatMap((key) => {
      const value = textOf(variables, key);
      return value === null ? [] : [[key, value.slice(0, 2_000)] as const];
    }),
  );
}

/** An attribute of PackageInfo’s root element. */
function attributeOf(info: string | null, name: string): string | null {
  const element = info === null ? null : (/<pkg-info\b[^>]{0,4000}>/.exec(info)?.[0] ?? null);
  const value = element === null ? null : (new RegExp(`\\s${name}="([^"]{1,200})"`).exec(element)?.[1] ?? null);
  return value === null ? null : value.replace(/[^\x20-\x7e]/g, '?');
}

async function hashesOf(path: string): Promise<{ sha256: string; chunkSha256: string[] }> {
  const whole = createHash('sha256');
  const chunkSha256: string[] = [];
  let chunk = createHash('sha256');
  let inChunk = 0;
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
      whole.update(piece);
      for (let at = 0; at < piece.length;) {
        const part = piece.subarray(at, at + CHUNK - inChunk);
        chunk.update(part);
        at += part.length;
        inChunk += part.length;
        if (inChunk < CHUNK) continue;
        chunkSha256.push(chunk.digest('hex'));
        chunk = createHash('sha256');
        inChunk = 0;
      }
    }
  } catch (error) {
    return unreadable(
      'package/unreadable',
      `The package ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
      'Check the disk it lies on.',
    );
  }
  if (inChunk > 0) chunkSha256.push(chunk.digest('hex'));
  return { sha256: whole.digest('hex'), chunkSha256 };
}
