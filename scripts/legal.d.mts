/** Writes the SBOM (sbom.cdx.json) and the licences (LICENCES.txt) of what the build holds into a folder. */
export function writeLegal(folder: string): void;
