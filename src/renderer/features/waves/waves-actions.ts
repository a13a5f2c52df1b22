/** What can be done at Waves, for the top bar, the screen and the palette. */
import { Eye, MoveRight, RefreshCw, RotateCcw, Waypoints } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { goTo } from '../../stores/route';
import { openDialog } from '../../stores/ui';
import { isPretend } from '../apply/apply-standing';

export const MOVE_DIALOG = 'waves/move';
export const SET_DIALOG = 'waves/set';

export function backDialog(rung: string): string {
  return `waves/back ${rung}`;
}

export function wakeDialog(rung: string): string {
  return `waves/wake ${rung}`;
}

/** The wave a dialog is about; null when it is another dialog. */
export function rungOf(dialog: string | null, which: 'back' | 'wake'): string | null {
  const prefix = `waves/${which} `;
  return dialog?.startsWith(prefix) === true ? dialog.slice(prefix.length) : null;
}

/** Why nothing can be moved now. */
export function cannotMove(state: AppState): string | null {
  if (state.workspace === null) return 'Open a workspace first.';
  if (isPretend(state)) return 'The sample has no server behind it.';
  if (state.job !== null) return 'Something else is under way.';
  if (state.source === null) return 'Read the source first.';
  if (state.fleet === null) return 'Connect to Fleet first.';
  if (state.workspace.settings.badge === 'unset') return 'Say at Fleet whether this is staging or production.';
  if ((state.waves.routes?.problems.length ?? 0) > 0) return 'Where devices go is in doubt.';
  return null;
}

export function lookAtWave(rung: string | null): void {
  goTo('waves', '');
  void perform('waves', 'waves.prepare', { rung });
}

export function wavesPrimary(state: AppState): Action | null {
  const { ladder, preview } = state.waves;
  if (ladder === null) return null;
  const cannot = cannotMove(state);
  if (preview !== null) {
    const { moving } = preview.counts;
    return preview.obstacles.length > 0
      ? {
          id: 'wave-again',
          label: 'Look again',
          icon: Eye,
          run: () => {
            lookAtWave(preview.rung);
          },
          cannot,
        }
      : {
          id: 'wave-move',
          label: preview.resumes === null ? `Move ${counted(moving, 'device')}…` : 'Take it to its end…',
          icon: MoveRight,
          run: () => {
            openDialog(MOVE_DIALOG);
          },
          cannot,
        };
  }
  if (ladder.next === null) return null;
  return {
    id: 'wave-next',
    label: ladder.open === null ? `Next wave: ${ladder.next}` : `Go on with ${ladder.next}`,
    icon: Waypoints,
    run: () => {
      lookAtWave(null);
    },
    cannot,
  };
}

export function wavesMore(state: AppState): readonly Action[] {
  if (state.waves.ladder === null) return [];
  const busy = state.job === null ? null : 'Something else is under way.';
  return [
    {
      id: 'wave-look',
      label: 'Ask where devices go',
      icon: RefreshCw,
      run: () => void perform('waves', 'waves.look', undefined),
    },
    {
      id: 'wave-set',
      label: 'Set the routes again…',
      icon: RotateCcw,
      run: () => {
        openDialog(SET_DIALOG);
      },
      cannot: busy,
    },
  ];
}
