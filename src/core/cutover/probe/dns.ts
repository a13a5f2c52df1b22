/** What DNS says of the old name: the resolvers devices ask, and the zone's own servers. */
import { Resolver } from 'node:dns/promises';
import { attempt, FailureError } from '../../failure';
import {
  askDns,
  printServer,
  readServer,
  type DnsAnswer,
  type DnsRow,
  type DnsServer,
  type RecordType,
} from '../dns/dns-client';
import { LONG_TTL } from '../dns/dns-plan';
import { fail, pass, skipped, warn, type Probe, type ProbeAnswer, type ProbeSubject } from './probe';

const ADDRESS_TYPES = ['A', 'AAAA'] as const satisfies RecordType[];

/** What one server says of one name. */
interface Told {
  readonly server: DnsServer;
  readonly addresses: readonly string[];
  /** The way there: `mdm.example.com → lb.example.net → 192.0.2.1`, one line an address. */
  readonly lines: readonly string[];
  /** Shortest time to live on the way, seconds; null without an answer. */
  readonly ttl: number | null;
  /** Why there is no answer; null when there is one. */
  readonly trouble: string | null;
}

export const RESOLVERS: Probe = {
  id: 'dns-resolvers',
  title: 'What resolvers answer',
  async run(subject) {
    const servers = resolversOf(subject);
    if (servers.length === 0)
      return skipped('No resolver is known here.', 'Name the resolvers devices ask, inside and outside.');
    const told = await Promise.all(servers.map((server) => tellOf(server, subject)));
    return judge(subject, told, 'resolver');
  },
};

export const AUTHORITATIVE: Probe = {
  id: 'dns-authoritative',
  title: 'What the zone’s own servers answer',
  async run(subject) {
    const [resolver] = resolversOf(subject);
    if (resolver === undefined)
      return skipped('No resolver is known here by which the zone’s servers could be found.', 'Name a resolver.');
    const zone = await zoneOf(resolver, subject);
    if (zone === null)
      return warn(
        'probe/dns-no-zone',
        `No zone was found that ${subject.host} lies in.`,
        'Check the name; inside a closed network, name the resolver that knows it.',
      );
    const servers = await serversOf(resolver, zone.servers, subject);
    if (servers.length === 0)
      return warn(
        'probe/dns-no-servers',
        `The servers of ${zone.name} have no addresses that could be found.`,
        'Ask whoever runs the zone.',
        zone.servers,
      );
    const told = await Promise.all(servers.map((server) => tellOf(server, subject, false)));
    if (told.every(({ trouble }) => trouble !== null))
      return warn(
        'probe/dns-authoritative-silent',
        `None of the ${servers.length} servers of ${zone.name} answered from here.`,
        'A firewall may let only the own resolver ask; ask them from elsewhere.',
        told.flatMap(({ lines }) => lines),
      );
    return judge(subject, told, `server of ${zone.name}`);
  },
};

export const SPLIT_HORIZON: Probe = {
  id: 'dns-split',
  title: 'Inside and outside agree',
  async run(subject) {
    const servers = resolversOf(subject);
    if (servers.length < 2)
      return skipped('Only one resolver was asked.', 'Name one inside and one outside to see whether they agree.');
    const told = (await Promise.all(servers.map((server) => tellOf(server, subject)))).filter(
      ({ trouble }) => trouble === null,
    );
    const answers = new Set(told.map(({ addresses }) => addresses.join(' ')));
    const lines = told.flatMap((one) => one.lines);
    return answers.size <= 1
      ? pass('dns-split', `All ${told.length} resolvers that answered give the same addresses.`, lines)
      : warn(
          'probe/dns-split',
          `The resolvers give ${answers.size} different answers for ${subject.host}.`,
          'Where inside and outside are meant to differ, switch both; otherwise wait until the older answers have run out.',
          lines,
        );
  },
};

/** Judges what several servers say against where the name should lead. */
function judge(subject: ProbeSubject, told: readonly Told[], what: string): ProbeAnswer {
  const lines = told.flatMap((one) => one.lines);
  const silent = told.filter(({ trouble }) => trouble !== null);
  const answered = told.filter(({ trouble }) => trouble === null);
  if (answered.length === 0)
    return fail(
      'probe/dns-nothing',
      `No ${what} gave an address for ${subject.host}.`,
      'Set the records; devices cannot find the server.',
      lines,
    );
  const longest = Math.max(...answered.map(({ ttl }) => ttl ?? 0));
  const until = new Date(subject.at + longest * 1000).toISOString().replace(/\.\d{3}Z$/, 'Z');
  const quiet = silent.length === 0 ? '' : ` ${silent.length} did not answer.`;
  if (subject.places === null)
    return pass(
      'dns-answers',
      `${answered.length} of ${told.length} answered; an answer given now is forgotten by ${until} at the latest.${quiet}`,
      lines,
    );
  const wanted = new Set(subject.places.map(({ address }) => address));
  const old = answered.filter(({ addresses }) => addresses.some((address) => !wanted.has(address)));
  if (old.length === 0)
    return silent.length === 0
      ? pass('dns-new', `Every ${what} leads to the new place.`, lines)
      : warn(
          'probe/dns-silent',
          `Every ${what} that answered leads to the new place.${quiet}`,
          'Ask those that were silent again.',
          lines,
        );
  if (old.length === answered.length)
    return warn(
      'probe/dns-old',
      `The name still leads to the old place; an answer given now is forgotten by ${until} at the latest.${quiet}`,
      longest > LONG_TTL
        ? 'Lower the time to live well before the switch: two days, or as long as it is now.'
        : 'That is right before the switch; after it, wait until then and probe again.',
      lines,
    );
  return warn(
    'probe/dns-mixed',
    `${old.length} of ${answered.length} still give an older answer, until ${until} at the latest.${quiet}`,
    'Wait until then and probe again; an address that never goes is a record that was not removed.',
    lines,
  );
}

