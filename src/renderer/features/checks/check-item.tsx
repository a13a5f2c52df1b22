/** One check: a pass in a line; anything else with why, what to do, what it is about, and who answered for it. */
import { Check, UserCheck } from 'lucide-react';
import { useState } from 'react';
import type { CheckRow } from '../../../contract/state';
import { Badge } from '../../components/badge';
import { Button } from '../../components/button';
import { Code } from '../../components/code';
import { Prose } from '../../components/prose';
import { SeverityIcon } from '../../components/severity-icon';
import { SubjectList } from '../../components/subject-list';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goTo } from '../../stores/route';
import { AcknowledgeDialog } from './acknowledge-dialog';
import { asksForFleet } from '../../format/window-words';

/** Questions no machine can answer: they are confirmed rather than accepted. */
const ASKED_OF_PEOPLE: ReadonlySet<string> = new Set(['backup', 'renewal-switch']);

export function CheckItem({ result }: { readonly result: CheckRow }): React.JSX.Element {
  const { id, title, status, code, sentence, remedy, subjects, commands, blocking } = result;
  const quiet = status === 'pass' || status === 'skipped';
  const settled = status === 'fail' && !blocking;
  return (
    <li className={quiet ? 'check check-quiet' : 'check'}>
      <SeverityIcon severity={settled ? 'warn' : status} />
      <div className="check-text">
        <p>
          <span className="check-title">{title}</span>{' '}
          <span className={quiet ? 'muted' : ''}>
            <Prose text={sentence} />
          </span>
        </p>
        {remedy !== '' && !quiet && (
          <p>
            <Prose text={remedy} />
          </p>
        )}
        {!quiet && <SubjectList subjects={subjects} />}
        {commands.length > 0 && !quiet && <Code text={commands.join('\n')} label={`the commands for ${title}`} />}
        <Answer id={id} by={result.acknowledgedBy} />
        {!quiet && <p className="check-code">{code}</p>}
      </div>
      <Answering result={result} />
    </li>
  );
}

function Answer({ id, by }: { readonly id: string; readonly by: string | null }): React.JSX.Element | null {
  const note = useAppState((state) => state.workspace?.settings.answers[id]?.note ?? '');
  if (by === null) return null;
  return (
    <p className="check-answer">
      <Badge tone="info" icon={UserCheck}>
        {by}
      </Badge>
      {note !== '' && <span>“{note}”</span>}
    </p>
  );
}

function Answering({ result }: { readonly result: CheckRow }): React.JSX.Element {
  const { id, title, status, overridable, acknowledgedBy } = result;
  const [asking, setAsking] = useState(false);
  const busy = useAppState((state) => (state.job === null ? null : 'Something is under way.'));
  const asked = ASKED_OF_PEOPLE.has(id);
  const answerable = asked ? status !== 'skipped' : status === 'warn' || (status === 'fail' && overridable);
  return (
    <div className="check-actions">
      {acknowledgedBy === null && status === 'fail' && asksForFleet(result.remedy) && (
        <Button
          variant="quiet"
          onClick={() => {
            goTo('fleet');
          }}
        >
          Go to Fleet
        </Button>
      )}
      {acknowledgedBy !== null && (
        <Button
          variant="quiet"
          cannot={busy}
          aria-label={`Withdraw the answer to ${title}`}
          onClick={() => void perform('checks', 'checks.withdraw', { id })}
        >
          Withdraw
        </Button>
      )}
      {answerable && acknowledgedBy === null && (
        <Button
          icon={Check}
          cannot={busy}
          aria-label={`${asked ? 'Confirm' : 'Acknowledge'} ${title}`}
          onClick={() => {
            setAsking(true);
          }}
        >
          {asked ? 'Confirm…' : 'Acknowledge…'}
        </Button>
      )}
      <AcknowledgeDialog
        result={result}
        asked={asked}
        opened={asking}
        onClose={() => {
          setAsking(false);
        }}
      />
    </div>
  );
}
