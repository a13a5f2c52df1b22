/**
 * HAProxy during the waves: the whole configuration that leads each device to the old server or to Fleet by its UDID.
 *
 * Tried with Debian's HAProxy 2.6. Every rule that is not obvious says in the configuration itself why it is there,
 * since that is what the operator reads.
 */
import { misused } from '../failure';
import { HEADER_BYTES } from './redirects/balancer';
import {
  addressOf,
  FLEET_MDM,
  FLEET_SCEP,
  hostHeaderOf,
  isAddress,
  planRedirects,
  type Backend,
  type RedirectWish,
} from './redirects/route';
import { FLEET, UDID_PATTERN } from './route-map';

/** Largest body that is looked into, bytes. What is larger is answered with 503, so that nothing is led by guessing. */
export const LARGEST_BODY = 5_000_000;
/** HAProxy's buffer, bytes: the largest body, the headers, and what HAProxy itself keeps free of it. */
const BUFFER = 5_400_000;
/**
 * Buffers one connection can hold at once: its request on the way in and on the way out, and the answer. Measured with
 * bodies of 4 MB (test/core/cutover/proxy-bench.ts).
 */
const BUFFERS_A_CONNECTION = 3;
/** Buffers each of HAProxy's threads keeps for itself. */
const BUFFERS_A_THREAD = 8;
const THREADS = 4;
/** Fewer connections than this are no service. */
const FEWEST = 20;
const MOST = 20_000;

/** What is asked for, as typed. */
export interface HaproxyWish extends Omit<RedirectWish, 'mode' | 'phase'> {
  /** The map file on HAProxy's machine. */
  readonly map: string;
  /** The runtime socket on HAProxy's machine. */
  readonly socket: string;
  /** Memory HAProxy may use at most, bytes. */
  readonly memory: number;
  /** Where log lines go: `stdout`, or a syslog socket or address. Default `stdout`. */
  readonly log?: string;
  /** `*` unless given. */
  readonly bind?: string;
}

/** The configuration, and what was computed for it. */
export interface HaproxyConfiguration {
  readonly text: string;
  /** Connections at once that the memory allows. */
  readonly connections: number;
  readonly map: string;
  readonly socket: string;
}

const FILE = /^\/[A-Za-z0-9_.~/-]+$/;
const LOG = /^(stdout|\/[A-Za-z0-9_.~/-]+|[A-Za-z0-9.-]+:\d{1,5})$/;
const BIND = /^(\*|[0-9.]{7,15})$/;

/**
 * Writes the configuration.
 * @throws usage/haproxy, usage/haproxy-memory, and what planRedirects throws
 */
