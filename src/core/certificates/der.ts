/**
 * X.509 certificates without a full parse: a bounded walk over the DER that remembers where the fields are.
 *
 * A source may hold fifty thousand certificates of which we want a name and two dates each, so opening one only
 * finds offsets; names and extensions are decoded when asked for. Every offset is checked against the element that
 * holds it, so hostile bytes give null, never a crash and never a read outside the certificate.
 */
import { FailureError } from '../failure';

/** Tags as they stand in the identifier octet. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * Walks the elements of one constructed value. After a successful {@link DerCursor.next} the fields describe the
 * element just passed. One cursor per level, no object per element.
 */
export class DerCursor {
  /** Identifier octet of the current element. */
  tag = 0;
  /** Offset of the identifier octet. */
  start = 0;
  /** Offset of the first content octet. */
  contentStart = 0;
  /** Offset just past the content; also where the next element starts. */
  end: number;

  constructor(
    readonly bytes: Uint8Array,
    from: number,
    /** Offset just past the last octet that may be read. */
    readonly limit: number,
  ) {
    this.end = from;
  }

  /** Moves to the next element. False at the limit and on anything that is not DER (long tags, indefinite or
   *  over-long lengths, elements that reach past the limit). */
  next(): boolean {
    const { bytes, limit } = this;
    let at = this.end;
    if (at + 2 > limit) return false;
    const tag = bytes[at] as number;
    // Multi-octet tags occur nowhere in a certificate.
    if ((tag & 0x1f) === 0x1f) return false;
    this.start = at;
    let length = bytes[at + 1] as number;
    at += 2;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > 4 || at + octets > limit) return false;
      length = 0;
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at + i] as number);
      at += octets;
    }
    if (length > limit - at) return false;
    this.tag = tag;
    this.contentStart = at;
    this.end = at + length;
    return true;
  }

  /** Moves to the next element and says whether it has this tag. */
  expect(tag: number): boolean {
    return this.next() && this.tag === tag;
  }

  /** A cursor over the content of the current element. */
  inside(): DerCursor {
    return new DerCursor(this.bytes, this.contentStart, this.end);
  }
}

/** Short names of RFC 4514 and what OpenSSL prints for the others we meet. Everything else prints as its OID. */
const attributeNames: ReadonlyMap<string, string> = new Map([
  ['2.5.4.3', 'CN'],
  ['2.5.4.4', 'SN'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.6', 'C'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST'],
  ['2.5.4.9', 'street'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.12', 'title'],
  ['2.5.4.42', 'GN'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['1.2.840.113549.1.9.1', 'emailAddress'],
]);

/** A signature algorithm as its OID, and what `crypto.verify` wants to hear for it. */
export interface SignatureAlgorithm {
  readonly oid: string;
  /** OpenSSL digest name; null where the key type implies it (Ed25519); undefined when we do not know the algorithm. */
  readonly digest: string | null | undefined;
}

const signatureDigests: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.113549.1.1.5', 'sha1'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.113549.1.1.14', 'sha224'],
  ['1.2.840.10045.4.1', 'sha1'],
  ['1.2.840.10045.4.3.1', 'sha224'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
  ['1.3.101.113', null],
]);

/** A signature algorithm by its dotted OID. */
export function signatureAlgorithmOf(oid: string): SignatureAlgorithm {
  return { oid, digest: signatureDigests.get(oid) };
}

/** The DER of one OID, as hex-free bytes to compare with. */
const OID_COMMON_NAME = Buffer.from([0x55, 0x04, 0x03]);
const OID_SUBJECT_KEY_ID = Buffer.from([0x55, 0x1d, 0x0e]);
const OID_BASIC_CONSTRAINTS = Buffer.from([0x55, 0x1d, 0x13]);
const OID_AUTHORITY_KEY_ID = Buffer.from([0x55, 0x1d, 0x23]);
const OID_USER_ID = Buffer.from([0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01]);

/** One attribute of a distinguished name. */
export interface NameAttribute {
  readonly oid: string;
  /** Null when it is of no string type. */
  readonly value: string | null;
  /** The value's whole DER element. */
  readonly der: Buffer;
}

