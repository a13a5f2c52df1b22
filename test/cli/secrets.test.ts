/**
 * Rule 4: no secret in anything that is said, planned, journaled or put on a command line. Every secret of the source,
 * and every one the operator gives, is a canary; all commands are run, well and badly, with SLIPWAY_DEBUG=1.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptAsset } from '../../src/core/fleet/assets';
import { Secret } from '../../src/core/secret';
import { commandPayload, rsaKey, writeMicroMdm, type WrittenMicroMdm } from '../micromdm-writer';
import { createDatabase, noServer, type Account, type TestDatabase } from '../servers/mysql';
import { canary, givenAway, keyCanary, type Canary } from './canary';
import { Obstacle } from './obstacle';
import { fleet, modeOf, Workstation, type Outcome } from './workstation';

const API_KEY = 'CANARY-api-key-3f8a1c';
const PASSWORD = 'CANARY-password-7be21d';
const PRIVATE_KEY = 'CANARY-server-private-key-51c9e0aa';
const TOKEN = 'CANARY-fleet-token-e88d02';
const CHALLENGE = 'CANARY-scep-challenge-90b4f7';
const PROFILE_CHALLENGE = 'CANARY-profile-challenge-1d6c';
const WIFI = 'CANARY-wifi-password-44dd19';
const PIN = 'CANARY-lock-pin-820193';
const MAGIC = 'CANARY-PUSH-MAGIC-A5B6';
const RECORD_MAGIC = 'CANARY-RECORD-MAGIC-C7D8';
const UNLOCK = Buffer.from('CANARY-unlock-token-\u0000\u0001\u00ff-6a1e', 'latin1');
const BOOTSTRAP = Buffer.from('CANARY-bootstrap-token-\u00fe-77f2', 'latin1');
const ABM = 'CANARYABM';

/** What the operator gives. */
const given: readonly Canary[] = [
  canary('API key', API_KEY),
  canary('API key in a header', `micromdm:${API_KEY}`),
  canary('database password', PASSWORD),
  canary('server private key', PRIVATE_KEY),
  canary('Fleet API token', TOKEN),
];
/** What the source holds of devices. */
const ofDevices: readonly Canary[] = [
  canary('push magic', MAGIC),
  canary('unlock token', UNLOCK),
  canary('bootstrap token', BOOTSTRAP),
];
/** What else the source holds. */
const ofSource: readonly Canary[] = [
  canary('older push magic', RECORD_MAGIC),
  keyCanary('SCEP CA key', rsaKey('scep ca')),
  keyCanary('push key', rsaKey('push')),
  keyCanary('ABM key', rsaKey('abm')),
  canary('ABM consumer secret', `CS_${ABM}`),
  canary('ABM access token', `AT_${ABM}`),
  canary('ABM access secret', `AS_${ABM}`),
  canary('profile’s Wi-Fi password', WIFI),
  canary('SCEP challenge in the enrollment profile', PROFILE_CHALLENGE),
  canary('PIN in a queued command', PIN),
];
const ofFleet: readonly Canary[] = [canary('SCEP challenge of Fleet', CHALLENGE)];
const canaries = [...given, ...ofDevices, ...ofSource, ...ofFleet];

/** A profile as MicroMDM stores it. */
function profile(identifier: string, payload: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>PayloadContent</key><array><dict>${payload}<key>PayloadVersion</key><integer>1</integer></dict></array><key>PayloadDisplayName</key><string>${identifier}</string><key>PayloadIdentifier</key><string>${identifier}</string><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer></dict></plist>`;
}

function writeSource(path: string): WrittenMicroMdm {
  const wifi = profile(
    'com.example.wifi',
    `<key>PayloadType</key><string>com.apple.wifi.managed</string><key>Password</key><string>${WIFI}</string>`,
  );
  const enroll = profile(
    'com.github.micromdm.micromdm.enroll',
    `<key>PayloadType</key><string>com.apple.security.scep</string><key>PayloadContent</key><dict><key>Challenge</key><string>${PROFILE_CHALLENGE}</string><key>URL</key><string>https://mdm.example.com/scep</string></dict>`,
  );
  return writeMicroMdm(path, {
    seed: 'canary',
    sign: 'real',
    depKeyPair: true,
    depTokens: [ABM],
    profiles: [
      { identifier: 'com.example.wifi', body: wifi },
      { identifier: 'com.github.micromdm.micromdm.enroll', body: enroll },
    ],
    extra: [
      { name: 'Mac', push: { magic: MAGIC }, recordPush: { magic: RECORD_MAGIC }, bootstrapToken: BOOTSTRAP },
      {
        name: 'iPhone',
        kind: 'iphone',
        push: { magic: `${MAGIC}-2` },
        unlockToken: UNLOCK,
        commands: [
          { requestType: 'DeviceLock', payload: commandPayload({ requestType: 'DeviceLock', profile: PIN }, PIN) },
          { requestType: 'InstallProfile', profile: wifi },
        ],
      },
      {
        name: 'Mac with a user',
        push: { magic: `${MAGIC}-3` },
        users: [{ id: '0B8A4D5C-0C5E-4D0B-9A1F-5F1D6F3A7E21' }],
      },
    ],
  });
}

