/**
 * Electron's fuses as a package of Slipway has them: what the binary refuses whatever it is started with.
 *
 *   node scripts/fuses.mjs BINARY     sets them in a packaged Electron binary, and reads them back
 *
 * https://www.electronjs.org/docs/latest/tutorial/fuses. Set before signing: they are bytes of the binary.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flipFuses, FuseVersion, FuseV1Options, getCurrentFuseWire } from '@electron/fuses';

/** The ninth, WasmTrapHandlers, is left as Electron has it; the tool's version for Node 20 cannot set it. */
const DECIDED = 9;

/** Every fuse of Electron 45, decided one by one. */
const FUSES = {
  // As a plain Node the binary would run any script with Slipway's name and rights.
  [FuseV1Options.RunAsNode]: false,
  [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
  [FuseV1Options.EnableNodeCliInspectArguments]: false,
  [FuseV1Options.EnableCookieEncryption]: true,
  // Only the bundle that was packed is run, and only as it was packed.
  [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
  [FuseV1Options.OnlyLoadAppFromAsar]: true,
  [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  // The window is served by a protocol of its own; files have no privileges.
  [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
};

/** Sets the fuses of a binary. Throws when it is no Electron, lacks one of them, or has one nobody decided about. */
export async function setFuses(binary) {
  const wire = await getCurrentFuseWire(binary);
  const count = Object.keys(wire).filter((key) => key !== 'version').length;
  if (count < Object.keys(FUSES).length || count > DECIDED) {
    throw new Error(
      `${binary} has ${count} fuses; ${DECIDED} are decided about. Decide about the others in scripts/fuses.mjs.`,
    );
  }
  await flipFuses(binary, { version: FuseVersion.V1, ...FUSES });
  return readFuses(binary);
}

/** Name and state of each fuse of a binary. */
export async function readFuses(binary) {
  const wire = await getCurrentFuseWire(binary);
  return Object.fromEntries(
    Object.keys(FUSES).map((fuse) => [FuseV1Options[Number(fuse)], wire[fuse] === '1'.charCodeAt(0)]),
  );
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === resolve(process.argv[1])) {
  const [binary] = process.argv.slice(2);
  if (binary === undefined) {
    console.error('Name the Electron binary: node scripts/fuses.mjs BINARY');
    process.exit(2);
  }
  console.log(await setFuses(resolve(binary)));
}
