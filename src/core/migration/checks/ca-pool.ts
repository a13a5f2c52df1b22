/** Whether devices hold certificates of several CAs: NanoMDM accepts every CA of its -ca file, Fleet has one. */
import { readCertificate } from '../../certificates/der';
import { counted, pass, skip, warn, type Check } from './check';
import { nameOf } from './facts';

/** Names that are shown. */
const MOST_NAMES = 5;

export const CA_POOL_CHECK: Check = {
  id: 'ca-pool',
  phase: 'certificates',
  title: 'One CA for all devices',
  needs: [],
  run({ snapshot: { scepCa }, judgement }) {
    if (scepCa === null) return skip('No SCEP CA is known to compare with.');
    const strangers = judgement.devices.filter(({ device }) => device.certificate?.issuedByCa === false);
    if (strangers.length === 0) return pass('No device is known to hold a certificate of another CA.');
    const names = new Set<string>();
    for (const { device } of strangers) {
      const der = device.certificate?.der ?? null;
      const issuer = der === null ? null : (readCertificate(der)?.issuer ?? null);
      if (issuer !== null)
        names.add(issuer === scepCa.subject ? 'the same name with another key' : issuer.slice(0, 200));
    }
    const shown = [...names].slice(0, MOST_NAMES).join('; ');
    return warn(
      'several-cas',
      `${counted(strangers.length, 'device holds', 'devices hold')} a certificate of another CA than ${scepCa.subject}${shown === '' ? '' : `: ${shown}${names.size > MOST_NAMES ? '; …' : ''}`}. The old server accepts every CA it was started with, Fleet one; these devices stay out.`,
      'Have them renewed at the old server by the CA that is carried over (send them the enrollment profile again), then read the source once more; else re-enrol them.',
      { subjects: strangers.map(nameOf) },
    );
  },
};
