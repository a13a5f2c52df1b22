/** Writes SHA256SUMS and contents.txt into a packed folder of resources. */
export function writeContents(resources: string): void;
