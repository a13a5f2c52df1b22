/** What main says of the switch, asked anew whenever what is typed was saved, or the source was read. */
import type { CallName, CallOutput } from '../../../contract/calls';
import type { ReplyFailure } from '../../../contract/reply';
import { useAnswer } from '../../hooks/use-answer';
import { useAppState } from '../../stores/app-state';

type Asked = Extract<CallName, 'cutover.view' | 'cutover.config' | 'cutover.dns'>;

export function useCutover<N extends Asked>(
  name: N,
): { readonly value: CallOutput<N> | null; readonly failure: ReplyFailure | null } {
  const version = useAppState((state) =>
    JSON.stringify([state.workspace?.settings.cutover, state.workspace?.settings.fleet.url, state.source?.readAt]),
  );
  const { reply } = useAnswer(name, undefined as never, version);
  if (reply === null) return { value: null, failure: null };
  return reply.ok ? { value: reply.value, failure: null } : { value: null, failure: reply.failure };
}
