/** What becomes of a device's requests under the old name. */
import { isIP } from 'node:net';
import { attempt } from '../../failure';
import { FLEET_MDM, FLEET_SCEP } from '../redirects/route';
import { CHECKIN_TYPE, COMMAND_TYPE, askAsDevice, headerOf, IDLE, type DeviceAnswer } from './device-request';
import { placesOf } from './places';
import { fail, pass, skipped, warn, type Place, type Probe, type ProbeAnswer, type ProbeSubject } from './probe';

/** An unsigned check-in or command poll: Fleet answers 400, and never 401 (spec/fleet.md 3.1). */
const REFUSED_BY_FLEET = 400;
/** Hops a redirect may take. */
const MOST_HOPS = 5;
const SIGNATURE_BYTES = 12 * 1024;
const BODY_BYTES = 1_048_576;

export const REDIRECTS: Probe = {
  id: 'redirects',
  title: 'Each path leads to Fleet',
  run: async (subject) =>
    worstOf(
      await eachPlace(subject, async (place) => {
        const { connect, checkIn, scep } = subject.paths;
        const asked = [
          { method: 'PUT', path: connect, type: COMMAND_TYPE } as const,
          ...(checkIn === connect ? [] : [{ method: 'PUT', path: checkIn, type: CHECKIN_TYPE } as const]),
          { method: 'PUT', path: FLEET_MDM, type: COMMAND_TYPE } as const,
          ...(scep === null ? [] : [{ method: 'GET', path: `${scep}?operation=GetCACaps`, type: null } as const]),
          { method: 'GET', path: `${FLEET_SCEP}?operation=GetCACaps`, type: null } as const,
        ];
        const answers: ProbeAnswer[] = [];
        for (const one of asked) {
          // A place that cannot be reached by one path must not hide what another path says.
          const answer = await attempt(() => follow(subject, place, one));
          answers.push(
            answer.ok
              ? answer.value
              : fail(answer.failure.code, answer.failure.message, answer.failure.remedy, [one.path]),
          );
        }
        return worstOf(answers);
      }),
    ),
};

async function follow(
  subject: ProbeSubject,
  place: Place,
  { method, path, type }: { readonly method: 'PUT' | 'GET'; readonly path: string; readonly type: string | null },
): Promise<ProbeAnswer> {
  let target = new URL(`https://${subject.host}:${subject.port}${path}`);
  let at: Place = place;
  const seen = new Set<string>();
  const way: string[] = [`${method} ${path}`];
  for (let hop = 0; ; hop += 1) {
    const answer = await askAsDevice(
      target.hostname,
      at,
      {
        method,
        path: target.pathname + target.search,
        ...(type === null ? {} : { headers: { 'Content-Type': type }, body: IDLE }),
      },
      subject.timeout,
    );
    way.push(String(answer.status));
    const fact = way.join(' → ');
    if (answer.status < 300 || answer.status >= 400 || headerOf(answer, 'location') === '')
      return arrived(method, path, answer, fact);
    if (method === 'PUT' && answer.status !== 307 && answer.status !== 308)
      return fail(
        'probe/method-lost',
        `${path} is answered with ${answer.status}, after which a device may call again with GET and without its message.`,
        'Answer 307 or 308, or pass the request on under Fleet’s path.',
        [fact],
      );
    let next: URL;
    try {
      next = new URL(headerOf(answer, 'location'), target);
    } catch {
      return fail(
        'probe/redirect-broken',
        `${path} is redirected to something that is no address.`,
        'Correct the redirect.',
        [fact],
      );
    }
    if (next.protocol !== 'https:')
      return fail(
        'probe/redirect-plain',
        `${path} is redirected to an address without TLS, which devices refuse.`,
        'Redirect to https.',
        [fact],
      );
    if (seen.has(next.href) || hop >= MOST_HOPS)
      return fail(
        'probe/redirect-loop',
        `${path} is redirected in circles.`,
        'Let the redirect lead to Fleet’s own name.',
        [...way, next.host],
      );
    seen.add(next.href);
    way.push(next.host + next.pathname);
    at = await placeOf(subject, place, next);
    target = next;
  }
}

/** Where a redirect leads: back to the old name, to an address, or to a name that DNS knows. */
async function placeOf(subject: ProbeSubject, place: Place, { hostname, port }: URL): Promise<Place> {
  const number = port === '' ? 443 : Number(port);
  if (hostname === subject.host && number === subject.port) return place;
  if (isIP(hostname) !== 0) return { address: hostname, port: number };
  const found = await placesOf({ ...subject, host: hostname, port: number, places: null });
  return found[0] ?? place;
}

