/**
 * The two worlds of a page: the page's own, and the isolated one in which the real preload bundle runs.
 *
 * They share the document but no JavaScript objects. `contextBridge` is rebuilt over DOM events with a name the page
 * cannot guess; both directions use the same code. These functions are injected as source and must stand alone.
 */
import { makeClone } from './clone';

export const PRELOAD_WORLD = 'slipway-preload';
export const BINDING = 'slipwayShellSend';
export const RECEIVER = 'slipwayShellReceive';

/** Message from the preload's world to the host. */
export interface FromPreload {
  readonly type: 'invoke' | 'send';
  readonly id: number;
  readonly channel: string;
  readonly args: string;
}

/** Message from the host to the preload's world. */
export type ToPreload =
  | { readonly type: 'reply'; readonly id: number; readonly ok: boolean; readonly value: string }
  | { readonly type: 'event'; readonly channel: string; readonly args: string }
  | { readonly type: 'files'; readonly paths: Readonly<Record<string, string>> };

/** Script for the page's own world; runs before anything of the page. */
export function pageWorldScript(token: string): string {
  return `(() => { const bridge = (${makeBridge.toString()})(${makeClone.toString()}, '${token}', 'page', 'preload'); })();`;
}

/** Script for the isolated world: the stand-in's half of `electron`, then the preload bundle itself. */
export function preloadWorldScript(token: string, preload: string): string {
  return `if (window === window.top) ((makeClone) => {
    const bridge = (${makeBridge.toString()})(makeClone, '${token}', 'preload', 'page');
    const require = (${makeRequire.toString()})(makeClone, bridge, '${BINDING}', '${RECEIVER}');
    ((require, module, exports) => { ${preload}
    })(require, { exports: {} }, {});
  })(${makeClone.toString()});`;
}

interface BridgeMessage {
  readonly type: 'expose' | 'call' | 'return' | 'settle';
  readonly id: number;
  readonly ok?: boolean;
  readonly key?: string;
  readonly value: string;
}

interface WorldBridge {
  expose(key: string, api: unknown): void;
}

function makeBridge(clone: typeof makeClone, token: string, me: string, other: string): WorldBridge {
  const mine = new Map<number, object>();
  const waiting = new Map<number, { resolve(value: unknown): void; reject(reason: unknown): void }>();
  let last = 0;
  let returned: BridgeMessage | null = null;

  const { pack, unpack } = clone({
    keep(value) {
      const id = ++last;
      if (value instanceof Promise) {
        value.then(
          (result: unknown) => {
            tell({ type: 'settle', id, ok: true, value: pack(result) });
          },
          (reason: unknown) => {
            tell({ type: 'settle', id, ok: false, value: pack(reason) });
          },
        );
      } else {
        mine.set(id, value);
      }
      return id;
    },
    standIn(kind, id) {
      if (kind === 'promise') {
        return new Promise((resolve, reject) => {
          waiting.set(id, { resolve, reject });
        });
      }
      return (...args: unknown[]) => {
        returned = null;
        tell({ type: 'call', id, value: pack(args) });
        const answer = returned as BridgeMessage | null;
        if (answer === null) throw new Error('The other world did not answer.');
        const result = unpack(answer.value);
        if (answer.ok !== true) throw result;
        return result;
      };
    },
  });

  function tell(message: BridgeMessage): void {
    document.dispatchEvent(new CustomEvent(`${token}:${other}`, { detail: JSON.stringify(message) }));
  }

  function answerCall(message: BridgeMessage): void {
    try {
      const call = mine.get(message.id) as (...args: unknown[]) => unknown;
      tell({ type: 'return', id: message.id, ok: true, value: pack(call(...(unpack(message.value) as unknown[]))) });
    } catch (error) {
      tell({ type: 'return', id: message.id, ok: false, value: pack(error) });
    }
  }

  function freeze(value: unknown): unknown {
    if (typeof value === 'object' && value !== null && !(value instanceof Promise))
      Object.values(value).forEach(freeze);
    return Object.freeze(value);
  }

  document.addEventListener(`${token}:${me}`, (event) => {
    const message = JSON.parse((event as CustomEvent<string>).detail) as BridgeMessage;
    switch (message.type) {
      case 'expose':
        Object.defineProperty(window, String(message.key), { value: freeze(unpack(message.value)), enumerable: true });
        break;
      case 'call':
        answerCall(message);
        break;
      case 'return':
        returned = message;
        break;
      case 'settle': {
        const promise = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.ok === true) promise?.resolve(unpack(message.value));
        else promise?.reject(unpack(message.value));
        break;
      }
    }
  });

  return {
    expose(key, api) {
      tell({ type: 'expose', id: 0, key, value: pack(api) });
    },
  };
}

function makeRequire(
  clone: typeof makeClone,
  bridge: WorldBridge,
  binding: string,
  receiver: string,
): (name: string) => unknown {
  const { pack, unpack } = clone();
  const world = globalThis as unknown as Record<string, unknown>;
  const send = world[binding] as (text: string) => void;
  const waiting = new Map<number, { resolve(value: unknown): void; reject(reason: unknown): void; channel: string }>();
  const listeners = new Map<string, Set<(...args: unknown[]) => void>>();
  let last = 0;
  let paths: Readonly<Record<string, string>> = {};

  world[receiver] = (message: ToPreload): void => {
    if (message.type === 'files') {
      paths = message.paths;
      return;
    }
    if (message.type === 'event') {
      for (const listen of listeners.get(message.channel) ?? []) listen({}, ...(unpack(message.args) as unknown[]));
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.ok) call?.resolve(unpack(message.value));
    else call?.reject(new Error(`Error invoking remote method '${call.channel}': ${message.value}`));
  };

  const ipcRenderer = {
    invoke(channel: string, ...args: unknown[]): Promise<unknown> {
      const id = ++last;
      return new Promise((resolve, reject) => {
        const text = pack(args);
        waiting.set(id, { resolve, reject, channel });
        send(JSON.stringify({ type: 'invoke', id, channel, args: text }));
      });
    },
    send(channel: string, ...args: unknown[]): void {
      send(JSON.stringify({ type: 'send', id: 0, channel, args: pack(args) }));
    },
    on(channel: string, listener: (...args: unknown[]) => void): unknown {
      const known = listeners.get(channel) ?? new Set();
      listeners.set(channel, known.add(listener));
      return ipcRenderer;
    },
    off(channel: string, listener: (...args: unknown[]) => void): unknown {
      listeners.get(channel)?.delete(listener);
      return ipcRenderer;
    },
  };
  // Chromium tells nobody the path of a dropped file; here it is looked up by name in what the test recorded.
  const webUtils = {
    getPathForFile(file: unknown): string {
      if (!(file instanceof File))
        throw new TypeError('getPathForFile expected to receive a File object but one was not provided');
      return paths[file.name] ?? '';
    },
  };
  const contextBridge = {
    exposeInMainWorld(key: string, api: unknown): void {
      bridge.expose(key, api);
    },
  };

  return (name) => {
    // A sandboxed preload gets no more than this from Electron either (besides events, timers and url).
    if (name === 'electron') return { contextBridge, ipcRenderer, webUtils };
    throw new Error(`module not found: ${name}`);
  };
}
