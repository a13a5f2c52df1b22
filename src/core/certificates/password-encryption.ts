/**
 * Decryption by password: PBES2 (PBKDF2 or scrypt), PKCS#12's own schemes, and the old PBES1 and PEM ones.
 *
 * node:crypto does the work; RC2 and DES come from node-forge, because OpenSSL 3 no longer offers them and Keychain and
 * old PKCS#12 files still use them. Iteration counts come from the file, so they are bounded: a hostile file must not
 * keep the machine busy for hours.
 */
import { createDecipheriv, createHash, hash, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import { toDer } from './ber';
import { DerCursor, printOid, TAG } from './der';

const pbkdf2Async = promisify(pbkdf2);
const scryptAsync = promisify<Buffer, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);

/** Iterations one derivation may ask for. OpenSSL writes 2,048, Keychain and new tools up to a million. */
const MAX_PBKDF2 = 2_000_000;
/** PKCS#12's own derivation runs in JavaScript: half a second for so many. */
const MAX_PKCS12 = 600_000;
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024;
/** So many rounds between two turns of the event loop. */
const BATCH = 20_000;

/** Iterations that may still be spent, over all files of one inspection. */
export class WorkBudget {
  constructor(private left = 20_000_000) {}

  /** Takes `count` iterations; false when they are not there any more. */
  spend(count: number): boolean {
    if (count > this.left) return false;
    this.left -= count;
    return true;
  }
}

/** Why something encrypted stayed shut. `password` also stands for damage that a wrong password looks like. */
export type LockProblem = 'password' | 'unsupported' | 'too-much-work' | 'damaged';

/** The outcome of opening something encrypted. */
export type Opened<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: LockProblem };

/** A password in the two forms it is used in. */
export interface PasswordForms {
  readonly bytes: Buffer;
  /** UTF-16BE with a final zero character, as PKCS#12 wants it; empty for "no password at all". */
  readonly bmp: Buffer;
}

/** Both forms of a password. */
export function passwordForms(password: Buffer): PasswordForms {
  return { bytes: password, bmp: Buffer.from(`${password.toString('utf8')}\0`, 'utf16le').swap16() };
}

/** PKCS#12 files without a password come in two kinds: an empty one, and none. */
export const NO_PASSWORD: PasswordForms = { bytes: Buffer.alloc(0), bmp: Buffer.alloc(0) };

interface Scheme {
  readonly name: string;
  /** Not to be relied on any more. */
  readonly weak: boolean;
}

const OID = { pbes2: '1.2.840.113549.1.5.13', pbkdf2: '1.2.840.113549.1.5.12', scrypt: '1.3.6.1.4.1.11591.4.11' };

const pkcs12Schemes: ReadonlyMap<string, { name: string; cipher: CipherName; keyBytes: number; weak: boolean }> =
  new Map([
    ['1.2.840.113549.1.12.1.3', { name: '3DES', cipher: 'des-ede3-cbc', keyBytes: 24, weak: false }],
    ['1.2.840.113549.1.12.1.4', { name: '2-key 3DES', cipher: 'des-ede-cbc', keyBytes: 16, weak: true }],
    ['1.2.840.113549.1.12.1.5', { name: 'RC2-128', cipher: 'rc2-128', keyBytes: 16, weak: true }],
    ['1.2.840.113549.1.12.1.6', { name: 'RC2-40', cipher: 'rc2-40', keyBytes: 5, weak: true }],
  ]);

const pbes1Schemes: ReadonlyMap<string, { name: string; digest: string; cipher: CipherName }> = new Map([
  ['1.2.840.113549.1.5.3', { name: 'DES with MD5', digest: 'md5', cipher: 'des' }],
  ['1.2.840.113549.1.5.6', { name: 'RC2-64 with MD5', digest: 'md5', cipher: 'rc2-64' }],
  ['1.2.840.113549.1.5.10', { name: 'DES with SHA-1', digest: 'sha1', cipher: 'des' }],
  ['1.2.840.113549.1.5.11', { name: 'RC2-64 with SHA-1', digest: 'sha1', cipher: 'rc2-64' }],
]);

