/**
 * What an account may do in Fleet's database, against what the migration needs: SHOW GRANTS read, missing grants as
 * ready statements, too many of them as warnings.
 */
import type { FleetConnection } from './connection';
import { MIGRATION_TABLES, type TargetSchema } from './schema';

export type Privilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** For what an account is used. `writer` includes everything `reader` needs; `undo` is the right to take back. */
export type AccountRole = 'reader' | 'writer';

/** Privileges on one table the migration uses. */
export interface GrantNeed {
  readonly table: string;
  readonly privilege: Privilege;
  /** Columns that are used: a grant on these alone is enough. Null: the whole table. */
  readonly columns: readonly string[] | null;
  /** What it is for, completing "needed to …". */
  readonly purpose: string;
  /** Without it an optional step is not offered; everything else works. */
  readonly optional: boolean;
}

/** What one account has, as far as SHOW GRANTS says it (roles that are active included). */
export interface GrantReport {
  /** Ready for a GRANT statement: `'slipway'@'10.0.%'`. */
  readonly account: string;
  readonly missing: readonly GrantNeed[];
  /** GRANT statements that give what is missing, one per table, to be run by an administrator. */
  readonly statements: readonly string[];
  /** Privileges this account should not have, as `SUPER on *.*`. */
  readonly excessive: readonly string[];
  /** Roles granted but not active in this session. */
  readonly inactiveRoles: readonly string[];
  /** Lines of SHOW GRANTS that were not understood; they may give more than is seen here. */
  readonly notUnderstood: number;
}

const HOST_COLUMNS = ['id', 'uuid', 'hardware_serial', 'team_id', 'platform', 'orbit_node_key'];

/** Every privilege a role needs on a schema, in the order of the tables. */
export function neededGrants(role: AccountRole, schema: TargetSchema): GrantNeed[] {
  const needs: GrantNeed[] = [];
  const need = (
    table: string,
    privilege: Privilege,
    purpose: string,
    columns: readonly string[] | null = null,
    optional = false,
  ): void => {
    needs.push({ table, privilege, columns, purpose, optional });
  };
  for (const table of MIGRATION_TABLES) need(table, 'SELECT', 'compare and verify rows', schema.columns[table]);
  if (schema.seenStorage === 'table')
    need('nano_seen_times', 'SELECT', 'tell what Fleet has heard from', ['id', 'seen_time']);
  need('nano_command_results', 'SELECT', 'tell what Fleet has heard from', [
    'id',
    'command_uuid',
    'status',
    'created_at',
    'updated_at',
  ]);
  need('nano_enrollment_queue', 'SELECT', 'find old queued commands', ['id', 'command_uuid', 'active', 'created_at']);
  need('nano_commands', 'SELECT', 'name old queued commands', ['command_uuid', 'request_type']);
  need('hosts', 'SELECT', 'match devices with hosts', HOST_COLUMNS);
  need('teams', 'SELECT', 'place devices in teams', ['id', 'name', 'config']);
  need('app_config_json', 'SELECT', 'check Fleet’s settings', ['id', 'json_value']);
  need('migration_status_tables', 'SELECT', 'tell the schema’s age', ['version_id', 'is_applied']);
  need('mdm_config_assets', 'SELECT', 'compare SCEP CA and push topic', [
    'id',
    'name',
    'value',
    'md5_checksum',
    'created_at',
    'deleted_at',
    'deletion_uuid',
  ]);
  if (role === 'reader') return needs;
  for (const table of MIGRATION_TABLES) {
    const columns = schema.columns[table];
    need(table, 'INSERT', 'import devices', columns);
    need(table, 'UPDATE', 'refresh what nothing has touched', columns);
    need(
      table,
      'DELETE',
      table === 'nano_cert_auth_associations'
        ? 'replace an outdated certificate of ours, and to undo'
        : 'undo an import',
    );
  }
  if (schema.serialsTable !== null) {
    need(schema.serialsTable, 'SELECT', 'keep certificate serials apart', ['serial']);
    need(schema.serialsTable, 'INSERT', 'keep certificate serials apart', ['serial']);
  }
  need('nano_enrollment_queue', 'UPDATE', 'switch off old queued commands', ['active'], true);
  return needs;
}

