/** Plain data, without the schemas beside it: the window takes it along as it is. */
import type { ReportSettings } from './report';

/** Nothing is typed for the report yet. */
export const NO_REPORT: ReportSettings = {
  title: '',
  preparedBy: '',
  owners: {},
  redirects: null,
  renewal: null,
  ownBackup: null,
};
