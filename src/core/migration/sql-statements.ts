/**
 * The statements of a migration's SQL file and of its undo file, as text.
 *
 * A plain client runs them one after the other and stops at the first error. They are written so that even a client
 * that does not stop (`--force`) or that reconnects in the middle does no harm: what may be written is a positive list
 * in a session variable, computed under locks batch by batch; without the checks at the top, or after a lost
 * connection, that list is NULL and nothing at all is written.
 *
 * No statement needs more than SELECT, INSERT, UPDATE and DELETE on Fleet's tables: no temporary table, no routine.
 */
import type { TargetSchema } from '../fleet/schema';
import type { MigrationTable } from '../fleet/schema';
import { textLiteral } from './sql-literal';
import { CANARY } from './rows';

/** Oldest MySQL these statements run on: VALUES ROW(…) came with 8.0.19, the INDEX hint with 8.0.20. */
export const OLDEST_MYSQL = '8.0.20';

/** Columns that only some generations have and that decide whether a file fits. */
const GENERATION_COLUMNS: readonly [MigrationTable, string][] = [
  ['nano_devices', 'platform'],
  ['nano_devices', 'enroll_team_id'],
  ['nano_enrollments', 'last_seen_at'],
];

/** Columns of the four tables that hold bytes. */
const BLOB_COLUMNS: ReadonlySet<string> = new Set(['unlock_token']);

const FOLD = 'COLLATE utf8mb4_unicode_ci';
const CANARY_TIME = `TIMESTAMP'${CANARY}'`;

/** A variable holding a JSON array of arrays, as a table of texts. */
function jsonTable(variable: string, columns: readonly string[], alias: string): string {
  const list = columns.map((column, at) => `${column} VARCHAR(255) PATH '$[${at}]'`).join(', ');
  return `JSON_TABLE(${variable}, '$[*]' COLUMNS (${list})) AS ${alias}`;
}

/** The same with Fleet's collation, so that it joins along Fleet's indexes. */
function expression(name: string, variable: string, columns: readonly string[]): string {
  const chosen = columns.map((column) => `${column} ${FOLD} AS ${column}`).join(', ');
  return `    ${name} AS (SELECT ${chosen} FROM ${jsonTable(variable, columns, 'listed')})`;
}

/** What the judging of a batch came to. */
const JUDGED = jsonTable('@slipway_judged', ['udid', 'sha256', 'verdict'], 'judged');

/** A JSON array as a literal. */
export function jsonLiteral(value: unknown): string {
  return textLiteral(JSON.stringify(value));
}

// The checks at the top -----------------------------------------------------------------------------------------------

/** Session settings the file relies on; {@link epilogue} puts back what it replaces. */
export function prologue(): string {
  return `-- Settings of this session. Nothing below depends on the account's or the server's defaults.
SET @slipway_ok = NULL, @slipway_judged = NULL, @slipway_stop = 'Slipway stops: the checks did not run';
SET @slipway_old_mode = @@SESSION.sql_mode, @slipway_old_zone = @@SESSION.time_zone;
SET @slipway_old_client = @@SESSION.character_set_client, @slipway_old_results = @@SESSION.character_set_results;
SET @slipway_old_collation = @@SESSION.collation_connection, @slipway_old_safe = @@SESSION.sql_safe_updates;
SET @slipway_old_limit = @@SESSION.sql_select_limit, @slipway_old_keys = @@SESSION.foreign_key_checks;
SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;
SET SESSION time_zone = '+00:00';
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
SET SESSION foreign_key_checks = 1, sql_safe_updates = 0, sql_select_limit = DEFAULT;
-- Gaps are locked too under this level: a device that enrolls in Fleet meanwhile waits for the end of its batch.
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE;
`;
}

