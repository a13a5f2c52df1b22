/** Checks of Fleet as devices will meet it, over HTTPS. */
import { isHealthy } from '../../fleet/api';
import { sameCa } from '../../fleet/assets';
import { fail, hold, pass, type Check } from './check';

export const NETWORK_CHECKS: readonly Check[] = [
  {
    id: 'fleet-health',
    phase: 'network',
    title: 'Fleet answers',
    needs: ['fleet-url'],
    async run(facts) {
      const url = facts.fleetUrl();
      if (url !== null && (await isHealthy(url))) return pass(`${new URL(url.url).host} says it is healthy.`);
      return hold(
        'fleet-unhealthy',
        'Fleet answers, but says it is not healthy (its database or Redis may be out of reach).',
        'Look at Fleet’s log before going on.',
      );
    },
  },
  {
    id: 'scep-served',
    phase: 'network',
    title: 'Fleet serves its SCEP CA',
    needs: ['fleet-url'],
    async run(facts) {
      const served = await facts.served();
      if (served === null) throw new Error('the address was there a moment ago');
      if (!served.ok) return hold(served.failure.code, served.failure.message, served.failure.remedy);
      const stored = (await facts.stored())?.ca ?? null;
      if (stored !== null && sameCa(stored, served.value) === 'different') {
        return fail(
          'scep-served-differs',
          'Fleet serves another SCEP CA than its database holds: this address and this database are not the same Fleet, or an instance was not restarted.',
          'Compare address and database; restart all Fleet instances.',
        );
      }
      return pass(`Served: ${served.value.subject.slice(0, 120)} (${served.value.sha256.slice(0, 12)}…).`);
    },
  },
];
