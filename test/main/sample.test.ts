/** The bundled sample is what its script writes, so that it can be made anew, and holds nothing of anybody real. */
import { newFolder } from './home';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { judge } from '../../src/core/migration/verdict';
import { readMicroMdm } from '../../src/core/sources/micromdm';
import { SAMPLE_CLOCK } from '../../src/main/engine/sample-fleet';
import { writeSample } from '../sample-source';

const BUNDLED = join(import.meta.dirname, '..', '..', 'resources', 'sample', 'micromdm.db');

it('is written the same each time: node scripts/make-sample.mjs', () => {
  const { path } = writeSample(join(newFolder('sample'), 'micromdm.db'));
  expect(readFileSync(path).equals(readFileSync(BUNDLED))).toBe(true);
});

it('is small, whole, and has every verdict with the usual reasons', async () => {
  const snapshot = await readMicroMdm(BUNDLED, { at: SAMPLE_CLOCK });
  const judgement = judge(snapshot, SAMPLE_CLOCK);
  expect(snapshot.source.size).toBeLessThan(512 * 1024);
  expect(judgement.counts).toEqual({ devices: 60, ready: 49, caution: 5, blocked: 6 });
  expect(snapshot.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  const codes = new Set(judgement.devices.flatMap(({ reasons }) => reasons.map(({ code }) => code)));
  for (const code of [
    'silent',
    'certificate-expiring',
    'certificate-not-in-depot',
    'probably-enrolled',
    'not-enrolled',
    'no-udid',
  ]) {
    expect(codes).toContain(code);
  }
  expect(snapshot.devices.every(({ serial }) => serial?.includes('SAMPLE') === true)).toBe(true);
});
