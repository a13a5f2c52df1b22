/** What is being typed for the switch: kept while the operator looks elsewhere, saved shortly after the last key. */
import { create } from 'zustand';
import type { CutoverSettings } from '../../../contract/cutover';
import { NO_CUTOVER } from '../../../contract/no-cutover';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { currentState, useAppState } from '../../stores/app-state';

interface Held {
  /** The workspace it belongs to. */
  readonly of: string | null;
  readonly draft: CutoverSettings | null;
  readonly failure: ReplyFailure | null;
}

const held = create<Held>(() => ({ of: null, draft: null, failure: null }));
const SAVE_AFTER = 400;
let timer: ReturnType<typeof setTimeout> | undefined;

export function useCutoverDraft(): { readonly draft: CutoverSettings; readonly failure: ReplyFailure | null } {
  const { of, draft, failure } = held();
  const workspace = useAppState((state) => state.workspace);
  const mine = draft !== null && of === (workspace?.path ?? null);
  const saved = workspace?.settings.cutover ?? NO_CUTOVER;
  // The profile is chosen in the main process, and only there.
  return { draft: mine ? { ...draft, profile: saved.profile } : saved, failure: mine ? failure : null };
}

export function changeCutover(part: Partial<CutoverSettings>): void {
  const workspace = currentState()?.workspace ?? null;
  const saved = workspace?.settings.cutover ?? NO_CUTOVER;
  held.setState((before) => {
    const now = before.draft !== null && before.of === (workspace?.path ?? null) ? before.draft : saved;
    return { of: workspace?.path ?? null, draft: { ...now, ...part } };
  });
  clearTimeout(timer);
  timer = setTimeout(() => void saveCutoverDraft(), SAVE_AFTER);
}

/** Saves what is typed. True when it is saved, or nothing was to be. */
export async function saveCutoverDraft(): Promise<boolean> {
  clearTimeout(timer);
  const { of, draft } = held.getState();
  const workspace = currentState()?.workspace ?? null;
  if (draft === null || workspace === null || of !== workspace.path) return true;
  const { profile } = workspace.settings.cutover;
  const reply = await call('workspace.save', { cutover: { ...draft, profile } });
  held.setState({ failure: reply.ok ? null : reply.failure });
  return reply.ok;
}
