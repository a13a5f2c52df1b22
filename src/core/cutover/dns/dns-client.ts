/**
 * Asks one given DNS server, and nobody else: Node's own resolver does not tell the way an answer came (CNAMEs, their
 * times to live, whether the server is the zone's own).
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIP } from 'node:net';
import { decode, encode, type Answer, type DecodedPacket } from 'dns-packet';
import { unreadable } from '../../failure';

export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'NS' | 'SOA' | 'CAA';

export interface DnsServer {
  /** IPv4 or IPv6 address. */
  readonly address: string;
  readonly port: number;
}

export interface DnsRow {
  readonly name: string;
  readonly type: string;
  /** Seconds. */
  readonly ttl: number;
  /** Address or name; names in lower case without the dot at the end. */
  readonly data: string;
}

export interface DnsAnswer {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, … */
  readonly rcode: string;
  /** The server says that the zone is its own. */
  readonly authoritative: boolean;
  readonly rows: readonly DnsRow[];
}

const TRIES = 3;
const MOST_ROWS = 100;

/**
 * One question to one server; over TCP when the answer does not fit into a datagram.
 * @param timeout of each try, milliseconds
 * @throws dns/no-answer, dns/unreadable
 */
export async function askDns(
  server: DnsServer,
  name: string,
  type: RecordType,
  { timeout = 3000, recursion = true } = {},
): Promise<DnsAnswer> {
  const id = randomInt(0x1_0000);
  const query = encode({ type: 'query', id, flags: recursion ? 0x0100 : 0, questions: [{ type, name, class: 'IN' }] });
  let last: unknown;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    try {
      const packet = await overUdp(server, query, id, name, timeout);
      return answerOf(packet.flag_tc ? await overTcp(server, query, id, name, timeout) : packet);
    } catch (error) {
      last = error;
    }
  }
  const { code = 'no answer' } = last as { code?: string };
  return unreadable(
    'dns/no-answer',
    `The DNS server ${printServer(server)} did not answer (${code}).`,
    'Check its address, and that this machine may ask it: UDP and TCP, port 53.',
  );
}

function overUdp(server: DnsServer, query: Buffer, id: number, name: string, timeout: number): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIP(server.address) === 6 ? 'udp6' : 'udp4');
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.close();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(coded('ETIMEDOUT'))), timeout);
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('message', (message) => {
      // Anything that is not the answer to this question is passed over: it may be forged.
      const packet = read(message, id, name);
      if (packet !== null) end(() => resolve(packet));
    });
    // A connected socket takes answers of this server only.
    socket.connect(server.port, server.address, () => socket.send(query));
  });
}

function overTcp(server: DnsServer, query: Buffer, id: number, name: string, timeout: number): Promise<DecodedPacket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port });
    const end = (settle: () => void): void => {
      socket.destroy();
      settle();
    };
    let held = Buffer.alloc(0);
    socket.setTimeout(timeout, () => end(() => reject(coded('ETIMEDOUT'))));
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('close', () => reject(coded('ECONNRESET')));
    socket.on('connect', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk]);
      if (held.length < 2 || held.length < 2 + held.readUInt16BE(0)) return;
      const packet = read(held.subarray(2, 2 + held.readUInt16BE(0)), id, name);
      end(() => (packet === null ? reject(coded('EBADRESP')) : resolve(packet)));
    });
  });
}

function read(message: Buffer, id: number, name: string): DecodedPacket | null {
  try {
    const packet = decode(message);
    const asked = packet.questions?.[0]?.name;
    return packet.id === id && packet.type === 'response' && asked?.toLowerCase() === name.toLowerCase()
      ? packet
      : null;
  } catch {
    return null;
  }
}

function answerOf(packet: DecodedPacket): DnsAnswer {
  const { rcode } = packet as DecodedPacket & { rcode?: string };
  return {
    rcode: rcode ?? 'NOERROR',
    authoritative: packet.flag_aa,
    rows: (packet.answers ?? []).slice(0, MOST_ROWS).flatMap(rowOf),
  };
}

function rowOf(answer: Answer): DnsRow[] {
  const { name, type } = answer;
  const ttl = 'ttl' in answer && typeof answer.ttl === 'number' ? answer.ttl : 0;
  const row = (data: string): DnsRow[] => [{ name: plainName(name), type, ttl, data }];
  switch (answer.type) {
    case 'A':
    case 'AAAA':
      return row(answer.data);
    case 'CNAME':
    case 'NS':
      return row(plainName(answer.data));
    case 'CAA':
      return row(`${answer.data.flags ?? 0} ${answer.data.tag} "${answer.data.value}"`);
    case 'SOA':
      return row(plainName(answer.data.mname));
    default:
      return [];
  }
}

function plainName(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:5353`. */
export function printServer({ address, port }: DnsServer): string {
  if (port === 53) return address;
  return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Reads what {@link printServer} writes; null for anything else. */
export function readServer(text: string): DnsServer | null {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-f:.]+)\]|([0-9.]+|[0-9a-f:]+(?=$)))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const number = port === undefined ? 53 : Number(port);
  return isIP(address) !== 0 && number > 0 && number < 65_536 ? { address, port: number } : null;
}
