/** Where the app keeps what is its own, apart from any workspace: none of it ever travels with a handed-over one. */
import { join } from 'node:path';
import { app } from 'electron';

const mine = (...parts: string[]): string => join(app.getPath('userData'), ...parts);

export const appFolders = {
  /** Private copies of sources, by workspace. */
  copies: () => mine('copies'),
  copiesOf: (workspaceId: string) => mine('copies', workspaceId),
  /** Remembered secrets, encrypted by the system's keychain. */
  secretsOf: (workspaceId: string) => mine('secrets', `${workspaceId}.json`),
  /** The throw-away workspace of the sample. */
  sample: () => mine('sample'),
  recent: () => mine('recent.json'),
  windowPlace: () => mine('window.json'),
  /** SQL as it is shown, with secrets masked; emptied at each start. */
  preview: () => mine('preview'),
  /** The window's icon, where the system does not take it from the program's own file: Linux. */
  icon: () =>
    app.isPackaged ? join(process.resourcesPath, 'icon.png') : join(app.getAppPath(), 'resources', 'icons', '256.png'),
  /** The bundled sample source. Beside the bundle when packaged: a worker reads it by path. */
  sampleSource: () =>
    app.isPackaged
      ? join(process.resourcesPath, 'sample', 'micromdm.db')
      : join(app.getAppPath(), 'resources', 'sample', 'micromdm.db'),
} as const;
