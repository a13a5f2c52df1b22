/**
 * Changes to bytes, the same ones for the same number: what a damaged disk, a broken tool or somebody who means harm
 * would make of a good file. None makes more than {@link MOST_BYTES}.
 */

/** Numbers that only look random: mulberry32. */
export class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to below `limit`; 0 for a limit below 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * Math.max(1, limit));
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  }
}

/** A changed input is never larger: whatever takes long on so little is a defect, and shows as the test's own time. */
const MOST_BYTES = 256 * 1024;

/** What kind of thing a parser reads, which decides how its inputs are changed. */
export type Form = 'bytes' | 'in-place' | 'tagged' | 'text' | 'json' | 'lines';

type Change = (bytes: Buffer, numbers: Numbers, others: readonly Buffer[]) => Buffer;

/** Numbers at which sizes, signs and types end. */
const EDGES = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

const flipBits: Change = (bytes, numbers) => {
  for (let i = numbers.below(8); i >= 0 && bytes.length > 0; i -= 1) {
    const at = numbers.below(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << numbers.below(8)), at);
  }
  return bytes;
};

const writeEdge: Change = (bytes, numbers) => {
  const size = numbers.pick([1, 2, 4]);
  if (bytes.length < size) return bytes;
  const at = numbers.below(bytes.length - size + 1);
  const value = numbers.pick(EDGES) % 2 ** (8 * size);
  if (numbers.below(2) === 0) bytes.writeUIntBE(value, at, size);
  else bytes.writeUIntLE(value, at, size);
  return bytes;
};

const noise: Change = (bytes, numbers) => {
  const at = numbers.below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + numbers.below(32));
  for (let i = at; i < end; i += 1) bytes.writeUInt8(numbers.below(256), i);
  return bytes;
};

const cut: Change = (bytes, numbers) => bytes.subarray(0, numbers.below(bytes.length));

const remove: Change = (bytes, numbers) => {
  const at = numbers.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + numbers.below(64))]);
};

const double: Change = (bytes, numbers) => {
  const at = numbers.below(bytes.length);
  const end = at + 1 + numbers.below(Math.min(400, bytes.length));
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
};

/** A stretch again and again: what costs more than its length shows here. */
const swell: Change = (bytes, numbers) => {
  const at = numbers.below(bytes.length);
  const piece = bytes.subarray(at, at + 1 + numbers.below(40));
  const times = Math.ceil((numbers.below(6) === 0 ? 60_000 : 2_000) / Math.max(1, piece.length));
  return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(times).fill(piece), bytes.subarray(at)]);
};

const splice: Change = (bytes, numbers, others) => {
  const other = numbers.pick(others);
  return Buffer.concat([bytes.subarray(0, numbers.below(bytes.length)), other.subarray(numbers.below(other.length))]);
};

/** Where tag-length-value elements lie, nested ones too; at most 2,000. */
function elementsOf(bytes: Buffer): { readonly at: number; readonly head: number; readonly end: number }[] {
  const found: { at: number; head: number; end: number }[] = [];
  const visit = (from: number, to: number, depth: number): void => {
    for (let at = from; at + 2 <= to && found.length < 2000;) {
      const first = bytes.readUInt8(at + 1);
      const more = first > 0x80 ? first & 0x7f : 0;
      if (more > 4 || at + 2 + more > to) return;
      const length = first < 0x80 ? first : more === 0 ? to - at - 2 : bytes.readUIntBE(at + 2, more);
      const head = 2 + more;
      const end = at + head + length;
      if (end > to) return;
      found.push({ at, head, end });
      const tag = bytes.readUInt8(at);
      // Bit and octet strings hold elements as well, often enough.
      if (depth < 20 && ((tag & 0x20) !== 0 || tag === 0x04)) visit(at + head, end, depth + 1);
      else if (depth < 20 && tag === 0x03) visit(at + head + 1, end, depth + 1);
      at = end;
    }
  };
  visit(0, bytes.length, 0);
  return found;
}

