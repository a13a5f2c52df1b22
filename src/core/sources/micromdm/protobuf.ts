/**
 * A small protobuf reader: a table says which fields of a message are wanted, everything else is skipped without
 * being copied. Rules of proto3 as MicroMDM uses it (spec 2): absent means default, the last scalar wins, unknown
 * fields of any wire type are skipped.
 */
import { isUtf8 } from 'node:buffer';

/** What a field holds, and its name in the decoded message. */
type FieldKind = 'text' | 'bytes' | 'flag' | 'number' | 'texts' | 'messages';

interface ValueOfKind {
  text: string;
  /** A view into the message; null when absent. */
  bytes: Buffer | null;
  flag: boolean;
  /** int64, two's complement. */
  number: bigint;
  texts: string[];
  /** Views into the message, in order. */
  messages: Buffer[];
}

type FieldTable = Readonly<Record<string, readonly [number: number, kind: FieldKind]>>;

/** The decoded form of a message whose table is `T`. */
export type Decoded<T extends FieldTable> = { -readonly [Name in keyof T]: ValueOfKind[T[Name][1]] };

/** Why a message could not be decoded, and where. */
export interface ProtobufError {
  readonly reason: string;
  /** Offset in the message. */
  readonly offset: number;
}

/** A decoded message; `badText` names the text fields that were not UTF-8 and were decoded leniently. */
export type DecodeResult<T extends FieldTable> =
  | { readonly ok: true; readonly message: Decoded<T>; readonly badText: readonly string[] }
  | { readonly ok: false; readonly error: ProtobufError };

/** No field number in use is larger; higher ones are skipped like any unknown field. */
const MAX_KNOWN_FIELD = 64;
const GROUP_DEPTH = 16;
const noNames: readonly string[] = [];
const empty = Buffer.alloc(0);

/** A message type: a table of fields, made once. */
export class MessageType<const T extends FieldTable> {
  readonly #byNumber: ({ readonly name: keyof T & string; readonly kind: FieldKind } | undefined)[] = [];
  readonly #defaults: Decoded<T>;
  readonly #repeated: (keyof T & string)[] = [];

  constructor(fields: T) {
    const defaults: Record<string, unknown> = {};
    for (const [name, [number, kind]] of Object.entries(fields)) {
      this.#byNumber[number] = { name, kind };
      if (kind === 'texts' || kind === 'messages') this.#repeated.push(name);
      defaults[name] = kind === 'text' ? '' : kind === 'flag' ? false : kind === 'number' ? 0n : null;
    }
    this.#defaults = defaults as Decoded<T>;
  }

  /** Decodes one message. Never throws. Bytes and nested messages are views into `bytes`: copy what is kept. */
  decode(bytes: Buffer): DecodeResult<T> {
    const message = { ...this.#defaults } as Record<string, unknown>;
    for (const name of this.#repeated) message[name] = [];
    let badText: string[] | null = null;
    const reader = new WireReader(bytes);
    while (reader.at < bytes.length) {
      const start = reader.at;
      if (!reader.key()) return { ok: false, error: { reason: reader.problem, offset: start } };
      const field = reader.field <= MAX_KNOWN_FIELD ? this.#byNumber[reader.field] : undefined;
      const wanted = field === undefined ? -1 : field.kind === 'flag' || field.kind === 'number' ? 0 : 2;
      // A known field with another wire type is what proto3 calls unknown: skipped.
      if (field === undefined || wanted !== reader.wireType) {
        if (!reader.skip(0)) return { ok: false, error: { reason: reader.problem, offset: start } };
        continue;
      }
      if (!(wanted === 0 ? reader.varint() : reader.length()))
        return { ok: false, error: { reason: reader.problem, offset: start } };
      const { name, kind } = field;
      switch (kind) {
        case 'flag':
          message[name] = reader.low !== 0 || reader.high !== 0;
          break;
        case 'number':
          message[name] = reader.int64();
          break;
        case 'bytes':
          message[name] = reader.from === reader.at ? empty : bytes.subarray(reader.from, reader.at);
          break;
        case 'messages':
          (message[name] as Buffer[]).push(bytes.subarray(reader.from, reader.at));
          break;
        default: {
          const text = bytes.toString('utf8', reader.from, reader.at);
          if (text.includes('\ufffd') && !isUtf8(bytes.subarray(reader.from, reader.at))) (badText ??= []).push(name);
          if (kind === 'text') message[name] = text;
          else (message[name] as string[]).push(text);
        }
      }
    }
    return { ok: true, message: message as Decoded<T>, badText: badText ?? noNames };
  }
}

/** The wire format: keys, varints, lengths. Every step is bounded by the buffer. */
class WireReader {
  at = 0;
  field = 0;
  wireType = 0;
  /** Value of the last varint: low and high 32 bits. */
  low = 0;
  high = 0;
  /** Start of the last length-delimited value; it ends at {@link at}. */
  from = 0;
  problem = '';

  constructor(private readonly bytes: Buffer) {}

  key(): boolean {
    if (!this.varint()) return false;
    if (this.high !== 0) return this.#fail('field key too large');
    this.field = this.low >>> 3;
    this.wireType = this.low & 7;
    return this.field > 0 || this.#fail('field number 0');
  }

  varint(): boolean {
    const { bytes } = this;
    let octet = bytes[this.at];
    // Nearly all varints here are lengths below 128.
    if (octet !== undefined && octet < 0x80) {
      this.at++;
      this.low = octet;
      this.high = 0;
      return true;
    }
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      octet = bytes[this.at];
      if (octet === undefined) return this.#fail('ends inside a number');
      this.at++;
      const bits = octet & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (octet < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return true;
      }
    }
    return this.#fail('number longer than ten octets');
  }

  int64(): bigint {
    return this.high === 0 ? BigInt(this.low) : BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low));
  }

  length(): boolean {
    if (!this.varint()) return false;
    if (this.high !== 0 || this.low > this.bytes.length - this.at) return this.#fail('value reaches past the end');
    this.from = this.at;
    this.at += this.low;
    return true;
  }

  skip(depth: number): boolean {
    switch (this.wireType) {
      case 0:
        return this.varint();
      case 1:
        return this.#forward(8);
      case 2:
        return this.length();
      case 5:
        return this.#forward(4);
      case 3: {
        if (depth >= GROUP_DEPTH) return this.#fail('groups nested too deep');
        const group = this.field;
        for (;;) {
          if (!this.key()) return false;
          if (this.#endsGroup()) return this.field === group || this.#fail('group ends with another number');
          if (!this.skip(depth + 1)) return false;
        }
      }
      default:
        return this.#fail(`wire type ${this.wireType}`);
    }
  }

  #endsGroup(): boolean {
    return this.wireType === 4;
  }

  #forward(count: number): boolean {
    if (count > this.bytes.length - this.at) return this.#fail('value reaches past the end');
    this.at += count;
    return true;
  }

  #fail(problem: string): false {
    this.problem = problem;
    return false;
  }
}
