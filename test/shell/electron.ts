/**
 * The stand-in for the `electron` module in the main process. The built main bundle runs on it unchanged.
 *
 * What is here behaves as Electron documents it: IPC clones values and reduces errors to text, a channel is handled
 * once, custom schemes are served by the app, navigation and requests pass the app's own guards. What is only
 * recorded (permissions, external links, window placement) is kept where a test can read it. What is missing is not
 * exported, so a bundle that needs it fails to link with the name of what it needs.
 */
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserWindowConstructorOptions, CustomScheme, WebPreferences } from 'electron';
import { makeClone } from './clone';
import { connect, type AppMethods, type FrameRequest, type HostMethods, type RequestVerdict } from './link';

/** Unit tests import this module too (vitest.config.ts); there is no host then, and what would go to it goes nowhere. */
const hosted = process.env['SLIPWAY_SHELL_APP'] !== undefined;
/** Somebody can see the window and answer. */
const visible = process.env['SLIPWAY_SHELL_VISIBLE'] !== undefined;
const root = process.env['SLIPWAY_SHELL_APP'] ?? process.cwd();
const userData = process.env['SLIPWAY_SHELL_USER_DATA'] ?? join(root, '.cache', 'shell-user-data');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name: string; version: string };
const clone = makeClone();

/** An event that can be prevented, as Electron passes it first to every listener. */
class CancelableEvent {
  defaultPrevented = false;
  preventDefault(): void {
    this.defaultPrevented = true;
  }
}

function emitCancelable(emitter: EventEmitter, name: string, details: object = {}, ...args: unknown[]): boolean {
  const event = Object.assign(new CancelableEvent(), details);
  emitter.emit(name, event, ...args);
  return event.defaultPrevented;
}

// ---------------------------------------------------------------------------------------------------------- app

class App extends EventEmitter {
  readonly isPackaged = false;
  readonly #ready: Promise<void>;
  #sandboxed = false;
  isReadyNow = false;

  constructor() {
    super();
    this.#ready = new Promise((resolve) => this.once('ready', resolve));
  }

  whenReady(): Promise<void> {
    return this.#ready;
  }

  isReady(): boolean {
    return this.isReadyNow;
  }

  getName(): string {
    return manifest.name;
  }

  getVersion(): string {
    return manifest.version;
  }

  getAppPath(): string {
    return root;
  }

  getPath(name: string): string {
    return name === 'userData' ? userData : join(userData, name);
  }

  enableSandbox(): void {
    if (this.isReadyNow) throw new Error('app.enableSandbox() can only be called before app is ready');
    this.#sandboxed = true;
  }

  /** Not in Electron: whether the app asked for the sandbox. The sandbox itself is Chromium's affair. */
  get askedForSandbox(): boolean {
    return this.#sandboxed;
  }

  requestSingleInstanceLock(): boolean {
    return true;
  }

  quit(): void {
    if (emitCancelable(this, 'before-quit')) return;
    for (const window of windows.values()) window.close();
    if (emitCancelable(this, 'will-quit')) return;
    this.exit(0);
  }

  exit(code = 0): void {
    this.emit('quit', new CancelableEvent(), code);
    process.exit(code);
  }
}

export const app = new App();

// ------------------------------------------------------------------------------------------------------- windows

const windows = new Map<number, BrowserWindow>();
let lastWindow = 0;

class WebContents extends EventEmitter {
  readonly id: number;
  openHandler: ((details: { url: string }) => { action: 'allow' | 'deny' }) | null = null;
  url = '';
  #destroyed = false;

  readonly #preferences: WebPreferences;

  constructor(id: number, preferences: WebPreferences) {
    super();
    this.id = id;
    this.#preferences = preferences;
  }

  getLastWebPreferences(): WebPreferences {
    return this.#preferences;
  }

  setWindowOpenHandler(handler: typeof this.openHandler): void {
    this.openHandler = handler;
  }

  getURL(): string {
    return this.url;
  }

  isDestroyed(): boolean {
    return this.#destroyed;
  }

  destroyed(): void {
    this.#destroyed = true;
    this.emit('destroyed');
  }

  async printToPDF(): Promise<Uint8Array> {
    return host('printToPdf', this.id);
  }

  send(channel: string, ...args: unknown[]): void {
    if (this.#destroyed) throw new Error('Object has been destroyed');
    void host('emit', this.id, channel, clone.pack(args));
  }
}

export class BrowserWindow extends EventEmitter {
  readonly id = ++lastWindow;
  readonly webContents: WebContents;
  /** Not in Electron: what the window was made with, for tests. */
  readonly options: BrowserWindowConstructorOptions;
  #visible: boolean;
  #maximized = false;
  #bounds: { x: number; y: number; width: number; height: number };
  readonly #opened: Promise<void>;

