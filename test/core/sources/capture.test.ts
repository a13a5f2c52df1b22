/** A capture gives back the snapshot it was made of, and says so when it is not whole. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSource } from '../../../src/core/sources';
import { isCapture, readCapture, writeCapture } from '../../../src/core/sources/capture';
import type { Snapshot, SourceDevice } from '../../../src/core/sources/snapshot';
import { buildDevice, buildSnapshot, JUDGED_AT } from '../../snapshot-builder';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'slipway-capture-'))));
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Everything of a value in plain, secrets too, so that two can be compared to the byte. */
function bare(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('reveal' in value && 'label' in value)
    return [value.label, (value.reveal as () => Buffer).call(value).toString('hex')];
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(bare);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, bare(field)]));
}

function snapshotOf(count: number): Snapshot {
  const former = buildDevice(9001).certificate;
  const own = buildSnapshot(count);
  const devices: SourceDevice[] = own.devices.map((device, number) =>
    number % 7 === 0 && former !== null ? { ...device, formerCertificates: [{ ...former, associatedAt: 5 }] } : device,
  );
  return { ...own, source: { ...own.source, kind: 'nanomdm' }, devices };
}

describe('a capture', () => {
  it('gives back every byte of the snapshot, the same file each time', async () => {
    const snapshot = snapshotOf(200);
    const copy = await writeCapture(snapshot, folder);
    const read = await readSource({ kind: 'nanomdm', transport: 'file', location: copy.path }, { at: JUDGED_AT });
    expect(bare({ ...read, source: null })).toEqual(bare({ ...snapshot, source: null }));
    expect(read.source).toEqual({ ...snapshot.source, sha256: copy.sha256, size: copy.size });
    expect(statSync(copy.path)).toMatchObject({ size: copy.size });
    expect((await writeCapture(snapshot, folder)).path).toBe(copy.path);
    expect(readdirSync(folder)).toHaveLength(1);
    if (process.platform !== 'win32') expect(statSync(copy.path).mode & 0o777).toBe(0o600);
  });

  it('can be read without its certificates', async () => {
    const { path } = await writeCapture(snapshotOf(8), folder);
    const { devices } = await readCapture(path, { keepCertificates: false });
    expect(
      devices.flatMap(({ certificate, formerCertificates = [] }) => [certificate, ...formerCertificates]),
    ).toSatisfy((all: ({ der: unknown } | null)[]) => all.every((one) => one === null || one.der === null));
  });

  it('says when it was cut anywhere, changed in its structure, or is none', async () => {
    const { path } = await writeCapture(snapshotOf(4), folder);
    const whole = readFileSync(path);
    for (let cut = 0; cut < whole.length - 1; cut += 97) {
      writeFileSync(path, whole.subarray(0, cut));
      await expect(readCapture(path)).rejects.toMatchObject({ failure: { code: 'capture/damaged' } });
    }
    const lines = whole.toString().split('\n');
    writeFileSync(path, lines.toSpliced(2, 1).join('\n'));
    await expect(readCapture(path)).rejects.toMatchObject({ failure: { code: 'capture/damaged' } });
    writeFileSync(path, `${whole.toString()}{}\n`);
    await expect(readCapture(path)).rejects.toMatchObject({ failure: { code: 'capture/damaged' } });
    writeFileSync(path, whole.toString().replace('"slipwayCapture":1', '"slipwayCapture":2'));
    await expect(readCapture(path)).rejects.toMatchObject({ failure: { code: 'capture/newer' } });
    expect(await isCapture(path)).toBe(false);
    expect(await isCapture(join(folder, 'absent'))).toBe(false);
    await expect(readCapture(join(folder, 'absent'))).rejects.toMatchObject({ failure: { code: 'file/cannot-read' } });
  });
});
