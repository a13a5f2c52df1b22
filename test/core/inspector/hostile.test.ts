/** Whatever the bytes: items or a coded problem, in bounded time, never a crash. */
import { mkdirSync, symlinkSync, truncateSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDer, writeInteger, writeOid } from '../../../src/core/certificates/der-writer';
import { WorkBudget } from '../../../src/core/certificates/password-encryption';
import { readPem } from '../../../src/core/certificates/pem';
import { readEncryptedKey } from '../../../src/core/certificates/private-key';
import { inspectFiles, type Inspection } from '../../../src/core/inspector';
import { Secret } from '../../../src/core/secret';
import { OpensslBench } from './openssl-bench';

const bench = new OpensslBench();
const originals: { name: string; bytes: Buffer }[] = [];

/** One inspection may take so long, on a busy machine too. */
const BOUND_MS = 4000;

beforeAll(() => {
  bench.makeBasics();
  bench.run('pkcs12', '-export', '-in', 'leaf.pem', '-inkey', 'rsa.key', '-passout', 'pass:x', '-out', 'new.p12');
  bench.run(
    'pkcs12',
    '-export',
    '-legacy',
    '-in',
    'leaf.pem',
    '-inkey',
    'rsa.key',
    '-passout',
    'pass:',
    '-out',
    'old.p12',
  );
  bench.run('pkcs8', '-topk8', '-in', 'rsa.key', '-passout', 'pass:x', '-outform', 'DER', '-out', 'locked.der');
  bench.run('rsa', '-in', 'rsa.key', '-traditional', '-des3', '-passout', 'pass:x', '-out', 'locked.pem');
  bench.run('crl2pkcs7', '-nocrl', '-certfile', 'leaf.pem', '-outform', 'DER', '-out', 'chain.p7b');
  bench.run('cms', '-encrypt', '-in', 'plain.csr', '-aes128', '-outform', 'DER', '-out', 'token.p7m', 'leaf.pem');
  bench.run(
    'cms',
    '-sign',
    '-stream',
    '-nodetach',
    '-in',
    'plain.csr',
    '-signer',
    'leaf.pem',
    '-inkey',
    'rsa.key',
    '-outform',
    'DER',
    '-out',
    'signed.p7',
  );
  bench.run('x509', '-in', 'push.pem', '-outform', 'DER', '-out', 'push.der');
  bench.run('req', '-in', 'plain.csr', '-outform', 'DER', '-out', 'csr.der');
  bench.run('rsa', '-in', 'rsa.key', '-traditional', '-outform', 'DER', '-out', 'key.der');
  const names = [
    'new.p12',
    'old.p12',
    'locked.der',
    'locked.pem',
    'chain.p7b',
    'token.p7m',
    'signed.p7',
    'push.der',
    'csr.der',
    'key.der',
    'leaf.pem',
    'p384.key',
  ];
  for (const name of names) originals.push({ name, bytes: bench.read(name) });
});
afterAll(() => bench.close());

async function inspect(bytes: Buffer, name = 'input'): Promise<Inspection> {
  const started = performance.now();
  const inspection = await inspectFiles([{ name, bytes }, { path: bench.path('rsa.key') }], {
    at: Date.now(),
    passwordFor: (_file, { attempt }) => Promise.resolve(attempt === 1 ? new Secret('password', 'x') : null),
  });
  expect(performance.now() - started).toBeLessThan(BOUND_MS);
  // The key is there and always read; the file gave an item or a problem of its own.
  const places = inspection.items.flatMap(({ file, alsoIn }) => [file, ...alsoIn.map((place) => place.file)]);
  expect(places).toContain(name);
  for (const { problems } of inspection.items)
    for (const { code, sentence, remedy } of problems) {
      expect(code).toMatch(/^[a-z0-9-]+$/);
      expect(sentence.length * remedy.length).toBeGreaterThan(0);
    }
  JSON.stringify(inspection);
  return inspection;
}

const codes = ({ items }: Inspection): string[] => items.flatMap(({ problems }) => problems.map(({ code }) => code));

