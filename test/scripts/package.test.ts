/**
 * The packages: the configuration by electron-builder's own schema, a package packed around a folder that stands for
 * Electron and looked into, what is written about its contents, and the command line as one file.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parsePlist } from 'plist';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import config from '../../electron-builder.config.mjs';
import { readFuses } from '../../scripts/fuses.mjs';
import { icns, ico, SIZES } from '../../scripts/icons.mjs';
import { writeLegal } from '../../scripts/legal.mjs';
import { standInForElectron, type System } from './electron-stand-in';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(import.meta.url);

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'slipway-package-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Validator {
  validateConfiguration(configuration: unknown, log: unknown): Promise<void>;
}
const { validateConfiguration } = require('app-builder-lib/out/util/config/config.js') as Validator;

describe('the configuration', () => {
  it('is one that electron-builder takes', async () => {
    await validateConfiguration(config, { isEnabled: false });
    await expect(validateConfiguration({ ...config, updates: true }, { isEnabled: false })).rejects.toThrow(/updates/);
  });

  it('publishes nothing, updates nothing and runs no script of a package', () => {
    expect(config).toMatchObject({ publish: null, npmRebuild: false, nodeGypRebuild: false, asar: true });
    expect(config.dmg?.writeUpdateInfo).toBe(false);
    expect(config.nsis?.differentialPackage).toBe(false);
    expect(JSON.stringify(config)).not.toMatch(/https?:/);
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
      string,
      object
    >;
    expect(Object.keys({ ...dependencies, ...devDependencies })).not.toContain('electron-updater');
  });
});

/** electron-builder writes into the configuration it is given, so each package takes a copy. */
function copied<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copied) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copied(part as unknown)])) as T;
}

/** Packs for a system; the folder the package comes to. */
async function pack(system: System, target: string, more: object = {}): Promise<string> {
  const [dist, output, legal] = [join(folder, `electron-${system}`), join(folder, system), join(folder, 'legal')];
  standInForElectron(dist, system, '45.4.1');
  writeLegal(legal);
  const fresh = copied(config);
  const { build, Platform, Arch } = await import('electron-builder');
  const platform = { linux: Platform.LINUX, darwin: Platform.MAC, win32: Platform.WINDOWS }[system];
  await build({
    projectDir: ROOT,
    targets: platform.createTarget([target], Arch.x64),
    config: {
      ...fresh,
      directories: { ...fresh.directories, output },
      extraResources: [
        { from: 'resources/sample', to: 'sample' },
        { from: legal, to: 'legal' },
      ],
      electronDist: dist,
      ...more,
    },
    publish: 'never',
  });
  return output;
}

const { extractFile, getRawHeader, listPackage } = require('@electron/asar') as {
  extractFile(file: string, path: string): Buffer;
  getRawHeader(file: string): { headerString: string };
  listPackage(file: string): string[];
};
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
const DECIDED = {
  RunAsNode: false,
  EnableNodeOptionsEnvironmentVariable: false,
  EnableNodeCliInspectArguments: false,
  EnableEmbeddedAsarIntegrityValidation: true,
  OnlyLoadAppFromAsar: true,
};

