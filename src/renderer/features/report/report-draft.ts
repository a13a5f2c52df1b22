/** What is being typed for the report: kept while the operator looks elsewhere, saved shortly after the last key. */
import { create } from 'zustand';
import { NO_REPORT } from '../../../contract/no-report';
import type { ReportSettings } from '../../../contract/report';
import type { ReplyFailure } from '../../../contract/reply';
import { call } from '../../bridge';
import { currentState, useAppState } from '../../stores/app-state';

interface Held {
  /** The workspace it belongs to. */
  readonly of: string | null;
  readonly draft: ReportSettings | null;
  readonly failure: ReplyFailure | null;
}

const held = create<Held>(() => ({ of: null, draft: null, failure: null }));
const SAVE_AFTER = 400;
let timer: ReturnType<typeof setTimeout> | undefined;

export function useReportDraft(): { readonly draft: ReportSettings; readonly failure: ReplyFailure | null } {
  const { of, draft, failure } = held();
  const workspace = useAppState((state) => state.workspace);
  const mine = draft !== null && of === (workspace?.path ?? null);
  return {
    draft: mine ? draft : (workspace?.settings.report ?? NO_REPORT),
    failure: mine ? failure : null,
  };
}

export function changeReport(part: Partial<ReportSettings>): void {
  const workspace = currentState()?.workspace ?? null;
  const saved = workspace?.settings.report ?? NO_REPORT;
  held.setState((before) => {
    const now = before.draft !== null && before.of === (workspace?.path ?? null) ? before.draft : saved;
    return { of: workspace?.path ?? null, draft: { ...now, ...part } };
  });
  clearTimeout(timer);
  timer = setTimeout(() => void saveReportDraft(), SAVE_AFTER);
}

/** Saves what is typed; gives why not. */
export async function saveReportDraft(): Promise<ReplyFailure | null> {
  clearTimeout(timer);
  const { of, draft } = held.getState();
  const workspace = currentState()?.workspace ?? null;
  if (draft === null || workspace === null || of !== workspace.path) return null;
  const reply = await call('workspace.save', { report: draft });
  const failure = reply.ok ? null : reply.failure;
  held.setState({ failure });
  return failure;
}
