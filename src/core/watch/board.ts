/**
 * The board: where every device stands, in columns, and what changed from one judging to the next. 100,000 devices take
 * about 12 MB; what else is known of one is judged again when it is asked for.
 */
import { setImmediate } from 'node:timers/promises';
import {
  ATTENTION_CODES,
  ProgressTally,
  PROOF_KINDS,
  WATCH_STATES,
  type DeviceStatus,
  type ProofKind,
  type WatchProgress,
  type WatchState,
} from './status';
import type { Watch } from './watch';

/** A device that changed its state. */
export interface StateChange {
  readonly udid: string;
  /** Null: it was not known before. */
  readonly from: WatchState | null;
  readonly to: WatchState;
  /** Of the proof, or of what made it lost; null: not known. */
  readonly at: number | null;
}

export interface BoardChanges {
  /** At most {@link LISTED}; empty at the first judging. */
  readonly states: readonly StateChange[];
  /** How many changed their state. */
  readonly count: number;
  /** Waves of which every device is migrated now, and was not before. */
  readonly wavesDone: readonly string[];
}

/** Devices judged in one go: about 20 ms. */
const PORTION = 8_000;

/** Changes told one by one. */
const LISTED = 500;

export class Board {
  #udids: string[] = [];
  #rows = new Map<string, number>();
  #states = new Uint8Array(0);
  #agents = new Int8Array(0);
  /** Place in PROOF_KINDS plus one; 0: none. */
  #proofs = new Uint8Array(0);
  #attention = new Uint32Array(0);
  #since = new Float64Array(0);
  #contactFleet = new Float64Array(0);
  #contactSource = new Float64Array(0);
  #notAfter = new Float64Array(0);
  #done = new Set<string>();
  #judged = false;
  #at = 0;

  /** When it was last judged, milliseconds since the epoch on Fleet's clock; 0: never. */
  get at(): number {
    return this.#at;
  }

  get size(): number {
    return this.#udids.length;
  }

  row(udid: string): number {
    return this.#rows.get(udid) ?? -1;
  }

  udid(row: number): string {
    return this.#udids[row] ?? '';
  }

