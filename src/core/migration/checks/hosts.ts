/** Checks of Fleet's hosts against the devices that go in. */
import { findHostDuplicates } from '../../fleet/hosts';
import { counted, pass, warn, type Check } from './check';
import { nameOf } from './facts';

export const HOST_CHECKS: readonly Check[] = [
  {
    id: 'no-agent',
    phase: 'target',
    title: 'Macs run Fleet’s agent',
    needs: ['fleet'],
    async run(facts) {
      const hosts = await facts.hosts();
      const macs = facts.entering().filter(({ device }) => device.platform === 'darwin' || device.platform === null);
      const without = macs.filter(({ device }) => device.udid !== null && !hosts.hasAgent(device.udid));
      if (without.length === 0)
        return pass(
          macs.length === 0
            ? 'No Mac goes in.'
            : `Fleet’s agent has reported for ${macs.length === 1 ? 'the Mac' : `all ${macs.length.toLocaleString('en-US')} Macs`} that can go in.`,
        );
      const unknown = without.filter(({ device }) => hosts.withUdid(device.udid ?? '').length === 0).length;
      return warn(
        'no-agent',
        `Of ${counted(macs.length, 'Mac')} ${without.length.toLocaleString('en-US')} ${without.length === 1 ? 'has' : 'have'} no agent in Fleet (${unknown.toLocaleString('en-US')} of them no host at all). Fleet sends such a Mac no profiles and never renews its certificate.`,
        'Install fleetd through the old server first, and wait until the Macs appear in Fleet. Accept no-agent only for Macs that will get it before their certificate ends.',
        { subjects: without.map(nameOf) },
      );
    },
  },
  {
    id: 'host-duplicates',
    phase: 'target',
    title: 'One host per device in Fleet',
    needs: ['fleet'],
    async run(facts) {
      const hosts = await facts.hosts();
      const ours = facts
        .entering()
        .filter(({ device }) => device.udid !== null && hosts.withUdid(device.udid).length > 1);
      const anywhere = await findHostDuplicates(facts.connection);
      if (ours.length === 0 && anywhere.length === 0)
        return pass('No two Apple hosts in Fleet share a UDID or a serial number.');
      const list = anywhere.map(
        (one) =>
          `${one.column === 'uuid' ? 'UDID' : 'serial'} ${one.value.slice(0, 64)}: ${counted(one.count, 'host')}`,
      );
      return warn(
        'host-duplicates',
        ours.length > 0
          ? `${counted(ours.length, 'device that goes in has', 'devices that go in have')} several hosts in Fleet; a shared UDID has stopped Fleet’s whole renewal run before.`
          : `Fleet has hosts that share a UDID or serial number (${counted(anywhere.length, 'value')}); a shared UDID has stopped Fleet’s whole renewal run before.`,
        'Delete the hosts that are outdated in Fleet, keeping the one its agent reports for.',
        { subjects: [...ours.map(nameOf), ...list] },
      );
    },
  },
  {
    id: 'host-serials',
    phase: 'target',
    title: 'Fleet’s hosts and the source agree on serial numbers',
    needs: ['fleet'],
    async run(facts) {
      const hosts = await facts.hosts();
      const elsewhere = facts.entering().filter(({ device }) => {
        if (device.udid === null || device.serial === null) return false;
        const own = hosts.withUdid(device.udid);
        return own.length === 0 && hosts.withSerial(device.serial).length > 0;
      });
      if (elsewhere.length === 0) return pass('No host carries the serial number of a device under another UDID.');
      return warn(
        'host-serial-elsewhere',
        `For ${counted(elsewhere.length, 'device')} Fleet has a host with the same serial number but another UDID, so host and enrollment would not find each other.`,
        'Compare them: a replaced logic board gives a new UDID, and the source’s record is then the outdated one.',
        { subjects: elsewhere.map(nameOf) },
      );
    },
  },
];
