import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

/**
 * A value that must never leave the main process: private keys, unlock and bootstrap tokens, push magic, passwords.
 *
 * Turning it into text or JSON by any ordinary means gives only its length and hash; the value itself comes out
 * of {@link Secret.reveal} alone, so every place that reveals one can be found by searching for that word.
 */
export class Secret {
  readonly #bytes: Buffer;
  readonly #label: string;

  constructor(label: string, value: Buffer | string) {
    this.#label = label;
    this.#bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  }

  /** Length of the value in bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  /** What it is: `push magic`. */
  get label(): string {
    return this.#label;
  }

  /** The value itself, as bytes. */
  reveal(): Buffer {
    return this.#bytes;
  }

  /** The value itself, decoded as UTF-8. */
  revealText(): string {
    return this.#bytes.toString('utf8');
  }

  /** Lower-case hex SHA-256 of the value: safe to show, good for comparing. */
  sha256(): string {
    return createHash('sha256').update(this.#bytes).digest('hex');
  }

  toString(): string {
    return `‹${this.#label}, ${this.#bytes.length} bytes, sha256 ${this.sha256().slice(0, 12)}…›`;
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}
