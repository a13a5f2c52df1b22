/**
 * NanoMDM's database as a store (spec 6.2). MySQL and PostgreSQL hold the same tables; schemas of older versions lack
 * columns, so columns are looked up and what is missing is read as absent.
 */
import { unreadable } from '../../failure';
import { readCertificateBytes } from '../../certificates/pem';
import type { Engine, ReadingSession, Row } from '../../database/reading-session';
import type { OnProgress } from '../../progress';
import { carriesEnrollment } from '../command-payload';
import { FindingLog } from '../finding-log';
import {
  LARGEST_COMMAND,
  LARGEST_VALUE,
  type AssociationRecord,
  type DeviceRecord,
  type EnrollmentRecord,
  type PushCertificateRecord,
  type Store,
  type UserRecord,
  type WaitingRecord,
} from './store';

const TABLES = [
  'devices',
  'users',
  'enrollments',
  'commands',
  'command_results',
  'enrollment_queue',
  'push_certs',
  'cert_auth_associations',
] as const;
type Table = (typeof TABLES)[number];

/** Without these nothing can be moved. */
const NEEDED: Readonly<Partial<Record<Table, readonly string[]>>> = {
  devices: ['id', 'authenticate'],
  users: ['id', 'device_id'],
  enrollments: ['id', 'device_id', 'type', 'topic', 'push_magic', 'token_hex', 'enabled'],
  push_certs: ['topic', 'cert_pem', 'key_pem'],
  cert_auth_associations: ['id', 'sha256'],
};

const NAMES: Readonly<Record<Engine, string>> = { mysql: 'MySQL', postgres: 'PostgreSQL' };

/** How the engines differ in what is asked here. */
interface Dialect {
  readonly quote: (name: string) => string;
  /** Seconds since the epoch. */
  readonly epoch: (column: string) => string;
  /** Bytes as hex. */
  readonly hex: (column: string) => string;
}

const DIALECTS: Readonly<Record<Engine, Dialect>> = {
  mysql: {
    quote: (name) => `\`${name}\``,
    // MySQL keeps instants; the session's time zone plays no part.
    epoch: (column) => `UNIX_TIMESTAMP(${column})`,
    hex: (column) => `HEX(${column})`,
  },
  postgres: {
    quote: (name) => `"${name}"`,
    // Times without a zone, written in the one the server has set for its sessions: ours is such a session.
    epoch: (column) => `EXTRACT(EPOCH FROM CAST(${column} AS timestamptz))`,
    hex: (column) => `encode(${column}, 'hex')`,
  },
};

/**
 * Looks the schema up and gives the database as a store.
 * @throws FailureError `nanomdm/not-nanomdm` for another program's database, or one the account may not read
 */
export async function openDatabaseStore(session: ReadingSession, onProgress?: OnProgress): Promise<Store> {
  const columns = await session.columns(TABLES);
  requireNanoMdm(session, columns);
  const store = new DatabaseStore(session, columns, onProgress);
  store.describeSchema();
  return store;
}

function requireNanoMdm(session: ReadingSession, columns: ReadonlyMap<string, ReadonlySet<string>>): void {
  const missing = Object.entries(NEEDED).flatMap(([table, names]) => {
    const known = columns.get(table);
    if (known === undefined) return [table];
    return names.filter((name) => !known.has(name)).map((name) => `${table}.${name}`);
  });
  if (missing.length === 0) return;
  const nothing = columns.size === 0;
  unreadable(
    'nanomdm/not-nanomdm',
    nothing
      ? 'This database holds none of NanoMDM’s tables, or the account may not read them.'
      : `This database is not NanoMDM’s, or the account may not read all of it: ${missing.slice(0, 8).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing.`,
    session.engine === 'mysql'
      ? 'Name the database of NanoMDM’s -storage-dsn, and give the account SELECT on it (GRANT SELECT ON database.* TO …).'
      : 'Name the database of NanoMDM’s -storage-dsn, and give the account SELECT on its tables (GRANT SELECT ON ALL TABLES IN SCHEMA public TO …).',
    { missing: missing.slice(0, 20).join(', ') },
  );
}

class DatabaseStore implements Store {
  readonly findings = new FindingLog();
  readonly description: string;
  readonly foldsCase: boolean;
  readonly #dialect: Dialect;

