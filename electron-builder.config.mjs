/**
 * What goes into Slipway's packages, and what they refuse to do (docs/install.md). `npm run package` makes them.
 *
 * Nothing here fetches, publishes or updates: packages are carried to a machine without a network.
 */
import { join } from 'node:path';
import { setFuses } from './scripts/fuses.mjs';

/** Where the Electron binary lies in a folder that was packed, by electron-builder's name of the platform. */
const BINARY = {
  linux: () => 'slipway',
  win32: (name) => `${name}.exe`,
  darwin: (name) => join(`${name}.app`, 'Contents', 'MacOS', name),
};

const signed = process.env.CSC_LINK !== undefined || process.env.CSC_NAME !== undefined;

/** @type {import('electron-builder').Configuration} */
export default {
  appId: 'local.slipway',
  productName: 'Slipway',
  executableName: 'slipway',
  copyright: 'Not licensed for distribution',
  artifactName: '${name}-${version}-${os}-${arch}.${ext}',
  directories: { output: 'out/packages', buildResources: 'resources' },
  extraMetadata: {
    // A .deb must name both. Who makes packages for others says who that is.
    author: process.env.SLIPWAY_MAINTAINER ?? 'Slipway <root@localhost>',
    homepage: process.env.SLIPWAY_HOMEPAGE ?? 'about:blank',
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

  async afterPack({ appOutDir, electronPlatformName, packager }) {
    const inside = BINARY[electronPlatformName];
    if (inside === undefined) throw new Error(`Where Electron's binary lies on ${electronPlatformName} is not known.`);
    // Before signing: fuses are bytes of the binary. Throws when one of them cannot be set as decided.
    await setFuses(join(appOutDir, inside(packager.appInfo.productFilename)));
  },

  linux: {
    target: [
      { target: 'AppImage', arch: ['x64', 'arm64'] },
      { target: 'deb', arch: ['x64', 'arm64'] },
    ],
    category: 'System',
    synopsis: 'Move Apple devices from a self-hosted MDM to Fleet',
  },
  deb: { recommends: [] },
  mac: {
    target: [
      { target: 'dmg', arch: ['arm64', 'x64'] },
      { target: 'zip', arch: ['arm64', 'x64'] },
    ],
    category: 'public.app-category.utilities',
    hardenedRuntime: true,
    // Without an identity of one's own at least the machine's: arm64 runs nothing that is not signed at all.
    ...(signed ? {} : { identity: '-' }),
  },
  dmg: { writeUpdateInfo: false },
  win: {
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
