/**
 * What survives the way between two worlds: structured clone as text.
 *
 * Used between page and preload (where functions and promises are proxied, as Electron's contextBridge does) and
 * between preload and main (where they are refused, as Electron's IPC does). The function is also injected into the
 * browser as source, so it must stand alone: nothing from outside its own body.
 */
export interface Proxies {
  /** Gives a function or promise of this side a number the other side can use. */
  keep(value: object): number;
  /** Makes what stands here for a function or promise of the other side. */
  standIn(kind: 'function' | 'promise', id: number): unknown;
}

export interface Clone {
  pack(value: unknown): string;
  unpack(text: string): unknown;
}

type Packed = string | number | boolean | null | readonly [string, ...unknown[]];

export function makeClone(proxies?: Proxies): Clone {
  function pack(value: unknown): Packed {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        return Number.isFinite(value) ? value : ['number', String(value)];
      case 'undefined':
        return ['undefined'];
      case 'bigint':
        return ['bigint', String(value)];
      case 'symbol':
        throw new Error('An object could not be cloned.');
      case 'function':
        return ['function', kept(value)];
      case 'object':
        return value === null ? null : packObject(value);
    }
  }

  function kept(value: object): number {
    if (proxies === undefined) throw new Error('An object could not be cloned.');
    return proxies.keep(value);
  }

  function packObject(value: object): Packed {
    if (value instanceof Promise) return ['promise', kept(value)];
    if (Array.isArray(value)) return ['array', value.map(pack)];
    if (value instanceof Date) return ['date', value.getTime()];
    if (value instanceof Map) return ['map', [...value].map(([key, item]) => [pack(key), pack(item)])];
    if (value instanceof Set) return ['set', [...value].map(pack)];
    if (value instanceof Error) return ['error', value.name, value.message];
    // A file crosses contextBridge (and nothing else here) by what tells it from others, not by its bytes.
    if (value instanceof File) return proxies === undefined ? kept(value) : ['file', value.name, value.lastModified];
    if (value instanceof ArrayBuffer) return ['buffer', base64(new Uint8Array(value))];
    if (ArrayBuffer.isView(value))
      return ['bytes', base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))];
    // Prototypes do not travel: an instance of a class arrives as a plain object.
    return ['object', Object.entries(value).map(([key, item]) => [key, pack(item)])];
  }

  function unpack(packed: Packed): unknown {
    if (packed === null || typeof packed !== 'object') return packed;
    const [kind, first, second] = packed as [string, never, never];
    switch (kind) {
      case 'number':
        return Number(first);
      case 'bigint':
        return BigInt(first);
      case 'function':
      case 'promise':
        return proxies?.standIn(kind, first);
      case 'array':
        return (first as Packed[]).map(unpack);
      case 'date':
        return new Date(first);
      case 'map':
        return new Map((first as [Packed, Packed][]).map(([key, item]) => [unpack(key), unpack(item)]));
      case 'set':
        return new Set((first as Packed[]).map(unpack));
      case 'error':
        return Object.assign(new Error(second), { name: first });
      case 'file':
        return new File([], first, { lastModified: second });
      case 'buffer':
        return bytes(first).buffer;
      case 'bytes':
        return bytes(first);
      case 'object':
        return Object.fromEntries((first as [string, Packed][]).map(([key, item]) => [key, unpack(item)]));
      default:
        return undefined;
    }
  }

  function base64(value: Uint8Array): string {
    let text = '';
    for (const byte of value) text += String.fromCharCode(byte);
    return btoa(text);
  }

  function bytes(text: string): Uint8Array {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  return { pack: (value) => JSON.stringify(pack(value)), unpack: (text) => unpack(JSON.parse(text) as Packed) };
}
