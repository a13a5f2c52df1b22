/** What can be done at Checks, for the top bar and the palette. */
import { ListChecks, RefreshCw } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';

export function checksPrimary(state: AppState): Action {
  const cannot =
    state.source === null ? 'Read the source first.' : state.job === null ? null : 'Something else is under way.';
  return {
    id: 'run',
    label: state.checks === null ? 'Run the checks' : 'Run again',
    icon: state.checks === null ? ListChecks : RefreshCw,
    run: () => void perform('checks', 'checks.run', undefined),
    cannot,
  };
}
