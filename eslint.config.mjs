import js from '@eslint/js';
import boundaries from 'eslint-plugin-boundaries';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/**
 * The layers of src/, lowest first: what each may import besides itself. A new layer is a new line.
 * `node`: whether Node's own modules are in reach. `packages`: which npm packages are ('*' any but `never`).
 */
const engine = { node: true, packages: ['*'], never: ['electron', 'react', 'react-dom', 'zustand'] };
const base = ['base'];
const judged = [...base, 'certificates', 'sources', 'fleet'];
const done = [...judged, 'migration'];
const layers = {
  bolt: { folder: 'src/core/bolt', uses: base, ...engine },
  certificates: { folder: 'src/core/certificates', uses: base, ...engine },
  folder: { folder: 'src/core/folder', uses: base, ...engine },
  ssh: { folder: 'src/core/ssh', uses: [...base, 'folder'], ...engine },
  database: { folder: 'src/core/database', uses: base, ...engine },
  sources: {
    folder: 'src/core/sources',
    uses: [...base, 'bolt', 'certificates', 'database', 'folder', 'ssh'],
    ...engine,
  },
  inspector: { folder: 'src/core/inspector', uses: [...base, 'certificates', 'sources'], ...engine },
  fleet: { folder: 'src/core/fleet', uses: [...base, 'certificates', 'database', 'ssh'], ...engine },
  migration: { folder: 'src/core/migration', uses: judged, ...engine },
  assets: { folder: 'src/core/assets', uses: done, ...engine },
  profile: { folder: 'src/core/profile', uses: done, ...engine },
  commands: { folder: 'src/core/commands', uses: [...done, 'profile'], ...engine },
  controls: { folder: 'src/core/controls', uses: [...done, 'profile', 'commands'], ...engine },
  agent: { folder: 'src/core/agent', uses: [...done, 'profile', 'commands'], ...engine },
  cutover: { folder: 'src/core/cutover', uses: [...done, 'profile', 'commands', 'watch'], ...engine },
  watch: { folder: 'src/core/watch', uses: done, ...engine },
  report: {
    folder: 'src/core/report',
    uses: [...done, 'assets', 'commands', 'controls', 'cutover', 'watch'],
    ...engine,
  },
  // A folder of the engine that is not in this table: it may import nothing, and nothing may import it.
  unlisted: { folder: 'src/core/*', uses: [], node: false, packages: [], never: [] },
  // failure, secret, progress: the files directly in src/core.
  base: { folder: 'src/core', uses: [], ...engine },
  contract: { folder: 'src/contract', uses: [], node: false, packages: ['zod'], never: [] },
  main: {
    folder: 'src/main',
    uses: ['core', 'contract'],
    node: true,
    packages: ['*'],
    never: ['react', 'react-dom', 'zustand'],
  },
  preload: { folder: 'src/preload', uses: ['contract'], node: false, packages: ['electron'], never: [] },
  renderer: {
    folder: 'src/renderer',
    uses: ['contract'],
    node: false,
    packages: ['react', 'react-dom', 'zustand', '@mantine/*', '@tanstack/*', 'lucide-react'],
    never: [],
  },
  cli: { folder: 'src/cli', uses: ['core', 'contract', 'package'], ...engine },
};
const core = Object.keys(layers).filter((name) => layers[name].folder.startsWith('src/core') && name !== 'unlisted');

function policies() {
  return Object.entries(layers).flatMap(([name, { uses, node, packages, never }]) => {
    const from = { element: { type: name } };
    const types = uses.flatMap((used) => (used === 'core' ? core : [used]));
    return [
      ...(types.length > 0 ? [{ from, allow: { to: { element: { type: types } } } }] : []),
      ...(node ? [{ from, allow: { to: { module: { origin: 'core' } } } }] : []),
      ...(packages.length === 0
        ? []
        : [
            {
              from,
              allow: { to: { module: { origin: 'external', ...(packages[0] === '*' ? {} : { source: packages }) } } },
            },
          ]),
      ...(never.length === 0 ? [] : [{ from, disallow: { to: { module: { origin: 'external', source: never } } } }]),
      // The command line takes its version from the manifest.
      ...(uses.includes('package') ? [{ from, allow: { to: { file: { categories: 'manifest' } } } }] : []),
    ];
  });
}

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const EMPTY_NAMES = /^(util|utils|helper|helpers|misc|common|stuff|shared)(\.|$)/;

/** Names say what is inside: kebab-case, and none of the words that mean "I did not know where to put it". */
const fileNames = {
  create(context) {
    return {
      Program(node) {
        const path = context.filename.slice(context.cwd.length + 1).split(/[\\/]/);
        const file = path.at(-1);
        if (!NAME.test(file)) {
          context.report({ node, message: `File names are kebab-case: ${file}` });
        }
        for (const part of path) {
          if (EMPTY_NAMES.test(part)) context.report({ node, message: `A name that says nothing: ${part}` });
        }
      },
    };
  },
};

export default tseslint.config(
  { ignores: ['out/', '.cache/', 'coverage/', 'test-results/', 'test/fixtures/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.{ts,tsx,mjs}'],
    plugins: { slipway: { rules: { 'file-names': fileNames } } },
    extends: [js.configs.recommended],
    rules: {
      'slipway/file-names': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.mjs'],
    // Node's own names; types are checked where there are some.
    rules: { 'no-undef': 'off' },
  },
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Compile-time checks of the same things, with fewer misses.
      'no-undef': 'off',
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { boundaries },
    settings: {
      'boundaries/elements': Object.entries(layers).map(([type, { folder }]) => ({
        type,
        pattern: folder,
        partialMatch: false,
      })),
      'boundaries/files': [{ category: 'manifest', pattern: 'package.json' }],
      'boundaries/root-path': import.meta.dirname,
      'import/resolver': { node: { extensions: ['.ts', '.tsx', '.d.ts', '.js', '.json'] } },
    },
    rules: {
      'boundaries/no-unknown-files': 'error',
      'boundaries/dependencies': [
        'error',
        { default: 'disallow', checkAllOrigins: true, checkUnknownLocals: true, policies: policies() },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only: one name for a thing everywhere.' },
        { selector: 'TSEnumDeclaration', message: 'A union of strings instead of an enum.' },
      ],
    },
  },
  {
    files: ['src/core/**/*.ts'],
    rules: {
      // The engine is called; it neither reads a command line, nor prints, nor ends the process.
      'no-console': 'error',
      'no-restricted-imports': ['error', { paths: ['process', 'node:process'] }],
      'no-restricted-properties': [
        'error',
        ...['argv', 'exit', 'exitCode', 'stdout', 'stderr', 'stdin'].map((property) => ({
          object: 'process',
          property,
        })),
      ],
    },
  },
  { files: ['src/renderer/**/*.{ts,tsx}'], extends: [reactHooks.configs.flat['recommended-latest']] },
  {
    files: ['test/**/*.ts'],
    rules: {
      // expect(object.method) and the like.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
