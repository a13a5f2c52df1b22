/** The inspector: what files are, what belongs together, what is wrong with them. Offline, bounded, and it never writes. */
export { printSerial } from './assembly';
export { compare, type Difference } from './comparison';
export { inspectFiles, type InspectInput, type InspectOptions } from './inspect';
export { Inspection, type Material } from './inspection';
export type { Chain, Facts, IssuerLink, Item, Kind, Place, Problem, ProblemSeverity, Role, SkippedFile } from './item';
export { csv, listing, type ListedItem, type Listing } from './listing';
export { exportPart, type PartFormat, type PartOptions } from './part';
export type { PasswordFor, PasswordHint } from './password';
export type { ProblemCode } from './problem';
export {
  assessPushRequest,
  checkPushReply,
  makePushRequest,
  pushSubject,
  requirePushKey,
  requireUsableRequest,
  type PushAssessment,
  type PushMaterial,
  type PushReply,
  type PushReplyCheck,
  type RenewalNote,
  type RenewalWay,
} from './push-renewal';
export { signPushRequest, writePushRequest } from './push-request';
