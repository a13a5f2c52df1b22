/** Whether it is known how far the old CA has counted: Fleet goes on issuing with it, and must never repeat a number. */
import { pass, skip, warn, type Check } from './check';

export const SCEP_DEPOT_CHECK: Check = {
  id: 'scep-depot',
  phase: 'certificates',
  title: 'The numbers the SCEP CA has given out',
  needs: [],
  run({ snapshot: { scepCa } }) {
    if (scepCa === null) return skip('No SCEP CA was given.');
    const { nextSerial, serialFrom } = scepCa;
    if (nextSerial !== null && serialFrom === 'certificates')
      return warn(
        'scep-serial-from-certificates',
        `The CA was given without its depot. The greatest number on certificates of this source’s devices is ${nextSerial - 1n}, and Fleet is lifted far above it; but numbers that were given out to devices no longer here, or since, are not seen. A number that came twice would be a risk to the Macs with both certificates.`,
        'Give the SCEP server’s depot (--scep-depot), or the last number it has given out (--scep-last-serial).',
      );
    if (nextSerial !== null && serialFrom === 'operator')
      return pass(`The CA’s last number was given as ${nextSerial - 1n}; Fleet is lifted above it.`);
    if (nextSerial !== null) return pass(`The CA would give the number ${nextSerial} next; Fleet is lifted above it.`);
    return warn(
      'scep-depot-not-given',
      'The CA was given without its depot, so it is not known which numbers it has given out, and no certificate of a device shows one. Fleet goes on issuing with it and could repeat one; a Mac’s keychain knows a certificate by issuer and number.',
      'Give the SCEP server’s depot (--scep-depot), which also proves certificates NanoMDM holds the hash of only, or the last number it has given out (--scep-last-serial).',
    );
  },
};
