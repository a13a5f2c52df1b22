/** How a database proves who it is, and when it may be spoken to in the open. */
import { readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { unreadable } from '../failure';

/**
 * How the server proves who it is. `verify-identity`: trusted chain and matching name (the default);
 * `verify-ca`: trusted chain only; `disabled`: no encryption, to loopback or after a typed confirmation.
 */
export type TlsMode = 'verify-identity' | 'verify-ca' | 'disabled';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True for 127.0.0.0/8, ::1 and `localhost`: what is said there does not leave the machine. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** The mode when nothing was chosen: no encryption to loopback, the full check to everywhere else. */
export function defaultTlsMode(host: string): TlsMode {
  return isLoopback(host) ? 'disabled' : 'verify-identity';
}

/**
 * The certificates to trust instead of the roots Node brings.
 * @param code of the failure; `example` says where such a file lies
 * @throws FailureError `code` when the file cannot be read or holds no certificate
 */
export async function readCaFile(path: string, code: string, example: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    unreadable(code, `The CA file ${path} could not be read (${reason}).`, 'Name a PEM file that you may read.');
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    unreadable(code, `The CA file ${path} holds no certificate in PEM form.`, `Name the file with ${example}.`);
  return text;
}
