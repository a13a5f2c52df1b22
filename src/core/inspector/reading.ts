/**
 * Turns bytes into drafts: finds out what they are, opens what can be opened, and goes into what it finds.
 *
 * Everything here may be hostile. Nothing throws for what a file holds; size, nesting, number and work are bounded.
 */
import { createPublicKey } from 'node:crypto';
import { isSignedData } from '../certificates/cms';
import { DerCursor, printName, readCertificate, TAG } from '../certificates/der';
import { isEnvelopedData, readEnvelopedData, type Envelope } from '../certificates/enveloped-data';
import { publicKeyOf } from '../certificates/key';
import { decryptPem, type LockProblem, type Opened } from '../certificates/password-encryption';
import { looksLikePem, readPem, type PemBlock } from '../certificates/pem';
import { readPkcs12 } from '../certificates/pkcs12';
import { looksLikePrivateKey, readEncryptedKey, readPrivateKey, type OpenedKey } from '../certificates/private-key';
import { readRequest } from '../certificates/request';
import { readSignedData } from '../certificates/signed-data';
import { asDictionary, readPropertyList } from '../sources/property-list';
import { tokenFacts } from './abm-token';
import { Draft } from './draft';
import type { Place } from './item';
import type { Passwords } from './password';
import { inDays, problem, type ProblemCode } from './problem';
import { readProfile } from './profile';
import { readPushRequest } from './push-request';

/** Things found in one inspection at most. */
const MAX_ITEMS = 10_000;
const MAX_DEPTH = 8;
/** Private keys tried on one encrypted message at most. */
const MAX_KEYS = 100;

/** A message that may open once all files are read. */
interface Waiting {
  readonly draft: Draft;
  readonly envelope: Envelope;
  readonly depth: number;
}

/** Reads files one after the other. */
export class Reading {
  /** In the order found; the same thing twice is one. */
  readonly drafts: Draft[] = [];
  readonly #byIdentity = new Map<string, Draft>();
  readonly #waiting: Waiting[] = [];
  #full = false;

  constructor(
    private readonly passwords: Passwords,
    private readonly at: number,
  ) {}

  /** Opens the bytes of one file. */
  async file(file: string, bytes: Buffer): Promise<void> {
    const place = { file, path: '' };
    if (bytes.length === 0) this.note(place, bytes, 'file-empty');
    else if (!(await this.open(bytes, place, null, 0))) {
      const binary = bytes.subarray(0, 6).toString('latin1') === 'bplist';
      this.note(place, bytes, binary ? 'binary-property-list' : 'not-recognised');
    }
    await turn();
  }

  /** Keeps a draft, or merges it with the same thing found before. Returns the one that stays. */
  add(draft: Draft): Draft {
    const before = this.#byIdentity.get(draft.identity);
    if (before) {
      before.merge(draft);
      return before;
    }
    if (this.drafts.length >= MAX_ITEMS) {
      if (!this.#full) {
        this.#full = true;
        const note = new Draft('unknown', draft.place, null, Buffer.alloc(0));
        note.problems.push(problem('too-many-items', MAX_ITEMS));
        this.drafts.push(note);
      }
      return draft;
    }
    this.#byIdentity.set(draft.identity, draft);
    this.drafts.push(draft);
    return draft;
  }

  /** Keeps that something could not be read. */
  note(place: Place, bytes: Buffer, code: ProblemCode, ...values: (string | number)[]): void {
    const draft = new Draft('unknown', place, null, bytes);
    draft.problems.push(problem(code, ...values));
    // What is empty or cannot be read has no content to be the same by.
    if (bytes.length === 0) this.drafts.push(draft);
    else this.add(draft);
  }

