import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import net from 'node:net';
import {
  connectFleet,
  defaultTlsMode,
  isLoopback,
  parseFleetAddress,
  type FleetConnection,
} from '../../../src/core/fleet/connection';
import { Secret } from '../../../src/core/secret';
import { createDatabase, noServer, testServer, type TestDatabase } from '../../servers/mysql';
import { startFakeMysql } from './fake-mysql';
import { startProxy } from './proxy';
import { failureOf, targetOf } from './target';

const isMysql = !noServer && testServer().kind !== 'mariadb';

describe('parseFleetAddress', () => {
  it.each([
    ['mysql://fleet@db.example.com/fleet', { host: 'db.example.com', port: 3306, user: 'fleet', database: 'fleet' }],
    ['mysql://fleet@db:3307/f', { host: 'db', port: 3307, user: 'fleet', database: 'f' }],
    ['MYSQL://a%40b%3A@h/d%20b%25', { host: 'h', port: 3306, user: 'a@b:', database: 'd b%' }],
    ['mysql://u@[2001:db8::1]:13306/d', { host: '2001:db8::1', port: 13306, user: 'u', database: 'd' }],
    ['mysql://u@[::1]/d', { host: '::1', port: 3306, user: 'u', database: 'd' }],
    ['  mysql://u@127.0.0.1/d\n', { host: '127.0.0.1', port: 3306, user: 'u', database: 'd' }],
    ['mysql://ü@h/ß', { host: 'h', port: 3306, user: 'ü', database: 'ß' }],
  ])('reads %s', (url, address) => {
    expect(parseFleetAddress(url)).toEqual(address);
  });

  it.each([
    'mysql://fleet:hunter2@db/fleet',
    'mysql://fleet:@db/fleet',
    'mysql://fleet:hunter2/x@db/fleet',
    'mysql://fleet:hunt@er2@db/fleet',
    'mysql://fleet:hunter2@db:3306/fleet?ssl=1',
  ])('refuses the password in %s without repeating it', async (url) => {
    const failure = await failureOf(() => parseFleetAddress(url));
    expect(failure.code).toBe('usage/secret-in-url');
    expect(failure.kind).toBe('usage');
    expect(JSON.stringify(failure)).not.toMatch(/hunt|er2/);
  });

  it.each([
    '',
    'fleet@db/fleet',
    'postgres://fleet@db/fleet',
    'mysql://db/fleet',
    'mysql://@db/fleet',
    'mysql://u@/fleet',
    'mysql://u@db',
    'mysql://u@db/',
    'mysql://u@db/a/b',
    'mysql://u@db/a%2Fb',
    'mysql://u@db:0/a',
    'mysql://u@db:65536/a',
    'mysql://u@db:x/a',
    'mysql://u@[zz]/a',
    'mysql://u@[127.0.0.1]/a',
    'mysql://u@::1/a',
    'mysql://u@db/a?x=1',
    'mysql://u@db/a#x',
    'mysql://u%zz@db/a',
    'mysql://u%00@db/a',
    'mysql://u@db/a%0a',
    `mysql://u@db/${'a'.repeat(65)}`,
  ])('refuses %j', async (url) => {
    expect((await failureOf(() => parseFleetAddress(url))).code).toBe('usage/fleet-address');
  });
});

describe('TLS defaults', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost', 'LOCALHOST'])('takes %s for this machine', (host) => {
    expect(isLoopback(host)).toBe(true);
    expect(defaultTlsMode(host)).toBe('disabled');
  });

  it.each(['10.0.0.1', '128.0.0.1', '::2', 'localhost.example.com', 'db', '127.example.com', '0.0.0.0'])(
    'does not take %s for this machine',
    (host) => {
      expect(isLoopback(host)).toBe(false);
      expect(defaultTlsMode(host)).toBe('verify-identity');
    },
  );

  it('refuses plaintext that leaves the machine before a packet is sent', async () => {
    const failure = await failureOf(() =>
      connectFleet(
        {
          address: { host: '192.0.2.1', port: 3306, user: 'u', database: 'd' },
          password: new Secret('password', 'hunter2'),
          tls: { mode: 'disabled', caFile: null },
          plaintextConfirmed: false,
          mariaDbAllowed: false,
        },
        'read',
      ),
    );
    expect(failure.code).toBe('fleet/plaintext-refused');
  });
});

