/**
 * BER to DER: indefinite lengths become definite ones, octet strings in pieces become whole. Keychains, streaming
 * signers and Java write such PKCS#12 and CMS; everything after this walks plain DER.
 */
import { writeDer } from './der-writer';

/** Nesting and elements beyond any real message; they bound recursion and memory. */
const MAX_DEPTH = 40;
const MAX_ELEMENTS = 200_000;

/** One indefinite-length element that is being walked. */
interface Element {
  readonly tag: number;
  readonly contentStart: number;
  /** Offset just past the content; -1 for an indefinite length. */
  readonly contentEnd: number;
}

/**
 * The first element in `bytes` as DER; the bytes themselves when they are DER already. What follows it is left out.
 * @returns null when they are not BER, or nested or divided beyond reason.
 */
export function toDer(bytes: Buffer): Buffer | null {
  const walker = new Walker(bytes);
  const end = walker.walk(0, bytes.length, 0);
  if (end === null) return null;
  return walker.needsRewriting ? new Walker(bytes).rewrite(0, bytes.length, 0).der : bytes.subarray(0, end);
}

class Walker {
  needsRewriting = false;
  #elements = 0;

  constructor(private readonly bytes: Buffer) {}

  /** Where the element at `start` ends; null when it is none. Allocates nothing. */
  walk(start: number, limit: number, depth: number): number | null {
    const element = this.#header(start, limit, depth);
    if (!element) return null;
    const { tag, contentStart, contentEnd } = element;
    if (contentEnd < 0 || tag === 0x24) this.needsRewriting = true;
    if ((tag & 0x20) === 0) return contentEnd;
    let at = contentStart;
    for (;;) {
      if (contentEnd >= 0 ? at === contentEnd : this.#endOfContents(at, limit)) return contentEnd >= 0 ? at : at + 2;
      const next = this.walk(at, contentEnd >= 0 ? contentEnd : limit, depth + 1);
      if (next === null) return null;
      at = next;
    }
  }

  /** The element as DER and where it ended. Only after {@link walk} said that it is well-formed. */
  rewrite(start: number, limit: number, depth: number): { der: Buffer; end: number } {
    const element = this.#header(start, limit, depth);
    if (!element) return { der: Buffer.alloc(0), end: limit };
    const { tag, contentStart, contentEnd } = element;
    if ((tag & 0x20) === 0) return { der: this.bytes.subarray(start, contentEnd), end: contentEnd };
    const parts: Buffer[] = [];
    let at = contentStart;
    while (contentEnd >= 0 ? at < contentEnd : !this.#endOfContents(at, limit)) {
      const part = this.rewrite(at, contentEnd >= 0 ? contentEnd : limit, depth + 1);
      parts.push(part.der);
      at = part.end;
    }
    const end = contentEnd >= 0 ? contentEnd : at + 2;
    if (tag !== 0x24) return { der: writeDer(tag, ...parts), end };
    return { der: writeDer(0x04, ...parts.map(contentOf)), end };
  }

  #endOfContents(at: number, limit: number): boolean {
    return at + 2 <= limit && this.bytes[at] === 0 && this.bytes[at + 1] === 0;
  }

  #header(start: number, limit: number, depth: number): Element | null {
    const { bytes } = this;
    if (start + 2 > limit || depth > MAX_DEPTH || ++this.#elements > MAX_ELEMENTS) return null;
    const tag = bytes[start] as number;
    if ((tag & 0x1f) === 0x1f) return null;
    let length = bytes[start + 1] as number;
    let at = start + 2;
    if (length === 0x80) return (tag & 0x20) === 0 ? null : { tag, contentStart: at, contentEnd: -1 };
    if (length > 0x80) {
      const octets = length & 0x7f;
      if (octets > 4 || at + octets > limit) return null;
      length = 0;
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[at + i] as number);
      at += octets;
    }
    return length > limit - at ? null : { tag, contentStart: at, contentEnd: at + length };
  }
}

/** The content of a primitive element in DER. */
function contentOf(der: Buffer): Buffer {
  const length = der[1] ?? 0;
  return der.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}
