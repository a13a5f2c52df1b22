/** The probes of a cutover: one file or constant each, and one line here. */
import { attempt } from '../../failure';
import { AUTHORITATIVE, RESOLVERS, SPLIT_HORIZON } from './dns';
import { HEALTH, INSTANCES, SCEP_CA } from './fleet';
import { IPV6 } from './places';
import type { Probe, ProbeResult, ProbeSubject } from './probe';
import { FROZEN, LARGE_BODY, LONG_HEADER, REDIRECTS } from './requests';
import { TLS } from './tls';

export type { ProbeResult, ProbeSubject } from './probe';

/** In the order they are shown: the way of a request. */
export const PROBES: readonly Probe[] = [
  RESOLVERS,
  AUTHORITATIVE,
  SPLIT_HORIZON,
  IPV6,
  TLS,
  REDIRECTS,
  LONG_HEADER,
  LARGE_BODY,
  SCEP_CA,
  FROZEN,
  HEALTH,
  INSTANCES,
];

/**
 * Asks the network, once. Probes run one after the other: a load balancer in trouble is not asked everything at once.
 * @param onResult told of each as it comes
 * @param stop asked before each; true ends with what there is
 * @param only ids of the probes to ask; all by default
 */
export async function probe(
  subject: ProbeSubject,
  onResult: (result: ProbeResult) => void = () => undefined,
  stop: () => boolean = () => false,
  only: readonly string[] | null = null,
): Promise<ProbeResult[]> {
  const results: ProbeResult[] = [];
  for (const one of PROBES) {
    const { id, title } = one;
    if (stop()) break;
    if (only !== null && !only.includes(id)) continue;
    const answer = await attempt(() => one.run(subject));
    const result: ProbeResult = answer.ok
      ? { id, title, ...answer.value }
      : {
          id,
          title,
          status: 'fail',
          code: answer.failure.code,
          sentence: answer.failure.message,
          remedy: answer.failure.remedy,
          facts: [],
        };
    results.push(result);
    onResult(result);
  }
  return results;
}
