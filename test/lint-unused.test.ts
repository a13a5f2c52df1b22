/**
 * Nothing in the tree is there for nobody: every file is imported or started, every export is used elsewhere, every
 * class of a stylesheet stands in a component and every package is imported. Read from the syntax alone, so it takes
 * seconds: names are followed through imports, not through types.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path/posix';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Where a program begins: started by name, so imported by nobody. */
const STARTED =
  /\.(test|spec|bench|worker)\.tsx?$|\.d\.m?ts$|(^|[./])config\.m?[jt]s$|^scripts\/[^/]+\.mjs$|^src\/(cli|main|preload)\/index\.ts$|^src\/renderer\/main\.tsx$|^test\/(bench|faults)\/|^test\/(property-seed|e2e\/global-setup|renderer\/install-fake)\.ts$/;

/** Whose exports are taken by name from outside: by a tool's convention, or as the module they stand in for. */
const TAKEN_UNSEEN = /\.d\.mts$|config\.m?ts$|global-setup\.ts$|^test\/bench\/|^test\/shell\/(electron|host)\.ts$/;

/** Packages another one asks for beside itself. */
const ASKED_FOR = ['@mantine/hooks'];

interface Export {
  readonly name: string;
  /** A type may be exported for what it says about a function; only a list of exports must not carry it in vain. */
  readonly type: boolean;
  readonly listed: boolean;
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly exports: Export[];
  /** `file#name` of everything it imports; `file#*` where it takes a whole module dynamically. */
  readonly uses: Set<string>;
  readonly imported: Set<string>;
  readonly packages: Set<string>;
  /** How often each identifier stands in it. */
  readonly words: Map<string, number>;
}

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file.replaceAll('\\', '/')))
    .filter((file) => ending.test(file) && !file.includes('node_modules'));
}

const code = ['src', 'test', 'scripts'].flatMap((folder) => filesBelow(folder, /\.(tsx?|m[jt]s)$/));
code.push(...readdirSync(root).filter((file) => /\.m?[jt]s$/.test(file)));
const known = new Set(code);

function resolved(from: string, to: string): string | undefined {
  const base = join(dirname(from), to);
  return ['', '.ts', '.tsx', '.mjs', '/index.ts', '/index.tsx']
    .map((end) => base + end)
    .find((file) => known.has(file));
}

function isExported(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
  );
}

function declared(statement: ts.Statement): Export[] {
  if (!isExported(statement)) return [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [{ name: name.text, type: false, listed: false }] : [],
    );
  const { name } = statement as ts.Statement & { name?: ts.Identifier };
  const type = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
  return name ? [{ name: name.text, type, listed: false }] : [];
}

