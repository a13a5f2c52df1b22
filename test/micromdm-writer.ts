/**
 * Writes MicroMDM-like databases for tests: any number of devices of the usual shapes, and every odd case of
 * spec/micromdm.md section 8 by option. The same seed gives the same bytes. Shares no code with the reader under test.
 */
import {
  checkPrimeSync,
  createCipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as signBytes,
  type Cipher,
  type KeyObject,
} from 'node:crypto';
import { writeBolt, type BucketSpec, type WriteOptions } from './bolt-writer';
import { SortedSpill } from './sorted-spill';

/** Deterministic bytes: AES-CTR under a key made of the seed. Hundreds of megabytes a second. */
export class Random {
  readonly #cipher: Cipher;
  #pool = Buffer.alloc(0);
  #used = 0;

  constructor(seed: string | number) {
    const key = createHash('sha256').update(`slipway ${seed}`).digest();
    this.#cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  }

  bytes(count: number): Buffer {
    if (this.#used + count > this.#pool.length) {
      this.#pool = this.#cipher.update(Buffer.alloc(Math.max(65_536, count)));
      this.#used = 0;
    }
    this.#used += count;
    return this.#pool.subarray(this.#used - count, this.#used);
  }

  /** An integer from 0 to below `limit`. */
  below(limit: number): number {
    return this.bytes(4).readUInt32LE(0) % limit;
  }

  hex(bytes: number): string {
    return this.bytes(bytes).toString('hex');
  }

  uuid(): string {
    const hex = this.hex(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  serial(): string {
    const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789';
    let text = '';
    for (const byte of this.bytes(10)) text += letters.charAt(byte % letters.length);
    return text;
  }
}

// ---- protobuf

type FieldValue = string | Buffer | boolean | bigint | undefined;

function varint(value: bigint): Buffer {
  const octets: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const more = rest > 127n;
    octets.push(Number(rest & 127n) | (more ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(octets);
}

/** A protobuf message as Go writes it: ascending fields, defaults left out, arrays repeated. */
export function protobuf(fields: Readonly<Record<number, FieldValue | readonly (string | Buffer)[]>>): Buffer {
  const parts: Buffer[] = [];
  const add = (number: number, value: FieldValue, always = false): void => {
    if (typeof value === 'boolean' || typeof value === 'bigint') {
      if (value !== false && value !== 0n) parts.push(varint(BigInt(number << 3)), varint(BigInt(value)));
    } else if (value !== undefined && (value.length > 0 || always)) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      parts.push(varint(BigInt((number << 3) | 2)), varint(BigInt(bytes.length)), bytes);
    }
  };
  for (const [number, value] of Object.entries(fields)) {
    if (Array.isArray(value)) for (const one of value as (string | Buffer)[]) add(Number(number), one, true);
    else add(Number(number), value as FieldValue);
  }
  return Buffer.concat(parts);
}

// ---- keys and certificates

/** DER element. */
export function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length } = body;
  const head =
    length < 128
      ? [tag, length]
      : length < 256
        ? [tag, 0x81, length]
        : length < 65_536
          ? [tag, 0x82, length >> 8, length & 255]
          : [tag, 0x83, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from(head), body]);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc & 127];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) group.unshift((left & 127) | 128);
    octets.push(...group);
  }
  return der(0x06, Buffer.from(octets));
}

/** UTF-8 unless the tag says otherwise. */
export type NamePart = readonly [oid: string, value: string | Buffer, tag?: number];

/** A Name of single-valued RDNs, in encoded order. */
export function name(...parts: readonly NamePart[]): Buffer {
  return der(
    0x30,
    ...parts.map(([id, value, tag = 0x0c]) => der(0x31, der(0x30, oid(id), der(tag, Buffer.from(value as string))))),
  );
}

/** UTCTime, or GeneralizedTime from 2050 on. */
export function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  const short = new Date(ms).getUTCFullYear() < 2050;
  return short ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

const RSA_SHA256 = der(0x30, oid('1.2.840.113549.1.1.11'), Buffer.from([5, 0]));
export const CN = '2.5.4.3';
export const UID = '0.9.2342.19200300.100.1.1';
const MICROMDM_CA = name(
  ['2.5.4.6', 'US', 0x13],
  ['2.5.4.10', 'MicroMDM', 0x13],
  ['2.5.4.11', 'MICROMDM SCEP CA', 0x13],
);

