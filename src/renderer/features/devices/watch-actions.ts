/** What can be done about watching, for the top bar, the screen and the palette. */
import { History, Radar, RefreshCw, Square, Stethoscope } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';
import { goTo } from '../../stores/route';

/** Why devices cannot be watched now; null when they can. */
export function cannotWatch(state: AppState): string | null {
  const { source, workspace, secrets } = state;
  if (source === null) return 'Read the source first: it says which devices there are.';
  if (source.sample) return 'The sample has no Fleet to be watched.';
  const fleet = workspace?.settings.fleet;
  const byDatabase = fleet !== undefined && fleet.host !== '';
  const byApi = fleet !== undefined && fleet.url !== '' && secrets.held.includes('fleet-token');
  return byDatabase || byApi ? null : 'Name Fleet’s database at Fleet, or Fleet’s own address with an API token.';
}

/** Only while nothing is watched: stopping is no step forward, and lies beside what it stops. */
export function devicesPrimary(state: AppState): Action | null {
  if (state.watch?.on === true) return null;
  return {
    id: 'watch',
    label: state.watch === null ? 'Start watching' : 'Watch again',
    icon: Radar,
    run: () => void perform('devices', 'watch.start', undefined),
    cannot: cannotWatch(state),
  };
}

export function devicesMore(state: AppState): readonly Action[] {
  if (state.source === null) return [];
  const { reference } = state.source;
  const named = (state.workspace?.settings.fleet.host ?? '') !== '';
  return [
    ...(state.watch?.on === true ? [askNow(state), stopWatching()] : []),
    {
      id: 'health',
      label: 'Examine the health of migrated devices',
      icon: Stethoscope,
      run: () => {
        goTo('devices', 'view=health');
      },
      cannot: state.source.sample
        ? 'The sample has no Fleet to be examined.'
        : named
          ? null
          : 'Only Fleet’s database can be examined; name it at Fleet.',
    },
    {
      id: 'reread',
      label: 'Read the old server again: who still calls it',
      icon: History,
      run: () => void perform('devices', 'source.read', { reference }),
      cannot: state.job === null ? null : 'Something else is under way.',
    },
  ];
}

export function askNow(state: AppState): Action {
  return {
    id: 'ask-now',
    label: 'Ask Fleet now',
    icon: RefreshCw,
    run: () => void perform('devices', 'watch.now', undefined),
    cannot: state.watch?.asking === true ? 'Fleet is being asked.' : null,
  };
}

export function stopWatching(): Action {
  return {
    id: 'stop-watching',
    label: 'Stop watching',
    icon: Square,
    run: () => void perform('devices', 'watch.stop', undefined),
  };
}
