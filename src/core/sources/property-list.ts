/**
 * Reads XML property lists that come from a source: profiles and queued commands.
 *
 * The `plist` package is not used for reading: its XML parser writes what it does not like to the console, with the
 * content, and such content may be a password. This reader knows property lists only, refuses entities and internal
 * DTD subsets, is bounded in size and depth, and answers null to everything else.
 */

export type PropertyListValue =
  string | number | boolean | Date | Buffer | PropertyListValue[] | { [key: string]: PropertyListValue };

/** A dictionary of a property list; has no prototype. */
export type PropertyListDictionary = { [key: string]: PropertyListValue };

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_DEPTH = 64;

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Parses an XML property list.
 * @returns null when it is none, is damaged, larger than 8 MiB, nested deeper than 64, or uses entities of its own.
 */
export function readPropertyList(bytes: Buffer): PropertyListValue | null {
  if (bytes.length > MAX_BYTES) return null;
  try {
    return new Reader(bytes.toString('utf8')).document();
  } catch (error) {
    if (error instanceof NotPropertyList) return null;
    throw error;
  }
}

/** The value if it is a dictionary, else null. */
export function asDictionary(value: PropertyListValue | null | undefined): PropertyListDictionary | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return value instanceof Date || Buffer.isBuffer(value) ? null : value;
}

/** The value under a key if it is a string, else null. */
export function textOf(dictionary: PropertyListDictionary, key: string): string | null {
  const value = dictionary[key];
  return typeof value === 'string' ? value : null;
}

class NotPropertyList extends Error {}

interface Tag {
  readonly name: string;
  readonly kind: 'open' | 'close' | 'empty';
}

class Reader {
  #at = 0;

  constructor(private readonly text: string) {
    if (text.charCodeAt(0) === 0xfeff) this.#at = 1;
  }

  document(): PropertyListValue {
    const tag = this.#tag();
    if (tag.name !== 'plist' || tag.kind !== 'open') throw new NotPropertyList();
    const value = this.#value(this.#tag(), 0);
    const end = this.#tag();
    if (end.name !== 'plist' || end.kind !== 'close') throw new NotPropertyList();
    return value;
  }

  #value(tag: Tag, depth: number): PropertyListValue {
    if (depth > MAX_DEPTH || tag.kind === 'close') throw new NotPropertyList();
    const empty = tag.kind === 'empty';
    switch (tag.name) {
      case 'dict':
        return empty ? emptyDictionary() : this.#dictionary(depth);
      case 'array':
        return empty ? [] : this.#array(depth);
      case 'string':
        return empty ? '' : this.#content('string');
      case 'data':
        return empty ? Buffer.alloc(0) : Buffer.from(this.#content('data'), 'base64');
      case 'true':
      case 'false':
        if (!empty && this.#content(tag.name).trim() !== '') throw new NotPropertyList();
        return tag.name === 'true';
      case 'integer':
      case 'real': {
        const text = empty ? '' : this.#content(tag.name).trim();
        const value = Number(text);
        if (text === '' || Number.isNaN(value)) throw new NotPropertyList();
        return value;
      }
      case 'date': {
        const value = new Date(empty ? '' : this.#content('date').trim());
        if (Number.isNaN(value.getTime())) throw new NotPropertyList();
        return value;
      }
      default:
        throw new NotPropertyList();
    }
  }

  #dictionary(depth: number): PropertyListDictionary {
    const result = emptyDictionary();
    for (;;) {
      const tag = this.#tag();
      if (tag.kind === 'close' && tag.name === 'dict') return result;
      if (tag.name !== 'key' || tag.kind === 'close') throw new NotPropertyList();
      const key = tag.kind === 'empty' ? '' : this.#content('key');
      result[key] = this.#value(this.#tag(), depth + 1);
    }
  }

  #array(depth: number): PropertyListValue[] {
    const result: PropertyListValue[] = [];
    for (;;) {
      const tag = this.#tag();
      if (tag.kind === 'close' && tag.name === 'array') return result;
      result.push(this.#value(tag, depth + 1));
    }
  }

  /** The next tag, past white space, comments, the XML declaration and a plain DOCTYPE. */
  #tag(): Tag {
    const { text } = this;
    for (;;) {
      const begin = text.indexOf('<', this.#at);
      if (begin < 0) throw new NotPropertyList();
      if (begin > this.#at && text.slice(this.#at, begin).trim() !== '') throw new NotPropertyList();
      if (text.startsWith('<!--', begin)) {
        this.#at = this.#past('-->', begin + 4);
        continue;
      }
      const end = this.#past('>', begin);
      const inner = text.slice(begin + 1, end - 1);
      this.#at = end;
      if (inner.startsWith('?')) continue;
      if (inner.startsWith('!')) {
        // An internal subset may declare entities; Apple's DOCTYPE has none.
        if (!inner.startsWith('!DOCTYPE') || inner.includes('[')) throw new NotPropertyList();
        continue;
      }
      const match = /^(\/?)([a-z]+)(?:\s[^/<]*)?(\/?)$/.exec(inner.length > 256 ? '' : inner);
      const name = match?.[2];
      if (!match || !name || (match[1] && match[3])) throw new NotPropertyList();
      return { name, kind: match[1] ? 'close' : match[3] ? 'empty' : 'open' };
    }
  }

  /** Character data up to the closing tag of the element just opened. */
  #content(name: string): string {
    const { text } = this;
    let result = '';
    for (;;) {
      const next = text.indexOf('<', this.#at);
      if (next < 0) throw new NotPropertyList();
      result += decodeEntities(text.slice(this.#at, next));
      if (text.startsWith('<![CDATA[', next)) {
        const end = this.#past(']]>', next + 9);
        result += text.slice(next + 9, end - 3);
        this.#at = end;
      } else if (text.startsWith('<!--', next)) this.#at = this.#past('-->', next + 4);
      else {
        this.#at = next;
        const tag = this.#tag();
        if (tag.kind !== 'close' || tag.name !== name) throw new NotPropertyList();
        return result;
      }
    }
  }

  #past(mark: string, from: number): number {
    const at = this.text.indexOf(mark, from);
    if (at < 0) throw new NotPropertyList();
    return at + mark.length;
  }
}

/** Without a prototype, so that `__proto__` is a key like any other. */
function emptyDictionary(): PropertyListDictionary {
  return Object.create(null) as PropertyListDictionary;
}

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([^;]{0,12})(;?)/g, (_all, name: string, end: string) => {
    const numeric = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name);
    const point = numeric ? (numeric[1] ? parseInt(numeric[1], 16) : parseInt(numeric[2] ?? '', 10)) : null;
    const value = point === null ? entities[name] : point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
    if (end === '' || value === undefined || !(numeric || Object.hasOwn(entities, name))) throw new NotPropertyList();
    return value;
  });
}