/** Stops the client, with a reason to read, where the file must not be loaded. */
export function guard(schema: TargetSchema, written: Readonly<Record<MigrationTable, readonly string[]>>): string {
  const needed: [string, string][] = [];
  for (const [table, columns] of Object.entries(written)) {
    for (const column of columns) needed.push([table, column]);
    for (const column of ['created_at', 'updated_at']) if (!columns.includes(column)) needed.push([table, column]);
  }
  needed.push(['nano_cert_auth_associations', 'renew_command_uuid']);
  needed.push(['nano_command_results', 'id'], ['nano_command_results', 'created_at']);
  if (schema.seenStorage === 'table') needed.push(['nano_seen_times', 'id'], ['nano_seen_times', 'seen_time']);
  const unexpected: [string, string][] = GENERATION_COLUMNS.filter(
    ([table, column]) => !schema.columns[table].includes(column),
  );
  if (schema.seenStorage === 'column') unexpected.push(['nano_seen_times', 'id']);
  const generation = textLiteral(`; this file is for Fleet schema ${schema.generation}`);

  return `-- Checks. When one fails the client stops here with the reason in its error message, and nothing was written.
/*M! SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Slipway stops: this server is MariaDB; Fleet needs MySQL' */;
SET @slipway_needed = ${jsonLiteral(needed)};
SET @slipway_unexpected = ${jsonLiteral(unexpected)};
SET @slipway_stop = CASE
  WHEN 0 /*!80020 + 1 */ = 0
    THEN 'Slipway stops: this file needs MySQL ${OLDEST_MYSQL} or newer'
  WHEN DATABASE() IS NULL
    THEN 'Slipway stops: name the Fleet database on the command line of mysql'
  WHEN @@GLOBAL.read_only + @@GLOBAL.super_read_only + @@GLOBAL.innodb_read_only > 0
    THEN 'Slipway stops: this server is read-only; load the file on the primary'
  WHEN NOT EXISTS (SELECT 1 FROM information_schema.tables AS t
    WHERE t.table_schema = DATABASE() AND t.table_name = 'nano_enrollments')
    THEN 'Slipway stops: this database has no table nano_enrollments: not Fleet, or no right to see it'
  ELSE COALESCE(
    (SELECT CONCAT('Slipway stops: no ', MIN(CONCAT(n.t, '.', n.c)), ' here (or not granted)', ${generation})
     FROM ${jsonTable('@slipway_needed', ['t', 'c'], 'n')}
     WHERE NOT EXISTS (SELECT 1 FROM information_schema.columns AS c
       WHERE c.table_schema = DATABASE() AND c.table_name = n.t AND c.column_name = n.c)),
    (SELECT CONCAT('Slipway stops: there is ', MIN(CONCAT(c.table_name, '.', c.column_name)), ' here', ${generation})
     FROM information_schema.columns AS c, ${jsonTable('@slipway_unexpected', ['t', 'c'], 'n')}
     WHERE c.table_schema = DATABASE() AND c.table_name = n.t AND c.column_name = n.c),
    (SELECT CONCAT('Slipway stops: ', MIN(CONCAT(c.table_name, '.', c.column_name)), ' needs a value', ${generation})
     FROM information_schema.columns AS c
     WHERE c.table_schema = DATABASE()
       AND c.table_name IN ('nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations')
       AND c.is_nullable = 'NO' AND c.column_default IS NULL AND c.extra = ''
       AND NOT EXISTS (SELECT 1 FROM ${jsonTable('@slipway_needed', ['t', 'c'], 'n')}
         WHERE n.t = c.table_name AND n.c = c.column_name)),
    (SELECT CONCAT('Slipway stops: ', MIN(t.table_name), ' is no InnoDB table')
     FROM information_schema.tables AS t
     WHERE t.table_schema = DATABASE() AND COALESCE(t.engine, '') <> 'InnoDB'
       AND t.table_name IN ('nano_devices', 'nano_users', 'nano_enrollments', 'nano_cert_auth_associations'))
  )
END;
SET @slipway_passed = UUID_TO_BIN(@slipway_stop);
-- The same lock as slipway apply: two that write at the same time would judge each other's rows.
SET @slipway_stop = COALESCE(@slipway_stop, IF(COALESCE(GET_LOCK(${lockName()}, 3), 0) = 1, NULL,
  'Slipway stops: another Slipway is at work on this database'));
SET @slipway_passed = UUID_TO_BIN(@slipway_stop);
SET @slipway_ok = IF(@slipway_stop IS NULL, 1, NULL);
`;
}