  constructor(options: BrowserWindowConstructorOptions = {}) {
    super();
    if (!app.isReadyNow) throw new Error('Cannot create BrowserWindow before app is ready');
    this.options = options;
    this.#visible = options.show ?? true;
    this.webContents = new WebContents(this.id, options.webPreferences ?? {});
    windows.set(this.id, this);
    app.emit('web-contents-created', new CancelableEvent(), this.webContents);
    app.emit('browser-window-created', new CancelableEvent(), this);
    const { x = 0, y = 0, width = 800, height = 600, webPreferences } = options;
    this.#bounds = { x, y, width, height };
    this.#opened = host('openWindow', { id: this.id, width, height, preload: webPreferences?.preload ?? null });
  }

  static getAllWindows(): BrowserWindow[] {
    return [...windows.values()];
  }

  async loadURL(url: string): Promise<void> {
    await this.#opened;
    this.webContents.url = url;
    await host('loadUrl', this.id, url);
    this.emit('ready-to-show');
    this.webContents.emit('did-finish-load');
  }

  show(): void {
    this.#visible = true;
    this.focus();
  }

  focus(): void {
    void host('bringToFront', this.id);
  }

  isVisible(): boolean {
    return this.#visible;
  }

  isMinimized(): boolean {
    return false;
  }

  isMaximized(): boolean {
    return this.#maximized;
  }

  maximize(): void {
    this.#maximized = true;
    this.emit('maximize');
  }

  getNormalBounds(): { x: number; y: number; width: number; height: number } {
    return { ...this.#bounds };
  }

  setBounds(bounds: Partial<{ x: number; y: number; width: number; height: number }>): void {
    this.#bounds = { ...this.#bounds, ...bounds };
    this.emit('resize');
    this.emit('move');
  }

  restore(): void {
    this.focus();
  }

  isDestroyed(): boolean {
    return !windows.has(this.id);
  }

  close(): void {
    if (emitCancelable(this, 'close')) return;
    void host('closeWindow', this.id);
    this.gone();
  }

  destroy(): void {
    void host('closeWindow', this.id);
    this.gone();
  }

  /** Not in Electron: the page is no longer there, whoever closed it. */
  gone(): void {
    if (!windows.delete(this.id)) return;
    this.webContents.destroyed();
    this.emit('closed');
    if (windows.size === 0) app.emit('window-all-closed');
  }
}

// ----------------------------------------------------------------------------------------------------------- IPC

type InvokeHandler = (event: object, ...args: unknown[]) => unknown;

class IpcMain extends EventEmitter {
  readonly handlers = new Map<string, InvokeHandler>();

  handle(channel: string, handler: InvokeHandler): void {
    if (this.handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
    this.handlers.set(channel, handler);
  }

  removeHandler(channel: string): void {
    this.handlers.delete(channel);
  }
}

export const ipcMain = new IpcMain();

/** The preload runs in the top frame alone, so that is the only frame which can send. */
function ipcEvent(id: number, url: string): object {
  return { sender: windows.get(id)?.webContents, senderFrame: { url, parent: null } };
}

// ------------------------------------------------------------------------------------------ session and protocol

type BeforeRequest = (details: object, answer: (verdict: { cancel?: boolean }) => void) => void;

/** Permissions are recorded, not exercised: the host's Chromium has granted none. */
class Session extends EventEmitter {
  permissionRequest: unknown = null;
  permissionCheck: unknown = null;
  devicePermission: unknown = null;
  beforeRequest: BeforeRequest | null = null;
  /** As in Electron, a custom scheme is answered by the app's own handler. Nothing else is fetched here. */
  async fetch(url: string): Promise<Response> {
    const handler = schemes.get(new URL(url).protocol.slice(0, -1));
    if (handler === undefined) throw new Error('net::ERR_FAILED');
    return handler(new Request(url));
  }

  readonly webRequest = {
    onBeforeRequest: (listener: BeforeRequest): void => {
      this.beforeRequest = listener;
    },
  };

  setPermissionRequestHandler(handler: unknown): void {
    this.permissionRequest = handler;
  }

  setPermissionCheckHandler(handler: unknown): void {
    this.permissionCheck = handler;
  }

