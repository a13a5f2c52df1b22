/**
 * Where each path of the old name goes once devices belong to Fleet: one table, which every load balancer's
 * configuration is written from (spec/fleet.md 4).
 *
 * Names and paths end up in seven configuration languages. Nothing is escaped: what could mean something in one of
 * them is refused here.
 */
import { misused } from '../../failure';

/** `cutover`: the old server still runs beside Fleet. `retired`: it is gone, and only its name lives on. */
export type Phase = 'cutover' | 'retired';
export const PHASES = ['cutover', 'retired'] as const satisfies Phase[];

/** `rewrite`: the balancer passes requests on under another path. `redirect`: it answers 307 and the device calls again. */
export type RedirectMode = 'rewrite' | 'redirect';
export const MODES = ['rewrite', 'redirect'] as const satisfies RedirectMode[];

/** Paths devices call at the old server, as their enrollment profile has them. */
export interface DevicePaths {
  /** Where commands are asked for. */
  readonly connect: string;
  /** Where devices check in; for NanoMDM often the same. */
  readonly checkIn: string;
  /** Null where devices get their certificates under another name: then nothing of it leads through here. */
  readonly scep: string | null;
}

/** What each kind of source uses unless its enrollment profile says otherwise (spec/micromdm.md 5.2 and 6). */
export const DEVICE_PATHS = {
  micromdm: { connect: '/mdm/connect', checkIn: '/mdm/checkin', scep: '/scep' },
  nanomdm: { connect: '/mdm', checkIn: '/checkin', scep: '/scep' },
  /** A server that is not known here: its paths come from its enrollment profile, and from nowhere else. */
  other: { connect: '/mdm', checkIn: '/mdm', scep: null },
} as const satisfies Record<string, DevicePaths>;
export type OldServer = keyof typeof DEVICE_PATHS;

/** A server behind the balancer. */
export interface Backend {
  readonly secure: boolean;
  /** A host name or IPv4 address. */
  readonly host: string;
  readonly port: number;
  /** The path its own paths begin with: `` or `/prefix`. */
  readonly prefix: string;
}

/** What a configuration is made of. */
export interface RedirectPlan {
  readonly oldServer: OldServer;
  /** The name devices call, for ever. */
  readonly host: string;
  /** The port devices call. */
  readonly port: number;
  readonly old: Backend;
  readonly fleet: Backend;
  readonly mode: RedirectMode;
  readonly phase: Phase;
  /** Files on the balancer's machine. */
  readonly files: BalancerFiles;
  readonly routes: readonly Route[];
}

export interface BalancerFiles {
  /** The old name's certificate with its chain; for HAProxy certificate and key in one file. */
  readonly certificate: string;
  readonly key: string;
  /** CAs by which the servers behind are trusted. */
  readonly trust: string;
}

/** One line of the table; the first that matches counts. */
export interface Route {
  readonly match: 'exact' | 'prefix';
  readonly path: string;
  readonly to:
    | { readonly kind: 'fleet'; readonly path: string }
    | { readonly kind: 'old' }
    | { readonly kind: 'refuse'; readonly status: 404 | 410 | 503 };
  /** Why, in a sentence that goes into the configuration. */
  readonly why: string;
}

/** What is asked for, as typed. */
export interface RedirectWish {
  readonly oldServer: OldServer;
  readonly oldHost: string;
  readonly oldUrl: string;
  readonly fleetUrl: string;
  readonly mode: RedirectMode;
  readonly phase: Phase;
  readonly paths?: Partial<DevicePaths>;
  readonly port?: number;
  readonly files?: Partial<BalancerFiles>;
}

/** Fleet's paths for devices (spec/fleet.md 4). */
export const FLEET_MDM = '/mdm/apple/mdm';
export const FLEET_SCEP = '/mdm/apple/scep';

const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const PATH = /^(\/[A-Za-z0-9_.~-]+)+$/;
const FILE = /^\/[A-Za-z0-9_.~/-]+$/;

/**
 * Makes the table for one migration.
 * @throws usage/redirect-host, usage/redirect-url, usage/redirect-path, usage/redirect-file, usage/redirect-loop
 */
export function planRedirects(wish: RedirectWish): RedirectPlan {
  const host = hostFrom(wish.oldHost);
  const fleet = backendFrom('Fleet', wish.fleetUrl);
  const old = backendFrom('the old server', wish.oldUrl);
  const port = wish.port ?? 443;
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    misused('usage/redirect-host', `«${port}» is no port.`, 'Give a number from 1 to 65535.');
  for (const { host: behind, port: at } of [fleet, old]) {
    if (behind === host && at === port)
      misused(
        'usage/redirect-loop',
        `${host} would pass requests on to itself: once its name leads to the balancer, they would go round in circles.`,
        'Give the server’s inner name or address.',
      );
  }
  const paths: DevicePaths = { ...DEVICE_PATHS[wish.oldServer], ...wish.paths };
  for (const path of [paths.connect, paths.checkIn, paths.scep]) {
    if (path === null) continue;
    if (!PATH.test(path) || /\/\.\.?(\/|$)/.test(path))
      misused(
        'usage/redirect-path',
        `The path «${path.slice(0, 80)}» cannot be written into a configuration as it is.`,
        'Only letters, digits and - _ . ~ can. Write the redirect of this server by hand.',
      );
  }
  return {
    oldServer: wish.oldServer,
    host,
    port,
    old,
    fleet,
    mode: wish.mode,
    phase: wish.phase,
    files: filesFrom(host, wish.files),
    routes: routesOf(wish.oldServer, paths, wish.phase),
  };
}

