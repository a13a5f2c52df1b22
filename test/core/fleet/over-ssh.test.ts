/** Fleet's MySQL through a real OpenSSH server: the same session, the same proofs, and a line that breaks. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  connectFleet,
  type FleetConnection,
  type FleetTarget,
  type FleetVia,
} from '../../../src/core/fleet/connection';
import { isLost } from '../../../src/core/migration/writing-session';
import { createDatabase, noServer, type Account, type TestDatabase } from '../../servers/mysql';
import { makeKey, noSshd, Sshd } from '../../servers/sshd';
import { failureOf, targetOf } from './target';

const ABSENT = noServer !== false || noSshd !== false;

describe.skipIf(ABSENT)('Fleet’s MySQL over SSH', () => {
  let server: Sshd;
  let database: TestDatabase;
  let account: Account;
  let credentials: FleetVia['credentials'];
  const open: FleetConnection[] = [];

  beforeAll(async () => {
    server = new Sshd();
    const keyFile = makeKey(join(server.folder, 'id'));
    server.authorize(keyFile);
    await server.start();
    credentials = { keyFile, knownHosts: [server.knownHosts('known')] };
    database = await createDatabase('empty');
    await database.query('CREATE TABLE moved (id INT PRIMARY KEY, body LONGBLOB)');
    account = await database.createAccount(['ALL ON *'], 'CANARY-fleet-5d1c');
  });
  afterAll(async () => {
    await database.drop();
    await server.remove();
  });
  afterEach(() => {
    for (const connection of open.splice(0)) connection.destroy();
  });

  const target = (more: Partial<FleetTarget> = {}): FleetTarget =>
    targetOf(database, account, { via: { address: server.url(), credentials }, ...more });
  const connect = async (purpose: 'read' | 'write', to = target()): Promise<FleetConnection> => {
    const connection = await connectFleet(to, purpose);
    open.push(connection);
    return connection;
  };

  it('is the same server by its own proof, and its statements come and go whole', async () => {
    const [direct, far] = [await connect('read', targetOf(database, account)), await connect('write')];
    expect(far.server).toEqual(direct.server);
    expect(far.address).toEqual(direct.address);
    expect(server.log).toMatch(/Accepted publickey/);
    // More than SSH's window takes at once, both ways.
    const body = randomBytes(3_000_000);
    await far.begin();
    expect(await far.execute('INSERT INTO moved VALUES (?, ?)', [1, body])).toMatchObject({ affectedRows: 1 });
    await far.commit();
    const [row] = await far.query<{ body: Buffer }>('SELECT body FROM moved WHERE id = ?', [1]);
    expect(row?.body.equals(body)).toBe(true);
    const [hash] = await database.query<{ sha: string }>('SELECT SHA2(body, 256) AS sha FROM moved');
    expect(hash?.sha).toMatch(/^[0-9a-f]{64}$/);
  });

  it('tells a broken line as a lost connection, and a new session is a new way', async () => {
    const connection = await connect('write');
    await connection.begin();
    await connection.execute('INSERT INTO moved VALUES (?, NULL)', [2]);
    const waiting = failureOf(() => connection.query('SELECT SLEEP(30)'));
    // The statement has arrived: the server itself says so.
    const asked = `SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ? AND INFO LIKE 'SELECT SLEEP%'`;
    while ((await database.query(asked, [account.user])).length === 0);
    server.cutConnections();
    const failure = await waiting;
    expect(failure).toMatchObject({ code: 'fleet/connection-lost', detail: { line: 'ssh/connection-lost' } });
    expect(failure.message).toContain(`through 127.0.0.1:${server.port}`);
    expect(JSON.stringify(failure)).not.toContain('CANARY');
    // What comes after is told the same, and a commit may have happened.
    expect(await failureOf(() => connection.query('SELECT 1'))).toMatchObject({ code: 'fleet/connection-lost' });
    expect(await failureOf(() => connection.commit())).toMatchObject({ detail: { outcome: 'unknown' } });
    const again = await connect('write');
    expect(await again.query('SELECT id FROM moved WHERE id = 2')).toEqual([]);
  });

  it('is let be tried again while the machine in between is gone, and not where its key is another', async () => {
    const { port } = server;
    await server.stop();
    const gone = await connect('read').catch((error: unknown) => error);
    expect(isLost(gone)).toBe(true);
    expect(gone).toMatchObject({ failure: { code: 'ssh/unreachable' } });
    await server.start([], ['ecdsa'], port);
    const other = await connect('read').catch((error: unknown) => error);
    expect(other).toMatchObject({ failure: { code: 'ssh/host-key-changed' } });
    expect(isLost(other)).toBe(false);
    expect(server.log).not.toContain('Accepted publickey');
    await server.stop();
    await server.start([], ['ed25519'], port);
    await connect('read');
  });

  it('asks to compare a key that is not known, before anything of ours is sent', async () => {
    const via = { address: server.url(), credentials: { ...credentials, knownHosts: [server.knownHosts('none', [])] } };
    expect(await failureOf(() => connect('read', target({ via })))).toMatchObject({ code: 'ssh/host-unknown' });
  });

  it('says that the database cannot be reached from there', async () => {
    const { address, ...rest } = target();
    const nowhere = { ...rest, address: { ...address, port: 1 } };
    expect(await failureOf(() => connect('read', nowhere))).toMatchObject({ code: 'ssh/tunnel-failed' });
  });

  it('lets no unencrypted line go on from there to another machine unless that was confirmed', async () => {
    const { address, ...rest } = target();
    const far = { ...rest, address: { ...address, host: 'db.example.com' } };
    expect(await failureOf(() => connect('read', far))).toMatchObject({ code: 'fleet/plaintext-refused' });
  });

  it('leaves no login behind when it is closed', async () => {
    const connection = await connect('read');
    await connection.close();
    const late = connect('read', target({ password: null }));
    await expect(late).rejects.toMatchObject({ failure: { code: 'fleet/access-denied' } });
    // Each login that was made has ended: the server's children are gone once it has seen the last goodbye.
    await expect.poll(() => server.connections()).toBe(0);
  });
});
