/**
 * What is set in DNS, and when: the exact records, and the steps around them.
 *
 * Devices keep the old name for ever, so the name itself moves: it leads to the load balancer instead of the old server.
 */
import { isIP } from 'node:net';
import { misused } from '../../failure';

export interface DnsWish {
  /** The name devices call. */
  readonly oldHost: string;
  /** The zone it lies in; without it, a name of two labels counts as the zone's own. */
  readonly zone?: string;
  /** Where it leads: one host name, or addresses of either family. */
  readonly targets: readonly string[];
  /** The CA that issues the old name's certificate at the new place, as CAA names it (`letsencrypt.org`). */
  readonly issuer?: string;
  /** What the CA wants to see in DNS: `NAME=VALUE`, as its console shows it. */
  readonly validation?: string;
  /** Seconds the old record lives in caches now; null when unknown. */
  readonly ttl: number | null;
  /** When the name is switched, milliseconds since the epoch; null when not yet fixed. */
  readonly at: number | null;
}

export interface DnsRecord {
  /** Fully qualified, with the dot at the end. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'TXT' | 'CAA';
  readonly ttl: number;
  readonly data: string;
  readonly why: string;
}

export interface DnsStep {
  /** Milliseconds relative to the switch. */
  readonly offset: number;
  /** Milliseconds since the epoch; null when the switch has no time yet. */
  readonly at: number | null;
  readonly sentence: string;
}

export interface DnsPlan {
  readonly host: string;
  /** True when a CNAME is not allowed there. */
  readonly apex: boolean;
  readonly records: readonly DnsRecord[];
  readonly steps: readonly DnsStep[];
  readonly notes: readonly string[];
}

/** Seconds while the name may move, and afterwards. */
const SHORT_TTL = 60;
export const LONG_TTL = 3600;
const HOUR = 3_600_000;
/** Caches that keep answers longer than they should have been seen to do so for up to two days. */
const LEAD_HOURS = 48;

