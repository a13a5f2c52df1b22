/**
 * What cannot be had for less on this machine: reading a file, hashing it, hashing as many certificates as it holds.
 * `node floors.mjs FILE CERTIFICATES` prints seconds of CPU time, user and system together.
 */
import { createHash, hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const [, , path, certificates] = process.argv;
const buffer = Buffer.allocUnsafeSlow(1024 * 1024);

function inPieces(visit) {
  const file = openSync(path, 'r');
  for (let count; (count = readSync(file, buffer, 0, buffer.length, null)) > 0;) visit(buffer.subarray(0, count));
  closeSync(file);
}

function timed(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const certificate = Buffer.alloc(900, 1);
inPieces(() => undefined);
console.log(
  JSON.stringify({
    read: timed(() => inPieces(() => undefined)),
    hash: timed(() => {
      const digest = createHash('sha256');
      inPieces((piece) => digest.update(piece));
      digest.digest();
    }),
    certificates: timed(() => {
      for (let i = 0; i < Number(certificates); i++) {
        certificate.writeUInt32LE(i, 0);
        hash('sha256', certificate, 'hex');
      }
    }),
  }),
);
