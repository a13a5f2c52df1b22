/** The engine's side of the line: hears requests, runs the method, answers. */
import type { MessagePort } from 'node:worker_threads';
import { FailureError } from '../../core/failure';
import type { Progress } from '../../core/progress';
import { methodsOf } from './methods';
import { JobControl, type EngineReply, type EngineRequest } from './protocol';
import { traceOf } from './trace';
import { cancelled, Workbench, type Task } from './workbench';

/** Progress crosses threads no more often than the window is redrawn for it. */
const PROGRESS_MS = 80;

/** Answers on a port until it is closed. */
export function serve(port: MessagePort): void {
  const methods = methodsOf(new Workbench());
  port.on('message', (request: EngineRequest) => {
    void answer(request);
  });

  async function answer({ id, method, input, control }: EngineRequest): Promise<void> {
    const say = (reply: EngineReply): void => port.postMessage(reply);
    try {
      // Method and input were tied together by main's side of the line.
      const run = methods[method] as (input: unknown, task: Task) => unknown;
      say({ id, kind: 'done', value: await run(input, taskOf(new JobControl(control), say, id)) });
    } catch (error) {
      if (error instanceof FailureError) say({ id, kind: 'failed', failure: error.failure });
      else say({ id, kind: 'defect', trace: traceOf(error) });
    }
  }
}

function taskOf(control: JobControl, say: (reply: EngineReply) => void, id: number): Task {
  let saidAt = 0;
  let label = '';
  const report = (progress: Progress): void => {
    const now = performance.now();
    if (progress.label === label && now - saidAt < PROGRESS_MS && progress.done !== progress.total) return;
    saidAt = now;
    label = progress.label;
    say({ id, kind: 'progress', progress });
  };
  return {
    control,
    report,
    onProgress(progress) {
      // Reading is synchronous: this is the only place where it can be stopped.
      if (control.cancelled) cancelled();
      report(progress);
    },
  };
}
