/** The answer to a call whose question follows what is shown; an answer to an older question is dropped. */
import { useEffect, useState } from 'react';
import type { CallInput, CallName, CallOutput } from '../../contract/calls';
import type { Reply } from '../../contract/reply';
import { call } from '../bridge';

/**
 * Null until the first answer; then the newest answer there is, also while the next is on its way.
 * @param version asks again when it changes, although the input is the same
 */
export function useAnswer<N extends CallName>(
  name: N,
  input: CallInput<N>,
  version: string | number = 0,
): { readonly reply: Reply<CallOutput<N>> | null; readonly current: boolean } {
  const question = JSON.stringify([name, input ?? null, version]);
  const [answer, setAnswer] = useState<{ question: string; reply: Reply<CallOutput<N>> } | null>(null);
  useEffect(() => {
    let wanted = true;
    const [, asked] = JSON.parse(question) as [N, CallInput<N> | null];
    void call(name, (asked ?? undefined) as CallInput<N>).then((reply) => {
      if (wanted) setAnswer({ question, reply });
    });
    return () => {
      wanted = false;
    };
  }, [name, question]);
  return { reply: answer?.reply ?? null, current: answer?.question === question };
}
