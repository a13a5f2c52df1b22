/** What is typed for profiles and agent: saved when a field is left. What asks main waits until that is done. */
import type { ControlsSettings } from '../../../contract/controls';
import { NO_CONTROLS } from '../../../contract/no-controls';
import { call } from '../../bridge';
import { currentState, useAppState } from '../../stores/app-state';
import { setRefused } from '../../stores/ui';

let saving: Promise<void> = Promise.resolve();

export function useControlsSettings(): ControlsSettings {
  return useAppState((state) => state.workspace?.settings.controls) ?? NO_CONTROLS;
}

export function saveControls(part: Partial<ControlsSettings>): Promise<void> {
  saving = saving.then(async () => {
    const saved = currentState()?.workspace?.settings.controls ?? NO_CONTROLS;
    const reply = await call('workspace.save', { controls: { ...saved, ...part } });
    setRefused('controls', reply.ok ? null : reply.failure);
  });
  return saving;
}

/** Settled when what was typed is saved. */
export function controlsSaved(): Promise<void> {
  return saving;
}
