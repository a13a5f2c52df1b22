/** Devices of a test as NanoMDM keeps them: its own tables, and in them what each device said. */
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Identity, MdmDevice } from './mdm-device';
import { caCertificate, pushCertificate, rsaKey } from './micromdm-writer';
import type { TestDatabase } from './servers/mysql';

export interface NanoMdmDevice {
  readonly device: MdmDevice;
  readonly serial: string;
  readonly name: string;
  /** A certificate it was bound to before the one it has. */
  readonly former?: Identity;
  /** The UserID of somebody signed in. */
  readonly user?: string;
  /** It checked out: NanoMDM keeps its row. */
  readonly disabled?: boolean;
}

export interface WrittenNanoMdm {
  readonly ca: Buffer;
  readonly caPem: string;
  readonly caKeyPem: string;
}

const DAY = 86_400_000;
const CREATE = /^CREATE TABLE [^;]*;$/gm;

/** Makes the tables of a dump of NanoMDM's database, without their rows. Each CREATE TABLE ends its line with `;`. */
export async function createNanoMdmTables(database: TestDatabase, dump: string): Promise<void> {
  const connection = await database.connect();
  // In a dump's order tables name others that come later.
  await connection.query('SET foreign_key_checks = 0');
  for (const statement of readFileSync(dump, 'utf8').match(CREATE) ?? []) await connection.query(statement);
  await connection.end();
}

/** Writes devices, their channels and associations, and a push certificate for their topic, as seen at `at` (ms). */
export async function writeNanoMdm(
  database: TestDatabase,
  devices: readonly NanoMdmDevice[],
  { at, topic, caKey }: { readonly at: number; readonly topic: string; readonly caKey: KeyObject },
): Promise<WrittenNanoMdm> {
  const insert = (table: string, row: Readonly<Record<string, unknown>>): Promise<unknown> =>
    database.query(`INSERT INTO ${table} SET ?`, [row]);
  const enrolled = new Date(at - 90 * DAY);
  const renewed = new Date(at - 20 * DAY);
  const pushKey = rsaKey('push');
  await insert('push_certs', {
    topic,
    cert_pem: pem(pushCertificate(pushKey, topic, at, 300)),
    key_pem: pushKey.export({ type: 'pkcs1', format: 'pem' }),
    stale_token: 1,
  });
  for (const { device, serial, name, former, user, disabled } of devices) {
    const { udid, magic, token, identity } = device;
    const push = { PushMagic: magic, Token: Buffer.from(token, 'hex'), Topic: topic, UDID: udid };
    const mac = udid.length === 36;
    await insert('devices', {
      id: udid,
      identity_cert: pem(identity.der),
      serial_number: serial,
      unlock_token: mac ? null : Buffer.from(`unlock ${udid}`),
      unlock_token_at: mac ? null : enrolled,
      authenticate: plist({
        BuildVersion: mac ? '24G84' : '22G100',
        DeviceName: name,
        MessageType: 'Authenticate',
        Model: mac ? 'Mac16,10' : 'MQ0F3LL/A',
        ModelName: mac ? 'Mac mini' : 'iPhone',
        OSVersion: mac ? '15.6' : '18.6.2',
        ProductName: mac ? 'Mac16,10' : 'iPhone15,2',
        SerialNumber: serial,
        Topic: topic,
        UDID: udid,
      }),
      authenticate_at: enrolled,
      token_update: plist({ MessageType: 'TokenUpdate', ...push }),
      token_update_at: new Date(at - DAY),
      created_at: enrolled,
    });
    const enrollment = {
      id: udid,
      device_id: udid,
      type: 'Device',
      topic,
      push_magic: magic,
      token_hex: token,
      enabled: disabled === true ? 0 : 1,
      last_seen_at: new Date(at - 3_600_000),
      created_at: enrolled,
    };
    await insert('enrollments', enrollment);
    if (former !== undefined)
      await insert('cert_auth_associations', { id: udid, sha256: former.sha256, created_at: enrolled });
    await insert('cert_auth_associations', {
      id: udid,
      sha256: identity.sha256,
      created_at: former === undefined ? enrolled : renewed,
    });
    if (user !== undefined) {
      const id = `${udid}:${user}`;
      const names = { UserID: user, UserLongName: 'Ada Lovelace', UserShortName: 'ada' };
      await insert('users', {
        id,
        device_id: udid,
        user_short_name: 'ada',
        user_long_name: 'Ada Lovelace',
        token_update: plist({ MessageType: 'TokenUpdate', ...push, ...names }),
        token_update_at: new Date(at - DAY),
      });
      await insert('enrollments', { ...enrollment, id, user_id: id, type: 'User' });
    }
  }
  const ca = caCertificate(caKey, at, 1500);
  return { ca, caPem: pem(ca), caKeyPem: caKey.export({ type: 'pkcs1', format: 'pem' }).toString() };
}

/** A certificate as text. */
export function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function plist(values: Readonly<Record<string, string | Buffer>>): string {
  const lines = Object.entries(values).map(([key, value]) =>
    typeof value === 'string'
      ? `\t<key>${key}</key>\n\t<string>${value}</string>\n`
      : `\t<key>${key}</key>\n\t<data>${value.toString('base64')}</data>\n`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0">\n<dict>\n${lines.join('')}</dict>\n</plist>\n`;
}
