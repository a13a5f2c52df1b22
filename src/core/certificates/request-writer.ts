/** Makes certificate requests. */
import { sign, type KeyObject } from 'node:crypto';
import { writeAlgorithm, writeDer, writeInteger, writeOid } from './der-writer';
import { spkiOf } from './private-key';

const OID = {
  commonName: '2.5.4.3',
  country: '2.5.4.6',
  email: '1.2.840.113549.1.9.1',
  rsaSha256: '1.2.840.113549.1.1.11',
};

/** Who asks for a certificate. */
export interface RequestSubject {
  readonly commonName: string;
  /** Two letters. */
  readonly country?: string;
  readonly email?: string;
}

/** A PKCS#10 request for an RSA key, signed with SHA-256, as DER. */
export function writeRequest(key: KeyObject, { commonName, country, email }: RequestSubject): Buffer {
  const name = writeDer(
    0x30,
    ...(email === undefined ? [] : [rdn(OID.email, 0x16, email)]),
    rdn(OID.commonName, 0x0c, commonName),
    ...(country === undefined ? [] : [rdn(OID.country, 0x13, country)]),
  );
  const info = writeDer(0x30, writeInteger(0), name, spkiOf(key), writeDer(0xa0));
  const signature = sign('sha256', info, key);
  return writeDer(0x30, info, writeAlgorithm(OID.rsaSha256), writeDer(0x03, Buffer.from([0]), signature));
}

function rdn(oid: string, tag: number, text: string): Buffer {
  return writeDer(0x31, writeDer(0x30, writeOid(oid), writeDer(tag, Buffer.from(text, 'utf8'))));
}
