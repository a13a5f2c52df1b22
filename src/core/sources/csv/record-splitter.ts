/**
 * Delimited text (RFC 4180) cut into records of cells.
 *
 * Ours, because a wrong table must be answered with the row a spreadsheet shows and the line an editor shows, because
 * quotes that only look right must not be repaired in silence, and because 200 MB of certificates have to pass in a
 * second or two (`csv-parse` takes six).
 */

/** Bounds of one record: any device's values fit many times over. */
const MAX_RECORD = 1 << 20;
const MAX_CELL = 1 << 18;
const MAX_CELLS = 512;

/** One record. */
export interface DelimitedRecord {
  /** Counted from 1, the header and empty lines included, as a spreadsheet does. */
  readonly row: number;
  /** The line of the file it begins in, counted from 1. */
  readonly line: number;
  readonly cells: readonly string[];
  /** True for a last record that no line break ends. */
  readonly open: boolean;
}

/** What stops a text from being cut into records, and where. */
export class NotDelimited extends Error {
  constructor(
    readonly row: number,
    readonly line: number,
    readonly what: string,
  ) {
    super(what);
  }
}

/** Cuts text that comes in pieces. */
export class RecordSplitter {
  #rest = '';
  #row = 0;
  #line = 1;
  #first = true;
  /** Where the next ones are; each is looked for once, however many cells lie before it. */
  #feed = -1;
  #separator = -1;

  /** @param delimiter one character */
  constructor(private readonly delimiter: string) {}

  /**
   * Adds a piece of text and gives the records that are whole with it.
   * @param last nothing follows this piece
   * @throws NotDelimited
   */
  *push(piece: string, last: boolean): Generator<DelimitedRecord> {
    let text = this.#rest + piece;
    if (this.#first && text !== '') {
      this.#first = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let at = 0;
    [this.#feed, this.#separator] = [-1, -1];
    while (at < text.length) {
      const cut = this.#record(text, at, last);
      if (cut === null) break;
      at = cut.end;
      yield cut.record;
    }
    this.#rest = text.slice(at);
    if (this.#rest.length > MAX_RECORD)
      this.#fail('it is longer than a million characters; a quote is probably missing');
  }

  /** The record that begins here; null while its end has not come. */
  #record(text: string, start: number, last: boolean): { record: DelimitedRecord; end: number } | null {
    const { delimiter } = this;
    const cells: string[] = [];
    let lines = 0;
    let at = start;
    for (;;) {
      if (text[at] === '"') {
        let cell = '';
        let from = at + 1;
        for (;;) {
          const quote = text.indexOf('"', from);
          if (quote < 0) {
            if (last) this.#fail('a quote is opened and never closed');
            return null;
          }
          cell += text.slice(from, quote);
          from = quote + 1;
          if (text[from] !== '"') break;
          cell += '"';
          from += 1;
        }
        // A quote at the very end may be the first half of a doubled one.
        if (from === text.length && !last) return null;
        for (let feed = cell.indexOf('\n'); feed >= 0; feed = cell.indexOf('\n', feed + 1)) lines += 1;
        cells.push(cell);
        at = from;
      } else {
        if (this.#feed < at) this.#feed = next(text, '\n', at);
        if (this.#separator < at) this.#separator = next(text, delimiter, at);
        const end = Math.min(this.#feed, this.#separator, text.length);
        if (end === text.length && !last) return null;
        let cell = text.slice(at, end);
        at = end;
        // The line feed of CRLF ends the record; its carriage return is no part of the cell.
        if (cell.endsWith('\r') && (text[end] === '\n' || end === text.length)) {
          cell = cell.slice(0, -1);
          at = end;
        }
        if (cell.includes('"'))
          this.#fail(
            `the cell ${cells.length + 1} holds a quote but does not begin with one (a quote in a cell is written twice, the cell in quotes)`,
          );
        if (cell.includes('\r'))
          this.#fail('a carriage return stands alone; save the file with line breaks of Windows or Unix');
        cells.push(cell);
      }
      const cell = cells[cells.length - 1] ?? '';
      if (cell.length > MAX_CELL)
        this.#fail(`the cell ${cells.length} has ${cell.length} characters, more than ${MAX_CELL}`);
      if (cell.includes('\u0000')) this.#fail(`the cell ${cells.length} holds a NUL character`);
      if (cells.length > MAX_CELLS) this.#fail(`it has more than ${MAX_CELLS} cells`);
      if (at >= text.length) {
        if (!last) return null;
        return this.#whole(cells, lines, at, true);
      }
      if (text[at] === delimiter) {
        at += 1;
        // A delimiter that ends the file is followed by one empty cell.
        if (at === text.length) {
          if (!last) return null;
          cells.push('');
          return this.#whole(cells, lines, at, true);
        }
        continue;
      }
      if (text[at] === '\r') {
        if (at + 1 === text.length && !last) return null;
        if (at + 1 === text.length) return this.#whole(cells, lines, at + 1, true);
        if (text[at + 1] === '\n') return this.#whole(cells, lines + 1, at + 2, false);
      }
      if (text[at] === '\n') return this.#whole(cells, lines + 1, at + 1, false);
      this.#fail(`something follows the closing quote of cell ${cells.length} (a quote in a cell is written twice)`);
    }
  }

  #whole(cells: string[], lines: number, end: number, open: boolean): { record: DelimitedRecord; end: number } {
    this.#row += 1;
    const record = { row: this.#row, line: this.#line, cells, open };
    this.#line += lines;
    return { record, end };
  }

  #fail(what: string): never {
    throw new NotDelimited(this.#row + 1, this.#line, what);
  }
}

/** Where the text stands next; beyond the end when nowhere. */
function next(text: string, wanted: string, from: number): number {
  const at = text.indexOf(wanted, from);
  return at < 0 ? Infinity : at;
}
