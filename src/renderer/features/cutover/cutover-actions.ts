/** What can be done at Cutover, for the top bar and the palette. */
import { Radar } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { goTo } from '../../stores/route';
import { probeNow } from './probe-store';

export function cutoverPrimary(state: AppState): Action {
  return {
    id: 'probe',
    label: state.probes === null ? 'Ask the network' : 'Ask the network again',
    icon: Radar,
    run: () => {
      goTo('cutover', 'view=probe');
      void probeNow();
    },
    cannot: state.workspace === null ? 'Open a workspace first.' : null,
  };
}
