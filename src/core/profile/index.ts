/** Silent renewal: the profile Fleet renews migrated devices with, its check against what is installed, and a forecast. */
export { chooseBase, type BaseInput } from './base';
export { readChallenge } from './challenge';
export {
  carriesChallenge,
  compareProfiles,
  sha256Of,
  type ComparedField,
  type Comparison,
  type ComparisonOptions,
  type InstalledGroup,
} from './comparison';
export { readEnrollment, readInstalled, VARIABLE, type Enrollment, type EnrollmentForm } from './enrollment';
export { base64Of, environmentLine } from './environment';
export { forecastRenewals, type Forecast, type ForecastWeek, type ObstacleGroup } from './forecast';
export { maskedLines, type MaskedLine } from './masked';
export { PROFILE_PROBLEM_CODES, type ProfileProblem, type ProfileProblemCode } from './problem';
export { checkedRenewal, requireFitting, type CheckedRenewal } from './checked';
export { makeRenewal, parseServerUrl, type RenewalProfile } from './renewal';
export { microMdmTemplate } from './template';