/** Gives back the lock and the settings. */
export function epilogue(): string {
  return `DO RELEASE_LOCK(${lockName()});
SET @slipway_ok = NULL, @slipway_judged = NULL;
SET SESSION foreign_key_checks = @slipway_old_keys, sql_safe_updates = @slipway_old_safe;
SET SESSION sql_select_limit = @slipway_old_limit, time_zone = @slipway_old_zone, sql_mode = @slipway_old_mode;
SET character_set_client = @slipway_old_client, character_set_results = @slipway_old_results;
SET collation_connection = @slipway_old_collation;
`;
}

/** SQL for the name of the lock everything that writes to a Fleet database takes: the twin of writing-session.ts. */
function lockName(): string {
  const name = "CONCAT('slipway:', DATABASE())";
  return `IF(CHAR_LENGTH(DATABASE()) <= 56, ${name}, CONCAT('slipway:', LEFT(SHA2(${name}, 256), 48)))`;
}

// Judging a batch -----------------------------------------------------------------------------------------------------

/** One way a device can turn out to be none of our business: a SELECT of `udid` and `why`. */
interface Objection {
  readonly why: string;
  readonly from: string;
  readonly where: string;
  /** Locking clause; empty for a plain read. */
  readonly lock: string;
}

/** What a batch has besides devices with one certificate each. */
export interface BatchContent {
  readonly channels: boolean;
  /** Devices with several certificates: `@slipway_formers` lists those besides the one in `@slipway_devices`. */
  readonly formers: boolean;
}

