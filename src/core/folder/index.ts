/** Folders that are only read, on this machine or another. */
export { type Folder, type FolderEntry } from './folder';
export { localFolder } from './local';
