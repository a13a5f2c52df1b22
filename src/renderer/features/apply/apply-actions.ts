/** What can be done at Apply, for the top bar, the screen and the palette. */
import { FileDiff, FlaskConical, PenLine, ScanSearch, Undo2 } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { goTo } from '../../stores/route';
import { openDialog } from '../../stores/ui';
import { goingIn, isTakenBack, standingOf, type Standing } from './apply-standing';

export const REHEARSE_DIALOG = 'apply/rehearse';
export const WRITE_DIALOG = 'apply/write';

/** The dialog that takes back what a journal names; `rehearse` does it and rolls it back. */
export function undoDialog(journal: string, rehearse: boolean): string {
  return `${rehearse ? 'undo/rehearse' : 'undo/write'} ${journal}`;
}

export function undoOf(dialog: string | null): { journal: string; rehearse: boolean } | null {
  const found = /^undo\/(rehearse|write) (.*)$/s.exec(dialog ?? '');
  return found === null ? null : { rehearse: found[1] === 'rehearse', journal: found[2] ?? '' };
}

function rehearse({ cannot, rehearsal }: Standing): Action {
  return {
    id: 'rehearse',
    label: rehearsal === null ? 'Rehearse…' : 'Rehearse again…',
    icon: FlaskConical,
    run: () => {
      openDialog(REHEARSE_DIALOG);
    },
    cannot,
  };
}

function write({ cannot, plan, applied }: Standing): Action {
  return {
    id: 'write',
    label: applied?.state === 'stopped' ? 'Go on writing…' : `Write ${counted(goingIn(plan), 'device')}…`,
    icon: PenLine,
    run: () => {
      openDialog(WRITE_DIALOG);
    },
    cannot,
  };
}

function verifyAction(state: AppState): Action {
  return {
    id: 'verify',
    label: 'Read back again',
    icon: ScanSearch,
    run: () => void perform('apply', 'apply.verify', undefined),
    cannot:
      state.job !== null ? 'Something else is under way.' : state.fleet === null ? 'Connect to Fleet first.' : null,
  };
}

export function undoActions(state: AppState, journal: string): readonly Action[] {
  const cannot =
    state.job !== null ? 'Something else is under way.' : state.fleet === null ? 'Connect to Fleet first.' : null;
  return [
    {
      id: 'rehearse-undo',
      label: 'Rehearse taking it back…',
      icon: FlaskConical,
      run: () => {
        openDialog(undoDialog(journal, true));
      },
      cannot,
    },
    {
      id: 'undo',
      label: 'Take it back…',
      icon: Undo2,
      danger: true,
      run: () => {
        openDialog(undoDialog(journal, false));
      },
      cannot,
    },
  ];
}

export function applyPrimary(state: AppState): Action | null {
  const standing = standingOf(state);
  if (standing === null) return null;
  const { rehearsal, applied, undone } = standing;
  // What was taken back is planned again before anything else.
  if (isTakenBack(undone)) {
    return {
      id: 'plan',
      label: 'Go to Plan',
      icon: FileDiff,
      run: () => {
        goTo('plan', '');
      },
    };
  }
  if (applied !== null) return applied.state === 'stopped' ? write(standing) : verifyAction(state);
  return rehearsal?.state === 'complete' ? write(standing) : rehearse(standing);
}

export function applyMore(state: AppState): readonly Action[] {
  const standing = standingOf(state);
  if (standing === null) return [];
  const all = [
    rehearse(standing),
    write(standing),
    ...(standing.applied === null ? [] : [verifyAction(state), ...undoActions(state, standing.applied.journal)]),
  ];
  const first = applyPrimary(state)?.id;
  return all.filter(({ id }) => id !== first);
}
