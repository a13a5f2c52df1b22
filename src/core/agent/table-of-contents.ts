/**
 * The table of contents of a xar archive: XML that says where each file lies. Only what xar writes is understood: elements,
 * attributes, text. Document types, and with them entities of its own, are refused; size and depth are bounded.
 */

/** A file of an archive. */
export interface ArchivedFile {
  /** `base.pkg/Payload`. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Where its bytes lie, from the beginning of the heap; null for a folder. */
  readonly data: {
    readonly offset: number;
    /** Bytes in the archive. */
    readonly length: number;
    /** Bytes once it is unpacked. */
    readonly size: number;
    /** `application/octet-stream`, `application/x-gzip` (which is zlib’s form), … */
    readonly encoding: string;
  } | null;
}

/** A signature over the table of contents. */
export interface ArchiveSignature {
  /** `RSA`, `CMS`. */
  readonly style: string;
  readonly offset: number;
  readonly size: number;
  /** DER, the signer’s first. */
  readonly certificates: readonly Buffer[];
}

export interface TableOfContents {
  readonly checksum: { readonly style: string; readonly offset: number; readonly size: number } | null;
  readonly files: readonly ArchivedFile[];
  readonly signatures: readonly ArchiveSignature[];
}

interface Node {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: Node[];
  text: string;
}

const MAX_NODES = 400_000;
const MAX_DEPTH = 64;
const MAX_FILES = 50_000;

/** Reads a table of contents; null when it is none. */
export function readTableOfContents(xml: string): TableOfContents | null {
  const root = parse(xml);
  const toc = root?.name === 'xar' ? childOf(root, 'toc') : null;
  if (toc === null) return null;
  const files: ArchivedFile[] = [];
  if (!collect(toc, '', files)) return null;
  const checksum = childOf(toc, 'checksum');
  return {
    checksum:
      checksum === null
        ? null
        : {
            style: checksum.attributes.get('style') ?? '',
            offset: numberOf(childOf(checksum, 'offset')) ?? 0,
            size: numberOf(childOf(checksum, 'size')) ?? 0,
          },
    files,
    signatures: toc.children
      .filter(({ name }) => name === 'signature' || name === 'x-signature')
      .flatMap((node) => {
        const offset = numberOf(childOf(node, 'offset'));
        const size = numberOf(childOf(node, 'size'));
        if (offset === null || size === null) return [];
        return [{ style: node.attributes.get('style') ?? '', offset, size, certificates: certificatesOf(node) }];
      }),
  };
}

function collect(parent: Node, prefix: string, files: ArchivedFile[]): boolean {
  for (const node of parent.children) {
    if (node.name !== 'file') continue;
    if (files.length >= MAX_FILES) return false;
    const named = childOf(node, 'name');
    const encoded = named?.attributes.get('enctype') === 'base64';
    const name = encoded ? Buffer.from(named.text, 'base64').toString('utf8') : (named?.text ?? '');
    const path = `${prefix}${name}`;
    const data = childOf(node, 'data');
    const [offset, length, size] = ['offset', 'length', 'size'].map((key) => numberOf(data && childOf(data, key)));
    const isFolder = childOf(node, 'type')?.text === 'directory';
    files.push({
      path,
      isFolder,
      data:
        offset == null || length == null || size == null
          ? null
          : { offset, length, size, encoding: (data && childOf(data, 'encoding')?.attributes.get('style')) ?? '' },
    });
    if (!collect(node, `${path}/`, files)) return false;
  }
  return true;
}

function certificatesOf(node: Node): Buffer[] {
  const found: Buffer[] = [];
  const walk = (one: Node): void => {
    if (one.name === 'X509Certificate' && found.length < 10) found.push(Buffer.from(one.text, 'base64'));
    one.children.forEach(walk);
  };
  walk(node);
  return found;
}

function childOf(node: Node, name: string): Node | null {
  return node.children.find((one) => one.name === name) ?? null;
}

function numberOf(node: Node | null): number | null {
  const text = node?.text.trim() ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** A small XML reader; null for anything that is not well formed in the little it knows. */
function parse(xml: string): Node | null {
  const stack: Node[] = [];
  let root: Node | null = null;
  let count = 0;
  let at = 0;
  while (at < xml.length) {
    const begin = xml.indexOf('<', at);
    if (begin < 0) break;
    const top = stack.at(-1);
    if (top !== undefined && begin > at) top.text += decoded(xml.slice(at, begin));
    if (xml.startsWith('<!--', begin)) {
      const end = xml.indexOf('-->', begin + 4);
      if (end < 0) return null;
      at = end + 3;
      continue;
    }
    const end = xml.indexOf('>', begin);
    if (end < 0) return null;
    const inner = xml.slice(begin + 1, end);
    at = end + 1;
    if (inner.startsWith('?')) continue;
    if (inner.startsWith('!')) return null;
    if (inner.startsWith('/')) {
      if (stack.pop()?.name !== inner.slice(1).trim()) return null;
      continue;
    }
    const empty = inner.endsWith('/');
    const match = /^([A-Za-z][\w:.-]*)([\s\S]*)$/.exec(empty ? inner.slice(0, -1) : inner);
    const name = match?.[1];
    if (name === undefined || (count += 1) > MAX_NODES || stack.length > MAX_DEPTH) return null;
    const attributes = new Map<string, string>();
    for (const [, key = '', , double = '', single = ''] of (match?.[2] ?? '').matchAll(
      /\s([\w:.-]+)\s*=\s*("([^"]*)"|'([^']*)')/g,
    ))
      attributes.set(key, decoded(double || single));
    const node: Node = { name, attributes, children: [], text: '' };
    if (top !== undefined) top.children.push(node);
    else if (root === null) root = node;
    else return null;
    if (!empty) stack.push(node);
  }
  return stack.length === 0 ? root : null;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decoded(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x[0-9a-fA-F]{1,6}|#\d{1,7}|\w{1,8});/g, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name] ?? whole;
    const point = name.startsWith('#x') ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}