  setDevicePermissionHandler(handler: unknown): void {
    this.devicePermission = handler;
  }
}

export const session = { defaultSession: new Session() };

const schemes = new Map<string, (request: Request) => Response | Promise<Response>>();

export const protocol = {
  registerSchemesAsPrivileged(list: CustomScheme[]): void {
    if (app.isReadyNow) throw new Error('protocol.registerSchemesAsPrivileged should be called before app is ready');
    void host(
      'declareSchemes',
      list.map(({ scheme }) => scheme),
    );
  },
  handle(scheme: string, handler: (request: Request) => Response | Promise<Response>): void {
    if (schemes.has(scheme)) throw new Error(`Failed to register protocol: ${scheme}`);
    schemes.set(scheme, handler);
  },
};

async function judge(request: FrameRequest): Promise<RequestVerdict> {
  const { url, isMainFrame } = request;
  const contents = windows.get(request.window)?.webContents;
  if (request.isNavigation && contents !== undefined && url !== contents.url) {
    const details = { url, isMainFrame };
    if (emitCancelable(contents, 'will-frame-navigate', details)) return { kind: 'cancel' };
    if (isMainFrame && emitCancelable(contents, 'will-navigate', details, url)) return { kind: 'cancel' };
  }
  const { beforeRequest } = session.defaultSession;
  if (beforeRequest !== null) {
    const { cancel } = await new Promise<{ cancel?: boolean }>((resolve) => {
      beforeRequest({ url, method: request.method }, resolve);
    });
    if (cancel === true) return { kind: 'cancel' };
  }
  const handler = schemes.get(new URL(url).protocol.slice(0, -1));
  if (handler === undefined) return { kind: 'network' };
  const response = await handler(new Request(url, { method: request.method, headers: request.headers }));
  const body = Buffer.from(await response.arrayBuffer());
  return { kind: 'answer', status: response.status, headers: Object.fromEntries(response.headers), body };
}

// --------------------------------------------------------------------------------------------------- small parts

export const nativeTheme = Object.assign(new EventEmitter(), { shouldUseDarkColors: false, themeSource: 'system' });

/** Recorded, never opened. */
export const shell = {
  opened: [] as string[],
  shown: [] as string[],
  openExternal(url: string): Promise<void> {
    shell.opened.push(url);
    return Promise.resolve();
  },
  showItemInFolder(path: string): void {
    shell.shown.push(path);
  },
};

/** A clipboard of its own: a test must not write over what the person at the machine has copied. */
export const clipboard = {
  text: '',
  writeText(text: string): Promise<void> {
    clipboard.text = text;
    return Promise.resolve();
  },
  readText(): Promise<string> {
    return Promise.resolve(clipboard.text);
  },
};

interface DialogAnswer {
  readonly canceled: boolean;
  readonly filePaths?: readonly string[];
  readonly filePath?: string;
  readonly response?: number;
}

interface AskedDialog {
  readonly kind: 'open' | 'save' | 'message';
  /** Whether it hung over a window. */
  readonly parented: boolean;
  readonly options: unknown;
}

/** Dialogs are answered by a script, in order; an unscripted one is cancelled, as by Esc. What was asked is recorded. */
export const dialog = {
  asked: [] as AskedDialog[],
  answers: [] as DialogAnswer[],
  /** Not in Electron: the answers to the next dialogs, `null` for cancel, a path for a file or folder. */
  script(...answers: (string | null | DialogAnswer)[]): void {
    for (const answer of answers) {
      dialog.answers.push(
        typeof answer === 'string'
          ? { canceled: false, filePaths: [answer], filePath: answer }
          : (answer ?? { canceled: true }),
      );
    }
  },
  async showOpenDialog(...given: unknown[]): Promise<{ canceled: boolean; filePaths: readonly string[] }> {
    const { canceled, filePaths = [] } = await answerDialog('open', given);
    return { canceled, filePaths: canceled ? [] : filePaths };
  },
  async showSaveDialog(...given: unknown[]): Promise<{ canceled: boolean; filePath: string }> {
    const { canceled, filePath = '' } = await answerDialog('save', given);
    return { canceled, filePath: canceled ? '' : filePath };
  },
  async showMessageBox(...given: unknown[]): Promise<{ response: number; checkboxChecked: boolean }> {
    const { response } = await answerDialog('message', given);
    const { cancelId = 0 } = given.at(-1) as { cancelId?: number };
    return { response: response ?? cancelId, checkboxChecked: false };
  },
};

async function answerDialog(kind: AskedDialog['kind'], given: unknown[]): Promise<DialogAnswer> {
  const options = given.at(-1);
  dialog.asked.push({ kind, parented: given.length > 1, options });
  const scripted = dialog.answers.shift();
  if (scripted !== undefined) return scripted;
  const [id] = [...windows.keys()];
  if (!visible || kind === 'message' || id === undefined) return { canceled: true };
  // A person sits before it: the system's dialog is not to be had here, a prompt is.
  const { title = 'Choose' } = options as { title?: string };
  const path = await host('askPath', id, `${title} (the stand-in has no file dialogs: write the path)`);
  return path === null || path === '' ? { canceled: true } : { canceled: false, filePaths: [path], filePath: path };
}

/** Encrypts with nothing but a mark, so that a test can see what was kept; `mode` plays the machine. */
export const safeStorage = {
  mode: 'unavailable' as 'available' | 'unavailable' | 'basic_text',
  isAsyncEncryptionAvailable(): Promise<boolean> {
    return Promise.resolve(safeStorage.mode !== 'unavailable');
  },
  getSelectedStorageBackend(): string {
    return { available: 'gnome_libsecret', unavailable: 'unknown', basic_text: 'basic_text' }[safeStorage.mode];
  },
  encryptStringAsync(text: string): Promise<Buffer> {
    if (safeStorage.mode === 'unavailable') {
      return Promise.reject(new Error('Error while encrypting the text provided to safeStorage.'));
    }
    return Promise.resolve(Buffer.from(`kept:${flipped(Buffer.from(text)).toString('base64')}`));
  },
  decryptStringAsync(encrypted: Buffer): Promise<{ result: string; shouldReEncrypt: boolean }> {
    const text = encrypted.toString();
    if (!text.startsWith('kept:')) {
      return Promise.reject(new Error('Error while decrypting the ciphertext provided to safeStorage.'));
    }
    const result = flipped(Buffer.from(text.slice('kept:'.length), 'base64')).toString();
    return Promise.resolve({ result, shouldReEncrypt: false });
  },
};

function flipped(bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte) => byte ^ 0x5a));
}