export function haproxyWaves(wish: HaproxyWish): HaproxyConfiguration {
  const plan = planRedirects({ ...wish, mode: 'rewrite', phase: 'cutover' });
  const { map, socket, log = 'stdout', bind = '*' } = wish;
  for (const [what, text, form] of [
    ['map file', map, FILE],
    ['socket', socket, FILE],
    ['log', log, LOG],
    ['address to listen on', bind, BIND],
  ] as const) {
    if (!form.test(text))
      misused(
        'usage/haproxy',
        `The ${what} «${text.slice(0, 120)}» cannot be written into a configuration as it is.`,
        what === 'log'
          ? 'Give stdout, a socket’s absolute path or HOST:PORT.'
          : 'Give an absolute path of letters, digits and - _ . ~ /; an address is * or dotted numbers.',
      );
  }
  const connections = connectionsWithin(wish.memory);
  const device = [...new Set([plan.routes[0]?.path ?? '', ...devicePathsOf(plan.routes)])].filter(
    (path) => path !== '',
  );
  const { host, port, fleet, old, files } = plan;
  const fleetMdm = fleet.prefix + FLEET_MDM;
  const fleetScep = fleet.prefix + FLEET_SCEP;
  const udid = `<key>UDID</key>[[:space:]]*<string>(${UDID_PATTERN})</string>`;
  const text = `# HAProxy during the waves: ${host} leads each device to the old server or to Fleet by its UDID.
#
# Which devices go to Fleet stands in ${map}. Everything else goes to the old server: its API, its packages,
# new enrollments, and every device that is not in the map. Only Slipway changes the map; it writes the file first, so a
# restart loses nothing.
#
# Old server: ${addressOf(old)}${old.prefix}    Fleet: ${addressOf(fleet)}${fleet.prefix}

global
    # A body is looked into as a whole, so each buffer must hold one: ${BUFFER.toLocaleString('en')} bytes.
    tune.bufsize ${BUFFER}
    tune.maxrewrite ${HEADER_BYTES}
    # Memory: ${wish.memory.toLocaleString('en')} bytes. ${THREADS} threads keep ${BUFFERS_A_THREAD} buffers each, a connection uses up to ${BUFFERS_A_CONNECTION}: ${connections} connections.
    # More wait in the system's queue until one is free; none is turned away.
    nbthread ${THREADS}
    maxconn ${connections}
    # Only who may open this file changes routes. Never bind it to a port: it asks for no password.
    stats socket ${socket} mode 600 level admin
    stats timeout 60s
    log ${log} format raw local0
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-server-options ssl-min-ver TLSv1.2

defaults
    mode http
    log global
    # Who went where. No body, no header, no query: they may hold what must stay secret.
    log-format "%ci %trl %HM %[var(txn.path)] udid=%[var(txn.udid)] to=%[var(txn.side)] %ST %tsc %U/%B %Tw/%Tc/%Tr/%Ta"
    option dontlognull
    # HTTP/2 would deliver large bodies in another way, and the wait below could end without the whole of one.
    option disable-h2-upgrade
    # A command must not be fetched twice: a failed request is the device's to repeat.
    retries 0
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout queue 60s
    timeout http-request 60s
    timeout http-keep-alive 3s

frontend devices
    bind ${bind}:${port} ssl crt ${files.certificate} alpn http/1.1
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request set-var(txn.path) path
    http-request set-var(txn.side) str(old)

    # Messages of devices: commands and check-ins.
    acl device path ${device.join(' ')}
    acl message method PUT POST
    http-request set-var(txn.message) bool(true) if device message
    acl message_of_device var(txn.message) -m bool

    # A packed body cannot be looked into. No Apple device sends one.
    acl packed req.hdr(Content-Encoding) -m found
    http-request set-var(txn.side) str(refused) if message_of_device packed
    http-request return status 415 content-type text/plain string "A packed body is not taken here." if message_of_device packed

    # The UDID may be the last thing in the body, so the whole of it must be here. What is larger, or stays incomplete,
    # is answered with 503: the device tries again later. Led by half a body it could reach the wrong server.
    acl too_large req.body_size gt ${LARGEST_BODY}
    http-request set-var(txn.side) str(refused) if message_of_device too_large
    http-request return status 503 hdr Retry-After 300 content-type text/plain string "This body is too large to be led." if message_of_device too_large
    http-request wait-for-body time 60s if message_of_device
    http-request set-var(txn.length) req.body_len if message_of_device
    http-request set-var(txn.missing) req.body_size,sub(txn.length) if message_of_device
    acl incomplete var(txn.missing) -m int gt 0
    acl overfull var(txn.length) -m int gt ${LARGEST_BODY}
    http-request set-var(txn.side) str(refused) if message_of_device incomplete or message_of_device overfull
    http-request return status 503 hdr Retry-After 300 content-type text/plain string "This body did not arrive as a whole." if message_of_device incomplete or message_of_device overfull

    # The last UDID of the body is the device's own: keys are sorted, and nested answers come before it. Where nothing
    # matches, regsub would give the whole body: so it is only asked once the match is certain.
    acl has_udid req.body -m reg '(?s)${udid.replace(/[()]/g, '')}'
    http-request set-var(txn.found) 'req.body,regsub("(?s)^.*${udid}.*","\\1")' if message_of_device has_udid
    acl led var(txn.found) -m reg ^${UDID_PATTERN}$
    http-request set-var(txn.udid) var(txn.found) if led
    http-request set-var(txn.side) 'var(txn.udid),map_str(${map},old)' if led

    # A certificate request carries no UDID. Fleet's own path is in the profile Fleet renews with: that one is Fleet's.
    # The old path belongs to the old server until the last wave has moved.
    http-request set-var(txn.side) str(${FLEET}) if { path ${FLEET_SCEP} }

    acl to_fleet var(txn.side) -m str ${FLEET}
    http-request set-path ${fleetMdm} if to_fleet message_of_device
${fleetScep === FLEET_SCEP ? '' : `    http-request set-path ${fleetScep} if to_fleet { path ${FLEET_SCEP} }\n`}    use_backend fleet if to_fleet
    default_backend old

backend fleet
    http-request set-header Host ${hostHeaderOf(fleet)}
    option httpchk
    http-check send meth GET uri ${fleet.prefix}/healthz ver HTTP/1.1 hdr Host ${hostHeaderOf(fleet)}
    http-check expect status 200
    # No device of Fleet's is ever led to the old server because Fleet does not answer, nor the other way round: it gets 503.
${serverLine('fleet', fleet, fleet.host, files.trust)}

backend old
    option httpchk
    http-check send meth GET uri ${old.prefix}/version ver HTTP/1.1 hdr Host ${host}
    http-check expect rstatus ^[234]
${old.prefix === '' ? '' : `    http-request set-path ${old.prefix}%[path]\n`}${serverLine('old', old, host, files.trust)}
`;
  return { text, connections, map, socket };
}