/** "Touched", over all rows of a device: the twin of touched.ts. */
function touched(schema: TargetSchema, { channels, formers }: BatchContent): Objection[] {
  const lock = 'FOR UPDATE';
  const changed = (alias: string): string => `NOT (${alias}.updated_at <=> ${CANARY_TIME})`;
  // The collation takes ids that differ in case, accents or trailing blanks for the same.
  const otherwise = (left: string, right: string): string => `CAST(${left} AS BINARY) <> CAST(${right} AS BINARY)`;
  const found: Objection[] = [
    {
      why: 'id is written differently in Fleet',
      from: 'device STRAIGHT_JOIN nano_devices AS r ON r.id = device.udid',
      where: otherwise('r.id', 'device.udid'),
      lock,
    },
    {
      why: 'touched: row in nano_devices changed',
      from: 'device STRAIGHT_JOIN nano_devices AS r ON r.id = device.udid',
      where: changed('r'),
      lock,
    },
    {
      why: 'touched: row in nano_users changed',
      from: 'device STRAIGHT_JOIN nano_users AS r ON r.device_id = device.udid',
      where: changed('r'),
      lock,
    },
    {
      why: 'touched: enrolled in Fleet itself',
      from: 'device STRAIGHT_JOIN nano_enrollments AS r ON r.device_id = device.udid',
      where: 'r.enrolled_from_migration <> 1',
      lock,
    },
    {
      why: 'touched: enrollment switched off in Fleet',
      from: 'device STRAIGHT_JOIN nano_enrollments AS r ON r.device_id = device.udid',
      where: 'r.enabled <> 1',
      lock,
    },
    {
      why: 'touched: row in nano_enrollments changed',
      from: 'device STRAIGHT_JOIN nano_enrollments AS r ON r.device_id = device.udid',
      where: changed('r'),
      lock,
    },
    {
      why: 'id is taken by another enrollment in Fleet',
      from: 'device STRAIGHT_JOIN nano_enrollments AS r ON r.id = device.udid',
      where: `r.device_id <> device.udid OR ${otherwise('r.id', 'device.udid')}`,
      lock,
    },
    {
      why: 'touched: row in nano_cert_auth_associations changed',
      from: 'device STRAIGHT_JOIN nano_cert_auth_associations AS r ON r.id = device.udid',
      where: changed('r'),
      lock,
    },
    {
      why: 'touched: certificate renewal begun',
      from: 'device STRAIGHT_JOIN nano_cert_auth_associations AS r ON r.id = device.udid',
      where: 'r.renew_command_uuid IS NOT NULL',
      lock,
    },
    {
      why: 'id is written differently in Fleet',
      from: 'device STRAIGHT_JOIN nano_cert_auth_associations AS r ON r.id = device.udid',
      where: otherwise('r.id', 'device.udid'),
      lock,
    },
    {
      why: 'touched: command result since the import',
      from:
        'device STRAIGHT_JOIN nano_devices AS d ON d.id = device.udid STRAIGHT_JOIN nano_enrollments AS e ON e.device_id = d.id ' +
        'STRAIGHT_JOIN nano_command_results AS r ON r.id = e.id',
      where: 'd.created_at IS NULL OR r.created_at IS NULL OR r.created_at >= d.created_at',
      lock: 'FOR UPDATE OF d, e FOR SHARE OF r',
    },
    {
      // No index leads from a hash to its row, so this one reads the table; a lock would then be on all of it.
      why: 'certificate belongs to another device in Fleet',
      from: 'device JOIN nano_cert_auth_associations AS r ON r.sha256 = device.sha256',
      where: 'r.id <> device.udid',
      lock: '',
    },
  ];
  if (formers) {
    found.push({
      why: 'certificate belongs to another device in Fleet',
      from:
        'former JOIN nano_cert_auth_associations AS r ON r.sha256 = former.sha256 ' +
        'JOIN device ON device.udid = former.udid',
      where: 'r.id <> device.udid',
      lock: '',
    });
  }
  if (channels) {
    found.push(
      {
        why: 'user channel is taken by another device in Fleet',
        from: 'channel STRAIGHT_JOIN nano_users AS r ON r.id = channel.id',
        where: `r.device_id <> channel.udid OR ${otherwise('r.id', 'channel.id')}`,
        lock,
      },
      {
        why: 'user channel is taken by another device in Fleet',
        from: 'channel STRAIGHT_JOIN nano_enrollments AS r ON r.id = channel.id',
        where: `r.device_id <> channel.udid OR ${otherwise('r.id', 'channel.id')}`,
        lock,
      },
      {
        why: 'user channel is taken by another enrollment in Fleet',
        from: 'channel STRAIGHT_JOIN nano_enrollments AS r ON r.user_id = channel.id',
        where: 'r.id <> channel.id',
        lock,
      },
    );
  }
  if (schema.seenStorage === 'table') {
    const since = 'd.created_at IS NULL OR r.seen_time >= d.created_at';
    found.push(
      {
        // Without a row in nano_devices the time of the import is unknown, and any sign of life counts.
        why: 'touched: seen by Fleet since the import',
        from: 'device STRAIGHT_JOIN nano_seen_times AS r ON r.id = device.udid LEFT JOIN nano_devices AS d ON d.id = device.udid',
        where: since,
        lock: 'FOR UPDATE OF d FOR SHARE OF r',
      },
      {
        why: 'touched: seen by Fleet since the import',
        from:
          'device STRAIGHT_JOIN nano_devices AS d ON d.id = device.udid STRAIGHT_JOIN nano_enrollments AS e ON e.device_id = d.id ' +
          'STRAIGHT_JOIN nano_seen_times AS r ON r.id = e.id',
        where: since,
        lock: 'FOR UPDATE OF d, e FOR SHARE OF r',
      },
      {
        // User channels whose enrollment is gone: the table has no foreign key. Reads the whole table, hence no lock.
        why: 'touched: seen by Fleet since the import',
        from: "nano_seen_times AS r JOIN device ON device.udid = SUBSTRING_INDEX(r.id, ':', 1) LEFT JOIN nano_devices AS d ON d.id = device.udid",
        where: since,
        lock: '',
      },
    );
  }
  return found;
}

