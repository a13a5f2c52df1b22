/** Writes DER: the few types that bundles and requests are made of. */

/** One element: identifier octet, length, content. */
export function writeDer(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), lengthOctets(length), ...content]);
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function writeOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc % 128];
    for (let value = Math.floor(arc / 128); value > 0; value = Math.floor(value / 128))
      group.unshift((value % 128) | 0x80);
    octets.push(...group);
  }
  return writeDer(0x06, Buffer.from(octets));
}

/** A non-negative INTEGER. */
export function writeInteger(value: number): Buffer {
  const octets: number[] = [];
  for (let rest = value; rest > 0 || octets.length === 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  if ((octets[0] ?? 0) & 0x80) octets.unshift(0);
  return writeDer(0x02, Buffer.from(octets));
}

/** An AlgorithmIdentifier. */
export function writeAlgorithm(oid: string, parameters: Buffer = NULL): Buffer {
  return writeDer(0x30, writeOid(oid), parameters);
}

const NULL = Buffer.from([0x05, 0x00]);

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.from([0x80 | octets.length, ...octets]);
}