type CipherName =
  | 'aes-128-cbc'
  | 'aes-192-cbc'
  | 'aes-256-cbc'
  | 'des-ede3-cbc'
  | 'des-ede-cbc'
  | 'camellia-128-cbc'
  | 'camellia-192-cbc'
  | 'camellia-256-cbc'
  | 'des'
  | 'rc2-40'
  | 'rc2-64'
  | 'rc2-128';

const keyLengths: Readonly<Record<CipherName, number>> = {
  'aes-128-cbc': 16,
  'aes-192-cbc': 24,
  'aes-256-cbc': 32,
  'des-ede3-cbc': 24,
  'des-ede-cbc': 16,
  'camellia-128-cbc': 16,
  'camellia-192-cbc': 24,
  'camellia-256-cbc': 32,
  des: 8,
  'rc2-40': 5,
  'rc2-64': 8,
  'rc2-128': 16,
};

/** Content ciphers by OID, as PBES2 and CMS name them. */
const ciphers: ReadonlyMap<string, { name: string; cipher: CipherName }> = new Map([
  ['2.16.840.1.101.3.4.1.2', { name: 'AES-128', cipher: 'aes-128-cbc' }],
  ['2.16.840.1.101.3.4.1.22', { name: 'AES-192', cipher: 'aes-192-cbc' }],
  ['2.16.840.1.101.3.4.1.42', { name: 'AES-256', cipher: 'aes-256-cbc' }],
  ['1.2.840.113549.3.7', { name: '3DES', cipher: 'des-ede3-cbc' }],
  ['1.3.14.3.2.7', { name: 'DES', cipher: 'des' }],
  ['1.2.392.200011.61.1.1.1.2', { name: 'Camellia-128', cipher: 'camellia-128-cbc' }],
  ['1.2.392.200011.61.1.1.1.3', { name: 'Camellia-192', cipher: 'camellia-192-cbc' }],
  ['1.2.392.200011.61.1.1.1.4', { name: 'Camellia-256', cipher: 'camellia-256-cbc' }],
]);

/** RC2 names its effective key length in the parameters (RFC 2268 section 6). */
const RC2_CBC = '1.2.840.113549.3.2';
const rc2Versions: ReadonlyMap<number, CipherName> = new Map([
  [160, 'rc2-40'],
  [120, 'rc2-64'],
  [58, 'rc2-128'],
]);

const hmacDigests: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.2.7', 'sha1'],
  ['1.2.840.113549.2.8', 'sha224'],
  ['1.2.840.113549.2.9', 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
]);

/** What an AlgorithmIdentifier encrypts with, for people. */
export function encryptionName(algorithm: Buffer): Scheme {
  const { oid, parameters } = readAlgorithm(algorithm);
  const own = pkcs12Schemes.get(oid);
  if (own) return { name: own.name, weak: own.weak };
  const old = pbes1Schemes.get(oid);
  if (old) return { name: old.name, weak: true };
  if (oid !== OID.pbes2 || !parameters) return { name: oid === '' ? 'unknown' : oid, weak: false };
  const inner = parametersOfPbes2(parameters);
  if (!inner) return { name: 'PBES2', weak: false };
  const { name, cipher } = contentCipher(inner.cipher) ?? { name: readAlgorithm(inner.cipher).oid, cipher: null };
  const derivation = readAlgorithm(inner.derivation).oid === OID.scrypt ? 'scrypt' : 'PBKDF2';
  return { name: `${name} with ${derivation}`, weak: cipher === 'des' || (cipher?.startsWith('rc2') ?? false) };
}

