/** The extensions that people ask about, in OpenSSL's words. */
import { isIPv4 } from 'node:net';
import { DerCursor, printName, printOid, TAG } from './der';

/** OIDs of extensions. */
export const EXTENSION = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  applePushDevelopment: '1.2.840.113635.100.6.3.1',
  applePushProduction: '1.2.840.113635.100.6.3.2',
} as const;

/** More names than any certificate at hand has; a bound against hostile input. */
const MAX_NAMES = 500;

const usages = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];

const purposes: ReadonlyMap<string, string> = new Map([
  ['1.3.6.1.5.5.7.3.1', 'serverAuth'],
  ['1.3.6.1.5.5.7.3.2', 'clientAuth'],
  ['1.3.6.1.5.5.7.3.3', 'codeSigning'],
  ['1.3.6.1.5.5.7.3.4', 'emailProtection'],
  ['1.3.6.1.5.5.7.3.8', 'timeStamping'],
  ['1.3.6.1.5.5.7.3.9', 'OCSPSigning'],
  ['2.5.29.37.0', 'anyExtendedKeyUsage'],
]);

/** GeneralNames as `DNS:…`, `IP Address:…`, `email:…`, `URI:…`, `DirName:…`. */
export function readAltNames(content: Buffer | null): string[] {
  const list = sequenceIn(content);
  const names: string[] = [];
  while (list?.next() && names.length < MAX_NAMES) {
    const bytes = list.bytes as Buffer;
    const value = bytes.subarray(list.contentStart, list.end);
    switch (list.tag) {
      case 0x81:
        names.push(`email:${value.toString('latin1')}`);
        break;
      case 0x82:
        names.push(`DNS:${value.toString('latin1')}`);
        break;
      case 0x86:
        names.push(`URI:${value.toString('latin1')}`);
        break;
      case 0x87:
        names.push(`IP Address:${printAddress(value)}`);
        break;
      case 0x88:
        names.push(`Registered ID:${printOid(bytes, list.contentStart, list.end)}`);
        break;
      case 0xa4:
        names.push(`DirName:${printName(value)}`);
        break;
      default:
        names.push('othername:<unsupported>');
    }
  }
  return names;
}

/** Key usage bits by name. */
export function readKeyUsage(content: Buffer | null): string[] {
  if (!content) return [];
  const cursor = new DerCursor(content, 0, content.length);
  if (!cursor.expect(TAG.bitString)) return [];
  const bits = content.subarray(cursor.contentStart + 1, cursor.end);
  return usages.filter((_name, index) => ((bits[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0);
}

/** Extended key usages by name, unknown ones as OID. */
export function readExtendedKeyUsage(content: Buffer | null): string[] {
  const list = sequenceIn(content);
  const found: string[] = [];
  while (list?.next() && found.length < MAX_NAMES) {
    const oid = printOid(list.bytes, list.contentStart, list.end);
    found.push(purposes.get(oid) ?? oid);
  }
  return found;
}

/** The path length constraint; null when there is none. */
export function readPathLength(content: Buffer | null): number | null {
  const list = sequenceIn(content);
  while (list?.next())
    if (list.tag === TAG.integer && list.end - list.contentStart === 1) return list.bytes[list.contentStart] as number;
  return null;
}

function sequenceIn(content: Buffer | null): DerCursor | null {
  if (!content) return null;
  const outer = new DerCursor(content, 0, content.length);
  return outer.expect(TAG.sequence) ? outer.inside() : null;
}

function printAddress(bytes: Buffer): string {
  const dotted = bytes.join('.');
  if (isIPv4(dotted)) return dotted;
  if (bytes.length !== 16) return '<invalid>';
  const words: string[] = [];
  for (let i = 0; i < 16; i += 2) words.push(bytes.readUInt16BE(i).toString(16).toUpperCase());
  return words.join(':');
}
