/** What is probed, from what was typed. */
import { misused } from '../../failure';
import { knownPaths, type DeviceView } from '../device-view';
import { readServer, type DnsServer } from '../dns/dns-client';
import type { Place, ProbeSubject } from './probe';

/** How long one question may take, milliseconds. */
const TIMEOUT = 10_000;
const HTTPS = 443;

export interface ProbeWish {
  readonly view: DeviceView;
  /** Null: what the view has. */
  readonly host: string | null;
  readonly port: number | null;
  /** `ADDRESS` or `ADDRESS:PORT`; none: what DNS says. */
  readonly places: readonly string[];
  readonly resolvers: readonly string[];
  readonly instances: readonly string[];
  readonly fleetUrl: string | null;
  readonly fleetCaFile: string | null;
}

/** @throws usage/no-host, usage/address, cutover/paths-unknown */
export function probeSubject(wish: ProbeWish): Omit<ProbeSubject, 'at'> {
  const { view } = wish;
  const port = wish.port ?? view.port ?? HTTPS;
  return {
    host: hostFrom(wish.host, view),
    port,
    places: wish.places.length === 0 ? null : wish.places.map((text) => placeFrom(text, port)),
    oldServer: view.oldServer,
    paths: knownPaths(view),
    fleetUrl: wish.fleetUrl,
    instances: wish.instances,
    fleetCaFile: wish.fleetCaFile,
    caSha256: view.caSha256,
    anchors: view.anchors,
    resolvers: wish.resolvers.map(serverFrom),
    authoritativePort: 53,
    timeout: TIMEOUT,
  };
}

/** The name devices call: as given, else as source or profile have it. @throws usage/no-host */
export function hostFrom(given: string | null, view: DeviceView): string {
  const host = given ?? view.host;
  if (host === null)
    misused(
      'usage/no-host',
      'Which name devices call is not known.',
      'Give the name, or an enrollment profile of a real device.',
    );
  return host.trim().toLowerCase();
}

function placeFrom(text: string, port: number): Place {
  const server = serverFrom(text);
  // A bare address means the port devices call.
  return { address: server.address, port: /\]:\d+$|^[^:]+:\d+$/.test(text) ? server.port : port };
}

function serverFrom(text: string): DnsServer {
  return (
    readServer(text) ??
    misused(
      'usage/address',
      `«${text.slice(0, 80)}» is no address.`,
      'Write 192.0.2.10, 192.0.2.10:8443 or [2001:db8::1]:8443.',
    )
  );
}