/** Decrypts what was encrypted by password under this AlgorithmIdentifier. */
export async function decryptByPassword(
  algorithm: Buffer,
  ciphertext: Buffer,
  password: PasswordForms,
  work: WorkBudget,
): Promise<Opened<Buffer>> {
  const { oid, parameters } = readAlgorithm(algorithm);
  if (!parameters) return { ok: false, problem: oid === '' ? 'damaged' : 'unsupported' };
  if (oid === OID.pbes2) return decryptPbes2(parameters, ciphertext, password, work);
  const own = pkcs12Schemes.get(oid);
  const old = pbes1Schemes.get(oid);
  if (!own && !old) return { ok: false, problem: 'unsupported' };
  const salted = readSaltAndCount(parameters);
  if (!salted) return { ok: false, problem: 'damaged' };
  const { salt, iterations } = salted;
  if (iterations > MAX_PKCS12 || !work.spend(iterations * 3)) return { ok: false, problem: 'too-much-work' };
  if (own) {
    const key = await derivePkcs12('sha1', 1, password.bmp, salt, iterations, own.keyBytes);
    const iv = await derivePkcs12('sha1', 2, password.bmp, salt, iterations, 8);
    return decipherStructure(own.cipher, key, iv, ciphertext);
  }
  if (!old) return { ok: false, problem: 'unsupported' };
  let block: Buffer = Buffer.concat([password.bytes, salt]);
  for (let round = 0; round < iterations; round++) {
    block = hash(old.digest, block, 'buffer');
    if (round % BATCH === BATCH - 1) await turn();
  }
  return decipherStructure(old.cipher, block.subarray(0, 8), block.subarray(8, 16), ciphertext);
}

/**
 * PKCS#12's key derivation (RFC 7292 appendix B.2).
 * @param id 1 key, 2 initialisation vector, 3 MAC key.
 */
export async function derivePkcs12(
  digest: string,
  id: number,
  password: Buffer,
  salt: Buffer,
  iterations: number,
  length: number,
): Promise<Buffer> {
  const v = digest === 'sha384' || digest === 'sha512' ? 128 : 64;
  const fill = (bytes: Buffer): Buffer => {
    const filled = Buffer.alloc(v * Math.ceil(bytes.length / v));
    for (let i = 0; i < filled.length; i++) filled[i] = bytes[i % bytes.length] as number;
    return filled;
  };
  const input = Buffer.concat([fill(salt), fill(password)]);
  const diversifier = Buffer.alloc(v, id);
  const output: Buffer[] = [];
  for (let made = 0; made < length;) {
    let block: Buffer = hash(digest, Buffer.concat([diversifier, input]), 'buffer');
    for (let round = 1; round < iterations; round++) {
      block = hash(digest, block, 'buffer');
      if (round % BATCH === 0) await turn();
    }
    output.push(block);
    made += block.length;
    // Each block of the input becomes itself plus the output plus one, for the next round.
    const addend = Buffer.alloc(v);
    for (let i = 0; i < v; i++) addend[i] = block[i % block.length] as number;
    for (let start = 0; start < input.length; start += v) {
      let carry = 1;
      for (let i = v - 1; i >= 0; i--) {
        const sum = (input[start + i] as number) + (addend[i] as number) + carry;
        input[start + i] = sum & 0xff;
        carry = sum >> 8;
      }
    }
  }
  return Buffer.concat(output).subarray(0, length);
}

/** Iterations PKCS#12's own derivation may be asked for. */
export function isTooMuchForPkcs12(iterations: number): boolean {
  return iterations > MAX_PKCS12;
}

