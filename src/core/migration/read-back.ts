/**
 * The second look at what was written: over a session of its own, after the commit, while the next devices are being
 * written. What one session told another about itself proves little; what any other session reads is what Fleet reads.
 */
import type { FleetConnection } from '../fleet/connection';
import type { TargetSchema } from '../fleet/schema';
import { Comparison, type Expected, type VerifyResult } from './verify';
import type { Connect } from './writing-session';

/** Batches that may wait to be read back; then writing waits, so that their rows do not pile up in memory. */
const MOST_WAITING = 3;

/** Reads committed batches back in the order they are given. */
export class ReadBack {
  readonly #connect: Connect;
  readonly #schema: TargetSchema;
  readonly #comparison = new Comparison();
  #connection: FleetConnection | null = null;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failed = false;

  constructor(connect: Connect, schema: TargetSchema) {
    this.#connect = connect;
    this.#schema = schema;
  }

  /** Takes a batch that was committed. Resolves when the next one may be given. Never throws. */
  async add(batch: readonly Expected[]): Promise<void> {
    if (batch.length === 0 || this.#failed) return;
    this.#waiting += 1;
    const turn = this.#turn.then(() => this.#look(batch));
    this.#turn = turn;
    if (this.#waiting > MOST_WAITING) await turn;
  }

  /**
   * What was found, once all that was given is read; null when the reading session failed, as it does when the server
   * was restarted meanwhile. Then everything is to be read again.
   */
  async finish(): Promise<VerifyResult | null> {
    await this.#turn;
    await this.#connection?.close();
    this.#connection = null;
    return this.#failed ? null : this.#comparison.result();
  }

  async #look(batch: readonly Expected[]): Promise<void> {
    try {
      if (this.#failed) return;
      this.#connection ??= await this.#connect();
      await this.#connection.begin();
      await this.#comparison.look(this.#connection, this.#schema, batch);
      await this.#connection.rollback();
    } catch {
      // Whatever it was: reading again at the end meets it again, and then it is told.
      this.#failed = true;
    } finally {
      this.#waiting -= 1;
    }
  }
}