  constructor(
    private readonly session: ReadingSession,
    private readonly columns: ReadonlyMap<string, ReadonlySet<string>>,
    private readonly onProgress: OnProgress | undefined,
  ) {
    this.#dialect = DIALECTS[session.engine];
    this.foldsCase = session.engine === 'mysql';
    const version = /^[\w.+-]{1,40}/.exec(session.version)?.[0] ?? 'unknown version';
    this.description = `NanoMDM on ${NAMES[session.engine]} ${version}`;
  }

  /** Says which schema this is, and what an older one does not tell. */
  describeSchema(): void {
    const step = this.#schemaStep();
    this.findings.add('nanomdm-schema', 'info', `${this.description}; ${step}`);
    if (!this.#has('enrollments', 'last_seen_at'))
      this.findings.add(
        'nanomdm-no-last-seen',
        'info',
        'This schema does not keep when a device was last in contact; the newest message it stored is taken instead, so devices look more silent than they are.',
      );
    if (!this.#has('devices', 'bootstrap_token_b64'))
      this.findings.add(
        'nanomdm-no-bootstrap-tokens',
        'warning',
        'This schema keeps no bootstrap tokens; Macs that escrowed one will have to do it again in Fleet.',
      );
  }

  async pushCertificates(): Promise<PushCertificateRecord[]> {
    const records: PushCertificateRecord[] = [];
    await this.#each('push_certs', ['topic'], ['cert_pem', 'key_pem'], (row) => {
      const certificate = text(row, 'cert_pem');
      const key = text(row, 'key_pem');
      records.push({
        topic: text(row, 'topic') ?? '',
        certificate: Buffer.from(certificate ?? ''),
        key: key === null ? null : Buffer.from(key),
      });
    });
    return records;
  }

