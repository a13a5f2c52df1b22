/**
 * A source in which every text is hostile, and a Fleet that answers with more of it, through every screen: nothing of a
 * name becomes a part of the page, turns what stands beside it around, hides, or pushes the window apart.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from '@playwright/test';
import { parse } from 'csv-parse/sync';
import { HOSTILE, HOSTILE_NAMES, UNFIT_FOR_TERMINALS } from '../hostile/names';
import { hostileUdid, writeHostile } from '../hostile/source';
import { expect, picture, test } from './fixture';
import { connected, connectionTo, opened, planned } from './way';

/** A name with some of everything, fit for a file. */
const MIXED = `<img src=x onerror="__hostile=1">'&amp;\u202Egnp\u2066.\u001b[2J=1+1`;
const STEPS = [
  ...['Source', 'Certificates', 'Fleet', 'Checks', 'Controls', 'Agent', 'Plan', 'Apply', 'Cutover', 'Waves', 'Devices'],
  ...['Report', 'Journal'],
];

const IN_THE_DRAWER = [
  ...['html image', 'html attribute', 'nul in the middle', 'terminal clear', 'bidi override', 'combining'],
  ...['log line', 'long word'],
] as (keyof typeof HOSTILE)[];

/** What is wrong with the page as it stands; nothing, if all is well. */
async function wrongs(page: Page): Promise<string[]> {
  return page.evaluate((unfit) => {
    const found: string[] = [];
    if ((window as unknown as Record<string, unknown>)['__hostile'] !== undefined) found.push('a script of a name ran');
    const foreign = [
      ...['iframe', 'object', 'embed', 'base', 'form[action]', 'meta[http-equiv]:not(head > meta)', 'img[src="x"]'],
      ...[
        'body script',
        'body style:not([data-mantine-styles])',
        '[href^="javascript" i]',
        '[href^="data" i]',
        'marquee',
      ],
    ].join(',');
    for (const element of document.querySelectorAll(foreign))
      found.push(`an element: ${element.outerHTML.slice(0, 200)}`);
    const look = (text: string, where: string): void => {
      const at = text.replace(/[\t\n]|\r\n/g, ' ').search(new RegExp(unfit));
      if (at >= 0)
        found.push(`unseen characters in ${where}: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 20))}`);
    };
    for (const element of document.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        if (name.startsWith('on')) found.push(`a handler: ${name}`);
        if (/^(title|alt|placeholder|aria-.*)$/.test(name)) look(value, `${element.tagName} ${name}`);
      }
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node !== null; node = texts.nextNode())
      if (!/^(SCRIPT|STYLE)$/.test(node.parentElement?.tagName ?? '')) look(node.nodeValue ?? '', 'a text');
    look(document.title, 'the title of the window');
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > window.innerWidth) found.push(`${scrollWidth - window.innerWidth} px wider than the window`);
    const main = document.querySelector('main');
    for (const element of [
      main,
      ...(main?.children ?? []),
      ...document.querySelectorAll('nav, aside, header, footer, dialog'),
    ])
      if (element !== null && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0) {
        const edge = element.getBoundingClientRect().right;
        const beyond = [...element.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > edge + 1);
        found.push(
          `${element.tagName}.${element.className}: too wide by ${beyond.at(-1)?.outerHTML.slice(0, 300) ?? ''}`,
        );
      }
    return [...new Set(found)];
  }, UNFIT_FOR_TERMINALS.source);
}

/** Certificates whose subjects are hostile, in files that are called so. */
function certificates(folder: string): string[] {
  const texts = [MIXED, HOSTILE['html script'], HOSTILE['csv link'], HOSTILE['bidi override'], 'A'.repeat(64)];
  return texts.map((text, at) => {
    const config = join(folder, `subject-${at}.cnf`);
    writeFileSync(
      config,
      `[req]\nprompt=no\nutf8=yes\nstring_mask=utf8only\ndistinguished_name=dn\n[dn]\nO="${text.slice(0, 60).replace(/["\\$]/g, '\\$&')}"\nCN=x\n`,
    );
    const path = join(folder, `${text.replaceAll('/', '_')}.pem`);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(folder, 'x.key')];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', path, '-utf8', '-days', '300', '-config', config], {
      stdio: 'ignore',
    });
    return path;
  });
}

