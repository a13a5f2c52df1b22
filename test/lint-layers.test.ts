/** The rules about layers and names are real: what they forbid is refused, what they allow is not. */
import { join } from 'node:path';
import { ESLint } from 'eslint';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
let eslint: ESLint;

beforeAll(() => {
  // Typed rules need real files in the project; these snippets only have names.
  eslint = new ESLint({
    cwd: root,
    overrideConfig: {
      files: ['**/*.{ts,tsx}'],
      languageOptions: { parserOptions: { projectService: false, project: false } },
    },
    ruleFilter: ({ ruleId }) => /^(boundaries|slipway)\/|^no-/.test(ruleId),
  });
});

async function rulesBrokenBy(code: string, file: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, file) });
  return (result?.messages ?? []).map(({ ruleId, message }) => ruleId ?? message);
}

const IMPORTS: readonly (readonly [verdict: 'allowed' | 'refused', file: string, module: string])[] = [
  ['allowed', 'src/core/bolt/file.ts', '../failure'],
  ['allowed', 'src/core/bolt/file.ts', 'node:fs'],
  ['refused', 'src/core/bolt/file.ts', '../sources/snapshot'],
  ['refused', 'src/core/failure.ts', './sources/snapshot'],
  ['refused', 'src/core/failure.ts', 'electron'],
  ['allowed', 'src/core/certificates/read.ts', 'node-forge'],
  ['refused', 'src/core/certificates/read.ts', '../sources/snapshot'],
  ['allowed', 'src/core/sources/new-source.ts', '../secret'],
  ['refused', 'src/core/sources/new-source.ts', 'react'],
  ['refused', 'src/core/sources/new-source.ts', 'react-dom/client'],
  ['refused', 'src/core/sources/new-source.ts', '../../main/window'],
  ['allowed', 'src/core/fleet/rows.ts', 'mysql2/promise'],
  ['refused', 'src/core/fleet/rows.ts', '../sources/snapshot'],
  ['allowed', 'src/core/migration/plan.ts', '../sources/snapshot'],
  ['allowed', 'src/core/cutover/wave.ts', '../sources/snapshot'],
  ['allowed', 'src/core/assets/plan.ts', '../migration/plan'],
  ['refused', 'src/core/migration/plan.ts', '../assets/plan'],
  ['refused', 'src/core/migration/plan.ts', 'electron'],
  ['refused', 'src/core/migration/plan.ts', '../../renderer/bridge'],
  ['refused', 'src/core/migration/plan.ts', '../../contract/calls'],
  ['refused', 'src/core/new-folder/file.ts', '../failure'],
  ['allowed', 'src/contract/reply.ts', 'zod'],
  ['refused', 'src/contract/reply.ts', 'node:fs'],
  ['refused', 'src/contract/reply.ts', '../core/failure'],
  ['allowed', 'src/renderer/bridge.ts', '../contract/calls'],
  ['allowed', 'src/renderer/main.tsx', 'react-dom/client'],
  ['refused', 'src/renderer/bridge.ts', 'node:fs'],
  ['refused', 'src/renderer/bridge.ts', 'fs'],
  ['refused', 'src/renderer/bridge.ts', 'electron'],
  ['refused', 'src/renderer/bridge.ts', '../core/failure'],
  ['refused', 'src/renderer/bridge.ts', 'mysql2/promise'],
  ['allowed', 'src/preload/index.ts', 'electron'],
  ['refused', 'src/preload/index.ts', 'node:fs'],
  ['refused', 'src/preload/index.ts', '../core/failure'],
  ['allowed', 'src/main/calls.ts', '../core/failure'],
  ['allowed', 'src/main/calls.ts', 'electron'],
  ['refused', 'src/main/calls.ts', '../renderer/bridge'],
  ['allowed', 'src/cli/index.ts', '../core/failure'],
  ['allowed', 'src/cli/index.ts', '../../package.json'],
  ['allowed', 'src/cli/index.ts', 'commander'],
  ['refused', 'src/cli/index.ts', 'electron'],
  ['refused', 'src/cli/index.ts', '../main/window'],
];

describe('layers', () => {
  it.each(IMPORTS)('%s: %s imports %s', async (verdict, file, module) => {
    const ways = [`import * as m from '${module}';\nexport const n = m;`, `export const n = import('${module}');`];
    for (const code of ways) {
      const broken = (await rulesBrokenBy(code, file)).filter((rule) => rule.startsWith('boundaries/'));
      expect(broken, code).toEqual(verdict === 'refused' ? ['boundaries/dependencies'] : []);
    }
  });

  it('counts a type as an import', async () => {
    const code = `import type { Snapshot } from '../sources/snapshot';\nexport type S = Snapshot;`;
    expect(await rulesBrokenBy(code, 'src/core/bolt/file.ts')).toEqual(['boundaries/dependencies']);
  });

  it('knows no folder of src outside the table', async () => {
    expect(await rulesBrokenBy('export const n = 1;', 'src/elsewhere/file.ts')).toEqual([
      'boundaries/no-unknown-files',
    ]);
  });
});

describe('the engine', () => {
  it.each([
    ['process.argv', 'no-restricted-properties'],
    ['process.exit', 'no-restricted-properties'],
    ['console.log', 'no-console'],
  ])('may not touch %s', async (name, rule) => {
    expect(await rulesBrokenBy(`export const n = ${name};`, 'src/core/bolt/file.ts')).toEqual([rule]);
    expect(await rulesBrokenBy(`export const n = ${name};`, 'src/cli/index.ts')).toEqual([]);
  });
});

describe('file names', () => {
  it.each([
    'src/core/bolt/pageReader.ts',
    'src/core/bolt/page_reader.ts',
    'src/renderer/features/source/SourcePage.tsx',
  ])('refuses %s: not kebab-case', async (file) => {
    expect(await rulesBrokenBy('export const n = 1;', file)).toEqual(['slipway/file-names']);
  });

  it.each(['src/core/bolt/utils.ts', 'test/core/helpers.ts', 'src/core/bolt/misc.test.ts', 'src/main/utils/dates.ts'])(
    'refuses %s: says nothing',
    async (file) => {
      expect(await rulesBrokenBy('export const n = 1;', file)).toEqual(['slipway/file-names']);
    },
  );

  it('accepts workers and tests', async () => {
    expect(await rulesBrokenBy('export const n = 1;', 'src/core/bolt/page-reader.worker.ts')).toEqual([]);
  });
});
