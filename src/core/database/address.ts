/** How a database is written: `mysql://user@host:3306/database`, without a password. */
import { isIP } from 'node:net';
import { misused } from '../failure';

/** Where a database is and who asks. Holds no password, so it may be shown and written down. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** How the messages call the database, and what they tell to do. */
export interface AddressWords {
  /** `Fleet’s database`. */
  readonly what: string;
  /** Code of everything but a password in the address. */
  readonly code: string;
  /** `Write it as mysql://user@host:3306/database.` */
  readonly form: string;
  /** What the address must begin with, for people. */
  readonly beginning: string;
  /** Where the password is given instead. */
  readonly password: string;
  /** Where TLS is chosen instead of in the address. */
  readonly options: string;
}

/**
 * Reads an address. User and database are percent-decoded, IPv6 stands in brackets.
 *
 * No message repeats the address: what does not parse may still hold a password.
 * @param ports the schemes that are understood, each with the port that needs not be written
 * @throws FailureError `usage/secret-in-url` for a password in it, else `words.code`
 */
export function parseDatabaseAddress(
  url: string,
  ports: Readonly<Record<string, number>>,
  words: AddressWords,
): DatabaseAddress {
  const fail = (problem: string, remedy = words.form): never => misused(words.code, problem, remedy);
  const parts = /^([a-z]+):\/\/([^/?#]*)(?:\/([^?#]*))?([?#].*)?$/is.exec(url.trim());
  const standard = Object.entries(ports).find(([scheme]) => scheme === parts?.[1]?.toLowerCase())?.[1];
  if (parts === null || standard === undefined)
    return fail(`The address of ${words.what} does not begin with ${words.beginning}.`);
  const [, , authority = '', path = '', rest] = parts;
  const at = authority.lastIndexOf('@');
  // A password with an unescaped slash ends up in the path: `mysql://user:pa/ss@host/db`.
  if (authority.slice(0, Math.max(at, 0)).includes(':') || (at < 0 && path.includes('@'))) {
    misused(
      'usage/secret-in-url',
      `The address of ${words.what} holds a password, which would end up in the shell’s history and in process lists.`,
      words.password,
    );
  }
  if (at < 0 || at === 0) fail(`The address of ${words.what} names no user.`);
  if (rest !== undefined)
    fail(`The address of ${words.what} carries options after the name of the database.`, words.options);
  const place = /^(?:\[([^[\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(authority.slice(at + 1));
  const host = place?.[1] ?? place?.[2] ?? '';
  const port = place?.[3] === undefined ? standard : Number(place[3]);
  if (host === '' || (place?.[1] !== undefined && isIP(host.replace(/%.*$/s, '')) !== 6))
    fail(`The address of ${words.what} names no host that could be read.`);
  if (port < 1 || port > 65_535) fail(`The port of ${words.what} is not between 1 and 65535.`);
  const database = decoded(path, words);
  if (database === '' || database.includes('/') || database.length > 64)
    fail(`The address of ${words.what} names no database.`);
  return { host: decoded(host, words), port, user: decoded(authority.slice(0, at), words), database };
}

/** The address as it is read again by {@link parseDatabaseAddress}. */
export function printDatabaseAddress(scheme: string, address: DatabaseAddress): string {
  const { user, database } = address;
  return `${scheme}://${encodeURIComponent(user)}@${hostAndPort(address)}/${encodeURIComponent(database)}`;
}

/** `host:port`, for people. */
export function hostAndPort({ host, port }: Pick<DatabaseAddress, 'host' | 'port'>): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function decoded(text: string, words: AddressWords): string {
  let value: string;
  try {
    value = decodeURIComponent(text);
  } catch {
    misused(
      words.code,
      `A percent sign in the address of ${words.what} is not followed by two hex digits.`,
      words.form,
    );
  }
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(value))
    misused(words.code, `The address of ${words.what} holds a control character.`, words.form);
  return value;
}
