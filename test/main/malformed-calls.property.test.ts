/** Every call in the table refuses what its schema does not describe, before its handler hears of it. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CALL_CHANNEL } from '../../src/contract/bridge';
import { calls, type CallName } from '../../src/contract/calls';
import { answerCalls, type Handlers } from '../../src/main/calls';
import { ipcMain } from '../shell/electron';

const NAMES = Object.keys(calls) as CallName[];
const page = { url: 'app://slipway/index.html', parent: null };
const heard = vi.fn<(name: string) => void>();

beforeAll(() => {
  const handlers = Object.fromEntries(
    NAMES.map((name) => [
      name,
      () => {
        heard(name);
        throw new Error('reached');
      },
    ]),
  );
  answerCalls(handlers as unknown as Handlers);
  vi.spyOn(console, 'error').mockReturnValue();
});

function ask(name: string, input: unknown, senderFrame: unknown = page): Promise<unknown> {
  return Promise.resolve(ipcMain.handlers.get(CALL_CHANNEL)?.({ senderFrame }, name, input));
}

describe.each(NAMES)('%s', (name) => {
  it('refuses what is malformed, and does not repeat it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything({ maxDepth: 2, withBigInt: true, withDate: true }), async (input) => {
        // What happens to be right is not what this is about.
        fc.pre(!calls[name].input.safeParse(input).success);
        heard.mockClear();
        const reply = await ask(name, input);
        expect(reply).toMatchObject({ ok: false, failure: { code: 'ipc/input' } });
        expect(heard).not.toHaveBeenCalled();
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a right value with one field of another kind', async () => {
    const shape: unknown = (calls[name].input as { shape?: unknown }).shape;
    if (typeof shape !== 'object' || shape === null) return;
    for (const field of Object.keys(shape)) {
      for (const wrong of [Symbol('s'), () => 1, Number.NaN, new Map()]) {
        const reply = await ask(name, { ...sampleOf(name), [field]: wrong });
        expect(reply).toMatchObject({ ok: false, failure: { code: 'ipc/input' } });
      }
    }
  });

  it('does not answer another page', async () => {
    heard.mockClear();
    const reply = await ask(name, sampleOf(name), { url: 'https://example.invalid/', parent: null });
    expect(reply).toMatchObject({ ok: false, failure: { code: 'ipc/sender' } });
    expect(heard).not.toHaveBeenCalled();
  });
});

it('bounds what may be asked for at once', () => {
  const query = sampleOf('devices.query');
  expect(calls['devices.query'].input.safeParse({ ...query, limit: 501 }).success).toBe(false);
  expect(calls['devices.query'].input.safeParse({ ...query, offset: -1 }).success).toBe(false);
  expect(calls['secret.set'].input.safeParse({ kind: 'fleet-password', value: '', remember: false }).success).toBe(
    false,
  );
  expect(calls['source.read'].input.safeParse({ reference: 'x'.repeat(30_001) }).success).toBe(false);
});

const FILTER = {
  search: '',
  verdicts: [],
  actions: [],
  platforms: [],
  reasons: [],
  sources: [],
  sort: 'name',
  descending: false,
};

function sampleOf(name: CallName): object {
  const samples: Partial<Record<CallName, object>> = {
    'devices.query': { ...FILTER, offset: 0, limit: 10 },
    'devices.udids': FILTER,
    'devices.export': { ...FILTER, ids: ['a'] },
    'devices.detail': { id: 'a' },
    'apply.start': { rehearse: true, confirmation: 'fleet' },
    'undo.start': { journal: 'j', rehearse: true, confirmation: 'fleet' },
    'secret.set': { kind: 'fleet-password', value: 'x', remember: false },
  };
  return samples[name] ?? {};
}