/** The length of an element: too much, too little, in another form; its content stays. */
const relengthen: Change = (bytes, numbers) => {
  const element = pickElement(bytes, numbers);
  if (element === null) return bytes;
  const { at, head, end } = element;
  const length = end - at - head;
  const lengths = [
    [0x80],
    [0x84, 0xff, 0xff, 0xff, 0xff],
    [0x88, 0, 0, 0, 0, 0, 0, 0, 1],
    [0xff],
    [0x82, length >> 8, length & 255],
    [Math.max(0, Math.min(127, length - 1))],
    [Math.min(127, length + 1)],
    [0],
  ];
  return Buffer.concat([bytes.subarray(0, at + 1), Buffer.from(numbers.pick(lengths)), bytes.subarray(at + head)]);
};

/** Another tag on an element, or another element in its place. */
const retag: Change = (bytes, numbers) => {
  const one = pickElement(bytes, numbers);
  const other = pickElement(bytes, numbers);
  if (one === null || other === null) return bytes;
  if (numbers.below(2) === 0) {
    bytes.writeUInt8(
      numbers.pick([0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x17, 0x30, 0x31, 0x80, 0xa0, 0xa3, 0xff]),
      one.at,
    );
    return bytes;
  }
  return Buffer.concat([bytes.subarray(0, one.at), bytes.subarray(other.at, other.end), bytes.subarray(one.end)]);
};

function pickElement(bytes: Buffer, numbers: Numbers): { at: number; head: number; end: number } | null {
  const elements = elementsOf(bytes);
  return elements.length === 0 ? null : numbers.pick(elements);
}

/** Pieces of text that mean something somewhere, or that decoders stumble over. */
const PIECES: readonly Buffer[] = [
  ...['<', '>', '&', '&amp;', '&#0;', '&#xD800;', '&#x110000;', '</', '/>', '<!--', '-->', '<![CDATA[', ']]>', '<?'],
  ...['<!DOCTYPE a [<!ENTITY b "c">]>', '"', "'", '`', '\\', '\\u0000', '\\ud800', '{', '}', '[', ']', ',', ':', ';'],
  ...['%', '%00', '%zz', '#', '?', '@', '=', '..', '/', '\t', '\r', '\n', '\r\n', '\0', ' ', '\u001b[2J', '\u0085'],
  ...['\u2028', '\u202e', '\ufeff', '\ufffd', '💻', 'null', 'true', '-1', '1e999', '9'.repeat(400), '0x10', 'NaN'],
  ...['__proto__', 'constructor', 'toString', '-----BEGIN X-----', '-----END X-----', '='.repeat(5), 'A'.repeat(300)],
].map((text) => Buffer.from(text));
/** A lone surrogate, an overlong slash, a start without its rest, a byte that never occurs, UTF-16's mark. */
const NO_UTF8 = [[0xed, 0xa0, 0x80], [0xc0, 0xaf], [0xf0, 0x9f], [0xff], [0xff, 0xfe]].map((octets) =>
  Buffer.from(octets),
);

const insertPiece: Change = (bytes, numbers) => {
  const at = numbers.below(bytes.length + 1);
  const piece = numbers.pick(numbers.below(6) === 0 ? NO_UTF8 : PIECES);
  return Buffer.concat([
    bytes.subarray(0, at),
    piece,
    bytes.subarray(at + (numbers.below(2) === 0 ? 0 : numbers.below(5))),
  ]);
};

/** A text in quotes, between tags or after an equals sign, replaced whole. */
const replaceValue: Change = (bytes, numbers) => {
  const text = bytes.toString('latin1');
  const values = [...text.matchAll(/(?<=["'>=,:])[^"'<>=,:\r\n]{1,200}(?=["'<,&\r\n]|$)/g)];
  if (values.length === 0) return bytes;
  const { index, 0: value } = numbers.pick(values);
  return Buffer.concat([bytes.subarray(0, index), numbers.pick(PIECES), bytes.subarray(index + value.length)]);
};

