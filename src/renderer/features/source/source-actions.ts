/** What can be done at Source, for the top bar, the screen and the palette. */
import { Download, FileSearch, FlaskConical, FolderOpen, PenLine, Plus, RefreshCw, Route } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { perform } from '../../hooks/use-call';
import { currentState } from '../../stores/app-state';
import { currentRoute, goTo } from '../../stores/route';
import { readingOf, readWay, takeWay, wayNow, type Aim } from './source-draft';

/** Queries under which the ways in are shown although something was read: another source, or one more. */
const OTHER = 'other';
export const ADD = 'add';

/** What the form on the screen is for; null while what was read is shown. */
export function aimOf(query: string, state: AppState | null): Aim | null {
  const ways = state?.workspace?.settings.source.ways ?? [];
  const edited = /^edit=(\d)$/.exec(query)?.[1];
  if (edited !== undefined && ways.some(({ slot }) => slot === Number(edited))) {
    return ways.length > 1 ? Number(edited) : 'only';
  }
  if (query === ADD && ways.length > 0) return 'add';
  if (query === OTHER) return 'only';
  if (state?.source == null) return ways.length > 1 ? (ways[0]?.slot ?? 'only') : 'only';
  return null;
}

export async function chooseSourceFile(): Promise<void> {
  const path = await perform('source', 'file.choose', { purpose: 'source' });
  if (path !== null) await readSourceFile(path);
}

/** Reads MicroMDM's database at once; for a folder or table the form is filled in: more may belong to those. */
export async function readSourceFile(path: string): Promise<void> {
  const named = await perform('source', 'source.fromFile', { path });
  if (named === null) return;
  const route = currentRoute();
  const query = route.step === 'source' ? route.query : '';
  const aim = aimOf(query, currentState()) ?? 'only';
  if (named.way.server === 'micromdm' && aim === 'only') {
    await perform('source', 'source.read', { reference: named.reference });
    return;
  }
  takeWay(aim, named.way);
  if (query === '' && currentState()?.source != null) goTo('source', OTHER);
}

export function sourcePrimary(state: AppState): Action | null {
  const cannot = state.job === null ? null : 'Something else is under way.';
  const { step, query } = currentRoute();
  const aim = aimOf(step === 'source' ? query : '', state);
  if (aim !== null) {
    const way = wayNow(aim);
    // A file that could not be read has its "Try again" beside the failure: here it is another one.
    const failed = state.source === null && way.path === state.workspace?.settings.source.ways[0]?.path;
    if (way.place === 'file' && (way.path.trim() === '' || (way.server === 'micromdm' && failed)))
      return { id: 'choose', label: 'Choose a file…', icon: FolderOpen, run: () => void chooseSourceFile(), cannot };
    return { id: 'read', label: readingOf(way), icon: Download, run: () => void readWay(aim), cannot };
  }
  if (state.source === null) return null;
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
  const sample: Action = {
    id: 'sample',
    label: 'Open the sample migration',
    icon: FlaskConical,
    run: () => void perform('source', 'source.sample', undefined),
  };
  if (state.source === null) return [sample];
  const others: Action[] = [
    { id: 'choose', label: 'Read another file…', icon: FileSearch, run: () => void chooseSourceFile() },
    {
      id: 'other',
      label: 'Read another source…',
      icon: Route,
      run: () => {
        goTo('source', OTHER);
      },
    },
  ];
  if (state.source.sample) return [...others, sample];
  const [only, second] = state.workspace?.settings.source.ways ?? [];
  if (only !== undefined && second === undefined)
    others.push({
      id: 'edit',
      label: 'Change how it is read…',
      icon: PenLine,
      run: () => {
        goTo('source', `edit=${only.slot}`);
      },
    });
  return [
    ...others,
    {
      id: 'add',
      label: 'Add another source…',
      icon: Plus,
      run: () => {
        goTo('source', ADD);
      },
    },
    sample,
  ];
}
