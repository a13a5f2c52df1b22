/** What is being typed for the switch. */
import type { CutoverSettings } from '../../../contract/cutover';
import { NO_CUTOVER } from '../../../contract/no-cutover';
import type { ReplyFailure } from '../../../contract/reply';
import { useAppState } from '../../stores/app-state';
import { settingsDraft } from '../../stores/settings-draft';

const { use, change, save } = settingsDraft(
  (saved) => saved?.cutover ?? NO_CUTOVER,
  (draft, saved) => ({ cutover: { ...draft, profile: saved.cutover.profile } }),
);

export { change as changeCutover };

export function useCutoverDraft(): { readonly draft: CutoverSettings; readonly failure: ReplyFailure | null } {
  const { draft, failure } = use();
  // The profile is chosen in the main process, and only there.
  const profile = useAppState((state) => state.workspace?.settings.cutover.profile ?? NO_CUTOVER.profile);
  return { draft: { ...draft, profile }, failure };
}

/** Saves what is typed. True when it is saved, or nothing was to be. */
export async function saveCutoverDraft(): Promise<boolean> {
  return (await save()) === null;
}
