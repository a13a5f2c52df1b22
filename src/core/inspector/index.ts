/** The inspector: what files are, what belongs together, what is wrong with them. Offline, bounded, and it never writes. */
export { printSerial } from './assembly';
export { compare } from './comparison';
export { inspectFiles, type InspectInput } from './inspect';
export { Inspection } from './inspection';
export type { Item } from './item';
export { csv, listing } from './listing';
export { exportPart, type PartFormat } from './part';
export type { PasswordFor } from './password';
export {
  assessPushRequest,
  checkPushReply,
  makePushRequest,
  pushSubject,
  requirePushKey,
  requireUsableRequest,
  type PushMaterial,
  type RenewalNote,
} from './push-renewal';
export { signPushRequest, writePushRequest } from './push-request';
