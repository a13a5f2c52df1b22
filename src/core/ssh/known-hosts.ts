/**
 * Files like OpenSSH's known_hosts, and what they say of a host's key. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
 *
 * A server that shows a key of a kind nobody knows, while another kind is known, counts as changed: somebody in between
 * could choose which kind to show.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { unreadable } from '../failure';
import type { SshAddress } from './address';

/** One line that says something. */
export interface KnownHost {
  /** File and line, for messages. */
  readonly place: string;
  readonly mark: 'host' | 'revoked' | 'authority';
  /** As written: patterns separated by commas, or one hashed name. */
  readonly names: string;
  /** `ssh-ed25519`, … */
  readonly type: string;
  /** As it travels: the key's own bytes. */
  readonly key: Buffer;
}

/** A host's key as it was shown. */
export interface HostKey {
  readonly type: string;
  readonly key: Buffer;
}

/**
 * What is known of it. `certified`: only certificates of an authority are, and those are not supported. `changed`: the
 * host is known by other keys.
 */
export type Standing =
  { readonly is: 'known' | 'unknown' } | { readonly is: 'revoked' | 'certified' | 'changed'; readonly place: string };

/** Files beyond this are not read; 100,000 hosts have some 15 MB. */
const MAX_BYTES = 64 * 1024 ** 2;

/** The user's file, then the system's, as OpenSSH has them. */
function defaultKnownHosts(): string[] {
  const own = join(homedir(), '.ssh');
  return [join(own, 'known_hosts'), join(own, 'known_hosts2'), '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
}

/**
 * Reads such files. The default ones may be absent; one that was named must be there.
 * @throws FailureError `ssh/known-hosts`
 */
export async function readKnownHosts(files: readonly string[] | undefined): Promise<KnownHost[]> {
  const found: KnownHost[] = [];
  for (const path of files ?? defaultKnownHosts()) {
    try {
      if ((await stat(path)).size > MAX_BYTES) throw Object.assign(new Error(), { code: 'EFBIG' });
      for (const one of parseKnownHosts(await readFile(path, 'utf8'), path)) found.push(one);
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
      if (reason === 'ENOENT' && files === undefined) continue;
      // Not passed over: a revoked key may stand in it.
      unreadable(
        'ssh/known-hosts',
        `The file of known hosts ${path} cannot be read (${reason}), so no host key can be judged.`,
        'Check the path and its permissions, or name another with --ssh-known-hosts.',
        { path, reason },
      );
    }
  }
  return found;
}

/** The lines that say something. What is no such line is passed over, as OpenSSH does it. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  const found: KnownHost[] = [];
  text.split('\n').forEach((line, index) => {
    const fields = line.trim().split(/[ \t]+/);
    if (fields[0] === '' || fields[0]?.startsWith('#') === true) return;
    const mark = fields[0]?.startsWith('@') === true ? MARKS[fields.shift() ?? ''] : 'host';
    const [names = '', type = '', base64 = ''] = fields;
    const key = Buffer.from(base64, 'base64');
    if (mark === undefined || typeOf(key) !== type) return;
    found.push({ place: `${file}:${index + 1}`, mark, names, type, key });
  });
  return found;
}

const MARKS: Readonly<Record<string, KnownHost['mark'] | undefined>> = {
  '@revoked': 'revoked',
  '@cert-authority': 'authority',
};

/** What a key says it is: its first field; empty when it is no key. */
export function typeOf(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  return length > 0 && length <= 64 && key.length > 4 + length ? key.toString('latin1', 4, 4 + length) : '';
}

/** What the files say of a key that a host shows. */
export function judgeHostKey(known: readonly KnownHost[], address: SshAddress, shown: HostKey): Standing {
  const about = known.filter(({ names }) => matches(names, address));
  const same = (one: KnownHost): boolean => one.key.equals(shown.key);
  const revoked = about.find((one) => one.mark === 'revoked' && same(one));
  if (revoked !== undefined) return { is: 'revoked', place: revoked.place };
  const plain = about.filter(({ mark }) => mark === 'host');
  if (plain.some(same)) return { is: 'known' };
  // The line to look at: of the same kind of key where there is one.
  const other = plain.find(({ type }) => type === shown.type) ?? plain[0];
  if (other !== undefined) return { is: 'changed', place: other.place };
  const authority = about.find(({ mark }) => mark === 'authority');
  return authority === undefined ? { is: 'unknown' } : { is: 'certified', place: authority.place };
}

/** The kinds of key a host is known by: the server is asked for those first. */
export function knownTypes(known: readonly KnownHost[], address: SshAddress): Set<string> {
  return new Set(known.filter(({ mark, names }) => mark === 'host' && matches(names, address)).map(({ type }) => type));
}

/** `SHA256:…` as OpenSSH prints it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** How the host stands in such files: with its port unless that is 22. */
export function nameInKnownHosts({ host, port }: SshAddress): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

function matches(names: string, address: SshAddress): boolean {
  const name = nameInKnownHosts(address);
  if (names.startsWith('|')) return matchesHashed(names, name);
  let found = false;
  for (const pattern of names.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(negated ? pattern.slice(1) : pattern, name)) continue;
    // One negated pattern outweighs all others of its line.
    if (negated) return false;
    found = true;
  }
  return found;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name, keyed with the salt. */
function matchesHashed(names: string, name: string): boolean {
  const [, version, salt = '', hash = '', more] = names.split('|');
  if (version !== '1' || more !== undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const found = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === found.length && timingSafeEqual(expected, found);
}

/** `*` is any text, `?` any one character. Without backtracking over more than the last `*`: patterns are not ours. */
function matchesPattern(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p += 1;
      n += 1;
    } else if (star >= 0) {
      p = star + 1;
      n = resume += 1;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
