/**
 * A read-only reader of Bolt database files (boltdb, bbolt). Knows nothing of what is kept in them.
 *
 * Facts: spec/micromdm.md, section 1.
 */
export type { Bucket } from './bucket';
export { BoltFile, openBolt } from './file';
export { displayName, type BoltIssue } from './issue';
export { copyRemote, type RemoteBytes, type RemoteCopyOptions } from './remote';
export { bufferSource, fileSource, type ByteSource } from './source';
export { copyStable, readStable, type StableOptions } from './stable';
