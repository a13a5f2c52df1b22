/** What can be done at Agent, for the top bar and the palette. */
import { RefreshCw, Users } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';

export function agentPrimary(state: AppState): Action {
  return {
    id: 'look',
    label: state.agentAt === null ? 'Ask Fleet who has it' : 'Ask Fleet again',
    icon: state.agentAt === null ? Users : RefreshCw,
    run: () => void perform('agent', 'agent.look', undefined),
    cannot: cannotYet(state),
  };
}

function cannotYet(state: AppState): string | null {
  if (state.source === null) return 'Read the source first.';
  if (state.fleet === null) return 'Connect to Fleet first.';
  return state.job === null ? null : 'Something else is under way.';
}
