/**
 * PKCS#12 (`.p12`, `.pfx`): read whatever encryption and key type it has, and written anew.
 *
 * One reader for all of them instead of node-forge for some: forge knows neither EC keys nor SHA-256 MACs with every
 * scheme, and derives keys in plain JavaScript. It still lends its RC2 and DES (see password-encryption).
 */
import { createCipheriv, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import { toDer } from './ber';
import { DerCursor, printOid, TAG, type Certificate } from './der';
import { writeAlgorithm, writeDer, writeInteger, writeOid } from './der-writer';
import {
  decryptByPassword,
  derivePbkdf2,
  derivePkcs12,
  encryptionName,
  isTooMuchForPkcs12,
  NO_PASSWORD,
  passwordForms,
  readAlgorithm,
  readCount,
  type LockProblem,
  type Opened,
  type PasswordForms,
  type WorkBudget,
} from './password-encryption';

const OID = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certBag: '1.2.840.113549.1.12.10.1.3',
  crlBag: '1.2.840.113549.1.12.10.1.4',
  safeContentsBag: '1.2.840.113549.1.12.10.1.6',
  x509: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  pbmac1: '1.2.840.113549.1.5.14',
  pbkdf2: '1.2.840.113549.1.5.12',
  pbes2: '1.2.840.113549.1.5.13',
  hmacSha256: '1.2.840.113549.2.9',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha1: '1.3.14.3.2.26',
  aes256: '2.16.840.1.101.3.4.1.42',
  pbe3Des: '1.2.840.113549.1.12.1.3',
} as const;

const digests: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.4', 'sha224'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

const hmacs: ReadonlyMap<string, readonly [digest: string, bytes: number]> = new Map([
  ['1.2.840.113549.2.7', ['sha1', 20]],
  ['1.2.840.113549.2.9', ['sha256', 32]],
  ['1.2.840.113549.2.10', ['sha384', 48]],
  ['1.2.840.113549.2.11', ['sha512', 64]],
]);

/** Bags and nesting in one file at most. */
const MAX_BAGS = 2000;
const MAX_DEPTH = 8;

/** One thing in a PKCS#12 file. */
export interface Bag {
  readonly kind: 'certificate' | 'key' | 'encrypted-key' | 'other';
  /** The certificate, the key as unencrypted PKCS#8 (a secret) or as it is, as DER. */
  readonly der: Buffer;
  readonly friendlyName: string | null;
  /** Hex; ties a key to its certificate. */
  readonly localKeyId: string | null;
}

/** A PKCS#12 file, still shut. */
export interface Pkcs12 {
  /** The digest of its MAC; null when it has none, so that nothing tells a wrong password from damage. */
  readonly mac: string | null;
  open(password: Buffer, work: WorkBudget): Promise<Opened<OpenedPkcs12>>;
}

/** What is in a PKCS#12 file. */
export interface OpenedPkcs12 {
  readonly bags: readonly Bag[];
  /** The encryption schemes met, for people. */
  readonly schemes: readonly string[];
  readonly weak: boolean;
}

interface MacData {
  readonly digest: string;
  check(authSafe: Buffer, password: PasswordForms, work: WorkBudget): Promise<Opened<boolean>>;
}

/**
 * Opens the outside of a PKCS#12 file, BER or DER.
 * @returns null when the bytes are none.
 */
export function readPkcs12(bytes: Buffer): Pkcs12 | null {
  const der = toDer(bytes);
  if (!der) return null;
  const top = new DerCursor(der, 0, der.length);
  if (!top.expect(TAG.sequence)) return null;
  const pfx = top.inside();
  if (!pfx.expect(TAG.integer) || pfx.end - pfx.contentStart !== 1 || der[pfx.contentStart] !== 3) return null;
  if (!pfx.expect(TAG.sequence)) return null;
  const authSafe = octetsOfData(pfx);
  if (!authSafe) return null;
  const hasMac = pfx.next();
  const mac = hasMac ? readMac(der.subarray(pfx.start, pfx.end)) : null;
  if (hasMac && !mac) return { mac: 'unknown', open: () => Promise.resolve({ ok: false, problem: 'unsupported' }) };
  return { mac: mac?.digest ?? null, open: (password, work) => open(authSafe, mac, password, work) };
}

