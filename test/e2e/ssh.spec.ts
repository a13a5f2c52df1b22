/** The ways in over SSH, as an operator takes them: an unknown host is compared once, a changed one is never trusted. */
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Sshd } from '../servers/sshd';
import { seriousViolations } from './axe';
import { expect, picture, root, test, type RunningApp } from './fixture';
import { WaysRoute } from './screens/ways';

const PASSPHRASE = 'CANARY-ssh-passphrase-4f0a';
const WRONG = 'CANARY-wrong-passphrase-92be';
const SAMPLE = join(root, 'resources', 'sample', 'micromdm.db');

/** `SHA256:…` of a key file as OpenSSH's own tool says it. */
function fingerprint(privateFile: string): string {
  const { stdout } = spawnSync('ssh-keygen', ['-lf', `${privateFile}.pub`], { encoding: 'utf8' });
  return stdout.split(' ')[1] ?? '';
}

/** A new workspace, on the Source screen. */
async function waysOf(app: RunningApp, folder: string): Promise<WaysRoute> {
  await app.answerDialogs(folder);
  await app.screens.welcome.create('Harbour Ltd');
  await expect(app.screens.frame.title).toHaveText('Source');
  return new WaysRoute(app.screens.frame);
}

/** The server's form, but for its secrets. */
async function fillServer(app: RunningApp, ways: WaysRoute, sshd: Sshd, keyFile: string): Promise<void> {
  await ways.field('SSH server').fill('127.0.0.1');
  await ways.field('Port').last().fill(String(sshd.port));
  await ways.field('User').fill(sshd.user);
  await app.page.getByRole('checkbox', { name: 'Ask the SSH agent of this session' }).uncheck();
  await ways.field('Private key').fill(keyFile);
}