function read(file: string): Source {
  const text = readFileSync(join(root, file), 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: Source = {
    file,
    text,
    exports: tree.statements.flatMap(declared),
    uses: new Set(),
    imported: new Set(),
    packages: new Set(),
    words: new Map(),
  };
  const namespaces = new Map<string, string>();

  const target = (specifier: ts.Node | undefined): string | undefined => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return undefined;
    if (!specifier.text.startsWith('.')) {
      found.packages.add(/^(@[^/]+\/)?[^/]+/.exec(specifier.text)?.[0] ?? '');
      return undefined;
    }
    const to = resolved(file, specifier.text);
    if (to) found.imported.add(to);
    return to;
  };

  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) found.words.set(node.text, (found.words.get(node.text) ?? 0) + 1);
    else if (ts.isImportDeclaration(node)) {
      const from = target(node.moduleSpecifier);
      const bindings = node.importClause?.namedBindings;
      if (from && bindings && ts.isNamespaceImport(bindings)) namespaces.set(bindings.name.text, from);
      if (from && bindings && ts.isNamedImports(bindings))
        for (const { propertyName, name } of bindings.elements)
          found.uses.add(`${from}#${(propertyName ?? name).text}`);
    } else if (ts.isExportDeclaration(node)) {
      const from = target(node.moduleSpecifier);
      if (node.exportClause && ts.isNamedExports(node.exportClause))
        for (const { propertyName, name } of node.exportClause.elements) {
          found.exports.push({ name: name.text, type: false, listed: true });
          if (from) found.uses.add(`${from}#${(propertyName ?? name).text}`);
        }
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const from = target(node.arguments[0]);
      if (from) found.uses.add(`${from}#*`);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const from = target(node.argument.literal);
      if (from) found.uses.add(`${from}#*`);
    } else if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const from = namespaces.get(node.expression.text);
      if (from) found.uses.add(`${from}#${node.name.text}`);
    } else if (ts.isQualifiedName(node) && ts.isIdentifier(node.left)) {
      const from = namespaces.get(node.left.text);
      if (from) found.uses.add(`${from}#${node.right.text}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const sources = code.map(read);

it('has no file that nothing imports or starts', () => {
  const imported = new Set(sources.flatMap((source) => [...source.imported]));
  // A program of its own is started by its path, so its name stands in another file.
  const named = (file: string): boolean =>
    file.endsWith('.mjs') && sources.some((other) => other.file !== file && other.text.includes(basename(file)));
  expect(code.filter((file) => !imported.has(file) && !STARTED.test(file) && !named(file))).toEqual([]);
});

it('exports nothing that nobody else takes, and keeps nothing that only tests call', () => {
  const uses = new Map<string, Set<string>>();
  for (const source of sources)
    for (const use of source.uses) uses.set(use, (uses.get(use) ?? new Set()).add(source.file));

  const idle = sources
    .filter(({ file }) => !TAKEN_UNSEEN.test(file))
    .flatMap(({ file, exports, words }) =>
      exports
        .filter(({ name, type, listed }) => {
          const takers = [...(uses.get(`${file}#${name}`) ?? []), ...(uses.get(`${file}#*`) ?? [])];
          const usedHere = !listed && (words.get(name) ?? 0) > 1;
          if (takers.length === 0) return !(type && usedHere);
          return file.startsWith('src/') && !listed && !usedHere && takers.every((by) => by.startsWith('test/'));
        })
        .map(({ name }) => `${file}: ${name}`),
    );
  expect(idle).toEqual([]);
});

it('has no class in a stylesheet that no component names', () => {
  const components = sources.filter(({ file }) => file.startsWith('src/renderer/')).map(({ text }) => text);
  const named = new Set(components.join('\n').match(/[a-z][\w-]*/gi));
  // What is put together from a word and a value (`badge-${verdict}`) is taken as named by its beginning.
  const begun = [...components.join('\n').matchAll(/([\w-]+-)\$\{/g)].map(([, beginning]) => beginning ?? '');
  const unnamed = filesBelow('src/renderer', /\.css$/).flatMap((file) => {
    const rules = readFileSync(join(root, file), 'utf8').replaceAll(/\/\*[^]*?\*\/|\{[^{}]*\}/g, ' ');
    return [...new Set(rules.match(/(?<=\.)[a-z_][\w-]*/gi))]
      .filter(
        (name) => !named.has(name) && !name.startsWith('mantine-') && !begun.some((start) => name.startsWith(start)),
      )
      .map((name) => `${file}: .${name}`);
  });
  expect(unnamed).toEqual([]);
});

it('depends on no package that nothing imports', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    Record<string, string>
  >;
  const imported = new Set(sources.flatMap(({ packages }) => [...packages]));
  const shown = new Set(sources.flatMap(({ text }) => text.match(/\b(electron|prettier|eslint)\b/g) ?? []));
  const idle = [...Object.keys(manifest['dependencies'] ?? {}), ...Object.keys(manifest['devDependencies'] ?? {})]
    .filter((name) => !name.startsWith('@types/'))
    .filter((name) => !imported.has(name) && !shown.has(name) && !ASKED_FOR.includes(name));
  expect(idle).toEqual([]);
});
