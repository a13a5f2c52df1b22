/**
 * A line to MySQL that breaks when it is told to: a proxy on loopback that takes the client's side apart into commands
 * (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html; plain connections only) and asks
 * what to do with each. So a test can cut between COMMIT and its answer, and say which of the two arrived.
 */
import net from 'node:net';
import type { MysqlAddress } from './mysql';

/** One command of a client. */
export interface Command {
  /** Of all commands on this line, counted from 1. */
  readonly number: number;
  /** The beginning of a query or of what is prepared; `EXECUTE …` with what was prepared; or the name of what else it is. */
  readonly text: string;
}

/**
 * What becomes of a command:
 * - `pass` it on;
 * - `cut` the line instead (RST at both ends);
 * - `cut-answer`: the server gets it, and the line is cut when the answer comes;
 * - `silence`: it never arrives, nothing moves any more, and nobody hangs up: the server keeps the session;
 * - `silence-answer`: it is carried out; nothing comes back any more, and nobody hangs up;
 * - `half-close`: it is carried out; the client is told that nothing more comes (FIN), the server keeps the session.
 */
export type Fate = 'pass' | 'cut' | 'cut-answer' | 'silence' | 'silence-answer' | 'half-close';
type FateOf = (command: Command) => Fate | Promise<Fate>;

const QUERY = 0x03;
const PREPARE = 0x16;
const EXECUTE = 0x17;
/** The longest text that is told whole. */
const MOST_TEXT = 4_096;

export class FaultyLine {
  readonly #server: net.Server;
  readonly #links = new Set<Link>();
  readonly #fateOf: FateOf;
  #upstream: MysqlAddress;
  #rules: { readonly matches: RegExp; after: number; readonly fate: Fate; readonly met: () => void }[] = [];
  #port = 0;
  #lateMs = 0;
  #piece = Number.POSITIVE_INFINITY;
  #commands = 0;
  #connections = 0;

  private constructor(server: net.Server, upstream: MysqlAddress, fateOf: FateOf) {
    this.#server = server;
    this.#upstream = upstream;
    this.#fateOf = fateOf;
  }

