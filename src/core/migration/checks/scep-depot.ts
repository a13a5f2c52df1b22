/** Whether it is known how far the old CA has counted: Fleet goes on issuing with it, and must never repeat a number. */
import { pass, skip, warn, type Check } from './check';

export const SCEP_DEPOT_CHECK: Check = {
  id: 'scep-depot',
  phase: 'certificates',
  title: 'The numbers the SCEP CA has given out',
  needs: [],
  run({ snapshot: { scepCa } }) {
    if (scepCa === null) return skip('No SCEP CA was given.');
    if (scepCa.nextSerial !== null)
      return pass(`The CA would give the number ${scepCa.nextSerial.toString()} next; Fleet is lifted above it.`);
    return warn(
      'scep-depot-not-given',
      'The CA was given without its depot, so it is not known which numbers it has given out. Fleet goes on issuing with it and could repeat one; a Mac’s keychain knows a certificate by issuer and number.',
      'Give the SCEP server’s depot (--scep-depot) instead of the two files; it also proves certificates NanoMDM holds the hash of only.',
    );
  },
};
