/**
 * Gets the content out of a CMS SignedData message without needing a valid signature: a signed configuration
 * profile. BER as well as DER, because Apple's and OpenSSL's streaming signers write indefinite lengths.
 */

/** Nesting beyond any real message; bounds the recursion. */
const MAX_DEPTH = 32;

const OID_SIGNED_DATA = Buffer.from([0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]);

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly contentStart: number;
  readonly contentEnd: number;
  /** Offset just past the element, end-of-contents octets included. */
  readonly end: number;
}

/** True when the bytes begin like a CMS SignedData message. */
export function isSignedData(bytes: Buffer): boolean {
  const outer = readElement(bytes, 0, bytes.length, 0);
  return outer !== null && outer.tag === 0x30 && startsWith(bytes, outer.contentStart, OID_SIGNED_DATA);
}

/**
 * The encapsulated content of a SignedData message.
 * @returns null when the bytes are not SignedData or carry no content (a detached signature).
 */
export function unwrapSignedData(bytes: Buffer): Buffer | null {
  const outer = readElement(bytes, 0, bytes.length, 0);
  if (!outer || outer.tag !== 0x30 || !startsWith(bytes, outer.contentStart, OID_SIGNED_DATA)) return null;
  const explicit = child(bytes, outer, 1);
  const signedData = explicit && explicit.tag === 0xa0 ? child(bytes, explicit, 0) : null;
  // SignedData ::= version, digestAlgorithms, encapContentInfo, …
  const info = signedData && signedData.tag === 0x30 ? child(bytes, signedData, 2) : null;
  const wrapped = info && info.tag === 0x30 ? child(bytes, info, 1) : null;
  const content = wrapped && wrapped.tag === 0xa0 ? child(bytes, wrapped, 0) : null;
  if (!content || (content.tag & 0x1f) !== 0x04) return null;
  const parts: Buffer[] = [];
  return collectOctets(bytes, content, parts, 0) ? Buffer.concat(parts) : null;
}

/** An OCTET STRING, primitive or constructed of several. */
function collectOctets(bytes: Buffer, element: Element, parts: Buffer[], depth: number): boolean {
  if ((element.tag & 0x20) === 0) {
    parts.push(bytes.subarray(element.contentStart, element.contentEnd));
    return true;
  }
  if (depth > MAX_DEPTH) return false;
  let at = element.contentStart;
  while (at < element.contentEnd) {
    const part = readElement(bytes, at, element.contentEnd, depth);
    if (!part || (part.tag & 0x1f) !== 0x04 || !collectOctets(bytes, part, parts, depth + 1)) return false;
    at = part.end;
  }
  return true;
}

function child(bytes: Buffer, parent: Element, index: number): Element | null {
  let at = parent.contentStart;
  for (let i = 0; ; i++) {
    const element = readElement(bytes, at, parent.contentEnd, 0);
    if (!element || i === index) return element;
    at = element.end;
  }
}

function readElement(bytes: Buffer, start: number, limit: number, depth: number): Element | null {
  if (start + 2 > limit || depth > MAX_DEPTH) return null;
  const tag = bytes[start] as number;
  if ((tag & 0x1f) === 0x1f) return null;
  let length = bytes[start + 1] as number;
  let at = start + 2;
  if (length === 0x80) {
    if ((tag & 0x20) === 0) return null;
    // Indefinite: walk the children to the two zero octets.
    const contentStart = at;
    for (;;) {
      if (at + 2 > limit) return null;
      if (bytes[at] === 0 && bytes[at + 1] === 0) return { tag, start, contentStart, contentEnd: at, end: at + 2 };
      const inner = readElement(bytes, at, limit, depth + 1);
      if (!inner) return null;
      at = inner.end;
    }
  }
  if (length > 0x80) {
    const octets = length & 0x7f;
    if (octets > 4 || at + octets > limit) return null;
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at + i] as number);
    at += octets;
  }
  if (length > limit - at) return null;
  return { tag, start, contentStart: at, contentEnd: at + length, end: at + length };
}

function startsWith(bytes: Buffer, at: number, wanted: Buffer): boolean {
  return bytes.length - at >= wanted.length && bytes.compare(wanted, 0, wanted.length, at, at + wanted.length) === 0;
}
