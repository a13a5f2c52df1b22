/** One connection through a tunnel, as a stream that behaves like a socket: database drivers take it for one. */
import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

/**
 * ssh2's channels neither pass an error on when they are destroyed nor count what they read; this does. The calls that
 * tune a socket mean nothing here: keeping the connection alive is the SSH connection's own business.
 */
export class TunnelStream extends Duplex {
  readonly #channel: ClientChannel;
  #read = 0;

  constructor(channel: ClientChannel) {
    super({ allowHalfOpen: false });
    this.#channel = channel;
    channel.on('data', (bytes: Buffer) => {
      this.#read += bytes.length;
      if (!this.push(bytes)) channel.pause();
    });
    channel.on('end', () => this.push(null));
    channel.on('error', (error: Error) => this.destroy(error));
    channel.on('close', () => {
      // What arrived before is read to its end first.
      if (!this.readableEnded) this.push(null);
    });
  }

  /** Bytes that arrived, as of a socket. */
  get bytesRead(): number {
    return this.#read;
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#channel.write(bytes, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#channel.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#channel.on('error', () => undefined);
    this.#channel.close();
    done(error);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}
