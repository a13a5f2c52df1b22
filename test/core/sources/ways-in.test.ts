import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copySource, exportSource, parseSource, printSource, readSource } from '../../../src/core/sources';
import { writePrivate } from '../../../src/core/private-file';
import { privateFolder } from '../../../src/core/sources/private-folder';
import { writeMicroMdm } from '../../micromdm-writer';

let folder: string;
const at = Date.UTC(2026, 10, 24, 2);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-ways-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('parseSource', () => {
  it.each([
    ['micromdm:a/b.db', { kind: 'micromdm', transport: 'file', location: resolve('a/b.db') }],
    ['micromdm:/var/db/micromdm', { kind: 'micromdm', transport: 'file', location: '/var/db/micromdm' }],
    ['MicroMDM:/x:y.db', { kind: 'micromdm', transport: 'file', location: '/x:y.db' }],
    [
      'micromdm:https://mdm.example:8443/a/',
      { kind: 'micromdm', transport: 'http', location: 'https://mdm.example:8443/a' },
    ],
    ['micromdm:http://127.0.0.1:8080', { kind: 'micromdm', transport: 'http', location: 'http://127.0.0.1:8080' }],
    ['micromdm:http://localhost', { kind: 'micromdm', transport: 'http', location: 'http://localhost' }],
    ['micromdm:http://[::1]:1', { kind: 'micromdm', transport: 'http', location: 'http://[::1]:1' }],
  ])('%s', (text, reference) => {
    expect(parseSource(text)).toEqual(reference);
    expect(parseSource(printSource(parseSource(text)))).toEqual(reference);
  });

  it.each([
    ['', 'usage/source'],
    ['/var/db/micromdm.db', 'usage/source'],
    ['jamf:x', 'usage/source'],
    ['micromdm:', 'usage/source'],
    ['micromdm:https://', 'usage/source-url'],
    ['micromdm:ftp://host', 'usage/source-url'],
    ['micromdm:https://host/?key=hunter2', 'usage/source-url'],
    ['micromdm:https://me:hunter2@host', 'usage/secret-in-url'],
    ['micromdm:https://hunter2@host', 'usage/secret-in-url'],
    ['micromdm:http://mdm.example', 'usage/plain-http'],
    ['micromdm:http://localhost.example', 'usage/plain-http'],
    ['micromdm:http://127.0.0.1.example', 'usage/plain-http'],
  ])('refuses %s', (text, code) => {
    expect(() => parseSource(text)).toThrow(code);
    try {
      parseSource(text);
    } catch (error) {
      expect(error).toMatchObject({ failure: { kind: 'usage' } });
      expect(JSON.stringify(error)).not.toContain('hunter2');
    }
  });

  it('lists what there is', () => {
    const remedy = expect.stringContaining('micromdm:PATH') as string;
    expect(() => parseSource('jamf:x')).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ remedy }) as object }) as Error,
    );
  });
});

describe('copySource', () => {
  it('copies a file privately, byte for byte', async () => {
    const { path } = writeMicroMdm(join(folder, 'micromdm.db'), { devices: 20 });
    const target = join(folder, 'new', 'copies');
    const copy = await copySource(parseSource(`micromdm:${path}`), target);
    expect(readFileSync(copy.path)).toEqual(readFileSync(path));
    expect(copy.sha256).toBe(createHash('sha256').update(readFileSync(path)).digest('hex'));
    expect([mode(copy.path), mode(target), copy.txid]).toEqual(['600', '700', 2]);
    // By its folder as well, and the same state once.
    expect((await copySource(parseSource(`micromdm:${folder}`), target)).path).toBe(copy.path);
    expect(readdirSync(target).length).toBe(1);
    const read = await readSource(parseSource(`micromdm:${copy.path}`), { at });
    expect(read.source.sha256).toBe(copy.sha256);
  });

  it('leaves nothing when it fails', async () => {
    const bad = join(folder, 'bad.db');
    writeFileSync(bad, 'this is no database');
    const target = join(folder, 'failed');
    await expect(copySource(parseSource(`micromdm:${bad}`), target)).rejects.toThrow('bolt/');
    expect(readdirSync(target)).toEqual([]);
  });
});

