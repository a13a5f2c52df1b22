/** The action that leads to another step: what a screen offers when something else comes first. */
import type { StepName } from '../../contract/state';
import type { Action } from '../components/action';
import { goTo } from '../stores/route';

export function goAction(step: StepName, label: string): Action {
  return {
    id: step,
    label,
    run: () => {
      goTo(step);
    },
  };
}
