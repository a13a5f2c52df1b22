/** What can be done at Source, for the top bar, the screen and the palette. */
import { FileSearch, FlaskConical, FolderOpen, RefreshCw, Server } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';
import { goTo } from '../../stores/route';

/** The query under which the ways in are shown although something was read. */
export const OTHER = 'other';

export async function chooseSourceFile(): Promise<void> {
  const path = await perform('source', 'file.choose', { purpose: 'source' });
  if (path !== null) await readSourceFile(path);
}

export async function readSourceFile(path: string): Promise<void> {
  const named = await perform('source', 'source.fromFile', { path });
  if (named !== null) await perform('source', 'source.read', { reference: named.reference });
}

export function sourcePrimary(state: AppState): Action {
  const cannot = state.job === null ? null : 'Something else is under way.';
  if (state.source === null) {
    return {
      id: 'choose',
      label: 'Choose a file…',
      icon: FolderOpen,
      run: () => void chooseSourceFile(),
      cannot,
    };
  }
  const { reference } = state.source;
  return {
    id: 'again',
    label: 'Read again',
    icon: RefreshCw,
    run: () => void perform('source', 'source.read', { reference }),
    cannot,
  };
}

export function sourceMore(state: AppState): readonly Action[] {
  const others: Action[] = [
    {
      id: 'server',
      label: 'Read from a MicroMDM server…',
      icon: Server,
      run: () => {
        goTo('source', OTHER);
      },
    },
    {
      id: 'sample',
      label: 'Open the sample migration',
      icon: FlaskConical,
      run: () => void perform('source', 'source.sample', undefined),
    },
  ];
  if (state.source === null) return others;
  return [
    { id: 'choose', label: 'Read another file…', icon: FileSearch, run: () => void chooseSourceFile() },
    ...others,
  ];
}
