/** A server in memory that commits while it is read, and what a reader finds in its file. */
import type { BoltFile, ByteSource } from '../../../src/core/bolt';
import { unreadable } from '../../../src/core/failure';
import { branchPage, bucketHeader, leafPage, metaPage } from '../../bolt-writer';
import { bucketOf } from './support';

export const LEAVES = 6;
export const SLOT = LEAVES + 2;

/**
 * A server in memory that commits as Bolt does (spec 1.10): commit N writes all its pages over those of N-2, then
 * meta N % 2. Every value of snapshot N is N, so a mixture of generations shows.
 */
export class LiveServer {
  readonly bytes = Buffer.alloc((2 + 2 * SLOT) * 4096);
  txid = 1n;
  size = this.bytes.length;
  opened = 0;
  /** Called before each read with its number since the file was opened. */
  beforeRead: (read: number) => void = () => undefined;
  #halfDone = false;

  constructor() {
    for (const txid of [0n, 1n]) {
      this.#writePages(txid);
      this.#writeMeta(txid);
    }
  }

  commit(): void {
    if (!this.#halfDone) this.step();
    this.step();
  }

  /** Half a commit: the pages, or the meta that makes them count. */
  step(): void {
    if (this.#halfDone) {
      this.txid += 1n;
      this.#writeMeta(this.txid);
    } else {
      this.#writePages(this.txid + 1n);
    }
    this.#halfDone = !this.#halfDone;
  }

  readonly open = (): ByteSource => {
    this.opened += 1;
    let reads = 0;
    const size = (): number => this.size;
    return {
      name: 'live.db',
      get size() {
        return size();
      },
      read: (target, position) => {
        this.beforeRead((reads += 1));
        return this.bytes.copy(target, 0, position);
      },
      close: () => undefined,
    };
  };

  #writePages(txid: bigint): void {
    const first = 2 + Number(txid % 2n) * SLOT;
    const put = (page: Buffer): number => page.copy(this.bytes, Number(page.readBigUInt64LE(0)) * 4096);
    put(leafPage(first, [['b', bucketHeader(first + 1), true]]));
    const leaf = (i: number): number => first + 2 + i;
    put(
      branchPage(
        first + 1,
        Array.from({ length: LEAVES }, (_, i) => [`${i}`, leaf(i)]),
      ),
    );
    for (let i = 0; i < LEAVES; i += 1) put(leafPage(leaf(i), [[`${i}`, `${txid}`]]));
  }

  #writeMeta(txid: bigint): void {
    const page = Number(txid % 2n) as 0 | 1;
    const root = 2 + page * SLOT;
    metaPage(page, { root, highWater: 2 + 2 * SLOT, txid }).copy(this.bytes, page * 4096);
  }
}

/** All values of the snapshot, in order. */
export function values(file: BoltFile): string {
  const read = [...bucketOf(file, 'b').entries()].map(({ value }) => value.toString()).join();
  const damage = bucketOf(file, 'b').damage[0];
  if (damage) unreadable(damage.code, damage.message, '');
  return read;
}

export const generation = (txid: bigint): string => Array.from({ length: LEAVES }, () => `${txid}`).join();
