/** What can be done at Report, for the top bar and the palette. */
import { FileCheck } from 'lucide-react';
import type { AppState } from '../../../contract/state';
import type { Action } from '../../components/action';
import { toast } from '../../components/toast';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { saveReportDraft } from './report-draft';

export function reportPrimary(state: AppState): Action {
  return {
    id: 'write',
    label: state.reportedAt === null ? 'Write the report…' : 'Write it again…',
    icon: FileCheck,
    run: () => void writeReport(),
    cannot:
      state.source === null ? 'Read the source first.' : state.job === null ? null : 'Something else is under way.',
  };
}

async function writeReport(): Promise<void> {
  if ((await saveReportDraft()) !== null) return;
  const written = await perform('report', 'report.write', undefined);
  if (written !== null) toast(`Report written, ${counted(written.files.length, 'file')}`, written.folder);
}