describe('servers that are none', () => {
  const target = (port: number): Parameters<typeof connectFleet>[0] => ({
    address: { host: '127.0.0.1', port, user: 'u', database: 'd' },
    password: new Secret('password', 'hunter2'),
    tls: { mode: 'disabled', caFile: null },
    plaintextConfirmed: false,
    mariaDbAllowed: false,
  });
  const limits = { connect: 500, silence: 500, ping: 60_000 };

  async function answering(reply: (socket: net.Socket) => void): Promise<{ port: number; close: () => void }> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      reply(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as net.AddressInfo).port,
      close: () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  it('says that nothing listens', async () => {
    const { port, close } = await answering(() => undefined);
    close();
    const failure = await failureOf(() => connectFleet(target(port), 'read', limits));
    expect(failure).toMatchObject({ code: 'fleet/unreachable', kind: 'unreadable' });
  });

  it('says that the name is unknown', async () => {
    const one = target(1);
    const failure = await failureOf(() =>
      connectFleet(
        { ...one, address: { ...one.address, host: 'no-such-host.invalid' }, plaintextConfirmed: true },
        'read',
      ),
    );
    expect(failure.code).toBe('fleet/unreachable');
  });

  it.each([
    ['silence', (): undefined => undefined, 'fleet/timeout'],
    ['a hang-up', (socket: net.Socket): unknown => socket.destroy(), 'fleet/connection-lost'],
    ['HTTP', (socket: net.Socket): unknown => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), /^fleet\//],
    ['noise', (socket: net.Socket): unknown => socket.end(Buffer.alloc(4096, 0xa5)), /^fleet\//],
    ['zeros', (socket: net.Socket): unknown => socket.end(Buffer.alloc(4096)), /^fleet\//],
    [
      'a short greeting',
      (socket: net.Socket): unknown => socket.end(Buffer.from('0500000a382e3000', 'hex')),
      /^fleet\//,
    ],
  ])('names %s', async (_, reply, code) => {
    const { port, close } = await answering(reply);
    try {
      const started = performance.now();
      const failure = await failureOf(() => connectFleet(target(port), 'read', limits));
      expect(failure.code).toMatch(code);
      expect(JSON.stringify(failure)).not.toContain('hunter2');
      expect(performance.now() - started).toBeLessThan(3_000);
    } finally {
      close();
    }
  });
});

describe('servers that will not do', () => {
  it.each([
    ['10.11.6-MariaDB-0+deb12u1', 'fleet/mariadb'],
    ['5.5.5-10.5.1-MariaDB', 'fleet/mariadb'],
    ['5.7.44', 'fleet/mysql-too-old'],
    ['8.0.15', 'fleet/mysql-too-old'],
    ['8.0.11-TiDB-v7.5.0', 'fleet/mysql-too-old'],
    ['', 'fleet/mysql-too-old'],
  ])('refuses %j', async (version, code) => {
    const fake = await startFakeMysql({ version });
    try {
      const failure = await failureOf(() => connectFleet(fake.target, 'write'));
      expect(failure).toMatchObject({ code, kind: 'finding' });
    } finally {
      await fake.close();
    }
  });

  it.each(['8.0.16', '8.0.35-27', '8.0.mysql_aurora.3.04.0', '8.4.0', '9.7.4-2'])(
    'looks at %s further',
    async (version) => {
      const fake = await startFakeMysql({ version });
      try {
        if (version.includes('aurora')) {
          expect((await failureOf(() => connectFleet(fake.target, 'write'))).code).toBe('fleet/mysql-too-old');
        } else {
          const connection = await connectFleet(fake.target, 'write');
          expect(connection.server.version).toBe(version);
          await connection.close();
        }
      } finally {
        await fake.close();
      }
    },
  );

  it('refuses to write to a read-only server, and reads from it', async () => {
    const fake = await startFakeMysql({ version: '8.4.0', readOnly: true });
    try {
      expect((await failureOf(() => connectFleet(fake.target, 'write'))).code).toBe('fleet/read-only');
      const reader = await connectFleet(fake.target, 'read');
      expect(reader.server.readOnly).toBe(true);
      await reader.close();
    } finally {
      await fake.close();
    }
  });
});

describe.skipIf(noServer)('a session', () => {
  let database: TestDatabase;
  let writer: FleetConnection;

  beforeAll(async () => {
    database = await createDatabase('generation-469');
    writer = await connectFleet(targetOf(database), 'write');
  });
  afterAll(async () => {
    await writer.close();
    await database.drop();
  });

  it('promises UTC, utf8mb4, a strict mode with backslashes, and short lock waits', async () => {
    const [row] = await writer.query<Record<string, string | number>>(
      'SELECT @@SESSION.time_zone AS zone, @@SESSION.sql_mode AS mode, @@SESSION.innodb_lock_wait_timeout AS wait, ' +
        '@@collation_connection AS collation, @@character_set_results AS results, @@SESSION.autocommit AS auto, @@SESSION.wait_timeout AS idle',
    );
    expect(row).toMatchObject({
      zone: '+00:00',
      wait: 10,
      collation: 'utf8mb4_unicode_ci',
      results: 'utf8mb4',
      auto: 1,
    });
    expect(row?.['mode']).toContain('STRICT_TRANS_TABLES');
    expect(row?.['mode']).not.toContain('NO_BACKSLASH_ESCAPES');
    expect(writer.server).toMatchObject({ readOnly: false, tlsCipher: null });
    expect(writer.server.maxAllowedPacket).toBeGreaterThan(1_000_000);
    if (isMysql) expect(writer.server.serverUuid).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('takes every value as it is, in both protocols', async () => {
    const awkward = [
      "it's",
      'back\\slash',
      'quote"`',
      'ſ😀é',
      "\\'; DROP TABLE hosts; --",
      '%_',
      '\u0000\n\r\u001a',
      '?',
      '',
    ];
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    for (const text of awkward) {
      const [read] = await writer.query<{ text: string; length: number }>(
        'SELECT ? AS text, CHAR_LENGTH(?) AS length',
        [text, text],
      );
      expect(read).toEqual({ text, length: Array.from(text).length });
      await writer.execute('INSERT INTO app_config_json (id, json_value) VALUES (?, ?)', [
        77,
        JSON.stringify({ text }),
      ]);
      const [row] = await writer.query<{ json_value: string }>(
        'SELECT json_value FROM app_config_json WHERE id = ?',
        [77],
      );
      expect(JSON.parse(row?.json_value ?? '')).toEqual({ text });
      await writer.execute('DELETE FROM app_config_json WHERE id = ?', [77]);
    }
    await writer.execute("INSERT INTO nano_devices (id, authenticate, unlock_token) VALUES (?, 'x', ?)", [
      'BYTES',
      bytes,
    ]);
    const [device] = await writer.query<{ unlock_token: Buffer; bootstrap_token_b64: null; created_at: string }>(
      'SELECT unlock_token, bootstrap_token_b64, created_at FROM nano_devices WHERE id = ?',
      ['bytes'],
    );
    expect(device?.unlock_token.equals(bytes)).toBe(true);
    expect(device?.bootstrap_token_b64).toBeNull();
    expect(device?.created_at).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    await writer.execute("DELETE FROM nano_devices WHERE id = 'BYTES'");
  });

  it('keeps integers exact', async () => {
    const [row] = await writer.query<Record<string, unknown>>(
      'SELECT 9007199254740993 AS big, 18446744073709551615 AS huge, 42 AS small, COUNT(*) AS counted FROM teams',
    );
    expect(row).toEqual({ big: '9007199254740993', huge: '18446744073709551615', small: 42, counted: 0 });
  });

  it('refuses values that would arrive as something else', async () => {
    await expect(writer.query('SELECT ?', [Number.NaN])).rejects.toThrow(TypeError);
    await expect(writer.query('SELECT ?', [undefined as unknown as null])).rejects.toThrow(TypeError);
    await expect(writer.query('SELECT ?', [{ a: 1 } as unknown as string])).rejects.toThrow(TypeError);
    await expect(writer.execute('DO ?', [['a'] as unknown as string])).rejects.toThrow(TypeError);
  });

  it('runs one statement at a time', async () => {
    const failure = await failureOf(() => writer.query('SELECT 1; SELECT 2'));
    expect(failure.code).toBe('fleet/statement-failed');
  });

  it('counts rows changed and hands on what MySQL says', async () => {
    expect(await writer.execute("INSERT INTO teams (name) VALUES ('a'), ('b')")).toMatchObject({
      affectedRows: 2,
      info: expect.stringMatching(/^Records: 2\b/) as string,
    });
    expect(await writer.execute("UPDATE teams SET description = '' WHERE name = 'a'")).toMatchObject({
      affectedRows: 0,
    });
    expect(await writer.execute('DELETE FROM teams')).toMatchObject({ affectedRows: 2 });
  });

  it('commits and rolls back', async () => {
    const count = async (): Promise<number> =>
      (await database.query<{ n: number }>('SELECT COUNT(*) AS n FROM teams'))[0]?.n ?? -1;
    await writer.begin();
    await writer.execute("INSERT INTO teams (name) VALUES ('kept')");
    expect(await count()).toBe(0);
    await writer.rollback();
    expect(await count()).toBe(0);
    await writer.begin();
    await writer.execute("INSERT INTO teams (name) VALUES ('kept')");
    await writer.commit();
    expect(await count()).toBe(1);
    await writer.execute('DELETE FROM teams');
  });

  it('sees in a transaction what Fleet committed meanwhile, and in a reader’s does not', async () => {
    const reader = await connectFleet(targetOf(database), 'read');
    const names = async (connection: FleetConnection): Promise<number> =>
      (await connection.query('SELECT name FROM teams')).length;
    await writer.begin();
    await reader.begin();
    expect([await names(writer), await names(reader)]).toEqual([0, 0]);
    await database.query("INSERT INTO teams (name) VALUES ('new')");
    expect([await names(writer), await names(reader)]).toEqual([1, 0]);
    await writer.rollback();
    await reader.rollback();
    await database.query('DELETE FROM teams');
    await reader.close();
  });

  it('lets a reader write nothing', async () => {
    const reader = await connectFleet(targetOf(database), 'read');
    for (const sql of [
      "INSERT INTO teams (name) VALUES ('x')",
      'UPDATE teams SET name = 1',
      'DELETE FROM hosts',
      'TRUNCATE teams',
    ]) {
      expect((await failureOf(() => reader.execute(sql))).code).toBe('fleet/read-only-session');
    }
    await reader.begin();
    expect((await failureOf(() => reader.execute('DELETE FROM hosts'))).code).toBe('fleet/read-only-session');
    await reader.rollback();
    await reader.close();
  });

  it('names the constraint and the table that refuse a row, never the value', async () => {
    const secret = 'SECRET-VALUE';
    const attempts: [sql: string, params: (string | null)[], code: string, detail: object][] = [
      [
        "INSERT INTO nano_devices (id, authenticate, serial_number) VALUES (?, 'x', '')",
        [secret],
        'fleet/constraint',
        { table: 'nano_devices' },
      ],
      [
        "INSERT INTO nano_users (id, device_id) VALUES (?, 'nobody')",
        [secret],
        'fleet/constraint',
        { table: 'nano_users' },
      ],
      [
        'INSERT INTO nano_devices (id, authenticate, serial_number) VALUES (?, ?, ?)',
        ['x', 'x', secret.repeat(40)],
        'fleet/value-refused',
        { column: 'serial_number' },
      ],
      [
        'INSERT INTO nano_devices (id, authenticate) VALUES (?, ?)',
        [secret, null],
        'fleet/value-refused',
        { column: 'authenticate' },
      ],
      [
        'INSERT INTO nano_devices (id, authenticate, authenticate_at) VALUES (?, ?, ?)',
        [secret, 'x', secret],
        'fleet/value-refused',
        { column: 'authenticate_at' },
      ],
      ['INSERT INTO nano_devices (id) VALUES (?)', [secret], 'fleet/value-refused', { column: 'authenticate' }],
      ['INSERT INTO nano_nothing (id) VALUES (?)', [secret], 'fleet/table-missing', { table: 'nano_nothing' }],
      ['INSERT INTO nano_devices (nothing) VALUES (?)', [secret], 'fleet/column-missing', { column: 'nothing' }],
    ];
    for (const [sql, params, code, detail] of attempts) {
      for (const failure of [
        await failureOf(() => writer.execute(sql, params)),
        await failureOf(() => writer.query(sql, params)),
      ]) {
        expect(failure, sql).toMatchObject({ code, detail });
        expect(JSON.stringify(failure)).not.toContain('SECRET');
        expect(JSON.stringify(failure)).not.toContain('INSERT');
      }
    }
    await writer.execute("INSERT INTO teams (name) VALUES ('SECRET-VALUE')");
    const twice = await failureOf(() => writer.execute("INSERT INTO teams (name) VALUES ('SECRET-VALUE')"));
    expect(twice).toMatchObject({ code: 'fleet/constraint', detail: { errno: 1062 } });
    expect(JSON.stringify(twice)).not.toContain('SECRET');
    await writer.execute('DELETE FROM teams');
  });

  it('tells a deadlock and a lock timeout apart, both to be tried again', async () => {
    await database.query("INSERT INTO teams (id, name) VALUES (1, 'a'), (2, 'b')");
    const other = await connectFleet(targetOf(database), 'write');
    try {
      await writer.begin();
      await other.begin();
      await writer.execute("UPDATE teams SET description = 'w' WHERE id = 1");
      await other.execute("UPDATE teams SET description = 'o' WHERE id = 2");
      const outcomes = await Promise.allSettled([
        writer.execute("UPDATE teams SET description = 'w' WHERE id = 2"),
        other.execute("UPDATE teams SET description = 'o' WHERE id = 1"),
      ]);
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused).toHaveLength(1);
      expect((refused[0]?.reason as { failure: unknown }).failure).toMatchObject({
        code: 'fleet/deadlock',
        detail: { errno: 1213, retryable: true },
      });
      await writer.rollback();
      await other.rollback();

      await other.query('SET SESSION innodb_lock_wait_timeout = 1');
      await writer.begin();
      await writer.execute("UPDATE teams SET description = 'w' WHERE id = 1");
      const failure = await failureOf(() => other.execute("UPDATE teams SET description = 'o' WHERE id = 1"));
      expect(failure).toMatchObject({ code: 'fleet/lock-timeout', detail: { errno: 1205, retryable: true } });
      await writer.rollback();
    } finally {
      await other.close();
      await database.query('DELETE FROM teams');
    }
  });

  it('does not send what the server would not take', async () => {
    const tooLarge = Buffer.alloc(writer.server.maxAllowedPacket);
    for (const work of [
      () => writer.query('SELECT LENGTH(?) AS n', [tooLarge]),
      () => writer.execute('INSERT INTO nano_devices (unlock_token) VALUES (?)', [tooLarge]),
    ]) {
      expect((await failureOf(work)).code).toBe('fleet/packet-too-large');
    }
    expect(await writer.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('names who is not let in and why, without the password', async () => {
    const account = await database.createAccount(['SELECT ON nano_devices'], 'hunter2-right');
    const wrong = await failureOf(() =>
      connectFleet(targetOf(database, { user: account.user, password: 'hunter2-wrong' }), 'read'),
    );
    expect(wrong.code).toBe('fleet/access-denied');
    expect(wrong.message).toContain(account.user);
    expect(JSON.stringify(wrong)).not.toContain('hunter2');
    const none = await failureOf(() => connectFleet(targetOf(database, { user: account.user, password: '' }), 'read'));
    expect(none.code).toBe('fleet/access-denied');

    const target = targetOf(database);
    const absent = await failureOf(() =>
      connectFleet({ ...target, address: { ...target.address, database: 'no_such_database' } }, 'read'),
    );
    expect(absent.code).toBe('fleet/unknown-database');
    const elsewhere = await failureOf(() =>
      connectFleet(
        { ...targetOf(database, account), address: { ...target.address, user: account.user, database: 'mysql' } },
        'read',
      ),
    );
    expect(elsewhere.code).toBe('fleet/access-denied');

    const limited = await connectFleet(targetOf(database, account), 'write');
    const denied = await failureOf(() =>
      limited.execute("INSERT INTO nano_devices (id, authenticate) VALUES ('x', 'x')"),
    );
    expect(denied).toMatchObject({
      code: 'fleet/permission',
      kind: 'finding',
      detail: { table: 'nano_devices', privilege: 'INSERT' },
    });
    const hidden = await failureOf(() => limited.query('SELECT * FROM hosts'));
    expect(hidden).toMatchObject({ code: 'fleet/permission', detail: { table: 'hosts', privilege: 'SELECT' } });
    await limited.close();
    const column = await database.createAccount(['SELECT (id) ON nano_devices']);
    const narrow = await connectFleet(targetOf(database, column), 'read');
    expect(await failureOf(() => narrow.query('SELECT serial_number FROM nano_devices'))).toMatchObject({
      code: 'fleet/permission',
      detail: { table: 'nano_devices', column: 'serial_number' },
    });
    await narrow.close();
  });

  it('ends with a failure when the connection is cut, and stays ended', async () => {
    const proxy = await startProxy(database.server.port);
    try {
      const target = targetOf(database);
      const connection = await connectFleet({ ...target, address: { ...target.address, port: proxy.port } }, 'write');
      await connection.begin();
      const sleeping = failureOf(() => connection.query('SELECT SLEEP(20)'));
      setTimeout(() => proxy.cut(), 100);
      expect((await sleeping).code).toBe('fleet/connection-lost');
      expect((await failureOf(() => connection.query('SELECT 1'))).code).toBe('fleet/connection-lost');
      expect(await failureOf(() => connection.commit())).toMatchObject({
        code: 'fleet/connection-lost',
        detail: { outcome: 'unknown' },
      });
      await connection.close();
    } finally {
      proxy.close();
    }
  });

  it('gives a silent network up instead of waiting for ever', async () => {
    const proxy = await startProxy(database.server.port);
    try {
      const target = targetOf(database);
      const connection = await connectFleet({ ...target, address: { ...target.address, port: proxy.port } }, 'write', {
        connect: 2_000,
        silence: 500,
        ping: 60_000,
      });
      proxy.freeze();
      const started = performance.now();
      const both = [failureOf(() => connection.query('SELECT 1')), failureOf(() => connection.execute('DO 1'))];
      for (const failure of await Promise.all(both)) expect(failure.code).toBe('fleet/timeout');
      expect(performance.now() - started).toBeLessThan(2_500);
      await connection.close();
    } finally {
      proxy.close();
    }
  });

  it('notices that an idle session died', async () => {
    const proxy = await startProxy(database.server.port);
    try {
      const target = targetOf(database);
      const connection = await connectFleet({ ...target, address: { ...target.address, port: proxy.port } }, 'write', {
        connect: 2_000,
        silence: 300,
        ping: 200,
      });
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(await connection.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
      proxy.freeze();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect((await failureOf(() => connection.query('SELECT 1'))).code).toBe('fleet/timeout');
      await connection.close();
    } finally {
      proxy.close();
    }
  });

  it('says so when an administrator ends the session', async () => {
    const connection = await connectFleet(targetOf(database), 'write');
    const [row] = await connection.query<{ id: number }>('SELECT CONNECTION_ID() AS id');
    await database.query(`KILL ${row?.id ?? 0}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await failureOf(() => connection.query('SELECT 1'))).code).toBe('fleet/connection-lost');
    await connection.close();
  });
});
