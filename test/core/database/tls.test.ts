/** How the databases of sources prove who they are, on a real server of either engine with certificates by openssl. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { openReadingSession, type Engine, type ReadingTarget } from '../../../src/core/database/reading-session';
import type { TlsMode } from '../../../src/core/database/trust';
import { Secret } from '../../../src/core/secret';
import { createDatabase, noServer, startMysql, testServer } from '../../servers/mysql';
import { postgresServer } from '../../servers/postgres';

const folder = mkdtempSync(join(tmpdir(), 'slipway-database-tls-'));
const file = (name: string): string => join(folder, `${name}.pem`);
afterAll(() => rmSync(folder, { recursive: true }));

/** A certificate with its key: of a CA of its own, or issued by one. */
function certificate(name: string, extension: string, ca?: string): void {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
  const by = ca === undefined ? [] : ['-CA', file(ca), '-CAkey', file(`${ca}-key`)];
  const out = ['-subj', `/CN=${name}`, '-addext', extension, '-keyout', file(`${name}-key`), '-out', file(name)];
  execFileSync('openssl', ['req', '-x509', ...kind, ...by, ...out], { stdio: 'pipe' });
}

certificate('ca', 'keyUsage=keyCertSign');
certificate('other', 'keyUsage=keyCertSign');
certificate('right', 'subjectAltName=DNS:localhost,IP:127.0.0.1', 'ca');
certificate('elsewhere', 'subjectAltName=DNS:db.wrong.example', 'ca');

interface Running {
  readonly target: Pick<ReadingTarget, 'address' | 'password'>;
  present(name: string): Promise<void>;
  stop(): Promise<void>;
}

async function runMysql(): Promise<Running> {
  const server = await startMysql({
    fast: true,
    extraArgs: [`--ssl-ca=${file('ca')}`, `--ssl-cert=${file('right')}`, `--ssl-key=${file('right-key')}`],
  });
  const database = await createDatabase('empty', server);
  const { user, password } = await database.createAccount(['SELECT ON *'], 'hunter2');
  return {
    target: {
      address: { host: server.host, port: server.port, user, database: database.name },
      password: new Secret('password', password),
    },
    async present(name) {
      await database.query(`SET GLOBAL ssl_cert = '${file(name)}', GLOBAL ssl_key = '${file(`${name}-key`)}'`);
      await database.query('ALTER INSTANCE RELOAD TLS');
    },
    async stop() {
      await database.drop();
      await server.stop();
    },
  };
}

const postgres = await postgresServer();

async function runPostgres(): Promise<Running> {
  if ('missing' in postgres) throw new Error(postgres.missing);
  const { host, port, user, password, pid } = postgres;
  // The server reads its key only as its own, and as nobody else's.
  chmodSync(folder, 0o755);
  for (const name of ['right-key', 'elsewhere-key']) {
    if (process.getuid?.() === 0) {
      const { uid, gid } = statSync(`/proc/${pid}`);
      chownSync(file(name), uid, gid);
    }
    chmodSync(file(name), 0o600);
  }
  const own = new Client({ host, port, user, password, database: 'postgres' });
  await own.connect();
  return {
    target: { address: { host, port, user, database: 'postgres' }, password: new Secret('password', password) },
    async present(name) {
      await own.query(`ALTER SYSTEM SET ssl_cert_file = '${file(name)}'`);
      await own.query(`ALTER SYSTEM SET ssl_key_file = '${file(`${name}-key`)}'`);
      await own.query('ALTER SYSTEM SET ssl = on');
      const before = await own.query<{ at: string }>('SELECT pg_conf_load_time()::text AS at');
      await own.query('SELECT pg_reload_conf()');
      // The server takes the new settings when it gets to it.
      for (;;) {
        const now = await own.query<{ at: string }>('SELECT pg_conf_load_time()::text AS at');
        if (now.rows[0]?.at !== before.rows[0]?.at) break;
      }
    },
    async stop() {
      await own.end();
      await postgres.stop();
    },
  };
}

const absent: Record<Engine, boolean> = {
  mysql: noServer !== false || testServer().kind !== 'mysql',
  postgres: 'missing' in postgres || postgres.origin === 'SLIPWAY_TEST_POSTGRES_URL',
};