function arrived(method: string, path: string, { status }: DeviceAnswer, fact: string): ProbeAnswer {
  if (method === 'GET')
    return status === 200
      ? pass('redirects', `${path} is answered.`, [fact])
      : fail('probe/scep-lost', `${path} is answered with ${status}.`, 'Lead it to Fleet’s /mdm/apple/scep.', [fact]);
  if (status === REFUSED_BY_FLEET) return pass('redirects', 'Every path leads to Fleet.', [fact]);
  if (status === 401)
    return fail(
      'probe/not-fleet',
      `${path} answers an unsigned request with 401, which may make a device take its enrollment back. Fleet answers 400.`,
      'Take this redirect away at once: the path must lead to Fleet.',
      [fact],
    );
  return fail(
    'probe/not-fleet',
    `${path} answers an unsigned request with ${status}; Fleet answers 400.`,
    status === 404 || status === 403
      ? 'The path does not reach Fleet, or Fleet runs without MDM. Check the redirect.'
      : 'Check that the path leads to Fleet, and that Fleet runs.',
    [fact],
  );
}

export const LONG_HEADER: Probe = {
  id: 'long-header',
  title: 'A 12 KB Mdm-Signature passes',
  run: (subject) =>
    compare(subject, {
      id: 'long-header',
      headers: { 'Mdm-Signature': Buffer.alloc((SIGNATURE_BYTES * 3) / 4, 0x5a).toString('base64') },
      body: IDLE,
      well: 'A header of 12 KB arrives.',
      code: 'probe/header-cut',
      sentence: (status) => `A request with a 12 KB Mdm-Signature is answered with ${status} and does not reach Fleet.`,
      remedy: 'Raise the header limit of the load balancer to 16 KB for one header at least.',
    }),
};

export const LARGE_BODY: Probe = {
  id: 'large-body',
  title: 'A body of 1 MB passes',
  run: (subject) =>
    compare(subject, {
      id: 'large-body',
      headers: {},
      body: Buffer.concat([IDLE, Buffer.alloc(BODY_BYTES, 0x20)]),
      well: 'A body of 1 MB arrives.',
      code: 'probe/body-cut',
      sentence: (status) => `A body of 1 MB is answered with ${status} and does not reach Fleet.`,
      remedy: 'Raise the body limit of the load balancer to 10 MB at least.',
    }),
};

/** Sends the same unsigned request plain and changed: whoever answers the two differently never let one through. */
async function compare(
  subject: ProbeSubject,
  change: {
    readonly id: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
    readonly well: string;
    readonly code: string;
    readonly sentence: (status: number) => string;
    readonly remedy: string;
  },
): Promise<ProbeAnswer> {
  return worstOf(
    await eachPlace(subject, async (place) => {
      const ask = (headers: Readonly<Record<string, string>>, body: Buffer): Promise<DeviceAnswer> =>
        askAsDevice(
          subject.host,
          place,
          {
            method: 'PUT',
            path: subject.paths.connect,
            headers: { 'Content-Type': COMMAND_TYPE, ...headers },
            body,
          },
          subject.timeout,
        );
      const plain = await ask({}, IDLE);
      const changed = await ask(change.headers, change.body);
      const fact = `${subject.paths.connect}: ${plain.status} plain, ${changed.status} then`;
      const same =
        plain.status === changed.status && headerOf(plain, 'content-type') === headerOf(changed, 'content-type');
      // With a signature that is none, Fleet answers 400 as well; a proxy’s own 400 comes as a page of HTML.
      const page =
        /text\/html/i.test(headerOf(changed, 'content-type')) && !/text\/html/i.test(headerOf(plain, 'content-type'));
      return same || (changed.status === REFUSED_BY_FLEET && plain.status === REFUSED_BY_FLEET && !page)
        ? pass(change.id, change.well, [fact])
        : fail(change.code, change.sentence(changed.status), change.remedy, [fact]);
    }),
  );
}

export const FROZEN: Probe = {
  id: 'frozen',
  title: 'No new enrollments at the old server',
  async run(subject) {
    if (subject.oldServer !== 'micromdm')
      return skipped(
        'This old server hands out no enrollment profile by itself.',
        'See to it that nobody enrolls there any more.',
      );
    return worstOf(
      await eachPlace(subject, async (place) => {
        const { status, body } = await askAsDevice(
          subject.host,
          place,
          { method: 'GET', path: '/mdm/enroll' },
          subject.timeout,
        );
        const fact = `/mdm/enroll: ${status}`;
        return status === 200 && body.includes('com.apple.mdm')
          ? warn(
              'probe/not-frozen',
              'The old name still hands out enrollment profiles; a device that enrolls now is not brought over.',
              'Refuse /mdm/enroll and /ota/ before the last reading, and keep refusing them.',
              [fact],
            )
          : pass('frozen', 'Nobody can enroll by the old name.', [fact]);
      }),
    );
  },
};

async function eachPlace(
  subject: ProbeSubject,
  ask: (place: Place) => Promise<ProbeAnswer>,
): Promise<readonly ProbeAnswer[]> {
  const answers: ProbeAnswer[] = [];
  for (const place of await placesOf(subject)) answers.push(await ask(place));
  return answers;
}

const ORDER = ['fail', 'warn', 'skipped', 'pass'] as const;

/** The worst of several answers, with the facts of all. */
function worstOf(answers: readonly ProbeAnswer[]): ProbeAnswer {
  const sorted = [...answers].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  const [worst = fail('probe/unreachable', 'There is no place to ask.', 'Name its address.')] = sorted;
  return { ...worst, facts: answers.flatMap(({ facts }) => facts) };
}
