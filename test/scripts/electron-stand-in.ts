/**
 * Folders that stand for an unpacked Electron, since the npm package brings none: what electron-builder and the fuses' tool
 * look at, in its places, around a binary that is nothing but padding and the fuse wire. None of it runs.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const SENTINEL = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX');
const WIRE = Buffer.concat([
  Buffer.alloc(5_000, 0x90),
  SENTINEL,
  // Version 1, nine fuses, as Electron 45 is delivered.
  Buffer.from([1, 9]),
  Buffer.from('101100110'),
  Buffer.alloc(3_000),
]);

export type System = 'linux' | 'darwin' | 'win32';

/** Makes the folder. @param version what it says it is */
export function standInForElectron(folder: string, system: System, version: string): void {
  const put = (name: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
  for (const name of ['version', 'LICENSE', 'LICENSES.chromium.html']) put(name, version);
  if (system === 'darwin') {
    for (const [app, name] of [
      ['Electron.app', 'Electron'],
      ['Electron.app/Contents/Frameworks/Electron Helper.app', 'Electron Helper'],
    ] as const) {
      put(`${app}/Contents/Info.plist`, plist(name));
      put(`${app}/Contents/MacOS/${name}`, 'starts the framework');
    }
    put('Electron.app/Contents/Frameworks/Electron Framework.framework/Electron Framework', WIRE);
    put('Electron.app/Contents/Resources/default_app.asar', 'what Electron shows on its own');
    put('Electron.app/Contents/Resources/electron.icns', 'Electron’s icon');
    return;
  }
  put('resources/default_app.asar', 'what Electron shows on its own');
  if (system === 'win32') put('electron.exe', executable());
  else put('electron', WIRE);
  if (system === 'linux') chmodSync(join(folder, 'electron'), 0o755);
}

function plist(name: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>CFBundleExecutable</key><string>${name}</string><key>CFBundleIconFile</key><string>electron.icns</string></dict></plist>
`;
}

interface VersionInfo {
  outputToResourceEntries(entries: unknown[]): void;
  setStringValues(language: { lang: number; codepage: number }, values: Record<string, string>): void;
}
interface Executable {
  generate(): ArrayBuffer;
}
interface Resedit {
  NtExecutable: { createEmpty(is32Bit: boolean, isDLL: boolean): Executable; from(bytes: ArrayBuffer): Executable };
  NtExecutableResource: { from(executable: Executable): { entries: unknown[]; outputResource(to: Executable): void } };
  Resource: { VersionInfo: { createEmpty(): VersionInfo } };
}

/** An .exe of nothing but a version's description and, behind it, the wire. */
function executable(): Buffer {
  const { NtExecutable, NtExecutableResource, Resource } = require(
    require.resolve('resedit', { paths: [require.resolve('app-builder-lib')] }),
  ) as Resedit;
  const empty = NtExecutable.createEmpty(false, false);
  const resources = NtExecutableResource.from(empty);
  const about = Resource.VersionInfo.createEmpty();
  about.setStringValues({ lang: 1033, codepage: 1200 }, { ProductName: 'Electron' });
  about.outputToResourceEntries(resources.entries);
  resources.outputResource(empty);
  return Buffer.concat([Buffer.from(empty.generate()), WIRE]);
}
