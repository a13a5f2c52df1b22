/** A main process that is not there: answers every call of the contract from data of its own. */
import type { Bridge } from '../../src/contract/bridge';
import type { CallInput, CallName, CallOutput } from '../../src/contract/calls';
import type { Reply } from '../../src/contract/reply';
import type { AppState } from '../../src/contract/state';
import { DeviceCrowd, NOW } from './device-crowd';
import { stateOf, type Scene } from './fake-state';
import { stepAnswers } from './step-answers';
import { healthOf, seriesOf } from './watch-scenes';

export interface FakeOptions {
  readonly scene: Scene;
  readonly devices: number;
  /** Milliseconds before each answer. */
  readonly delay: number;
}

/** What a test may look at and turn. */
export interface FakeControls {
  readonly called: { readonly name: CallName; readonly input: unknown }[];
  clipboard: string;
  /** Codes of calls that fail from now on. */
  readonly failing: Set<CallName>;
  delay: number;
  readonly push: (part: Partial<AppState>) => void;
}

const CROWDED: ReadonlySet<Scene> = new Set(['huge', 'busy', 'failing', 'watched', 'watch-failing']);

type Answers = { [N in CallName]?: (input: CallInput<N>) => CallOutput<N> };

export function fakeBridge({ scene, devices, delay }: FakeOptions): { bridge: Bridge; controls: FakeControls } {
  const crowd = new DeviceCrowd(
    scene === 'sample' ? 12 : CROWDED.has(scene) ? devices : 0,
    scene !== 'sample',
    scene.startsWith('watch'),
  );
  let state = stateOf(scene, crowd);
  const listeners = new Set<(state: AppState) => void>();
  const push = (part: Partial<AppState>): void => {
    state = { ...state, ...part, revision: state.revision + 1 };
    for (const listener of listeners) listener(state);
  };
  const controls: FakeControls = { called: [], clipboard: '', failing: new Set(), delay, push };

  const answers: Answers = {
    'app.version': () => ({ slipway: '0.1.0', node: '20.19.2', chromium: '156.0.1', electron: null }),
    'app.state': () => state,
    'workspace.recent': () =>
      scene === 'first-time'
        ? []
        : [
            {
              name: 'Northwind Schools',
              path: '/home/operator/Slipway/northwind',
              openedAt: NOW - 3_600_000,
              missing: false,
            },
            {
              name: 'Contoso Clinics',
              path: '/home/operator/Slipway/contoso',
              openedAt: NOW - 9 * 86_400_000,
              missing: false,
            },
            { name: 'Fabrikam', path: '/media/usb/fabrikam', openedAt: NOW - 40 * 86_400_000, missing: true },
          ],
    'workspace.save': (part) => {
      if (state.workspace !== null) {
        push({
          workspace: {
            ...state.workspace,
            settings: { ...state.workspace.settings, ...part } as typeof state.workspace.settings,
          },
        });
      }
      return undefined;
    },
    'secret.set': () => ({ remembered: false }),
    'devices.query': (query) => crowd.query(query),
    'devices.udids': (filter) => crowd.matching(filter).flatMap(({ udid }) => (udid === null ? [] : [udid])),
    'devices.export': (filter) => ({ path: '/home/operator/devices.csv', devices: crowd.matching(filter).length }),
    'watch.series': () => seriesOf(crowd),
    'watch.health': () => healthOf(crowd),
    ...stepAnswers(scene === 'huge' || scene === 'busy' || scene === 'failing'),
    'clipboard.write': ({ text }) => {
      controls.clipboard = text;
      return undefined;
    },
    'job.pause': () => {
      if (state.job !== null) push({ job: { ...state.job, paused: true } });
      return undefined;
    },
    'job.resume': () => {
      if (state.job !== null) push({ job: { ...state.job, paused: false } });
      return undefined;
    },
    'job.cancel': () => {
      push({ job: null });
      return undefined;
    },
  };

  const answer = (name: CallName, input: unknown): Reply<unknown> => {
    if (controls.failing.has(name)) return refusal('fake/refused', 'This was refused.', 'Try it again.');
    if (name === 'devices.detail') {
      const detail = crowd.detail((input as CallInput<'devices.detail'>).id);
      return detail === null
        ? refusal(
            'devices/unknown',
            'This device is not in the source that was read last.',
            'Search for it by its UDID.',
          )
        : { ok: true, value: detail };
    }
    const known = answers[name] as ((input: unknown) => unknown) | undefined;
    return { ok: true, value: known?.(input) };
  };

  const bridge: Bridge = {
    call: async (name, input) => {
      controls.called.push({ name, input });
      if (controls.delay > 0) await new Promise((resolve) => setTimeout(resolve, controls.delay));
      // As across IPC: an answer is a copy, and comes later.
      return structuredClone(answer(name, input)) as Reply<CallOutput<typeof name>>;
    },
    onState: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    pathOf: (file) => `/dropped/${file.name}`,
  };
  return { bridge, controls };
}

function refusal(code: string, message: string, remedy: string): Reply<never> {
  return { ok: false, failure: { code, message, remedy } };
}
