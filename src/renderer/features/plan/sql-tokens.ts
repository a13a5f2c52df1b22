/** SQL cut into what is coloured differently. Light: it knows MySQL’s words as they occur here, line by line. */

const KINDS = ['comment', 'secret', 'literal', 'name', 'number', 'word'] as const;
export type SqlTokenKind = (typeof KINDS)[number] | 'plain';

export interface SqlToken {
  readonly kind: SqlTokenKind;
  readonly text: string;
}

const WORDS =
  'SELECT|INSERT|INTO|VALUES|UPDATE|DELETE|FROM|WHERE|SET|AND|OR|NOT|NULL|IS|IN|ON|AS|IF|ELSE|THEN|END|CASE|WHEN|BEGIN|COMMIT|ROLLBACK|START|TRANSACTION|CREATE|DROP|TEMPORARY|TABLE|PROCEDURE|CALL|DECLARE|SIGNAL|SQLSTATE|DUPLICATE|KEY|JOIN|LEFT|INNER|EXISTS|FOR|SHARE|LOCK|UNION|ALL|ORDER|BY|LIMIT|GROUP|COUNT|SUM|CAST|DELIMITER|PRIMARY|DEFAULT|REPLACE|IGNORE|WITH|PREPARE|EXECUTE|DEALLOCATE|USING|CONCAT|COALESCE';

/** Comments, the shown form of a secret, texts, names, numbers, words. */
const TOKEN = new RegExp(
  [
    String.raw`(?<comment>--\s.*$|--$|#.*$|\/\*.*?(?:\*\/|$))`,
    String.raw`(?<secret>'?‹[^›]*›'?)`,
    String.raw`(?<literal>'(?:[^'\\]|\\.|'')*'?)`,
    String.raw`(?<name>\x60[^\x60]*\x60?|@{1,2}\w+)`,
    String.raw`(?<number>\b(?:0x[0-9a-f]+|\d+(?:\.\d+)?)\b)`,
    String.raw`(?<word>\b(?:${WORDS})\b)`,
  ].join('|'),
  'gi',
);

export function sqlTokens(line: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  for (const match of line.matchAll(TOKEN)) {
    if (match.index > at) tokens.push({ kind: 'plain', text: line.slice(at, match.index) });
    const groups: Readonly<Record<string, string | undefined>> = match.groups ?? {};
    const kind = KINDS.find((name) => groups[name] !== undefined) ?? 'plain';
    tokens.push({ kind, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < line.length) tokens.push({ kind: 'plain', text: line.slice(at) });
  return tokens;
}
