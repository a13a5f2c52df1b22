/** A DNS server of the test's own, on loopback, over UDP and TCP. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { decode, encode, TRUNCATED_RESPONSE, AUTHORITATIVE_ANSWER, type Answer, type DecodedPacket } from 'dns-packet';

/** Answers by name in lower case; a name that is not there does not exist. */
export type Zone = Record<string, Answer[]>;

export class DnsDesk {
  zone: Zone = {};
  /** Answers over UDP are cut, so that the question comes again over TCP. */
  truncate = false;
  /** Says nothing at all. */
  mute = false;
  readonly asked: string[] = [];
  readonly authoritative: boolean;
  port = 0;
  #udp: Socket | null = null;
  #tcp: Server | null = null;

  constructor(authoritative = false) {
    this.authoritative = authoritative;
  }

  /** @param port taken if it is free for both; another one else, when it is 0 */
  async listen(port = 0): Promise<this> {
    for (let attempt = 0; ; attempt += 1) {
      const udp = createSocket('udp4');
      await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
      const tcp = createServer((socket) => {
        let held = Buffer.alloc(0);
        socket.on('error', () => socket.destroy());
        socket.on('data', (chunk: Buffer) => {
          held = Buffer.concat([held, chunk]);
          if (held.length < 2 || held.length < 2 + held.readUInt16BE(0)) return;
          const reply = this.#reply(held.subarray(2), false);
          const length = Buffer.alloc(2);
          length.writeUInt16BE(reply.length);
          socket.end(Buffer.concat([length, reply]));
        });
      });
      const bound = await new Promise<boolean>((resolve) => {
        tcp.once('error', () => resolve(false));
        tcp.listen(udp.address().port, '127.0.0.1', () => resolve(true));
      });
      if (!bound) {
        udp.close();
        if (attempt > 20) throw new Error('no port that is free for both');
        continue;
      }
      udp.on('message', (message, from) => {
        if (!this.mute) udp.send(this.#reply(message, this.truncate), from.port, from.address);
      });
      this.#udp = udp;
      this.#tcp = tcp;
      this.port = udp.address().port;
      return this;
    }
  }

  async close(): Promise<void> {
    this.#udp?.close();
    await new Promise((resolve) => (this.#tcp === null ? resolve(null) : this.#tcp.close(resolve)));
  }

  #reply(message: Buffer, cut: boolean): Buffer {
    const query: DecodedPacket = decode(message);
    const { name = '', type = 'A' } = query.questions?.[0] ?? {};
    this.asked.push(`${type} ${name}`);
    const answers: Answer[] = [];
    let at = name.toLowerCase();
    for (let hop = 0; hop < 8; hop += 1) {
      const here = this.zone[at] ?? [];
      answers.push(...here.filter((one) => one.type === type));
      const alias = here.find((one) => one.type === 'CNAME');
      if (alias === undefined || type === 'CNAME') break;
      answers.push(alias);
      at = (alias as { data: string }).data.toLowerCase();
      // A zone's own server knows nothing of other zones.
      if (this.authoritative && this.zone[at] === undefined) break;
    }
    const known = this.zone[name.toLowerCase()] !== undefined;
    return encode({
      type: 'response',
      id: query.id ?? 0,
      // NXDOMAIN is 3, in the lowest bits.
      flags:
        (this.authoritative ? AUTHORITATIVE_ANSWER : 0) |
        (cut ? TRUNCATED_RESPONSE : 0) |
        (known || answers.length > 0 ? 0 : 3),
      questions: query.questions ?? [],
      answers: cut ? [] : answers,
    });
  }
}