/** PBKDF2 as its AlgorithmIdentifier's parameters say; `length` where they name none. */
export async function derivePbkdf2(
  parameters: Buffer,
  password: Buffer,
  length: number,
  work: WorkBudget,
): Promise<Opened<Buffer>> {
  const cursor = new DerCursor(parameters, 0, parameters.length);
  if (!cursor.expect(TAG.sequence)) return { ok: false, problem: 'damaged' };
  const inner = cursor.inside();
  if (!inner.expect(TAG.octetString)) return { ok: false, problem: 'unsupported' };
  const salt = parameters.subarray(inner.contentStart, inner.end);
  const iterations = inner.expect(TAG.integer) ? readCount(inner) : null;
  if (iterations === null) return { ok: false, problem: 'damaged' };
  let digest: string | undefined = 'sha1';
  while (inner.next())
    if (inner.tag === TAG.sequence)
      digest = hmacDigests.get(readAlgorithm(parameters.subarray(inner.start, inner.end)).oid);
  if (digest === undefined) return { ok: false, problem: 'unsupported' };
  if (iterations > MAX_PBKDF2 || !work.spend(iterations)) return { ok: false, problem: 'too-much-work' };
  return { ok: true, value: await pbkdf2Async(password, salt, iterations, length, digest) };
}

/** Decrypts under a content-encryption AlgorithmIdentifier (CMS) with the key itself. */
export function decryptContent(algorithm: Buffer, key: Buffer, ciphertext: Buffer): Opened<Buffer> {
  const found = contentCipher(algorithm);
  if (!found) return { ok: false, problem: 'unsupported' };
  if (key.length !== keyLengths[found.cipher] && !found.cipher.startsWith('rc2'))
    return { ok: false, problem: 'password' };
  return decipher(found.cipher, key, found.iv, ciphertext);
}

/** A content cipher for people; null when we do not know it. */
export function contentCipherName(algorithm: Buffer): string | null {
  return contentCipher(algorithm)?.name ?? null;
}

const pemCiphers: ReadonlyMap<string, CipherName> = new Map([
  ['DES-CBC', 'des'],
  ['DES-EDE3-CBC', 'des-ede3-cbc'],
  ['DES-EDE-CBC', 'des-ede-cbc'],
  ['AES-128-CBC', 'aes-128-cbc'],
  ['AES-192-CBC', 'aes-192-cbc'],
  ['AES-256-CBC', 'aes-256-cbc'],
  ['CAMELLIA-128-CBC', 'camellia-128-cbc'],
  ['CAMELLIA-192-CBC', 'camellia-192-cbc'],
  ['CAMELLIA-256-CBC', 'camellia-256-cbc'],
  ['RC2-40-CBC', 'rc2-40'],
  ['RC2-64-CBC', 'rc2-64'],
  ['RC2-CBC', 'rc2-128'],
]);

/**
 * Decrypts the body of an old PEM block (`Proc-Type: 4,ENCRYPTED`). Takes an empty password too, which OpenSSL refuses:
 * the SCEP server of MicroMDM's makers writes its CA key so.
 */
export function decryptPem(headers: string, body: Buffer, password: Buffer): Opened<Buffer> {
  const match = /DEK-Info:\s*([A-Za-z0-9-]+)\s*,\s*([0-9A-Fa-f]+)/.exec(headers);
  const cipher = pemCiphers.get((match?.[1] ?? '').toUpperCase());
  const iv = Buffer.from(match?.[2] ?? '', 'hex');
  if (!match) return { ok: false, problem: 'damaged' };
  if (!cipher) return { ok: false, problem: 'unsupported' };
  if (iv.length < 8) return { ok: false, problem: 'damaged' };
  // EVP_BytesToKey with MD5, one round, the first eight octets of the IV as salt.
  const salt = iv.subarray(0, 8);
  let key = Buffer.alloc(0);
  let block = Buffer.alloc(0);
  while (key.length < keyLengths[cipher]) {
    block = createHash('md5').update(block).update(password).update(salt).digest();
    key = Buffer.concat([key, block]);
  }
  return decipherStructure(cipher, key.subarray(0, keyLengths[cipher]), iv, body);
}

