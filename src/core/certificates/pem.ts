/**
 * PEM in and out. Reading is tolerant the way the field needs it: CRLF, `Bag Attributes` preambles of OpenSSL's
 * PKCS#12 export, several blocks, any line length. Writing is strict RFC 7468.
 */

/** One block of a PEM text. */
export interface PemBlock {
  /** `CERTIFICATE`, `RSA PRIVATE KEY`, … */
  readonly label: string;
  /** The decoded body. */
  readonly der: Buffer;
  /** True when the block says it is encrypted (`Proc-Type: 4,ENCRYPTED` or the PKCS#8 label). */
  readonly encrypted: boolean;
  /** The RFC 1421 headers in front of the body (`Proc-Type`, `DEK-Info`); empty when there are none. */
  readonly headers: string;
}

/** Bigger than any certificate bundle; a bound against hostile input. */
const MAX_BYTES = 16 * 1024 * 1024;

/** True when a PEM block begins somewhere in these bytes. */
export function looksLikePem(bytes: Buffer): boolean {
  return bytes.includes('-----BEGIN ');
}

/**
 * All blocks in order. Blocks whose end does not match, or whose body is not base64, are left out.
 * @returns an empty array when there is none.
 */
export function readPem(text: Buffer | string): PemBlock[] {
  const input = typeof text === 'string' ? text : text.subarray(0, MAX_BYTES).toString('latin1');
  const blocks: PemBlock[] = [];
  let at = 0;
  let end = 0;
  for (;;) {
    const begin = input.indexOf('-----BEGIN ', at);
    if (begin < 0) return blocks;
    const labelEnd = input.indexOf('-----', begin + 11);
    if (labelEnd < 0) return blocks;
    const label = input.slice(begin + 11, labelEnd);
    // The next END of whatever label: looking for each block's own would let a hostile file make this quadratic.
    if (end < labelEnd) end = input.indexOf('-----END ', labelEnd);
    if (end < 0) return blocks;
    const footer = `-----END ${label}-----`;
    // A beginning without an end, before another that has this one: a CHECK constraint in a database dump, say.
    const stray = input.lastIndexOf('-----BEGIN ', end) !== begin;
    if (stray || label.length > 64 || !input.startsWith(footer, end)) {
      at = labelEnd;
      continue;
    }
    at = end + footer.length;
    const body = input.slice(labelEnd + 5, end);
    // RFC 1421 headers (`Proc-Type`, `DEK-Info`) stand before the first empty line.
    const headers = /^\s*(?:[A-Za-z-]+:[^\n]*\n)+\s*\n/.exec(body)?.[0] ?? '';
    const base64 = body.slice(headers.length).replace(/\s+/g, '');
    if (base64 === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) continue;
    blocks.push({
      label,
      der: Buffer.from(base64, 'base64'),
      encrypted: label === 'ENCRYPTED PRIVATE KEY' || /Proc-Type:\s*4,\s*ENCRYPTED/.test(headers),
      headers: headers.trim(),
    });
  }
}

/** One block, 64 columns, with a final newline. */
export function writePem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Every certificate in a text that is PEM, or the bytes themselves when they are DER. */
export function readCertificateBytes(bytes: Buffer): Buffer[] {
  if (!looksLikePem(bytes)) return bytes.length > 0 ? [bytes] : [];
  return readPem(bytes)
    .filter(({ label }) => label === 'CERTIFICATE' || label === 'X509 CERTIFICATE' || label === 'TRUSTED CERTIFICATE')
    .map(({ der }) => der);
}
