/**
 * The inputs every parser is tried on: `corpus/<parser>/<what it tries>`, as text, or as hex where the name ends in
 * `.hex` (white space, and what follows #, is none of it).
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, 'corpus');

export interface CorpusFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The parsers that have a folder. */
export function corpusFolders(): string[] {
  return readdirSync(FOLDER).sort();
}

/** A parser's inputs, by name. */
export function corpusOf(parser: string): CorpusFile[] {
  const folder = join(FOLDER, parser);
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const content = readFileSync(join(folder, name));
      return { name, bytes: name.endsWith('.hex') ? fromHex(content.toString('latin1')) : content };
    });
}

function fromHex(text: string): Buffer {
  const digits = text.replace(/#.*$/gm, '').replace(/\s+/g, '');
  if (!/^([0-9a-f]{2})*$/.test(digits))
    throw new Error('a corpus file ending in .hex holds pairs of digits, # and blanks');
  return Buffer.from(digits, 'hex');
}

/** Hex as corpus files hold it. */
export function toHex(bytes: Buffer): string {
  return `${(bytes.toString('hex').match(/.{1,96}/g) ?? []).join('\n')}\n`;
}

/** Keeps an input that a parser did not bear, for ever. @returns the file */
export function keep(parser: string, bytes: Buffer): string {
  const folder = join(FOLDER, parser);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.hex`);
  writeFileSync(path, toHex(bytes));
  return path;
}
