/**
 * What goes with every package: which software is in it (SBOM, CycloneDX 1.5) and under which licences. Made from the lists
 * the build wrote, the lock file and the licence files of the packages; the same build gives the same bytes.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUNDLED } from './bundled-packages.mjs';
import { root } from './setup.mjs';

const BUNDLES = ['main', 'preload', 'renderer', 'cli'];

/** Writes sbom.cdx.json and LICENCES.txt into a folder. Needs a build. */
export function writeLegal(folder) {
  const components = [...bundledFolders().map(describe), electron()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(sbom(components), null, 2)}\n`);
  writeFileSync(join(folder, 'LICENCES.txt'), components.map(licenceText).join(`\n${'-'.repeat(100)}\n\n`));
}

/** Folders of packages that any bundle holds, by their path in the checkout. */
function bundledFolders() {
  const lists = BUNDLES.map((bundle) => {
    const file = join(root, BUNDLED, `${bundle}.json`);
    if (!existsSync(file)) throw new Error(`${file} is missing: npm run build`);
    return JSON.parse(readFileSync(file, 'utf8'));
  });
  return [...new Set(lists.flat())];
}

function describe(folder) {
  const {
    name,
    version,
    license: own,
    licenses,
  } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  // Older packages list them; one that lists several leaves a choice, which is a person's to make.
  const license = own ?? (licenses?.length === 1 ? licenses[0].type : undefined);
  if (typeof license !== 'string') throw new Error(`${folder} names no licence: look into it before it is shipped.`);
  const integrity = locked()[folder]?.integrity;
  return {
    type: 'library',
    name,
    version,
    folder,
    licence: license,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    sha512:
      integrity === undefined ? undefined : Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex'),
  };
}

/** Electron itself, whose licence texts its own distribution brings along. */
function electron() {
  const { version } = locked()['node_modules/electron'];
  const purl = `pkg:github/electron/electron@v${version}`;
  return { type: 'framework', name: 'electron', version, licence: 'MIT', purl };
}

let lock;
function locked() {
  lock ??= JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  return lock;
}

function sbom(components) {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const product = { type: 'application', 'bom-ref': `pkg:npm/${name}@${version}`, name, version };
  const listed = components.map(({ type, name: title, version: release, licence, purl, sha512 }) => ({
    type,
    'bom-ref': purl,
    name: title,
    version: release,
    ...(sha512 === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: sha512 }] }),
    licenses: [/[ ()]/.test(licence) ? { expression: licence } : { license: { id: licence } }],
    purl,
  }));
  // A number of its own for each content, not for each run.
  const hash = createHash('sha256')
    .update(JSON.stringify([product, listed]))
    .digest('hex');
  const serial = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-5${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${serial}`,
    version: 1,
    metadata: { component: product },
    components: listed,
    dependencies: [{ ref: product['bom-ref'], dependsOn: listed.map(({ purl }) => purl) }],
  };
}

function licenceText({ name, version, licence, folder }) {
  const head = `${name} ${version}: ${licence}\n`;
  if (folder === undefined)
    return `${head}\nIts licence texts are LICENSE.electron.txt and LICENSES.chromium.html beside the program.\n`;
  const files = readdirSync(join(root, folder))
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .sort();
  return [head, ...files.map((file) => readFileSync(join(root, folder, file), 'utf8').trim()), ''].join('\n');
}
