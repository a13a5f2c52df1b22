/**
 * The packages: the configuration by electron-builder's own schema, a package packed around a folder that stands for
 * Electron and looked into, what is written about its contents, and the command line as one file.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import config from '../../electron-builder.config.mjs';
import { writeLegal } from '../../scripts/legal.mjs';
import { readFuses } from '../../scripts/fuses.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(import.meta.url);
const SENTINEL = Buffer.from('dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX');

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

describe('a package for Linux', () => {
  let unpacked: string;
  beforeAll(async () => {
    // What electron-builder wants of an Electron: a binary with the fuse wire, its licences and its version.
    const dist = join(folder, 'electron');
    mkdirSync(join(dist, 'resources'), { recursive: true });
    const wire = Buffer.concat([SENTINEL, Buffer.from([1, 9]), Buffer.from('101100110')]);
    writeFileSync(join(dist, 'electron'), Buffer.concat([Buffer.alloc(5_000, 0x90), wire, Buffer.alloc(3_000)]));
    chmodSync(join(dist, 'electron'), 0o755);
    for (const name of ['version', 'LICENSE', 'LICENSES.chromium.html']) writeFileSync(join(dist, name), '45.4.1');
    const output = join(folder, 'packages');
    const legal = join(folder, 'legal');
    writeLegal(legal);
    const extraResources = [
      { from: 'resources/sample', to: 'sample' },
      { from: legal, to: 'legal' },
    ];
    const directories = { ...config.directories, output };
    const { build, Platform, Arch } = await import('electron-builder');
    await build({
      projectDir: ROOT,
      targets: Platform.LINUX.createTarget(['dir'], Arch.x64),
      config: { ...config, directories, extraResources, electronDist: dist },
      publish: 'never',
    });
    unpacked = join(output, 'linux-unpacked');
  });

  it('holds the bundles and nothing else, no node_modules and no sources', () => {
    const { listPackage } = require('@electron/asar') as { listPackage(file: string): string[] };
    const packed = listPackage(join(unpacked, 'resources', 'app.asar'));
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

  it('has its fuses set as decided', async () => {
    expect(await readFuses(join(unpacked, 'slipway'))).toMatchObject({
      RunAsNode: false,
      EnableNodeOptionsEnvironmentVariable: false,
      EnableNodeCliInspectArguments: false,
      EnableEmbeddedAsarIntegrityValidation: true,
      OnlyLoadAppFromAsar: true,
    });
  });

  it('has the sample, the SBOM and the licences beside it, and nothing to look for updates with', () => {
    const inResources = (name: string): boolean => existsSync(join(unpacked, 'resources', name));
    expect(['sample/micromdm.db', 'legal/sbom.cdx.json', 'legal/LICENCES.txt'].map(inResources)).toEqual([
      true,
      true,
      true,
    ]);
    expect(inResources('app-update.yml')).toBe(false);
  });

  it('needs no package at run time but Electron', () => {
    const { extractFile, listPackage } = require('@electron/asar') as {
      extractFile(file: string, path: string): Buffer;
      listPackage(file: string): string[];
    };
    const archive = join(unpacked, 'resources', 'app.asar');
    const scripts = listPackage(archive).filter((name) => /^\/out\/main\/.*\.js$/.test(name));
    const wanted = scripts.flatMap((name) => {
      const text = extractFile(archive, name.slice(1)).toString('utf8');
      return [...text.matchAll(/^import [^;]*?from ["']([^."'][^"']*)["']/gm)].map(([, module]) => module ?? '');
    });
    expect([...new Set(wanted)].filter((module) => !module.startsWith('node:'))).toEqual(['electron']);
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

  it('has a manual page that roff sets without a complaint, with every command and option', () => {
    const page = slipway('man');
    writeFileSync(join(alone, 'slipway.1'), page);
    const text = page.replaceAll('\\-', '-');
    const commands = [...slipway('--help').matchAll(/^ {2}([a-z-]+)(?: |$)/gm)].map(([, name]) => name ?? '');
    expect(commands.length).toBeGreaterThan(15);
    for (const name of commands.filter((command) => command !== 'help')) {
      expect(text, name).toMatch(new RegExp(`^\\.SS slipway ${name}( |$)`, 'm'));
    }
    for (const name of ['read', 'plan', 'apply', 'wave']) {
      const flags = [...slipway(name, '--help').matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag]) => flag ?? '');
      for (const flag of flags.filter((one) => one !== '--help'))
        expect(text, `${name} ${flag}`).toContain(`.B ${flag}`);
    }
    if (!existsSync('/usr/bin/groff')) return;
    const set = execFileSync('sh', ['-c', 'groff -K utf8 -man -Tutf8 -ww slipway.1 2>&1 >/dev/null'], {
      cwd: alone,
      encoding: 'utf8',
    });
    expect(set.replaceAll(/.*(cannot|can't) (break|adjust) line.*\n|.*adjustable.*\n/g, '')).toBe('');
  });
});