describe('mutated files', () => {
  it('240 of them: every kind, changed, cut, doubled', async () => {
    // A generator of its own, so that the same 240 come every time.
    let seed = 42;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    let count = 0;
    for (const { name, bytes } of originals)
      for (let round = 0; round < 20; round++) {
        let changed = Buffer.from(bytes);
        const kind = round % 5;
        if (kind === 3) changed = changed.subarray(0, random(changed.length) + 1);
        else if (kind === 4) {
          const at = random(changed.length);
          changed = Buffer.concat([changed.subarray(0, at), changed.subarray(0, random(200)), changed.subarray(at)]);
        } else {
          // Mostly the beginning, where the structure is.
          const reach = kind === 0 ? Math.min(80, changed.length) : changed.length;
          for (let i = 0; i <= kind; i++) changed[random(reach)] = random(256);
        }
        await inspect(changed, name);
        count++;
      }
    expect(count).toBe(240);
  }, 180_000);

  it('any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 0, maxLength: 300 }), async (bytes) => {
        await inspect(Buffer.from(bytes));
      }),
      { numRuns: 60 },
    );
  });
});

describe('bombs', () => {
  const algorithm = (count: number): Buffer =>
    writeDer(
      0x30,
      writeOid('1.2.840.113549.1.5.13'),
      writeDer(
        0x30,
        writeDer(
          0x30,
          writeOid('1.2.840.113549.1.5.12'),
          writeDer(0x30, writeDer(0x04, Buffer.alloc(8)), writeInteger(count)),
        ),
        writeDer(0x30, writeOid('2.16.840.1.101.3.4.1.42'), writeDer(0x04, Buffer.alloc(16))),
      ),
    );

  it('a thousand million rounds of PBKDF2', async () => {
    const bytes = writeDer(0x30, algorithm(1_000_000_000), writeDer(0x04, Buffer.alloc(64)));
    expect(codes(await inspect(bytes))).toEqual(['too-much-work']);
  });

  it('many files share one budget', async () => {
    const locked = readEncryptedKey(writeDer(0x30, algorithm(40_000), writeDer(0x04, Buffer.alloc(64))))!;
    const work = new WorkBudget(100_000);
    const outcomes: (string | null)[] = [];
    for (let i = 0; i < 4; i++) {
      const opened = await locked.open(Buffer.from('x'), work);
      outcomes.push(opened.ok ? null : opened.problem);
    }
    expect(outcomes).toEqual(['password', 'password', 'too-much-work', 'too-much-work']);
  });

  it('scrypt that wants gigabytes', async () => {
    const scrypt = writeDer(
      0x30,
      writeOid('1.2.840.113549.1.5.13'),
      writeDer(
        0x30,
        writeDer(
          0x30,
          writeOid('1.3.6.1.4.1.11591.4.11'),
          writeDer(0x30, writeDer(0x04, Buffer.alloc(8)), writeInteger(1048576), writeInteger(64), writeInteger(1)),
        ),
        writeDer(0x30, writeOid('2.16.840.1.101.3.4.1.42'), writeDer(0x04, Buffer.alloc(16))),
      ),
    );
    expect(codes(await inspect(writeDer(0x30, scrypt, writeDer(0x04, Buffer.alloc(64)))))).toEqual(['too-much-work']);
  });

  it('PKCS#12 with a thousand million rounds', async () => {
    const bytes = bench.read('old.p12');
    const at = bytes.lastIndexOf(Buffer.from([0x02, 0x02, 0x08, 0x00]));
    const tail = Buffer.from([0x02, 0x04, 0x3b, 0x9a, 0xca, 0x00]);
    // Two octets more in the MAC and in the whole.
    const mac =
      bytes.lastIndexOf(Buffer.from([0x30, 0x3d])) >= 0
        ? bytes.lastIndexOf(Buffer.from([0x30, 0x3d]))
        : bytes.lastIndexOf(Buffer.from([0x30, 0x31]));
    const changed = Buffer.concat([bytes.subarray(0, at), tail]);
    changed[mac + 1] = (changed[mac + 1] as number) + 2;
    changed.writeUInt16BE(changed.readUInt16BE(2) + 2, 2);
    expect(codes(await inspect(changed))).toContain('too-much-work');
  });

  it('nesting: base64 in base64, DER in DER, indefinite lengths', async () => {
    let text: Buffer = bench.read('push.der');
    for (let i = 0; i < 12; i++) text = Buffer.from(text.toString('base64'));
    expect(codes(await inspect(text))).toContain('nested-too-deep');
    let der: Buffer = Buffer.alloc(0);
    for (let i = 0; i < 300; i++) der = writeDer(0x30, der);
    await inspect(der);
    await inspect(Buffer.concat([Buffer.alloc(2 * 100_000, Buffer.from([0x30, 0x80])), Buffer.alloc(200_000)]));
    await inspect(
      Buffer.concat([
        Buffer.from('30800609608648016503040201', 'hex'),
        Buffer.alloc(4_000_000, Buffer.from([0x24, 0x80])),
      ]),
    );
  });

  it('a million beginnings without an end', async () => {
    expect(codes(await inspect(Buffer.from('-----BEGIN CERTIFICATE-----\n'.repeat(400_000))))).toEqual(['damaged']);
    const distinct = Array.from({ length: 200_000 }, (_, i) => `-----BEGIN ${i}-----`).join('\n');
    expect(readPem(distinct)).toEqual([]);
  });

  it('ten thousand certificates of one name', async () => {
    const pem = bench.read('root.pem').toString();
    const many = readPem(pem)[0]!.der;
    const blocks = Array.from({ length: 11_000 }, (_, index) => {
      const changed = Buffer.from(many);
      changed.writeUInt32BE(index, changed.length - 8);
      return `-----BEGIN CERTIFICATE-----\n${changed.toString('base64')}\n-----END CERTIFICATE-----\n`;
    });
    const started = performance.now();
    const { items } = await inspectFiles([{ name: 'many', bytes: Buffer.from(blocks.join('')) }], { at: Date.now() });
    expect(items.length).toBe(10_001);
    expect(items.at(-1)?.problems[0]?.code).toBe('too-many-items');
    expect(performance.now() - started).toBeLessThan(60_000);
  }, 120_000);

  it('property lists with entities, and a profile of profiles', async () => {
    const laughs = '<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaa">]><plist><string>&a;</string></plist>';
    expect(codes(await inspect(Buffer.from(laughs)))).toEqual(['damaged']);
    const payload =
      '<dict><key>PayloadType</key><string>com.apple.security.root</string><key>PayloadContent</key><data>AAAA</data></dict>';
    const profile = `<plist><dict><key>PayloadType</key><string>Configuration</string><key>PayloadContent</key><array>${payload.repeat(3000)}</array></dict></plist>`;
    expect(codes(await inspect(Buffer.from(profile)))).toEqual(['damaged']);
  });
});

