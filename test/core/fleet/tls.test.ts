import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReadingSession } from '../../../src/core/database/reading-session';
import { connectFleet, type FleetTarget, type TlsMode } from '../../../src/core/fleet/connection';
import { openTunnel } from '../../../src/core/ssh';
import {
  createDatabase,
  noServer,
  startMysql,
  testServer,
  type MysqlServer,
  type TestDatabase,
} from '../../servers/mysql';
import { makeKey, noSshd, Sshd } from '../../servers/sshd';
import { failureOf, targetOf } from './target';

const canStart = !noServer && testServer().kind === 'mysql';

/** Certificates of one CA for these names: `DNS:…` and `IP:…`. */
function certificatesFor(folder: string, names: Record<string, string>): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '30',
    '-subj',
    '/CN=Test CA',
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
  );
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '30',
    '-subj',
    '/CN=Other CA',
    '-keyout',
    'other-key.pem',
    '-out',
    'other.pem',
  );
  for (const [name, subjects] of Object.entries(names)) {
    fs.writeFileSync(path.join(folder, `${name}.ext`), `subjectAltName=${subjects}\nbasicConstraints=CA:FALSE\n`);
    openssl(
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.csr`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca-key.pem',
      '-CAcreateserial',
      '-days',
      '30',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  }
}

describe.skipIf(!canStart)('TLS to MySQL', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'slipway-tls-'));
  const file = (name: string): string => path.join(folder, `${name}.pem`);
  let server: MysqlServer;
  let database: TestDatabase;

  beforeAll(async () => {
    certificatesFor(folder, {
      both: 'DNS:localhost,IP:127.0.0.1',
      name: 'DNS:localhost',
      address: 'IP:127.0.0.1',
      elsewhere: 'DNS:db.wrong.example,IP:192.0.2.1',
    });
    server = await startMysql({
      fast: true,
      extraArgs: [`--ssl-ca=${file('ca')}`, `--ssl-cert=${file('both')}`, `--ssl-key=${file('both-key')}`],
    });
    database = await createDatabase('empty', server);
  });
  afterAll(async () => {
    await database.drop();
    await server.stop();
    fs.rmSync(folder, { recursive: true });
  });

  const present = async (name: string): Promise<void> => {
    await database.query(`SET GLOBAL ssl_cert = '${file(name)}', GLOBAL ssl_key = '${file(`${name}-key`)}'`);
    await database.query('ALTER INSTANCE RELOAD TLS');
  };
  const target = (host: string, mode: TlsMode, ca: string | null = 'ca'): FleetTarget => {
    const base = targetOf(database, undefined, { tls: { mode, caFile: ca === null ? null : file(ca) } });
    return { ...base, address: { ...base.address, host } };
  };

  it.each([
    ['both', '127.0.0.1', 'verify-identity'],
    ['both', 'localhost', 'verify-identity'],
    ['name', 'localhost', 'verify-identity'],
    ['address', '127.0.0.1', 'verify-identity'],
    ['elsewhere', '127.0.0.1', 'verify-ca'],
    ['elsewhere', 'localhost', 'verify-ca'],
  ] as const)('takes a certificate for %s at %s (%s)', async (certificate, host, mode) => {
    await present(certificate);
    const connection = await connectFleet(target(host, mode), 'read');
    expect(connection.server.tlsCipher).toMatch(/GCM|CHACHA20/);
    await connection.close();
  });

  it.skipIf(noSshd)('through another machine the name is still the database’s own', async () => {
    const jump = new Sshd();
    try {
      const keyFile = makeKey(path.join(jump.folder, 'id'));
      jump.authorize(keyFile);
      await jump.start();
      const via = { address: jump.url(), credentials: { keyFile, knownHosts: [jump.knownHosts('known')] } };
      for (const [certificate, host, taken] of [
        ['name', 'localhost', true],
        ['address', '127.0.0.1', true],
        ['address', 'localhost', false],
        ['name', '127.0.0.1', false],
        ['elsewhere', 'localhost', false],
      ] as const) {
        await present(certificate);
        const one = { ...target(host, 'verify-identity'), via };
        if (taken) {
          const connection = await connectFleet(one, 'read');
          expect(connection.server.tlsCipher).toMatch(/GCM|CHACHA20/);
          await connection.close();
        } else {
          expect((await failureOf(() => connectFleet(one, 'read'))).code).toBe('fleet/tls-wrong-name');
        }
        // A source's database is reached by the same rules.
        const tunnel = await openTunnel(via.address, via.credentials);
        const reading = { ...one, open: (to: string, port: number) => tunnel.open(to, port) };
        if (taken) await (await openReadingSession('mysql', reading)).close();
        else expect((await failureOf(() => openReadingSession('mysql', reading))).code).toBe('database/tls-wrong-name');
        await tunnel.close();
      }
    } finally {
      await jump.remove();
    }
  });

  it.each([
    // Node would compare the first with "localhost", the host of a socket it was not told the name of.
    ['name', '127.0.0.1'],
    ['address', 'localhost'],
    ['elsewhere', '127.0.0.1'],
    ['elsewhere', 'localhost'],
  ] as const)('refuses a certificate for %s at %s', async (certificate, host) => {
    await present(certificate);
    const failure = await failureOf(() => connectFleet(target(host, 'verify-identity'), 'read'));
    expect(failure).toMatchObject({ code: 'fleet/tls-wrong-name', kind: 'unreadable' });
    expect(failure.message).toContain(host);
  });

  it.each(['verify-identity', 'verify-ca'] as const)('refuses an unknown CA (%s)', async (mode) => {
    await present('both');
    for (const ca of ['other', null]) {
      const failure = await failureOf(() => connectFleet(target('localhost', mode, ca), 'read'));
      expect(failure.code).toBe('fleet/tls-untrusted');
    }
  });

  it('says what is wrong with a CA file', async () => {
    for (const ca of ['nothing', 'both-key']) {
      const failure = await failureOf(() => connectFleet(target('localhost', 'verify-identity', ca), 'read'));
      expect(failure).toMatchObject({ code: 'fleet/ca-file' });
      expect(failure.message).toContain(file(ca));
    }
  });

  it('says that the server insists on TLS', async () => {
    await database.query('SET GLOBAL require_secure_transport = ON');
    try {
      expect((await failureOf(() => connectFleet(target('127.0.0.1', 'disabled'), 'read'))).code).toBe(
        'fleet/tls-required',
      );
    } finally {
      // Our own connection is older than the setting.
      await database.query('SET GLOBAL require_secure_transport = OFF');
    }
  });

  it('sends no password where the server cannot prove itself, and never one in the open', async () => {
    await present('elsewhere');
    const account = await database.createAccount([], 'hunter2');
    const secured = targetOf(database, account, { tls: { mode: 'verify-identity', caFile: file('ca') } });
    expect((await failureOf(() => connectFleet(secured, 'read'))).code).toBe('fleet/tls-wrong-name');
  });

  const outside = Object.values(os.networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  it.skipIf(outside === undefined)('never encrypts a password for a key that came over an open line', async () => {
    const open = await startMysql({ fast: true, extraArgs: ['--bind-address=*'] });
    const there = await createDatabase('empty', open);
    try {
      const account = await there.createAccount(['SELECT ON *'], 'hunter2');
      const base = targetOf(there, account, { plaintextConfirmed: true });
      const far = { ...base, address: { ...base.address, host: outside ?? '' } };
      const failure = await failureOf(() => connectFleet(far, 'read'));
      expect(failure).toMatchObject({ code: 'fleet/plaintext-password', kind: 'finding' });
      expect(JSON.stringify(failure)).not.toContain('hunter2');
      // Once the server knows the password from elsewhere, its hash is enough.
      await (await connectFleet(base, 'read')).close();
      await (await connectFleet(far, 'read')).close();
    } finally {
      await there.drop();
      await open.stop();
    }
  });

  it('refuses to write to a server that became read-only, and says so', async () => {
    await present('both');
    const writer = await connectFleet(target('localhost', 'verify-identity'), 'write');
    const account = await database.createAccount(['SELECT, INSERT, CREATE ON *']);
    await database.query('CREATE TABLE t (a INT PRIMARY KEY)');
    const limited = await connectFleet(
      targetOf(database, account, { tls: { mode: 'verify-ca', caFile: file('ca') } }),
      'write',
    );
    await database.query('SET GLOBAL super_read_only = ON');
    try {
      expect((await failureOf(() => limited.execute('INSERT INTO t VALUES (1)'))).code).toBe('fleet/read-only');
      expect((await failureOf(() => connectFleet(target('localhost', 'verify-identity'), 'write'))).code).toBe(
        'fleet/read-only',
      );
      const reader = await connectFleet(target('localhost', 'verify-identity'), 'read');
      expect(reader.server.readOnly).toBe(true);
      await reader.close();
    } finally {
      await database.query('SET GLOBAL super_read_only = OFF');
      await database.query('SET GLOBAL read_only = OFF');
    }
    await writer.close();
    await limited.close();
  });

  it('says that a server offers no TLS', async () => {
    const plain = await startMysql({ fast: true, extraArgs: ['--tls-version='] });
    try {
      const one = target('localhost', 'verify-identity');
      const failure = await failureOf(() =>
        connectFleet({ ...one, address: { ...one.address, port: plain.port } }, 'read'),
      );
      expect(failure.code).toBe('fleet/tls-not-offered');
    } finally {
      await plain.stop();
    }
  });
});