const NAME = /^(?=.{1,253}$)(_?[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/;

/** @throws usage/dns-name, usage/dns-target, usage/dns-validation, usage/dns-ttl */
export function planDns(wish: DnsWish): DnsPlan {
  const host = nameFrom(wish.oldHost);
  const zone = wish.zone === undefined ? null : nameFrom(wish.zone);
  if (zone !== null && host !== zone && !host.endsWith(`.${zone}`))
    misused('usage/dns-name', `${host} does not lie in the zone ${zone}.`, 'Name the zone the old name lies in.');
  if (wish.ttl !== null && !(Number.isInteger(wish.ttl) && wish.ttl >= 0 && wish.ttl <= 604_800))
    misused('usage/dns-ttl', `«${wish.ttl}» is no time to live.`, 'Give whole seconds, 0 to 604800.');
  const apex = zone === null ? host.split('.').length === 2 : host === zone;
  const leading = targetRecords(host, apex, wish.targets);
  const records = [...leading, ...certificateRecords(host, wish)];
  return { host, apex, records, steps: stepsOf(host, leading, wish), notes: notesOf(host, apex, leading, wish) };
}

function targetRecords(host: string, apex: boolean, targets: readonly string[]): DnsRecord[] {
  const why = 'Leads devices to the load balancer.';
  const addresses = targets.filter((target) => isIP(target) !== 0);
  const names = targets.filter((target) => isIP(target) === 0).map(nameFrom);
  if (targets.length === 0 || names.length > 1 || (names.length === 1 && addresses.length > 0))
    misused(
      'usage/dns-target',
      'The name can lead to one other name, or to addresses, and to nothing else.',
      'Give one host name, or all addresses of the load balancer.',
    );
  const [name] = names;
  if (name === undefined)
    return addresses.map((data) => ({
      name: `${host}.`,
      type: isIP(data) === 4 ? ('A' as const) : ('AAAA' as const),
      ttl: SHORT_TTL,
      data,
      why,
    }));
  if (name === host)
    misused('usage/dns-target', `${host} cannot lead to itself.`, 'Give the name of the load balancer.');
  if (apex)
    misused(
      'usage/dns-target',
      `${host} is the zone’s own name, where DNS allows no CNAME.`,
      `Give the addresses of ${name} instead, or use your provider’s ALIAS record for it.`,
    );
  return [{ name: `${host}.`, type: 'CNAME', ttl: SHORT_TTL, data: `${name}.`, why }];
}

function certificateRecords(host: string, { issuer, validation }: DnsWish): DnsRecord[] {
  const records: DnsRecord[] = [];
  if (validation !== undefined) {
    const [, name = '', data = ''] = /^([^=]{1,253})=(.{1,255})$/s.exec(validation) ?? [];
    if (name === '' || !/^[\x20-\x7e]+$/.test(data) || /["\\]/.test(data))
      misused(
        'usage/dns-validation',
        'The validation record is not understood.',
        'Write it as NAME=VALUE, as the CA shows it.',
      );
    // ACM's validation is a CNAME to one of its own names; ACME's a TXT.
    const target = data.replace(/\.$/, '').toLowerCase();
    const isName = NAME.test(target) && target.includes('.') && /^_/.test(name);
    records.push({
      name: `${nameFrom(name)}.`,
      type: isName ? 'CNAME' : 'TXT',
      ttl: SHORT_TTL,
      data: isName ? `${target}.` : `"${data}"`,
      why: 'The certificate authority wants to see it before it issues the certificate; leave it for its renewals.',
    });
  }
  if (issuer !== undefined)
    records.push({
      name: `${host}.`,
      type: 'CAA',
      ttl: LONG_TTL,
      data: `0 issue "${nameFrom(issuer)}"`,
      why: 'Lets this certificate authority issue for the name; only needed where CAA records exist, here or above.',
    });
  return records;
}

function stepsOf(host: string, records: readonly DnsRecord[], { ttl, at }: DnsWish): DnsStep[] {
  const lead = Math.max(LEAD_HOURS * HOUR, (ttl ?? 0) * 1000);
  const step = (offset: number, sentence: string): DnsStep => ({
    offset,
    at: at === null ? null : at + offset,
    sentence,
  });
  const types = [...new Set(records.map(({ type }) => type))].join(' and ');
  return [
    step(
      -lead,
      `Set the time to live of the record ${host} has now to ${SHORT_TTL} seconds, and change nothing else${ttl === null ? '' : ` (it is ${ttl} now)`}.`,
    ),
    step(-lead, 'Have the certificate for the name ready at the new place, from a CA the enrollment profile trusts.'),
    step(
      -2 * HOUR,
      'Freeze new enrollments at the old server: nothing that enrolls between the last reading and the switch is brought over.',
    ),
    step(
      0,
      `Replace the records of ${host} by the ${types} given here; remove every other A, AAAA and CNAME of that name.`,
    ),
    step(
      SHORT_TTL * 1000,
      'Caches that keep to the rules have forgotten the old answer. Devices come as they are woken.',
    ),
    step(
      LEAD_HOURS * HOUR,
      'Caches that do not keep to the rules have forgotten it too. Until now, and until every device is accounted for, the old server must run.',
    ),
    step(LEAD_HOURS * HOUR, `Raise the time to live to ${LONG_TTL} seconds.`),
  ];
}

function notesOf(host: string, apex: boolean, records: readonly DnsRecord[], { ttl }: DnsWish): string[] {
  const hasSix = records.some(({ type }) => type === 'AAAA');
  const isName = records.some(({ type }) => type === 'CNAME');
  return [
    `The name ${host} and a certificate for it are needed for as long as one migrated device is enrolled.`,
    ...(ttl === null
      ? [
          'How long the old record lives in caches is not known; look it up, and lower it that much earlier if it is more than two days.',
        ]
      : []),
    ...(isName ? ['A CNAME stands alone: if the name also has MX or TXT records, give addresses instead.'] : []),
    ...(apex ? ['Addresses of a cloud load balancer change; an ALIAS record of the DNS provider follows them.'] : []),
    ...(isName || hasSix
      ? []
      : ['There is no IPv6 address among the targets: remove an AAAA record the name may have now.']),
    'Internal and external DNS may answer differently (split horizon): change both, and look at both.',
    'To go back, set the old record again; with a time to live of a minute that takes a minute.',
  ];
}

function nameFrom(text: string): string {
  const name = text.trim().toLowerCase().replace(/\.$/, '');
  if (!NAME.test(name) || isIP(name) !== 0)
    misused('usage/dns-name', `«${text.slice(0, 80)}» is no domain name.`, 'Write it like mdm.example.com.');
  return name;
}

/** A record as a line of a zone file. */
export function zoneLine({ name, ttl, type, data }: DnsRecord): string {
  return `${name} ${ttl} IN ${type} ${data}`;
}