async function open(
  authSafe: Buffer,
  mac: MacData | null,
  password: Buffer,
  work: WorkBudget,
): Promise<Opened<OpenedPkcs12>> {
  const forms = password.length === 0 ? [passwordForms(password), NO_PASSWORD] : [passwordForms(password)];
  let outcome: Opened<OpenedPkcs12> = { ok: false, problem: 'password' };
  for (const form of forms) {
    if (mac) {
      const right = await mac.check(authSafe, form, work);
      if (!right.ok) return right;
      if (!right.value) continue;
    }
    outcome = await openSafe(authSafe, form, mac !== null, work);
    if (outcome.ok) return outcome;
    // The MAC was right, so the password is: what does not open now is damaged or encrypted otherwise.
    if (mac) return outcome.problem === 'password' ? { ok: false, problem: 'damaged' } : outcome;
  }
  return outcome;
}

async function openSafe(
  authSafe: Buffer,
  password: PasswordForms,
  passwordProven: boolean,
  work: WorkBudget,
): Promise<Opened<OpenedPkcs12>> {
  const safe = toDer(authSafe);
  if (!safe) return { ok: false, problem: 'damaged' };
  const top = new DerCursor(safe, 0, safe.length);
  if (!top.expect(TAG.sequence)) return { ok: false, problem: 'damaged' };
  const collected = new Collected(password, passwordProven, work);
  const infos = top.inside();
  while (infos.next()) {
    const info = infos.inside();
    if (!info.expect(TAG.oid)) return { ok: false, problem: 'damaged' };
    const type = printOid(safe, info.contentStart, info.end);
    let contents: Opened<Buffer>;
    if (type === OID.data) {
      const octets = octetsOfData(infos);
      contents = octets ? { ok: true, value: octets } : { ok: false, problem: 'damaged' };
    } else if (type === OID.encryptedData && info.expect(0xa0)) {
      contents = await collected.decrypt(info.inside());
    } else contents = { ok: false, problem: 'unsupported' };
    if (!contents.ok) return contents;
    const problem = await collected.take(contents.value, 0);
    if (problem) return { ok: false, problem };
  }
  return {
    ok: true,
    value: { bags: collected.bags, schemes: [...collected.schemes], weak: collected.weak },
  };
}

/** Gathers the bags of one file. */
class Collected {
  readonly bags: Bag[] = [];
  readonly schemes = new Set<string>();
  weak = false;

  constructor(
    private readonly password: PasswordForms,
    private readonly passwordProven: boolean,
    private readonly work: WorkBudget,
  ) {}

  /** EncryptedData. */
  decrypt(at: DerCursor): Promise<Opened<Buffer>> {
    const damaged: Promise<Opened<Buffer>> = Promise.resolve({ ok: false, problem: 'damaged' });
    const bytes = at.bytes as Buffer;
    if (!at.expect(TAG.sequence)) return damaged;
    const data = at.inside();
    if (!data.expect(TAG.integer) || !data.expect(TAG.sequence)) return damaged;
    const info = data.inside();
    if (!info.expect(TAG.oid) || !info.expect(TAG.sequence)) return damaged;
    const algorithm = bytes.subarray(info.start, info.end);
    if (!info.next()) return damaged;
    if (info.tag === 0x80) return this.#decrypt(algorithm, bytes.subarray(info.contentStart, info.end));
    if (info.tag !== 0xa0) return damaged;
    const parts: Buffer[] = [];
    const pieces = info.inside();
    while (pieces.next()) parts.push(bytes.subarray(pieces.contentStart, pieces.end));
    return this.#decrypt(algorithm, Buffer.concat(parts));
  }