describe('packages, around folders that stand for Electron', () => {
  const resources: Record<System, string> = { linux: '', darwin: '', win32: '' };
  const inResources = (system: System): string[] =>
    readdirSync(resources[system], { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.\w+$|SUMS$/.test(name))
      .sort();
  let linux: string;
  let mac: string;
  let windows: string;
  beforeAll(async () => {
    process.env['CUSTOM_FPM_PATH'] = join(import.meta.dirname, 'fpm-stand-in.mjs');
    linux = await pack('linux', 'deb');
    delete process.env['CUSTOM_FPM_PATH'];
    mac = join(await pack('darwin', 'dir'), 'mac', 'Slipway.app', 'Contents');
    windows = join(await pack('win32', 'dir'), 'win-unpacked');
    resources.linux = join(linux, 'linux-unpacked', 'resources');
    resources.darwin = join(mac, 'Resources');
    resources.win32 = join(windows, 'resources');
  });

  it('hold the bundles and nothing else, no node_modules and no sources', () => {
    const packed = listPackage(join(resources.linux, 'app.asar'));
    const files = packed.filter((name) => /\.\w+$/.test(name));
    expect(files).toEqual(
      expect.arrayContaining([
        '/package.json',
        '/out/main/index.js',
        '/out/main/engine.worker.js',
        '/out/preload/index.cjs',
        '/out/renderer/index.html',
      ]),
    );
    expect(files.filter((name) => !/^\/package\.json$|^\/out\/(main|preload|renderer)\//.test(name))).toEqual([]);
    expect(files.filter((name) => /\.(map|ts|node|db|pem|key)$|node_modules/.test(name))).toEqual([]);
  });

  it('need no package at run time but Electron', () => {
    const archive = join(resources.linux, 'app.asar');
    const scripts = listPackage(archive).filter((name) => /^\/out\/main\/.*\.js$/.test(name));
    const wanted = scripts.flatMap((name) => {
      const text = extractFile(archive, name.slice(1)).toString('utf8');
      return [...text.matchAll(/^import [^;]*?from ["']([^."'][^"']*)["']/gm)].map(([, module]) => module ?? '');
    });
    expect([...new Set(wanted)].filter((module) => !module.startsWith('node:'))).toEqual(['electron']);
  });

  it('have sample, SBOM and licences beside the archive, and nothing of Electron’s own app or of updates', () => {
    const ours = [
      'SHA256SUMS',
      'app.asar',
      'contents.txt',
      'legal/LICENCES.txt',
      'legal/sbom.cdx.json',
      'sample/micromdm.db',
    ];
    // AppArmor's profile is put beside them by the .deb's own making.
    expect(inResources('linux')).toEqual([...ours, 'icon.png'].sort());
    expect(inResources('darwin')).toEqual(
      [...ours, 'LICENSE.electron.txt', 'LICENSES.chromium.html', 'icon.icns'].sort(),
    );
    expect(inResources('win32')).toEqual(ours);
    for (const [place, names] of [
      [join(linux, 'linux-unpacked'), ['LICENSE.electron.txt', 'LICENSES.chromium.html', 'resources', 'slipway']],
      [windows, ['LICENSE.electron.txt', 'LICENSES.chromium.html', 'Slipway.exe', 'resources']],
    ] as const) {
      expect(readdirSync(place).sort()).toEqual(names);
    }
  });

  it('list what they hold by SHA-256, the same for every system, as sha256sum checks it', () => {
    for (const system of ['linux', 'darwin', 'win32'] as const) {
      const checked = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
        cwd: resources[system],
        encoding: 'utf8',
      });
      const listed = checked.split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/: OK$/, '')]));
      expect(listed).toEqual(inResources(system).filter((name) => name !== 'SHA256SUMS'));
      const contents = readFileSync(join(resources[system], 'contents.txt'), 'utf8');
      expect(contents).toBe(readFileSync(join(resources.linux, 'contents.txt'), 'utf8'));
    }
    const archive = join(resources.linux, 'app.asar');
    const lines = listPackage(archive)
      .filter((name) => /\.\w+$/.test(name))
      .map((name) => `${sha256(extractFile(archive, name.slice(1)))}  ${name.slice(1)}\n`);
    expect(readFileSync(join(resources.linux, 'contents.txt'), 'utf8').split('\n').sort()).toEqual(
      lines.join('').split('\n').sort(),
    );
  });

  it('have their fuses set as decided', async () => {
    for (const binary of [
      join(linux, 'linux-unpacked', 'slipway'),
      join(mac, 'MacOS', 'Slipway'),
      join(windows, 'Slipway.exe'),
    ]) {
      expect(await readFuses(binary), binary).toMatchObject(DECIDED);
    }
  });

  it('carry the hash of their archive where Electron looks for it, on macOS and Windows', () => {
    const hash = sha256(getRawHeader(join(resources.darwin, 'app.asar')).headerString);
    const info = parsePlist(readFileSync(join(mac, 'Info.plist'), 'utf8')) as Record<string, unknown>;
    expect(info['ElectronAsarIntegrity']).toEqual({ 'Resources/app.asar': { algorithm: 'SHA256', hash } });
    expect(info).toMatchObject({
      CFBundleName: 'Slipway',
      CFBundleExecutable: 'Slipway',
      CFBundleIconFile: 'icon.icns',
    });
    const entry = JSON.stringify([{ file: 'resources\\app.asar', alg: 'SHA256', value: hash }]);
    expect(readFileSync(join(windows, 'Slipway.exe')).includes(entry)).toBe(true);
  });

  it('carry the icon', () => {
    const icon = (name: string): Buffer => readFileSync(join(ROOT, 'resources', name));
    expect(readFileSync(join(resources.darwin, 'icon.icns')).equals(icon('icon.icns'))).toBe(true);
    expect(readFileSync(join(resources.linux, 'icon.png')).equals(icon('icons/256.png'))).toBe(true);
    expect(readFileSync(join(windows, 'Slipway.exe')).includes(icon('icons/256.png'))).toBe(true);
  });

  it('are a .deb with its fields, its desktop entry and an icon of every size', () => {
    const deb = join(linux, 'slipway-0.1.0-linux-amd64.deb');
    const dpkg = (...args: string[]): Buffer => execFileSync('dpkg-deb', args, { maxBuffer: 1 << 26 });
    const fields = dpkg('--field', deb).toString('utf8');
    for (const field of [
      'Package: slipway',
      'Version: 0.1.0',
      'Architecture: amd64',
      'Maintainer: Slipway <root@localhost>',
      'Section: admin',
      'Priority: optional',
      'Homepage: about:blank',
      'Description: Move Apple devices from a self-hosted MDM to Fleet',
    ]) {
      expect(fields.split('\n')).toContain(field);
    }
    expect(fields).toMatch(/^Depends: .*libgtk-3-0.*libnss3/m);
    expect(fields).not.toMatch(/^Recommends:/m);
    const tree = join(folder, 'deb');
    dpkg('--extract', deb, tree);
    const entry = readFileSync(join(tree, 'usr', 'share', 'applications', 'slipway.desktop'), 'utf8');
    const values = Object.fromEntries(
      entry.split('\n').flatMap((line) => (line.includes('=') ? [line.split(/=(.*)/s)] : [])),
    ) as Record<string, string>;
    expect(values).toMatchObject({ Type: 'Application', Name: 'Slipway', Icon: 'slipway', StartupWMClass: 'slipway' });
    expect(existsSync(join(tree, (values['Exec'] ?? '').split(' ')[0] ?? ''))).toBe(true);
    for (const size of SIZES) {
      const installed = join(tree, 'usr/share/icons/hicolor', `${size}x${size}`, 'apps', 'slipway.png');
      expect(readFileSync(installed).equals(readFileSync(join(ROOT, 'resources', 'icons', `${size}.png`)))).toBe(true);
    }
  });
});

