/** Values of NanoMDM's file stores: when one is none, and when it is more than any device sends. */
import type { FolderListing } from './folder-listing';
import { LARGEST_VALUE } from './store';

/** True for nothing, and for a file that is there and empty. */
export function isNothing(value: Buffer | null): value is null {
  return value === null || value.length === 0;
}

/** Names of the values whose files are larger than {@link LARGEST_VALUE}. */
export function oversizedOf(listing: FolderListing, paths: Readonly<Record<string, string>>): string[] {
  return Object.entries(paths)
    .filter(([, path]) => (listing.size(path) ?? 0) > LARGEST_VALUE)
    .map(([name]) => name);
}