/** The OID of an AlgorithmIdentifier (empty when it is none) and its parameters, whole. */
export function readAlgorithm(der: Buffer): { oid: string; parameters: Buffer | null } {
  const outer = new DerCursor(der, 0, der.length);
  const inner = outer.expect(TAG.sequence) ? outer.inside() : null;
  if (!inner?.expect(TAG.oid)) return { oid: '', parameters: null };
  const oid = printOid(der, inner.contentStart, inner.end);
  return { oid, parameters: inner.next() ? der.subarray(inner.start, inner.end) : null };
}

async function decryptPbes2(
  parameters: Buffer,
  ciphertext: Buffer,
  { bytes }: PasswordForms,
  work: WorkBudget,
): Promise<Opened<Buffer>> {
  const inner = parametersOfPbes2(parameters);
  if (!inner) return { ok: false, problem: 'damaged' };
  const found = contentCipher(inner.cipher);
  const derivation = readAlgorithm(inner.derivation);
  if (!found || !derivation.parameters) return { ok: false, problem: 'unsupported' };
  const length = keyLengths[found.cipher];
  const key =
    derivation.oid === OID.pbkdf2
      ? await derivePbkdf2(derivation.parameters, bytes, length, work)
      : derivation.oid === OID.scrypt
        ? await deriveScrypt(derivation.parameters, bytes, length, work)
        : ({ ok: false, problem: 'unsupported' } as const);
  return key.ok ? decipherStructure(found.cipher, key.value, found.iv, ciphertext) : key;
}

async function deriveScrypt(
  parameters: Buffer,
  password: Buffer,
  length: number,
  work: WorkBudget,
): Promise<Opened<Buffer>> {
  const outer = new DerCursor(parameters, 0, parameters.length);
  const inner = outer.expect(TAG.sequence) ? outer.inside() : null;
  if (!inner?.expect(TAG.octetString)) return { ok: false, problem: 'damaged' };
  const salt = parameters.subarray(inner.contentStart, inner.end);
  const numbers: number[] = [];
  while (numbers.length < 3) {
    const value = inner.expect(TAG.integer) ? readCount(inner) : null;
    if (value === null) return { ok: false, problem: 'damaged' };
    numbers.push(value);
  }
  const [N = 0, r = 0, p = 0] = numbers;
  if (128 * N * r > MAX_SCRYPT_BYTES || p > 16 || !work.spend(N * r * p))
    return { ok: false, problem: 'too-much-work' };
  try {
    return { ok: true, value: await scryptAsync(password, salt, length, { N, r, p, maxmem: 2 * MAX_SCRYPT_BYTES }) };
  } catch {
    // N is no power of two, and the like.
    return { ok: false, problem: 'damaged' };
  }
}

function parametersOfPbes2(parameters: Buffer): { derivation: Buffer; cipher: Buffer } | null {
  const outer = new DerCursor(parameters, 0, parameters.length);
  const inner = outer.expect(TAG.sequence) ? outer.inside() : null;
  if (!inner?.expect(TAG.sequence)) return null;
  const derivation = parameters.subarray(inner.start, inner.end);
  return inner.expect(TAG.sequence) ? { derivation, cipher: parameters.subarray(inner.start, inner.end) } : null;
}

function contentCipher(algorithm: Buffer): { name: string; cipher: CipherName; iv: Buffer } | null {
  const { oid, parameters } = readAlgorithm(algorithm);
  if (!parameters) return null;
  const cursor = new DerCursor(parameters, 0, parameters.length);
  if (oid === RC2_CBC) {
    const inner = cursor.expect(TAG.sequence) ? cursor.inside() : null;
    const version = inner?.expect(TAG.integer) ? readCount(inner) : null;
    const cipher = rc2Versions.get(version ?? 0);
    if (!inner || !cipher || !inner.expect(TAG.octetString)) return null;
    return { name: cipher.toUpperCase(), cipher, iv: parameters.subarray(inner.contentStart, inner.end) };
  }
  const known = ciphers.get(oid);
  if (!known || !cursor.expect(TAG.octetString)) return null;
  return { ...known, iv: parameters.subarray(cursor.contentStart, cursor.end) };
}

