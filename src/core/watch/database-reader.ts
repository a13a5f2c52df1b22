/**
 * Reads what Fleet's MySQL says about the devices, cheaply and over and over.
 *
 * A first reading goes over everything; later ones ask for what may have changed, and read one stretch in
 * {@link STRETCHES} again in full, so that rows that went away, and changes nothing tells of, are found as well.
 *
 * What the schemas allow, honestly: none of the times that matter has an index (nano_enrollments.updated_at and
 * last_seen_at, nano_seen_times.seen_time, nano_cert_auth_associations.updated_at, host_mdm.updated_at), and no index
 * is ever made on Fleet's database. So the server does look at every row of these narrow tables at each reading, in
 * stretches of the primary key (a few milliseconds each), but sends only what changed. The wide tables are spared:
 * nano_devices is read for single devices on whose row something hangs, hosts by its growing id and in turn,
 * nano_command_results only for some silent devices a reading.
 *
 * Each statement is a transaction of its own: nothing is locked, nothing is held open, the server may stop a
 * statement after {@link STATEMENT_MS}.
 */
import { attempt, FailureError, type Failure } from '../failure';
import type { FleetConnection, Value } from '../fleet/connection';
import { places } from '../fleet/device-rows';
import type { SeenStorage } from '../fleet/schema';
import { EvidenceTable } from './evidence-table';

/** Enrollments in one stretch of ids. */
const STRETCH = 2_000;
/** Hosts read in one statement. */
const HOSTS = 2_000;
/** A full turn of reading everything again takes this many readings. */
const STRETCHES = 20;
/** Ids in one IN list. */
const IDS = 500;
/** Rows of nano_devices read in one reading: they are wide. More are left for the next one, which should follow soon. */
const DEVICES = 10_000;
/** Silent devices whose command results are looked for in one reading. */
const RESULTS = 2_000;
/** Milliseconds after which the server stops one of these statements. */
const STATEMENT_MS = 10_000;
/** A change may become visible this long after the time it carries: Fleet flushes, transactions commit. Seconds. */
const OVERLAP = 60;
/** `updated_at` of rows only a migration has written. */
const CANARY = Date.UTC(2000, 0, 1);

/** What is read of a schema. */
export interface WatchSchema {
  readonly seenStorage: SeenStorage;
  readonly tables: ReadonlySet<string>;
}

/** One reading. */
export interface DatabaseReading {
  /** The server's clock at its beginning, milliseconds since the epoch. */
  readonly at: number;
  /** Everything was read. */
  readonly full: boolean;
  /** Rows that came over the wire, and statements. */
  readonly rows: number;
  readonly statements: number;
  /** Devices whose row was left for the next reading; until then they count as silent. */
  readonly left: number;
  /** Devices whose enrollment is gone since. */
  readonly gone: number;
  /** Parts that this account may not read, or this schema does not have. */
  readonly missing: readonly Failure[];
}

interface EnrollmentRow {
  readonly id: string;
  readonly c: number | null;
  readonly u: number | null;
  readonly s: number | string | null;
  readonly e: number;
  readonly f: number;
  readonly topic: string;
}

interface Stretch {
  /** Ids above this … */
  readonly from: string;
  /** … up to this; null: to the end. */
  readonly to: string | null;
}

/** Reads into one {@link EvidenceTable}, over connections that may come and go. */
export class DatabaseReader {
  readonly table: EvidenceTable;
  readonly #schema: WatchSchema;
  /** Only these devices; null: every device whose enrollment says it came from a migration. */
  readonly #only: boolean;
  readonly #missing = new Map<string, Failure>();
  #stretches: Stretch[] = [];
  #turn = 0;
  #reading = 0;
  #watermark: number | null = null;
  #lastHost = 0;
  #hostTurn = 0;
  #resultTurn = 0;
  #seenCopiedAt: number | null = null;
  #rows = 0;
  #statements = 0;

  constructor(schema: WatchSchema, udids: Iterable<string> | null = null) {
    this.#schema = schema;
    this.#only = udids !== null;
    const list = udids === null ? [] : [...udids];
    this.table = new EvidenceTable(list.length);
    for (const udid of list) this.table.add(udid);
  }

  /** When Fleet's upgrade filled nano_seen_times from last_seen_at; null: not known, or there is no such table. */
  get seenCopiedAt(): number | null {
    return this.#seenCopiedAt;
  }

  /** Devices more to look for, from now on; the next reading is a full one. */
  include(udids: Iterable<string>): void {
    for (const udid of udids) this.table.add(udid);
    this.#watermark = null;
  }

  /** The next reading is a full one. */
  startOver(): void {
    this.#watermark = null;
  }

