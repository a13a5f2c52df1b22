/**
 * Reads a xar archive, which is what a macOS installer package is: a header, a compressed table of contents, and a heap. Positioned,
 * bounded reads; nothing is unpacked to disk. A package comes from anywhere, so every number in it is checked.
 */
import { createVerify, X509Certificate } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { inflateSync } from 'node:zlib';
import { unreadable } from '../failure';
import { readTableOfContents, type ArchivedFile, type TableOfContents } from './table-of-contents';

const HEADER = 28;
const MAX_TABLE = 16 * 1024 * 1024;
const PIECE = 1024 * 1024;

/** Who signed a package. That Apple’s CA stands above the certificate is not checked here: the Mac does that. */
export interface PackageSigner {
  /** Common name of the signer’s certificate: `Developer ID Installer: Example (ABCDE12345)`. */
  readonly name: string;
  /** Milliseconds. */
  readonly notAfter: number;
  /** Whether the signature fits the table of contents. */
  readonly isValid: boolean;
}

/** An open archive. */
export class Archive {
  readonly path: string;
  readonly size: number;
  readonly toc: TableOfContents;
  /** Null when it is not signed. */
  readonly signer: PackageSigner | null;
  readonly #file: FileHandle;
  readonly #heap: number;

  private constructor(
    path: string,
    file: FileHandle,
    size: number,
    heap: number,
    toc: TableOfContents,
    signer: PackageSigner | null,
  ) {
    this.path = path;
    this.#file = file;
    this.size = size;
    this.#heap = heap;
    this.toc = toc;
    this.signer = signer;
  }

  /** Throws `package/unreadable`, `package/not-a-package`, `package/damaged`. */
  static async open(path: string): Promise<Archive> {
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (error) {
      return unreadable(
        'package/unreadable',
        `The package ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`,
        'Check the path and its permissions.',
      );
    }
    try {
      const { size } = await file.stat();
      const header = Buffer.alloc(HEADER);
      const { bytesRead } = await file.read(header, 0, HEADER, 0);
      if (bytesRead < HEADER || header.toString('latin1', 0, 4) !== 'xar!')
        unreadable(
          'package/not-a-package',
          `${path} is no macOS installer package (no xar archive).`,
          'Name the .pkg that fleetctl made.',
        );
      const headerSize = header.readUInt16BE(4);
      const packed = Number(header.readBigUInt64BE(8));
      const unpacked = Number(header.readBigUInt64BE(16));
      if (headerSize < HEADER || headerSize > 4096 || packed > MAX_TABLE || unpacked > MAX_TABLE) damaged(path);
      if (headerSize + packed > size) damaged(path);
      const table = await readAt(file, headerSize, packed);
      let xml = '';
      try {
        xml = inflateSync(table, { maxOutputLength: MAX_TABLE }).toString('utf8');
      } catch {
        damaged(path);
      }
      const toc = readTableOfContents(xml) ?? damaged(path);
      const heap = headerSize + packed;
      const archive = new Archive(path, file, size, heap, toc, null);
      return new Archive(path, file, size, heap, toc, await archive.#signer(table));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** A file by its path; null when there is none. */
  find(path: string): ArchivedFile | null {
    return this.toc.files.find((one) => one.path === path && one.data !== null) ?? null;
  }

  /** A small file, unpacked; null when it is larger than `limit`, or packed in a way this reader does not know. */
  async read(file: ArchivedFile, limit: number): Promise<Buffer | null> {
    const { data } = file;
    if (data === null || data.length > limit || data.size > limit) return null;
    const bytes = await this.#heapBytes(data.offset, data.length);
    if (data.encoding === '' || data.encoding === 'application/octet-stream') return bytes;
    if (data.encoding !== 'application/x-gzip') return null;
    try {
      return inflateSync(bytes, { maxOutputLength: limit });
    } catch {
      return null;
    }
  }

  /** A file’s bytes as they lie in the archive, in pieces. Throws `package/damaged` where it ends beyond the file. */
  async *pieces(file: ArchivedFile): AsyncGenerator<Buffer, void, undefined> {
    const { data } = file;
    if (data === null) return;
    this.#requireInside(data.offset, data.length);
    for (let done = 0; done < data.length; done += PIECE)
      yield await readAt(this.#file, this.#heap + data.offset + done, Math.min(PIECE, data.length - done));
  }

  async #heapBytes(offset: number, length: number): Promise<Buffer> {
    this.#requireInside(offset, length);
    return readAt(this.#file, this.#heap + offset, length);
  }

  #requireInside(offset: number, length: number): void {
    if (this.#heap + offset + length > this.size) damaged(this.path);
  }

  /** The signature is over the digest of the compressed table, as it lies in the file. */
  async #signer(table: Buffer): Promise<PackageSigner | null> {
    const signature = this.toc.signatures.find(({ style }) => style === 'RSA') ?? this.toc.signatures[0];
    if (signature === undefined) return null;
    const [first] = signature.certificates;
    const certificate = first === undefined ? null : certificateOf(first);
    if (certificate === null) return { name: '', notAfter: 0, isValid: false };
    const name = /(?:^|\n)CN=([^\n]*)/.exec(certificate.subject)?.[1] ?? '';
    const notAfter = Date.parse(certificate.validTo);
    const digest = { sha1: 'RSA-SHA1', sha256: 'RSA-SHA256', sha512: 'RSA-SHA512' }[
      (this.toc.checksum?.style ?? '').toLowerCase()
    ];
    let isValid = false;
    if (digest !== undefined && signature.style === 'RSA' && signature.size <= 4096) {
      const bytes = await this.#heapBytes(signature.offset, signature.size);
      try {
        isValid = createVerify(digest).update(table).verify(certificate.publicKey, bytes);
      } catch {
        // A key that is none of RSA’s: it does not fit.
      }
    }
    return { name: name.slice(0, 200), notAfter, isValid };
  }
}

function certificateOf(der: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(der);
  } catch {
    return null;
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) damaged('The package');
    done += bytesRead;
  }
  return bytes;
}

function damaged(path: string): never {
  return unreadable('package/damaged', `${path} is damaged: its parts do not fit.`, 'Take a new copy of the package.');
}
