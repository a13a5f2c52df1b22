/**
 * The line between the two processes of the stand-in: the app (which runs the main bundle) and the host (which owns
 * Chromium). It is the pipe of child_process.fork; no port is opened. Requests go both ways.
 */
export interface FrameRequest {
  readonly window: number;
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly isNavigation: boolean;
  readonly isMainFrame: boolean;
}

export type RequestVerdict =
  | { readonly kind: 'cancel' }
  | { readonly kind: 'network' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly body: Buffer;
    };

export interface WindowOptions {
  readonly id: number;
  readonly width: number;
  readonly height: number;
  readonly preload: string | null;
}

/** What the app asks of the host. */
export interface HostMethods {
  declareSchemes(schemes: string[]): void;
  openWindow(options: WindowOptions): Promise<void>;
  loadUrl(id: number, url: string): Promise<void>;
  bringToFront(id: number): Promise<void>;
  closeWindow(id: number): Promise<void>;
  printToPdf(id: number): Promise<Uint8Array>;
  emit(id: number, channel: string, args: string): Promise<void>;
  /** Asks the person at a visible window for a path; null when they cancel. */
  askPath(id: number, message: string): Promise<string | null>;
  knowFiles(id: number, paths: Record<string, string>): Promise<void>;
}

/** What the host asks of the app. */
export interface AppMethods {
  ready(): void;
  invoke(id: number, url: string, channel: string, args: string): Promise<string>;
  send(id: number, url: string, channel: string, args: string): void;
  request(request: FrameRequest): Promise<RequestVerdict>;
  popup(id: number, url: string): void;
  download(id: number, url: string): void;
  windowClosed(id: number): void;
  evaluate(source: string, arg: unknown): Promise<unknown>;
  quit(): void;
}

type Methods<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => R : never };

type Message =
  | { readonly ask: number; readonly method: string; readonly args: unknown[] }
  | { readonly answer: number; readonly ok: boolean; readonly value: unknown };

interface Port {
  send(message: Message): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** Connects one end. The result calls the other end's methods; `own` answers for this end. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- Own makes the compiler check the answers
export function connect<Own extends object, Other extends object>(
  port: Port,
  own: Own,
): <K extends keyof Methods<Other> & string>(
  method: K,
  ...args: Parameters<Methods<Other>[K]>
) => Promise<Awaited<ReturnType<Methods<Other>[K]>>> {
  const waiting = new Map<number, { resolve(value: never): void; reject(reason: Error): void }>();
  let last = 0;

  port.onMessage((raw) => {
    const message = raw as Message;
    if ('ask' in message) {
      void answer(message.ask, message.method, message.args);
      return;
    }
    const call = waiting.get(message.answer);
    waiting.delete(message.answer);
    if (message.ok) call?.resolve(message.value as never);
    else call?.reject(new Error(String(message.value)));
  });

  async function answer(ask: number, method: string, args: unknown[]): Promise<void> {
    try {
      const value = await (own as Record<string, (...args: unknown[]) => unknown>)[method]?.(...args);
      port.send({ answer: ask, ok: true, value });
    } catch (error) {
      port.send({ answer: ask, ok: false, value: error instanceof Error ? error.message : String(error) });
    }
  }

  return (method, ...args) =>
    new Promise((resolve, reject) => {
      const ask = ++last;
      waiting.set(ask, { resolve, reject });
      port.send({ ask, method, args });
    });
}
