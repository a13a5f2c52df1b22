/** NanoMDM's two file stores, against what the makers of the real ones wrote down. */
import { X509Certificate } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/core/secret';
import { copySource, parseSource, readSource, withCompanions } from '../../../../src/core/sources';
import { localFolder, type Folder } from '../../../../src/core/folder';
import { readFolder } from '../../../../src/core/sources/nanomdm/folder-store';
import type { Snapshot } from '../../../../src/core/sources/snapshot';
import { ABSENT, unpackStore } from '../../../nanomdm-stores';
import { byUdid, contractOf, insideOf } from './as-read';
import { AT, devicesOf, readManifest, secretsOf } from './manifest';

const options = { at: AT, keyPassphrase: new Secret('passphrase', 'nm-capass') };

describe.skipIf(ABSENT !== '')(`NanoMDM in files${ABSENT}`, () => {
  const folders: string[] = [];
  const inside = { file: '', filekv: '' };
  let depot: string;
  beforeAll(() => {
    for (const [name, root] of [
      ['file', 'db'],
      ['filekv', 'dbkv'],
    ] as const) {
      const folder = unpackStore(name);
      folders.push(folder);
      inside[name] = join(folder, root);
    }
    depot = unpackStore('scep-depot');
    folders.push(depot);
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  describe.each(['file', 'filekv'] as const)('%s', (name) => {
    it.each([true, false])('agrees with the manifest in every field, with the depot: %s', async (hasDepot) => {
      const text = `nanomdm:${inside[name]}`;
      const reference = parseSource(hasDepot ? withCompanions(text, { 'scep-depot': join(depot, 'depot') }) : text);
      const snapshot = await readSource(reference, options);
      const manifest = readManifest('manifest.json');
      expect(byUdid(snapshot, contractOf)).toEqual(devicesOf(manifest, name, hasDepot));
      expect(byUdid(snapshot, insideOf)).toEqual(secretsOf(manifest, name));
      expect(snapshot.push).toMatchObject({ topic: manifest.topic_current, keyMatches: true });
      expect(snapshot.push?.sha256).toBe(
        manifest.push_certs.find(({ topic }) => topic === manifest.topic_current)?.sha256,
      );
      expect(snapshot.scepCa?.sha256 ?? null).toBe(hasDepot ? manifest.scep_ca.sha256 : null);
      expect(snapshot.source).toMatchObject({ kind: 'nanomdm', path: inside[name], sha256: null, retries: 0 });
    });

    it('names the device whose certificate cannot be read, instead of leaving it to the depot', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-garbage-'));
      folders.push(folder);
      const root = join(folder, 'store');
      cpSync(inside[name], root, { recursive: true, preserveTimestamps: true });
      const udid = '2FBF3BB1-0BDD-4933-92FB-EC9531ABB0B2';
      const path = name === 'file' ? `${udid}/Identity.pem` : `devices/2F/BF/${udid}.cert`;
      const codes = async (): Promise<string[]> =>
        (await readSource(parseSource(`nanomdm:${root}`), options)).devices
          .filter(({ reasons }) => reasons.some(({ code }) => code === 'identity-unreadable'))
          .map((device) => device.udid ?? '');
      expect(await codes()).toEqual([]);
      for (const garbage of ['', 'no certificate', Buffer.from([0x30, 0x82, 0xff, 0xff, 0x02])]) {
        writeFileSync(join(root, path), garbage);
        expect(await codes()).toEqual([udid]);
      }
    });

    it('counts on from the greatest number of its devices where the CA comes without its depot', async () => {
      const roots = inside[name];
      const ca = new X509Certificate(readFileSync(join(depot, 'depot', 'ca.pem')));
      const files = readdirSync(roots, { recursive: true, encoding: 'utf8' });
      const serials = files
        .filter((path) => /Identity\.pem$|^devices\/.*\.cert$/.test(path))
        .map((path) => new X509Certificate(readFileSync(join(roots, path))))
        .filter((one) => one.checkIssued(ca))
        .map(({ serialNumber }) => BigInt(`0x${serialNumber}`))
        .sort((a, b) => (a < b ? -1 : 1));
      const greatest = serials.at(-1) ?? 0n;
      expect(greatest).toBeGreaterThan(1n);
      const read = async (said?: string): Promise<Snapshot> => {
        const files = { 'scep-ca': join(depot, 'depot', 'ca.pem'), 'scep-ca-key': join(depot, 'depot', 'ca.key') };
        const more = said === undefined ? files : { ...files, 'scep-last-serial': said };
        return readSource(parseSource(withCompanions(`nanomdm:${roots}`, more)), options);
      };
      expect((await read()).scepCa).toMatchObject({ nextSerial: greatest + 1n, serialFrom: 'certificates' });
      expect((await read('0x1000')).scepCa).toMatchObject({ nextSerial: 0x1001n, serialFrom: 'operator' });
      // What was said is never believed against a certificate.
      const low = await read('1');
      expect(low.scepCa).toMatchObject({ nextSerial: greatest + 1n, serialFrom: 'certificates' });
      expect(low.findings.map(({ code }) => code)).toContain('scep-last-serial-low');
    });

    it('is captured as it is read', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-capture-'));
      folders.push(folder);
      const reference = parseSource(`nanomdm:${inside[name]}`);
      const copy = await copySource(reference, join(folder, 'copies'));
      const read = await readSource({ kind: 'nanomdm', transport: 'file', location: copy.path }, { at: AT });
      const direct = await readSource(reference, { at: AT });
      for (const view of [contractOf, insideOf]) expect(byUdid(read, view)).toEqual(byUdid(direct, view));
    });

    it('is read again when it was written meanwhile, and refused when that never ends', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-live-'));
      folders.push(folder);
      const root = join(folder, 'store');
      cpSync(inside[name], root, { recursive: true, preserveTimestamps: true });
      const udid = '2FBF3BB1-0BDD-4933-92FB-EC9531ABB0B2';
      const serial = name === 'file' ? `${udid}/SerialNumber.txt` : `devices/2F/BF/${udid}.serial`;
      let left = 2;
      const live = (): Folder => {
        const real = localFolder(root);
        return {
          ...real,
          read: async (path, limit) => {
            const bytes = await real.read(path, limit);
            if (path === serial && left-- > 0) writeFileSync(join(root, serial), `CHANGED${left}`);
            return bytes;
          },
        };
      };
      const reading = { at: AT, name: root, companions: {} };
      const snapshot: Snapshot = await readFolder(live(), reading);
      expect(snapshot.source.retries).toBe(2);
      expect(snapshot.devices.find((device) => device.udid === udid)?.serial).toBe('CHANGED0');
      let clock = 0;
      // Each look finds another length, whatever the clock of the file system is like.
      await expect(
        readFolder(
          {
            ...localFolder(root),
            list: async (path = '') =>
              (await localFolder(root).list(path))?.map((entry) => ({ ...entry, modified: (clock += 1) })) ?? null,
          },
          reading,
        ),
      ).rejects.toMatchObject({ failure: { code: 'nanomdm/changing' } });
    });

    it('follows no link and bounds what it takes', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-odd-'));
      folders.push(folder);
      const root = join(folder, 'store');
      cpSync(inside[name], root, { recursive: true, preserveTimestamps: true });
      const udid = '2FBF3BB1-0BDD-4933-92FB-EC9531ABB0B2';
      const message = join(root, name === 'file' ? `${udid}/TokenUpdate.plist` : `devices/2F/BF/${udid}.auth`);
      const unlock = join(root, name === 'file' ? `${udid}/UnlockToken.dat` : `enrollments/2F/BF/${udid}.unl_tok`);
      writeFileSync(unlock, Buffer.alloc(300_000));
      renameSync(message, join(folder, 'elsewhere'));
      symlinkSync(join(folder, 'elsewhere'), message);
      const { devices } = await readSource(parseSource(`nanomdm:${root}`), { at: AT });
      const device = devices.find((one) => one.udid === udid);
      expect(device?.unlockToken).toBeNull();
      expect(device?.reasons.map(({ code }) => code)).toContain('value-too-long');
      // Without the message a device cannot be told whole.
      if (name === 'file') expect(device?.enrolled).toBe(false);
      else expect(device?.name).toBeNull();
    });
  });

  it('says what a folder is that is no store', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-nanomdm-none-'));
    folders.push(folder);
    const read = (path: string): Promise<Snapshot> => readSource(parseSource(`nanomdm:${path}`), { at: AT });
    const refusal = (message: RegExp) => ({
      failure: { code: 'nanomdm/no-store', message: expect.stringMatching(message) as string },
    });
    await expect(read(join(folder, 'absent'))).rejects.toMatchObject(refusal(/nothing/));
    await expect(read(folder)).rejects.toMatchObject(refusal(/no store/));
    writeFileSync(join(folder, 'a-file'), 'x');
    await expect(read(join(folder, 'a-file'))).rejects.toMatchObject(refusal(/is a file/));
    mkdirSync(join(folder, 'parent'));
    symlinkSync(inside.filekv, join(folder, 'parent', 'linked'));
    await expect(read(join(inside.filekv, '..'))).rejects.toMatchObject(refusal(/folder dbkv/));
    await expect(read(join(folder, 'parent'))).rejects.toMatchObject(refusal(/no store/));
  });
});
