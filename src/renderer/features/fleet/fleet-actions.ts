/** What can be done at Fleet, for the top bar and the palette. */
import { PlugZap, RefreshCw, Unplug } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';
import { connectFleet } from './fleet-draft';

export function fleetPrimary(state: AppState): Action {
  const cannot =
    state.workspace === null
      ? 'Open a workspace first: the connection is kept there.'
      : state.job === null
        ? null
        : 'Something else is under way.';
  return state.fleet === null
    ? { id: 'connect', label: 'Connect', icon: PlugZap, run: () => void connectFleet(), cannot }
    : { id: 'again', label: 'Look again', icon: RefreshCw, run: () => void connectFleet(), cannot };
}

export function fleetMore(state: AppState): readonly Action[] {
  if (state.fleet === null) return [];
  return [
    {
      id: 'disconnect',
      label: 'Disconnect',
      icon: Unplug,
      run: () => void perform('fleet', 'fleet.disconnect', undefined),
      cannot: state.job === null ? null : 'Something is under way.',
    },
  ];
}
