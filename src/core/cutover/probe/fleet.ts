/** Fleet itself, and whether all of its instances are the same. */
import { createHash } from 'node:crypto';
import { isHealthy } from '../../fleet/api';
import { getFromFleet, type FleetUrl } from '../../fleet/https-request';
import { fetchScepCa, readScepCa } from '../../fleet/scep';
import { attempt } from '../../failure';
import { askAsDevice } from './device-request';
import { placesOf } from './places';
import { fail, pass, skipped, warn, type Probe, type ProbeSubject } from './probe';

const NO_FLEET = 'Fleet’s own address was not given.';
const NAME_FLEET = 'Name it, and probe again.';

export const HEALTH: Probe = {
  id: 'fleet-health',
  title: 'Fleet is healthy',
  async run(subject) {
    const urls = urlsOf(subject);
    if (urls.length === 0) return skipped(NO_FLEET, NAME_FLEET);
    const ill: string[] = [];
    for (const fleet of urls) if (!(await isHealthy(fleet))) ill.push(fleet.url);
    return ill.length === 0
      ? pass(
          'fleet-health',
          'Fleet says that it is healthy.',
          urls.map(({ url }) => url),
        )
      : fail(
          'probe/fleet-ill',
          `Fleet at ${ill.join(', ')} says that it is not healthy.`,
          'Look at its log: MySQL or Redis cannot be reached.',
          ill,
        );
  },
};

export const SCEP_CA: Probe = {
  id: 'scep-ca',
  title: 'The old name serves the SCEP CA that was carried over',
  async run(subject) {
    const { caSha256, paths, host, timeout } = subject;
    const facts: string[] = [];
    for (const place of await placesOf(subject)) {
      for (const path of [...(paths.scep === null ? [] : [paths.scep]), '/mdm/apple/scep']) {
        const answer = await askAsDevice(host, place, { method: 'GET', path: `${path}?operation=GetCACert` }, timeout);
        const [ca] = answer.status === 200 ? readScepCa(answer.body) : [];
        if (ca === undefined) {
          if (answer.status >= 300 && answer.status < 400) {
            facts.push(`${path}: redirected (${answer.status})`);
            continue;
          }
          return fail(
            'probe/scep-unreadable',
            `${path} does not answer with a CA certificate (${answer.status}).`,
            'Lead it to Fleet’s /mdm/apple/scep, and check that Fleet runs with its private key set.',
            [...facts, `${path}: ${answer.status}`],
          );
        }
        facts.push(`${path}: ${ca.subject}, sha256 ${ca.sha256.slice(0, 16)}…`);
        if (caSha256 !== null && ca.sha256 !== caSha256)
          return fail(
            'probe/scep-other-ca',
            `${path} serves another CA than the one that was carried over; certificates it issues would not be the old server’s.`,
            'Bring the old SCEP CA into Fleet and restart every instance.',
            facts,
          );
      }
    }
    return caSha256 === null
      ? warn(
          'probe/scep-unknown-ca',
          'A CA is served; which one it must be is not known here.',
          'Name the source, and probe again.',
          facts,
        )
      : pass('scep-ca', 'It is the CA that was carried over.', facts);
  },
};

export const INSTANCES: Probe = {
  id: 'instances',
  title: 'Every Fleet instance is the same',
  async run(subject) {
    if (subject.instances.length < 2)
      return skipped(
        'Fewer than two instances were named.',
        'Name each of Fleet’s instances past its load balancer: one that was not restarted serves the old CA.',
      );
    const facts: string[] = [];
    const kinds = new Set<string>();
    const silent: string[] = [];
    for (const fleet of urlsOf(subject).slice(subject.fleetUrl === null ? 0 : 1)) {
      const told = await attempt(async () => {
        const [ca] = await fetchScepCa(fleet, subject.timeout);
        const version = await getFromFleet(fleet, '/version', { limits: { timeout: subject.timeout, size: 65_536 } });
        return { ca: ca?.sha256 ?? 'none', version: createHash('sha256').update(version.body).digest('hex') };
      });
      if (!told.ok) {
        silent.push(fleet.url);
        facts.push(`${fleet.url}: ${told.failure.message}`);
        continue;
      }
      kinds.add(`${told.value.ca} ${told.value.version}`);
      facts.push(`${fleet.url}: SCEP CA ${told.value.ca.slice(0, 16)}…, version ${told.value.version.slice(0, 8)}`);
    }
    if (kinds.size > 1)
      return fail(
        'probe/instances-differ',
        'Fleet’s instances serve different CAs or run different versions.',
        'Restart every instance after its keys and certificates were changed.',
        facts,
      );
    return silent.length === 0
      ? pass(
          'instances',
          `All ${subject.instances.length} instances serve the same CA and run the same version.`,
          facts,
        )
      : fail(
          'probe/instance-silent',
          `${silent.length} of ${subject.instances.length} instances did not answer.`,
          'Take it out of the load balancer, or start it.',
          facts,
        );
  },
};

function urlsOf({ fleetUrl, instances, fleetCaFile }: ProbeSubject): FleetUrl[] {
  return [...(fleetUrl === null ? [] : [fleetUrl]), ...instances].map((url) => ({ url, caFile: fleetCaFile }));
}
