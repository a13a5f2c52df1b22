/** `app://slipway/…`: the window's own origin. Serves the built renderer and nothing else on the disk. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { protocol } from 'electron';

const SCHEME = 'app';
const HOST = 'slipway';
const ROOT = join(import.meta.dirname, '..', 'renderer');

export const PAGE_URL = `${SCHEME}://${HOST}/index.html`;

/**
 * Nothing from outside, nothing inline, no connections: the window talks to main through the bridge alone.
 *
 * The component library injects `<style>` elements. They carry a nonce that is new with each load of the page, so that
 * no other inline style gets through.
 */
function policyWith(styleNonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${styleNonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The name of the `<meta>` the renderer reads its style nonce from. */
const NONCE_META = 'style-nonce';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Must run before the app is ready. A standard, secure scheme gives the page an origin, so that CSP 'self' means us. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }]);
}

export function servePage(): void {
  protocol.handle(SCHEME, (request) => servedFile(request.url));
}

/** Whether an address is one of the window's own pages. Parsed, never compared by its beginning. */
export function isPageUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol: scheme, host } = new URL(url);
  return scheme === `${SCHEME}:` && host === HOST;
}

/** Pages to be printed: each has an address that was made up for it, and is gone once it is printed. */
const prints = new Map<string, string>();
const PRINT = /^\/print\/([0-9a-f]{32})$/;
/** No script and nothing from anywhere; its styles stand in the page. */
const PRINT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Serves a page of our own under the window's origin until it is withdrawn. */
export function offerPrint(html: string): { readonly url: string; readonly withdraw: () => void } {
  const id = randomBytes(16).toString('hex');
  prints.set(id, html);
  return { url: `${SCHEME}://${HOST}/print/${id}`, withdraw: () => void prints.delete(id) };
}

async function servedFile(url: string): Promise<Response> {
  const print = isPageUrl(url) ? prints.get(PRINT.exec(new URL(url).pathname)?.[1] ?? '') : undefined;
  if (print !== undefined) {
    const headers = {
      ...SAFE_HEADERS,
      'Content-Security-Policy': PRINT_POLICY,
      'Content-Type': 'text/html; charset=utf-8',
    };
    return new Response(print, { headers });
  }
  const file = isPageUrl(url) ? fileFor(new URL(url).pathname) : null;
  const type = file === null ? undefined : TYPES[extname(file)];
  if (file === null || type === undefined) return new Response(null, { status: 404 });
  try {
    const content = await readFile(file);
    const nonce = randomBytes(18).toString('base64url');
    const body = extname(file) === '.html' ? withNonce(content.toString('utf8'), nonce) : content;
    return new Response(body, {
      headers: { ...SAFE_HEADERS, 'Content-Security-Policy': policyWith(nonce), 'Content-Type': type },
    });
  } catch {
    return new Response(null, { status: 404 });
  }
}

/** Tells the page its nonce. Made of letters, digits, `-` and `_`: nothing to escape. */
function withNonce(html: string, nonce: string): string {
  return html.replace('<head>', `<head>\n    <meta name="${NONCE_META}" content="${nonce}" />`);
}

const SAFE_HEADERS = {
  // A nonce must not outlive its load.
  'Cache-Control': 'no-store',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const;

/** The file a path names, or null when it points out of the renderer's folder (encoded dots and slashes included). */
function fileFor(pathname: string): string | null {
  try {
    const file = normalize(join(ROOT, decodeURIComponent(pathname)));
    return file.startsWith(ROOT + sep) && !file.includes('\0') ? file : null;
  } catch {
    return null;
  }
}
