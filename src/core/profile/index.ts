/** Silent renewal: the profile Fleet renews migrated devices with, its check against what is installed, and a forecast. */
export { chooseBase } from './base';
export { readChallenge } from './challenge';
export { compareProfiles, sha256Of, type Comparison } from './comparison';
export { readEnrollment, readInstalled, type Enrollment } from './enrollment';
export { base64Of, environmentLine } from './environment';
export { forecastRenewals, type Forecast } from './forecast';
export { maskedLines } from './masked';
export { PROFILE_PROBLEM_CODES, type ProfileProblem, type ProfileProblemCode } from './problem';
export { checkedRenewal, requireFitting, type CheckedRenewal } from './checked';
export { makeRenewal, parseServerUrl } from './renewal';
export { microMdmTemplate } from './template';
