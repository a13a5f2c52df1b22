/** Everything that is wrong with a table, gathered, so that one reading names all of it. */
import { unreadable } from '../../failure';

/** So many are named one by one; the others are counted. */
const MOST_NAMED = 50;

/** Where in the table. */
export interface Place {
  /** `row 7`, as a spreadsheet counts, or `item 7` of a JSON array; with the line of the file where that differs. */
  readonly row: string;
}

/** Collects what is wrong. */
export class ProblemLog {
  readonly #named: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param what one clause, without a full stop; never a secret */
  add(place: Place, column: string | null, what: string): void {
    this.#count += 1;
    if (this.#named.length < MOST_NAMED)
      this.#named.push(`${place.row}${column === null ? '' : `, column ${column}`}: ${what}`);
  }

  /**
   * Refuses the table when anything is wrong with it.
   * @throws FailureError `csv/invalid`, whose detail `problems` names up to 50, one a line
   */
  refuse(path: string): void {
    if (this.#count === 0) return;
    const [first = ''] = this.#named;
    const more = this.#count - this.#named.length;
    unreadable(
      'csv/invalid',
      `${path} is not read, because ${this.#count === 1 ? 'something in it is' : `${this.#count} things in it are`} wrong; ` +
        `${this.#count === 1 ? '' : 'the first: '}${first}.`,
      'Correct the table and read it again; nothing of a table with errors is used.',
      { path, count: this.#count, problems: this.#named.join('\n'), more },
    );
  }
}
