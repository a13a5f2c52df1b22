/** What can be done at Plan, for the top bar, the screen and the palette. */
import { FileDiff, FileDown, RefreshCw, Undo2 } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { announce } from '../../stores/announcer';

export function planCannot(state: AppState): string | null {
  if (state.source === null) return 'Read the source first.';
  if (state.fleet === null) return 'Connect to Fleet first: a plan compares with what stands there.';
  return state.job === null ? null : 'Something else is under way.';
}

export async function makePlan(): Promise<void> {
  await perform('plan', 'plan.make', undefined);
}

export async function savePlanSql(undo: boolean): Promise<void> {
  const saved = await perform('plan', 'plan.saveSql', { undo });
  if (saved === null) return;
  toast(undo ? 'SQL and its undo file saved' : 'SQL saved', `${counted(saved.devices, 'device')}, ${saved.path}`);
  announce(`Saved to ${saved.path}`);
}

export function planPrimary(state: AppState): Action {
  const cannot = planCannot(state);
  return state.plan === null
    ? { id: 'make', label: 'Make the plan', icon: FileDiff, run: () => void makePlan(), cannot }
    : { id: 'make', label: 'Make it anew', icon: RefreshCw, run: () => void makePlan(), cannot };
}

export function planMore(state: AppState): readonly Action[] {
  if (state.plan === null) return [];
  const cannot = state.job === null ? null : 'Something is under way.';
  return [
    { id: 'save', label: 'Save the SQL…', icon: FileDown, run: () => void savePlanSql(false), cannot },
    {
      id: 'save-undo',
      label: 'Save the SQL with its undo file…',
      icon: Undo2,
      run: () => void savePlanSql(true),
      cannot,
    },
  ];
}
