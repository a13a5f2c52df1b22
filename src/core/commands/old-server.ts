/** The old servers whose API is known: one file and one line each. */
import { misused } from '../failure';
import type { Secret } from '../secret';
import { MicroMdmServer } from './micromdm-server';
import { NanoMdmServer } from './nanomdm-server';
import type { OldServer, OldServerKind } from './old-server-api';
import type { WebPlace } from './web-call';

export type { OldServer, OldServerCommand } from './old-server-api';

const SERVERS: Readonly<Record<OldServerKind, new (place: WebPlace, apiKey: Secret) => OldServer>> = {
  micromdm: MicroMdmServer,
  nanomdm: NanoMdmServer,
};

export const OLD_SERVER_KINDS = Object.keys(SERVERS) as OldServerKind[];

/** The API of a server of that kind. Asks nobody yet. */
export function openOldServer(kind: OldServerKind, place: WebPlace, apiKey: Secret): OldServer {
  return new SERVERS[kind](place, apiKey);
}

/**
 * Which API the server behind a source has: what was said, else what the source's kind is.
 * @param said by name; null when nothing was said
 * @param sourceKind null where no source is known: then it is MicroMDM, as before there were others
 * @throws FailureError `usage/old-server-kind`
 */
export function oldServerKindOf(said: string | null, sourceKind: string | null): OldServerKind {
  const name = said ?? sourceKind ?? 'micromdm';
  const kind = OLD_SERVER_KINDS.find((known) => known === name);
  if (kind !== undefined) return kind;
  return misused(
    'usage/old-server-kind',
    said !== null
      ? `No API of an old server called «${said.slice(0, 40)}» is known.`
      : name === 'several'
        ? 'Several sources have several old servers; which one shall be asked is not said.'
        : `A ${name} source does not say what kind of server its devices are enrolled at.`,
    name === 'several'
      ? 'Do this for one source after the other.'
      : `Add --old-server with one of: ${OLD_SERVER_KINDS.join(', ')}.`,
  );
}
