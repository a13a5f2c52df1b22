/** The certificate the new place shows under the old name, judged as a device would. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, connect, rootCertificates, type DetailedPeerCertificate } from 'node:tls';
import { unreadable } from '../../failure';
import { printServer } from '../dns/dns-client';
import { placesOf } from './places';
import { fail, pass, warn, type Place, type Probe, type ProbeAnswer, type ProbeSubject } from './probe';

const DAY = 86_400_000;
/** Left less than this, somebody must see to it before the evening. */
const SOON_DAYS = 30;

interface Seen {
  readonly chain: readonly X509Certificate[];
  /** Null when the anchors of the profile lead to it; else why not. Null too when there are none. */
  readonly byAnchors: string | null;
  /** The same by the roots that every system brings. */
  readonly bySystem: string | null;
  /** Null when it is for this name. */
  readonly wrongName: string | null;
}

export const TLS: Probe = {
  id: 'tls',
  title: 'Certificate of the old name',
  async run(subject) {
    const places = await placesOf(subject);
    const answers: ProbeAnswer[] = [];
    for (const place of places) answers.push(judge(subject, place, await look(subject, place)));
    const worst =
      answers.find(({ status }) => status === 'fail') ?? answers.find(({ status }) => status === 'warn') ?? answers[0];
    const facts = answers.flatMap((answer) => answer.facts);
    return { ...(worst ?? fail('probe/unreachable', 'There is no place to ask.', 'Name its address.')), facts };
  },
};

async function look(subject: ProbeSubject, place: Place): Promise<Seen> {
  const { anchors } = subject;
  const system = await handshake(subject, place, rootCertificates);
  const own =
    anchors === null || anchors.length === 0
      ? null
      : await handshake(
          subject,
          place,
          anchors.map((der) => pemOf(der)),
        );
  return {
    chain: system.chain,
    bySystem: system.error,
    byAnchors: own === null ? null : own.error,
    wrongName: system.wrongName,
  };
}

function handshake(
  { host, timeout }: ProbeSubject,
  place: Place,
  ca: readonly string[],
): Promise<{ readonly chain: X509Certificate[]; readonly error: string | null; readonly wrongName: string | null }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: place.address,
      port: place.port,
      ca: [...ca],
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // It is looked at; nothing is sent over it.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const fault = (code: string): void => {
      socket.destroy();
      try {
        unreadable(
          'probe/tls-failed',
          `${host} at ${printServer(place)} completed no TLS handshake (${code}).`,
          'Check that the load balancer listens there and has a certificate for this name.',
        );
      } catch (error) {
        reject(error instanceof Error ? error : new Error('not an error'));
      }
    };
    socket.setTimeout(timeout, () => fault('ETIMEDOUT'));
    socket.once('error', (error) => fault((error as NodeJS.ErrnoException).code ?? 'connection ended early'));
    socket.once('secureConnect', () => {
      const peer = socket.getPeerCertificate(true);
      const wrong = checkServerIdentity(host, peer);
      resolve({
        chain: chainOf(peer),
        error: socket.authorized ? null : String(socket.authorizationError).slice(0, 80),
        wrongName: wrong === undefined ? null : `It is for ${namesOf(peer)}.`,
      });
      socket.destroy();
    });
  });
}

function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let one = peer; chain.length < 10; one = one.issuerCertificate) {
    const certificate = new X509Certificate(one.raw);
    if (chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)) break;
    chain.push(certificate);
    // At the end of what was sent there is no issuer, whatever the types say.
    if ((one.issuerCertificate as DetailedPeerCertificate | undefined) === undefined) break;
  }
  return chain;
}

function judge({ host, at, anchors }: ProbeSubject, place: Place, seen: Seen): ProbeAnswer {
  const [leaf] = seen.chain;
  const where = printServer(place);
  const facts = seen.chain.map(
    (one, index) =>
      `${where}: ${index === 0 ? 'certificate' : 'chain'} ${oneLine(one.subject)}, until ${dayOf(Date.parse(one.validTo))}, sha256 ${one.fingerprint256.replaceAll(':', '').toLowerCase().slice(0, 16)}…`,
  );
  const days = leaf === undefined ? 0 : Math.floor((Date.parse(leaf.validTo) - at) / DAY);
  if (seen.wrongName !== null)
    return fail(
      'probe/tls-wrong-name',
      `The certificate at ${where} is not for ${host}. ${seen.wrongName}`,
      'Give the load balancer a certificate for the old name; devices refuse any other.',
      facts,
    );
  if (days < 0)
    return fail('probe/tls-expired', `The certificate at ${where} has expired.`, 'Renew it before the switch.', facts);
  if (leaf !== undefined && Date.parse(leaf.validFrom) > at)
    return fail(
      'probe/tls-not-yet',
      `The certificate at ${where} is not valid yet.`,
      'Check it and this clock.',
      facts,
    );
  if (anchors !== null && anchors.length > 0 && seen.byAnchors !== null)
    return seen.bySystem === null
      ? warn(
          'probe/tls-not-by-anchors',
          `The certificate at ${where} does not chain to the ${anchors.length === 1 ? 'anchor' : `${anchors.length} anchors`} the enrollment profile brought; devices trust it by their own roots only.`,
          'Where the profile pins its anchors, devices would refuse it: use a certificate under them.',
          facts,
        )
      : fail(
          'probe/tls-untrusted',
          `Nothing the enrollment profile brought, and no root of the system, leads to the certificate at ${where} (${seen.byAnchors}).`,
          'Use the chain the old server used, or a public CA’s.',
          facts,
        );
  if ((anchors === null || anchors.length === 0) && seen.bySystem !== null)
    return fail(
      'probe/tls-untrusted',
      `The certificate at ${where} is not trusted by any root a device brings (${seen.bySystem}).`,
      anchors === null
        ? 'If the enrollment profile carries an anchor for it, name the profile and probe again.'
        : 'The profile carries no anchor, so the chain must end at a public root; check that intermediates are sent.',
      facts,
    );
  if (days < SOON_DAYS)
    return warn(
      'probe/tls-soon',
      `The certificate at ${where} ends in ${days} days.`,
      'See to its renewal: devices need it for years.',
      facts,
    );
  return pass('tls', `The certificate is for ${host}, trusted, and valid for ${days} days.`, facts);
}

function namesOf(peer: DetailedPeerCertificate): string {
  const named = peer as { subjectaltname?: string; subject?: { CN?: string } };
  return (named.subjectaltname ?? named.subject?.CN ?? 'no name').slice(0, 200);
}

function pemOf(der: Buffer): string {
  return new X509Certificate(der).toString();
}

function oneLine(name: string): string {
  return name.split('\n').join(', ').slice(0, 200);
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
