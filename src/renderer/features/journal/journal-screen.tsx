/** What was done, by whom and when: journals at the left, their entries as sentences at the right. */
import { BookText } from 'lucide-react';
import { useState } from 'react';
import type { CallOutput } from '../../../contract/calls';
import { EmptyState } from '../../components/empty-state';
import { FailurePanel } from '../../components/failure-panel';
import { Skeleton } from '../../components/skeleton';
import { useAnswer } from '../../hooks/use-answer';
import { useAppState } from '../../stores/app-state';
import { replaceQuery, useRoute } from '../../stores/route';
import { goAction } from '../go-action';
import { UndoDialog } from '../apply/undo-dialog';
import { JournalEntries } from './journal-entries';
import { JournalList } from './journal-list';
import { PrivateCopies } from './private-copies';
import './journal-screen.css';

export type JournalSummary = CallOutput<'journal.list'>[number];

export function JournalScreen(): React.JSX.Element {
  const [changes, setChanges] = useState(0);
  const known = useAppState(({ rehearsal, applied, verified, undone, steps, job }) =>
    [
      rehearsal?.finishedAt,
      applied?.finishedAt,
      verified?.at,
      undone?.finishedAt,
      steps.journal.count,
      job?.kind ?? '',
    ].join(' '),
  );
  const version = `${known} ${changes}`;
  const { reply } = useAnswer('journal.list', undefined, version);
  const query = useRoute((route) => (route.step === 'journal' ? route.query : ''));
  if (reply === null) return <Skeleton label="Looking for the journals" lines={8} />;
  if (!reply.ok) {
    return (
      <div className="journal-alone">
        <FailurePanel failure={reply.failure} />
      </div>
    );
  }
  const journals = reply.value;
  const asked = new URLSearchParams(query).get('journal');
  const chosen = journals.find(({ path }) => path === asked) ?? journals[0];
  return (
    <div className="journal">
      <div className="journal-side">
        {journals.length === 0 ? (
          <p className="journal-none muted">No journal yet.</p>
        ) : (
          <JournalList
            journals={journals}
            chosen={chosen?.path ?? null}
            onChoose={(path) => {
              replaceQuery('journal', new URLSearchParams({ journal: path }).toString());
            }}
          />
        )}
        <PrivateCopies version={version} />
      </div>
      {chosen === undefined ? (
        <div className="journal-main">
          <EmptyState
            icon={BookText}
            title="Nothing was written yet"
            sentence="Every rehearsal, apply and undo writes its journal before and after each transaction. Undo starts from one."
            actions={[goAction('apply', 'Go to Apply')]}
          />
        </div>
      ) : (
        <JournalEntries
          key={chosen.path}
          journal={chosen}
          version={version}
          onChanged={() => {
            setChanges((before) => before + 1);
          }}
        />
      )}
      <UndoDialog />
    </div>
  );
}