  /** SafeContents; says why when something in it did not open. */
  async take(contents: Buffer, depth: number): Promise<LockProblem | null> {
    const damaged = 'damaged';
    const der = toDer(contents);
    const top = der && depth <= MAX_DEPTH ? new DerCursor(der, 0, der.length) : null;
    if (!der || !top?.expect(TAG.sequence)) return damaged;
    const list = top.inside();
    while (list.next()) {
      if (this.bags.length >= MAX_BAGS) return null;
      const bag = list.inside();
      if (!bag.expect(TAG.oid)) return damaged;
      const type = printOid(der, bag.contentStart, bag.end);
      if (!bag.expect(0xa0)) return damaged;
      const value = der.subarray(bag.contentStart, bag.end);
      const attributes = bag.next() && bag.tag === TAG.set ? readAttributes(bag.inside()) : new Map<string, Buffer>();
      const name = attributes.get(OID.friendlyName);
      const about = {
        friendlyName: name ? bmpText(name) : null,
        localKeyId: attributes.get(OID.localKeyId)?.toString('hex') ?? null,
      };
      if (type === OID.keyBag) this.bags.push({ kind: 'key', der: value, ...about });
      else if (type === OID.shroudedKeyBag) {
        const key = await this.#shrouded(value);
        if (key.ok) this.bags.push({ kind: 'key', der: key.value, ...about });
        // keytool lets a key have a password of its own.
        else if (this.passwordProven) this.bags.push({ kind: 'encrypted-key', der: value, ...about });
        else return key.problem;
      } else if (type === OID.certBag) {
        const certificate = certificateIn(value);
        this.bags.push({ kind: certificate ? 'certificate' : 'other', der: certificate ?? value, ...about });
      } else if (type === OID.safeContentsBag) {
        const problem = await this.take(value, depth + 1);
        if (problem) return problem;
      } else this.bags.push({ kind: 'other', der: value, ...about });
    }
    return null;
  }

  async #shrouded(value: Buffer): Promise<Opened<Buffer>> {
    const cursor = new DerCursor(value, 0, value.length);
    const inner = cursor.expect(TAG.sequence) ? cursor.inside() : null;
    if (!inner?.expect(TAG.sequence)) return { ok: false, problem: 'damaged' };
    const algorithm = value.subarray(inner.start, inner.end);
    if (!inner.expect(TAG.octetString)) return { ok: false, problem: 'damaged' };
    return this.#decrypt(algorithm, value.subarray(inner.contentStart, inner.end));
  }

  #decrypt(algorithm: Buffer, ciphertext: Buffer): Promise<Opened<Buffer>> {
    const { name, weak } = encryptionName(algorithm);
    this.schemes.add(name);
    this.weak ||= weak;
    return decryptByPassword(algorithm, ciphertext, this.password, this.work);
  }
}

/** ContentInfo of type data: its octets. The cursor stands on the ContentInfo. */
function octetsOfData(at: DerCursor): Buffer | null {
  const bytes = at.bytes as Buffer;
  const info = at.inside();
  if (!info.expect(TAG.oid) || printOid(bytes, info.contentStart, info.end) !== OID.data) return null;
  if (!info.expect(0xa0)) return null;
  const octets = info.inside();
  return octets.expect(TAG.octetString) ? bytes.subarray(octets.contentStart, octets.end) : null;
}

function certificateIn(bag: Buffer): Buffer | null {
  const cursor = new DerCursor(bag, 0, bag.length);
  const inner = cursor.expect(TAG.sequence) ? cursor.inside() : null;
  if (!inner?.expect(TAG.oid) || printOid(bag, inner.contentStart, inner.end) !== OID.x509) return null;
  if (!inner.expect(0xa0)) return null;
  const octets = inner.inside();
  return octets.expect(TAG.octetString) ? bag.subarray(octets.contentStart, octets.end) : null;
}

/** The first value of each attribute, its content octets. */
function readAttributes(list: DerCursor): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  const bytes = list.bytes as Buffer;
  while (list.next()) {
    const attribute = list.inside();
    if (!attribute.expect(TAG.oid)) break;
    const oid = printOid(bytes, attribute.contentStart, attribute.end);
    const values = attribute.expect(TAG.set) ? attribute.inside() : null;
    if (values?.next()) found.set(oid, bytes.subarray(values.contentStart, values.end));
  }
  return found;
}

