/** Where the probes knock: the places that were named, or what the old name leads to. */
import { isIP } from 'node:net';
import { unreadable } from '../../failure';
import { addressesOf, resolversOf } from './dns';
import { fail, pass, skipped, warn, type Place, type Probe, type ProbeSubject } from './probe';

/** @throws dns/no-answer, probe/dns-nothing */
export async function placesOf(subject: ProbeSubject): Promise<readonly Place[]> {
  if (subject.places !== null) return subject.places;
  const { host, port, timeout } = subject;
  const [resolver] = resolversOf(subject);
  const found = resolver === undefined ? [] : await addressesOf(resolver, host, timeout);
  if (found.length === 0)
    unreadable('probe/dns-nothing', `${host} leads nowhere by DNS.`, 'Name the address of the new place.');
  return [...new Set(found.map(({ address }) => address))].slice(0, 16).map((address) => ({ address, port }));
}

/** A device with IPv6 takes the AAAA record first: one that was left behind leads it to the old server. */
export const IPV6: Probe = {
  id: 'ipv6',
  title: 'IPv6 leads to the same place',
  async run(subject) {
    const [resolver] = resolversOf(subject);
    if (resolver === undefined) return skipped('No resolver is known here.', 'Name a resolver.');
    const found = await addressesOf(resolver, subject.host, subject.timeout);
    const six = [...new Set(found.map(({ address }) => address).filter((address) => isIP(address) === 6))];
    if (six.length === 0) return pass('ipv6', 'The name has no IPv6 address.');
    if (subject.places === null) return pass('ipv6', `The name has IPv6 addresses; the probes ask them too.`, six);
    const wanted = new Set(subject.places.map(({ address }) => address));
    const astray = six.filter((address) => !wanted.has(address));
    if (astray.length === 0) return pass('ipv6', 'The IPv6 addresses lead to the new place.', six);
    const four = found.map(({ address }) => address).filter((address) => isIP(address) === 4);
    // Before the switch both families lead to the old place, and nothing is amiss.
    if (four.length > 0 && four.every((address) => !wanted.has(address)))
      return warn(
        'probe/ipv6-old',
        'The IPv6 addresses lead to the old place, as the IPv4 ones do.',
        'Move both at the switch.',
        six,
      );
    return fail(
      'probe/ipv6-astray',
      `${astray.length === 1 ? 'An IPv6 address leads' : 'IPv6 addresses lead'} elsewhere than the new place; devices with IPv6 go there first.`,
      'Remove the AAAA record, or give it the load balancer’s address.',
      astray,
    );
  },
};
