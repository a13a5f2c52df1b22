/**
 * Devices for tests: each with its own key and certificate, signing its messages as Apple's do (a detached CMS over the
 * body, in Mdm-Signature), and a server's side that verifies them. Shares no code with the product.
 */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import type { RequestOptions } from 'node:https';
import https from 'node:https';
import http from 'node:http';
import { certificate, CN, der, name, oid, spkiOf, time } from './micromdm-writer';

const SHA256 = der(0x30, oid('2.16.840.1.101.3.4.2.1'), Buffer.from([5, 0]));
const RSA = der(0x30, oid('1.2.840.113549.1.1.1'), Buffer.from([5, 0]));
const DATA = oid('1.2.840.113549.1.7.1');
const SIGNED_DATA = oid('1.2.840.113549.1.7.2');
const CONTENT_TYPE = oid('1.2.840.113549.1.9.3');
const MESSAGE_DIGEST = oid('1.2.840.113549.1.9.4');
const SIGNING_TIME = oid('1.2.840.113549.1.9.5');

/** The SCEP CA as MicroMDM's writer names it. */
const ISSUER = name(['2.5.4.6', 'US', 0x13], ['2.5.4.10', 'MicroMDM', 0x13], ['2.5.4.11', 'MICROMDM SCEP CA', 0x13]);

export interface Identity {
  readonly key: KeyObject;
  readonly der: Buffer;
  /** Lower-case hex. */
  readonly sha256: string;
}

let serial = 1_000;