/** MicroMDM's /boltbackup; and a server that repeats to the asker all that it was sent. */
function answer(database: Buffer): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const wanted = `Basic ${Buffer.from(`micromdm:${API_KEY}`).toString('base64')}`;
    if (request.url === '/boltbackup' && request.headers.authorization === wanted) {
      response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': database.length });
      response.end(database);
      return;
    }
    const echo = JSON.stringify({ headers: request.headers, url: request.url });
    response.writeHead(request.url?.startsWith('/api') === true ? 403 : 401, {
      location: `/?${encodeURIComponent(echo)}`,
    });
    response.end(echo);
  };
}

/** Notes every process that the program starts. */
const RECORDER = `
import { ChildProcess } from 'node:child_process';
import childProcess from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const note = (...args) => appendFileSync(process.env.SPAWNED, JSON.stringify(args) + '\\n');
const { spawn } = ChildProcess.prototype;
ChildProcess.prototype.spawn = function (options) { note(options); return spawn.call(this, options); };
for (const name of ['spawnSync', 'execSync', 'execFileSync']) {
  const original = childProcess[name];
  childProcess[name] = (...args) => { note(name, args); return original(...args); };
}
syncBuiltinESMExports();
`;

describe.skipIf(noServer)('secrets', () => {
  let desk: Workstation;
  let outside: string;
  let server: Server;
  let database: TestDatabase;
  let account: Account;
  let written: WrittenMicroMdm;
  let remote: string;
  let local: string;
  let target: string[];
  let env: Record<string, string>;
  let commandLines: string[] = [];
  /** Made up by the writer; MySQL tells it once it is there. */
  let ofUsers: readonly Canary[] = [];
  const done: Record<string, Outcome> = {};

  const accept = ['--accept', 'no-agent,pending-command', '--reason', 'a test'];
  const run = async (name: string, args: readonly string[], more: Record<string, string> = {}): Promise<Outcome> => {
    const [people, machine] = [
      await desk.slipway(args, { env: { ...env, ...more } }),
      await desk.slipway([...args, '--json'], { env: { ...env, ...more } }),
    ];
    done[name] = machine;
    done[`${name} (people)`] = people;
    return machine;
  };

  beforeAll(async () => {
    desk = new Workstation();
    outside = mkdtempSync(join(tmpdir(), 'slipway-canary-'));
    const inside = (name: string, content: string | Buffer): string => {
      writeFileSync(join(outside, name), content, { mode: 0o600 });
      return join(outside, name);
    };
    written = writeSource(join(outside, 'source.db'));
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'tls.key', '-out', 'tls.pem', ...subject],
      { cwd: outside, stdio: 'ignore' },
    );
    const tls = { key: readFileSync(join(outside, 'tls.key')), cert: readFileSync(join(outside, 'tls.pem')) };
    server = createServer(tls, answer(readFileSync(written.path)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    remote = `micromdm:${url}`;
    local = `micromdm:${written.path}`;

    database = await createDatabase('generation-newest');
    account = await database.createAccount(['ALL PRIVILEGES ON *'], PASSWORD);
    const pem = (der: Buffer): string =>
      `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
    const assets = {
      ca_cert: pem(written.ca.der),
      ca_key: written.ca.key.export({ type: 'pkcs1', format: 'pem' }).toString(),
      apns_cert: pem(written.push.der),
      apns_key: written.push.key.export({ type: 'pkcs1', format: 'pem' }).toString(),
      scep_challenge: CHALLENGE,
    };
    for (const [name, text] of Object.entries(assets)) {
      const { value, md5 } = encryptAsset(text, new Secret(name, PRIVATE_KEY));
      await database.query('INSERT INTO mdm_config_assets (name, value, md5_checksum) VALUES (?, ?, ?)', [
        name,
        value,
        md5,
      ]);
    }

    env = {
      SLIPWAY_DEBUG: '1',
      SLIPWAY_API_KEY: API_KEY,
      SLIPWAY_FLEET_PASSWORD: PASSWORD,
      SLIPWAY_PRIVATE_KEY: PRIVATE_KEY,
      SLIPWAY_FLEET_TOKEN: TOKEN,
      SPAWNED: join(outside, 'spawned.log'),
      NODE_OPTIONS: `--import=file://${inside('recorder.mjs', RECORDER)}`,
    };
    const ca = ['--source-ca-file', join(outside, 'tls.pem')];
    target = fleet(database, account).args;
    const asked = ['--fleet-url', url, '--fleet-url-ca-file', join(outside, 'tls.pem')];

    // The way through.
    await run('read', ['read', remote, ...ca, '--devices']);
    await run('check', ['check', remote, ...ca, ...target, ...accept, '--backup-by', 'ann']);
    await run('check over HTTPS', ['check', remote, ...ca, ...target, ...asked, ...accept]);
    await run('sql', [
      'sql',
      local,
      '--fleet-version',
      'newest',
      '--out',
      desk.path('import.sql'),
      '--undo',
      desk.path('undo.sql'),
      '--overwrite',
      ...accept,
    ]);
    const plan = desk.path('plan.json');
    await run('plan', [
      'plan',
      remote,
      ...ca,
      ...target,
      '--out',
      plan,
      '--sql',
      desk.path('plan.sql'),
      '--overwrite',
      ...accept,
    ]);
    const apply = ['apply', plan, ...ca, ...target, ...accept, '--yes'];
    await run('rehearsal', [...apply, '--rehearse']);

    // Held in the middle: what stands on command lines meanwhile?
    const obstacle = await Obstacle.make(
      database,
      'INSERT INTO nano_devices (id, authenticate, authenticate_at) VALUES (?, ?, NOW())',
      [written.devices[0]!.udid, '<x/>'],
    );
    const held = desk.start(apply, { env });
    await obstacle.reached();
    commandLines = commandLinesFrom(held.pid);
    await obstacle.remove();
    done['apply (people)'] = await held.outcome;
    await run('apply', apply);
    const [user] = await database.query<{ magic: string }>(
      "SELECT push_magic AS magic FROM nano_enrollments WHERE type = 'User'",
    );
    ofUsers = [canary('a user’s push magic', user!.magic)];
    await run('verify', ['verify', plan, ...target]);
    await run('verify of a source', ['verify', remote, ...ca, ...target, ...accept]);
    const [journal] = desk.journals();
    await run('undo rehearsal', ['undo', journal!, ...target, '--yes', '--rehearse']);
    await run('undo', ['undo', journal!, ...target, '--yes']);
    await run('copies', ['copies']);

    // And the ways that go wrong.
    await run('wrong API key', ['read', remote, ...ca], { SLIPWAY_API_KEY: `${API_KEY}-wrong` });
    await run('wrong CA', ['read', remote]);
    await run('wrong password', ['plan', local, ...target, '--out', desk.path('never.json')], {
      SLIPWAY_FLEET_PASSWORD: `${PASSWORD}-wrong`,
    });
    await run('wrong private key', ['check', local, ...target], {
      SLIPWAY_PRIVATE_KEY: `${PRIVATE_KEY}-wrong`.split('').reverse().join(''),
    });
    await run('password in the address', ['check', local, '--fleet', `mysql://root:${PASSWORD}@127.0.0.1/fleet`]);
    await run('not a file of secrets', [
      'check',
      local,
      ...target,
      '--fleet-password-file',
      inside('unreadable', `${PASSWORD}\n`.repeat(60_000)),
    ]);
    await database.query(
      "CREATE TRIGGER talkative BEFORE INSERT ON nano_enrollments FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = NEW.push_magic",
    );
    const again = desk.path('again.json');
    await run('plan again', ['plan', remote, ...ca, ...target, '--out', again, '--overwrite', ...accept]);
    await run('refused by the target', [
      'apply',
      again,
      ...ca,
      ...target,
      '--accept',
      'no-agent,triggers-present',
      '--yes',
    ]);
    await database.query('DROP TRIGGER talkative');
    const broken = inside(
      'broken.mjs',
      `Array.prototype.toSorted = () => { throw new RangeError('${MAGIC} was not expected'); };`,
    );
    await run('a defect', ['check', local, ...target], { NODE_OPTIONS: `--import=file://${broken}` });
  }, 300_000);
  afterAll(async () => {
    desk.close();
    server.close();
    rmSync(outside, { recursive: true, force: true });
    await database.drop();
  });

  it('were in every command’s reach: each did its work, or failed as it should', () => {
    const codes = Object.fromEntries(Object.entries(done).map(([name, { code }]) => [name, code]));
    const both = (name: string, code: number): Record<string, number> => ({ [name]: code, [`${name} (people)`]: code });
    expect(codes).toEqual({
      ...both('read', 0),
      ...both('check', 0),
      ...both('check over HTTPS', 1),
      ...both('sql', 0),
      ...both('plan', 0),
      ...both('rehearsal', 0),
      ...both('apply', 0),
      ...both('verify', 0),
      ...both('verify of a source', 0),
      ...both('undo rehearsal', 0),
      ...both('undo', 0),
      ...both('copies', 0),
      ...both('wrong API key', 3),
      ...both('wrong CA', 3),
      ...both('wrong password', 3),
      ...both('wrong private key', 1),
      ...both('password in the address', 2),
      ...both('not a file of secrets', 2),
      ...both('plan again', 0),
      ...both('refused by the target', 1),
      ...both('a defect', 3),
    });
    // The private key was used: nothing had to be accepted about the target's identity.
    expect(done['check']!.stdout).toMatch(/"id":"target-ca","phase":"target","title":"[^"]*","status":"pass"/);
    expect(done['refused by the target']!.stdout).toContain('refused-by-target');
  });

  it('are in nothing that was said', () => {
    for (const { args, stdout, stderr } of desk.said) {
      const name = args.join(' ').slice(0, 60);
      expect([name, givenAway(stdout + stderr, [...canaries, ...ofUsers])]).toEqual([name, []]);
    }
    expect(desk.said.length).toBeGreaterThan(40);
  });

  it('are told by hash and length at most, also in a defect with SLIPWAY_DEBUG=1', () => {
    const { stderr } = done['a defect (people)']!;
    expect(stderr).toContain('internal/defect');
    expect(stderr).toMatch(/^RangeError\n {4}at /m);
    const [first] = done['a defect']!.stderr.split('\n');
    expect(JSON.parse(first!)).toMatchObject({ error: { code: 'internal/defect', kind: 'unreadable' } });
  });

  it('are in no file but the SQL to load and the private copy, and those are private', () => {
    const found = Object.fromEntries(
      desk
        .files()
        .map((name) => [name, givenAway(readFileSync(desk.path(name), 'latin1'), [...canaries, ...ofUsers])] as const)
        .filter(([, names]) => names.length > 0),
    );
    const copies = desk.files('copies');
    expect(copies.length).toBeGreaterThan(0);
    expect(Object.keys(found).sort()).toEqual([...copies, 'import.sql', 'plan.sql'].sort());
    for (const name of Object.keys(found)) expect([name, modeOf(desk.path(name))]).toEqual([name, '600']);
    for (const name of desk.files()) expect([name, modeOf(desk.path(name))]).toEqual([name, '600']);
    expect(modeOf(desk.copies)).toBe('700');
    // They would have been found.
    const all = [...ofDevices, ...ofSource, ...ofUsers].map(({ name }) => name);
    for (const name of copies) expect(found[name]).toEqual(expect.arrayContaining(all));
    expect(found['import.sql']).toEqual([...ofDevices, ...ofUsers].map(({ name }) => name));
    expect(found['plan.sql']).toEqual(found['import.sql']);
  });

  it('are on no command line: none of its own, and it starts no other program', () => {
    expect(commandLines[0]).toContain('apply');
    for (const line of commandLines) expect(givenAway(line, canaries)).toEqual([]);
    expect(commandLines).toHaveLength(process.platform === 'linux' ? 1 : 0);
    expect(existsSync(join(outside, 'spawned.log'))).toBe(false);
    // The recorder would have noticed.
    const starts = "require('node:child_process').spawnSync('true', ['seen'])";
    execFileSync(process.execPath, ['-e', starts], { env: { ...desk.env, ...env } });
    expect(readFileSync(join(outside, 'spawned.log'), 'utf8')).toContain('seen');
  });
});

/** The command lines of a process and of all that it started, as any user of the machine sees them. */
function commandLinesFrom(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family.map((member) => readFileSync(`/proc/${member}/cmdline`, 'latin1').replaceAll('\0', ' '));
}