function integer(value: bigint | Buffer): Buffer {
  let bytes: Buffer;
  if (typeof value === 'bigint') {
    const hex = value.toString(16);
    bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
  } else bytes = value;
  return der(0x02, (bytes[0] ?? 0) & 128 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

const keys = new Map<string, KeyObject>();

/** An RSA key that is the same for the same seed; about 0.3 s the first time. For tests only. */
export function rsaKey(seed: string): KeyObject {
  const known = keys.get(seed);
  if (known) return known;
  const random = new Random(`rsa ${seed}`);
  const e = 65_537n;
  const prime = (): bigint => {
    for (;;) {
      const bytes = Buffer.from(random.bytes(128));
      bytes[0] = (bytes[0] as number) | 0xc0;
      bytes[127] = (bytes[127] as number) | 1;
      const candidate = BigInt(`0x${bytes.toString('hex')}`);
      if (candidate % e !== 1n && checkPrimeSync(candidate, { checks: 8 })) return candidate;
    }
  };
  const p = prime();
  const q = prime();
  const d = inverse(e, (p - 1n) * (q - 1n));
  const word = (value: bigint): string => {
    const hex = value.toString(16);
    return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex').toString('base64url');
  };
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      n: word(p * q),
      e: word(e),
      d: word(d),
      p: word(p),
      q: word(q),
      dp: word(d % (p - 1n)),
      dq: word(d % (q - 1n)),
      qi: word(inverse(q, p)),
    },
  });
  keys.set(seed, key);
  return key;
}

function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [value % modulus, modulus];
  let [x, y] = [1n, 0n];
  while (b > 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

export function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

/** SHA-1 over the key bits, as everybody makes a key id. */
function keyId(spki: Buffer): Buffer {
  // The BIT STRING of an RSA-2048 key is the last 270 bytes of its SubjectPublicKeyInfo.
  return createHash('sha1')
    .update(spki.subarray(spki.length - 270))
    .digest();
}

export interface CertificateSpec {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly serial: bigint | Buffer;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Buffer;
  readonly extensions?: readonly Buffer[];
}

export function extension(id: string, value: Buffer, critical = false): Buffer {
  return der(0x30, oid(id), ...(critical ? [Buffer.from([1, 1, 255])] : []), der(0x04, value));
}

function tbs(spec: CertificateSpec): Buffer {
  return der(
    0x30,
    der(0xa0, integer(2n)),
    integer(spec.serial),
    RSA_SHA256,
    spec.issuer,
    der(0x30, time(spec.notBefore), time(spec.notAfter)),
    spec.subject,
    spec.spki,
    ...(spec.extensions ? [der(0xa3, der(0x30, ...spec.extensions))] : []),
  );
}

/** A certificate, really signed. */
export function certificate(spec: CertificateSpec, key: KeyObject): Buffer {
  const body = tbs(spec);
  return der(0x30, body, RSA_SHA256, der(0x03, Buffer.from([0]), signBytes('sha256', body, key)));
}

/** Makes device certificates. Fake ones have the right structure and random signatures: 100,000 in a second. */
class Issuing {
  readonly #templates = new Map<number, { bytes: Buffer; cn: number; modulus: number; signature: number }>();

  constructor(
    private readonly random: Random,
    private readonly key: KeyObject,
    private readonly real: boolean,
    private readonly issuer = MICROMDM_CA,
  ) {}

  issue(commonName: string, serial: number, notBefore: number, notAfter: number): Buffer {
    const cn = Buffer.from(commonName);
    let template = this.#templates.get(cn.length);
    if (!template) this.#templates.set(cn.length, (template = this.#template(cn.length)));
    const bytes = Buffer.from(template.bytes);
    // Fixed places: SEQUENCE, tbs SEQUENCE (4 bytes each), version (5), then the serial's 2-byte head.
    bytes.writeUInt32BE(serial, 15 + 4);
    const validity = bytes.indexOf(Buffer.from('010101000000Z'));
    stamp(notBefore).copy(bytes, validity);
    stamp(notAfter).copy(bytes, validity + 15);
    cn.copy(bytes, template.cn);
    this.random.bytes(256).copy(bytes, template.modulus);
    bytes[template.modulus] = (bytes[template.modulus] as number) | 0x80;
    const signed = bytes.subarray(4, template.signature - 4 - 1 - RSA_SHA256.length);
    (this.real ? signBytes('sha256', signed, this.key) : this.random.bytes(256)).copy(bytes, template.signature);
    return bytes;
  }

  #template(cnLength: number): { bytes: Buffer; cn: number; modulus: number; signature: number } {
    const cn = Buffer.alloc(cnLength, 0xfe);
    const modulus = Buffer.alloc(256, 0xfd);
    const spki = der(
      0x30,
      der(0x30, oid('1.2.840.113549.1.1.1'), Buffer.from([5, 0])),
      der(0x03, Buffer.from([0]), der(0x30, integer(modulus), integer(65_537n))),
    );
    const old = Date.UTC(2001, 0, 1);
    const body = tbs({
      subject: name(['2.5.4.10', 'MicroMDM'], [CN, cn]),
      issuer: this.issuer,
      serial: Buffer.from([0x40, 0, 0, 0, 0, 0, 0, 0]),
      notBefore: old,
      notAfter: old,
      spki,
      extensions: [
        extension('2.5.29.15', Buffer.from([3, 2, 7, 0x80]), true),
        extension('2.5.29.37', der(0x30, oid('1.3.6.1.5.5.7.3.2'))),
        extension('2.5.29.14', der(0x04, Buffer.alloc(20, 7))),
        extension('2.5.29.35', der(0x30, der(0x80, keyId(spkiOf(this.key))))),
      ],
    });
    const bytes = der(0x30, body, RSA_SHA256, der(0x03, Buffer.from([0]), Buffer.alloc(256)));
    return { bytes, cn: bytes.indexOf(cn), modulus: bytes.indexOf(modulus), signature: bytes.length - 256 };
  }
}