/**
 * Hints that lead each locked table to its rows by the index of the column it is joined on. Left to itself MySQL likes
 * to scan a table that is small, or that its statistics call small, and would then lock all of it. Only hints: where
 * an index is called otherwise MySQL chooses itself.
 */
function indexHints(from: string): string {
  const hints: string[] = [];
  for (const [, table, alias, column] of from.matchAll(/(nano_\w+) AS (\w) ON \w\.(\w+) =/g)) {
    const index = column === 'id' ? (table === 'nano_users' ? 'idx_unique_id' : 'PRIMARY') : column;
    hints.push(`INDEX(${alias} ${index})`);
  }
  return hints.length === 0 ? '' : `/*+ ${hints.join(' ')} */ `;
}

function cases(objections: readonly Objection[]): string {
  const owner = (from: string): string => (from.startsWith('channel') ? 'channel.udid' : 'device.udid');
  return objections
    .map(({ why, from, where, lock }) => {
      const hints = lock === '' ? '' : indexHints(from);
      const head = `      (SELECT ${hints}${owner(from)}, ${textLiteral(why)} AS why FROM ${from}`;
      return `${head}\n        WHERE ${where}${lock === '' ? '' : ` ${lock}`})`;
    })
    .join('\n      UNION ALL\n');
}

/** Decides, under locks that stay until the end of the transaction, what is to be done with each device of a batch. */
export function judgeForLoad(schema: TargetSchema, has: BatchContent): string {
  const tables = [expression('device', '@slipway_devices', ['udid', 'sha256'])];
  if (has.channels) tables.push(expression('channel', '@slipway_channels', ['id', 'udid']));
  if (has.formers) tables.push(expression('former', '@slipway_formers', ['sha256', 'udid']));
  return `SET @slipway_judged = (
  WITH
${tables.join(',\n')},
    objection (udid, why) AS (
${cases(touched(schema, has))}
    )
  SELECT JSON_ARRAYAGG(JSON_ARRAY(device.udid, device.sha256,
    COALESCE(held.why, IF(there.id IS NULL, 'insert', 'refresh'))))
  FROM device
    LEFT JOIN (SELECT udid, MIN(why) AS why FROM objection GROUP BY udid) AS held ON held.udid = device.udid
    LEFT JOIN nano_devices AS there ON there.id = device.udid
  WHERE @slipway_ok = 1
);
`;
}

// Writing a batch -----------------------------------------------------------------------------------------------------

/** What comes before and after the rows of an INSERT. */
export interface InsertFrame {
  readonly head: string;
  readonly tail: string;
}

/** An INSERT of the rows of the devices that were judged fit, refreshing those that are there. */
export function insertFrame(table: MigrationTable, columns: readonly string[]): InsertFrame {
  const owner = table === 'nano_devices' || table === 'nano_cert_auth_associations' ? 'id' : 'device_id';
  const changes = columns.filter((column) => column !== 'id').map((column) => `${column} = fresh.${column}`);
  return {
    head: `INSERT INTO ${table}\n  (${columns.join(', ')})\nSELECT fresh.* FROM (VALUES\n`,
    tail: `
) AS fresh (${columns.join(', ')}), ${JUDGED}
WHERE judged.verdict IN ('insert', 'refresh') AND judged.udid = fresh.${owner}
ON DUPLICATE KEY UPDATE ${changes.join(', ')};
`,
  };
}

/** Removes a device's own, untouched associations with certificates it no longer has. */
export function dropOldAssociations(formers: boolean): string {
  const kept = formers
    ? ` AND NOT EXISTS (SELECT 1
  FROM ${jsonTable('@slipway_formers', ['sha256', 'udid'], 'former')}
  WHERE former.udid ${FOLD} = r.id AND former.sha256 ${FOLD} = r.sha256)`
    : '';
  return `DELETE /*+ INDEX(r PRIMARY) */ r FROM ${JUDGED}
  STRAIGHT_JOIN nano_cert_auth_associations AS r ON r.id = judged.udid ${FOLD}
WHERE judged.verdict = 'refresh' AND r.sha256 <> judged.sha256 ${FOLD}${kept};
`;
}

