/** The journals of this workspace, newest first. */
import { FlaskConical, KeyRound, PenLine, Send, Waves } from 'lucide-react';
import { useRef } from 'react';
import { TimeText } from '../../components/time-text';
import { counted } from '../../format/number';
import { shortened } from '../../format/id';
import type { JournalSummary } from './journal-screen';

interface JournalListProps {
  readonly journals: readonly JournalSummary[];
  readonly chosen: string | null;
  readonly onChoose: (path: string) => void;
}

export function JournalList({ journals, chosen, onChoose }: JournalListProps): React.JSX.Element {
  const list = useRef<HTMLUListElement>(null);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const at = journals.findIndex(({ path }) => path === chosen);
    const place = Math.min(journals.length - 1, Math.max(0, at + by));
    const next = journals[place];
    if (next === undefined) return;
    onChoose(next.path);
    list.current?.querySelectorAll('button')[place]?.focus();
  };
  return (
    <nav className="journal-list" aria-label="Journals" onKeyDown={onKeyDown}>
      <ul ref={list}>
        {journals.map((journal) => (
          <li key={journal.path}>
            <button
              type="button"
              className="journal-item"
              aria-current={journal.path === chosen}
              tabIndex={journal.path === chosen ? 0 : -1}
              onClick={() => {
                onChoose(journal.path);
              }}
            >
              <JournalIcon journal={journal} />
              <span className="journal-item-title">{titleOf(journal)}</span>
              <TimeText at={journal.openedAt} />
              <span className="journal-item-note">{wordsOf(journal)}</span>
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const ICONS = { devices: PenLine, assets: KeyRound, waves: Waves, commands: Send } as const;

function JournalIcon({ journal: { kind, rehearsal } }: { readonly journal: JournalSummary }): React.JSX.Element {
  if (rehearsal) return <FlaskConical size={16} aria-hidden />;
  const Icon = ICONS[kind];
  return <Icon size={16} aria-hidden />;
}

function titleOf({ kind, rehearsal }: JournalSummary): string {
  if (kind === 'assets') return rehearsal ? 'Certificates rehearsed' : 'Certificates';
  if (kind === 'waves') return 'Waves';
  if (kind === 'commands') return 'Commands';
  return rehearsal ? 'Rehearsal' : 'Apply';
}

const UNITS = {
  devices: ['device', 'written', 'taken back'],
  assets: ['row', 'written', 'taken back'],
  waves: ['device', 'at Fleet', 'led back'],
  commands: ['command', 'sent', 'taken back'],
} as const;

function wordsOf({ kind, operator, planId, rehearsal, committed, undone, tornBytes }: JournalSummary): string {
  const [unit, done, back] = UNITS[kind];
  return [
    rehearsal ? '' : `${counted(committed, unit)} ${done}`,
    undone > 0 ? `${counted(undone, unit)} ${back}` : '',
    tornBytes > 0 ? 'its last line was torn' : '',
    `by ${operator}`,
    planId === '' ? '' : `plan ${shortened(planId, 4)}`,
  ]
    .filter((part) => part !== '')
    .join(' · ');
}