function stamp(ms: number): Buffer {
  return Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`);
}

// ---- the database

const DAY = 86_400_000;

/** A user channel. */
export interface UserSpec {
  readonly id: string;
  readonly shortName?: string;
  readonly longName?: string;
  /** False: no push record. */
  readonly push?: boolean;
  /** Token in the user's own record, when it shall differ. */
  readonly authToken?: string;
  /** The user index points from the UDID to this one (the last one unless given). */
  readonly latest?: boolean;
}

/** A queued command. */
export interface CommandSpec {
  readonly requestType: string;
  /** An InstallProfile's profile. */
  readonly profile?: string | Buffer;
  readonly state?: 'pending' | 'not-now' | 'completed' | 'failed';
  /** The whole payload instead. */
  readonly payload?: Buffer;
}

/** A device. Everything not given is made up, as of an ordinary enrolled Mac. */
export interface DeviceSpec {
  readonly recordId?: string;
  /** Null: known from DEP only. */
  readonly udid?: string | null;
  readonly serial?: string;
  readonly name?: string;
  readonly kind?: 'mac' | 'iphone' | 'ipad' | 'appletv';
  readonly productName?: string;
  readonly model?: string;
  readonly enrolled?: boolean;
  readonly awaitingConfiguration?: boolean;
  /** Milliseconds, or nanoseconds as a bigint; 0n never. */
  readonly lastSeen?: number | bigint;
  /** mdm.PushInfo: false for none; the key and the id in the message can be made to differ. */
  readonly push?:
    | false
    | {
        readonly token?: string;
        readonly magic?: string;
        readonly topic?: string;
        readonly key?: string;
        readonly udid?: string;
      };
  /** Token and magic in the device record; the push record's unless given, false for none. */
  readonly recordPush?: false | { readonly token?: string; readonly magic?: string };
  /** The bound certificate: false for no hash at all. */
  readonly certificate?:
    | false
    | {
        /** Days from the clock to its end; negative for expired. */
        readonly days?: number;
        /** Days from the clock back to its beginning. */
        readonly issuedDaysAgo?: number;
        readonly commonName?: string;
        /** False: only the hash is known. */
        readonly inDepot?: boolean;
        /** Issued by a CA of another name. */
        readonly foreign?: boolean;
        /** Signature random even where signatures are real: same issuer name, not its key. */
        readonly forged?: boolean;
        /** The depot's bytes, instead of a certificate. */
        readonly bytes?: Buffer;
        /** The stored hash, instead of the certificate's. */
        readonly hash?: Buffer;
        /** The key in mdm.UDIDCertAuth, where it shall differ from the UDID. */
        readonly key?: string;
      };
  /** Newer certificates of the same name that nothing is bound to. */
  readonly unboundCertificates?: number;
  /** Certificates of earlier enrollments, which stay in the depot for ever. */
  readonly olderCertificates?: number;
  /** Bytes, or the stored text as it is. */
  readonly unlockToken?: Buffer | string;
  readonly bootstrapToken?: Buffer;
  readonly blocked?: boolean;
  /** False: not in the index; a text: the index names that record. */
  readonly index?: boolean | string;
  readonly users?: readonly UserSpec[];
  readonly commands?: readonly CommandSpec[];
  /** The uuid in the message, where it shall differ from the key. */
  readonly uuid?: string;
  /** A name that is not UTF-8. */
  readonly rawName?: Buffer;
  /** The record itself, instead of a message. */
  readonly raw?: Buffer;
}

export interface MicroMdmOptions extends WriteOptions {
  readonly seed?: string | number;
  /** The clock everything is relative to; 2026-11-24T02:00Z unless given. */
  readonly at?: number;
  /** `fake` (default) has random signatures of the right shape; `real` costs 0.7 ms for each certificate. */
  readonly sign?: 'real' | 'fake';
  /** How many devices of the usual shapes. */
  readonly devices?: number;
  /** Shares of the usual shapes; the rest are ordinary enrolled ones. As in medium.db unless given. */
  readonly shares?: {
    readonly mobile?: number;
    readonly checkedOut?: number;
    readonly noPushInfo?: number;
    readonly reenrolled?: number;
    readonly bootstrapToken?: number;
    readonly depOnly?: number;
  };
  /** Devices given one by one, after those. */
  readonly extra?: readonly DeviceSpec[];
  /** Bytes of a made-up unlock token. */
  readonly unlockTokenBytes?: number;
  readonly topic?: string;
  readonly push?: 'ok' | 'absent' | 'garbage' | 'other-key' | 'encrypted-key' | 'no-topic' | 'pkcs8-with-preamble';
  /** Days from the clock. */
  readonly pushDays?: number;
  readonly ca?: 'ok' | 'absent' | 'garbage' | 'other-key' | 'no-key';
  readonly caDays?: number;
  readonly nextSerial?: number;
  readonly depKeyPair?: boolean;
  /** ABM tokens by consumer key; the last one is the active one unless `lastAdded` says otherwise. */
  readonly depTokens?: readonly string[];
  readonly lastAdded?: string;
  readonly profiles?: readonly { readonly identifier: string; readonly body: Buffer | string; readonly id?: string }[];
  readonly blueprints?: readonly {
    readonly name: string;
    readonly profiles?: readonly string[];
    readonly manifests?: readonly string[];
    readonly applyAt?: readonly string[];
  }[];
  /** Push records of nobody: outdated users or BYOD. */
  readonly orphans?: number;
  /** Deleted through the API, still enrolled. */
  readonly deleted?: number;
  /** Dead UDIDs whose index entry leads to the first device. */
  readonly superseded?: number;
  /** Index entries that lead nowhere. */
  readonly dangling?: number;
  readonly sharedIpad?: boolean;
  /** Depot entries that are no certificates. */
  readonly garbageDepot?: number;
  /** UDIDs blocked without a device record. */
  readonly blocked?: readonly string[];
  /** Buckets left out: `mdm.UDIDCertAuth` for a server before 1.5, `mdm.DeviceCommands` for -queue=inmem. */
  readonly without?: readonly string[];
  readonly extraBuckets?: readonly BucketSpec[];
  /** False: what was written is not told device by device, so that memory stays bounded whatever their number. */
  readonly tell?: boolean;
  /** Where entries are sorted when they are too many for memory; the system's temporary folder unless given. */
  readonly sortIn?: string;
}

/** A device as written. */
export interface WrittenDevice {
  readonly recordId: string;
  readonly udid: string | null;
  readonly serial: string;
  readonly token: string;
  readonly magic: string;
  /** Lower-case hex; null when no hash was stored. */
  readonly certificateSha256: string | null;
  readonly certificate: Buffer | null;
}

export interface WrittenMicroMdm {
  readonly path: string;
  readonly size: number;
  readonly topic: string;
  readonly at: number;
  readonly devices: readonly WrittenDevice[];
  readonly ca: { readonly der: Buffer; readonly key: KeyObject };
  readonly push: { readonly der: Buffer; readonly key: KeyObject };
}

const PRODUCTS = {
  mac: [
    ['Mac16,10', 'Mac mini', 'MU9D3LL/A', '15.4', '24E263'],
    ['iMac21,1', 'iMac', 'MGPK3LL/A', '14.7.6', '23H626'],
  ],
  iphone: [['iPhone15,2', 'iPhone', 'MQ2T3LL/A', '18.5', '22F76']],
  ipad: [['iPad13,18', 'iPad', 'MPQ13LL/A', '18.5', '22F76']],
  appletv: [['AppleTV14,1', 'Apple TV', 'MN873LL/A', '18.5', '22L572']],
} as const;

/**
 * Writes a database and tells what is in it. 5,000 devices cost about a second of CPU, 100,000 twelve; without being told
 * of each, a million need about 700 MB of memory and twice the file's size on disk.
 */
export function writeMicroMdm(path: string, options: MicroMdmOptions = {}): WrittenMicroMdm {
  const { seed = 1, at = Date.UTC(2026, 10, 24, 2), sign = 'fake', unlockTokenBytes = 1400 } = options;
  const random = new Random(seed);
  const topic = options.topic ?? `com.apple.mgmt.External.${new Random(`topic ${seed}`).uuid()}`;
  const caKey = rsaKey('scep ca');
  const pushKey = rsaKey('push');
  const issuing = new Issuing(random, caKey, sign === 'real');
  const forging = new Issuing(random, caKey, false);
  const foreign = new Issuing(random, pushKey, sign === 'real', name([CN, 'Another CA']));

  const buckets = new Map<string, SortedSpill>();
  const put = (bucket: string, key: string | Buffer, value: string | Buffer): void => {
    let list = buckets.get(bucket);
    if (!list) buckets.set(bucket, (list = new SortedSpill(options.sortIn)));
    list.add(Buffer.from(key as string), typeof value === 'string' ? Buffer.from(value) : value);
  };
  for (const bucket of ALWAYS) buckets.set(bucket, new SortedSpill(options.sortIn));

  const ca = caCertificate(caKey, at, options.caDays ?? 1500);
  const pushCert = pushCertificate(pushKey, options.push === 'no-topic' ? null : topic, at, options.pushDays ?? 300);
  writeCa(put, options, ca, caKey);
  writePush(put, options, pushCert, pushKey);
  writeAbm(put, options, at);

  let serial = 2;
  const devices: WrittenDevice[] = [];
  const store = (commonName: string, make: (number: number) => Buffer, inDepot = true): Buffer => {
    const number = serial++;
    const bytes = make(number);
    if (inDepot) put('scep_certificates', `${commonName}.${number}`, bytes);
    return bytes;
  };
  for (const spec of allDevices(options, random)) {
    const { bytes: kindBytes, kind } = { bytes: random.bytes(1)[0] as number, kind: spec.kind ?? 'mac' };
    const products = PRODUCTS[kind];
    const [product, modelName, model, osVersion, build] = products[kindBytes % products.length] ?? PRODUCTS.mac[0];
    const recordId = spec.recordId ?? random.uuid();
    const made = kind === 'mac' ? random.uuid().toUpperCase() : mobileUdid(random);
    const udid = spec.udid === undefined ? made : spec.udid;
    const serialNumber = spec.serial ?? random.serial();
    const deviceName = spec.name ?? (udid === null ? '' : `${kind}-${serialNumber}`);
    const token = (spec.push || undefined)?.token ?? random.hex(32);
    const magic = (spec.push || undefined)?.magic ?? random.uuid().toUpperCase();
    const lastSeen =
      spec.lastSeen === undefined
        ? udid === null
          ? 0n
          : BigInt(at - random.below(3 * DAY) - 1000) * 1_000_000n + BigInt(random.below(1_000_000))
        : typeof spec.lastSeen === 'bigint'
          ? spec.lastSeen
          : BigInt(Math.trunc(spec.lastSeen)) * 1_000_000n;
    const recordPush = udid === null || spec.recordPush === false ? null : (spec.recordPush ?? {});
    const inRecord = recordPush !== null && (spec.push !== false || spec.recordPush !== undefined);
    const unlock =
      spec.unlockToken ?? (kind === 'iphone' || kind === 'ipad' ? Buffer.from(random.bytes(unlockTokenBytes)) : '');
    put(
      'mdm.Devices',
      recordId,
      spec.raw ??
        protobuf({
          1: spec.uuid ?? recordId,
          2: udid ?? '',
          3: serialNumber,
          4: udid === null ? '' : osVersion,
          5: udid === null ? '' : build,
          6: spec.productName ?? (udid === null ? '' : product),
          9: inRecord ? (recordPush.token ?? token) : '',
          10: inRecord ? (recordPush.magic ?? magic) : '',
          12: typeof unlock === 'string' ? unlock : unlock.toString('hex'),
          13: spec.enrolled ?? udid !== null,
          14: spec.awaitingConfiguration ?? false,
          15: spec.rawName ?? deviceName,
          16: spec.model ?? model,
          17: udid === null ? '' : modelName,
          22: udid === null ? 'assigned' : '',
          28: lastSeen,
          30: spec.bootstrapToken,
        }),
    );
    if (spec.index !== false) {
      const target = typeof spec.index === 'string' ? spec.index : recordId;
      if (udid !== null) put('mdm.DeviceIdx', udid, target);
      if (serialNumber !== '') put('mdm.DeviceIdx', serialNumber, target);
    }
    let certificateBytes: Buffer | null = null;
    let certificateSha256: string | null = null;
    if (udid !== null) {
      if (spec.push !== false) {
        const { key = udid, udid: inside = key, topic: ownTopic = topic } = spec.push ?? {};
        put('mdm.PushInfo', key, protobuf({ 1: inside, 2: token, 3: magic, 4: ownTopic }));
      }
      if (spec.certificate !== false) {
        const wanted = spec.certificate ?? {};
        const commonName = wanted.commonName ?? `MicroMDM Identity (${deviceName})`;
        const from = at - (wanted.issuedDaysAgo ?? Math.max(30, 1 - (wanted.days ?? 0) + 30)) * DAY;
        const to = at + (wanted.days ?? 335) * DAY;
        const issuer = wanted.foreign ? foreign : wanted.forged ? forging : issuing;
        for (let i = spec.olderCertificates ?? 0; i > 0; i--)
          store(commonName, (number) => issuing.issue(commonName, number, from - i * 9 * DAY, to - i * 9 * DAY));
        certificateBytes = store(
          commonName,
          (number) => wanted.bytes ?? issuer.issue(commonName, number, from, to),
          wanted.inDepot,
        );
        const digest = wanted.hash ?? createHash('sha256').update(certificateBytes).digest();
        certificateSha256 = digest.toString('hex');
        put('mdm.UDIDCertAuth', wanted.key ?? udid, digest);
        for (let i = 0; i < (spec.unboundCertificates ?? 0); i++)
          store(commonName, (number) => issuing.issue(commonName, number, from + (i + 1) * DAY, at + (300 + i) * DAY));
      }
      if (spec.blocked) put('mdm.RemoveDevice', udid, protobuf({ 1: udid }));
      writeUsers(put, spec, udid, topic, random);
      if (spec.commands) put('mdm.DeviceCommands', udid, queue(udid, spec.commands, random));
    }
    if (options.tell === false && devices.length > 0) continue;
    devices.push({
      recordId,
      udid,
      serial: serialNumber,
      token,
      magic,
      certificateSha256,
      certificate: certificateBytes,
    });
  }
  writeOrphans(put, options, random, topic, devices, store);
  put('scep_certificates', 'serial', serialBytes(options.nextSerial ?? serial));

  const specs: BucketSpec[] = [];
  for (const [bucket, entries] of buckets) {
    if (options.without?.includes(bucket)) continue;
    specs.push({ name: bucket, entries: entries.entries() });
  }
  specs.push(...(options.extraBuckets ?? []));
  specs.sort((a, b) => Buffer.compare(Buffer.from(a.name as string), Buffer.from(b.name as string)));
  const { size } = writeBolt(path, specs, options);
  return {
    path,
    size,
    topic,
    at,
    devices,
    ca: { der: ca, key: caKey },
    push: { der: pushCert, key: pushKey },
  };
}

const ALWAYS = [
  'mdm.Devices',
  'mdm.DeviceIdx',
  'mdm.UDIDCertAuth',
  'mdm.PushInfo',
  'mdm.ServerConfig',
  'mdm.Profile',
  'mdm.Blueprint',
  'mdm.BlueprintIdx',
  'mdm.Users',
  'mdm.UserIdx',
  'mdm.RemoveDevice',
  'mdm.DEPConfig',
  'mdm.DEPAutoAssign',
  'mdm.DeviceCommands',
  'scep_certificates',
];

type Put = (bucket: string, key: string | Buffer, value: string | Buffer) => void;

function* allDevices(options: MicroMdmOptions, random: Random): Generator<DeviceSpec> {
  const shares = {
    mobile: 0.2,
    checkedOut: 0.04,
    noPushInfo: 0.02,
    reenrolled: 0.1,
    bootstrapToken: 0.26,
    depOnly: 0,
    ...options.shares,
  };
  for (let i = 0; i < (options.devices ?? 0); i++) {
    const draw = (): number => random.below(1_000_000) / 1_000_000;
    const mobile = draw() < shares.mobile;
    const fate = draw();
    const kind = mobile ? (draw() < 0.5 ? 'iphone' : 'ipad') : 'mac';
    const token = !mobile && draw() < shares.bootstrapToken ? { bootstrapToken: Buffer.from(random.bytes(48)) } : {};
    if (fate < shares.depOnly) yield { udid: null, kind };
    else if (fate < shares.depOnly + shares.noPushInfo) yield { kind, enrolled: false, push: false, unlockToken: '' };
    else if (fate < shares.depOnly + shares.noPushInfo + shares.checkedOut) yield { kind, enrolled: false, ...token };
    else if (draw() < shares.reenrolled) yield { kind, olderCertificates: 1, ...token };
    else yield { kind, ...token };
  }
  yield* options.extra ?? [];
}

export function caCertificate(key: KeyObject, at: number, days: number): Buffer {
  const spki = spkiOf(key);
  return certificate(
    {
      subject: MICROMDM_CA,
      issuer: MICROMDM_CA,
      serial: 1n,
      notBefore: at + (days - 1826) * DAY,
      notAfter: at + days * DAY,
      spki,
      extensions: [
        extension('2.5.29.19', der(0x30, Buffer.from([1, 1, 255])), true),
        extension('2.5.29.14', der(0x04, keyId(spki))),
      ],
    },
    key,
  );
}

export function pushCertificate(key: KeyObject, topic: string | null, at: number, days: number): Buffer {
  return certificate(
    {
      subject: name(...(topic === null ? [] : ([[UID, topic]] as const)), [CN, 'APSP:test'], ['2.5.4.6', 'US', 0x13]),
      issuer: name([CN, 'Apple Application Integration 2 Certification Authority']),
      serial: 77n,
      notBefore: at + (days - 365) * DAY,
      notAfter: at + days * DAY,
      spki: spkiOf(key),
    },
    key,
  );
}

function writeCa(put: Put, { ca = 'ok' }: MicroMdmOptions, cert: Buffer, key: KeyObject): void {
  if (ca === 'absent') return;
  put('scep_certificates', 'ca_certificate', ca === 'garbage' ? Buffer.from('no certificate') : cert);
  if (ca === 'no-key') return;
  const own = ca === 'other-key' ? rsaKey('push') : key;
  put('scep_certificates', 'ca_key', own.export({ type: 'pkcs1', format: 'der' }));
}

function writePush(put: Put, { push = 'ok' }: MicroMdmOptions, cert: Buffer, key: KeyObject): void {
  if (push === 'absent') return;
  const own = push === 'other-key' ? rsaKey('scep ca') : key;
  const plain = own.export({ type: 'pkcs1', format: 'pem' }).toString();
  const body = (cert.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  const pem = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  const preamble = 'Bag Attributes\n    friendlyName: APSP\n    localKeyID: 01 02\nsubject=UID = x\n\n';
  const forms: Record<NonNullable<MicroMdmOptions['push']>, [string, string]> = {
    ok: [pem, plain],
    absent: ['', ''],
    'other-key': [pem, plain],
    'no-topic': [pem, plain],
    garbage: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', plain],
    'encrypted-key': [
      pem,
      own.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }).toString(),
    ],
    'pkcs8-with-preamble': [
      (preamble + pem).replaceAll('\n', '\r\n'),
      (preamble + own.export({ type: 'pkcs8', format: 'pem' }).toString()).replaceAll('\n', '\r\n'),
    ],
  };
  const [first, second] = forms[push];
  put('mdm.ServerConfig', 'config', protobuf({ 1: Buffer.from(first), 2: Buffer.from(second) }));
}

function writeAbm(put: Put, options: MicroMdmOptions, at: number): void {
  const { depTokens = [], depKeyPair = false, lastAdded = depTokens.at(-1) } = options;
  for (const key of depTokens) {
    const token = {
      consumer_key: key,
      consumer_secret: `CS_${key}`,
      access_token: `AT_${key}`,
      access_secret: `AS_${key}`,
      access_token_expiry: new Date(at + 200 * DAY).toISOString(),
    };
    put('mdm.DEPToken', key, JSON.stringify(token));
  }
  if (lastAdded !== undefined) put('mdm.DEPToken', 'last_added', lastAdded);
  if (depKeyPair) {
    const key = rsaKey('abm');
    const subject = name([CN, 'micromdm-dep-token']);
    const spec = { subject, issuer: subject, serial: 1n, notBefore: at, notAfter: at + 365 * DAY, spki: spkiOf(key) };
    put('mdm.DEPToken', 'key', key.export({ type: 'pkcs1', format: 'der' }));
    put('mdm.DEPToken', 'certificate', certificate(spec, key));
  }
  for (const { identifier, body, id = identifier } of options.profiles ?? [])
    put('mdm.Profile', identifier, protobuf({ 1: id, 2: Buffer.from(body as string) }));
  (options.blueprints ?? []).forEach(({ name: label, profiles = [], manifests = [], applyAt = ['Enroll'] }, index) => {
    const uuid = new Random(`blueprint ${index} ${label}`).uuid();
    put('mdm.Blueprint', uuid, protobuf({ 1: uuid, 2: label, 3: manifests, 5: profiles, 6: applyAt }));
    put('mdm.BlueprintIdx', label, uuid);
  });
  for (const udid of options.blocked ?? []) put('mdm.RemoveDevice', udid, protobuf({ 1: udid }));
}

function writeUsers(put: Put, spec: DeviceSpec, udid: string, topic: string, random: Random): void {
  const users = spec.users ?? [];
  const records: string[] = [];
  for (const user of users) {
    const record = random.uuid();
    records.push(record);
    const token = random.hex(32);
    const magic = random.uuid().toUpperCase();
    const fields = { 1: record, 2: udid, 3: user.id, 4: user.shortName ?? 'ann', 5: user.longName ?? 'Ann Example' };
    put('mdm.Users', record, protobuf({ ...fields, 6: user.authToken ?? token }));
    put('mdm.UserIdx', user.id, record);
    if (user.push !== false) put('mdm.PushInfo', user.id, protobuf({ 1: user.id, 2: token, 3: magic, 4: topic }));
  }
  const latest = users.findIndex((user) => user.latest);
  const record = records[latest < 0 ? records.length - 1 : latest];
  if (record !== undefined) put('mdm.UserIdx', udid, record);
}

/** A command as the server stores it. */
export function commandPayload({ requestType, profile }: CommandSpec, uuid: string): Buffer {
  const payload =
    profile === undefined
      ? ''
      : `\n\t\t<key>Payload</key>\n\t\t<data>${Buffer.from(profile as string).toString('base64')}</data>`;
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0"><dict>\n\t<key>Command</key>\n\t<dict>${payload}\n\t\t<key>RequestType</key>\n\t\t<string>${requestType}</string>\n\t</dict>\n\t<key>CommandUUID</key>\n\t<string>${uuid}</string>\n</dict></plist>`,
  );
}

