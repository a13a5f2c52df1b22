/**
 * Asking main from a component. `useCall` keeps the answer's state for a form or a button; `perform` is for actions of
 * the top bar and the palette: what is refused stands above the step until it is tried again.
 */
import { useCallback, useRef, useState } from 'react';
import type { CallInput, CallName, CallOutput } from '../../contract/calls';
import type { Reply, ReplyFailure } from '../../contract/reply';
import type { StepName } from '../../contract/state';
import { call } from '../bridge';
import { setRefused } from '../stores/ui';

interface Calling<N extends CallName> {
  readonly run: (input: CallInput<N>) => Promise<Reply<CallOutput<N>>>;
  readonly pending: boolean;
  /** Of the last call; null while it runs and when it went well. */
  readonly failure: ReplyFailure | null;
  readonly value: CallOutput<N> | null;
  readonly forget: () => void;
}

export function useCall<N extends CallName>(name: N): Calling<N> {
  const [pending, setPending] = useState(false);
  const [reply, setReply] = useState<Reply<CallOutput<N>> | null>(null);
  const turn = useRef(0);
  const run = useCallback(
    async (input: CallInput<N>): Promise<Reply<CallOutput<N>>> => {
      turn.current += 1;
      const mine = turn.current;
      setPending(true);
      const answer = await call(name, input);
      if (mine === turn.current) {
        setPending(false);
        setReply(answer);
      }
      return answer;
    },
    [name],
  );
  const forget = useCallback(() => {
    setReply(null);
  }, []);
  return {
    run,
    pending,
    failure: !pending && reply !== null && !reply.ok ? reply.failure : null,
    value: reply !== null && reply.ok ? reply.value : null,
    forget,
  };
}

/** Asks, and shows a refusal at the step it concerns. Gives the answer, or null when it was refused. */
export async function perform<N extends CallName>(
  step: StepName,
  name: N,
  input: CallInput<N>,
): Promise<CallOutput<N> | null> {
  setRefused(step, null);
  const reply = await call(name, input);
  if (reply.ok) return reply.value;
  setRefused(step, reply.failure);
  return null;
}