/** Removes a device's own, untouched user channels that the source no longer has: enrollments, then users. */
export function dropOldChannels(): string[] {
  return ['nano_enrollments', 'nano_users'].map(
    (table) => `DELETE /*+ INDEX(r device_id) */ r FROM ${JUDGED}
  STRAIGHT_JOIN ${table} AS r ON r.device_id = judged.udid ${FOLD}
WHERE judged.verdict = 'refresh' AND r.id <> judged.udid ${FOLD} AND NOT EXISTS (SELECT 1
  FROM ${jsonTable('@slipway_channels', ['id', 'udid'], 'channel')} WHERE channel.id ${FOLD} = r.id);
`,
  );
}

/** Begins a batch. A client that did not stop at an error must not commit what was left over. */
export function beginBatch(): string {
  return 'ROLLBACK;\nSTART TRANSACTION;\nSET @slipway_judged = NULL, @slipway_errors = 0;\n';
}

/** Counts the error of the statement before, for a client that goes on. */
export const COUNT_ERRORS = 'SET @slipway_errors = @slipway_errors + @@error_count;\n';

/** Commits a batch, or nothing of it, and adds it to the counts. */
export function endBatch(kinds: readonly string[]): string {
  const counts = kinds.map(
    (kind) =>
      `SET @slipway_${kind} = @slipway_${kind} + (SELECT COUNT(*) FROM ${JUDGED} WHERE judged.verdict = '${kind}');\n`,
  );
  const known = kinds.map((kind) => `'${kind}'`).join(', ');
  return `SET @slipway_end = IF(@slipway_errors = 0, 'COMMIT', 'ROLLBACK');
PREPARE slipway_end FROM @slipway_end;
EXECUTE slipway_end;
SET @slipway_judged = IF(@slipway_errors = 0, @slipway_judged, NULL);
${counts.join('')}SET @slipway_left = JSON_MERGE_PRESERVE(@slipway_left, (SELECT COALESCE(JSON_ARRAYAGG(JSON_ARRAY(judged.udid, judged.verdict)), JSON_ARRAY())
  FROM ${JUDGED} WHERE judged.verdict NOT IN (${known})));
`;
}

/** Counts start at nothing. */
export function startCounts(kinds: readonly string[]): string {
  return `SET ${kinds.map((kind) => `@slipway_${kind} = 0`).join(', ')}, @slipway_left = JSON_ARRAY();\n`;
}

/** Prints the devices that were left alone, each with the reason. */
export function listLeft(): string {
  return `SELECT l.udid AS left_alone, l.why FROM ${jsonTable('@slipway_left', ['udid', 'why'], 'l')} ORDER BY l.udid;\n`;
}

// Undo ----------------------------------------------------------------------------------------------------------------

/**
 * Digest of a row as SQL, over exactly these columns. Each value goes in with its length, so no two rows look alike:
 * `length:value`, and `-:` for NULL; bytes as upper-case hex. {@link digestText} is the same outside of MySQL.
 */
function rowDigest(alias: string, columns: readonly string[]): string {
  const parts = columns.map((column) => {
    const value = BLOB_COLUMNS.has(column) ? `HEX(${alias}.${column})` : `${alias}.${column}`;
    return `COALESCE(LENGTH(${value}), '-'), COALESCE(${value}, '')`;
  });
  return `SHA2(CONCAT_WS(':', ${parts.join(', ')}), 256)`;
}

/** What {@link rowDigest} hashes for these values. */
export function digestText(values: readonly (string | number | Buffer | null)[]): string {
  const parts: string[] = [];
  for (const value of values) {
    if (value === null) parts.push('-', '');
    else {
      const text = typeof value === 'object' ? value.toString('hex').toUpperCase() : String(value);
      parts.push(String(Buffer.byteLength(text)), text);
    }
  }
  return parts.join(':');
}