describe('privateFolder', () => {
  it('makes, tightens when empty, and refuses what others may look into', async () => {
    const loose = join(folder, 'loose');
    mkdirSync(loose, { mode: 0o755 });
    await privateFolder(loose);
    expect(mode(loose)).toBe('700');
    writeFileSync(join(loose, 'x'), '');
    await privateFolder(loose);
    chmodSync(loose, 0o750);
    await expect(privateFolder(loose)).rejects.toThrow('folder/not-private');
    await expect(privateFolder(join(loose, 'x', 'y'))).rejects.toThrow('folder/cannot-make');
  });

  it('holds files that are never replaced', async () => {
    const file = join(folder, 'private');
    await writePrivate(file, Buffer.from('one'));
    expect(mode(file)).toBe('600');
    await expect(writePrivate(file, Buffer.from('two'))).rejects.toThrow('file/exists');
    expect(readFileSync(file, 'utf8')).toBe('one');
    await expect(writePrivate(join(folder, 'absent', 'f'), Buffer.alloc(0))).rejects.toThrow('file/cannot-write');
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('exportSource', () => {
  it('writes everything, privately, under names that work everywhere', async () => {
    const written = writeMicroMdm(join(folder, 'full.db'), {
      devices: 2,
      depKeyPair: true,
      depTokens: ['CK_a', 'CK_../../b'],
      profiles: [
        { identifier: 'com.github.micromdm.micromdm.enroll', body: 'enroll' },
        { identifier: 'com.example.wifi', body: 'wifi' },
        { identifier: 'COM.example.wifi', body: 'other' },
        { identifier: '../../etc/passwd', body: 'escape' },
        { identifier: "com.example.ünïcode profile/o'brien", body: 'unicode' },
      ],
    });
    const snapshot = await readSource(parseSource(`micromdm:${written.path}`), { at });
    const out = join(folder, 'out');
    const files = await exportSource(snapshot, out);
    const names = files.map(({ name }) => name);
    expect(names.slice(0, 7)).toEqual([
      'scep-ca.pem',
      'scep-ca.key',
      'push.pem',
      'push.key',
      'abm.pem',
      'abm.key',
      expect.stringMatching(/^abm-token-CK_.._.._b-[0-9a-f]{8}\.json$/),
    ]);
    expect(names).toContain('abm-token-CK_a.json');
    expect(names).toContain('enrollment.mobileconfig');
    const profiles = names.filter((name) => name.startsWith('profiles/'));
    expect(new Set(profiles.map((name) => name.toLowerCase())).size).toBe(4);
    for (const { name, path, sha256, size } of files) {
      expect(name).toMatch(/^(profiles\/)?[A-Za-z0-9_][A-Za-z0-9._-]*$/);
      expect(mode(path)).toBe('600');
      expect(path).toBe(join(out, name));
      expect([statSync(path).size, createHash('sha256').update(readFileSync(path)).digest('hex')]).toEqual([
        size,
        sha256,
      ]);
    }
    expect([mode(out), mode(join(out, 'profiles'))]).toEqual(['700', '700']);
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
    for (const stem of ['scep-ca', 'push', 'abm']) {
      const certificate = new X509Certificate(readFileSync(join(out, `${stem}.pem`)));
      expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(out, `${stem}.key`))))).toBe(true);
      expect(readFileSync(join(out, `${stem}.key`), 'utf8')).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
    }
    expect(readFileSync(join(out, 'enrollment.mobileconfig'), 'utf8')).toBe('enroll');

    await expect(exportSource(snapshot, out)).rejects.toMatchObject({
      failure: { code: 'file/exists', kind: 'usage' },
    });
  });

  it('writes what there is', async () => {
    const written = writeMicroMdm(join(folder, 'bare.db'), { push: 'absent', ca: 'no-key' });
    const snapshot = await readSource(parseSource(`micromdm:${written.path}`), { at });
    const files = await exportSource(snapshot, join(folder, 'bare'));
    expect(files.map(({ name }) => name)).toEqual(['scep-ca.pem']);
  });
});
