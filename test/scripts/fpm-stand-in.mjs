#!/usr/bin/env node
/**
 * Stands for fpm, which electron-builder makes a .deb with and Debian does not have: the same arguments, the same control file,
 * built by dpkg-deb. What it was asked for and does not know is a failure, so that nothing is passed over.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync, chmodSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    s: { ...text, short: 's' },
    t: { ...text, short: 't' },
    d: { ...text, short: 'd', multiple: true },
    force: { type: 'boolean' },
    'deb-compression': text,
    'deb-recommends': { ...text, multiple: true },
    'deb-priority': text,
    architecture: text,
    'after-install': text,
    'after-remove': text,
    description: text,
    version: text,
    package: text,
    name: text,
    maintainer: text,
    vendor: text,
    url: text,
    category: text,
    license: text,
  },
});
const [synopsis, ...more] = values.description.split('\n');
const folder = mkdtempSync(join(tmpdir(), 'slipway-deb-'));
try {
  for (const given of positionals) {
    const [from, to] = given.split('=');
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    cpSync(from, join(folder, to), { recursive: true });
  }
  mkdirSync(join(folder, 'DEBIAN'));
  const control = {
    Package: values.name,
    Version: values.version,
    License: values.license,
    Vendor: values.vendor,
    Architecture: values.architecture,
    Maintainer: values.maintainer,
    Depends: values.d?.join(', '),
    Recommends: values['deb-recommends']?.join(', '),
    Section: values.category ?? 'default',
    Priority: values['deb-priority'],
    Homepage: values.url,
    Description: [synopsis, ...more.map((line) => ` ${line.trim()}`)].join('\n'),
  };
  const fields = Object.entries(control).filter(([, value]) => value !== undefined);
  writeFileSync(join(folder, 'DEBIAN', 'control'), fields.map(([name, value]) => `${name}: ${value}\n`).join(''));
  for (const [name, script] of [
    ['postinst', values['after-install']],
    ['postrm', values['after-remove']],
  ]) {
    writeFileSync(join(folder, 'DEBIAN', name), readFileSync(script));
    chmodSync(join(folder, 'DEBIAN', name), 0o755);
  }
  // The hardest compression takes seconds, and what is in the package is the same.
  execFileSync('dpkg-deb', ['-Zgzip', '-z1', '--root-owner-group', '--build', folder, values.package]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
