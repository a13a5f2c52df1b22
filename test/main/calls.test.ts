/** Who is answered, and what a failure may tell the window: src/main/calls.ts on the stand-in's ipcMain. */
import { beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { CALL_CHANNEL } from '../../src/contract/bridge';
import { refused } from '../../src/core/failure';
import { answerCalls, type Handlers } from '../../src/main/calls';
import { ipcMain } from '../shell/electron';

const VERSION = { slipway: '1.2.3', node: '20.0.0', chromium: null, electron: null };
const version = vi.fn<Handlers['app.version']>();
const page = { url: 'app://slipway/index.html', parent: null };

beforeAll(() => {
  answerCalls({ 'app.version': version } as unknown as Handlers);
});

beforeEach(() => {
  version.mockReset().mockReturnValue(VERSION);
});

function ask(senderFrame: unknown, name: unknown = 'app.version', input?: unknown): Promise<unknown> {
  return Promise.resolve(ipcMain.handlers.get(CALL_CHANNEL)?.({ senderFrame }, name, input));
}

it('answers its own page', async () => {
  expect(await ask(page)).toEqual({ ok: true, value: VERSION });
});

it.each([
  ['no frame', null],
  ['a frame inside the page', { ...page, parent: page }],
  ['another site', { ...page, url: 'https://slipway/index.html' }],
  ['another host of the scheme', { ...page, url: 'app://slipway.example/index.html' }],
  ['an address that only begins right', { ...page, url: 'app://slipway@evil.example/' }],
  ['no address', { ...page, url: '' }],
])('does not answer %s', async (_, frame) => {
  expect(await ask(frame)).toMatchObject({ ok: false, failure: { code: 'ipc/sender' } });
  expect(version).not.toHaveBeenCalled();
});

it.each(['app.nothing', '__proto__', 'constructor', 7, null])('knows no call named %s', async (name) => {
  expect(await ask(page, name)).toMatchObject({ ok: false, failure: { code: 'ipc/unknown-call' } });
});

it('does not repeat an input it refuses', async () => {
  const reply = await ask(page, 'app.version', { password: 'hunter2' });
  expect(reply).toMatchObject({ ok: false, failure: { code: 'ipc/input' } });
  expect(JSON.stringify(reply)).not.toContain('hunter2');
});

it('passes on an expected failure with its remedy, without its detail', async () => {
  version.mockImplementation(() => refused('fleet/drift', 'It changed.', 'Plan again.', { rows: 3 }));
  expect(await ask(page)).toEqual({
    ok: false,
    failure: { code: 'fleet/drift', message: 'It changed.', remedy: 'Plan again.' },
  });
});

it('keeps what a defect says, and what no schema promised, from the window', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue();
  version.mockRejectedValueOnce(new Error('Access denied using password hunter2'));
  const defect = await ask(page);
  version.mockReturnValueOnce({ ...VERSION, slipway: 3 as never });
  const wrongShape = await ask(page);
  version.mockReturnValueOnce({ ...VERSION, unlockToken: 'hunter2' } as never);
  const surplus = await ask(page);
  expect(defect).toMatchObject({ ok: false, failure: { code: 'ipc/defect' } });
  expect(wrongShape).toMatchObject({ ok: false, failure: { code: 'ipc/defect' } });
  expect(surplus).toEqual({ ok: true, value: VERSION });
  expect(JSON.stringify([defect, wrongShape, surplus])).not.toContain('hunter2');
  expect(log).toHaveBeenCalledTimes(2);
  log.mockRestore();
});