function bmpText(bytes: Buffer): string {
  return Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString('utf16le');
}

function readMac(der: Buffer): MacData | null {
  const top = new DerCursor(der, 0, der.length);
  const mac = top.expect(TAG.sequence) ? top.inside() : null;
  if (!mac?.expect(TAG.sequence)) return null;
  const info = mac.inside();
  if (!info.expect(TAG.sequence)) return null;
  const algorithm = readAlgorithm(der.subarray(info.start, info.end));
  if (!info.expect(TAG.octetString)) return null;
  const wanted = der.subarray(info.contentStart, info.end);
  if (!mac.expect(TAG.octetString)) return null;
  const salt = der.subarray(mac.contentStart, mac.end);
  const iterations = mac.expect(TAG.integer) ? readCount(mac) : 1;
  if (iterations === null) return null;
  if (algorithm.oid === OID.pbmac1) return algorithm.parameters ? readPbmac1(algorithm.parameters, wanted) : null;
  const digest = digests.get(algorithm.oid);
  if (digest === undefined) return null;
  return {
    digest,
    async check(authSafe, { bmp }, work) {
      if (isTooMuchForPkcs12(iterations) || !work.spend(iterations)) return { ok: false, problem: 'too-much-work' };
      const key = await derivePkcs12(digest, 3, bmp, salt, iterations, wanted.length || 20);
      return { ok: true, value: same(createHmac(digest, key).update(authSafe).digest(), wanted) };
    },
  };
}

