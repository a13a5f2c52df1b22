/** A journal’s entries as sentences; the one that is chosen shows its detail below. Arrows move. */
import { ExternalLink, FlaskConical, Undo2 } from 'lucide-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { call } from '../../bridge';
import { Button, IconButton } from '../../components/button';
import { CopyButton } from '../../components/copy-button';
import { FailurePanel } from '../../components/failure-panel';
import { ShortId } from '../../components/short-id';
import { Skeleton } from '../../components/skeleton';
import { TimeText } from '../../components/time-text';
import { toast } from '../../components/toast';
import { VirtualList } from '../../components/virtual-list';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { openDialog } from '../../stores/ui';
import { undoDialog } from '../apply/apply-actions';
import { AssetsUndo, undoneInWords } from '../certificates/assets-undo';
import { EntryPages, type JournalEntry } from './entry-pages';
import type { JournalSummary } from './journal-screen';

const ROW = 28;

interface JournalEntriesProps {
  readonly journal: JournalSummary;
  /** Changes when it may have grown. */
  readonly version: string;
  /** Something was written into a journal from here. */
  readonly onChanged: () => void;
}

export function JournalEntries({ journal, version, onChanged }: JournalEntriesProps): React.JSX.Element {
  const { path } = journal;
  const [pages] = useState(() => new EntryPages((offset, limit) => call('journal.read', { path, offset, limit })));
  const { total, failure } = useSyncExternalStore(pages.subscribe, pages.current);
  const [place, setPlace] = useState<number | null>(null);
  useEffect(() => {
    pages.refresh();
  }, [pages, version]);
  const entry = place === null ? null : pages.entry(place);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || total === null || total === 0) return;
    event.preventDefault();
    setPlace(Math.min(total - 1, Math.max(0, (place ?? -1) + by)));
  };
  return (
    <section className="journal-main" aria-label="Entries">
      <JournalHead journal={journal} onChanged={onChanged} />
      {failure !== null && (
        <div className="journal-failure">
          <FailurePanel failure={failure} />
        </div>
      )}
      {total === null && failure === null && <Skeleton label="Reading the journal" lines={8} />}
      {total !== null && (
        <div className="journal-entries" onKeyDown={onKeyDown}>
          <VirtualList
            label={counted(total, 'entry', 'entries')}
            className="journal-rows"
            count={total}
            rowHeight={ROW}
            shown={place}
            onRange={pages.see}
            row={(index) => (
              <EntryRow
                entry={pages.entry(index)}
                active={index === place}
                onChoose={() => {
                  setPlace(index);
                }}
              />
            )}
          />
        </div>
      )}
      {entry !== null && (
        <section className="journal-detail" aria-label="Detail of the chosen entry" aria-live="polite">
          <div className="journal-detail-head">
            <h2>{entry.sentence}</h2>
            <CopyButton text={`${entry.sentence}\n${entry.detail}`} label="Copy this entry" />
          </div>
          <p className="muted">
            <TimeText at={entry.at} as="second" /> · entry {entry.seq + 1} · <span className="mono">{entry.kind}</span>
          </p>
          {entry.detail !== '' && (
            <pre tabIndex={0} role="region" aria-label="Detail">
              {entry.detail}
            </pre>
          )}
        </section>
      )}
    </section>
  );
}

interface EntryRowProps {
  readonly entry: JournalEntry | null;
  readonly active: boolean;
  readonly onChoose: () => void;
}

function EntryRow({ entry, active, onChoose }: EntryRowProps): React.JSX.Element {
  return (
    <div className={active ? 'journal-row journal-row-active' : 'journal-row'} onClick={onChoose}>
      {entry !== null && (
        <>
          <TimeText at={entry.at} as="second" />
          <span className="journal-sentence">{entry.sentence}</span>
          {entry.detail !== '' && <span className="journal-more">detail</span>}
        </>
      )}
    </div>
  );
}

interface JournalHeadProps {
  readonly journal: JournalSummary;
  readonly onChanged: () => void;
}

function headingOf({ kind, target, rehearsal }: JournalSummary): string {
  if (kind === 'assets') return `Keys and certificates ${rehearsal ? 'rehearsed on' : 'to'} ${target}`;
  if (kind === 'waves') return `Waves, led by ${target}`;
  if (kind === 'commands') return `Commands through ${target}`;
  return rehearsal ? `Rehearsal on ${target}` : `Apply to ${target}`;
}

function JournalHead({ journal, onChanged }: JournalHeadProps): React.JSX.Element {
  const { path, kind, planId, rehearsal, committed, undone } = journal;
  const [taking, setTaking] = useState<string | null>(null);
  const cannot = useAppState((state) =>
    state.job !== null ? 'Something else is under way.' : state.fleet === null ? 'Connect to Fleet first.' : null,
  );
  const nothing =
    committed === 0 ? 'It wrote nothing.' : undone >= committed ? 'Everything in it was taken back.' : null;
  return (
    <div className="journal-head">
      <div className="journal-head-text">
        <h2>{headingOf(journal)}</h2>
        <p className="muted">
          {planId !== '' && (
            <>
              Plan <ShortId value={planId} label="plan id" /> ·{' '}
            </>
          )}
          <span className="mono">{path.split(/[\\/]/).at(-1)}</span>
        </p>
      </div>
      <IconButton
        icon={ExternalLink}
        label="Show the file in its folder"
        onClick={() => void perform('journal', 'file.reveal', { path })}
      />
      {!rehearsal && kind === 'assets' && (
        <>
          <Button
            icon={Undo2}
            danger
            cannot={nothing ?? cannot}
            onClick={() => {
              setTaking(path);
            }}
          >
            Take it back…
          </Button>
          <AssetsUndo
            journal={taking}
            onClose={() => {
              setTaking(null);
            }}
            onDone={(answer) => {
              toast(undoneInWords(answer));
              onChanged();
            }}
          />
        </>
      )}
      {!rehearsal && kind === 'devices' && (
        <>
          <Button
            icon={FlaskConical}
            variant="quiet"
            cannot={nothing ?? cannot}
            onClick={() => {
              openDialog(undoDialog(path, true));
            }}
          >
            Rehearse undo…
          </Button>
          <Button
            icon={Undo2}
            danger
            cannot={nothing ?? cannot}
            onClick={() => {
              openDialog(undoDialog(path, false));
            }}
          >
            Take it back…
          </Button>
        </>
      )}
    </div>
  );
}