/** The four tables with the undo file's variable for each and the column that says whose a row is. */
const UNDO_TABLES: readonly { table: MigrationTable; variable: string; owner: string; key: string }[] = [
  { table: 'nano_devices', variable: '@slipway_devices', owner: 'id', key: 'id' },
  { table: 'nano_users', variable: '@slipway_users', owner: 'device_id', key: 'id' },
  { table: 'nano_enrollments', variable: '@slipway_enrollments', owner: 'device_id', key: 'id' },
  { table: 'nano_cert_auth_associations', variable: '@slipway_associations', owner: 'id', key: 'sha256' },
];

/** Decides for each device of a batch whether all of its rows are still exactly what the file wrote. */
export function judgeForUndo(
  schema: TargetSchema,
  written: Readonly<Record<MigrationTable, readonly string[]>>,
): string {
  const tables = [
    expression('device', '@slipway_devices', ['udid', 'sha256', 'digest']),
    ...UNDO_TABLES.slice(1).map(({ table, variable }) =>
      expression(`written_${table}`, variable, ['row_key', 'udid', 'digest']),
    ),
  ];
  const objections: Objection[] = [
    ...touched(schema, { channels: false, formers: false }),
    {
      why: 'was there before this file was loaded',
      from: 'device STRAIGHT_JOIN nano_devices AS r ON r.id = device.udid',
      where: 'r.created_at IS NULL OR r.created_at <= @slipway_from',
      lock: 'FOR UPDATE',
    },
    {
      why: 'row in nano_devices is not the one this file wrote',
      from: 'device STRAIGHT_JOIN nano_devices AS r ON r.id = device.udid',
      where: `device.digest <> ${rowDigest('r', written.nano_devices)}`,
      lock: 'FOR UPDATE',
    },
  ];
  for (const { table, owner, key } of UNDO_TABLES.slice(1)) {
    objections.push(
      {
        why: `row in ${table} is not one this file wrote`,
        from:
          `device STRAIGHT_JOIN ${table} AS r ON r.${owner} = device.udid ` +
          `LEFT JOIN written_${table} AS w ON w.udid = device.udid AND w.row_key = r.${key}`,
        where: `w.digest IS NULL OR w.digest <> ${rowDigest('r', written[table])}`,
        lock: 'FOR UPDATE OF r',
      },
      {
        why: `row in ${table} is gone`,
        from:
          'device STRAIGHT_JOIN nano_devices AS d ON d.id = device.udid ' +
          `JOIN written_${table} AS w ON w.udid = device.udid ` +
          `LEFT JOIN ${table} AS r ON r.${owner} = w.udid AND r.${key} = w.row_key`,
        where: 'r.id IS NULL',
        lock: 'FOR UPDATE OF d, r',
      },
    );
  }
  return `SET @slipway_judged = (
  WITH
${tables.join(',\n')},
    objection (udid, why) AS (
${cases(objections)}
    )
  SELECT JSON_ARRAYAGG(JSON_ARRAY(device.udid, device.sha256,
    COALESCE(held.why, IF(there.id IS NULL, 'absent', 'deleted'))))
  FROM device
    LEFT JOIN (SELECT udid, MIN(why) AS why FROM objection GROUP BY udid) AS held ON held.udid = device.udid
    LEFT JOIN nano_devices AS there ON there.id = device.udid
  WHERE @slipway_ok = 1
);
`;
}

/** Deletes all rows of the devices judged fit, in the reverse of the order of insertion. */
export function deleteDevices(): string[] {
  return [...UNDO_TABLES]
    .sort((left, right) => order(left.table) - order(right.table))
    .map(
      ({ table, owner }) =>
        `DELETE /*+ INDEX(r ${owner === 'id' ? 'PRIMARY' : owner}) */ r FROM ${JUDGED} STRAIGHT_JOIN ${table} AS r ON r.${owner} = judged.udid ${FOLD} WHERE judged.verdict = 'deleted';\n`,
    );
}

function order(table: MigrationTable): number {
  const first: readonly MigrationTable[] = [
    'nano_cert_auth_associations',
    'nano_enrollments',
    'nano_users',
    'nano_devices',
  ];
  return first.indexOf(table);
}