describe.each(['mysql', 'postgres'] as const)('TLS to %s', (engine) => {
  describe.skipIf(absent[engine])('of a real server', () => {
    let server: Running;
    beforeAll(async () => {
      server = await (engine === 'mysql' ? runMysql() : runPostgres());
    });
    afterAll(() => server.stop());

    const open = async (host: string, mode: TlsMode, ca: string | null): Promise<string> => {
      const session = await openReadingSession(engine, {
        address: { ...server.target.address, host },
        password: server.target.password,
        tls: { mode, caFile: ca === null ? null : file(ca) },
        plaintextConfirmed: false,
      });
      try {
        // Asked of the server itself: is this session encrypted?
        const sql =
          engine === 'mysql'
            ? "SELECT VARIABLE_VALUE AS cipher FROM performance_schema.session_status WHERE VARIABLE_NAME = 'Ssl_cipher'"
            : 'SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
        let cipher = '';
        for await (const rows of session.rows(sql)) for (const row of rows) cipher = String(row['cipher']);
        return cipher;
      } finally {
        await session.close();
      }
    };

    it('takes the right CA and name, and only the CA where that is asked for', async () => {
      await server.present('right');
      for (const host of ['127.0.0.1', 'localhost'])
        expect(await open(host, 'verify-identity', 'ca')).toMatch(/GCM|CHACHA20/);
      await server.present('elsewhere');
      expect(await open('127.0.0.1', 'verify-ca', 'ca')).toMatch(/GCM|CHACHA20/);
    });

    it('refuses another name and an unknown CA', async () => {
      await server.present('elsewhere');
      for (const host of ['127.0.0.1', 'localhost'])
        await expect(open(host, 'verify-identity', 'ca')).rejects.toMatchObject({
          failure: { code: 'database/tls-wrong-name', kind: 'unreadable' },
        });
      await server.present('right');
      for (const mode of ['verify-identity', 'verify-ca'] as const)
        for (const ca of ['other', null])
          await expect(open('127.0.0.1', mode, ca)).rejects.toMatchObject({
            failure: { code: 'database/tls-untrusted' },
          });
    });

    it('says what is wrong with a CA file', async () => {
      for (const ca of ['nothing', 'ca-key'])
        await expect(open('127.0.0.1', 'verify-ca', ca)).rejects.toMatchObject({
          failure: { code: 'database/ca-file' },
        });
    });
  });

  const opened = (host: string, port: number, mode: TlsMode): Promise<unknown> =>
    openReadingSession(engine, {
      address: { host, port, user: 'reader', database: 'nanomdm' },
      password: new Secret('password', 'hunter2'),
      tls: { mode, caFile: file('ca') },
      plaintextConfirmed: false,
    });

  it('does not so much as connect in the open to another machine unless that was confirmed', async () => {
    await expect(opened('db.invalid', 1, 'disabled')).rejects.toMatchObject({
      failure: { code: 'database/plaintext-refused' },
    });
  });

  it('says neither name nor password to a server that offers no TLS', async () => {
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        heard.push(data);
        if (engine === 'postgres' && heard.length === 1) socket.write('N');
      });
      if (engine === 'mysql') socket.write(greetingWithoutTls());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      await expect(opened('127.0.0.1', port, 'verify-identity')).rejects.toMatchObject({
        failure: { code: 'database/tls-not-offered' },
      });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    const said = Buffer.concat(heard);
    // PostgreSQL's request for TLS is these eight bytes; MySQL's client has nothing to say.
    expect(said.toString('hex')).toBe(engine === 'postgres' ? '0000000804d2162f' : '');
  });
});

/** The first packet of a MySQL server that knows everything but TLS. */
function greetingWithoutTls(): Buffer {
  const payload = Buffer.concat([
    Buffer.from('\x0a8.0.40\0', 'latin1'),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from('12345678\0', 'latin1'),
    Buffer.from([0xff, 0xf7, 0xff, 0x02, 0x00, 0x0f, 0x00, 21]),
    Buffer.alloc(10),
    Buffer.from('123456789012\0caching_sha2_password\0', 'latin1'),
  ]);
  return Buffer.concat([Buffer.from([payload.length, 0, 0, 0]), payload]);
}
