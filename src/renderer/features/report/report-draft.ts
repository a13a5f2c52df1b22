/** What is being typed for the report. */
import { NO_REPORT } from '../../../contract/no-report';
import { settingsDraft } from '../../stores/settings-draft';

export const {
  use: useReportDraft,
  change: changeReport,
  save: saveReportDraft,
} = settingsDraft(
  (saved) => saved?.report ?? NO_REPORT,
  (report) => ({ report }),
);
