/** What the old server is called where the window speaks of it. */
import type { SourceServer } from '../../contract/source-ways';

const NAMES: Readonly<Record<string, string>> = {
  micromdm: 'MicroMDM',
  nanomdm: 'NanoMDM',
  csv: 'the table',
  several: 'the sources',
};

/** The source by its kind: `MicroMDM`, `the table`. */
export function sourceName(kind: string): string {
  return NAMES[kind] ?? 'the source';
}

export function capitalised(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** The same for a choice of the form. */
export const SERVER_NAMES: Readonly<Record<SourceServer, string>> = {
  micromdm: 'MicroMDM',
  nanomdm: 'NanoMDM',
  csv: 'Another MDM: a table',
};
