/** Who may ask, what may be asked, and that no secret is ever in an answer, on the screen, in a log or in a file. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { calls, type CallName } from '../../src/contract/calls';
import { CALL_CHANNEL } from '../../src/contract/bridge';
import { SOURCE_SECRET_KINDS, type SourceSecretKind } from '../../src/contract/source-secrets';
import { SECRET_KINDS } from '../../src/contract/state';
import { MICROMDM, TOPIC } from '../core/profile/installed-profiles';
import { writeMicroMdm } from '../micromdm-writer';
import { expect, test } from './fixture';
import { connected, connectionTo, opened, planned } from './way';

const CALLS = Object.keys(calls) as CallName[];

test('answers no frame but the top one of its own page', async ({ app }) => {
  const codes = await app.inMain(async ({ ipcMain }, channel) => {
    type Handler = (event: object, ...args: unknown[]) => Promise<{ ok: boolean; failure?: { code: string } }>;
    const known = ipcMain as unknown as { handlers?: Map<string, Handler>; _invokeHandlers?: Map<string, Handler> };
    const handler = (known.handlers ?? known._invokeHandlers)?.get(channel);
    const home = 'app://slipway/index.html';
    const frames = {
      own: { url: home, parent: null },
      gone: null,
      embedded: { url: home, parent: {} },
      web: { url: 'https://example.invalid/', parent: null },
      file: { url: 'file:///etc/passwd', parent: null },
      blank: { url: 'about:blank', parent: null },
      alike: { url: 'app://slipway.example.invalid/index.html', parent: null },
      other: { url: 'app://other/index.html', parent: null },
      user: { url: 'app://slipway@example.invalid/index.html', parent: null },
    };
    const answers: Record<string, string> = {};
    for (const [name, senderFrame] of Object.entries(frames)) {
      const reply = await handler?.({ senderFrame }, 'app.version', undefined);
      answers[name] = reply?.ok === true ? 'answered' : (reply?.failure?.code ?? 'none');
    }
    return answers;
  }, CALL_CHANNEL);
  const { own, ...others } = codes;
  expect(own).toBe('answered');
  expect(new Set(Object.values(others))).toEqual(new Set(['ipc/sender']));
});

test('refuses malformed arguments of every call, and repeats none of them', async ({ app }) => {
  const marks = 'MALFORMED-CANARY';
  const wrong: [CallName, unknown][] = CALLS.flatMap((name) => {
    const { input } = calls[name];
    const fields = 'shape' in input ? Object.keys(input.shape) : [];
    const values: unknown[] = [null, 0, '', marks, [], [marks], true, { [marks]: 1 }];
    for (const value of [null, -1, 1.5, [], {}, marks.repeat(5000), { [marks]: marks }]) {
      values.push(Object.fromEntries(fields.map((field) => [field, value])));
    }
    // What the schema takes is no malformed argument; none of those is sent.
    return values.filter((value) => !input.safeParse(value).success).map((value): [CallName, unknown] => [name, value]);
  });
  expect(new Set(wrong.map(([name]) => name))).toEqual(new Set(CALLS));
  const before = await app.screens.frame.state();
  const replies = await app.page.evaluate(async (list) => {
    const call = window.slipway.call as (name: string, input: unknown) => Promise<unknown>;
    const texts: string[] = [];
    for (const [name, input] of list) texts.push(JSON.stringify(await call(name, input)));
    return texts;
  }, wrong);
  for (const [index, reply] of replies.entries()) {
    expect(JSON.parse(reply), wrong[index]?.[0]).toMatchObject({ ok: false, failure: { code: 'ipc/input' } });
    expect(reply).not.toContain(marks);
  }
  expect(await app.screens.frame.state()).toEqual(before);
  console.log(`${wrong.length} malformed inputs of ${CALLS.length} calls refused`);
});

/** Secrets of an installed enrollment profile. */
const RENEWAL = { oldChallenge: 'CANARY-OLD-CHALLENGE-44d0', password: 'CANARY-WIFI-PASSWORD-8e21' };

const CANARY = {
  magic: 'CANARY-MAGIC-7f3e91',
  unlock: 'CANARY-UNLOCK-51c2aa-of-a-phone',
  bootstrap: 'CANARY-BOOTSTRAP-9d40be',
  profile: 'CANARY-PROFILE-e8127c',
  command: 'CANARY-COMMAND-6b15d3',
  abm: 'CK_CANARY-ABM-20fe77',
} as const;

/** As text, and as what it becomes on the way through bytes. */
function disguises(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // In the middle of something longer the first and last characters of base64 depend on the neighbours.
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
  return [secret, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...shifted];
}

