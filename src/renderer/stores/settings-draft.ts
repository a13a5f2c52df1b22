/**
 * A part of the workspace's settings as it is being typed: kept while the operator looks elsewhere, saved shortly after
 * the last key, and forgotten for another workspace.
 */
import { create } from 'zustand';
import type { ReplyFailure } from '../../contract/reply';
import type { Settings } from '../../contract/state';
import { call } from '../bridge';
import { currentState, useAppState } from './app-state';

interface Held<D> {
  /** The workspace it belongs to. */
  readonly of: string | null;
  readonly draft: D | null;
  /** Why it could not be saved. */
  readonly failure: ReplyFailure | null;
}

export interface SettingsDraft<D> {
  readonly use: () => { readonly draft: D; readonly failure: ReplyFailure | null };
  readonly now: () => D;
  readonly change: (part: Partial<D>) => void;
  /** Saves what is typed; gives why not. Null when it is saved, or nothing was to be. */
  readonly save: () => Promise<ReplyFailure | null>;
}

const SAVE_AFTER = 400;

/**
 * @param read what is typed over; also where no workspace is open
 * @param write what is saved of it, as far as it can be
 */
export function settingsDraft<D>(
  read: (saved: Settings | undefined) => D,
  write: (draft: D, saved: Settings) => Partial<Settings>,
): SettingsDraft<D> {
  const held = create<Held<D>>(() => ({ of: null, draft: null, failure: null }));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = (): D => {
    const { of, draft } = held.getState();
    const workspace = currentState()?.workspace ?? null;
    return draft !== null && of === (workspace?.path ?? null) ? draft : read(workspace?.settings);
  };
  const save = async (): Promise<ReplyFailure | null> => {
    clearTimeout(timer);
    const { of, draft } = held.getState();
    const workspace = currentState()?.workspace ?? null;
    if (draft === null || workspace === null || of !== workspace.path) return null;
    const reply = await call('workspace.save', write(draft, workspace.settings));
    const failure = reply.ok ? null : reply.failure;
    held.setState({ failure });
    return failure;
  };
  return {
    now,
    save,
    use: () => {
      const { of, draft, failure } = held();
      const workspace = useAppState((state) => state.workspace);
      const mine = draft !== null && of === (workspace?.path ?? null);
      return { draft: mine ? draft : read(workspace?.settings), failure: mine ? failure : null };
    },
    change: (part) => {
      held.setState({ of: currentState()?.workspace?.path ?? null, draft: { ...now(), ...part } });
      clearTimeout(timer);
      timer = setTimeout(() => void save(), SAVE_AFTER);
    },
  };
}