/** Everything an account of this role needs, as GRANT statements, one per table; `account` as `'user'@'host'`. */
export function grantStatements(needs: readonly GrantNeed[], database: string, account: string): string[] {
  const byTable = new Map<string, Set<Privilege>>();
  for (const { table, privilege } of needs) {
    const set = byTable.get(table) ?? new Set();
    byTable.set(table, set.add(privilege));
  }
  return [...byTable].map(([table, privileges]) => {
    const ordered = (['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const).filter((one) => privileges.has(one));
    return `GRANT ${ordered.join(', ')} ON ${quoted(database)}.${quoted(table)} TO ${account};`;
  });
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** `user@host` as CURRENT_USER() gives it, as `'user'@'host'`. The user may hold an @, the host cannot. */
export function quoteAccount(currentUser: string): string {
  const at = currentUser.lastIndexOf('@');
  const text = (part: string): string => `'${part.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  return at < 0 ? text(currentUser) : `${text(currentUser.slice(0, at))}@${text(currentUser.slice(at + 1))}`;
}

/** Asks the server what this account has and compares. */
export async function inspectGrants(
  connection: FleetConnection,
  schema: TargetSchema,
  role: AccountRole,
): Promise<GrantReport> {
  const [who] = await connection.query<{ account: string; roles: string | null }>(
    connection.server.isMariaDb
      ? 'SELECT CURRENT_USER() AS account, NULL AS roles'
      : 'SELECT CURRENT_USER() AS account, CURRENT_ROLE() AS roles',
  );
  // MySQL includes what active roles give.
  const lines = (await connection.query<Record<string, string>>('SHOW GRANTS')).map(
    (row) => Object.values(row)[0] ?? '',
  );
  const [literal] = connection.server.isMariaDb
    ? []
    : await connection.query<{ value: string }>('SELECT @@GLOBAL.partial_revokes AS value').catch(() => []);
  const grants = readGrants(lines, { wildcards: literal === undefined || Number(literal.value) === 0 });
  const { database } = connection.address;
  const missing = neededGrants(role, schema).filter((need) => !grants.allow(database, need));
  const account = quoteAccount(who?.account ?? '');
  const active = new Set((who?.roles ?? 'NONE').split(',').map((name) => name.trim()));
  return {
    account,
    missing,
    statements: grantStatements(missing, database, account),
    excessive: grants.excessive(database),
    inactiveRoles: grants.roles.filter((name) => !active.has(name)),
    notUnderstood: grants.notUnderstood,
  };
}

/** GRANT statements for those of some needs that this account lacks, for an administrator; empty when it lacks nothing. */
export async function missingGrants(connection: FleetConnection, needs: readonly GrantNeed[]): Promise<string[]> {
  const [who] = await connection.query<{ account: string }>('SELECT CURRENT_USER() AS account');
  const lines = await connection.query<Record<string, string>>('SHOW GRANTS');
  const grants = readGrants(lines.map((row) => Object.values(row)[0] ?? ''));
  const { database } = connection.address;
  return grantStatements(
    needs.filter((need) => !grants.allow(database, need)),
    database,
    quoteAccount(who?.account ?? ''),
  );
}

interface Scope {
  /** Null: every database (`*.*`). */
  readonly database: string | null;
  /** Null: every table. */
  readonly table: string | null;
  /** Upper-case; `ALL PRIVILEGES` as it is. */
  readonly privileges: ReadonlySet<string>;
  /** Privilege to columns, for grants on columns. */
  readonly columns: ReadonlyMap<string, ReadonlySet<string>>;
  readonly grantOption: boolean;
}

/** Grants as read from SHOW GRANTS. */
class Grants {
  constructor(
    private readonly granted: readonly Scope[],
    private readonly revoked: readonly Scope[],
    readonly roles: readonly string[],
    readonly notUnderstood: number,
    private readonly wildcards: boolean,
  ) {}

  /** Whether a need is met in a database. */
  allow(database: string, need: Pick<GrantNeed, 'table' | 'privilege' | 'columns'>): boolean {
    const has = (scope: Scope): boolean =>
      scope.privileges.has(need.privilege) || scope.privileges.has('ALL PRIVILEGES');
    const revoked = this.revoked.some((scope) => scope.database === database && has(scope));
    if (!revoked && this.granted.some((scope) => scope.database === null && has(scope))) return true;
    if (this.databaseScopes(database).some(has)) return true;
    const onTable = this.granted.filter((scope) => scope.table === need.table && scope.database === database);
    if (onTable.some(has)) return true;
    if (need.columns === null) return false;
    return need.columns.every((column) =>
      onTable.some((scope) => scope.columns.get(need.privilege)?.has(column.toLowerCase()) === true),
    );
  }

  /** What an account for a migration should not have: everything that reaches beyond the rows of its tables. */
  excessive(database: string): string[] {
    const found: string[] = [];
    for (const scope of this.granted) {
      if (scope.table !== null) continue;
      const where = scope.database === null ? '*.*' : `${quoted(scope.database)}.*`;
      if (scope.database !== null && !this.matches(scope.database, database)) continue;
      if (scope.privileges.has('ALL PRIVILEGES')) found.push(`ALL PRIVILEGES on ${where}`);
      for (const name of ALARMING) if (scope.privileges.has(name)) found.push(`${name} on ${where}`);
      if (scope.grantOption) found.push(`GRANT OPTION on ${where}`);
    }
    return found;
  }

  /**
   * MySQL does not add grants on several matching database patterns together: the most specific one alone counts.
   * Measured on 9.7: `g469`.* SELECT beside `g4%`.* INSERT refuses an INSERT.
   */
  private databaseScopes(database: string): Scope[] {
    const matching = this.granted.filter(
      (scope) => scope.table === null && scope.database !== null && this.matches(scope.database, database),
    );
    matching.sort((a, b) => specificity(b.database ?? '') - specificity(a.database ?? ''));
    return matching.filter((scope) => scope.database === matching[0]?.database);
  }

  /** `fleet\_%`: in a grant on a database, _ and % stand for any character and any text unless escaped. */
  private matches(pattern: string, database: string): boolean {
    if (!this.wildcards || !/[\\%_]/.test(pattern)) return pattern === database;
    return matchesPattern(pattern, database);
  }
}

/** Server-wide powers an import never needs. */
const ALARMING = [
  'SUPER',
  'FILE',
  'SHUTDOWN',
  'CREATE USER',
  'SYSTEM_VARIABLES_ADMIN',
  'SYSTEM_USER',
  'SET_USER_ID',
  'SET_ANY_DEFINER',
  'CONNECTION_ADMIN',
  'ROLE_ADMIN',
  'DROP',
  'ALTER',
];

/** LIKE without a regular expression: a hostile pattern costs no more than length times length. */
function matchesPattern(pattern: string, text: string): boolean {
  const tokens = [...pattern.matchAll(/\\(.)|(%)|(_)|(.)/gs)].map(([, literal, any, one, plain]) =>
    any !== undefined ? ANY : one !== undefined ? ONE : (literal ?? plain ?? ''),
  );
  let token = 0;
  let at = 0;
  let retryToken = -1;
  let retryAt = 0;
  while (at < text.length) {
    const wanted = tokens[token];
    if (wanted === ANY) {
      retryToken = token += 1;
      retryAt = at;
    } else if (wanted === ONE || wanted === text[at]) {
      token += 1;
      at += 1;
    } else if (retryToken >= 0) {
      token = retryToken;
      at = retryAt += 1;
    } else return false;
  }
  while (tokens[token] === ANY) token += 1;
  return token === tokens.length;
}

const ANY = Symbol('any text');
const ONE = Symbol('any character');

/** Characters before the first wildcard; a name without any is the most specific. */
function specificity(pattern: string): number {
  const at = /(?<!\\)[%_]/.exec(pattern)?.index;
  return at === undefined ? Number.MAX_SAFE_INTEGER : at;
}

/**
 * Reads the lines of SHOW GRANTS. Grants on routines and of PROXY mean nothing here. A line that is not understood is
 * counted, never printed: on MariaDB it may hold the hash of a password.
 */
export function readGrants(
  lines: readonly string[],
  options: { readonly wildcards: boolean } = { wildcards: true },
): Grants {
  const granted: Scope[] = [];
  const revoked: Scope[] = [];
  const roles: string[] = [];
  let notUnderstood = 0;
  for (const line of lines) {
    const read = readLine(line);
    if (read === null) notUnderstood += 1;
    else if (read.kind === 'roles') roles.push(...read.roles);
    else if (read.kind === 'grant') granted.push(read.scope);
    else if (read.kind === 'revoke') revoked.push(read.scope);
  }
  return new Grants(granted, revoked, roles, notUnderstood, options.wildcards);
}

type Line = { kind: 'grant' | 'revoke'; scope: Scope } | { kind: 'roles'; roles: string[] } | { kind: 'other' };

function readLine(line: string): Line | null {
  const verb = /^(GRANT|REVOKE)\s+/.exec(line);
  if (verb === null) return null;
  const reader = new LineReader(line, verb[0].length);
  if (line.startsWith('PROXY ', verb[0].length)) return { kind: 'other' };
  if (reader.peek() === '`' || reader.peek() === "'" || reader.peek() === '"') {
    const roles = reader.accounts();
    return roles === null ? null : { kind: 'roles', roles };
  }
  const list = reader.privileges();
  if (list === null) return null;
  if (/^(FUNCTION|PROCEDURE|LIBRARY)\s/.test(reader.rest())) return { kind: 'other' };
  if (reader.rest().startsWith('TABLE ')) reader.skip(6);
  const place = reader.place();
  if (place === null) return null;
  const scope: Scope = { ...place, ...list, grantOption: reader.grantOption() };
  return { kind: verb[1] === 'GRANT' ? 'grant' : 'revoke', scope };
}

/** Walks one line of SHOW GRANTS from left to right. */
class LineReader {
  constructor(
    private readonly line: string,
    private at: number,
  ) {}

  peek(): string {
    return this.line[this.at] ?? '';
  }

  rest(): string {
    return this.line.slice(this.at);
  }

  skip(count: number): void {
    this.at += count;
  }

  /** `WITH GRANT OPTION`, alone or among other options. */
  grantOption(): boolean {
    const at = this.line.indexOf('WITH ', this.at);
    return at >= 0 && this.line.includes('GRANT OPTION', at + 5);
  }

  /** `SELECT, INSERT (`a`, `b`), ALL PRIVILEGES ON `. */
  privileges(): { privileges: Set<string>; columns: Map<string, Set<string>> } | null {
    const privileges = new Set<string>();
    const columns = new Map<string, Set<string>>();
    for (;;) {
      // No lookahead over what follows: a line of blanks would be gone through once for each of them.
      const word = /^[A-Z][A-Z_]*(?: +(?!ON\s)[A-Z_]+)*/.exec(this.rest());
      if (word === null) return null;
      this.skip(word[0].length);
      const name = word[0].trim();
      const open = /^\s*\(/.exec(this.rest());
      if (open === null) privileges.add(name);
      else {
        this.skip(open[0].length);
        const list = columns.get(name) ?? new Set<string>();
        columns.set(name, list);
        for (;;) {
          const column = this.identifier();
          if (column === null) return null;
          list.add(column.toLowerCase());
          const next = /^\s*([,)])\s*/.exec(this.rest());
          if (next === null) return null;
          this.skip(next[0].length);
          if (next[1] === ')') break;
        }
      }
      const end = /^(,\s*|\s*ON\s+)/.exec(this.rest());
      if (end === null) return null;
      this.skip(end[0].length);
      if (!end[0].startsWith(',')) return { privileges, columns };
    }
  }

  /** `*.*`, `db`.*, `db`.`table`. */
  place(): { database: string | null; table: string | null } | null {
    const database = this.starOrName();
    if (database === undefined || this.peek() !== '.') return null;
    this.skip(1);
    const table = this.starOrName();
    return table === undefined ? null : { database, table };
  }

  /** `role`@`%`,`other`@`%` TO …: as CURRENT_ROLE() writes them. */
  accounts(): string[] | null {
    const found: string[] = [];
    for (;;) {
      const name = this.identifier();
      if (name === null || this.peek() !== '@') return null;
      this.skip(1);
      const host = this.identifier();
      if (host === null) return null;
      found.push(`${quoted(name)}@${quoted(host)}`);
      const next = /^(,\s*|\s+TO\s+)/.exec(this.rest());
      if (next === null) return null;
      this.skip(next[0].length);
      if (!next[0].startsWith(',')) return found;
    }
  }

  private starOrName(): string | null | undefined {
    if (this.peek() === '*') {
      this.skip(1);
      return null;
    }
    return this.identifier() ?? undefined;
  }

  /** A quoted name (backtick, or with ANSI_QUOTES double quote, or single quote), or a bare word. */
  private identifier(): string | null {
    const quote = this.peek();
    if (quote !== '`' && quote !== '"' && quote !== "'") {
      const word = /^[A-Za-z0-9_$]+/.exec(this.rest());
      if (word === null) return null;
      this.skip(word[0].length);
      return word[0];
    }
    let name = '';
    for (let at = this.at + 1; at < this.line.length; at += 1) {
      const character = this.line[at] as string;
      if (character !== quote) name += character;
      else if (this.line[at + 1] === quote) {
        name += quote;
        at += 1;
      } else {
        this.at = at + 1;
        return name;
      }
    }
    return null;
  }
}
