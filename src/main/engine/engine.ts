/** Main's side of the engine's thread: typed calls, progress, and a thread that is started again when it dies. */
import { Worker } from 'node:worker_threads';
import { FailureError, type Failure } from '../../core/failure';
import type { OnProgress } from '../../core/progress';
import {
  engineOutputs,
  JobControl,
  type EngineInput,
  type EngineMethod,
  type EngineOutput,
  type EngineReply,
  type EngineRequest,
} from './protocol';

/** What the engine needs of a thread; tests bring their own. */
export interface EngineThread {
  postMessage(request: EngineRequest): void;
  on(event: 'message', listener: (reply: EngineReply) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<number>;
}

/** A call under way. */
interface Waiting {
  readonly method: EngineMethod;
  readonly onProgress: OnProgress | undefined;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

export interface EngineCall {
  readonly control?: JobControl;
  readonly onProgress?: OnProgress;
}

export class Engine {
  readonly #start: () => EngineThread;
  readonly #waiting = new Map<number, Waiting>();
  #thread: EngineThread | null = null;
  #last = 0;
  /** Called after the thread died: whatever it held is gone. */
  onCrash: (() => void) | null = null;

  constructor(start: () => EngineThread = startThread) {
    this.#start = start;
  }

  /**
   * Calls a method of the engine.
   * @throws FailureError the engine's own failures; `engine/crashed`, `engine/defect`
   */
  call<M extends EngineMethod>(method: M, input: EngineInput<M>, call: EngineCall = {}): Promise<EngineOutput<M>> {
    const thread = this.#running();
    const id = ++this.#last;
    const { memory } = call.control ?? new JobControl();
    return new Promise<EngineOutput<M>>((resolve, reject) => {
      this.#waiting.set(id, { method, onProgress: call.onProgress, resolve, reject });
      thread.postMessage({ id, method, input, control: memory });
    });
  }

  /** Ends the thread; what is under way fails as if it had died. */
  async stop(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    this.#fail(crash('The engine was stopped.'));
    await thread?.terminate();
  }

  #running(): EngineThread {
    if (this.#thread !== null) return this.#thread;
    const thread = this.#start();
    thread.on('message', (reply) => {
      this.#hear(reply);
    });
    const died = (what: string): void => {
      if (this.#thread !== thread) return;
      this.#thread = null;
      this.#fail(crash(what));
      this.onCrash?.();
    };
    thread.on('error', (error) => {
      const { code } = error as NodeJS.ErrnoException;
      died(code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'The engine ran out of memory.' : 'The engine stopped unexpectedly.');
    });
    thread.on('exit', () => {
      died('The engine stopped unexpectedly.');
    });
    this.#thread = thread;
    return thread;
  }

  #hear(reply: EngineReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    if (reply.kind === 'progress') {
      waiting.onProgress?.(reply.progress);
      return;
    }
    this.#waiting.delete(reply.id);
    if (reply.kind === 'failed') waiting.reject(new FailureError(reply.failure));
    else if (reply.kind === 'defect') {
      console.error(`Defect in the engine’s ${waiting.method}:`, reply.trace);
      waiting.reject(new FailureError(DEFECT));
    } else {
      const parsed = engineOutputs[waiting.method].safeParse(reply.value);
      if (parsed.success) waiting.resolve(parsed.data as never);
      else {
        // Where it differs, never what stood there.
        const places = parsed.error.issues.slice(0, 5).map((issue) => `${issue.code} at ${issue.path.join('.')}`);
        console.error(`The engine’s ${waiting.method} answered something unexpected:`, places.join(', '));
        waiting.reject(new FailureError(DEFECT));
      }
    }
  }

  #fail(error: Error): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

const DEFECT: Failure = {
  code: 'engine/defect',
  message: 'Something went wrong inside Slipway’s engine.',
  remedy: 'This is a defect in Slipway; please report it with its code. What was committed stays as the journal says.',
  kind: 'finding',
};

function crash(message: string): FailureError {
  return new FailureError({
    code: 'engine/crashed',
    message,
    remedy:
      'It is started again by itself. Nothing is lost: what was committed is in the journal, and the same step goes on from there.',
    kind: 'unreadable',
  });
}

function startThread(): EngineThread {
  // Built beside this bundle's entry: see electron.vite.config.ts.
  const file = new URL('./engine.worker.js', import.meta.url);
  return new Worker(file, { name: 'slipway-engine' });
}