  /**
   * Reads what may have changed since the last reading; everything the first time, and after one that failed midway.
   * @throws FailureError of the connection; what was read before it stays
   */
  async read(connection: FleetConnection): Promise<DatabaseReading> {
    this.#rows = 0;
    this.#statements = 0;
    this.#reading += 1;
    const since = this.#watermark;
    // Until it has come to its end this reading counts as not made.
    this.#watermark = null;
    const [clock] = await this.#ask<{ now: number | string }>(connection, 'UNIX_TIMESTAMP(NOW(3)) AS now');
    const now = Number(clock?.now ?? 0);
    if (since === null) await this.#readSeenCopied(connection);

    const turn = since === null ? null : this.#turn % this.#turns();
    let gone = 0;
    if (since === null) {
      gone += await this.#enrollmentsInFull(connection);
    } else {
      for (const [number, stretch] of this.#stretches.entries()) {
        const again = number % STRETCHES === turn;
        this.#takeEnrollments(await this.#enrollments(connection, stretch, again ? null : since), number);
        if (again) gone += this.table.forgetMissing(number, this.#reading);
      }
    }
    for (const [number, stretch] of this.#stretches.entries()) {
      const from = since === null || number % STRETCHES === turn ? null : since;
      if (this.#schema.seenStorage === 'table') await this.#seenTimes(connection, stretch, from);
      await this.#certificates(connection, stretch, from);
    }
    this.table.certificatesRead();
    await this.#hosts(connection, since);
    const left = await this.#deviceRows(connection);
    await this.#results(connection);

    this.#turn += 1;
    this.#watermark = Math.floor(now) - OVERLAP;
    return {
      at: Math.floor(now * 1000),
      full: since === null,
      rows: this.#rows,
      statements: this.#statements,
      left,
      gone,
      missing: [...this.#missing.values()],
    };
  }

  #turns(): number {
    return Math.min(STRETCHES, Math.max(1, this.#stretches.length));
  }

  /** `SELECT …`, bounded in time. MariaDB takes the hint for a comment. */
  async #ask<T extends object>(connection: FleetConnection, text: string, params: readonly Value[] = []): Promise<T[]> {
    const rows = await connection.query<T>(`SELECT /*+ MAX_EXECUTION_TIME(${STATEMENT_MS}) */ ${text}`, params);
    this.#rows += rows.length;
    this.#statements += 1;
    return rows;
  }

  /** As {@link #ask}, for parts that may be missing: an account without that right still watches the rest. */
  async #askIfAllowed<T extends object>(
    connection: FleetConnection,
    part: string,
    text: string,
    params: readonly Value[] = [],
  ): Promise<T[] | null> {
    if (this.#missing.has(part)) return null;
    const answer = await attempt(() => this.#ask<T>(connection, text, params));
    if (answer.ok) return answer.value;
    if (!['fleet/permission', 'fleet/table-missing', 'fleet/column-missing'].includes(answer.failure.code)) {
      throw new FailureError(answer.failure);
    }
    this.#missing.set(part, answer.failure);
    return null;
  }

  // Enrollments ---------------------------------------------------------------------------------------------------

  #enrollmentColumns(): string {
    const seen = this.#schema.seenStorage === 'column' ? 'UNIX_TIMESTAMP(last_seen_at)' : 'NULL';
    return (
      'id, UNIX_TIMESTAMP(created_at) AS c, UNIX_TIMESTAMP(updated_at) AS u, ' +
      `${seen} AS s, enabled AS e, enrolled_from_migration AS f, topic FROM nano_enrollments`
    );
  }

  /** Cuts the ids into stretches on the way. */
  async #enrollmentsInFull(connection: FleetConnection): Promise<number> {
    const stretches: Stretch[] = [];
    for (let from = ''; ;) {
      const rows = await this.#ask<EnrollmentRow>(
        connection,
        `${this.#enrollmentColumns()} WHERE id > ? AND type = 'Device' ORDER BY id LIMIT ${STRETCH}`,
        [from],
      );
      const number = stretches.length;
      const last = rows.length < STRETCH ? null : (rows.at(-1)?.id ?? null);
      stretches.push({ from, to: last });
      this.#takeEnrollments(rows, number);
      if (last === null) break;
      from = last;
    }
    this.#stretches = stretches;
    return this.table.forgetMissing(null, this.#reading);
  }

  async #enrollments(connection: FleetConnection, stretch: Stretch, since: number | null): Promise<EnrollmentRow[]> {
    const { where, params } = within('id', stretch);
    if (since === null) {
      return this.#ask(connection, `${this.#enrollmentColumns()} WHERE ${where} AND type = 'Device'`, params);
    }
    // An import does not move updated_at off the canary; its created_at tells.
    return this.#ask(
      connection,
      `${this.#enrollmentColumns()} WHERE ${where} AND type = 'Device' ` +
        'AND (updated_at >= FROM_UNIXTIME(?) OR created_at >= FROM_UNIXTIME(?))',
      [...params, since, since],
    );
  }