const shuffleLines: Change = (bytes, numbers) => {
  const lines = bytes.toString('latin1').split('\n');
  const [from, to] = [numbers.below(lines.length), numbers.below(lines.length)];
  const kind = numbers.below(4);
  if (kind === 0) lines.splice(from, 1);
  else if (kind === 1) lines.splice(to, 0, lines[from] ?? '');
  else if (kind === 2) [lines[from], lines[to]] = [lines[to] ?? '', lines[from] ?? ''];
  else lines[from] = numbers.pick(['', ' ', 'null', '{}', '[]', '5', '"x"', '{"end":-1}', '#', '\ufffd']);
  return Buffer.from(lines.join('\n'), 'latin1');
};

const JSON_VALUES: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1.5,
    2 ** 53,
    -(2 ** 63),
    1e308,
    '',
    'x',
    '\0',
    '\ud800',
    '__proto__',
    'A'.repeat(5000),
  ],
  ...[[], {}, [[]], [null], [{}], { length: 2 ** 31 }, { toJSON: 1 }, { then: 1 }, { $bytes: 7 }, { $secret: '%' }],
];

/** One value of a document, or of one line of it, becomes another, goes, or comes under another name. */
const changeJson: Change = (bytes, numbers) => {
  const text = bytes.toString('utf8');
  const whole = jsonOf(text);
  if (whole !== undefined) return Buffer.from(JSON.stringify(changedJson(whole, numbers)));
  const lines = text.split('\n');
  const at = numbers.below(lines.length);
  const value = jsonOf(lines[at] ?? '');
  if (value === undefined) return bytes;
  lines[at] = JSON.stringify(changedJson(value, numbers));
  return Buffer.from(lines.join('\n'));
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function changedJson(root: unknown, numbers: Numbers): unknown {
  const fresh = (): unknown => structuredClone(numbers.pick(JSON_VALUES));
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      places.push({ holder: value as Record<string, unknown>, key });
      visit(inner);
    }
  };
  visit(root);
  if (places.length === 0 || numbers.below(40) === 0) return fresh();
  const { holder, key } = numbers.pick(places);
  const kind = numbers.below(6);
  if (kind === 0) Reflect.deleteProperty(holder, key);
  else if (kind === 1 && !Array.isArray(holder)) {
    const name = numbers.pick(['constructor', 'toString', 'length', '', '0', `${key}\0`, key.toUpperCase()]);
    holder[name] = structuredClone(holder[key]);
  } else if (kind === 2) {
    const other = numbers.pick(places);
    holder[key] = structuredClone(other.holder[other.key]);
  } else holder[key] = fresh();
  return root;
}

const ANY: readonly Change[] = [flipBits, writeEdge, noise, cut, remove, double, swell, splice];
const TEXT: readonly Change[] = [flipBits, cut, remove, double, swell, splice, insertPiece, insertPiece, replaceValue];

const CHANGES: Readonly<Record<Form, readonly Change[]>> = {
  bytes: ANY,
  'in-place': [flipBits, writeEdge, noise],
  tagged: [...ANY, relengthen, relengthen, retag, retag],
  text: [...TEXT, replaceValue],
  json: [...TEXT, changeJson, changeJson, changeJson, changeJson],
  lines: [...TEXT, shuffleLines, shuffleLines],
};

/** One to three changes, of the form's kinds, to a copy. @param others what pieces may be taken from: the other inputs */
export function mutated(bytes: Buffer, form: Form, numbers: Numbers, others: readonly Buffer[]): Buffer {
  let result = Buffer.from(bytes);
  for (let i = numbers.below(3); i >= 0 && result.length > 0; i -= 1)
    result = Buffer.from(numbers.pick(CHANGES[form])(result, numbers, others).subarray(0, MOST_BYTES));
  return result;
}
