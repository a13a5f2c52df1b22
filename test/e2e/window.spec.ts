import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, picture, root, test } from './fixture';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

test('opens, says what Slipway is, and shows the version main gave it', async ({ app }) => {
  await expect(app.page).toHaveTitle('Slipway');
  await expect(app.page.getByRole('heading', { level: 1 })).toHaveText('Slipway');
  await expect(app.page.getByRole('contentinfo')).toContainText(`Slipway ${version}`);
  expect(await app.inMain(({ app: running }) => running.getVersion())).toBe(version);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`looks right and is accessible in ${colorScheme}`, async ({ app }) => {
    await app.page.emulateMedia({ colorScheme });
    await app.page.setViewportSize({ width: 1280, height: 720 });
    await expect(app.page.getByRole('contentinfo')).toContainText(version);
    const overflow = await app.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    // Legacy mode: otherwise axe opens a page of its own, which the app refuses.
    const { violations } = await new AxeBuilder({ page: app.page }).setLegacyMode().analyze();
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])).toEqual([]);
    await app.page.screenshot({ path: picture(`welcome-${colorScheme}-${app.host}`) });
  });
}

test('refuses inline script, eval and connections', async ({ app }) => {
  const refused = await app.page.evaluate(async () => {
    const violations: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'window.inlineRan = true';
    document.body.append(script);
    const fetched = await fetch('https://example.invalid/').then(
      () => 'fetched',
      () => 'refused',
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { inlineRan: 'inlineRan' in window, fetched, violations };
  });
  expect(refused).toMatchObject({ inlineRan: false, fetched: 'refused' });
  expect(refused.violations).toEqual(expect.arrayContaining(['script-src-elem', 'connect-src']));

  // A script of the page's own, so that the policy and not the test's tools decides about eval.
  const evaluated = await app.page.evaluate(
    () =>
      new Promise((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => {
          resolve(event.blockedURI);
        });
        setTimeout(() => {
          try {
            // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what the policy must refuse
            resolve(`made ${typeof new Function('return 1')}`);
          } catch {
            // The violation event tells.
          }
        });
      }),
  );
  expect(evaluated).toBe('eval');
});

test('gives the page three functions and nothing of Node or Electron', async ({ app }) => {
  const seen = await app.page.evaluate(() => ({
    node: ['require', 'process', 'module', 'Buffer', 'global', 'electron', 'ipcRenderer'].filter(
      (name) => name in window,
    ),
    bridge: Object.keys(window.slipway),
    frozen: Object.isFrozen(window.slipway),
  }));
  expect(seen).toEqual({ node: [], bridge: ['call', 'onState', 'pathOf'], frozen: true });
});

test('takes styles from its files and under the nonce of this load, and no others', async ({ app }) => {
  const seen = await app.page.evaluate(async () => {
    const refused: string[] = [];
    document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
    const colourUnder = (nonce: string): string => {
      const style = document.createElement('style');
      style.setAttribute('nonce', nonce);
      style.textContent = '#root { outline-color: rgb(1, 2, 3) }';
      document.head.append(style);
      const colour = getComputedStyle(document.getElementById('root') ?? document.body).outlineColor;
      style.remove();
      return colour;
    };
    const given = document.querySelector('meta[name="style-nonce"]')?.getAttribute('content') ?? '';
    const colours = [colourUnder(''), colourUnder('guessed'), colourUnder(given)];
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { colours: colours.map((colour) => colour === 'rgb(1, 2, 3)'), refused };
  });
  expect(seen.colours).toEqual([false, false, true]);
  expect(seen.refused).toEqual(['style-src-elem', 'style-src-elem']);
});

test('tells the page the path of a dropped file, and hears every state', async ({ app }) => {
  await app.inMain((electron) => {
    const { droppedFiles } = electron as unknown as {
      droppedFiles?: { script(paths: Record<string, string>): Promise<void> };
    };
    return droppedFiles?.script({ 'small.db': '/made/up/small.db' });
  });
  const seen = await app.page.evaluate(async () => {
    const revisions: number[] = [];
    const stop = window.slipway.onState(({ revision }) => revisions.push(revision));
    await window.slipway.call('source.sample', undefined);
    await new Promise((resolve) => setTimeout(resolve, 500));
    stop();
    return {
      path: window.slipway.pathOf(new File([], 'small.db')),
      other: window.slipway.pathOf(new File([], 'other')),
      revisions,
    };
  });
  // Electron itself knows no path of a file that was made up here.
  expect(seen.path).toBe(app.host === 'electron' ? '' : '/made/up/small.db');
  expect(seen.other).toBe('');
  expect(seen.revisions.length).toBeGreaterThan(1);
  expect(seen.revisions).toEqual([...new Set(seen.revisions)].sort((left, right) => left - right));
});

test('answers only calls from the table, with the input it names', async ({ app }) => {
  const codes = await app.page.evaluate(async () => {
    const call = window.slipway.call as (name: string, input: unknown) => Promise<{ failure?: { code: string } }>;
    const wrong: [string, unknown][] = [
      ['app.nothing', undefined],
      ['toString', undefined],
      ['app.version', { surplus: 1 }],
    ];
    const replies = await Promise.all(wrong.map(([name, input]) => call(name, input)));
    return replies.map((reply) => reply.failure?.code);
  });
  expect(codes).toEqual(['ipc/unknown-call', 'ipc/unknown-call', 'ipc/input']);
});

test('stays on its own page: no navigation, no popup, no file outside the renderer', async ({ app }) => {
  const home = app.page.url();
  await app.page.evaluate(() => {
    const link = document.createElement('a');
    link.href = 'https://example.invalid/elsewhere';
    document.body.append(link);
    link.click();
    window.open('https://example.invalid/popup');
  });
  await expect.poll(() => app.windows().length).toBe(1);
  await app.page.waitForTimeout(300);
  expect(app.page.url()).toBe(home);
  await expect(app.page.getByRole('heading', { level: 1 })).toHaveText('Slipway');

  const outside = await app.inMain(async ({ session }) => {
    const ask = async (path: string): Promise<number> =>
      (await session.defaultSession.fetch(`app://slipway/${path}`)).status;
    return [await ask('index.html'), await ask('..%2fmain/index.js'), await ask('%2e%2e/%2e%2e/package.json')];
  });
  expect(outside).toEqual([200, 404, 404]);
});

test('starts with the sandbox and refuses every permission', async ({ app }) => {
  const answer = await app.page.evaluate(() => Notification.requestPermission());
  expect(answer).toBe('denied');
  const preferences = await app.inMain(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
      getLastWebPreferences(): Record<string, unknown>;
    };
    const { sandbox, contextIsolation, nodeIntegration, webSecurity } = contents.getLastWebPreferences();
    return { sandbox, contextIsolation, nodeIntegration, webSecurity };
  });
  expect(preferences).toEqual({ sandbox: true, contextIsolation: true, nodeIntegration: false, webSecurity: true });
});
