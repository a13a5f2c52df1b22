/** What the renewal profile is made from. What is really installed is known from devices only, so what they hold comes first. */
import { misused, refused } from '../failure';
import type { Snapshot } from '../sources/snapshot';
import { readInstalled, type Enrollment } from './enrollment';
import { microMdmTemplate } from './template';

/** Everything that may serve. */
export interface BaseInput {
  /** The profile the old server hands out, as the operator named it. */
  readonly from: Enrollment | null;
  readonly installed: readonly Enrollment[];
  readonly snapshot: Snapshot | null;
  /** The old server’s URL, for MicroMDM’s own template. */
  readonly serverUrl: string | null;
  /** PEM of the certificate given to `-tls-cert`, for MicroMDM’s own template. */
  readonly anchor: Buffer | null;
}

/**
 * What was named, else what is installed as a whole, else what the source hands out: stored, given with it, or made by
 * MicroMDM itself.
 * @throws FailureError `usage/no-base`, `usage/no-server-url`, `usage/anchor`, `profile/no-topic`, what {@link readInstalled} throws
 */
export function chooseBase({ from, installed, snapshot, serverUrl, anchor }: BaseInput): Enrollment {
  const kind = snapshot?.source.kind ?? null;
  if (kind === 'several' && from === null)
    return misused(
      'usage/no-base',
      'Several old servers have several enrollment profiles, and Fleet renews all devices with one.',
      'Name it (--from FILE), and give one from a device of each server (--installed FILE): it is told which it does not fit.',
    );
  const base = from ?? installed.find(({ form }) => form !== 'listing') ?? storedAt(snapshot);
  if (base !== null) {
    if (anchor !== null)
      misused(
        'usage/anchor',
        `A TLS certificate is added to MicroMDM’s own template only; this profile is made from ${base.name}.`,
        'Leave it out: the anchors of that profile are kept.',
      );
    return base;
  }
  if (snapshot === null)
    return misused(
      'usage/no-base',
      'Nothing to make the profile from.',
      'Name a source, the profile the old server hands out (--from FILE), or one from a device (--installed FILE).',
    );
  if (snapshot.source.kind !== 'micromdm')
    return misused(
      'usage/no-base',
      kind === 'nanomdm'
        ? 'NanoMDM holds no enrollment profile: only the file its devices enrolled with tells what they have.'
        : `A ${snapshot.source.kind} source does not hold its enrollment profile.`,
      'Give it with the source (--enrollment-profile FILE), name it here (--from FILE), or one from a device (--installed FILE).',
    );
  const topic = snapshot.push?.topic;
  if (topic == null)
    return refused(
      'profile/no-topic',
      'The source holds no push certificate with a topic.',
      'Name the profile the old server hands out (--from FILE), or one from a device (--installed FILE).',
    );
  if (serverUrl === null)
    return misused(
      'usage/no-server-url',
      'The source holds no enrollment profile, so its server’s URL is not known.',
      'Add --server-url URL as the server was started with.',
    );
  if (anchor !== null && !anchor.includes('-----BEGIN CERTIFICATE-----'))
    misused(
      'usage/anchor',
      'What was given as the TLS certificate is no PEM certificate.',
      'Name the file given to -tls-cert.',
    );
  return microMdmTemplate({ serverUrl, topic, anchor });
}

/** What the source hands out, where it keeps it or where the operator named it beside the source. */
function storedAt(snapshot: Snapshot | null): Enrollment | null {
  const body = snapshot?.enrollmentBody;
  if (snapshot === null || body === undefined) return null;
  const given = snapshot.source.kind !== 'micromdm';
  return readInstalled(body.reveal(), given ? 'the profile given with the source' : 'the profile stored at the source');
}
