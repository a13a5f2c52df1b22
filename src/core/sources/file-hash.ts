/** SHA-256 of a large file on another thread, so that it costs no time beside work that keeps this thread busy. */
import { Worker } from 'node:worker_threads';
import { unreadable } from '../failure';

/**
 * What the thread runs. Text, not a file of its own: the bundles of the command line, the desktop app and the tests
 * then need not know where such a file lies.
 */
const PROGRAM = `
const { createHash } = require('node:crypto');
const { openSync, readSync } = require('node:fs');
const { parentPort, workerData } = require('node:worker_threads');
try {
  const file = openSync(workerData, 'r');
  const digest = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
  for (let count; (count = readSync(file, buffer, 0, buffer.length, null)) > 0; )
    digest.update(count === buffer.length ? buffer : buffer.subarray(0, count));
  parentPort.postMessage({ sha256: digest.digest('hex') });
} catch (error) {
  parentPort.postMessage({ code: String(error.code) });
}
`;

/**
 * Begins to hash a file. The thread runs even while the caller does not return to the event loop.
 * @returns lower-case hex SHA-256. Its rejection need not be waited for.
 * @throws FailureError `file/cannot-read` (through the promise)
 */
export function hashFile(path: string): Promise<string> {
  const hashed = new Promise<string>((resolve, reject) => {
    const worker = new Worker(PROGRAM, { eval: true, workerData: path, execArgv: [], env: {} });
    worker.once('message', ({ sha256, code }: { sha256?: string; code?: string }) => {
      void worker.terminate();
      if (sha256 !== undefined) resolve(sha256);
      else reject(Object.assign(new Error('cannot read'), { code }));
    });
    worker.once('error', reject);
    // After the answer this is too late to matter.
    worker.once('exit', () => reject(Object.assign(new Error('ended'), { code: 'ended' })));
  }).catch((error: unknown) =>
    unreadable(
      'file/cannot-read',
      `${path} cannot be hashed (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`,
      'See to the disk or share it lies on.',
      { path },
    ),
  );
  // Where the caller fails first, nobody is left to hear of this.
  hashed.catch(() => undefined);
  return hashed;
}
