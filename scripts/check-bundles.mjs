/** What must hold for the built files, whatever the sources say. Reads out/; run by `npm test` after the build. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';

const PRELOAD_LIMIT = 4 * 1024;
const RENDERER_LIMIT = 2 * 1024 * 1024;

/** Each check returns what is wrong, or null. `canary`: a value that was in the environment while building. */
export function bundleChecks(out, canary) {
  const all = () => filesIn(out);
  const renderer = () => filesIn(join(out, 'renderer'));
  return {
    'every bundle is there': () =>
      ['main/index.js', 'preload/index.cjs', 'renderer/index.html', 'cli/index.js'].find(
        (file) => !existsSync(join(out, file)),
      ) ?? null,

    'the renderer imports nothing of Node or Electron': () => {
      const node = new RegExp(
        `(?:from|import|require)\\s*\\(?\\s*["'](?:node:[a-z/_]+|electron|${builtinModules.join('|')})["']`,
      );
      return first(renderer(), (text) => node.exec(text)?.[0] ?? null);
    },

    'the renderer has no inline script or style, and loads nothing from elsewhere': () => {
      const html = readFileSync(join(out, 'renderer', 'index.html'), 'utf8');
      return /<script(?![^>]*\ssrc=)[^>]*>|<style|\son[a-z]+=|(?:src|href)="https?:/.exec(html)?.[0] ?? null;
    },

    'the renderer is of a size that opens at once': () => {
      const size = renderer().reduce((sum, file) => sum + statSync(file).size, 0);
      return size > RENDERER_LIMIT ? `${size} bytes, ${RENDERER_LIMIT} are meant to be enough` : null;
    },

    'the preload is small and requires only electron': () => {
      const text = readFileSync(join(out, 'preload', 'index.cjs'), 'utf8');
      const other = [...text.matchAll(/require\(["']([^"']+)["']\)/g)].find(([, name]) => name !== 'electron');
      if (other !== undefined) return other[0];
      return text.length > PRELOAD_LIMIT ? `${text.length} bytes, ${PRELOAD_LIMIT} are meant to be enough` : null;
    },

    'reading a file does not load the MySQL driver': () => {
      // A MySQL source loads the driver when asked.
      return loadsOnReading(
        out,
        (text) => /mysql_native_password|caching_sha2_password/.test(text) && /HandshakeResponse/.test(text),
      );
    },

    'nothing is loaded that was built for one machine, and SSH does not look for its own folder': () =>
      first(
        filesIn(join(out, 'cli')),
        (text) =>
          /require\(["'][^"']*\.node["']\)/.exec(text)?.[0] ??
          (text.includes('ssh-userauth') && /\b__dirname\b/.test(text) ? '__dirname' : null),
      ),

    'reading a file does not load SSH': () => loadsOnReading(out, (text) => text.includes('ssh-userauth')),

    'no bundle holds a private key or a value from the environment': () => {
      const key = /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\r|\\n|\s)+[A-Za-z0-9+/=]{40}/;
      // ssh2 tries with a key of its own, published with it, whether Node knows Ed25519.
      const sample = 'MC4CAQAwBQYDK2VwBCIEIHKj+sVa9WcD/q2DJUJaf43Kptc8xYuUQA4bOFj9vC8T';
      const without = (text) => text.replaceAll(sample, '');
      return first(all(), (text) =>
        key.test(without(text)) ? 'a private key' : text.includes(canary) ? 'the canary' : null,
      );
    },
  };
}

/** A file that is loaded statically with the entry or with the read command's own chunk, and that `tells` knows; or null. */
function loadsOnReading(out, tells) {
  const seen = new Set();
  const visit = (file) => {
    if (seen.has(file)) return null;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    if (tells(text)) return file;
    const imports = [...text.matchAll(/^(?:import|export)\b[^;'"]*["'](\.\/[^"']+)["']/gm)];
    return imports.map(([, name]) => visit(join(out, 'cli', name))).find((found) => found !== null) ?? null;
  };
  const starts = readdirSync(join(out, 'cli')).filter((name) => /^(index|read-.*)\.js$/.test(name));
  return starts.map((name) => visit(join(out, 'cli', name))).find((found) => found !== null) ?? null;
}

function first(files, find) {
  for (const file of files) {
    const found = find(readFileSync(file, 'latin1'));
    if (found !== null) return `${found} in ${file}`;
  }
  return null;
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