test('a secret of the source or of the keyboard goes nowhere but into its own private file', async ({
  launch,
  database,
  folder,
}) => {
  test.setTimeout(300_000);
  const userData = join(folder, 'user-data');
  const app = await launch({ userData });
  const { page, screens } = app;
  const { frame, plan, apply, devices } = screens;
  const heard: string[] = [];
  page.on('console', (message) => heard.push(message.text()));
  page.on('pageerror', (error) => heard.push(String(error)));

  const source = join(folder, 'source.db');
  const profile = `<?xml version="1.0"?><plist version="1.0"><dict><key>PayloadIdentifier</key><string>org.example.p</string><key>Secret</key><string>${CANARY.profile}</string></dict></plist>`;
  const written = writeMicroMdm(source, {
    seed: 'canary',
    at: Date.now(),
    devices: 12,
    sign: 'real',
    depTokens: [CANARY.abm],
    profiles: [{ identifier: 'org.example.p', body: profile }],
    extra: [
      {
        kind: 'ipad',
        name: 'Canary iPad',
        serial: 'CANARYIPAD',
        push: { token: 'ab'.repeat(32), magic: CANARY.magic },
        unlockToken: Buffer.from(CANARY.unlock),
      },
      {
        name: 'Canary Mac',
        serial: 'CANARYMAC0',
        bootstrapToken: Buffer.from(CANARY.bootstrap),
        commands: [{ requestType: 'InstallProfile', profile: profile.replace(CANARY.profile, CANARY.command) }],
      },
    ],
  });
  const keys = [written.ca.key, written.push.key].map((key) =>
    key.export({ type: 'pkcs8', format: 'der' }).subarray(200, 248).toString('latin1'),
  );
  const account = await database.createAccount(['ALL ON *'], 'CANARY-PASSWORD-4c8a');
  const ofSources = SOURCE_SECRET_KINDS.map((kind) => [kind, `CANARY-OF-${kind.toUpperCase()}-19be`]);
  const typed: Record<(typeof SECRET_KINDS)[number], string> = {
    ...(Object.fromEntries(ofSources) as Record<SourceSecretKind, string>),
    'fleet-password': account.password,
    'fleet-token': 'CANARY-TOKEN-a7d2',
    'server-private-key': 'CANARY-SERVERKEY-0123456789abcdef',
    'scep-challenge': 'CANARY-FLEET-CHALLENGE-7be1',
    'proxy-token': 'CANARY-PROXY-TOKEN-5d0e',
  };
  const secrets = [...Object.values(CANARY), ...Object.values(typed), ...Object.values(RENEWAL)];
  const patterns = [
    ...secrets.flatMap((secret) => disguises(secret).map((text) => Buffer.from(text))),
    ...keys.flatMap((key) => [Buffer.from(key, 'latin1'), Buffer.from(Buffer.from(key, 'latin1').toString('hex'))]),
  ];
  const found = (text: string | Buffer): string[] => {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    return patterns.filter((pattern) => bytes.includes(pattern)).map(String);
  };
  // The net itself catches: the source holds what is looked for.
  expect(found(readFileSync(source)).length).toBeGreaterThanOrEqual(Object.keys(CANARY).length - 1);

  // Every answer, every push and every line main says, kept in main.
  await app.inMain(({ ipcMain, BrowserWindow }, channel) => {
    const tapped: string[] = [];
    Object.assign(globalThis, { tapped });
    type Handler = (...args: unknown[]) => unknown;
    const known = ipcMain as unknown as { handlers?: Map<string, Handler>; _invokeHandlers?: Map<string, Handler> };
    const table = known.handlers ?? known._invokeHandlers;
    const handler = table?.get(channel);
    if (handler !== undefined) {
      table?.set(channel, async (...args) => {
        const reply = await handler(...args);
        tapped.push(JSON.stringify(reply));
        return reply;
      });
    }
    for (const { webContents } of BrowserWindow.getAllWindows()) {
      const send = webContents.send.bind(webContents);
      webContents.send = (name: string, ...args: unknown[]) => {
        tapped.push(JSON.stringify(args));
        send(name, ...args);
      };
    }
    for (const stream of [process.stdout, process.stderr]) {
      const say = stream.write.bind(stream) as (...args: unknown[]) => boolean;
      stream.write = (...args: unknown[]) => {
        tapped.push(String(args[0]));
        return say(...args);
      };
    }
  }, CALL_CHANNEL);

  const look = async (where: string): Promise<void> => {
    const inputs = page.locator('input, textarea');
    const values = await inputs.evaluateAll((list) => list.map((input) => (input as HTMLInputElement).value));
    expect(found(`${await page.content()}\n${values.join('\n')}`), where).toEqual([]);
  };

  await opened(app, folder, source);
  await look('source');
  for (const kind of SECRET_KINDS) {
    const reply = await page.evaluate(
      ([of, value]) => window.slipway.call('secret.set', { kind: of, value, remember: true }),
      [kind, typed[kind]] as const,
    );
    // The stand-in's machine keeps no secrets; a real one may.
    expect(reply.ok).toBe(true);
  }
  const state = await connected(app, { ...connectionTo(database), user: account.user, password: account.password });
  expect(state.failures).toEqual({});
  await look('fleet');
  await planned(app);
  await look('plan');
  await plan.view('SQL');
  await expect(plan.sql).toContainText('INSERT');
  for (const word of ['magic', 'CANARY', 'unlock']) {
    await plan.search.fill(word);
    await expect(plan.sql.getByRole('status')).not.toContainText('Searching');
    await look(`SQL, ${word}`);
  }
  const saved = join(folder, 'out', 'import.sql');
  await app.inMain((_, path) => process.getBuiltinModule('node:fs').mkdirSync(path), join(folder, 'out'));
  await app.answerDialogs(saved);
  await plan.sql.getByRole('button', { name: 'Save with undo file' }).click();
  await expect(page.getByText('SQL and its undo file saved')).toBeVisible();
  await devices.open();
  for (const name of ['Canary iPad', 'Canary Mac']) {
    await devices.search.fill(name);
    await devices.openDevice(name);
    await look(name);
  }
  expect((await apply.rehearse()).failures).toEqual({});
  expect((await apply.write(database.name)).failures).toEqual({});
  await look('apply');
  for (const step of ['Journal', 'Certificates', 'Checks', 'Source']) {
    await frame.go(step);
    await look(step);
  }
  // The renewal profile, a longer CA and a request: made and saved by main, and never seen here.
  const sample = join(folder, 'samples', 'installed.mobileconfig');
  const topic = state.source?.push?.topic ?? '';
  mkdirSync(join(folder, 'samples'));
  writeFileSync(
    sample,
    MICROMDM.replaceAll(TOPIC, topic)
      .replace('<string>micromdm</string>', `<string>${RENEWAL.oldChallenge}</string>`)
      .replace('<string>corp</string>', `<string>${RENEWAL.password}</string>`),
    { mode: 0o600 },
  );
  await page.evaluate((path) => window.slipway.call('renewal.add', { slot: 'installed', paths: [path] }), sample);
  await frame.go('Certificates');
  await page.getByRole('tab', { name: 'Silent renewal' }).click();
  await page.getByRole('combobox', { name: 'Fleet’s SCEP challenge' }).click();
  await page.getByRole('option', { name: 'Given here' }).click();
  await frame.button('Make the profile').click();
  await page.getByText('Look at the profile').click();
  await expect(page.getByRole('region', { name: 'The profile, secrets masked' })).toContainText('‹Challenge, ');
  await look('the renewal profile');
  const renewal = join(folder, 'out', 'renewal.mobileconfig');
  await app.answerDialogs(renewal);
  await frame.button('Save the profile…').click();
  await expect(page.getByRole('complementary', { name: 'Messages' })).toContainText(renewal);
  await frame.button('Make the forecast').click();
  await expect(page.getByRole('group', { name: 'The forecast in numbers' })).toBeVisible();
  await look('the forecast');
  await page.getByRole('tab', { name: 'CA and push certificate' }).click();
  await frame.button('Extend and prove').click();
  await expect(frame.button('Save the certificate…')).toBeVisible();
  await frame.button('Make a request…').click();
  await app.answerDialogs(join(folder, 'out'));
  await frame
    .dialog('Request for the push certificate')
    .getByRole('button', { name: 'Choose a folder and save' })
    .click();
  await expect(page.getByRole('complementary', { name: 'Messages' })).toContainText('push-request.csr');
  await look('CA and push certificate');
  // And what is asked with a secret in it is not echoed.
  await page.evaluate(
    (text) => window.slipway.call('source.read', { reference: `micromdm:https://${text}@x` }),
    typed['fleet-token'],
  );
  await expect.poll(async () => (await frame.state()).job).toBeNull();

  const tapped = await app.inMain(() => (globalThis as unknown as { tapped: string[] }).tapped);
  const magic = await database.query<{ n: number }>('SELECT COUNT(*) AS n FROM nano_enrollments WHERE push_magic = ?', [
    CANARY.magic,
  ]);
  expect(Number(magic[0]?.n), 'the secret did go where it belongs').toBe(1);
  expect(tapped.length).toBeGreaterThan(50);
  expect(tapped.filter((text) => found(text).length > 0)).toEqual([]);
  expect(heard.filter((text) => found(text).length > 0)).toEqual([]);
  await app.close();

  expect(found(readFileSync(renewal)), 'the saved profile holds the real challenge').toContain(typed['scep-challenge']);
  const newKey = readFileSync(join(folder, 'out', 'push-new.key'), 'utf8').split('\n')[4] ?? '-';
  expect(tapped.filter((text) => text.includes(newKey))).toEqual([]);
  const own = [source, join(userData, 'copies') + sep, join(folder, 'out') + sep, join(folder, 'samples') + sep];
  const leaked: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (path === source) continue;
    const hits = found(readFileSync(path));
    if (hits.length === 0) continue;
    if (!own.some((place) => path.startsWith(place))) leaked.push(`${path}: ${hits.join(', ')}`);
    else if ((statSync(path).mode & 0o777 & ~0o600) !== 0) leaked.push(`${path}: readable for others`);
  }
  expect(leaked).toEqual([]);
  expect(found(readFileSync(saved)), 'the saved SQL holds the real secrets').toContain(CANARY.magic);
  console.log(`${tapped.length} answers, pushes and lines looked through for ${patterns.length} patterns`);
});