  async enrollments(): Promise<EnrollmentRecord[]> {
    const records: EnrollmentRecord[] = [];
    const seen = this.#has('enrollments', 'last_seen_at');
    const { quote, epoch } = this.#dialect;
    const list = ['id', 'device_id', 'type', 'topic', 'push_magic', 'token_hex'].map(quote).join(', ');
    await this.#select(
      `SELECT ${list}, CASE WHEN ${quote('enabled')} THEN 1 ELSE 0 END AS is_enabled, ` +
        `${seen ? epoch(quote('last_seen_at')) : 'NULL'} AS last_seen FROM ${quote('enrollments')} ORDER BY ${quote('id')}`,
      (row) => {
        const lastSeen = milliseconds(row['last_seen']);
        records.push({
          id: text(row, 'id') ?? '',
          deviceId: text(row, 'device_id') ?? '',
          type: text(row, 'type') ?? '',
          topic: text(row, 'topic') ?? '',
          pushMagic: text(row, 'push_magic') ?? '',
          tokenHex: text(row, 'token_hex') ?? '',
          enabled: Number(row['is_enabled']) === 1,
          lastSeen: lastSeen === null ? null : BigInt(lastSeen) * 1_000_000n,
        });
      },
    );
    return records;
  }

  async users(): Promise<UserRecord[]> {
    const records: UserRecord[] = [];
    const { quote } = this.#dialect;
    const names = ['user_short_name', 'user_long_name'].map((name) => this.#column('users', name)).join(', ');
    await this.#select(
      `SELECT ${quote('id')}, ${quote('device_id')}, ${names} FROM ${quote('users')} ORDER BY ${quote('id')}`,
      (row) =>
        records.push({
          id: text(row, 'id') ?? '',
          deviceId: text(row, 'device_id') ?? '',
          shortName: text(row, 'user_short_name'),
          longName: text(row, 'user_long_name'),
        }),
    );
    return records;
  }

  async associations(): Promise<AssociationRecord[]> {
    const records: AssociationRecord[] = [];
    const { quote, epoch } = this.#dialect;
    const created = this.#has('cert_auth_associations', 'created_at') ? epoch(quote('created_at')) : 'NULL';
    await this.#select(
      `SELECT ${quote('id')}, ${quote('sha256')}, ${created} AS created FROM ${quote('cert_auth_associations')} ` +
        `ORDER BY ${quote('id')}, ${quote('sha256')}`,
      (row) =>
        records.push({
          id: text(row, 'id') ?? '',
          // CHAR(64): PostgreSQL pads with blanks what is shorter.
          sha256: (text(row, 'sha256') ?? '').trim().toLowerCase(),
          createdAt: milliseconds(row['created']),
        }),
    );
    return records;
  }

  async *devices(): AsyncGenerator<DeviceRecord> {
    const { quote, epoch, hex } = this.#dialect;
    const bounded = (name: string, print: (column: string) => string = (column) => column): string =>
      this.#has('devices', name)
        ? `CASE WHEN OCTET_LENGTH(${quote(name)}) > ${LARGEST_VALUE} THEN NULL ELSE ${print(quote(name))} END AS ${quote(name)}`
        : `NULL AS ${quote(name)}`;
    const large = ['authenticate', 'token_update', 'unlock_token', 'bootstrap_token_b64', 'identity_cert'].filter(
      (name) => this.#has('devices', name),
    );
    const sizes = large.map(
      (name) => `CASE WHEN OCTET_LENGTH(${quote(name)}) > ${LARGEST_VALUE} THEN '${name} ' ELSE '' END`,
    );
    const times = ['authenticate_at', 'token_update_at', 'bootstrap_token_at', 'unlock_token_at'].map(
      (name) => `${this.#has('devices', name) ? epoch(quote(name)) : 'NULL'} AS ${quote(name)}`,
    );
    let done = 0;
    const rows = this.session.rows(
      `SELECT ${quote('id')}, ${this.#column('devices', 'serial_number')}, ${bounded('authenticate')}, ` +
        `${bounded('token_update')}, ${bounded('unlock_token', hex)}, ${bounded('bootstrap_token_b64')}, ` +
        `${bounded('identity_cert')}, ${times.join(', ')}, CONCAT(${sizes.join(', ')}) AS oversized ` +
        `FROM ${quote('devices')} ORDER BY ${quote('id')}`,
    );
    for await (const batch of rows) {
      for (const row of batch) yield deviceOf(row);
      done += batch.length;
      this.onProgress?.({ label: 'reading devices', done, total: null });
    }
  }

  async waiting(): Promise<WaitingRecord[] | null> {
    const tables = ['enrollment_queue', 'commands', 'command_results'];
    if (tables.some((table) => !this.columns.has(table))) {
      this.findings.add(
        'queue-absent',
        'warning',
        'The tables of commands cannot be read, so what still waits for devices is not known.',
      );
      return null;
    }
    const { quote } = this.#dialect;
    const [queue, commands, results] = tables.map(quote);
    // Answered commands stay in the queue: a result that is not NotNow ends one.
    const open =
      `FROM ${queue} q LEFT JOIN ${results} r ON r.id = q.id AND r.command_uuid = q.command_uuid ` +
      `JOIN ${commands} c ON c.command_uuid = q.command_uuid ` +
      `WHERE CASE WHEN q.active THEN 1 ELSE 0 END = 1 AND (r.status IS NULL OR r.status = 'NotNow')`;
    const records: WaitingRecord[] = [];
    const enrolling = new Set<string>();
    await this.#select(
      `SELECT c.command_uuid AS command_uuid, c.command AS command FROM ${commands} c WHERE c.request_type = 'InstallProfile' ` +
        `AND OCTET_LENGTH(c.command) <= ${LARGEST_COMMAND} AND EXISTS (SELECT 1 FROM ${queue} q ` +
        `LEFT JOIN ${results} r ON r.id = q.id AND r.command_uuid = q.command_uuid WHERE q.command_uuid = c.command_uuid ` +
        `AND CASE WHEN q.active THEN 1 ELSE 0 END = 1 AND (r.status IS NULL OR r.status = 'NotNow'))`,
      (row) => {
        if (carriesEnrollment(Buffer.from(text(row, 'command') ?? ''))) enrolling.add(text(row, 'command_uuid') ?? '');
      },
    );
    await this.#select(
      `SELECT q.id AS id, c.command_uuid AS command_uuid, c.request_type AS request_type ${open}`,
      (row) =>
        records.push({
          id: text(row, 'id') ?? '',
          requestType: text(row, 'request_type') ?? 'unknown',
          enrollmentProfile: enrolling.has(text(row, 'command_uuid') ?? ''),
        }),
    );
    return records;
  }

  /** Rows of a table with large columns left out where they are larger than anything real. */
  async #each(
    table: Table,
    plain: readonly string[],
    large: readonly string[],
    visit: (row: Row) => void,
  ): Promise<void> {
    const { quote } = this.#dialect;
    const list = [
      ...plain.map(quote),
      ...large.map(
        (name) =>
          `CASE WHEN OCTET_LENGTH(${quote(name)}) > ${LARGEST_VALUE} THEN NULL ELSE ${quote(name)} END AS ${quote(name)}`,
      ),
    ];
    await this.#select(`SELECT ${list.join(', ')} FROM ${quote(table)} ORDER BY ${plain.map(quote).join(', ')}`, visit);
  }

  async #select(sql: string, visit: (row: Row) => void): Promise<void> {
    for await (const batch of this.session.rows(sql)) for (const row of batch) visit(row);
  }

  #column(table: Table, name: string): string {
    const { quote } = this.#dialect;
    return this.#has(table, name) ? quote(name) : `NULL AS ${quote(name)}`;
  }

  #has(table: Table, column: string): boolean {
    return this.columns.get(table)?.has(column) ?? false;
  }

  /** NanoMDM numbers the files that bring a schema up to date; the columns tell how far this one has come. */
  #schemaStep(): string {
    const steps = [
      ['bootstrap tokens', this.#has('devices', 'bootstrap_token_b64')],
      ['user authentication', this.#has('users', 'user_authenticate')],
      ['token update tally', this.#has('enrollments', 'token_update_tally')],
      ['NotNow times', this.#has('command_results', 'not_now_at')],
      ['push certificate times', this.#has('push_certs', 'created_at')],
      ['last contact', this.#has('enrollments', 'last_seen_at')],
    ] as const;
    const missing = steps.filter(([, there]) => !there).map(([what]) => what);
    return missing.length === 0
      ? 'its schema has all the columns a current version has.'
      : `its schema is an older one, without: ${missing.join(', ')}.`;
  }
}

function deviceOf(row: Row): DeviceRecord {
  const bootstrap = text(row, 'bootstrap_token_b64');
  const identity = text(row, 'identity_cert');
  const unlock = text(row, 'unlock_token');
  const certificate = identity === null ? null : (readCertificateBytes(Buffer.from(identity))[0] ?? null);
  const token = bootstrap === null ? null : Buffer.from(bootstrap, 'base64');
  const isBase64 = bootstrap === null || /^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(bootstrap);
  const times = ['authenticate_at', 'token_update_at', 'bootstrap_token_at', 'unlock_token_at'].map((name) =>
    milliseconds(row[name]),
  );
  const known = times.filter((time) => time !== null);
  return {
    id: text(row, 'id') ?? '',
    serial: text(row, 'serial_number'),
    identityCertificate: certificate,
    authenticate: bytes(row, 'authenticate'),
    tokenUpdate: bytes(row, 'token_update'),
    unlockToken: unlock === null ? null : Buffer.from(unlock, 'hex'),
    bootstrapToken: token === null || token.length === 0 || !isBase64 ? null : token,
    authenticatedAt: times[0] ?? null,
    tokenUpdatedAt: times[1] ?? null,
    unlockTokenAt: times[3] ?? null,
    contactAt: known.length === 0 ? null : Math.max(...known),
    oversized: (text(row, 'oversized') ?? '').split(' ').filter((name) => name !== ''),
    unreadable: [
      ...(identity !== null && certificate === null ? ['identity_cert'] : []),
      ...(isBase64 ? [] : ['bootstrap_token_b64']),
    ],
  };
}

/** A text; null also for an empty one, which NanoMDM never stores. */
function text(row: Row, name: string): string | null {
  const value = row[name];
  return value === null || value === undefined || value === '' ? null : String(value);
}

function bytes(row: Row, name: string): Buffer | null {
  const value = text(row, name);
  return value === null ? null : Buffer.from(value, 'utf8');
}

/** The last instant a Date can be. */
const LATEST = 8_640_000_000_000_000;

/** Seconds as the server prints them, in milliseconds; null for nothing, for zero dates, and for what is no date. */
function milliseconds(value: string | number | null | undefined): number | null {
  if (value === null || value === undefined || value === '') return null;
  const at = Math.round(Number(value) * 1000);
  // PostgreSQL keeps `infinity`, and years that no date here can hold.
  return at > 0 && at <= LATEST ? at : null;
}