  #takeEnrollments(rows: readonly EnrollmentRow[], stretch: number): void {
    const { table } = this;
    for (const { id, c, u, s, e, f, topic } of rows) {
      let row = table.find(id);
      if (row < 0) {
        if (this.#only || f !== 1) continue;
        row = table.add(id);
      }
      const created = milliseconds(c);
      if (created !== table.get(row, 'enrollmentCreatedAt')) {
        // Another import: what was known of the device's row belongs to the one before.
        table.mark(row, 'deviceRead', false);
        table.mark(row, 'device', false);
        table.set(row, 'resultAt', null);
      }
      // A device that was switched off may be in the middle of enrolling again.
      if (e !== 1 && milliseconds(u) !== table.get(row, 'enrollmentUpdatedAt')) {
        table.mark(row, 'deviceRead', false);
      }
      table.seenIn(row, stretch, this.#reading);
      table.mark(row, 'enrollment', true);
      table.mark(row, 'enabled', e === 1);
      table.mark(row, 'fromMigration', f === 1);
      table.set(row, 'enrollmentCreatedAt', created);
      table.set(row, 'enrollmentUpdatedAt', milliseconds(u));
      table.set(row, 'lastSeenAt', milliseconds(s));
      table.setTopic(row, topic);
    }
  }

  /** The newest schema's table was made, and filled from last_seen_at, by one migration of Fleet's. */
  async #readSeenCopied(connection: FleetConnection): Promise<void> {
    if (this.#schema.seenStorage !== 'table' || !this.#schema.tables.has('migration_status_tables')) return;
    const rows = await this.#askIfAllowed<{ at: number | string | null }>(
      connection,
      'migration_status_tables',
      'UNIX_TIMESTAMP(MAX(tstamp)) AS at FROM migration_status_tables WHERE version_id = 20260904125235 AND is_applied = 1',
    );
    this.#seenCopiedAt = milliseconds(rows?.[0]?.at ?? null);
  }