describe('the icon', () => {
  const png = (size: number): Buffer => readFileSync(join(ROOT, 'resources', 'icons', `${size}.png`));

  it('is drawn at its sizes, each on nothing', () => {
    for (const size of SIZES) {
      const picture = png(size);
      expect(picture.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1A\n');
      // Width, height, 8 bits, with alpha.
      expect([picture.readUInt32BE(16), picture.readUInt32BE(20), picture[24], picture[25]]).toEqual([
        size,
        size,
        8,
        6,
      ]);
    }
  });

  it('lies in the containers as it was drawn', () => {
    const container = readFileSync(join(ROOT, 'resources', 'icon.icns'));
    expect(icns(png).equals(container)).toBe(true);
    expect([container.toString('latin1', 0, 4), container.readUInt32BE(4)]).toEqual(['icns', container.length]);
    const widths: number[] = [];
    for (let at = 8; at < container.length; at += container.readUInt32BE(at + 4)) {
      const width = container.readUInt32BE(at + 8 + 16);
      widths.push(width);
      expect(container.subarray(at + 8, at + container.readUInt32BE(at + 4)).equals(png(width))).toBe(true);
    }
    expect(widths).toEqual([32, 64, 128, 256, 256, 512, 512, 1024]);

    const windows = readFileSync(join(ROOT, 'resources', 'icon.ico'));
    expect(ico(png).equals(windows)).toBe(true);
    const entries = Array.from({ length: windows.readUInt16LE(4) }, (_, index) => windows.subarray(6 + 16 * index));
    expect(entries.map((entry) => entry[0])).toEqual([16, 24, 32, 48, 64, 0]);
    const ends = entries.map((entry) => entry.readUInt32LE(12) + entry.readUInt32LE(8));
    expect(ends.at(-1)).toBe(windows.length);
    expect(entries.slice(1).map((entry) => entry.readUInt32LE(12))).toEqual(ends.slice(0, -1));
  });
});

describe('what is written about the contents', () => {
  interface Bom {
    bomFormat: string;
    specVersion: string;
    serialNumber: string;
    components: { name: string; version: string; purl: string; licenses: unknown[]; hashes?: { content: string }[] }[];
  }

  it('names every bundled package in the version that is installed, with licence and hash, the same twice', () => {
    const [first, second] = ['one', 'two'].map((name) => {
      writeLegal(join(folder, name));
      return ['sbom.cdx.json', 'LICENCES.txt'].map((file) => readFileSync(join(folder, name, file), 'utf8'));
    });
    expect(first).toEqual(second);
    const bom = JSON.parse(first?.[0] ?? '') as Bom;
    expect([bom.bomFormat, bom.specVersion]).toEqual(['CycloneDX', '1.5']);
    expect(bom.serialNumber).toMatch(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    const names = bom.components.map(({ name }) => name);
    // From the command line, the window's main process and the page.
    expect(names).toEqual(expect.arrayContaining(['commander', 'mysql2', 'zod', 'react', 'react-dom', 'electron']));
    expect(names).not.toContain('vitest');
    for (const { name, version, purl, licenses, hashes } of bom.components) {
      const installed = JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as {
        version: string;
      };
      expect(version, name).toBe(installed.version);
      expect(licenses, name).toHaveLength(1);
      expect(purl).toContain(version);
      if (name !== 'electron') expect(hashes?.[0]?.content, name).toMatch(/^[0-9a-f]{128}$/);
      expect(first?.[1]).toContain(`${name} ${version}: `);
    }
  });
});

describe('the command line as one file', () => {
  let alone: string;
  const slipway = (...args: string[]): string =>
    execFileSync(process.execPath, [join(alone, 'slipway.mjs'), ...args], {
      cwd: alone,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', HOME: alone },
    });
  beforeAll(() => {
    execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs'), 'command'], { stdio: 'ignore' });
    alone = mkdtempSync(join(tmpdir(), 'slipway-alone-'));
    copyFileSync(join(ROOT, 'out', 'command', 'slipway.mjs'), join(alone, 'slipway.mjs'));
    copyFileSync(join(ROOT, 'resources', 'sample', 'micromdm.db'), join(alone, 'micromdm.db'));
  });
  afterAll(() => rmSync(alone, { recursive: true, force: true }));

  it('runs from a folder with nothing beside it, as the built one does', () => {
    const built = (...args: string[]): string =>
      execFileSync(process.execPath, [join(ROOT, 'out', 'cli', 'index.js'), ...args], { cwd: alone, encoding: 'utf8' });
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(slipway('--version').trim()).toBe(version);
    const read = ['read', 'micromdm:micromdm.db', '--json', '--at', '2026-11-24T02:00:00Z'];
    expect(slipway(...read)).toBe(built(...read));
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=One file', '-keyout', 'k.pem', '-out', 'c.pem'],
      { cwd: alone, stdio: 'ignore' },
    );
    const inspected = JSON.parse(slipway('inspect', 'k.pem', 'c.pem', '--json')) as { items: unknown[] };
    expect(inspected.items).toHaveLength(2);
    expect(JSON.stringify(inspected)).toContain('One file');
  });

  it('has a manual page that roff sets without a complaint', () => {
    const page = slipway('man');
    writeFileSync(join(alone, 'slipway.1'), page);
    if (!existsSync('/usr/bin/groff')) return;
    const set = execFileSync('sh', ['-c', 'groff -K utf8 -man -Tutf8 -ww slipway.1 2>&1 >/dev/null'], {
      cwd: alone,
      encoding: 'utf8',
    });
    expect(set.replaceAll(/.*(cannot|can't) (break|adjust) line.*\n|.*adjustable.*\n/g, '')).toBe('');
  });
});
