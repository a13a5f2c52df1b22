/** A CSV table: its header and its rows, whatever separates the cells. */
import { unreadable } from '../../failure';
import type { OnProgress } from '../../progress';
import { COLUMNS, isColumn, nearestColumn, type Cells, type ColumnName } from './column';
import type { Place, ProblemLog } from './problem-log';
import { NotDelimited, RecordSplitter, type DelimitedRecord } from './record-splitter';

/** Excel in Europe writes semicolons, databases write tabs. */
const DELIMITERS = [',', ';', '\t', '|'] as const;
const MOST_ROWS = 1_000_000;
/** Comments and empty lines before the header. */
const MOST_BEFORE_HEADER = 64;

/** Takes text piece by piece and gives its rows to `take`. */
export class DelimitedTable {
  #splitter: RecordSplitter | null = null;
  #header: readonly (ColumnName | null)[] | null = null;
  #rows = 0;

  constructor(
    private readonly path: string,
    private readonly log: ProblemLog,
    private readonly take: (cells: Cells, place: Place) => void,
    private readonly onProgress?: OnProgress,
  ) {}

  /**
   * @param last nothing follows
   * @throws FailureError `csv/invalid` for a table that cannot be cut into cells, has no header or a wrong one
   */
  push(text: string, last: boolean): void {
    try {
      this.#splitter ??= new RecordSplitter(delimiterOf(text));
      for (const record of this.#splitter.push(text, last)) this.#record(record);
    } catch (error) {
      if (!(error instanceof NotDelimited)) throw error;
      this.log.add(placeOf(error), null, error.what);
      this.log.refuse(this.path);
    }
    if (last && this.#header === null) this.#noHeader();
  }

  #record(record: DelimitedRecord): void {
    const { cells } = record;
    if (this.#header === null) {
      if (isBeforeHeader(cells) && record.row <= MOST_BEFORE_HEADER) return;
      this.#header = this.#readHeader(record);
      this.log.refuse(this.path);
      return;
    }
    if (cells.every((cell) => cell === '')) return;
    this.#rows += 1;
    if (this.#rows > MOST_ROWS)
      unreadable(
        'csv/too-many-rows',
        `${this.path} has more than ${MOST_ROWS.toLocaleString('en')} rows.`,
        'Split it and move the parts one after the other.',
        { path: this.path },
      );
    if (this.#rows % 10_000 === 0) this.onProgress?.({ label: 'reading the table', done: this.#rows, total: null });
    const place = placeOf(record);
    if (record.open && cells.length < this.#header.length) {
      this.log.add(place, null, 'the last row has fewer cells than the header and no line end: the file was cut off');
      return;
    }
    const row: Cells = {};
    for (const [at, cell] of cells.entries()) {
      if (cell === '') continue;
      const name = this.#header[at];
      if (name == null) {
        this.log.add(place, null, `cell ${at + 1} has a value, but the header names no column there`);
        return;
      }
      row[name] = cell;
    }
    this.take(row, place);
  }

  #readHeader(record: DelimitedRecord): (ColumnName | null)[] {
    const place = placeOf(record);
    const seen = new Set<ColumnName>();
    const known = record.cells.filter((cell) => isColumn(normalised(cell))).length;
    if (known === 0) return this.#noHeader();
    const header = record.cells.map((cell, at) => {
      const name = normalised(cell);
      if (name === '') return null;
      const letter = letterOf(at);
      if (!isColumn(name)) {
        const shown = cell.length > 40 ? `${cell.slice(0, 40)}…` : cell;
        this.log.add(place, letter, `«${shown}» is no column of such a table; did you mean ${nearestColumn(name)}?`);
        return null;
      }
      if (seen.has(name)) this.log.add(place, letter, `the header names ${name} a second time`);
      seen.add(name);
      return name;
    });
    for (const { name, required } of COLUMNS)
      if (required && !seen.has(name)) this.log.add(place, null, `the header lacks the column ${name}`);
    if (!seen.has('certificate') && !seen.has('certificate_sha256'))
      this.log.add(place, null, 'the header has neither the column certificate nor certificate_sha256');
    return header;
  }

  #noHeader(): never {
    return unreadable(
      'csv/no-header',
      `${this.path} does not begin with a header: no column of a table of devices is named in it.`,
      '`slipway template csv` writes an empty table with the right header; docs/source-table.md describes every column.',
      { path: this.path },
    );
  }
}

/** The delimiter with which most of the header's names are known. */
function delimiterOf(head: string): string {
  let best: string = DELIMITERS[0];
  let most = 0;
  for (const delimiter of DELIMITERS) {
    try {
      let seen = 0;
      for (const { cells } of new RecordSplitter(delimiter).push(head, true)) {
        seen += 1;
        if (isBeforeHeader(cells) && seen <= MOST_BEFORE_HEADER) continue;
        const known = cells.filter((cell) => isColumn(normalised(cell))).length;
        if (known > most) [best, most] = [delimiter, known];
        break;
      }
    } catch (error) {
      // With this delimiter it cannot be cut at all; what is wrong is said when the best one is used.
      if (!(error instanceof NotDelimited)) throw error;
    }
  }
  return best;
}

/** Comments (`# …`), Excel's `sep=;` and empty lines may stand before the header. */
function isBeforeHeader(cells: readonly string[]): boolean {
  const [first = ''] = cells;
  return first.trimStart().startsWith('#') || /^sep=/i.test(first) || cells.every((cell) => cell.trim() === '');
}

function normalised(name: string): string {
  return name.trim().toLowerCase();
}

function placeOf({ row, line }: { readonly row: number; readonly line: number }): Place {
  return { row: row === line ? `row ${row}` : `row ${row} (line ${line})` };
}

/** A column as a spreadsheet calls it: A, B, … AA. */
function letterOf(index: number): string {
  return (index >= 26 ? letterOf(Math.floor(index / 26) - 1) : '') + String.fromCharCode(65 + (index % 26));
}