test('MicroMDM’s file over SSH: its host is compared once, and refused when it shows another key', async ({
  launch,
  folder,
}) => {
  test.setTimeout(120_000);
  // Not imported above: it looks for a server, and collecting the specs must not.
  const { makeKey, noSshd, Sshd } = await import('../servers/sshd');
  test.skip(noSshd !== false, String(noSshd));
  const sshd = new Sshd();
  try {
    const key = makeKey(join(folder, 'id'), ['-t', 'ed25519'], PASSPHRASE);
    sshd.authorize(key);
    const path = sshd.place(SAMPLE, 'micromdm.db');
    await sshd.start([], ['ed25519']);
    const shown = fingerprint(sshd.hostKeys.ed25519);
    const host = `[127.0.0.1]:${sshd.port}`;
    const userData = join(folder, 'app');
    const app = await launch({ userData });
    const { frame } = app.screens;
    const ways = await waysOf(app, folder);
    await ways.choose('MicroMDM', 'Over SSH');
    await expect(frame.primary('Read from this server')).toBeVisible();
    await ways.field('Database file on the server').fill(path);
    await fillServer(app, ways, sshd, key);
    await ways.secret('Passphrase of that key', WRONG);
    expect(await seriousViolations(app.page)).toEqual([]);

    // A passphrase that does not open the key is said plainly, before anybody is met.
    const wrong = await ways.read();
    expect(wrong.failures.source?.code).toBe('ssh/key-passphrase-wrong');
    await expect(frame.failure).toContainText('does not open with this passphrase');
    await expect(ways.field('Database file on the server')).toHaveValue(path);
    await app.page
      .getByRole('group', { name: 'Passphrase of that key', exact: true })
      .getByRole('button', { name: 'Replace' })
      .click();
    await ways.secret('Passphrase of that key', PASSPHRASE);

    // Met for the first time: nothing is read, and the key is shown as the server's own tools show it.
    const unknown = await frame.working(() => frame.primary('Read from this server').click());
    expect(unknown.source).toBeNull();
    expect(unknown.failures.source).toMatchObject({
      code: 'ssh/host-unknown',
      detail: { host, fingerprint: shown, keyType: 'ssh-ed25519' },
    });
    expect(sshd.log).not.toContain('Accepted publickey');
    const dialog = frame.dialog(`Is this ${host}?`);
    await expect(dialog).toContainText(shown);
    await expect(dialog).toContainText('ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
    expect(await seriousViolations(app.page)).toEqual([]);
    for (const colorScheme of ['dark', 'light'] as const) {
      await app.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await app.page.screenshot({ path: picture(`ssh-host-key-${colorScheme}`) });
    }

    // Not trusted by closing it, and asked again by its own button.
    await app.page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    expect((await frame.state()).workspace?.settings.source.hostKeys).toEqual({});
    await frame.button('Compare its key…').click();
    const read = await frame.working(() => dialog.getByRole('button', { name: 'It is the same' }).click());
    expect(read.failures).toEqual({});
    expect(read.workspace?.settings.source.hostKeys).toEqual({ [host]: shown });
    expect(sshd.log).toContain('Accepted publickey');
    const workspace = read.workspace?.path ?? '';

    // The same devices as in the same file here.
    await app.answerDialogs(SAMPLE);
    const here = await app.screens.source.readAnother();
    expect(here.source?.counts).toEqual(read.source?.counts);
    expect(here.source?.txid).toBe(read.source?.txid);
    expect(read.source?.counts.devices).toBeGreaterThan(0);
    const reference = read.workspace?.settings.source.reference ?? '';
    expect(reference).toBe(`micromdm:${sshd.url(path)}`);

    // No secret of it in what the page knows and shows, nor in the workspace.
    const page = (await app.page.content()) + JSON.stringify([unknown, read, await frame.state()]);
    for (const secret of [PASSPHRASE, WRONG]) expect(page.includes(secret), secret).toBe(false);
    for (const entry of readdirSync(workspace, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()))
      for (const secret of [PASSPHRASE, WRONG])
        expect(readFileSync(join(entry.parentPath, entry.name), 'latin1').includes(secret), entry.name).toBe(false);
    await app.close();

    // Another evening: the host is known, the passphrase is asked for again.
    const later = await launch({ userData });
    const { frame: again, welcome } = later.screens;
    await again.working(() => welcome.recent('Harbour Ltd').click());
    await expect(again.title).toHaveText('Source');
    const form = new WaysRoute(again);
    await again.more('Source', 'Read another source…');
    await form.choose('MicroMDM', 'Over SSH');
    await form.field('Database file on the server').fill(path);
    await fillServer(later, form, sshd, key);
    await form.secret('Passphrase of that key', PASSPHRASE);
    await expect(later.page.getByText(`Trusted key: ${shown}`)).toBeVisible();
    const known = await form.read();
    expect(known.failures).toEqual({});
    expect(known.source?.counts).toEqual(read.source?.counts);
    await expect(later.page.getByRole('dialog')).toHaveCount(0);

    // The same address with another key: refused, with nothing to click it away, and the form as it was.
    const { port } = sshd;
    await sshd.stop();
    await sshd.start([], ['ecdsa'], port);
    const changed = await again.working(() => later.screens.source.readAgain.click());
    expect(changed.failures.source?.code).toBe('ssh/host-key-changed');
    await expect(again.failure).toContainText(fingerprint(sshd.hostKeys.ecdsa));
    await expect(later.page.getByRole('dialog')).toHaveCount(0);
    await expect(again.button('Compare its key…')).toHaveCount(0);
    expect(sshd.log).not.toContain('Accepted publickey');
    const call = await later.page.evaluate(
      ([name, other]) => window.slipway.call('source.trustHost', { host: name, fingerprint: other }),
      [host, fingerprint(sshd.hostKeys.ecdsa)] as const,
    );
    expect(call).toMatchObject({ ok: false, failure: { code: 'ssh/other-key' } });
    await again.button('Change how it is read').click();
    await expect(form.field('Database file on the server')).toHaveValue(path);
    await expect(form.field('User')).toHaveValue(sshd.user);
    await later.page.screenshot({ path: picture('ssh-host-key-changed') });
    expect(await seriousViolations(later.page)).toEqual([]);
  } finally {
    await sshd.remove();
  }
});

test('NanoMDM over SSH: its folder, and its database through a jump host', async ({ app, folder }) => {
  test.setTimeout(120_000);
  const { makeKey, noSshd, Sshd } = await import('../servers/sshd');
  const { ABSENT, loadMySqlStore, plainFile, unpackStore } = await import('../nanomdm-stores');
  const { createDatabase, noServer } = await import('../servers/mysql');
  const { devicesOf, readManifest } = await import('../core/sources/nanomdm/manifest');
  test.skip(noSshd !== false, String(noSshd));
  test.skip(ABSENT !== '', ABSENT);
  const manifest = readManifest('manifest.json');
  const sshd = new Sshd();
  const store = unpackStore('filekv');
  try {
    const key = makeKey(join(folder, 'id'));
    sshd.authorize(key);
    cpSync(store, join(sshd.files, 'nanomdm'), { recursive: true, preserveTimestamps: true });
    await sshd.start([], ['ed25519']);
    const { frame } = app.screens;
    const ways = await waysOf(app, folder);
    await ways.choose('NanoMDM', 'Over SSH');
    await ways.field('Folder on the server').fill(join(sshd.files, 'nanomdm', 'dbkv'));
    await fillServer(app, ways, sshd, key);
    await ways.read();
    const dialog = frame.dialog(/^Is this /);
    const read = await frame.working(() => dialog.getByRole('button', { name: 'It is the same' }).click());
    expect(read.failures).toEqual({});
    expect(read.source).toMatchObject({ kind: 'nanomdm' });
    expect(read.source?.counts.devices).toBe(devicesOf(manifest, 'filekv', false).size);

    if (noServer !== false) return;
    const database = await createDatabase('empty');
    try {
      await loadMySqlStore(database, plainFile('mysql.sql', folder));
      const account = await database.createAccount(['SELECT ON *'], 'CANARY-tunnel-83aa');
      await frame.more('Source', 'Read another source…');
      await ways.choose('NanoMDM', 'MySQL');
      await ways.field('Host').fill(database.server.host);
      await ways.field('Port').first().fill(String(database.server.port));
      await ways.field('Database').fill(database.name);
      await ways.field('Account').fill(account.user);
      await app.page.getByRole('radio', { name: 'Do not encrypt' }).check();
      await ways.secret('Password', account.password);
      await app.page.getByRole('checkbox', { name: /jump host/ }).check();
      await fillServer(app, ways, sshd, key);
      const tunnelled = await ways.read();
      expect(tunnelled.failures).toEqual({});
      expect(tunnelled.source?.counts.devices).toBe(devicesOf(manifest, 'mysql', false).size);
      const { reference = '' } = tunnelled.workspace?.settings.source ?? {};
      expect(decodeURIComponent(reference)).toContain(`#via=${sshd.url()}`);
      await expect(app.page.getByRole('dialog')).toHaveCount(0);
    } finally {
      await database.drop();
    }
  } finally {
    await sshd.remove();
    rmSync(store, { recursive: true });
  }
});