  /** Opens messages with the keys that have been found; what comes out is read as well. */
  async openMessages(): Promise<void> {
    // What comes out may be a message again, but each is tried once after all keys known then.
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const { draft, envelope, depth } = next;
      const keys = this.drafts.filter(({ key }) => key?.asymmetricKeyType === 'rsa');
      const meant = this.drafts.filter(
        ({ certificate }) => certificate && envelope.recipients.some((recipient) => recipient.matches(certificate)),
      );
      for (const { spki } of meant) if (spki) keys.sort((a, b) => rank(b, spki) - rank(a, spki));
      let opened: Opened<Buffer> = { ok: false, problem: 'password' };
      for (const { key } of keys.slice(0, MAX_KEYS)) {
        if (!key) continue;
        opened = envelope.open(key);
        if (opened.ok || opened.problem !== 'password') break;
      }
      if (opened.ok) {
        draft.locked = false;
        await this.#opened(draft, opened.value, depth);
        for (const certificate of meant) if (draft.kind === 'abm-token') certificate.roleHint = 'abm';
      } else if (opened.problem === 'password') {
        const names = envelope.recipients.map(({ name }) => name ?? 'of a kind we do not know');
        draft.problems.push(problem('envelope-locked', names[0] ?? 'nobody'));
      } else draft.problems.push(lockProblem(opened.problem, true, envelope.cipher ?? 'unknown'));
    }
  }

  /**
   * Opens bytes of any kind.
   * @param whole what a profile is kept as: the signed message it was in.
   * @returns false when they are nothing we know.
   */
  async open(
    bytes: Buffer,
    place: Place,
    parent: Draft | null,
    depth: number,
    whole: Buffer = bytes,
  ): Promise<boolean> {
    if (this.#full) return true;
    if (depth > MAX_DEPTH) {
      this.note(place, bytes, 'nested-too-deep');
      return true;
    }
    if (bytes[0] === TAG.sequence && (await this.#der(bytes, place, parent, depth))) return true;
    const head = bytes
      .subarray(0, 4096)
      .toString('latin1')
      .replace(/^\u00ef\u00bb\u00bf/, '')
      .trimStart();
    if (head.startsWith('<')) return this.#xml(bytes, whole, place, parent, depth);
    if (await this.#text(bytes, head, place, parent, depth)) return true;
    return false;
  }

  /** Text: PEM, S/MIME, a token, or base64 or hex of something else. */
  async #text(bytes: Buffer, head: string, place: Place, parent: Draft | null, depth: number): Promise<boolean> {
    if (bytes.includes('-----BEGIN MESSAGE-----') || head.startsWith('{')) {
      const facts = tokenFacts(bytes);
      if (facts) {
        this.#token(new Draft('abm-token', place, parent, bytes), facts);
        return true;
      }
    }
    if (looksLikePem(bytes)) return this.#pem(bytes, place, parent, depth);
    const mime = /^(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*)+\r?\n/.exec(head);
    if (mime && /application\/(?:x-)?pkcs7/i.test(mime[0])) {
      const text = bytes.toString('latin1');
      const body = text.slice(text.indexOf('\n\n') >= 0 ? text.indexOf('\n\n') : text.indexOf('\r\n\r\n'));
      const decoded = /base64/i.test(mime[0]) ? fromBase64(body) : Buffer.from(body.trimStart(), 'latin1');
      if (decoded && (await this.open(decoded, place, parent, depth + 1))) return true;
      this.note(place, bytes, 'damaged', 'an S/MIME message');
      return true;
    }
    if (bytes.length > 24 && /^[0-9A-Fa-f\s]+$/.test(head)) {
      const hex = bytes.toString('latin1').replace(/\s+/g, '');
      if (hex.length % 2 === 0 && /^[0-9A-Fa-f]+$/.test(hex))
        return this.open(Buffer.from(hex, 'hex'), place, parent, depth + 1);
    }
    if (bytes.length > 24 && /^[A-Za-z0-9+/=\s]+$/.test(head)) {
      const decoded = fromBase64(bytes.toString('latin1'));
      if (decoded) return this.open(decoded, place, parent, depth + 1);
    }
    return false;
  }

  async #pem(bytes: Buffer, place: Place, parent: Draft | null, depth: number): Promise<boolean> {
    // A database dump has its PEM texts with the line breaks written out.
    // As text, because bytes are only read to 16 MiB; the file's own limit is the bound here.
    const text = bytes.toString('latin1');
    const escaped = /-----BEGIN [A-Z0-9 ]+-----\\n/.test(text);
    const blocks = readPem(escaped ? text.replaceAll('\\r', '').replaceAll('\\n', '\n') : text);
    if (blocks.length === 0) {
      this.note(place, bytes, 'damaged', 'PEM text');
      return true;
    }
    for (const [index, block] of blocks.entries()) {
      const inner = blocks.length === 1 ? place : within(place, `block ${index + 1}`);
      await this.#block(block, inner, parent, depth);
      if (index % 100 === 99) await turn();
      if (this.#full) break;
    }
    return true;
  }

  async #block(block: PemBlock, place: Place, parent: Draft | null, depth: number): Promise<void> {
    const { label, der, encrypted, headers } = block;
    if (encrypted && label !== 'ENCRYPTED PRIVATE KEY') {
      const scheme = /DEK-Info:\s*([A-Za-z0-9-]+)/.exec(headers)?.[1] ?? 'unknown';
      const draft = new Draft('key', place, parent, der);
      const weak = /^(?:DES-CBC|RC2)/i.test(scheme);
      await this.#lockedKey(draft, scheme, weak, (password) => decryptPem(headers, der, password));
      return;
    }
    // EC keys of OpenSSL come with their parameters in front, which say nothing the key does not.
    if (label === 'EC PARAMETERS' || label === 'DH PARAMETERS' || label === 'DSA PARAMETERS') return;
    if (label === 'TRUSTED CERTIFICATE' || label.endsWith('CERTIFICATE')) {
      const certificate = readCertificate(der);
      if (certificate) {
        this.#certificate(certificate.der, place, parent);
        return;
      }
    }
    if (label === 'RSA PUBLIC KEY') {
      const key = attempt(() => createPublicKey({ key: der, format: 'der', type: 'pkcs1' }));
      if (key) {
        const draft = new Draft('public-key', place, parent, der);
        draft.publicKey = key;
        this.add(draft);
        return;
      }
    }
    if (!(await this.open(der, place, parent, depth + 1)))
      this.note(place, der, 'damaged', `a PEM block (${label.replace(/[^A-Z0-9 ]/gi, '?')})`);
  }

  async #xml(bytes: Buffer, whole: Buffer, place: Place, parent: Draft | null, depth: number): Promise<boolean> {
    const root = asDictionary(readPropertyList(bytes));
    if (!root) {
      if (!bytes.includes('<plist')) return false;
      this.note(place, bytes, 'damaged', 'a property list');
      return true;
    }
    const request = readPushRequest(root);
    if (request) {
      const draft = new Draft('push-request', place, parent, bytes);
      draft.facts = request.facts;
      draft.problems.push(...request.problems);
      const kept = this.add(draft);
      for (const { name, der } of request.parts)
        if (!(await this.open(der, within(place, name), kept, depth + 1)))
          draft.problems.push(problem('damaged', name));
      return true;
    }
    const profile = readProfile(root);
    if (!profile) return false;
    const draft = new Draft('profile', place, parent, whole);
    draft.facts = profile.facts;
    draft.topic = profile.topic;
    if (profile.enrollment) draft.roleHint = 'enrollment-profile';
    const kept = this.add(draft);
    for (const { name, der } of profile.parts) await this.#inner(der, within(place, name), kept, depth + 1);
    return true;
  }

  async #inner(bytes: Buffer, place: Place, parent: Draft, depth: number): Promise<void> {
    if (!(await this.open(bytes, place, parent, depth))) this.note(place, bytes, 'damaged', 'a certificate payload');
  }

  async #der(bytes: Buffer, place: Place, parent: Draft | null, depth: number): Promise<boolean> {
    const certificate = readCertificate(bytes);
    if (certificate) {
      this.#certificate(certificate.der, place, parent);
      return true;
    }
    const request = readRequest(bytes);
    if (request) {
      const draft = new Draft('request', place, parent, request.der);
      draft.request = request;
      if (request.selfSigned === false) draft.problems.push(problem('self-signature-wrong'));
      this.add(draft);
      return true;
    }
    if (isSignedData(bytes)) return this.#signed(bytes, place, parent, depth);
    if (isEnvelopedData(bytes)) return this.#enveloped(bytes, place, parent, depth);
    const key = readPrivateKey(bytes);
    if (key) {
      this.#key(new Draft('key', place, parent, bytes), key);
      return true;
    }
    const pkcs12 = readPkcs12(bytes);
    if (pkcs12) {
      await this.#pkcs12(pkcs12, bytes, place, parent, depth);
      return true;
    }
    const locked = readEncryptedKey(bytes);
    if (locked) {
      const draft = new Draft('key', place, parent, bytes);
      await this.#lockedKey(draft, locked.scheme, locked.weak, (password) =>
        locked.open(password, this.passwords.work),
      );
      return true;
    }
    const publicKey = publicKeyOf(bytes);
    if (publicKey) {
      const draft = new Draft('public-key', place, parent, bytes);
      draft.publicKey = publicKey;
      this.add(draft);
      return true;
    }
    const list = revocationList(bytes);
    if (list) {
      const draft = new Draft('revocation-list', place, parent, bytes);
      draft.facts = list;
      this.add(draft);
      return true;
    }
    if (looksLikePrivateKey(bytes)) {
      this.note(place, bytes, 'damaged', 'a private key');
      return true;
    }
    // Any DER that is whole at its top level but of no kind we know is simply not recognised.
    const top = new DerCursor(bytes, 0, bytes.length);
    if (!top.next()) {
      this.note(place, bytes, 'damaged', 'DER');
      return true;
    }
    return false;
  }

  #certificate(der: Buffer, place: Place, parent: Draft | null): void {
    const draft = new Draft('certificate', place, parent, der);
    draft.certificate = readCertificate(der);
    this.add(draft);
  }

  #key(draft: Draft, { key, form }: OpenedKey): Draft {
    draft.key = key;
    draft.keyForms.add(form);
    return this.add(draft);
  }

  async #lockedKey(
    draft: Draft,
    scheme: string,
    weak: boolean,
    decrypt: (password: Buffer) => Promise<Opened<Buffer>> | Opened<Buffer>,
  ): Promise<void> {
    draft.encrypted = true;
    draft.facts = { encryption: scheme };
    const { file, path } = draft.place;
    const opened = await this.passwords.open(
      file,
      { what: 'key', path },
      async (password): Promise<Opened<OpenedKey>> => {
        const plain = await decrypt(password);
        if (!plain.ok) return plain;
        const key = readPrivateKey(plain.value);
        // Padding alone is right by chance once in 256 wrong passwords.
        return key ? { ok: true, value: key } : { ok: false, problem: 'password' };
      },
    );
    if (weak) draft.problems.push(problem('weak-encryption', scheme));
    if (opened.ok) this.#key(draft, opened.value);
    else {
      draft.locked = true;
      draft.problems.push(lockProblem(opened.problem, opened.asked, scheme));
      this.add(draft);
    }
  }

  async #pkcs12(
    file: NonNullable<ReturnType<typeof readPkcs12>>,
    bytes: Buffer,
    place: Place,
    parent: Draft | null,
    depth: number,
  ): Promise<void> {
    const draft = new Draft('bundle', place, parent, bytes);
    const opened = await this.passwords.open(place.file, { what: 'pkcs12', path: place.path }, async (password) => {
      const outcome = await file.open(password, this.passwords.work);
      // Without a MAC, a wrong password that happens to pad well looks like damage.
      if (!outcome.ok && outcome.problem === 'damaged' && file.mac === null)
        return { ok: false, problem: 'password' } as const;
      return outcome;
    });
    draft.facts = { format: 'PKCS#12', mac: file.mac };
    if (!opened.ok) {
      draft.encrypted = true;
      draft.locked = true;
      draft.problems.push(
        opened.problem === 'damaged'
          ? problem('damaged', 'PKCS#12')
          : lockProblem(opened.problem, opened.asked, 'PKCS#12'),
      );
      this.add(draft);
      return;
    }
    const { bags, schemes, weak } = opened.value;
    draft.encrypted = schemes.length > 0;
    draft.facts = { ...draft.facts, encryption: schemes, entries: bags.length };
    if (weak) draft.problems.push(problem('weak-encryption', schemes.join(', ')));
    const kept = this.add(draft);
    for (const [index, bag] of bags.entries()) {
      const name = bag.friendlyName === null || bag.friendlyName === '' ? '' : ` “${bag.friendlyName.slice(0, 80)}”`;
      const inner = within(place, `entry ${index + 1}${name}`);
      const known = bag.kind !== 'other' && (await this.open(bag.der, inner, kept, depth + 1));
      if (!known && bag.kind !== 'other') draft.problems.push(problem('damaged', `a PKCS#12 ${bag.kind}`));
      if (index % 100 === 99) await turn();
    }
  }

  async #signed(bytes: Buffer, place: Place, parent: Draft | null, depth: number): Promise<boolean> {
    const message = readSignedData(bytes);
    if (!message) {
      this.note(place, bytes, 'damaged', 'a PKCS#7 message');
      return true;
    }
    const { content, certificates, signers, unreadable } = message;
    let holder: Draft | null = null;
    if (content !== null && content.length > 0) {
      const before = this.drafts.length;
      const opened = await this.open(content, place, parent, depth + 1, bytes);
      holder = opened ? (this.drafts[before] ?? null) : null;
      // Opened and nothing new: the same message was among the files before.
      if (opened && !holder) return true;
    }
    const signed = signers.length > 0;
    if (!holder) {
      holder = new Draft(content === null ? 'bundle' : 'message', place, parent, bytes);
      holder.facts = { format: 'PKCS#7' };
      holder = this.add(holder);
    }
    holder.facts = {
      ...holder.facts,
      certificates: certificates.length,
      ...(message.revocationLists > 0 ? { revocationLists: message.revocationLists } : {}),
      ...(signed ? { signed: true, signatureValid: verdictOf(signers.map(({ valid }) => valid)) } : {}),
      ...(signers[0]?.certificate != null ? { signer: certificates[signers[0].certificate]?.subject ?? null } : {}),
    };
    if (unreadable > 0) holder.problems.push(problem('damaged', 'a certificate in PKCS#7'));
    if (signers.some(({ valid }) => valid === false)) holder.problems.push(problem('profile-signature-wrong'));
    for (const [index, { der }] of certificates.entries())
      this.#certificate(der, within(place, `certificate ${index + 1}`), holder);
    return true;
  }

  #enveloped(bytes: Buffer, place: Place, parent: Draft | null, depth: number): boolean {
    const envelope = readEnvelopedData(bytes);
    if (!envelope) {
      this.note(place, bytes, 'damaged', 'an encrypted message');
      return true;
    }
    // Apple's server tokens are the only such files an operator has under this name.
    const token = /\.p7m$/i.test(place.file);
    const draft = new Draft(token ? 'abm-token' : 'message', place, parent, bytes);
    draft.encrypted = true;
    draft.locked = true;
    draft.facts = {
      encryption: envelope.cipher ?? 'unknown',
      recipients: envelope.recipients.map(({ name }) => name ?? 'unknown'),
    };
    if (token) draft.roleHint = 'abm';
    if (this.add(draft) === draft) this.#waiting.push({ draft, envelope, depth });
    return true;
  }

  async #opened(draft: Draft, content: Buffer, depth: number): Promise<void> {
    const facts = tokenFacts(content);
    if (facts) {
      draft.kind = 'abm-token';
      this.#token(draft, facts);
      return;
    }
    draft.kind = 'message';
    draft.roleHint = null;
    if (!(await this.open(content, within(draft.place, 'content'), draft, depth + 1)))
      draft.problems.push(problem('not-recognised'));
  }

  #token(draft: Draft, { facts, notAfter }: NonNullable<ReturnType<typeof tokenFacts>>): void {
    draft.roleHint = 'abm';
    draft.facts = { ...draft.facts, ...facts };
    draft.notAfter = notAfter;
    if (notAfter !== null && notAfter < this.at) draft.problems.push(problem('expired', inDays(this.at - notAfter)));
    else if (notAfter !== null && notAfter - this.at < 30 * 86_400_000)
      draft.problems.push(problem('expiring-30', inDays(notAfter - this.at)));
    if (!this.drafts.includes(draft)) this.add(draft);
  }
}