export function resolversOf({ resolvers }: ProbeSubject): readonly DnsServer[] {
  if (resolvers.length > 0) return resolvers;
  return new Resolver().getServers().flatMap((text) => readServer(text) ?? []);
}

/** Every address the name has by one server. */
export async function addressesOf(
  server: DnsServer,
  host: string,
  timeout: number,
): Promise<readonly { readonly address: string; readonly ttl: number }[]> {
  const answers = await Promise.all(ADDRESS_TYPES.map((type) => askDns(server, host, type, { timeout })));
  return answers.flatMap(({ rows }) =>
    rows.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ data, ttl }) => ({ address: data, ttl })),
  );
}

async function tellOf(server: DnsServer, subject: ProbeSubject, recursion = true): Promise<Told> {
  const answers: DnsAnswer[] = [];
  const where = printServer(server);
  for (const type of ADDRESS_TYPES) {
    const answer = await attempt(() => askDns(server, subject.host, type, { timeout: subject.timeout, recursion }));
    if (!answer.ok) return told(server, [], [`${where}: no answer`], null, answer.failure.code);
    answers.push(answer.value);
  }
  const rows = answers.flatMap((answer) => answer.rows);
  const addresses = rows.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ data }) => data);
  const wrong = answers.find(({ rcode }) => rcode !== 'NOERROR')?.rcode ?? null;
  // A zone's own server answers with the CNAME alone when its target lies in another zone.
  const aliases = rows.filter(({ type }) => type === 'CNAME');
  if (!recursion && addresses.length === 0 && aliases.length > 0) return followed(server, subject, aliases);
  if (addresses.length === 0)
    return told(server, [], [`${where}: ${wrong ?? 'no address'}`], null, wrong ?? 'no address');
  const lines = ADDRESS_TYPES.flatMap((type, index) =>
    (answers[index]?.rows ?? [])
      .filter((row) => row.type === type)
      .map((row) => `${where}: ${wayTo(answers[index]?.rows ?? [], subject.host, row)}`),
  );
  return told(server, addresses, lines, Math.min(...rows.map(({ ttl }) => ttl)), null);
}

async function followed(server: DnsServer, subject: ProbeSubject, aliases: readonly DnsRow[]): Promise<Told> {
  const last = aliases.at(-1)?.data ?? '';
  const [resolver] = resolversOf(subject);
  const found = resolver === undefined ? [] : await addressesOf(resolver, last, subject.timeout);
  const addresses = found.map(({ address }) => address);
  const way = `${printServer(server)}: ${subject.host} → ${last} (${aliases[0]?.ttl ?? 0} s)`;
  if (addresses.length === 0) return told(server, [], [`${way}, which has no address`], null, 'no address');
  return told(server, addresses, [`${way} → ${addresses.join(', ')}`], aliases[0]?.ttl ?? 0, null);
}

function told(
  server: DnsServer,
  addresses: readonly string[],
  lines: readonly string[],
  ttl: number | null,
  trouble: string | null,
): Told {
  return { server, addresses: [...new Set(addresses)].sort(), lines, ttl, trouble };
}

function wayTo(rows: readonly DnsRow[], host: string, { data, ttl }: DnsRow): string {
  const names = rows.filter(({ type }) => type === 'CNAME').map((row) => `${row.data} (${row.ttl} s)`);
  return [host, ...names, `${data} (${ttl} s)`].join(' → ');
}

/** The closest zone above the name that has name servers. */
async function zoneOf(
  resolver: DnsServer,
  { host, timeout }: ProbeSubject,
): Promise<{ readonly name: string; readonly servers: string[] } | null> {
  const labels = host.split('.');
  for (let at = 0; at < labels.length - 1; at += 1) {
    const name = labels.slice(at).join('.');
    const { rows } = await askDns(resolver, name, 'NS', { timeout });
    const servers = rows.filter((row) => row.type === 'NS' && row.name === name).map(({ data }) => data);
    if (servers.length > 0) return { name, servers: servers.slice(0, 13) };
  }
  return null;
}

async function serversOf(
  resolver: DnsServer,
  names: readonly string[],
  { timeout, authoritativePort }: ProbeSubject,
): Promise<DnsServer[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        const { rows } = await askDns(resolver, name, 'A', { timeout });
        return rows.filter(({ type }) => type === 'A').map(({ data }) => data);
      } catch (error) {
        if (error instanceof FailureError) return [];
        throw error;
      }
    }),
  );
  return [...new Set(found.flat())].map((address) => ({ address, port: authoritativePort }));
}