test('hostile names stay text on every screen, in every file and on the clipboard', async ({
  app,
  database,
  folder,
}) => {
  test.setTimeout(240_000);
  const { page } = app;
  const { frame, plan, apply, devices } = app.screens;
  const complaints: string[] = [];
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/content security policy|violat|refused/i.test(message.text())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!/^(app|data|blob):/.test(request.url()) && !request.url().startsWith('http://slipway'))
      complaints.push(request.url());
  });
  await page.setViewportSize({ width: 1100, height: 720 });
  const look = async (where: string, shot = false): Promise<void> => {
    await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
    if (shot && app.host === 'stand-in')
      await page.screenshot({ path: picture(`hostile-${where.replaceAll(' ', '-')}`) });
    expect.soft(await wrongs(page), where).toEqual([]);
  };

  await test.step('Fleet answers with such names too', async () => {
    const some = HOSTILE_NAMES.filter((text) => text.trim() !== '' && text.length < 250);
    for (const [at, text] of some.entries()) {
      await database.query("INSERT INTO teams (id, name, config) VALUES (?, ?, '{}')", [at + 1, `${text} ${at}`]);
      await database.query(
        "INSERT INTO hosts (osquery_host_id, node_key, uuid, hardware_serial, hostname, computer_name, platform, team_id, orbit_node_key) VALUES (?, ?, ?, ?, ?, ?, 'darwin', ?, ?)",
        [`o${at}`, `n${at}`, hostileUdid(at), text, text, text, at + 1, `orbit${at}`],
      );
      await database.query(
        'INSERT INTO mdm_apple_configuration_profiles (team_id, identifier, name, mobileconfig, checksum, profile_uuid) VALUES (1, ?, ?, ?, ?, ?)',
        [`${text} ${at}`, `${text} ${at}`, Buffer.from('<plist/>'), Buffer.alloc(16, at), `a${at}`],
      );
    }
  });

  const place = join(folder, MIXED.replaceAll('/', '_'));
  mkdirSync(place);
  const source = join(place, `${MIXED}.db`);
  writeHostile(source);
  await opened(app, place, source, MIXED);
  await look('source', true);
  await connected(app, connectionTo(database));
  await look('fleet', true);
  await planned(app);
  await look('plan cautions', true);
  await plan.view('SQL');
  await plan.search.fill('__hostile');
  await expect(plan.sql.getByRole('status')).not.toContainText('Searching');
  await look('plan SQL', true);
  expect((await apply.write(database.name)).failures).toEqual({});
  await look('apply', true);

  await test.step('devices one by one, and in the palette', async () => {
    await devices.open();
    const drawer = page.getByRole('complementary').filter({ has: page.getByRole('heading', { name: 'Facts' }) });
    for (const text of IN_THE_DRAWER) {
      const udid = hostileUdid(HOSTILE_NAMES.indexOf(HOSTILE[text]));
      await devices.search.fill(udid);
      await expect(devices.rows).toHaveCount(1);
      await devices.rows.getByRole('gridcell').nth(2).click();
      await expect(drawer).toContainText(udid);
      await look(text, text === 'terminal clear');
    }
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox', { name: /^Search steps/ }).fill('hostile');
    await expect(page.getByRole('listbox', { name: 'Results' }).getByRole('option').first()).toBeVisible();
    await look('palette', true);
    await page.keyboard.press('Escape');
  });

  await test.step('a table for a spreadsheet, as a file and on the clipboard', async () => {
    const file = join(folder, 'devices.csv');
    await devices.search.fill('');
    await app.answerDialogs(file);
    await page.getByRole('button', { name: 'CSV…' }).click();
    await expect(page.getByRole('complementary', { name: 'Messages' })).toContainText(file);
    const cells: string[][] = parse(readFileSync(file), { bom: true });
    // Whoever is called something with line ends and separators still has one row and one cell.
    expect(cells).toHaveLength(1 + (await frame.state()).source!.counts.devices);
    const names = cells.map((row) => row[2]);
    for (const name of HOSTILE_NAMES)
      expect(
        names.some((cell) => cell === name || cell === `'${name}`),
        name,
      ).toBe(true);
    expect(cells.flat().filter((cell) => /^\s*[=+\-@|\uff1d]|^[\t\r\n]/.test(cell))).toEqual([]);
    await page.getByRole('checkbox', { name: /all/i }).first().check();
    await page.getByRole('button', { name: 'Copy as table' }).click();
    await expect(page.getByRole('complementary', { name: 'Messages' })).toContainText('as a table');
    const copied = await app.inMain(({ clipboard }) => clipboard.readText());
    const lines = copied.split('\n');
    expect(lines).toHaveLength(cells.length);
    expect(new Set(lines.map((line) => line.split('\t').length)).size).toBe(1);
    expect(lines.flatMap((line) => line.split('\t')).filter((cell) => /^\s*[=+\-@|\uff1d]/.test(cell))).toEqual([]);
    expect(UNFIT_FOR_TERMINALS.exec(copied.replaceAll('\t', ''))?.[0]).toBeUndefined();
  });

  await test.step('certificates, profiles, Fleet’s teams', async () => {
    await frame.go('Certificates');
    const paths = certificates(place);
    await page.evaluate((given) => window.slipway.call('inspect.add', { paths: given }), paths);
    await page.evaluate(() => window.slipway.call('controls.compare', { history: true }));
    await expect.poll(async () => (await frame.state()).job).toBeNull();
    await page.evaluate(() => window.slipway.call('watch.start', undefined));
    await expect.poll(async () => (await frame.state()).watch?.look?.version ?? 0).toBeGreaterThan(0);
    await page.evaluate(() => window.slipway.call('watch.health', undefined));
  });

  for (const step of STEPS) {
    await frame.go(step);
    const tabs = await page.getByRole('main').getByRole('tab').all();
    for (const tab of tabs.length === 0 ? [null] : tabs) {
      await tab?.click();
      for (const folded of await page.getByRole('main').locator('details:not([open]) > summary').all())
        if (await folded.isVisible()) await folded.click();
      await look(`${step} ${(await tab?.textContent()) ?? ''}`.trim(), true);
    }
  }

  const out = join(place, 'report');
  await test.step('the hand-over', async () => {
    await frame.go('Report');
    await app.answerDialogs(out);
    await frame.primary('Write the report…').click();
    await expect(page.getByText(/^Report written/).first()).toBeVisible({ timeout: 30_000 });
    await look('report written', true);
  });
  await page.evaluate(() => window.slipway.call('watch.stop', undefined));
  expect(complaints).toEqual([]);

  await test.step('its page and its PDF', async () => {
    const pdf = readFileSync(join(out, 'report.pdf')).toString('latin1');
    expect(pdf.startsWith('%PDF-')).toBe(true);
    expect(pdf).not.toMatch(/\/(JavaScript|JS|Launch|URI|OpenAction|SubmitForm|EmbeddedFile)\b/);
    const browser = page.context().browser();
    if (browser === null || app.host !== 'stand-in') return;
    const context = await browser.newContext({ viewport: { width: 1100, height: 900 } });
    const report = await context.newPage();
    const asked: string[] = [];
    report.on('request', (request) => asked.push(request.url()));
    report.on('console', (message) => complaints.push(message.text()));
    report.on('dialog', (dialog) => {
      complaints.push(dialog.message());
      void dialog.dismiss();
    });
    const address = pathToFileURL(join(out, 'report.html')).href;
    await report.goto(address);
    expect(asked).toEqual([address]);
    expect(await wrongs(report)).toEqual([]);
    expect(await report.locator('script, img, svg, a, [style], link').count()).toBe(0);
    // A page without a way out: every name is text of a cell, and nothing of one became a table's part.
    expect(
      await report.locator('body > *').evaluateAll((all) => [...new Set(all.map(({ tagName }) => tagName))].sort()),
    ).toEqual(['DIV', 'H1', 'H2', 'OL', 'P', 'TABLE']);
    await report.screenshot({ path: picture('hostile-report-page'), fullPage: false });
    await report.locator('table').last().scrollIntoViewIfNeeded();
    await report.screenshot({ path: picture('hostile-report-devices') });
    await context.close();
    expect(complaints).toEqual([]);
  });
});
