/**
 * What goes into Slipway's packages, and what they refuse to do (docs/install.md). `npm run package` makes them.
 *
 * Nothing here fetches, publishes or updates: packages are carried to a machine without a network.
 */
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeContents } from './scripts/contents.mjs';
import { setFuses } from './scripts/fuses.mjs';

/** Where the Electron binary lies in a folder that was packed, by electron-builder's name of the platform. */
const BINARY = {
  linux: () => 'slipway',
  win32: (name) => `${name}.exe`,
  darwin: (name) => join(`${name}.app`, 'Contents', 'MacOS', name),
};

/** Electron's own licences as its distribution names them, and as they lie in a package. */
const LICENCES = [
  ['LICENSE', 'LICENSE.electron.txt'],
  ['LICENSES.chromium.html', 'LICENSES.chromium.html'],
];

const signed = process.env.CSC_LINK !== undefined || process.env.CSC_NAME !== undefined;

/** Taken apart: electron-builder does that with package.json's own author only. */
function maintainer(said) {
  const [, name, email] = /^([^<>]+) <([^<>\s]+@[^<>\s]+)>$/.exec(said) ?? [];
  if (email === undefined) throw new Error('SLIPWAY_MAINTAINER must be written as Name <address@host>.');
  return { name, email };
}

/** @type {import('electron-builder').Configuration} */
export default {
  appId: 'local.slipway',
  productName: 'Slipway',
  copyright: 'Not licensed for distribution',
  artifactName: '${name}-${version}-${os}-${arch}.${ext}',
  directories: { output: 'out/packages', buildResources: 'resources' },
  extraMetadata: {
    // A .deb must name both. Who makes packages for others says who that is.
    author: maintainer(process.env.SLIPWAY_MAINTAINER ?? 'Slipway <root@localhost>'),
    homepage: process.env.SLIPWAY_HOMEPAGE ?? 'about:blank',
    // What the desktop knows a window of ours by: it then shows our icon beside it.
    desktopName: 'slipway.desktop',
  },

  // The bundles hold the packages they need, so no node_modules: what is not named here is not in the package.
  files: ['out/main/**/*', 'out/preload/**/*', 'out/renderer/**/*', 'package.json', '!**/*.map', '!**/node_modules/**'],
  extraResources: [
    { from: 'resources/sample', to: 'sample' },
    { from: 'out/legal', to: 'legal' },
  ],
  asar: true,
  npmRebuild: false,
  nodeGypRebuild: false,
  buildDependenciesFromSource: false,
  publish: null,
  generateUpdatesFilesForAllChannels: false,

  // electron-builder does this with an Electron it fetched itself, not with one that was given to it.
  afterExtract({ appOutDir, electronPlatformName, packager }) {
    const mac = electronPlatformName === 'darwin';
    const resources = join(appOutDir, mac ? join('Electron.app', 'Contents', 'Resources') : 'resources');
    rmSync(join(resources, 'default_app.asar'), { force: true });
    rmSync(join(appOutDir, 'version'), { force: true });
    if (!mac) return;
    // Of an unpacked one it takes the .app alone; the licences, which must go along, lie beside that.
    for (const [name, kept] of LICENCES) {
      const beside = join(packager.config.electronDist, name);
      if (existsSync(beside)) copyFileSync(beside, join(resources, kept));
    }
  },

  async afterPack({ appOutDir, electronPlatformName, packager }) {
    const inside = BINARY[electronPlatformName];
    if (inside === undefined) throw new Error(`Where Electron's binary lies on ${electronPlatformName} is not known.`);
    // Before signing: fuses are bytes of the binary. Throws when one of them cannot be set as decided.
    await setFuses(join(appOutDir, inside(packager.appInfo.productFilename)));
    writeContents(packager.getResourcesDir(appOutDir));
  },

  linux: {
    target: [
      { target: 'AppImage', arch: ['x64', 'arm64'] },
      { target: 'deb', arch: ['x64', 'arm64'] },
    ],
    executableName: 'slipway',
    icon: 'icons',
    category: 'System',
    synopsis: 'Move Apple devices from a self-hosted MDM to Fleet',
    description:
      'Reads the devices of a MicroMDM, a NanoMDM or a table of another server, and writes them into Fleet: ' +
      'planned, rehearsed, read back.',
    // Beside the archive, because the window is given it by path.
    extraResources: [{ from: 'resources/icons/256.png', to: 'icon.png' }],
    desktop: { entry: { Keywords: 'MDM;Fleet;Apple;MicroMDM;NanoMDM;', StartupNotify: 'true' } },
    syncDesktopName: true,
  },
  deb: { packageCategory: 'admin', priority: 'optional', recommends: [] },
  mac: {
    target: [
      { target: 'dmg', arch: ['arm64', 'x64'] },
      { target: 'zip', arch: ['arm64', 'x64'] },
    ],
    icon: 'icon.icns',
    category: 'public.app-category.utilities',
    hardenedRuntime: true,
    // Without an identity of one's own at least the machine's: arm64 runs nothing that is not signed at all.
    ...(signed ? {} : { identity: '-' }),
  },
  dmg: { writeUpdateInfo: false },
  win: {
    icon: 'icon.ico',
    target: [
      { target: 'nsis', arch: ['x64'] },
      { target: 'portable', arch: ['x64'] },
    ],
  },
  nsis: {
    artifactName: '${name}-${version}-${os}-${arch}-setup.${ext}',
    oneClick: false,
    allowToChangeInstallationDirectory: true,
    deleteAppDataOnUninstall: false,
    differentialPackage: false,
  },
  portable: { artifactName: '${name}-${version}-${os}-${arch}-portable.${ext}' },
};