/** A key and a certificate of the CA for it. Small keys: 200 of them are made in two seconds. */
export function makeIdentity(commonName: string, caKey: KeyObject, notAfter: number): Identity {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  serial += 1;
  const bytes = certificate(
    {
      subject: name([CN, commonName]),
      issuer: ISSUER,
      serial: BigInt(serial),
      notBefore: notAfter - 365 * 86_400_000,
      notAfter,
      spki: spkiOf(privateKey),
    },
    caKey,
  );
  return { key: privateKey, der: bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** Mdm-Signature of a body. */
export function signatureOf(body: Buffer, identity: Identity): string {
  const attribute = (type: Buffer, value: Buffer): Buffer => der(0x30, type, der(0x31, value));
  const attributes = [
    attribute(CONTENT_TYPE, DATA),
    attribute(SIGNING_TIME, time(Date.now())),
    attribute(MESSAGE_DIGEST, der(0x04, createHash('sha256').update(body).digest())),
  ].sort(Buffer.compare);
  const signature = sign('sha256', der(0x31, ...attributes), identity.key);
  const serialNumber = integerOf(identity.der);
  const signer = der(
    0x30,
    Buffer.from([2, 1, 1]),
    der(0x30, ISSUER, serialNumber),
    SHA256,
    der(0xa0, ...attributes),
    RSA,
    der(0x04, signature),
  );
  const signedData = der(
    0x30,
    Buffer.from([2, 1, 1]),
    der(0x31, SHA256),
    der(0x30, DATA),
    der(0xa0, identity.der),
    der(0x31, signer),
  );
  return der(0x30, SIGNED_DATA, der(0xa0, signedData)).toString('base64');
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly whole: Buffer;
}

function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    let length = bytes[at + 1] ?? 0;
    let head = 2;
    if (length > 0x80) {
      const count = length - 0x80;
      length = bytes.readUIntBE(at + 2, count);
      head += count;
    }
    const end = at + head + length;
    found.push({ tag: bytes[at] ?? 0, content: bytes.subarray(at + head, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

/** The INTEGER of a certificate's serial number, whole. */
function integerOf(certificateDer: Buffer): Buffer {
  const body = elements(elements(certificateDer)[0]!.content)[0]!;
  return elements(body.content).find(({ tag }) => tag === 0x02)!.whole;
}

/**
 * Who signed a body: the SHA-256 of the certificate, or why it is not a signature of a device of this CA (as Fleet
 * does it: signature first, then the chain).
 */
export function signerOf(
  body: Buffer,
  header: string | undefined,
  caKey: KeyObject,
): { readonly sha256: string } | { readonly refused: string } {
  if (header === undefined) return { refused: 'unsigned' };
  try {
    const [, wrapped] = elements(elements(Buffer.from(header, 'base64'))[0]!.content);
    const signedData = elements(elements(wrapped!.content)[0]!.content);
    const certificateDer = elements(signedData.find(({ tag }) => tag === 0xa0)!.content)[0]!.whole;
    const signer = elements(elements(signedData.at(-1)!.content)[0]!.content);
    const attributes = signer.find(({ tag }) => tag === 0xa0)!;
    const signature = signer.find(({ tag }) => tag === 0x04)!.content;
    const digest = elements(attributes.content)
      .map(({ content }) => elements(content))
      .find(([type]) => type!.whole.equals(MESSAGE_DIGEST));
    const held = elements(digest![1]!.content)[0]!.content;
    if (!held.equals(createHash('sha256').update(body).digest())) return { refused: 'another body' };
    const x509 = new X509Certificate(certificateDer);
    if (!verify('sha256', der(0x31, attributes.content), x509.publicKey, signature))
      return { refused: 'bad signature' };
    if (!x509.verify(createPublicKey(caKey))) return { refused: 'another CA' };
    return { sha256: createHash('sha256').update(certificateDer).digest('hex') };
  } catch {
    return { refused: 'malformed' };
  }
}

/** A message's text value for a key, on the top level of what our devices send. */
export function valueOf(body: Buffer, key: string): string | null {
  return new RegExp(`<key>${key}</key>\\s*<(?:string|data)>([^<]*)<`).exec(body.toString('latin1'))?.[1] ?? null;
}

function plist(values: Readonly<Record<string, string | Buffer>>): Buffer {
  const lines = Object.entries(values)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) =>
      typeof value === 'string'
        ? `\t<key>${key}</key>\n\t<string>${value}</string>\n`
        : `\t<key>${key}</key>\n\t<data>${value.toString('base64')}</data>\n`,
    );
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0">\n<dict>\n${lines.join('')}</dict>\n</plist>\n`,
  );
}

/** The two addresses of a device's enrollment profile, by the server that gave it. */
export interface DevicePaths {
  readonly connect: string;
  readonly checkIn: string;
}

export const MICROMDM_PATHS: DevicePaths = { connect: '/mdm/connect', checkIn: '/mdm/checkin' };
export const NANOMDM_PATHS: DevicePaths = { connect: '/mdm', checkIn: '/checkin' };

/** Where devices call. */
export interface DeviceHome {
  readonly host: string;
  readonly port: number;
  /** PEM they trust; null: plain HTTP. */
  readonly ca: string | null;
  readonly servername: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** One simulated device. */
export class MdmDevice {
  identity: Identity;
  token: string;
  readonly udid: string;
  readonly topic: string;
  readonly magic: string;
  readonly paths: DevicePaths;
  /** Request types it has carried out. */
  readonly carriedOut: string[] = [];
  #agent: https.Agent | http.Agent;

  constructor(
    udid: string,
    topic: string,
    magic: string,
    token: string,
    identity: Identity,
    paths: DevicePaths = MICROMDM_PATHS,
  ) {
    this.udid = udid;
    this.topic = topic;
    this.magic = magic;
    this.token = token;
    this.identity = identity;
    this.paths = paths;
    this.#agent = SHARED;
  }

  /** Sends a message to one of the two addresses its profile has. */
  async send(
    home: DeviceHome,
    to: keyof DevicePaths,
    values: Readonly<Record<string, string | Buffer>>,
  ): Promise<Answer> {
    const body = plist({ ...values, UDID: this.udid });
    const options: RequestOptions = {
      host: home.host,
      port: home.port,
      path: this.paths[to],
      method: 'PUT',
      servername: home.servername,
      headers: {
        Host: home.servername,
        'Content-Length': body.length,
        'Content-Type': to === 'checkIn' ? 'application/x-apple-aspen-mdm-checkin' : 'application/x-apple-aspen-mdm',
        'Mdm-Signature': signatureOf(body, this.identity),
      },
    };
    const attempt = (): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const request =
          home.ca === null
            ? http.request(options)
            : https.request({ ...options, ca: home.ca, agent: this.#agent as https.Agent });
        request.once('error', (error: NodeJS.ErrnoException) => {
          // The proxy had let the kept connection go: as any client, it calls again over a new one.
          if (request.reusedSocket && error.code === 'ECONNRESET') resolve(attempt());
          else reject(error);
        });
        request.once('response', (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) }));
          response.once('error', reject);
        });
        request.end(body);
      });
    return attempt();
  }

  /** Calls in as after a push: Idle, then whatever it is given. The status of each answer. */
  async poll(home: DeviceHome): Promise<number[]> {
    const statuses: number[] = [];
    let answer = await this.send(home, 'connect', { Status: 'Idle' });
    statuses.push(answer.status);
    while (answer.status === 200 && answer.body.length > 0) {
      const uuid = valueOf(answer.body, 'CommandUUID') ?? '';
      this.carriedOut.push(valueOf(answer.body, 'RequestType') ?? '');
      answer = await this.send(home, 'connect', { Status: 'Acknowledged', CommandUUID: uuid });
      statuses.push(answer.status);
    }
    return statuses;
  }

  /** Tells its push token, perhaps a new one. */
  async tokenUpdate(home: DeviceHome, token = this.token): Promise<number> {
    this.token = token;
    const { status } = await this.send(home, 'checkIn', {
      MessageType: 'TokenUpdate',
      Topic: this.topic,
      PushMagic: this.magic,
      Token: Buffer.from(token, 'hex'),
    });
    return status;
  }
}

/** Devices do not share connections, but 200 handshakes a round would be all this measures. */
const SHARED = new https.Agent({ keepAlive: true, maxSockets: 16 });

/** Lets go of the connections. */
export function hangUp(): void {
  SHARED.destroy();
}

/** Does something with all of them, so many at once; what each gave, in order. */
export async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>, width = 16): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next;
      next += 1;
      results[at] = await work(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}
