import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  decryptAsset,
  encryptAsset,
  provePrivateKey,
  readAssets,
  readIdentity,
  sameCa,
  identityOf,
  type Asset,
} from '../../../src/core/fleet/assets';
import { readCertificate } from '../../../src/core/certificates/der';
import { connectFleet, type FleetConnection } from '../../../src/core/fleet/connection';
import { Secret } from '../../../src/core/secret';
import { createDatabase, GENERATIONS, noServer, type TestDatabase } from '../../servers/mysql';
import { makeCa, makePush, TOPIC } from './certificate';
import { targetOf } from './target';

const END = Date.UTC(2040, 0, 1);
const key = new Secret('server private key', 'k'.repeat(32));
const other = new Secret('server private key', 'x'.repeat(40));

function asset(name: string, plain: string, by = key): [string, Asset] {
  const { value } = encryptAsset(plain, by);
  return [name, { name, encrypted: value, checksumMatches: true, createdAt: '2026-01-01 00:00:00' }];
}

describe('encryption', () => {
  it('is AES-256-GCM under the first 32 bytes of the text, nonce first, tag last', () => {
    const { value, md5 } = encryptAsset(
      'abc',
      new Secret('k', `${'k'.repeat(32)}whatever follows`),
      Buffer.alloc(12, 1),
    );
    expect(value.length).toBe(12 + 3 + 16);
    expect(value.subarray(0, 12)).toEqual(Buffer.alloc(12, 1));
    expect(md5).toEqual(createHash('md5').update(value).digest());
    const opened = decryptAsset('scep_challenge', value, key);
    expect(opened.ok && opened.value.revealText()).toBe('abc');
  });

  it('names what keeps a value closed', () => {
    const { value } = encryptAsset('abc', key);
    const code = (encrypted: Buffer, by: Secret): string | null => {
      const opened = decryptAsset('ca_key', encrypted, by);
      return opened.ok ? null : opened.failure.code;
    };
    expect(code(value, other)).toBe('fleet/private-key-wrong');
    expect(code(value, new Secret('k', 'short'))).toBe('fleet/private-key-short');
    expect(code(Buffer.concat([value.subarray(0, 12), Buffer.from([0]), value.subarray(13)]), key)).toBe(
      'fleet/private-key-wrong',
    );
    expect(code(value.subarray(0, 27), key)).toBe('fleet/asset-malformed');
    expect(code(Buffer.alloc(0), key)).toBe('fleet/asset-malformed');
    expect(() => encryptAsset('abc', new Secret('k', 'short'))).toThrow(RangeError);
  });

  it('proves the private key by any asset it opens', () => {
    expect(provePrivateKey(new Map([asset('scep_challenge', 'c')]), key)).toEqual({
      state: 'proven',
      by: 'scep_challenge',
    });
    expect(provePrivateKey(new Map([asset('scep_challenge', 'c', other), asset('ca_cert', 'c')]), key)).toEqual({
      state: 'proven',
      by: 'ca_cert',
    });
    expect(provePrivateKey(new Map([asset('scep_challenge', 'c')]), other)).toMatchObject({
      state: 'wrong',
      failure: { code: 'fleet/private-key-wrong' },
    });
    expect(provePrivateKey(new Map(), key)).toMatchObject({ state: 'unproven' });
  });
});

describe('identity', () => {
  const ca = makeCa(END);
  const push = makePush(TOPIC, END);

  it('reads the first certificate of the CA and the topic of the push certificate', () => {
    const found = readIdentity(new Map([asset('ca_cert', `${ca.pem}${push.pem}`), asset('apns_cert', push.pem)]), key);
    expect(found.failures).toEqual([]);
    expect(found.ca).toMatchObject({
      sha256: ca.sha256,
      subject: 'OU=MICROMDM SCEP CA,O=MicroMDM,C=US',
      notAfter: END,
    });
    expect(found.push).toMatchObject({ sha256: push.sha256, topic: TOPIC });
  });

  it('says what it could not read', () => {
    const found = readIdentity(new Map([asset('ca_cert', 'no certificate'), asset('apns_cert', push.pem, other)]), key);
    expect(found).toMatchObject({ ca: null, push: null });
    expect(found.failures.map(({ code }) => code)).toEqual(['fleet/asset-malformed', 'fleet/private-key-wrong']);
    expect(readIdentity(new Map(), key)).toEqual({ ca: null, push: null, failures: [] });
  });

  it('tells a CA that was re-issued from another one', () => {
    const of = (der: Buffer): ReturnType<typeof identityOf> => {
      const certificate = readCertificate(der);
      if (certificate === null) throw new Error('unreadable');
      return identityOf(certificate);
    };
    expect(sameCa(of(ca.der), of(ca.der))).toBe('same');
    expect(sameCa(of(ca.der), of(makeCa(END + 86_400_000).der))).toBe('reissued');
    expect(sameCa(of(ca.der), of(makeCa(END, 'another').der))).toBe('different');
    expect(sameCa(of(ca.der), of(makeCa(END, 'ca', { subject: [{ shortName: 'CN', value: 'x' }] }).der))).toBe(
      'different',
    );
  });
});

describe.skipIf(noServer)('assets of a database', () => {
  let database: TestDatabase;
  let connection: FleetConnection;

  afterAll(async () => {
    await connection.close();
    await database.drop();
  });
  beforeAll(async () => {
    database = await createDatabase(GENERATIONS[2]);
    connection = await connectFleet(targetOf(database), 'read');
  });

  it('are the active ones, bytes as they are', async () => {
    const put = async (name: string, plain: string, deleted: boolean, checksum?: Buffer): Promise<void> => {
      const { value, md5 } = encryptAsset(plain, key);
      await database.query(
        'INSERT INTO mdm_config_assets (name, value, md5_checksum, deleted_at, deletion_uuid) VALUES (?, ?, ?, ?, ?)',
        [name, value, checksum ?? md5, deleted ? '2026-01-01 00:00:00' : null, deleted ? 'gone' : ''],
      );
    };
    await put('ca_cert', 'old', true);
    await put('ca_cert', 'new', false);
    await put('scep_challenge', 'challenge', false, Buffer.alloc(16));
    await put('vpp_token', 'not ours', false);
    const assets = await readAssets(connection);
    expect([...assets.keys()].sort()).toEqual(['ca_cert', 'scep_challenge']);
    expect(assets.get('ca_cert')?.checksumMatches).toBe(true);
    expect(assets.get('scep_challenge')?.checksumMatches).toBe(false);
    const opened = decryptAsset('ca_cert', assets.get('ca_cert')?.encrypted ?? Buffer.alloc(0), key);
    expect(opened.ok && opened.value.revealText()).toBe('new');
    expect(provePrivateKey(assets, other).state).toBe('wrong');
  });

  it('are bounded', async () => {
    await database.query(
      "INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES ('apns_cert', REPEAT('x', 3000000), REPEAT(CHAR(0), 16))",
    );
    const assets = await readAssets(connection);
    expect(assets.get('apns_cert')).toMatchObject({ checksumMatches: false });
    expect(assets.get('apns_cert')?.encrypted.length).toBe(1024 * 1024);
  });
});