  state(row: number): WatchState {
    return WATCH_STATES[this.#states[row] ?? 0] ?? 'unknown';
  }

  /** Null: not known, or none is needed. */
  agent(row: number): boolean | null {
    const agent = this.#agents[row] ?? -1;
    return agent < 0 ? null : agent === 1;
  }

  proof(row: number): ProofKind | null {
    return PROOF_KINDS[(this.#proofs[row] ?? 0) - 1] ?? null;
  }

  /** Codes of what needs attention. */
  attention(row: number): string[] {
    const bits = this.#attention[row] ?? 0;
    return bits === 0 ? [] : ATTENTION_CODES.filter((_, bit) => (bits & (1 << bit)) !== 0);
  }

  /** True when one of these codes is among its attention. */
  has(row: number, code: string): boolean {
    const bit = ATTENTION_CODES.findIndex((known) => known === code);
    return bit >= 0 && ((this.#attention[row] ?? 0) & (1 << bit)) !== 0;
  }

  needsAttention(row: number): boolean {
    return (this.#attention[row] ?? 0) !== 0;
  }

  /** Milliseconds since the epoch, or null. */
  time(row: number, of: 'since' | 'contactFleet' | 'contactSource' | 'notAfter'): number | null {
    const column = {
      since: this.#since,
      contactFleet: this.#contactFleet,
      contactSource: this.#contactSource,
      notAfter: this.#notAfter,
    }[of];
    const value = column[row];
    return value === undefined || Number.isNaN(value) ? null : value;
  }

  /** Judges every device again, in portions: whoever asks something meanwhile need not wait for all of it. */
  async judge(watch: Watch, now: number): Promise<BoardChanges> {
    const states: StateChange[] = [];
    let count = 0;
    let row = 0;
    for (const udid of watch.udids()) {
      if (row % PORTION === PORTION - 1) await setImmediate();
      const known = this.#udids[row] === udid ? row : -1;
      if (known < 0) this.#place(udid, row);
      const fresh = known < 0;
      const before = fresh ? null : this.state(row);
      const status = watch.status(udid, now);
      this.#set(row, status);
      if (before !== status.state) {
        count += 1;
        if (this.#judged && states.length < LISTED) {
          states.push({ udid, from: before, to: status.state, at: status.since });
        }
      }
      row += 1;
    }
    for (const udid of this.#udids.splice(row)) this.#rows.delete(udid);
    const wavesDone: string[] = [];
    for (const [wave, udids] of watch.roster.waves()) {
      const progress = this.progress(udids);
      const done = progress.size > 0 && progress.migrated === progress.size;
      if (done && !this.#done.has(wave)) {
        this.#done.add(wave);
        if (this.#judged) wavesDone.push(wave);
      } else if (!done) this.#done.delete(wave);
    }
    const first = !this.#judged;
    this.#judged = true;
    this.#at = now;
    return { states, count: first ? 0 : count, wavesDone };
  }

  /** Counts over these devices; over all without them. */
  progress(udids?: Iterable<string>): WatchProgress {
    const tally = new ProgressTally();
    const add = (row: number): void => {
      if (row < 0) tally.add('unknown', false, false);
      else tally.add(this.state(row), this.#agents[row] === 1, this.#attention[row] !== 0);
    };
    if (udids === undefined) for (let row = 0; row < this.size; row += 1) add(row);
    else for (const udid of udids) add(this.row(udid));
    return tally.counts;
  }

  #set(row: number, status: DeviceStatus): void {
    this.#states[row] = WATCH_STATES.indexOf(status.state);
    this.#agents[row] = status.agent === null ? -1 : status.agent ? 1 : 0;
    this.#proofs[row] = status.proof === null ? 0 : PROOF_KINDS.indexOf(status.proof.kind) + 1;
    let bits = 0;
    for (const { code } of status.attention) {
      const bit = ATTENTION_CODES.findIndex((known) => known === code);
      if (bit >= 0) bits |= 1 << bit;
    }
    this.#attention[row] = bits;
    this.#since[row] = status.since ?? Number.NaN;
    this.#contactFleet[row] = status.lastContactFleet ?? Number.NaN;
    this.#contactSource[row] = status.lastContactSource ?? Number.NaN;
    this.#notAfter[row] = status.certificateNotAfter ?? Number.NaN;
  }

  /** Puts a device into a row that belongs to nobody, or to one that moved. */
  #place(udid: string, row: number): void {
    if (row >= this.#states.length) this.#grow();
    const other = this.#udids[row];
    if (other !== undefined && this.#rows.get(other) === row) this.#rows.delete(other);
    this.#udids[row] = udid;
    this.#rows.set(udid, row);
  }

  #grow(): void {
    const length = Math.max(1_024, this.#states.length * 2);
    const longer = <T extends { set(from: T): void }>(column: T, next: T): T => {
      next.set(column);
      return next;
    };
    this.#states = longer<Uint8Array<ArrayBuffer>>(this.#states, new Uint8Array(length));
    this.#agents = longer<Int8Array<ArrayBuffer>>(this.#agents, new Int8Array(length));
    this.#proofs = longer<Uint8Array<ArrayBuffer>>(this.#proofs, new Uint8Array(length));
    this.#attention = longer<Uint32Array<ArrayBuffer>>(this.#attention, new Uint32Array(length));
    this.#since = longer<Float64Array<ArrayBuffer>>(this.#since, new Float64Array(length));
    this.#contactFleet = longer<Float64Array<ArrayBuffer>>(this.#contactFleet, new Float64Array(length));
    this.#contactSource = longer<Float64Array<ArrayBuffer>>(this.#contactSource, new Float64Array(length));
    this.#notAfter = longer<Float64Array<ArrayBuffer>>(this.#notAfter, new Float64Array(length));
  }
}