function routesOf(server: OldServer, paths: DevicePaths, phase: Phase): Route[] {
  const mdm = { kind: 'fleet', path: FLEET_MDM } as const;
  const scep = { kind: 'fleet', path: FLEET_SCEP } as const;
  const gone = { kind: 'refuse', status: 410 } as const;
  const behind = phase === 'cutover' ? ({ kind: 'old' } as const) : gone;
  const exact = (path: string, to: Route['to'], why: string): Route => ({ match: 'exact', path, to, why });
  const under = (path: string, to: Route['to'], why: string): Route => ({ match: 'prefix', path, to, why });
  const device = [
    exact(paths.connect, mdm, 'Commands. Devices keep this address for as long as they are enrolled.'),
    ...(paths.checkIn === paths.connect ? [] : [exact(paths.checkIn, mdm, 'Check-ins. Fleet has one path for both.')]),
    ...(paths.scep === null
      ? []
      : [exact(paths.scep, scep, 'Certificates: whoever asks by the old path gets one from Fleet.')]),
    exact(FLEET_MDM, mdm, 'Fleet’s own path under the old name.'),
    exact(FLEET_SCEP, scep, 'Where the silent renewal sends devices for their next certificate.'),
  ];
  const enrolling = phase === 'cutover' ? ({ kind: 'refuse', status: 503 } as const) : gone;
  const ownPaths = [
    ...(server === 'micromdm'
      ? [
          exact(
            '/mdm/enroll',
            enrolling,
            'No new enrollments at the old server: nobody would bring such a device over.',
          ),
          under('/ota/', enrolling, 'The same for enrollment over the air.'),
          under('/repo/', behind, 'Packages of installations that are still under way.'),
          under('/push/', behind, 'The old server’s own API; it asks for its key.'),
          exact('/boltbackup', behind, 'The old server’s own API: the copy of its database.'),
        ]
      : []),
    ...(server === 'nanomdm'
      ? [exact('/migration', enrolling, 'Nothing is brought into the old server any more: nobody would bring it over.')]
      : []),
    ...(server === 'other'
      ? []
      : [
          under('/v1/', behind, 'The old server’s own API; it asks for its key.'),
          exact('/version', behind, 'The old server’s version.'),
        ]),
  ];
  return [...device, ...ownPaths.filter(({ path }) => !device.some((route) => route.path === path))];
}

/** What becomes of a path that no line of the table names. */
export function otherwise(phase: Phase): { readonly kind: 'old' } | { readonly kind: 'refuse'; readonly status: 404 } {
  return phase === 'cutover' ? { kind: 'old' } : { kind: 'refuse', status: 404 };
}

/** A backend's address as URL, without a slash at the end; its standard port is left out. */
export function addressOf({ secure, host, port }: Backend): string {
  const standard = secure ? 443 : 80;
  return `${secure ? 'https' : 'http'}://${host}${port === standard ? '' : `:${port}`}`;
}

/** What is sent as Host: the name, and the port where it is not the standard one. */
export function hostHeaderOf({ secure, host, port }: Backend): string {
  return port === (secure ? 443 : 80) ? host : `${host}:${port}`;
}

/** True for a dotted number: such a backend has no name to show in TLS. */
export function isAddress(host: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

function hostFrom(text: string): string {
  const host = text.trim().toLowerCase().replace(/\.$/, '');
  if (!HOST.test(host) || isAddress(host))
    misused(
      'usage/redirect-host',
      `«${text.slice(0, 80)}» is no host name.`,
      'Give the name devices call, as in mdm.example.com.',
    );
  return host;
}

function backendFrom(what: string, text: string): Backend {
  const refuse = (): never =>
    misused(
      'usage/redirect-url',
      `The address «${text.slice(0, 120)}» of ${what} cannot be used.`,
      'Write it like https://mdm-old.internal.example.com:8443, without user name, query or fragment.',
    );
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refuse();
  }
  const secure = url.protocol === 'https:';
  const prefix = url.pathname.replace(/\/+$/, '');
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (
    !(secure || url.protocol === 'http:') ||
    !plain ||
    !HOST.test(url.hostname) ||
    (prefix !== '' && !PATH.test(prefix))
  )
    return refuse();
  return { secure, host: url.hostname, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port), prefix };
}

function filesFrom(host: string, files: Partial<BalancerFiles> | undefined): BalancerFiles {
  const found = {
    certificate: files?.certificate ?? `/etc/ssl/${host}/fullchain.pem`,
    key: files?.key ?? `/etc/ssl/${host}/key.pem`,
    trust: files?.trust ?? '/etc/ssl/certs/ca-certificates.crt',
  };
  for (const path of Object.values(found)) {
    if (!FILE.test(path))
      misused(
        'usage/redirect-file',
        `The file name «${path.slice(0, 120)}» cannot be written into a configuration as it is.`,
        'Give an absolute path of letters, digits and - _ . ~ /.',
      );
  }
  return found;
}