/** RFC 9579: the MAC key from PBKDF2. */
function readPbmac1(parameters: Buffer, wanted: Buffer): MacData | null {
  const outer = new DerCursor(parameters, 0, parameters.length);
  const inner = outer.expect(TAG.sequence) ? outer.inside() : null;
  if (!inner?.expect(TAG.sequence)) return null;
  const derivation = readAlgorithm(parameters.subarray(inner.start, inner.end));
  if (!inner.expect(TAG.sequence)) return null;
  const hmac = hmacs.get(readAlgorithm(parameters.subarray(inner.start, inner.end)).oid);
  const pbkdf2 = derivation.oid === OID.pbkdf2 ? derivation.parameters : null;
  if (!hmac || !pbkdf2) return null;
  const [digest, length] = hmac;
  return {
    digest,
    async check(authSafe, { bytes }, work) {
      const key = await derivePbkdf2(pbkdf2, bytes, length, work);
      if (!key.ok) return key;
      return { ok: true, value: same(createHmac(digest, key.value).update(authSafe).digest(), wanted) };
    },
  };
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** How to write a PKCS#12 file. */
export interface WritePkcs12Options {
  readonly password: Buffer;
  readonly friendlyName?: string;
  /**
   * 3DES and SHA-1 instead of AES-256 and SHA-256: what Keychain before macOS 15 and old Windows need. Weaker; only for
   * a file that does not travel.
   */
  readonly legacy?: boolean;
}

/** Iterations of the derivations in files we write. */
const WRITE_ITERATIONS = 100_000;
const LEGACY_ITERATIONS = 2048;

/** Writes a PKCS#12 file: the key, its certificate first, then the others. The result is a secret. */
export async function writePkcs12(
  key: KeyObject | null,
  certificates: readonly Certificate[],
  options: WritePkcs12Options,
): Promise<Buffer> {
  const forms = passwordForms(options.password);
  const localKeyId = randomBytes(20);
  const attributes = (own: boolean): Buffer =>
    writeDer(
      0x31,
      ...(options.friendlyName !== undefined && own
        ? [
            attribute(
              OID.friendlyName,
              writeDer(0x1e, Buffer.from(Buffer.from(options.friendlyName, 'utf16le')).swap16()),
            ),
          ]
        : []),
      ...(own && key ? [attribute(OID.localKeyId, writeDer(0x04, localKeyId))] : []),
    );
  const bag = (type: string, value: Buffer, own: boolean): Buffer => {
    const set = attributes(own);
    return writeDer(0x30, writeOid(type), writeDer(0xa0, value), ...(set.length > 2 ? [set] : []));
  };
  const safes: Buffer[] = [];
  if (certificates.length > 0) {
    const bags = certificates.map(({ der }, index) =>
      bag(
        OID.certBag,
        writeDer(0x30, writeOid(OID.x509), writeDer(0xa0, writeDer(0x04, der))),
        index === 0 && key !== null,
      ),
    );
    const { algorithm, ciphertext } = await encrypt(writeDer(0x30, ...bags), forms, options.legacy === true);
    safes.push(
      writeDer(
        0x30,
        writeOid(OID.encryptedData),
        writeDer(
          0xa0,
          writeDer(0x30, writeInteger(0), writeDer(0x30, writeOid(OID.data), algorithm, writeDer(0x80, ciphertext))),
        ),
      ),
    );
  }
  if (key) {
    const plain = key.export({ type: 'pkcs8', format: 'der' });
    const { algorithm, ciphertext } = await encrypt(plain, forms, options.legacy === true);
    const shrouded = writeDer(0x30, algorithm, writeDer(0x04, ciphertext));
    safes.push(dataInfo(writeDer(0x30, bag(OID.shroudedKeyBag, shrouded, true))));
  }
  const authSafe = writeDer(0x30, ...safes);
  return writeDer(0x30, writeInteger(3), dataInfo(authSafe), await writeMac(authSafe, forms, options.legacy === true));
}

function attribute(oid: string, value: Buffer): Buffer {
  return writeDer(0x30, writeOid(oid), writeDer(0x31, value));
}

function dataInfo(content: Buffer): Buffer {
  return writeDer(0x30, writeOid(OID.data), writeDer(0xa0, writeDer(0x04, content)));
}

async function writeMac(authSafe: Buffer, { bmp }: PasswordForms, legacy: boolean): Promise<Buffer> {
  const [digest, oid, length] = legacy ? (['sha1', OID.sha1, 20] as const) : (['sha256', OID.sha256, 32] as const);
  const salt = randomBytes(16);
  const iterations = legacy ? LEGACY_ITERATIONS : WRITE_ITERATIONS;
  const key = await derivePkcs12(digest, 3, bmp, salt, iterations, length);
  const mac = createHmac(digest, key).update(authSafe).digest();
  return writeDer(
    0x30,
    writeDer(0x30, writeAlgorithm(oid), writeDer(0x04, mac)),
    writeDer(0x04, salt),
    writeInteger(iterations),
  );
}

async function encrypt(
  plain: Buffer,
  { bytes, bmp }: PasswordForms,
  legacy: boolean,
): Promise<{ algorithm: Buffer; ciphertext: Buffer }> {
  const salt = randomBytes(16);
  if (legacy) {
    const key = await derivePkcs12('sha1', 1, bmp, salt, LEGACY_ITERATIONS, 24);
    const iv = await derivePkcs12('sha1', 2, bmp, salt, LEGACY_ITERATIONS, 8);
    const cipher = createCipheriv('des-ede3-cbc', key, iv);
    const parameters = writeDer(0x30, writeDer(0x04, salt), writeInteger(LEGACY_ITERATIONS));
    return {
      algorithm: writeAlgorithm(OID.pbe3Des, parameters),
      ciphertext: Buffer.concat([cipher.update(plain), cipher.final()]),
    };
  }
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync(bytes, salt, WRITE_ITERATIONS, 32, 'sha256'), iv);
  const derivation = writeAlgorithm(
    OID.pbkdf2,
    writeDer(0x30, writeDer(0x04, salt), writeInteger(WRITE_ITERATIONS), writeAlgorithm(OID.hmacSha256)),
  );
  const parameters = writeDer(0x30, derivation, writeAlgorithm(OID.aes256, writeDer(0x04, iv)));
  return {
    algorithm: writeAlgorithm(OID.pbes2, parameters),
    ciphertext: Buffer.concat([cipher.update(plain), cipher.final()]),
  };
}
