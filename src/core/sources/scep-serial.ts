/**
 * How far a SCEP CA has counted, where no depot says it: as the operator knows it, or at least as far as the certificates of
 * its devices show. Fleet goes on issuing with the CA and must never repeat a number.
 */
import type { Certificate } from '../certificates/der';
import { misused } from '../failure';
import type { FindingLog } from './finding-log';
import type { ScepCa } from './snapshot';

/** Greater numbers are no counter's: such a CA draws them at random, and there is nothing to step over. */
const LARGEST_COUNTED = 0x7fff_ffff_ffffn;

/** Serial numbers of certificates a CA issued; keeps the greatest one a counter can have reached. */
export class SerialMark {
  #greatest: bigint | null = null;

  see({ serial }: Certificate): void {
    if (serial > 0n && serial <= LARGEST_COUNTED && (this.#greatest === null || serial > this.#greatest))
      this.#greatest = serial;
  }

  get greatest(): bigint | null {
    return this.#greatest;
  }
}

/**
 * Reads the last number a CA has given out: decimal, or hexadecimal with `0x`. openssl prints hexadecimal without it, so
 * letters alone are asked about rather than guessed.
 * @returns it in decimal, as a reference keeps it
 * @throws FailureError `usage/scep-last-serial`
 */
export function lastSerial(text: string): string {
  const fail = (message: string, remedy: string): never => misused('usage/scep-last-serial', message, remedy);
  if (!/^(?:\d{1,40}|0x[0-9a-f]{1,40})$/i.test(text))
    return fail(
      'The last serial number of the SCEP CA is neither decimal nor hexadecimal with 0x before it.',
      'Write it like 1234 or 0x4D2. openssl x509 -noout -serial prints it in hexadecimal, without the 0x.',
    );
  const serial = BigInt(text);
  if (serial > LARGEST_COUNTED)
    fail(
      'The last serial number of the SCEP CA is too large for a counter: such a CA draws its numbers at random.',
      'Leave it out: random numbers do not meet Fleet’s.',
    );
  return serial.toString();
}

/**
 * The CA with the number it would give next.
 * @param said as {@link lastSerial} gives it; undefined where the operator said nothing
 * @param greatest the greatest number on certificates of devices of this CA; null where none was seen
 */
export function countedCa(
  ca: ScepCa | null,
  said: string | undefined,
  greatest: bigint | null,
  findings: FindingLog,
): ScepCa | null {
  if (ca === null) return null;
  const given = said === undefined ? null : BigInt(said);
  // The server's own counter, where its depot is at hand, is only ever raised.
  if (ca.nextSerial !== null)
    return given !== null && given >= ca.nextSerial ? { ...ca, nextSerial: given + 1n, serialFrom: 'operator' } : ca;
  if (given !== null && (greatest === null || given >= greatest))
    return { ...ca, nextSerial: given + 1n, serialFrom: 'operator' };
  if (greatest === null) return ca;
  if (given !== null)
    findings.add(
      'scep-last-serial-low',
      'warning',
      `The last serial number of the SCEP CA was given as ${given}, but a device holds a certificate with ${greatest}; it is counted from the latter.`,
    );
  return { ...ca, nextSerial: greatest + 1n, serialFrom: 'certificates' };
}
