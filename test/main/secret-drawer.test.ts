/** Secrets: in memory, and on disk only where a real keychain encrypts them. */
import './home';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { appFolders } from '../../src/main/app-folders';
import { SecretDrawer } from '../../src/main/secret-drawer';
import { safeStorage } from '../shell/electron';

const CANARY = 'canary-9f27-hunter2';

async function drawerOf(
  mode: typeof safeStorage.mode,
  id: string = randomUUID(),
): Promise<{ drawer: SecretDrawer; file: string }> {
  safeStorage.mode = mode;
  const drawer = new SecretDrawer();
  await drawer.open(id);
  return { drawer, file: appFolders.secretsOf(id) };
}

describe('a secret', () => {
  it('stays in memory unless it shall be remembered, and is gone when the workspace is closed', async () => {
    const { drawer, file } = await drawerOf('available');
    expect(await drawer.set('fleet-password', CANARY, false)).toBe(false);
    expect(drawer.get('fleet-password')).toBe(CANARY);
    expect(drawer.summary()).toEqual({ held: ['fleet-password'], remembered: [], cannotRemember: null });
    expect(existsSync(file)).toBe(false);
    drawer.close();
    expect(drawer.get('fleet-password')).toBeNull();
  });

  it('is remembered by workspace, encrypted, for its owner alone', async () => {
    const id = randomUUID();
    const { drawer, file } = await drawerOf('available', id);
    expect(await drawer.set('fleet-password', CANARY, true)).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(CANARY);
    const again = await drawerOf('available', id);
    expect(again.drawer.get('fleet-password')).toBe(CANARY);
    expect(again.drawer.summary().remembered).toEqual(['fleet-password']);
    const other = await drawerOf('available');
    expect(other.drawer.get('fleet-password')).toBeNull();
  });

  it('that replaces a remembered one without being remembered takes it away from the disk', async () => {
    const id = randomUUID();
    const { drawer } = await drawerOf('available', id);
    await drawer.set('fleet-token', CANARY, true);
    await drawer.set('fleet-token', 'another', false);
    expect((await drawerOf('available', id)).drawer.get('fleet-token')).toBeNull();
    await drawer.set('fleet-token', CANARY, true);
    await drawer.forget('fleet-token');
    expect(drawer.summary().held).toEqual([]);
    expect((await drawerOf('available', id)).drawer.get('fleet-token')).toBeNull();
  });

  it('that another account encrypted is asked for again', async () => {
    const id = randomUUID();
    const { drawer, file } = await drawerOf('available', id);
    await drawer.set('fleet-token', CANARY, true);
    const { writeFileSync } = await import('node:fs');
    writeFileSync(file, JSON.stringify({ 'fleet-token': Buffer.from('of another account').toString('base64') }));
    const again = await drawerOf('available', id);
    expect(again.drawer.summary()).toMatchObject({ held: [], remembered: [] });
    writeFileSync(file, 'not JSON');
    expect((await drawerOf('available', id)).drawer.summary().held).toEqual([]);
  });
});

describe.each(['unavailable', 'basic_text'] as const)('where the keychain is %s', (mode) => {
  it('nothing is remembered, and the operator is told why', async () => {
    const { drawer, file } = await drawerOf(mode);
    expect(await drawer.set('fleet-password', CANARY, true)).toBe(false);
    expect(drawer.get('fleet-password')).toBe(CANARY);
    expect(existsSync(file)).toBe(false);
    expect(drawer.summary().cannotRemember).toMatch(mode === 'unavailable' ? /no keychain/ : /keyring/);
  });
});
