/** A line of SQL in its colours, with what was searched for marked. */
import { Fragment, memo } from 'react';
import { sqlTokens } from './sql-tokens';

interface SqlLineProps {
  readonly text: string;
  readonly search: string;
}

export const SqlLine = memo(PlainSqlLine);

function PlainSqlLine({ text, search }: SqlLineProps): React.JSX.Element {
  return (
    <>
      {sqlTokens(text).map(({ kind, text: part }, index) =>
        kind === 'plain' ? (
          <Marked key={index} text={part} search={search} />
        ) : (
          <span key={index} className={`sql-${kind}`}>
            <Marked text={part} search={search} />
          </span>
        ),
      )}
    </>
  );
}

function Marked({ text, search }: SqlLineProps): React.JSX.Element {
  if (search === '') return <>{text}</>;
  const parts: React.ReactNode[] = [];
  const lower = text.toLowerCase();
  let at = 0;
  for (let found = lower.indexOf(search); found >= 0; found = lower.indexOf(search, at)) {
    parts.push(text.slice(at, found), <mark>{text.slice(found, found + search.length)}</mark>);
    at = found + search.length;
  }
  if (parts.length === 0) return <>{text}</>;
  parts.push(text.slice(at));
  return (
    <>
      {parts.map((part, index) => (
        <Fragment key={index}>{part}</Fragment>
      ))}
    </>
  );
}
