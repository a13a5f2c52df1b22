/**
 * One INSERT as Fleet's own migration script (tools/mdm/migration/micromdm/touchless) writes it, and nothing else: read
 * as MySQL would, never run.
 */
import { MIGRATION_TABLES, type MigrationTable } from '../../fleet/schema';
import { CANARY } from '../rows';

/** A value the statement would store; `now` is the clock of the server at the time of loading. */
export type DumpedValue = string | number | null | typeof NOW;
export const NOW: unique symbol = Symbol('the time of loading');

export interface DumpedRow {
  readonly table: MigrationTable;
  readonly values: ReadonlyMap<string, DumpedValue>;
}

/** Why a statement is not what the script writes: a clause without a full stop, never with a value in it. */
export class NotFromScript extends Error {
  constructor(
    /** Characters into the statement. */
    readonly at: number,
    readonly what: string,
  ) {
    super(what);
  }
}

interface Token {
  readonly kind: 'word' | 'text' | 'number' | 'sign';
  readonly value: string;
  readonly at: number;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\u0000',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\u001a',
  '%': '\\%',
  _: '\\_',
};

/**
 * Reads a statement.
 * @throws NotFromScript
 */
export function readDumpedInsert(text: string): DumpedRow {
  const tokens = new Tokens(text);
  tokens.words('INSERT', 'INTO');
  const table = tokens.table();
  tokens.sign('(');
  const columns = [tokens.word()];
  while (tokens.accepts(',')) columns.push(tokens.word());
  tokens.sign(')');
  tokens.words('SELECT');
  const found: DumpedValue[] = [tokens.expression()];
  while (tokens.accepts(',')) found.push(tokens.expression());
  if (found.length !== columns.length)
    tokens.fail(
      `it names ${columns.length} columns and gives ${found.length} values; an apostrophe in a value does that`,
    );
  const values = new Map<string, DumpedValue>();
  for (const [index, column] of columns.entries()) values.set(column, found[index] ?? null);
  if (values.size !== columns.length) tokens.fail('it names a column twice');
  tokens.words('WHERE', 'NOT', 'EXISTS');
  tokens.sign('(');
  tokens.words('SELECT');
  tokens.take('number', '1');
  tokens.words('FROM');
  if (tokens.table() !== table) tokens.fail('its guard looks into another table');
  tokens.words('WHERE', 'id');
  tokens.sign('=');
  if (tokens.take('text') !== values.get('id')) tokens.fail('its guard looks for another id than it writes');
  tokens.words('AND', 'updated_at');
  tokens.sign('!=');
  tokens.take('text', CANARY);
  tokens.sign(')');
  tokens.words('ON', 'DUPLICATE', 'KEY', 'UPDATE');
  do tokens.assignment(table);
  while (tokens.accepts(','));
  tokens.sign(';');
  tokens.end();
  if (values.get('updated_at') !== CANARY) tokens.fail('it does not carry the mark of an import (updated_at)');
  return { table, values };
}

class Tokens {
  readonly #list: Token[] = [];
  /** What stands behind the tokens and is none; told only when nothing before it is wrong. */
  readonly #beyond: NotFromScript | null;
  #next = 0;

  constructor(private readonly text: string) {
    this.#beyond = collectTokens(text, this.#list);
  }

  take(kind: Token['kind'], wanted?: string): string {
    const token = this.#list[this.#next];
    if (token?.kind !== kind || (wanted !== undefined && token.value !== wanted))
      return this.fail(wanted === undefined ? `a ${kind} should stand here` : `«${wanted}» should stand here`);
    this.#next += 1;
    return token.value;
  }

  word(): string {
    return this.take('word');
  }

  words(...wanted: readonly string[]): void {
    for (const word of wanted) this.take('word', word);
  }

  sign(wanted: string): void {
    this.take('sign', wanted);
  }

  accepts(sign: string): boolean {
    const token = this.#list[this.#next];
    if (token?.kind !== 'sign' || token.value !== sign) return false;
    this.#next += 1;
    return true;
  }

  table(): MigrationTable {
    const name = this.word();
    return MIGRATION_TABLES.find((table) => table === name) ?? this.fail('it is for a table no migration writes');
  }

  expression(): DumpedValue {
    const token = this.#list[this.#next];
    if (token?.kind === 'text') return this.take('text');
    if (token?.kind === 'number') return Number(this.take('number'));
    const word = this.take('word');
    if (word === 'NULL') return null;
    if (word === 'true' || word === 'false') return word === 'true' ? 1 : 0;
    if (word === 'CURRENT_TIMESTAMP') return NOW;
    if (word !== 'NULLIF') return this.fail('a value should stand here');
    this.sign('(');
    const value = this.take('text');
    this.sign(',');
    this.take('text', '');
    this.sign(')');
    return value === '' ? null : value;
  }

  /** `column = VALUES(column)`, the clock, itself, or the tally plus one. */
  assignment(table: string): void {
    const column = this.word();
    this.sign('=');
    const word = this.word();
    if (word === 'CURRENT_TIMESTAMP' || word === column) return;
    if (word === 'VALUES') {
      this.sign('(');
      this.take('word', column);
      this.sign(')');
      return;
    }
    if (word !== `${table}.${column}`) this.fail('it sets a column to something the script does not write');
    this.sign('+');
    this.take('number', '1');
  }

  end(): void {
    if (this.#beyond !== null) throw this.#beyond;
    if (this.#next < this.#list.length) this.fail('something follows the statement');
  }

  fail(what: string): never {
    if (this.#next >= this.#list.length && this.#beyond !== null) throw this.#beyond;
    throw new NotFromScript(this.#list[this.#next]?.at ?? this.text.length, what);
  }
}

/** Adds the tokens of a text to a list. Returns what ends them early. */
function collectTokens(text: string, list: Token[]): NotFromScript | null {
  const pattern = /(\s+|--[ \t][^\n]*(?:\n|$))|([A-Za-z_][\w.]*)|(\d{1,10})|(!=|[(),=+;])|(')/y;
  let at = 0;
  while (at < text.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null)
      return new NotFromScript(at, 'a character stands outside of quotes; an apostrophe in a value does that');
    const [whole, blank, word, number, sign] = match;
    if (blank !== undefined) at += whole.length;
    else if (word !== undefined || number !== undefined || sign !== undefined) {
      list.push({ kind: word !== undefined ? 'word' : number !== undefined ? 'number' : 'sign', value: whole, at });
      at += whole.length;
    } else {
      const literal = literalAt(text, at);
      if (literal === null)
        return new NotFromScript(
          at,
          'a quote is opened and never closed; an apostrophe or a backslash in a value does that',
        );
      list.push({ kind: 'text', value: literal.value, at });
      at = literal.end;
    }
  }
  return null;
}

/** A literal in single quotes as MySQL reads it under its default sql_mode; null when it does not end. */
function literalAt(text: string, start: number): { value: string; end: number } | null {
  let value = '';
  let at = start + 1;
  for (;;) {
    let end = at;
    while (end < text.length && text[end] !== "'" && text[end] !== '\\') end += 1;
    value += text.slice(at, end);
    if (end >= text.length) return null;
    if (text[end] === '\\') {
      const escaped = text[end + 1] ?? '';
      value += ESCAPES[escaped] ?? escaped;
      at = end + 2;
    } else if (text[end + 1] === "'") {
      value += "'";
      at = end + 2;
    } else return { value, end: end + 1 };
  }
}
