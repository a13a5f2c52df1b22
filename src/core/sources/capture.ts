/**
 * A capture: a snapshot as a private file, for sources that are no single file (a database, a folder, a table with what
 * belongs to it). What is planned and written is read from it, so it is one state, whatever the source does meanwhile.
 *
 * One JSON value a line: a head, every device, an end that counts them. It holds secrets in plain, as a copy of
 * MicroMDM's database does: 0600 in a 0700 folder, never in a workspace. The same snapshot gives the same bytes.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { FailureError, unreadable } from '../failure';
import { PrivateFile } from '../private-file';
import type { OnProgress } from '../progress';
import { Secret } from '../secret';
import { privateFolder } from './private-folder';
import type { Snapshot, SourceDevice } from './snapshot';
import type { SourceCopy } from './source-kind';

/** How a capture begins; the number is raised by a change that older versions would misread. */
const MARK = '{"slipwayCapture":1,';
/** Lines are joined to pieces of this size before they are written. */
const PIECE = 1 << 20;

/** What stands in the head: everything but devices, and what each device was read from stays out. */
type Head = Omit<Snapshot, 'devices'>;

/** True for a file that begins as a capture does. False also for one that cannot be read. */
export async function isCapture(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MARK.length), 0, MARK.length, 0);
    return bytesRead === MARK.length && buffer.toString('latin1') === MARK;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/**
 * Writes a snapshot into the private folder as `<kind>-<hash>.capture`; one of the same content is kept as it is.
 * The snapshot must have been read with its certificates.
 * @throws FailureError `folder/not-private`, `file/cannot-write`
 */
export async function writeCapture(snapshot: Snapshot, folder: string): Promise<SourceCopy> {
  await privateFolder(folder);
  const { devices, ...head } = snapshot;
  const digest = createHash('sha256');
  let size = 0;
  const file = await PrivateFile.create(join(folder, `${snapshot.source.kind}.capture`), { overwrite: true });
  try {
    let piece: string[] = [];
    let length = 0;
    const flush = async (): Promise<void> => {
      const bytes = Buffer.from(piece.join(''));
      piece = [];
      length = 0;
      digest.update(bytes);
      size += bytes.length;
      await file.write(bytes);
    };
    const add = async (line: string): Promise<void> => {
      piece.push(line, '\n');
      length += line.length;
      if (length >= PIECE) await flush();
    };
    await add(`${MARK}"head":${encode(head)}}`);
    for (const device of devices) await add(encode(device));
    await add(JSON.stringify({ end: devices.length }));
    await flush();
    await file.finish();
    const sha256 = digest.digest('hex');
    const path = join(folder, `${snapshot.source.kind}-${sha256.slice(0, 16)}.capture`);
    await file.publish(path);
    return { path, sha256, size, txid: null, retries: snapshot.source.retries };
  } finally {
    await file.discard();
  }
}

/**
 * Reads a capture back.
 * @throws FailureError `capture/damaged`, `capture/newer`, `file/cannot-read`, what `onProgress` throws
 */
export async function readCapture(
  path: string,
  { keepCertificates = true, onProgress }: { keepCertificates?: boolean; onProgress?: OnProgress } = {},
): Promise<Snapshot> {
  const digest = createHash('sha256');
  const bytes = createReadStream(path, { highWaterMark: PIECE });
  let size = 0;
  bytes.on('data', (chunk) => {
    digest.update(chunk);
    size += chunk.length;
  });
  let head: Head | null = null;
  let ended = false;
  const devices: SourceDevice[] = [];
  try {
    for await (const line of createInterface({ input: bytes, crlfDelay: Infinity })) {
      if (head === null) {
        if (!line.startsWith(MARK)) return notOurs(path, line);
        const begun = decode(line);
        if (!isHead(begun)) return damaged(path, 'its beginning is not as it was written');
        head = begun.head;
        continue;
      }
      if (ended) return damaged(path, 'something follows its end');
      const value = decode(line);
      if (!isDeviceOrEnd(value)) return damaged(path, 'a line of it is not as it was written');
      if ('end' in value) {
        if (value.end !== devices.length) return damaged(path, 'devices are missing in it');
        ended = true;
        continue;
      }
      if (!keepCertificates) forgetCertificates(value);
      devices.push(value);
      if (devices.length % 10_000 === 0)
        onProgress?.({ label: 'reading the source', done: devices.length, total: null });
    }
  } catch (error) {
    if (error instanceof SyntaxError) return damaged(path, 'a line of it is no JSON');
    const reason = (error as NodeJS.ErrnoException).code;
    if (error instanceof FailureError || reason === undefined) throw error;
    return unreadable('file/cannot-read', `${path} cannot be read (${reason}).`, 'Read the source again.', { path });
  }
  if (head === null || !ended) return damaged(path, 'its end is missing');
  return { ...head, source: { ...head.source, sha256: digest.digest('hex'), size }, devices };
}

/**
 * A capture is ours and lies where only its owner writes; what is looked for here is damage, so that it is told as such
 * and not found out in the middle of something else.
 */
function isHead(value: unknown): value is { head: Head } {
  const { head } = value as { head?: unknown };
  return (
    isObject(head) && isObject(head['source']) && ['profiles', 'findings'].every((name) => Array.isArray(head[name]))
  );
}

function isDeviceOrEnd(value: unknown): value is SourceDevice | { end: number } {
  if (!isObject(value)) return false;
  if ('end' in value) return true;
  const { certificate, formerCertificates = [], users, reasons } = value;
  return (
    (certificate === null || isObject(certificate)) &&
    Array.isArray(users) &&
    Array.isArray(reasons) &&
    Array.isArray(formerCertificates) &&
    formerCertificates.every(isObject)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function forgetCertificates(device: SourceDevice): void {
  for (const certificate of [device.certificate, ...(device.formerCertificates ?? [])])
    if (certificate !== null) Object.assign(certificate, { der: null });
}

/** JSON with bytes as `{"$bytes"}`, secrets as `{"$secret"}` and big integers as `{"$integer"}`. */
function encode(value: object): string {
  return JSON.stringify(plain(value));
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { $integer: value.toString() };
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Secret) return { $secret: value.reveal().toString('base64'), label: value.label };
  if (Buffer.isBuffer(value)) return { $bytes: value.toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

function decode(line: string): unknown {
  return JSON.parse(line, (_name, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const { $bytes, $secret, $integer, label } = value as Partial<
      Record<'$bytes' | '$secret' | '$integer' | 'label', unknown>
    >;
    if (typeof $bytes === 'string') return Buffer.from($bytes, 'base64');
    if (typeof $secret === 'string') return new Secret(String(label), Buffer.from($secret, 'base64'));
    if (typeof $integer === 'string' && /^-?\d{1,30}$/.test($integer)) return BigInt($integer);
    return value;
  });
}

function notOurs(path: string, line: string): never {
  if (line.startsWith('{"slipwayCapture":'))
    return unreadable(
      'capture/newer',
      `${path} was made by a newer Slipway.`,
      'Use that one, or read the source again.',
    );
  return damaged(path, 'it does not begin as one');
}

function damaged(path: string, why: string): never {
  return unreadable('capture/damaged', `${path} is no whole capture of a source: ${why}.`, 'Read the source again.', {
    path,
  });
}
