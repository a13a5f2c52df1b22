/** MicroMDM's database where it lies, read over SFTP from a real OpenSSH server. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure } from '../../../../src/core/failure';
import { copySource, parseSource, printSource, readSource, type ReadOptions } from '../../../../src/core/sources';
import { writeMicroMdm } from '../../../micromdm-writer';
import { makeKey, noSshd, Sshd } from '../../../servers/sshd';
import { sharedData } from '../../../shared-data';
import { failureOfAsync } from '../../bolt/support';

const at = Date.UTC(2026, 10, 24, 2);
const medium = sharedData('micromdm', 'medium.db');

describe('micromdm:ssh://…', () => {
  it('is parsed and printed', () => {
    const reference = parseSource('micromdm:SSH://root@MDM.example:2222/var/db/micromdm/');
    expect(reference).toEqual({
      kind: 'micromdm',
      transport: 'ssh',
      location: 'ssh://root@mdm.example:2222/var/db/micromdm',
    });
    expect(parseSource(printSource(reference))).toEqual(reference);
    expect(() => parseSource('micromdm:ssh://me:hunter2@host/x')).toThrow('usage/secret-in-url');
  });
});

describe.skipIf(noSshd)('MicroMDM over SSH', () => {
  let server: Sshd;
  let folder: string;
  let options: Omit<ReadOptions, 'folder'>;
  let copies: string;

  beforeAll(async () => {
    server = new Sshd();
    const key = makeKey(join(server.folder, 'id'));
    server.authorize(key);
    mkdirSync(join(server.files, 'micromdm'));
    writeMicroMdm(join(server.files, 'micromdm', 'micromdm.db'), { devices: 20 });
    await server.start();
    folder = mkdtempSync(join(tmpdir(), 'slipway-over-ssh-'));
    copies = join(folder, 'copies');
    options = { at, ssh: { keyFile: key, knownHosts: [server.knownHosts('known')] } };
  });
  afterAll(async () => {
    await server.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const source = (path: string): ReturnType<typeof parseSource> => parseSource(`micromdm:${server.url(path)}`);
  const refusal = (path: string, more: Partial<ReadOptions> = {}): Promise<Failure> =>
    failureOfAsync(() => copySource(source(path), copies, { ...options, ...more }));

  it('is copied byte for byte by its file or its folder, and read as a local file is', async () => {
    const path = join(server.files, 'micromdm', 'micromdm.db');
    const copy = await copySource(source(path), copies, options);
    expect(readFileSync(copy.path).equals(readFileSync(path))).toBe(true);
    expect(copy).toMatchObject({ txid: 2, retries: 0, size: readFileSync(path).length });
    expect((await copySource(source(join(server.files, 'micromdm')), copies, options)).path).toBe(copy.path);
    const over = await readSource(source(path), { ...options, folder: copies });
    const direct = await readSource(parseSource(`micromdm:${path}`), { at });
    expect(over.source).toMatchObject({ path: server.url(path), sha256: copy.sha256 });
    expect({ ...over, source: null }).toEqual({ ...direct, source: null });
  });

  it.skipIf(medium === null)('carries a real database of 25 MB', async () => {
    const path = server.place(medium ?? '', 'medium.db');
    const seen: number[] = [];
    const onProgress: ReadOptions['onProgress'] = ({ label, done }) => {
      if (label === 'copying database') seen.push(done);
    };
    const copy = await copySource(source(path), copies, { ...options, onProgress });
    expect(copy.sha256).toBe(
      createHash('sha256')
        .update(readFileSync(medium ?? ''))
        .digest('hex'),
    );
    expect(seen.length).toBeGreaterThan(2);
  });

  it('says what is not there, not allowed, or no database', async () => {
    mkdirSync(join(server.files, 'empty'));
    writeFileSync(
      join(server.files, 'cut.db'),
      readFileSync(join(server.files, 'micromdm', 'micromdm.db')).subarray(0, 30_000),
    );
    server.give();
    writeFileSync(join(server.files, 'forbidden.db'), 'x', { mode: 0o600 });
    expect(await refusal(join(server.files, 'none.db'))).toMatchObject({
      code: 'ssh/no-such-file',
      kind: 'unreadable',
    });
    expect(await refusal(join(server.files, 'empty'))).toMatchObject({ code: 'ssh/no-such-file' });
    expect(await refusal(join(server.files, 'cut.db'))).toMatchObject({ code: 'bolt/truncated' });
    expect(await refusal('/dev/null')).toMatchObject({ code: 'ssh/not-a-file' });
    expect(await refusal(join(server.folder, 'sshd_config'))).toMatchObject({ code: 'bolt/not-bolt' });
    expect(await refusal(join(server.files, 'micromdm'), { limits: { maxBytes: 1000 } })).toMatchObject({
      code: 'source/too-big',
    });
    if (process.getuid?.() === 0) {
      const failure = await refusal(join(server.files, 'forbidden.db'));
      expect(failure).toMatchObject({ code: 'ssh/no-permission' });
      expect(failure.remedy).toContain('sudo');
    }
    expect(readdirSync(copies).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is one state or none while another process writes it', async () => {
    const small = readFileSync(join(server.files, 'micromdm', 'micromdm.db'));
    const path = join(server.files, 'live.db');
    // Big enough to be under way for a while: the rest of the file is nothing to Bolt.
    writeFileSync(path, Buffer.concat([small, Buffer.alloc(24 * 1024 ** 2)]));
    server.give();
    const file = openSync(path, 'r+');
    const metas = [0, 1].map((page) => Buffer.from(small.subarray(page * 4096, (page + 1) * 4096)));
    let commits = 0;
    const txids = metas.map((meta) => meta.readBigUInt64LE(16 + 48));
    try {
      const copy = await copySource(source(path), copies, {
        ...options,
        onProgress({ label, done, total }) {
          // The first two tries meet a commit: the older header page becomes the newest.
          if (label !== 'copying database' || done === 0 || done === total || commits === 2) return;
          const older = (txids[0] ?? 0n) < (txids[1] ?? 0n) ? 0 : 1;
          const meta = Buffer.from(metas[1 - older] as Buffer);
          meta.writeBigUInt64LE(BigInt(older), 0);
          txids[older] = (txids[1 - older] ?? 0n) + 1n;
          meta.writeBigUInt64LE(txids[older], 16 + 48);
          meta.writeBigUInt64LE(fnv(meta.subarray(16, 72)), 72);
          writeSync(file, meta, 0, 4096, older * 4096);
          metas[older] = meta;
          commits += 1;
        },
      });
      expect(copy).toMatchObject({ retries: 2, txid: 4 });
      expect(readFileSync(copy.path).equals(readFileSync(path))).toBe(true);
    } finally {
      closeSync(file);
    }
  });

  it('leaves nothing when the connection is cut, or the file shrinks, half way', async () => {
    const path = join(server.files, 'live.db');
    let cut = false;
    const failure = await refusal(path, {
      onProgress({ done }) {
        if (done === 0 || cut) return;
        cut = true;
        server.cutConnections();
      },
    });
    expect(failure).toMatchObject({ code: 'ssh/connection-lost' });
    const shrunk = await refusal(path, {
      onProgress({ done, total }) {
        if (done > 0 && done < (total ?? 0)) truncateSync(path, 100_000);
      },
    });
    expect(shrunk.code).toMatch(/^bolt\/(truncated|changed-while-reading)$/);
    expect(readdirSync(copies).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

/** FNV-1a 64: a header page's checksum. */
function fnv(bytes: Buffer): bigint {
  let hash = 14695981039346656037n;
  for (const byte of bytes) hash = ((hash ^ BigInt(byte)) * 1099511628211n) & 0xffff_ffff_ffff_ffffn;
  return hash;
}