function queue(udid: string, commands: readonly CommandSpec[], random: Random): Buffer {
  const unset = -6795364578871345152n;
  const of = (state: NonNullable<CommandSpec['state']>): Buffer[] =>
    commands
      .filter((command) => (command.state ?? 'pending') === state)
      .map((command) => {
        const uuid = random.uuid();
        return protobuf({ 1: uuid, 2: command.payload ?? commandPayload(command, uuid), 3: unset, 4: unset, 5: unset });
      });
  return protobuf({ 1: udid, 2: of('pending'), 3: of('completed'), 4: of('failed'), 5: of('not-now') });
}

function writeOrphans(
  put: Put,
  options: MicroMdmOptions,
  random: Random,
  topic: string,
  devices: readonly WrittenDevice[],
  store: (commonName: string, make: () => Buffer) => unknown,
): void {
  const push = (key: string): void =>
    put('mdm.PushInfo', key, protobuf({ 1: key, 2: random.hex(32), 3: random.uuid(), 4: topic }));
  for (let i = 0; i < (options.orphans ?? 0); i++) push(random.uuid().toUpperCase());
  for (let i = 0; i < (options.deleted ?? 0); i++) {
    const udid = random.uuid().toUpperCase();
    push(udid);
    put('mdm.UDIDCertAuth', udid, Buffer.from(random.bytes(32)));
  }
  for (let i = 0; i < (options.superseded ?? 0); i++) {
    const udid = random.uuid().toUpperCase();
    push(udid);
    put('mdm.UDIDCertAuth', udid, Buffer.from(random.bytes(32)));
    put('mdm.DeviceIdx', udid, devices[0]?.recordId ?? random.uuid());
  }
  for (let i = 0; i < (options.dangling ?? 0); i++) put('mdm.DeviceIdx', random.serial(), random.uuid());
  if (options.sharedIpad) push('FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF');
  for (let i = 0; i < (options.garbageDepot ?? 0); i++) store(`Garbage ${i}`, () => Buffer.from('not a certificate'));
}

function mobileUdid(random: Random): string {
  return `${random.hex(4)}-${random.hex(8)}`.toUpperCase();
}

function serialBytes(next: number): Buffer {
  const hex = next.toString(16);
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
}