/** The paths of the table that lead to Fleet's one path for devices, besides Fleet's own. */
function devicePathsOf(routes: ReturnType<typeof planRedirects>['routes']): string[] {
  return routes.flatMap(({ path, to }) =>
    to.kind === 'fleet' && to.path === FLEET_MDM && path !== FLEET_MDM ? [path] : [],
  );
}

/** @param name the name its certificate is made for: the old server still has the one devices call */
function serverLine(id: string, { secure, host, port }: Backend, name: string, trust: string): string {
  const verified = isAddress(name) ? '' : ` sni str(${name}) verifyhost ${name} check-sni ${name}`;
  const tls = secure ? ` ssl verify required ca-file ${trust}${verified}` : '';
  return `    server ${id} ${host}:${port}${tls} check inter 5s fall 3 rise 2`;
}

/** Connections at once that fit into this much memory, bytes. Throws `usage/haproxy-memory`. */
export function connectionsWithin(memory: number): number {
  const buffers = memory / BUFFER - THREADS * BUFFERS_A_THREAD;
  const connections = Math.min(MOST, Math.floor(buffers / BUFFERS_A_CONNECTION));
  if (Number.isFinite(connections) && connections >= FEWEST) return connections;
  const least = Math.ceil(((FEWEST * BUFFERS_A_CONNECTION + THREADS * BUFFERS_A_THREAD) * BUFFER) / 1_048_576);
  return misused(
    'usage/haproxy-memory',
    `That memory is too little for HAProxy to hold the bodies of ${FEWEST} devices at once.`,
    `Give at least ${least} MiB; 2 GiB carry ${Math.floor((2_147_483_648 / BUFFER - THREADS * BUFFERS_A_THREAD) / BUFFERS_A_CONNECTION)} connections.`,
  );
}

/** `2048`, `512m`, `2g`: bytes. Throws `usage/memory`. */
export function memoryFrom(text: string): number {
  const [, number, unit = ''] = /^\s*(\d{1,7})\s*([kmg]?)\s*$/i.exec(text) ?? [];
  if (number === undefined)
    return misused('usage/memory', `«${text.slice(0, 40)}» is no amount of memory.`, 'Write it like 512m or 2g.');
  return Number(number) * 1024 ** ({ '': 0, k: 1, m: 2, g: 3 }[unit.toLowerCase()] ?? 0);
}