function readSaltAndCount(parameters: Buffer): { salt: Buffer; iterations: number } | null {
  const outer = new DerCursor(parameters, 0, parameters.length);
  const inner = outer.expect(TAG.sequence) ? outer.inside() : null;
  if (!inner?.expect(TAG.octetString)) return null;
  const salt = parameters.subarray(inner.contentStart, inner.end);
  const iterations = inner.expect(TAG.integer) ? readCount(inner) : null;
  return iterations === null ? null : { salt, iterations };
}

/** A positive INTEGER of reasonable size; null otherwise. */
export function readCount(cursor: DerCursor): number | null {
  const length = cursor.end - cursor.contentStart;
  if (length < 1 || length > 6 || ((cursor.bytes[cursor.contentStart] as number) & 0x80) !== 0) return null;
  let value = 0;
  for (let i = cursor.contentStart; i < cursor.end; i++) value = value * 256 + (cursor.bytes[i] as number);
  return value > 0 ? value : null;
}

/**
 * Decrypts what passwords protect here: always one SEQUENCE, a key or the contents of a PKCS#12. Padding alone is right for
 * one wrong password in 256, and what comes out then must not pass for the content.
 */
function decipherStructure(cipher: CipherName, key: Buffer, iv: Buffer, ciphertext: Buffer): Opened<Buffer> {
  const opened = decipher(cipher, key, iv, ciphertext);
  if (!opened.ok) return opened;
  return opened.value[0] === TAG.sequence && toDer(opened.value) !== null ? opened : { ok: false, problem: 'password' };
}

/** Deciphers and strips the padding; a wrong key nearly always shows as wrong padding. */
function decipher(cipher: CipherName, key: Buffer, iv: Buffer, ciphertext: Buffer): Opened<Buffer> {
  if (ciphertext.length === 0 || ciphertext.length % 8 !== 0) return { ok: false, problem: 'damaged' };
  try {
    if (cipher === 'des' || cipher.startsWith('rc2')) return decipherOld(cipher, key, iv, ciphertext);
    const running = createDecipheriv(cipher, key, iv);
    return { ok: true, value: Buffer.concat([running.update(ciphertext), running.final()]) };
  } catch (error) {
    // ERR_OSSL_BAD_DECRYPT is the padding; an IV of the wrong length is damage.
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return { ok: false, problem: code.startsWith('ERR_OSSL') ? 'password' : 'damaged' };
  }
}

function decipherOld(cipher: CipherName, key: Buffer, iv: Buffer, ciphertext: Buffer): Opened<Buffer> {
  if (iv.length !== 8) return { ok: false, problem: 'damaged' };
  const bytesOf = (buffer: Buffer): string => buffer.toString('binary');
  const input = forge.util.createBuffer(bytesOf(ciphertext));
  // forge strips whatever the last octet says without looking, so it is told not to, and we look.
  const keep = (): boolean => true;
  let output: forge.util.ByteBuffer;
  if (cipher === 'des') {
    const running = forge.cipher.createDecipher('DES-CBC', forge.util.createBuffer(bytesOf(key)));
    running.start({ iv: bytesOf(iv) });
    running.update(input);
    // The types do not know the parameter.
    (running as unknown as { finish(pad: () => boolean): boolean }).finish(keep);
    output = running.output;
  } else {
    const running = forge.rc2.createDecryptionCipher(bytesOf(key), Number(cipher.slice(4)));
    running.start(bytesOf(iv));
    running.update(input);
    running.finish(keep);
    output = running.output;
  }
  const plain = Buffer.from(output.getBytes(), 'binary');
  const padding = plain.at(-1) ?? 0;
  const sound = padding >= 1 && padding <= 8 && plain.subarray(-padding).every((octet) => octet === padding);
  return sound ? { ok: true, value: plain.subarray(0, -padding) } : { ok: false, problem: 'password' };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
