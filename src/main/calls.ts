/** Answers the window's calls: who asks, what is asked, with what; then the handler; then what comes back. */
import { ipcMain, type IpcMainInvokeEvent } from 'electron';
import { CALL_CHANNEL } from '../contract/bridge';
import { calls, type CallInput, type CallName, type CallOutput } from '../contract/calls';
import type { Reply, ReplyFailure } from '../contract/reply';
import { FailureError } from '../core/failure';
import { traceOf } from './engine/trace';
import { isPageUrl } from './page-protocol';

export type Handlers = {
  readonly [N in CallName]: (input: CallInput<N>) => CallOutput<N> | Promise<CallOutput<N>>;
};

export function answerCalls(handlers: Handlers): void {
  ipcMain.handle(CALL_CHANNEL, (event, name: unknown, input: unknown) => answer(handlers, event, name, input));
}

async function answer(
  handlers: Handlers,
  event: IpcMainInvokeEvent,
  name: unknown,
  input: unknown,
): Promise<Reply<unknown>> {
  if (!isOurPage(event)) return failed('ipc/sender', 'This page may not ask Slipway for anything.');
  if (!isCallName(name)) return failed('ipc/unknown-call', 'The window asked for something Slipway does not know.');
  const { input: takes, output: gives } = calls[name];
  const parsed = takes.safeParse(input);
  // The input itself is never repeated: it may hold what the operator typed into a password field.
  if (!parsed.success) return failed('ipc/input', `The window sent something unexpected with ${name}.`);
  // Name and input were matched above; the types of name, handler and input cannot be tied together any closer here.
  const handle = handlers[name] as (input: unknown) => unknown;
  try {
    return { ok: true, value: gives.parse(await handle(parsed.data)) };
  } catch (error) {
    if (error instanceof FailureError) {
      const { code, message, remedy } = error.failure;
      return failed(code, message, remedy);
    }
    // Where it happened, without its message: that could quote a value.
    console.error(`Defect in ${name}:`, traceOf(error));
    return failed('ipc/defect', 'Something went wrong inside Slipway.');
  }
}

/** Only the top frame of a page that Slipway itself served may ask; an embedded or foreign page never. */
function isOurPage(event: IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame.parent === null && isPageUrl(frame.url);
}

function isCallName(name: unknown): name is CallName {
  return typeof name === 'string' && Object.hasOwn(calls, name);
}

function failed(
  code: string,
  message: string,
  remedy = 'This is a defect in Slipway; please report it with its code.',
): { readonly ok: false; readonly failure: ReplyFailure } {
  return { ok: false, failure: { code, message, remedy } };
}