/**
 * An X.509 certificate. Made by {@link readCertificate} or {@link openCertificate} only; holds the buffer it was
 * given, so a caller that keeps it for long passes a copy.
 */
export class Certificate {
  readonly #issuerStart: number;
  readonly #issuerEnd: number;
  readonly #subjectStart: number;
  readonly #subjectEnd: number;

  constructor(
    /** The certificate itself, without anything that followed it. */
    readonly der: Buffer,
    private readonly at: CertificateOffsets,
    /** Validity, milliseconds since the epoch. */
    readonly notBefore: number,
    readonly notAfter: number,
  ) {
    this.#issuerStart = at.issuerStart;
    this.#issuerEnd = at.issuerEnd;
    this.#subjectStart = at.subjectStart;
    this.#subjectEnd = at.subjectEnd;
  }

  /** Serial number; negative ones (forbidden, but seen) come out negative. */
  get serial(): bigint {
    const bytes = this.der.subarray(this.at.serialStart, this.at.serialEnd);
    if (bytes.length === 0) return 0n;
    const value = BigInt(`0x${bytes.toString('hex')}`);
    return (bytes[0] as number) & 0x80 ? value - (1n << BigInt(8 * bytes.length)) : value;
  }

  /** The issuer's Name as DER. */
  get issuerDer(): Buffer {
    return this.der.subarray(this.#issuerStart, this.#issuerEnd);
  }

  /** The subject's Name as DER. */
  get subjectDer(): Buffer {
    return this.der.subarray(this.#subjectStart, this.#subjectEnd);
  }

  /** RFC 2253-like, most specific first: `OU=MICROMDM SCEP CA,O=MicroMDM,C=US`. */
  get issuer(): string {
    return printName(this.issuerDer);
  }

  /** RFC 2253-like, most specific first. */
  get subject(): string {
    return printName(this.subjectDer);
  }

  /** The subject's (first) common name; null when it has none. */
  get commonName(): string | null {
    return firstAttribute(this.der, this.#subjectStart, this.#subjectEnd, OID_COMMON_NAME);
  }

  /** The subject's user id (OID 0.9.2342.19200300.100.1.1), where Apple puts the push topic. */
  get userId(): string | null {
    return firstAttribute(this.der, this.#subjectStart, this.#subjectEnd, OID_USER_ID);
  }

  /** SubjectPublicKeyInfo as DER. */
  get spki(): Buffer {
    return this.der.subarray(this.at.spkiStart, this.at.spkiEnd);
  }

  /** What is signed: the whole TBSCertificate element. */
  get signedBytes(): Buffer {
    return this.der.subarray(this.at.tbsStart, this.at.tbsEnd);
  }

  /** The signature itself. */
  get signature(): Buffer {
    return this.der.subarray(this.at.signatureStart, this.at.signatureEnd);
  }

  get signatureAlgorithm(): SignatureAlgorithm {
    const oid = printOid(this.der, this.at.algorithmStart, this.at.algorithmEnd);
    return { oid, digest: signatureDigests.get(oid) };
  }

  /** Basic constraints say it is a CA. */
  get isCa(): boolean {
    const range = this.#extension(OID_BASIC_CONSTRAINTS);
    if (!range) return false;
    const outer = new DerCursor(this.der, range[0], range[1]);
    if (!outer.expect(TAG.sequence)) return false;
    const inner = outer.inside();
    return inner.expect(TAG.boolean) && inner.end - inner.contentStart === 1 && this.der[inner.contentStart] !== 0;
  }

  /** Subject key identifier; null when it carries none. */
  get subjectKeyId(): Buffer | null {
    const range = this.#extension(OID_SUBJECT_KEY_ID);
    if (!range) return null;
    const cursor = new DerCursor(this.der, range[0], range[1]);
    return cursor.expect(TAG.octetString) ? this.der.subarray(cursor.contentStart, cursor.end) : null;
  }

  /** Key identifier of the authority key identifier; null when it carries none. */
  get authorityKeyId(): Buffer | null {
    const range = this.#extension(OID_AUTHORITY_KEY_ID);
    if (!range) return null;
    const outer = new DerCursor(this.der, range[0], range[1]);
    if (!outer.expect(TAG.sequence)) return null;
    const inner = outer.inside();
    // [0] IMPLICIT KeyIdentifier
    return inner.expect(0x80) ? this.der.subarray(inner.contentStart, inner.end) : null;
  }

  /** The content of an extension by its dotted OID; null when the certificate has none. */
  extension(oid: string): Buffer | null {
    const { extensionsStart, extensionsEnd } = this.at;
    if (extensionsStart === 0) return null;
    const list = new DerCursor(this.der, extensionsStart, extensionsEnd);
    while (list.next()) {
      const one = list.inside();
      if (!one.expect(TAG.oid)) return null;
      if (printOid(this.der, one.contentStart, one.end) !== oid) continue;
      if (!one.next() || (one.tag === TAG.boolean && !one.next())) return null;
      return one.tag === TAG.octetString ? this.der.subarray(one.contentStart, one.end) : null;
    }
    return null;
  }

  /** Where the OCTET STRING content of an extension lies. */
  #extension(oid: Buffer): readonly [number, number] | null {
    const { extensionsStart, extensionsEnd } = this.at;
    if (extensionsStart === 0) return null;
    const list = new DerCursor(this.der, extensionsStart, extensionsEnd);
    while (list.next()) {
      if (list.tag !== TAG.sequence) return null;
      const one = list.inside();
      if (!one.expect(TAG.oid)) return null;
      if (!sameBytes(this.der, one.contentStart, one.end, oid)) continue;
      // critical BOOLEAN DEFAULT FALSE may stand between.
      if (!one.next()) return null;
      if (one.tag === TAG.boolean && !one.next()) return null;
      return one.tag === TAG.octetString ? [one.contentStart, one.end] : null;
    }
    return null;
  }
}

interface CertificateOffsets {
  readonly tbsStart: number;
  readonly tbsEnd: number;
  readonly serialStart: number;
  readonly serialEnd: number;
  readonly issuerStart: number;
  readonly issuerEnd: number;
  readonly subjectStart: number;
  readonly subjectEnd: number;
  readonly spkiStart: number;
  readonly spkiEnd: number;
  /** Content of the Extensions sequence; 0 when there is none. */
  readonly extensionsStart: number;
  readonly extensionsEnd: number;
  /** Content of the outer signature algorithm's OID. */
  readonly algorithmStart: number;
  readonly algorithmEnd: number;
  readonly signatureStart: number;
  readonly signatureEnd: number;
}

/**
 * Opens an X.509 certificate. Trailing bytes after it are ignored.
 * @returns null when the bytes are not a certificate.
 */
export function readCertificate(bytes: Buffer): Certificate | null {
  const top = new DerCursor(bytes, 0, bytes.length);
  if (!top.expect(TAG.sequence)) return null;
  const outer = top.inside();
  if (!outer.expect(TAG.sequence)) return null;
  const tbsStart = outer.start;
  const tbsEnd = outer.end;
  const tbs = outer.inside();

  if (!outer.expect(TAG.sequence)) return null;
  const algorithm = outer.inside();
  if (!algorithm.expect(TAG.oid)) return null;
  if (!outer.expect(TAG.bitString)) return null;
  // A signature is whole octets: the count of unused bits in front of it is 0.
  if (outer.end - outer.contentStart < 2 || bytes[outer.contentStart] !== 0) return null;

  if (!tbs.next()) return null;
  // [0] EXPLICIT version; absent in version 1.
  if (tbs.tag === 0xa0 && !tbs.next()) return null;
  if (tbs.tag !== TAG.integer) return null;
  const serialStart = tbs.contentStart;
  const serialEnd = tbs.end;
  if (serialEnd - serialStart > 128 || serialEnd === serialStart) return null;
  if (!tbs.expect(TAG.sequence)) return null;
  if (!tbs.expect(TAG.sequence)) return null;
  const issuerStart = tbs.start;
  const issuerEnd = tbs.end;
  if (!tbs.expect(TAG.sequence)) return null;
  const validity = tbs.inside();
  const notBefore = validity.next() ? readTime(validity) : null;
  const notAfter = validity.next() ? readTime(validity) : null;
  if (notBefore === null || notAfter === null) return null;
  if (!tbs.expect(TAG.sequence)) return null;
  const subjectStart = tbs.start;
  const subjectEnd = tbs.end;
  if (!tbs.expect(TAG.sequence)) return null;
  const spkiStart = tbs.start;
  const spkiEnd = tbs.end;
  let extensionsStart = 0;
  let extensionsEnd = 0;
  const rest = new DerCursor(bytes, spkiEnd, tbsEnd);
  while (rest.next()) {
    // [3] EXPLICIT Extensions; [1] and [2] are unique ids nobody uses.
    if (rest.tag !== 0xa3) continue;
    const wrapped = rest.inside();
    if (!wrapped.expect(TAG.sequence)) return null;
    extensionsStart = wrapped.contentStart;
    extensionsEnd = wrapped.end;
  }
  return new Certificate(
    top.end === bytes.length ? bytes : bytes.subarray(0, top.end),
    {
      tbsStart,
      tbsEnd,
      serialStart,
      serialEnd,
      issuerStart,
      issuerEnd,
      subjectStart,
      subjectEnd,
      spkiStart,
      spkiEnd,
      extensionsStart,
      extensionsEnd,
      algorithmStart: algorithm.contentStart,
      algorithmEnd: algorithm.end,
      signatureStart: outer.contentStart + 1,
      signatureEnd: outer.end,
    },
    notBefore,
    notAfter,
  );
}

/**
 * Opens an X.509 certificate.
 * @param what how to call it in the message: `the push certificate`.
 * @throws FailureError `certificate/not-der`
 */
export function openCertificate(bytes: Buffer, what: string): Certificate {
  const certificate = readCertificate(bytes);
  if (certificate) return certificate;
  throw new FailureError({
    code: 'certificate/not-der',
    message: `${capital(what)} is not an X.509 certificate in DER form.`,
    remedy: 'Check that the right file was given and that it was copied completely.',
    kind: 'unreadable',
    detail: { bytes: bytes.length },
  });
}

/**
 * The attributes of a distinguished name in encoded order, one array per RDN.
 * @returns null when the bytes are not a Name.
 */
export function readName(der: Buffer): NameAttribute[][] | null {
  const outer = new DerCursor(der, 0, der.length);
  if (!outer.expect(TAG.sequence)) return null;
  const names: NameAttribute[][] = [];
  const rdns = outer.inside();
  while (rdns.next()) {
    if (rdns.tag !== TAG.set) return null;
    const rdn: NameAttribute[] = [];
    const attributes = rdns.inside();
    while (attributes.next()) {
      if (attributes.tag !== TAG.sequence) return null;
      const pair = attributes.inside();
      if (!pair.expect(TAG.oid)) return null;
      const oid = printOid(der, pair.contentStart, pair.end);
      if (!pair.next()) return null;
      rdn.push({ oid, value: readText(pair), der: der.subarray(pair.start, pair.end) });
    }
    if (attributes.end !== rdns.end) return null;
    names.push(rdn);
  }
  return rdns.end === outer.end ? names : null;
}

/**
 * A distinguished name for people, RFC 2253-like, most specific first. Non-ASCII stays as it is.
 * Bytes that are not a Name print as `#hex`.
 */
export function printName(der: Buffer): string {
  const names = readName(der);
  if (!names) return `#${der.subarray(0, 64).toString('hex')}`;
  return names
    .reverse()
    .map((rdn) => rdn.map(printAttribute).join('+'))
    .join(',');
}

function printAttribute({ oid, value, der }: NameAttribute): string {
  const name = attributeNames.get(oid);
  if (name === undefined || value === null) return `${name ?? oid}=#${der.toString('hex').toUpperCase()}`;
  const escaped = value
    .replace(/[,+"\\<>;]/g, '\\$&')
    // Control characters as octets, so that a name stays one line.
    // eslint-disable-next-line no-control-regex
    .replace(/[\u0000-\u001f\u007f]/g, (c) => `\\${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
  return `${name}=${escaped}`;
}

/** First attribute with this OID in a Name, most specific (last) first, without building the whole name. */
function firstAttribute(der: Buffer, start: number, end: number, oid: Buffer): string | null {
  const outer = new DerCursor(der, start, end);
  if (!outer.expect(TAG.sequence)) return null;
  const rdns = outer.inside();
  let found: string | null = null;
  while (rdns.next()) {
    if (rdns.tag !== TAG.set) return found;
    const attributes = rdns.inside();
    while (attributes.next()) {
      const pair = attributes.inside();
      if (!pair.expect(TAG.oid)) return found;
      if (sameBytes(der, pair.contentStart, pair.end, oid) && pair.next()) found = readText(pair);
    }
  }
  return found;
}

/** The text of a directory string. T61 is read as Latin-1, as everybody does. */
function readText(cursor: DerCursor): string | null {
  const { contentStart: from, end: to } = cursor;
  const bytes = cursor.bytes as Buffer;
  switch (cursor.tag) {
    case 0x0c:
      return bytes.toString('utf8', from, to);
    case 0x12:
    case 0x13:
    case 0x14:
    case 0x16:
    case 0x1a:
      return bytes.toString('latin1', from, to);
    case 0x1e: {
      let text = '';
      for (let i = from; i + 1 < to; i += 2)
        text += String.fromCharCode((bytes[i] as number) * 256 + (bytes[i + 1] as number));
      return text;
    }
    case 0x1c: {
      let text = '';
      for (let i = from; i + 3 < to; i += 4) {
        const point = bytes.readUInt32BE(i);
        text += point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
      }
      return text;
    }
    default:
      return null;
  }
}

/** UTCTime or GeneralizedTime as milliseconds since the epoch; null when it is neither. */
function readTime(cursor: DerCursor): number | null {
  const { bytes, tag, end } = cursor;
  let at = cursor.contentStart;
  const two = (): number => {
    if (at + 2 > end) return -1;
    const a = (bytes[at] as number) - 48;
    const b = (bytes[at + 1] as number) - 48;
    at += 2;
    return a < 0 || a > 9 || b < 0 || b > 9 ? -1 : a * 10 + b;
  };
  let year: number;
  if (tag === TAG.utcTime) {
    const short = two();
    if (short < 0) return null;
    // RFC 5280 4.1.2.5.1
    year = short >= 50 ? 1900 + short : 2000 + short;
  } else if (tag === TAG.generalizedTime) {
    const century = two();
    const rest = two();
    if (century < 0 || rest < 0) return null;
    year = century * 100 + rest;
  } else return null;
  const month = two();
  const day = two();
  const hour = two();
  const minute = two();
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59) return null;
  let second = 0;
  const digit = at < end ? (bytes[at] as number) : 0;
  if (digit >= 48 && digit <= 57) {
    second = two();
    if (second < 0 || second > 60) return null;
  }
  if (at < end && bytes[at] === 0x2e) {
    // Fractions of a second are forbidden in certificates and mean nothing here.
    at++;
    while (at < end && (bytes[at] as number) >= 48 && (bytes[at] as number) <= 57) at++;
  }
  let offset = 0;
  const zone = at < end ? (bytes[at] as number) : 0;
  at++;
  if (zone === 0x2b || zone === 0x2d) {
    const hours = two();
    const minutes = two();
    if (hours < 0 || minutes < 0) return null;
    offset = (hours * 60 + minutes) * (zone === 0x2b ? 60_000 : -60_000);
  } else if (zone !== 0x5a) return null;
  if (at !== end) return null;
  // Date.UTC takes years below 100 for 19xx; none of those is a certificate.
  return year < 100 ? null : Date.UTC(year, month - 1, day, hour, minute, second) - offset;
}

/** Dotted form of an OID's content octets. Over-long arcs print as `?`. */
export function printOid(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  let value = 0;
  for (let i = from; i < to; i++) {
    const octet = bytes[i] as number;
    value = value * 128 + (octet & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER) return '?';
    if (octet & 0x80) continue;
    if (text === '') {
      const first = value >= 80 ? 2 : Math.floor(value / 40);
      text = `${first}.${value - first * 40}`;
    } else text += `.${value}`;
    value = 0;
  }
  return text;
}

function sameBytes(bytes: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false;
  return true;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
