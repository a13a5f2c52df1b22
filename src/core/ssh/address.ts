/** Where an SSH server is and who logs in: `ssh://USER@HOST[:PORT][/PATH]`. */
import { isIP } from 'node:net';
import { misused } from '../failure';

/** Holds no secret, so it may be shown and written down. */
export interface SshAddress {
  readonly user: string;
  /** Lower case; an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A place on such a machine. */
export interface SshPlace extends SshAddress {
  /** Absolute, without a slash at its end (but the root's own). */
  readonly path: string;
}

const DEFAULT_PORT = 22;

/** True for what {@link parseSshPlace} is for. */
export function isSsh(location: string): boolean {
  return /^ssh:\/\//i.test(location);
}

/**
 * Reads `ssh://USER@HOST[:PORT]`: a jump host.
 * @throws FailureError `usage/secret-in-url`, `usage/ssh-address`; no message repeats what was typed, it may hold a password
 */
export function parseSshAddress(text: string): SshAddress {
  const { path, ...address } = parse(text);
  if (path !== '' && path !== '/') refuse('An SSH address to connect through has no path.', 'ssh://USER@HOST[:PORT]');
  return address;
}

/**
 * Reads `ssh://USER@HOST[:PORT]/ABSOLUTE/PATH`. User and path are percent-decoded.
 * @throws FailureError as {@link parseSshAddress}
 */
export function parseSshPlace(text: string): SshPlace {
  const place = parse(text);
  const path = place.path.replace(/(?<=.)\/+$/, '');
  if (path === '') refuse('The SSH address names no path.');
  if (path.split('/').some((part) => part === '..' || part === '.'))
    refuse('The path in the SSH address holds . or .. parts.');
  return { ...place, path };
}

/** How an address is written; {@link parseSshPlace} and {@link parseSshAddress} give it back. */
export function printSsh(address: SshAddress | SshPlace): string {
  const { user, host, port } = address;
  const path = 'path' in address ? encodeURIComponent(address.path).replaceAll('%2F', '/') : '';
  return `ssh://${encodeURIComponent(user)}@${nameOfHost(host)}${port === DEFAULT_PORT ? '' : `:${port}`}${path}`;
}

/** `host` or `host:port`, for people. */
export function nameOf({ host, port }: SshAddress): string {
  return `${nameOfHost(host)}${port === DEFAULT_PORT ? '' : `:${port}`}`;
}

function nameOfHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function parse(text: string): SshPlace {
  const parts = /^ssh:\/\/([^/?#]*)([^?#]*)(.*)$/is.exec(text.trim());
  if (parts === null) return refuse('The address does not begin with ssh://.');
  const [, authority = '', path = '', rest = ''] = parts;
  const at = authority.lastIndexOf('@');
  // A password with an unescaped slash ends up in the path: `ssh://user:pa/ss@host/x`.
  if (authority.slice(0, Math.max(at, 0)).includes(':') || (at < 0 && path.includes('@')))
    misused(
      'usage/secret-in-url',
      'The SSH address holds a password, which would end up in the shell’s history and in process lists.',
      'Leave it out and give it by --ssh-password-file or in SLIPWAY_SSH_PASSWORD; better, log in by key or agent.',
    );
  if (rest !== '') refuse('The SSH address holds a ? or #.', 'a path with ? as %3F and # as %23');
  if (at <= 0) refuse('The SSH address names no user.');
  const place = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(authority.slice(at + 1));
  const host = (place?.[1] ?? place?.[2] ?? '').toLowerCase();
  const isAddress = place?.[1] !== undefined && isIP(host.replace(/%[\w.-]+$/, '')) === 6;
  if (!isAddress && (place?.[1] !== undefined || !/^[\p{L}\p{N}_]([\p{L}\p{N}._-]*[\p{L}\p{N}_.])?$/u.test(host)))
    refuse('The SSH address names no host that could be read.');
  const port = place?.[3] === undefined ? DEFAULT_PORT : Number(place[3]);
  if (port < 1 || port > 65_535) refuse('The port of the SSH address is not between 1 and 65535.');
  return { user: decoded(authority.slice(0, at)), host, port, path: decoded(path) };
}

function decoded(text: string): string {
  let value: string;
  try {
    value = decodeURIComponent(text);
  } catch {
    return refuse('A percent sign in the SSH address is not followed by two hex digits.');
  }
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(value)) refuse('The SSH address holds a control character.');
  return value;
}

function refuse(message: string, form = 'ssh://USER@HOST[:PORT]/ABSOLUTE/PATH'): never {
  return misused('usage/ssh-address', message, `Write ${form}.`);
}