/** A place inside another. */
export function within({ file, path }: Place, name: string): Place {
  return { file, path: path === '' ? name : `${path}, ${name}` };
}

function rank(draft: Draft, spki: Buffer): number {
  return draft.spki?.equals(spki) ? 1 : 0;
}

function lockProblem(why: LockProblem, asked: boolean, scheme: string): ReturnType<typeof problem> {
  switch (why) {
    case 'password':
      return problem(asked ? 'password-wrong' : 'password-needed');
    case 'unsupported':
      return problem('unsupported-encryption', scheme);
    case 'too-much-work':
      return problem('too-much-work');
    case 'damaged':
      return problem('damaged', 'something encrypted');
  }
}

function verdictOf(verdicts: readonly (boolean | null)[]): boolean | null {
  if (verdicts.includes(false)) return false;
  return verdicts.includes(null) ? null : true;
}

/** CertificateList: who issued it and how many it revokes. */
function revocationList(bytes: Buffer): { issuer: string; revoked: number } | null {
  const top = new DerCursor(bytes, 0, bytes.length);
  if (!top.expect(TAG.sequence)) return null;
  const outer = top.inside();
  if (!outer.expect(TAG.sequence)) return null;
  const list = outer.inside();
  // version OPTIONAL, signature, issuer, thisUpdate.
  const isVersioned = list.expect(TAG.integer);
  if (isVersioned && !list.next()) return null;
  if (!list.expect(TAG.sequence)) return null;
  const issuer = bytes.subarray(list.start, list.end);
  const isDated = list.expect(TAG.utcTime) || list.tag === (TAG.generalizedTime as number);
  if (!isDated) return null;
  let revoked = 0;
  while (list.next())
    if (list.tag === TAG.sequence) {
      const entries = list.inside();
      while (entries.next()) revoked++;
    }
  return { issuer: printName(issuer), revoked };
}

function fromBase64(text: string): Buffer | null {
  const compact = text.replace(/\s+/g, '');
  return compact !== '' && /^[A-Za-z0-9+/]+={0,2}$/.test(compact) ? Buffer.from(compact, 'base64') : null;
}

function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
