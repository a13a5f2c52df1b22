/** Which fields of a profile hold a secret, for whoever has to put them somewhere: names only. */
import { asDictionary, type PropertyListValue } from '../sources/property-list';
import { isIdentity } from './payload-kind';
import type { OpenedProfile } from './profile';

const SECRET_NAME = /password|passphrase|secret|token|challenge|psk|credential|private.?key|license/i;
const MOST = 50;

/** `com.apple.wifi.managed: Password`; at most 50. An identity’s PKCS#12 counts although its name says nothing. */
export function secretFields({ payloads }: OpenedProfile): string[] {
  const found: string[] = [];
  for (const { type, body } of payloads) {
    const note = (path: string): void => {
      if (found.length < MOST) found.push(`${type.slice(0, 80)}: ${path.slice(0, 120)}`);
    };
    const walk = (value: PropertyListValue, path: string, key: string, depth: number): void => {
      if (depth > 16) return;
      const holds = (typeof value === 'string' && value !== '') || Buffer.isBuffer(value);
      if (holds && (SECRET_NAME.test(key) || (isIdentity(type) && Buffer.isBuffer(value)))) note(path);
      const inner = asDictionary(value);
      if (inner !== null)
        for (const [name, entry] of Object.entries(inner))
          walk(entry, path === '' ? name : `${path}.${name}`, name, depth + 1);
      else if (Array.isArray(value)) value.forEach((entry, at) => walk(entry, `${path}[${at}]`, key, depth + 1));
    };
    walk(body, '', '', 0);
  }
  return found;
}