  /** @param fateOf asked in turn, also asynchronously: the line waits meanwhile */
  static async open(upstream: MysqlAddress, fateOf: FateOf = () => 'pass'): Promise<FaultyLine> {
    const server = net.createServer({ allowHalfOpen: true });
    const line = new FaultyLine(server, upstream, fateOf);
    server.on('connection', (near) => {
      line.#connections += 1;
      const link = new Link(near, line.#upstream, line);
      line.#links.add(link);
      link.ended(() => line.#links.delete(link));
    });
    await line.#listen(0);
    return line;
  }

  get port(): number {
    return this.#port;
  }

  /** Commands that came so far. */
  get commands(): number {
    return this.#commands;
  }

  /** Connections that came so far. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * What becomes of one command whose text matches: the first, or one after so many of its like. Goes before what
   * `fateOf` says.
   * @returns resolves when it happened: where the server gets it, when its answer came
   */
  once(matches: RegExp, fate: Fate, after = 0): Promise<void> {
    return new Promise((met) => this.#rules.push({ matches, after, fate, met }));
  }

  /** Every answer is late by so many milliseconds, and comes in pieces of so many bytes. */
  slow(lateMs: number, piece: number): void {
    this.#lateMs = lateMs;
    this.#piece = piece;
  }

  /** From now on new connections end at another server. */
  leadTo(upstream: MysqlAddress): void {
    this.#upstream = upstream;
  }

  /** Cuts all connections, half open ones too; with `closed` new ones are refused until {@link reopen}. */
  async cut(closed = false): Promise<void> {
    for (const link of this.#links) link.reset();
    if (closed) await this.#stopListening();
  }

  /** Takes connections again, on the same port. */
  async reopen(): Promise<void> {
    await this.#listen(this.#port);
  }

  /** As new: cut, then neither slow nor about to break. */
  async renew(): Promise<void> {
    this.#rules = [];
    this.slow(0, Number.POSITIVE_INFINITY);
    await this.cut();
  }

  async close(): Promise<void> {
    await this.cut(true);
  }

  /** For connections: what becomes of this command. */
  async fateOf(text: string): Promise<{ readonly fate: Fate; readonly met?: () => void }> {
    this.#commands += 1;
    const at = this.#rules.findIndex(({ matches }) => matches.test(text));
    const rule = this.#rules[at];
    if (rule !== undefined && rule.after > 0) rule.after -= 1;
    else if (rule !== undefined) {
      this.#rules.splice(at, 1);
      return rule;
    }
    return { fate: await this.#fateOf({ number: this.#commands, text }) };
  }

  /** For connections: how answers travel. */
  get pace(): { readonly lateMs: number; readonly piece: number } {
    return { lateMs: this.#lateMs, piece: this.#piece };
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    this.#port = (this.#server.address() as net.AddressInfo).port;
  }

  async #stopListening(): Promise<void> {
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** One connection: the client at the near end, the server at the far one. */
class Link {
  readonly #near: net.Socket;
  readonly #far: net.Socket;
  readonly #line: FaultyLine;
  #held = Buffer.alloc(0);
  #turn = Promise.resolve();
  #answers = Promise.resolve();
  #toServer: 'pass' | 'swallow' = 'pass';
  #toClient: 'pass' | 'swallow' | 'cut' = 'pass';
  readonly #prepared = new Map<number, string>();
  #preparing: string | null = null;
  /** Tells whoever waits for it that the fate of a command has come about. */
  #met: (() => void) | undefined;

  constructor(near: net.Socket, upstream: MysqlAddress, line: FaultyLine) {
    this.#near = near;
    this.#line = line;
    this.#far = net.connect({ port: upstream.port, host: upstream.host, allowHalfOpen: true });
    for (const socket of [near, this.#far]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    near.on('data', (bytes) => this.#take(bytes));
    this.#far.on('data', (bytes) => this.#answer(bytes));
    near.on('end', () => this.#toServer === 'pass' && this.#far.end());
    near.on('close', () => this.#toServer === 'pass' && this.#far.destroy());
    this.#far.on('end', () => this.#toClient !== 'swallow' && this.#near.end());
    this.#far.on('close', () => {
      if (this.#toClient !== 'swallow') void this.#answers.then(() => near.destroy());
    });
  }

  /** Calls back once neither end is open any more. */
  ended(then: () => void): void {
    let open = 2;
    for (const socket of [this.#near, this.#far]) {
      socket.once('close', () => {
        open -= 1;
        if (open === 0) then();
      });
    }
  }

  reset(): void {
    this.#near.resetAndDestroy();
    this.#far.destroy();
  }

  #take(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    // A packet: length (3 bytes), its number in the exchange (1), content. A command begins an exchange: number 0.
    while (this.#held.length >= 4 && this.#held.length >= 4 + this.#held.readUIntLE(0, 3)) {
      const packet = this.#held.subarray(0, 4 + this.#held.readUIntLE(0, 3));
      this.#held = this.#held.subarray(packet.length);
      this.#turn = this.#turn.then(async () => {
        if (this.#toServer === 'swallow') return;
        if (packet[3] !== 0) {
          this.#far.write(packet);
          return;
        }
        const { fate, met } = await this.#line.fateOf(this.#textOf(packet));
        this.#met = met;
        this.#meet(fate, packet);
      });
      this.#turn.catch(() => this.reset());
    }
  }

  #meet(fate: Fate, packet: Buffer): void {
    if (fate === 'cut' || fate === 'silence') this.#met?.();
    if (fate === 'cut') {
      this.reset();
      return;
    }
    if (fate !== 'silence') this.#far.write(packet);
    if (fate === 'pass') return;
    this.#toClient = fate === 'cut-answer' ? 'cut' : 'swallow';
    this.#toServer = 'swallow';
    if (fate === 'half-close') this.#near.end();
  }

  #answer(bytes: Buffer): void {
    // What a prepared statement is called from now on: status (1 byte) and number (4) after the packet's head.
    if (this.#preparing !== null && bytes.length >= 9 && bytes[4] === 0) {
      this.#prepared.set(bytes.readUInt32LE(5), this.#preparing);
    }
    this.#preparing = null;
    this.#met?.();
    if (this.#toClient === 'swallow') return;
    if (this.#toClient === 'cut') {
      this.reset();
      return;
    }
    const { lateMs, piece } = this.#line.pace;
    if (lateMs === 0) {
      this.#answers = this.#answers.then(() => void this.#near.write(bytes));
      return;
    }
    this.#answers = this.#answers.then(async () => {
      for (let at = 0; at < bytes.length; at += piece) {
        await new Promise((resolve) => setTimeout(resolve, lateMs));
        this.#near.write(bytes.subarray(at, at + piece));
      }
    });
  }

  #textOf(packet: Buffer): string {
    const kind = packet[4];
    if (kind === EXECUTE) return `EXECUTE ${this.#prepared.get(packet.readUInt32LE(5)) ?? ''}`;
    if (kind !== QUERY && kind !== PREPARE) return `(command ${String(kind)})`;
    const text = packet
      .subarray(5, 5 + MOST_TEXT)
      .toString('utf8')
      // No query attributes, in one set, where client and server have agreed on them.
      // eslint-disable-next-line no-control-regex -- that is how it is written
      .replace(/^\u0000\u0001/, '');
    if (kind === PREPARE) this.#preparing = text;
    return text;
  }
}
