/**
 * A read-only reader of Bolt database files (boltdb, bbolt). Knows nothing of what is kept in them.
 *
 * Facts: spec/micromdm.md, section 1.
 */
export type { Bucket } from './bucket';
export { BoltFile, openBolt, type OpenOptions } from './file';
export { displayName, type BoltIssue } from './issue';
export type { BoltEntry } from './page';
export { copyRemote, type RemoteBytes, type RemoteCopyOptions } from './remote';
export { bufferSource, fileSource, type ByteSource } from './source';
export { copyStable, readStable, type CopyOptions, type StableCopy, type StableOptions } from './stable';
