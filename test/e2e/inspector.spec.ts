/** Keys and certificates laid out in the window: opened, told apart, compared and saved; openssl is the judge. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { seriousViolations } from './axe';
import { expect, root, test } from './fixture';
import { opened } from './way';

/** SLIPWAY_PICTURES=1 renews the picture the guide shows. */
const FOLDER = join(root, process.env['SLIPWAY_PICTURES'] === '1' ? 'docs/pictures' : 'test-results');

const PASSWORD = 'staple-canary-7731';

function openssl(folder: string, ...args: string[]): string {
  return execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** A CA with its key, a TLS certificate of it in a PKCS#12 file, and an older certificate of the same CA key. */
function material(folder: string): string {
  const made = join(folder, 'old-server');
  mkdirSync(made);
  const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  const subject = ['-subj', '/O=Harbour Ltd/CN=Harbour SCEP CA'];
  openssl(
    made,
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '3650',
    ...subject,
    ...ca,
  );
  openssl(made, 'req', '-x509', '-new', '-key', 'ca.key', '-out', 'ca-old.pem', '-days', '20', ...subject, ...ca);
  openssl(
    made,
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'tls.key',
    '-out',
    'tls.csr',
    '-subj',
    '/CN=mdm.harbour.example',
  );
  openssl(
    made,
    'x509',
    '-req',
    '-in',
    'tls.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-out',
    'tls.pem',
    '-days',
    '300',
  );
  openssl(
    made,
    'pkcs12',
    '-export',
    '-in',
    'tls.pem',
    '-inkey',
    'tls.key',
    '-out',
    'tls.p12',
    '-passout',
    `pass:${PASSWORD}`,
  );
  execFileSync('rm', ['tls.key', 'tls.pem'], { cwd: made });
  return made;
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`what was laid out is opened, told apart, compared and saved (${colorScheme})`, async ({ app, folder }) => {
    test.setTimeout(180_000);
    const { page } = app;
    const { frame } = app.screens;
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const made = material(folder);
    await opened(app, folder, join(root, 'resources', 'sample', 'micromdm.db'));
    await frame.go('Certificates');
    await app.answerDialogs(made);
    await frame.button('Add files…').click();
    const tree = page.getByRole('listbox', { name: 'What was found' });
    const details = page.getByRole('region', { name: 'Details' });
    await expect(tree.getByRole('option', { name: /ca\.pem$/ })).toBeVisible();

    // Locked, a wrong password, the right one; it goes nowhere.
    const field = page.getByLabel(/locked by a password/);
    await field.fill('wrong');
    await frame.button('Open').click();
    await expect(page.getByText('That opened nothing.')).toBeVisible();
    await field.fill(PASSWORD);
    await frame.button('Open').click();
    await expect(page.getByText(/locked by a password/)).toHaveCount(0);
    expect(await page.content()).not.toContain(PASSWORD);
    expect(JSON.stringify(await frame.state())).not.toContain(PASSWORD);

    // The facts are openssl's.
    await tree.getByRole('option', { name: /ca\.pem$/ }).click();
    const print = openssl(made, 'x509', '-in', 'ca.pem', '-noout', '-serial', '-fingerprint', '-sha256');
    const serial = /serial=(\S+)/.exec(print)?.[1] ?? '-';
    const sha256 = (/Fingerprint=(\S+)/i.exec(print)?.[1] ?? '-').replaceAll(':', '').toLowerCase();
    await expect(details).toContainText(serial);
    await expect(details.getByTitle(new RegExp(`^${sha256}`))).toBeVisible();

    // Same key, another life: only what differs.
    await details.getByLabel('Compare with').click();
    await page.getByRole('option', { name: /\(ca-old\.pem\)/ }).click();
    const rows = details.getByRole('table').getByRole('rowheader');
    await expect(rows.filter({ hasText: 'Not after' })).toHaveCount(1);
    await expect(rows.filter({ hasText: /^Subject$/ })).toHaveCount(0);
    expect(await seriousViolations(page)).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.getByRole('heading', { name: 'Inspector' }).scrollIntoViewIfNeeded();
    if (app.host === 'stand-in') {
      await page.screenshot({ path: join(FOLDER, `inspector-${colorScheme}.png`) });
    }

    // What is saved is what openssl reads, and only its owner can.
    await tree
      .getByRole('option', { name: /^Key tls\.p12/ })
      .first()
      .click();
    await details.getByRole('button', { name: 'Save…' }).click();
    const out = join(folder, 'out.key');
    await app.answerDialogs(out);
    await frame
      .dialog(/^Save /)
      .getByRole('button', { name: 'Save…' })
      .click();
    await expect(page.getByRole('complementary', { name: 'Messages' })).toContainText(out);
    expect(statSync(out).mode & 0o777).toBe(0o600);
    expect(openssl(folder, 'pkey', '-in', out, '-pubout')).toBe(
      openssl(made, 'req', '-in', 'tls.csr', '-noout', '-pubkey'),
    );

    // The list, after the page was loaded anew.
    await frame.reloadAt('#/certificates');
    await expect(tree.getByRole('option', { name: /ca\.pem$/ })).toBeVisible();
    const list = join(folder, 'list.csv');
    await app.answerDialogs(list);
    await frame.button('CSV…').click();
    await expect(page.getByRole('complementary', { name: 'Messages' })).toContainText(list);
    expect(readFileSync(list, 'utf8')).toContain(sha256);
    await frame.button('Clear').click();
    await expect(tree).toHaveCount(0);
  });
}
