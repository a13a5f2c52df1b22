/** Accepting by name what holds a wave up. It lands in the workspace, and with the wave in the journal. */
import { Check } from 'lucide-react';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';
import { currentState, useAppState } from '../../stores/app-state';

export function useAcceptance(code: string): Action {
  const accepted = useAppState((state) => state.workspace?.settings.accepted.includes(code) ?? false);
  return {
    id: `accept-${code}`,
    label: accepted ? 'Accepted: look again' : 'Accept it by name',
    icon: Check,
    run: () => void acceptAndLook(code),
  };
}

async function acceptAndLook(code: string): Promise<void> {
  const state = currentState();
  const accepted = state?.workspace?.settings.accepted ?? [];
  if (!accepted.includes(code)) await perform('waves', 'workspace.save', { accepted: [...accepted, code] });
  const rung = state?.waves.preview?.rung ?? null;
  await perform('waves', 'waves.prepare', { rung });
}
