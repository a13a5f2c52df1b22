/** The statements the plan stands for: paged, searchable, secrets as length and hash. Saving writes the real ones. */
import { ArrowDown, ArrowUp, FileDown, Search, Undo2 } from 'lucide-react';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { call } from '../../bridge';
import { Button, IconButton } from '../../components/button';
import { CopyButton } from '../../components/copy-button';
import { FailurePanel } from '../../components/failure-panel';
import { Skeleton } from '../../components/skeleton';
import { Toolbar, ToolbarGap } from '../../components/toolbar';
import { VirtualList } from '../../components/virtual-list';
import { counted, grouped } from '../../format/number';
import { useShortcut } from '../../hooks/use-shortcut';
import { useAppState } from '../../stores/app-state';
import { savePlanSql } from './plan-actions';
import { SqlLine } from './sql-line';
import { SqlPages } from './sql-pages';
import './sql-view.css';

const ROW = 20;
/** main gives no more matches than this. */
const MOST_MATCHES = 10_000;

export function SqlView({ planId }: { readonly planId: string }): React.JSX.Element {
  // Another plan has other lines: nothing of the one before is kept.
  return <Statements key={planId} />;
}

function Statements(): React.JSX.Element {
  const [pages] = useState(() => new SqlPages((input) => call('plan.sql', input)));
  const { total, search, matches, searching, failure } = useSyncExternalStore(pages.subscribe, pages.current);
  const [words, setWords] = useState('');
  const [place, setPlace] = useState<number | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const busy = useAppState((state) => (state.job === null ? null : 'Something is under way.'));
  useEffect(() => {
    pages.search(words.trim().toLowerCase());
  }, [pages, words]);
  useShortcut('/', () => {
    input.current?.focus();
    input.current?.select();
  });

  const at = place === null ? -1 : matches.indexOf(place);
  const go = (by: -1 | 1): void => {
    if (matches.length === 0) return;
    const from = place ?? (by > 0 ? -1 : Number.MAX_SAFE_INTEGER);
    const next = by > 0 ? matches.find((line) => line > from) : matches.findLast((line) => line < from);
    setPlace(next ?? (by > 0 ? matches[0] : matches.at(-1)) ?? null);
  };
  const onListKey = (event: React.KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || total === null) return;
    event.preventDefault();
    setPlace(Math.min(total - 1, Math.max(0, (place ?? -1) + by)));
  };
  if (failure !== null && total === null) {
    return (
      <div className="sql-failure">
        <FailurePanel
          failure={failure}
          actions={[
            {
              id: 'again',
              label: 'Ask again',
              run: () => {
                pages.search('');
              },
            },
          ]}
        />
      </div>
    );
  }
  if (total === null) return <Skeleton label="Writing the statements out" lines={14} />;
  const line = place === null ? null : pages.line(place);
  return (
    <div className="sql">
      <div className="sql-bar">
        <Toolbar label="SQL">
          <div className="sql-search" role="search">
            <Search size={16} aria-hidden />
            <input
              ref={input}
              type="search"
              aria-label="Search the statements"
              placeholder="Search the statements"
              maxLength={200}
              spellCheck={false}
              autoComplete="off"
              value={words}
              onChange={(event) => {
                setWords(event.currentTarget.value);
              }}
              onKeyDown={(event) => {
                if (event.key === 'Enter') go(event.shiftKey ? -1 : 1);
                else if (event.key === 'Escape' && words !== '') setWords('');
                else return;
                event.preventDefault();
              }}
            />
          </div>
          <span className="sql-count" role="status">
            {search === '' ? counted(total, 'line') : matchWords(matches.length, at, searching)}
          </span>
          {search !== '' && matches.length > 0 && (
            <>
              <IconButton
                icon={ArrowUp}
                label="The match before"
                onClick={() => {
                  go(-1);
                }}
              />
              <IconButton
                icon={ArrowDown}
                label="The next match"
                onClick={() => {
                  go(1);
                }}
              />
            </>
          )}
          <ToolbarGap />
          <Button icon={Undo2} variant="quiet" cannot={busy} onClick={() => void savePlanSql(true)}>
            Save with undo file…
          </Button>
          <Button icon={FileDown} cannot={busy} onClick={() => void savePlanSql(false)}>
            Save…
          </Button>
        </Toolbar>
        <p className="faint">
          Secrets stand here as their length and hash. Saving writes the real ones, readable for you alone.
        </p>
      </div>
      {failure !== null && <FailurePanel failure={failure} />}
      <div className="sql-list" onKeyDown={onListKey}>
        <VirtualList
          label="Statements"
          className="sql-lines"
          count={total}
          rowHeight={ROW}
          shown={place}
          onRange={pages.see}
          row={(index) => {
            const text = pages.line(index);
            return (
              <div
                className={index === place ? 'sql-row sql-row-active' : 'sql-row'}
                onClick={() => {
                  setPlace(index);
                }}
              >
                <span className="sql-place">{index + 1}</span>
                <code className="sql-text">{text === null ? ' ' : <SqlLine text={text} search={search} />}</code>
              </div>
            );
          }}
        />
      </div>
      {place !== null && (
        <section className="sql-whole" aria-label={`Line ${place + 1}`}>
          <div className="sql-whole-head">
            <h2>Line {grouped(place + 1)}</h2>
            <CopyButton text={line ?? ''} label="Copy this line; its secrets stay hidden" />
          </div>
          <pre tabIndex={0} role="region" aria-label="The whole line">
            {line === null ? ' ' : <SqlLine text={line} search={search} />}
          </pre>
        </section>
      )}
    </div>
  );
}

function matchWords(count: number, at: number, searching: boolean): string {
  if (searching) return 'Searching';
  if (count === 0) return 'No match';
  const all = count >= MOST_MATCHES ? `the first ${grouped(count)} matching lines` : counted(count, 'matching line');
  return at < 0 ? all : `${grouped(at + 1)} of ${all}`;
}