describe('files that are not what they should be', () => {
  it('each has its code', async () => {
    const huge = bench.write('huge', 'x');
    truncateSync(huge, 65 * 1024 * 1024);
    bench.write('empty', '');
    bench.write('text', 'Dear operator,\n\nthe key is under the mat.\n');
    bench.write('binary', Buffer.from('bplist00\xd1', 'latin1'));
    bench.write('broken.pem', '-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n');
    bench.write('bolt.db', Buffer.concat([Buffer.alloc(16), Buffer.from('edda0ced', 'hex'), Buffer.alloc(4096)]));
    const names = ['huge', 'empty', 'text', 'binary', 'broken.pem', 'absent', 'bolt.db'];
    const { items } = await inspectFiles(
      names.map((name) => ({ path: bench.path(name) })),
      { at: 0 },
    );
    expect(
      items.map(({ file, problems }) => [file.split('/').at(-1), problems.map(({ code }) => code).join()]),
    ).toEqual([
      ['huge', 'file-too-large'],
      ['empty', 'file-empty'],
      ['text', 'not-recognised'],
      ['binary', 'binary-property-list'],
      ['broken.pem', 'damaged'],
      ['absent', 'file-unreadable'],
      ['bolt.db', 'database-unreadable'],
    ]);
    const bytes = await inspectFiles([{ name: 'db', bytes: bench.read('bolt.db') }], { at: 0 });
    expect(bytes.items[0]?.problems[0]?.code).toBe('database-by-path');
    const device = await inspectFiles([{ path: '/dev/zero' }], { at: 0 });
    expect(device.items[0]?.problems[0]?.code).toBe('file-unreadable');
  });

  it('a folder: others are skipped, links not followed, cycles not entered', async () => {
    mkdirSync(bench.path('tree/deep'), { recursive: true });
    bench.write('tree/deep/cert.pem', bench.read('leaf.pem'));
    bench.write('tree/notes.txt', 'hello');
    bench.write('tree/broken.p12', bench.read('new.p12').subarray(0, 900));
    symlinkSync('..', bench.path('tree/deep/up'));
    symlinkSync('/etc/passwd', bench.path('tree/passwd'));
    const { items, skipped } = await inspectFiles([{ path: bench.path('tree') }], { at: Date.now() });
    expect(items.map(({ kind, problems }) => [kind, problems[0]?.code])).toEqual([
      ['unknown', 'damaged'],
      ['certificate', 'chain-incomplete'],
    ]);
    expect(skipped).toEqual([{ file: bench.path('tree/notes.txt'), code: 'not-recognised' }]);
  });
});
