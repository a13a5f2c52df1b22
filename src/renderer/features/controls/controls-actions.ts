/** What can be done at Controls, for the top bar and the palette. */
import { FolderOutput, GitCompareArrows, RefreshCw } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { controlsSaved } from './controls-settings';
import { keepExport, readsHistory } from './controls-store';

export function controlsPrimary(state: AppState): Action {
  return {
    id: 'compare',
    label: state.controlsAt === null ? 'Compare the profiles' : 'Compare again',
    icon: state.controlsAt === null ? GitCompareArrows : RefreshCw,
    run: () => void compare(),
    cannot: cannotYet(state),
  };
}

export function controlsMore(state: AppState): readonly Action[] {
  return [
    {
      id: 'export',
      label: 'Export the profiles for Fleet…',
      icon: FolderOutput,
      run: () => void exportProfiles(),
      cannot: state.controlsAt === null ? 'Compare the profiles first.' : cannotYet(state),
    },
  ];
}

async function compare(): Promise<void> {
  await controlsSaved();
  await perform('controls', 'controls.compare', { history: readsHistory() });
}

async function exportProfiles(): Promise<void> {
  await controlsSaved();
  const written = await perform('controls', 'controls.export', undefined);
  if (written === null) return;
  keepExport(written);
  toast(`${counted(written.profiles, 'profile')} exported`, written.folder);
}

function cannotYet(state: AppState): string | null {
  if (state.source === null) return 'Read the source first.';
  return state.job === null ? null : 'Something else is under way.';
}
