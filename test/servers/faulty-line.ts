/**
 * A line to MySQL that breaks when it is told to: a proxy on loopback that takes the client's side apart into commands
 * (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html) and asks what to do with each.
 */
import net from 'node:net';
import type { MysqlAddress } from './mysql';

/** One command of a client: the text of a query, or the name of what else it is. */
export interface Command {
  /** Of all commands on this line, counted from 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * `pass` it on; `cut` the line instead; `cut-answer`: the server gets it, and the line is cut before the answer comes back.
 */
export type Fate = 'pass' | 'cut' | 'cut-answer';

const QUERY = 0x03;
const PREPARE = 0x16;
/** The longest query whose text is told whole. */
const MOST_TEXT = 4_096;

export class FaultyLine {
  #commands = 0;
  #upstream: { host: string; port: number };
  readonly #sockets = new Set<net.Socket>();

  private constructor(
    private readonly server: net.Server,
    upstream: MysqlAddress,
    /** Asked in turn, also asynchronously: the line waits meanwhile. */
    private readonly fateOf: (command: Command) => Fate | Promise<Fate>,
  ) {
    this.#upstream = upstream;
  }

  static async open(upstream: MysqlAddress, fateOf: (command: Command) => Fate | Promise<Fate>): Promise<FaultyLine> {
    const server = net.createServer({ allowHalfOpen: true });
    const line = new FaultyLine(server, upstream, fateOf);
    server.on('connection', (client) => {
      line.#join(client);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return line;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  get commands(): number {
    return this.#commands;
  }

  /** From now on new connections end at another server. */
  leadTo(upstream: MysqlAddress): void {
    this.#upstream = upstream;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #join(client: net.Socket): void {
    const server = net.connect(this.#upstream.port, this.#upstream.host);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    const cut = (): void => {
      client.resetAndDestroy();
      server.destroy();
    };
    let answers = true;
    server.on('data', (bytes) => {
      if (answers) client.write(bytes);
      else cut();
    });

    let held = Buffer.alloc(0);
    let turn = Promise.resolve();
    client.on('data', (bytes) => {
      held = Buffer.concat([held, bytes]);
      // A packet: length (3 bytes), its number in the exchange (1), content. A command begins an exchange: number 0.
      while (held.length >= 4 && held.length >= 4 + held.readUIntLE(0, 3)) {
        const packet = held.subarray(0, 4 + held.readUIntLE(0, 3));
        held = held.subarray(packet.length);
        turn = turn.then(async () => {
          const fate = packet[3] === 0 ? await this.fateOf(this.#command(packet)) : 'pass';
          if (fate === 'cut') cut();
          else {
            if (fate === 'cut-answer') answers = false;
            server.write(packet);
          }
        });
        turn.catch(cut);
      }
    });
    client.on('end', () => server.end());
    server.on('end', () => client.end());
  }

  #command(packet: Buffer): Command {
    this.#commands += 1;
    const kind = packet[4];
    const text =
      kind === QUERY || kind === PREPARE
        ? packet
            .subarray(5, 5 + MOST_TEXT)
            .toString('utf8')
            // No query attributes, in one set, where client and server have agreed on them.
            // eslint-disable-next-line no-control-regex -- that is how it is written
            .replace(/^\u0000\u0001/, '')
        : `(command ${String(kind)})`;
    return { number: this.#commands, text };
  }
}