interface MenuItem {
  readonly role?: string;
  readonly label?: string;
  readonly submenu?: readonly MenuItem[];
}

/** Menus are recorded: Chromium draws none of them. */
export class Menu {
  static current: Menu | null = null;
  readonly items: readonly MenuItem[];

  constructor(items: readonly MenuItem[] = []) {
    this.items = items;
  }

  static buildFromTemplate(template: readonly MenuItem[]): Menu {
    return new Menu(template);
  }

  static setApplicationMenu(menu: Menu | null): void {
    Menu.current = menu;
  }

  static getApplicationMenu(): Menu | null {
    return Menu.current;
  }
}

/** Not in Electron's main process: the paths that files dropped on a window are to have, by their names. */
export const droppedFiles = {
  async script(paths: Record<string, string>): Promise<void> {
    for (const id of windows.keys()) await host('knowFiles', id, paths);
  },
};

/** One screen, as large as screens usually are. */
export const screen = {
  getAllDisplays(): { workArea: { x: number; y: number; width: number; height: number } }[] {
    return [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }];
  },
};

// ------------------------------------------------------------------------------------------------------ the host

const host = connect<AppMethods, HostMethods>(
  {
    send: (message) => {
      if (hosted) process.send?.(message, undefined, undefined, () => undefined);
    },
    onMessage: (listener) => {
      if (hosted) process.on('message', listener);
    },
  },
  {
    ready() {
      app.isReadyNow = true;
      app.emit('ready');
    },
    async invoke(id, url, channel, args) {
      const handler = ipcMain.handlers.get(channel);
      if (handler === undefined) throw new Error(`Error: No handler registered for '${channel}'`);
      try {
        return clone.pack(await handler(ipcEvent(id, url), ...(clone.unpack(args) as unknown[])));
      } catch (error) {
        // As in Electron, only the text of an error survives.
        throw new Error(String(error), { cause: error });
      }
    },
    send(id, url, channel, args) {
      ipcMain.emit(channel, ipcEvent(id, url), ...(clone.unpack(args) as unknown[]));
    },
    request: judge,
    popup(id, url) {
      const answer = windows.get(id)?.webContents.openHandler?.({ url });
      if (answer?.action === 'allow') throw new Error('The stand-in opens no popups.');
    },
    download(_id, url) {
      emitCancelable(session.defaultSession, 'will-download', {}, { getURL: () => url });
    },
    windowClosed(id) {
      windows.get(id)?.gone();
    },
    async evaluate(source, arg) {
      const electron = {
        app,
        BrowserWindow,
        clipboard,
        dialog,
        droppedFiles,
        ipcMain,
        Menu,
        nativeTheme,
        protocol,
        safeStorage,
        screen,
        session,
        shell,
      };
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- this is what Playwright's evaluate is
      const run = new Function('electron', 'arg', `return (${source})(electron, arg)`) as (
        ...args: unknown[]
      ) => unknown;
      return await run(electron, arg);
    },
    quit() {
      app.quit();
    },
  },
);

if (hosted) {
  // Ctrl+C reaches the whole process group; Electron quits on it, and so does this.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      app.quit();
    });
  }
  // The app does not outlive its host.
  process.on('disconnect', () => {
    process.exit(0);
  });
}