  async #seenTimes(connection: FleetConnection, stretch: Stretch, since: number | null): Promise<void> {
    const { where, params } = within('id', stretch);
    const rows = await this.#ask<{ id: string; s: number | string | null }>(
      connection,
      `id, UNIX_TIMESTAMP(seen_time) AS s FROM nano_seen_times WHERE ${where}` +
        (since === null ? '' : ' AND seen_time >= FROM_UNIXTIME(?)'),
      since === null ? params : [...params, since],
    );
    for (const { id, s } of rows) {
      const row = this.table.find(id);
      if (row >= 0) this.table.set(row, 'seenTime', milliseconds(s));
    }
  }

  // Certificates --------------------------------------------------------------------------------------------------

  async #certificates(connection: FleetConnection, stretch: Stretch, since: number | null): Promise<void> {
    const { where, params } = within('id', stretch);
    const columns =
      'id, sha256, UNIX_TIMESTAMP(created_at) AS c, UNIX_TIMESTAMP(updated_at) AS u, ' +
      'UNIX_TIMESTAMP(cert_not_valid_after) AS n, renew_command_uuid IS NOT NULL AS r FROM nano_cert_auth_associations';
    if (since === null) {
      this.#takeCertificates(await this.#ask(connection, `${columns} WHERE ${where}`, params));
      return;
    }
    const changed = await this.#ask<{ id: string }>(
      connection,
      `DISTINCT id FROM nano_cert_auth_associations WHERE ${where} ` +
        'AND (updated_at >= FROM_UNIXTIME(?) OR created_at >= FROM_UNIXTIME(?))',
      [...params, since, since],
    );
    const ids = changed.map(({ id }) => id).filter((id) => this.table.find(id) >= 0);
    for (let start = 0; start < ids.length; start += IDS) {
      const batch = ids.slice(start, start + IDS);
      this.#takeCertificates(await this.#ask(connection, `${columns} WHERE id IN (${places(batch.length)})`, batch));
    }
  }

  /** All rows of each device among them. */
  #takeCertificates(rows: readonly CertificateRow[]): void {
    const { table } = this;
    const several = new Map<number, CertificateRow[]>();
    const first = new Map<number, CertificateRow>();
    for (const found of rows) {
      const row = table.find(found.id);
      if (row < 0) continue;
      const one = first.get(row);
      if (one === undefined) first.set(row, found);
      else {
        const list = several.get(row) ?? [one];
        list.push(found);
        several.set(row, list);
      }
    }
    for (const [row, one] of first) {
      const list = several.get(row);
      // The newest by created_at is the present one; of equals the one that ends last.
      list?.sort((a, b) => (b.c ?? 0) - (a.c ?? 0) || Number(b.n ?? 0) - Number(a.n ?? 0));
      const current = list?.[0] ?? one;
      const pending = current.r === 1;
      table.mark(row, 'certificate', true);
      table.mark(row, 'certificateRead', true);
      table.set(row, 'certificateNotAfter', milliseconds(current.n));
      table.mark(row, 'renewalPending', pending);
      table.set(row, 'renewalSince', pending ? milliseconds(current.u) : null);
      table.setHashes(
        row,
        (list ?? [one]).map(({ sha256 }) => sha256.toLowerCase()),
      );
    }
  }

  // Hosts ---------------------------------------------------------------------------------------------------------

  async #hosts(connection: FleetConnection, since: number | null): Promise<void> {
    if (since === null) {
      let from = 0;
      for (;;) {
        const last = await this.#hostRange(connection, from);
        if (last === null) break;
        from = last;
      }
    } else {
      // New hosts come at the end; of the others one part is read again.
      const known = this.#lastHost;
      for (let from = known; ;) {
        const last = await this.#hostRange(connection, from);
        if (last === null) break;
        from = last;
      }
      const step = Math.max(HOSTS, Math.ceil(known / STRETCHES));
      if (this.#hostTurn >= known) this.#hostTurn = 0;
      const to = Math.min(known, this.#hostTurn + step);
      for (let from = this.#hostTurn; from < to;) {
        const last = await this.#hostRange(connection, from, to);
        if (last === null) break;
        from = last;
      }
      this.#hostTurn = to;
    }
    this.table.hostsRead();
    await this.#agentsWord(connection, since);
  }

  /** Reads hosts above an id; the last id read, or null when there are no more. */
  async #hostRange(connection: FleetConnection, from: number, to: number | null = null): Promise<number | null> {
    const rows = await this.#ask<{ id: number; uuid: string; a: number; t: number | null }>(
      connection,
      'id, uuid, orbit_node_key IS NOT NULL AS a, team_id AS t FROM hosts ' +
        "WHERE id > ? AND id <= ? AND platform IN ('darwin', 'ios', 'ipados', '') " +
        `ORDER BY id LIMIT ${HOSTS}`,
      [from, to ?? 4_294_967_295],
    );
    const full = rows.length === HOSTS;
    const last = rows.at(-1)?.id ?? from;
    this.table.forgetHosts(from, full ? last : (to ?? 4_294_967_295), new Set(rows.map(({ id }) => id)));
    for (const { id, uuid, a, t } of rows) {
      const row = this.table.find(uuid);
      if (row >= 0) this.table.setHost(row, id, a === 1, t);
    }
    if (last > this.#lastHost) this.#lastHost = last;
    return full ? last : null;
  }

  /** What fleetd says about the enrollment (host_mdm): enough to see a device that was unenrolled, never a proof. */
  async #agentsWord(connection: FleetConnection, since: number | null): Promise<void> {
    for (let from = 0; from <= this.#lastHost; from += HOSTS * 4) {
      const rows = await this.#askIfAllowed<{ id: number; e: number; u: number | string | null }>(
        connection,
        'host_mdm',
        'host_id AS id, enrolled AS e, UNIX_TIMESTAMP(updated_at) AS u FROM host_mdm WHERE host_id > ? AND host_id <= ?' +
          (since === null ? '' : ' AND updated_at >= FROM_UNIXTIME(?)'),
        since === null ? [from, from + HOSTS * 4] : [from, from + HOSTS * 4, since],
      );
      if (rows === null) return;
      for (const { id, e, u } of rows) {
        const row = this.table.rowOfHost(id);
        if (row < 0) continue;
        this.table.mark(row, 'mdmKnown', true);
        this.table.mark(row, 'mdmEnrolled', e === 1);
        this.table.set(row, 'mdmUpdatedAt', milliseconds(u));
      }
    }
  }

  // Single devices ------------------------------------------------------------------------------------------------

  /** nano_devices of those devices whose proof hangs on it: it tells Fleet's times from the importer's. */
  async #deviceRows(connection: FleetConnection): Promise<number> {
    const { table } = this;
    const ids: string[] = [];
    for (let row = 0; row < table.size; row += 1) {
      if (!table.is(row, 'enrollment') || table.is(row, 'deviceRead')) continue;
      const since = table.get(row, 'enrollmentCreatedAt') ?? 0;
      const updated = table.get(row, 'enrollmentUpdatedAt') ?? 0;
      const seen = table.get(row, 'seenTime') ?? 0;
      const copied = this.#seenCopiedAt;
      const doubtful = seen > since && (copied === null || (copied >= since && seen <= copied));
      if ((updated !== CANARY && updated > since) || doubtful) ids.push(table.udid(row));
    }
    const read = Math.min(ids.length, DEVICES);
    for (let start = 0; start < read; start += IDS) {
      await this.#deviceBatch(connection, ids.slice(start, Math.min(read, start + IDS)));
    }
    return ids.length - read;
  }

  async #deviceBatch(connection: FleetConnection, batch: readonly string[]): Promise<void> {
    const { table } = this;
    const rows = await this.#ask<{
      id: string;
      c: number | string | null;
      u: number | string | null;
      a: number | string | null;
      t: number | string | null;
    }>(
      connection,
      'id, UNIX_TIMESTAMP(created_at) AS c, UNIX_TIMESTAMP(updated_at) AS u, UNIX_TIMESTAMP(authenticate_at) AS a, ' +
        `UNIX_TIMESTAMP(token_update_at) AS t FROM nano_devices WHERE id IN (${places(batch.length)})`,
      batch,
    );
    for (const id of batch) {
      const row = table.find(id);
      table.mark(row, 'deviceRead', true);
      table.mark(row, 'device', false);
    }
    for (const { id, c, u, a, t } of rows) {
      const row = table.find(id);
      if (row < 0) continue;
      table.mark(row, 'device', true);
      table.set(row, 'deviceCreatedAt', milliseconds(c));
      table.set(row, 'deviceUpdatedAt', milliseconds(u));
      table.set(row, 'authenticateAt', milliseconds(a));
      table.set(row, 'tokenUpdateAt', milliseconds(t));
    }
  }

  /** Command results of some silent devices, in turn: an answer comes with a poll, so this only finds what slipped by. */
  async #results(connection: FleetConnection): Promise<void> {
    const { table } = this;
    const ids: string[] = [];
    let row = this.#resultTurn >= table.size ? 0 : this.#resultTurn;
    for (; row < table.size && ids.length < RESULTS; row += 1) {
      const since = table.get(row, 'enrollmentCreatedAt');
      if (since === null || (table.get(row, 'lastSeenAt') ?? 0) > since || (table.get(row, 'seenTime') ?? 0) > since) {
        continue;
      }
      ids.push(table.udid(row));
    }
    this.#resultTurn = row;
    for (let start = 0; start < ids.length; start += IDS) {
      await this.#resultBatch(connection, ids.slice(start, start + IDS));
    }
  }

  async #resultBatch(connection: FleetConnection, batch: readonly string[]): Promise<void> {
    const rows = await this.#askIfAllowed<{ id: string; at: number | string | null }>(
      connection,
      'nano_command_results',
      'id, UNIX_TIMESTAMP(MAX(created_at)) AS at FROM nano_command_results ' +
        `WHERE id IN (${places(batch.length)}) GROUP BY id`,
      batch,
    );
    for (const { id, at } of rows ?? []) {
      const row = this.table.find(id);
      if (row >= 0) this.table.set(row, 'resultAt', milliseconds(at));
    }
  }

  /** Reads all there is about a few devices afresh, for showing one of them. */
  async readFew(connection: FleetConnection, udids: readonly string[]): Promise<void> {
    for (let start = 0; start < udids.length; start += IDS) {
      const batch = udids.slice(start, start + IDS);
      await this.#deviceBatch(connection, batch);
      await this.#resultBatch(connection, batch);
    }
  }
}

interface CertificateRow {
  readonly id: string;
  readonly sha256: string;
  readonly c: number | null;
  readonly u: number | string | null;
  readonly n: number | string | null;
  readonly r: number;
}

function within(column: string, { from, to }: Stretch): { where: string; params: Value[] } {
  return to === null
    ? { where: `${column} > ?`, params: [from] }
    : { where: `${column} > ? AND ${column} <= ?`, params: [from, to] };
}

/** Seconds as MySQL gives them (fractions come as text), in milliseconds. */
function milliseconds(seconds: number | string | null): number | null {
  if (seconds === null) return null;
  const value = Math.floor(Number(seconds) * 1000);
  // UNIX_TIMESTAMP gives 0 for what is no time.
  return Number.isFinite(value) && value > 0 ? value : null;
}
