/** The checklist before a single row is written: by phase, passes quiet, everything else with its reason and remedy. */
import { ListChecks } from 'lucide-react';
import { useId, useState } from 'react';
import type { CheckRow } from '../../../contract/state';
import { EmptyState } from '../../components/empty-state';
import { JobPanel } from '../../components/job-panel';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Skeleton } from '../../components/skeleton';
import { Stat, Stats } from '../../components/stat';
import { TabBar } from '../../components/tab-bar';
import { TimeText } from '../../components/time-text';
import type { Tone } from '../../components/tone';
import { counted } from '../../format/number';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goTo, useRoute } from '../../stores/route';
import { goAction } from '../go-action';
import { Runbook } from '../runbook/runbook';
import { CheckItem } from './check-item';
import { Unasked } from './unasked';
import './checks-screen.css';

const TABS = [
  { value: 'checks', label: 'Checks' },
  { value: 'runbook', label: 'Runbook' },
] as const;

export function ChecksScreen(): React.JSX.Element {
  const query = useRoute((route) => (route.step === 'checks' ? route.query : ''));
  const view = new URLSearchParams(query).get('view') === 'runbook' ? 'runbook' : 'checks';
  const panel = useId();
  return (
    <>
      <TabBar
        label="Views of what has to be right"
        tabs={TABS}
        selected={view}
        panel={panel}
        onSelect={(next) => {
          goTo('checks', next === 'checks' ? '' : `view=${next}`);
        }}
      />
      <div id={panel} className="checks-view" role="tabpanel" aria-label={view === 'checks' ? 'Checks' : 'Runbook'}>
        {view === 'checks' ? <Checks /> : <Runbook />}
      </div>
    </>
  );
}

function Checks(): React.JSX.Element {
  const checks = useAppState((state) => state.checks);
  const read = useAppState((state) => state.source !== null);
  const running = useAppState((state) => state.job?.kind === 'check');
  return (
    <>
      <JobPanel kinds={['check']} sentence="Checks only ask; nothing is written anywhere." />
      {checks !== null && <Checklist results={checks.results} at={checks.at} stale={checks.stale && !running} />}
      {checks === null && running && <Skeleton label="The checks are running" lines={8} />}
      {checks === null && !running && (
        <EmptyState
          icon={ListChecks}
          title="Not checked yet"
          sentence="The checks ask source, certificates, Fleet and network everything that has gone wrong on such an evening before. Nothing is written."
          actions={[
            read
              ? { id: 'run', label: 'Run the checks', run: () => void perform('checks', 'checks.run', undefined) }
              : goAction('source', 'Read the source first'),
          ]}
        />
      )}
    </>
  );
}

const PHASES = [
  ['source', 'Source', 'What the old server holds.'],
  ['certificates', 'Certificates', 'Whether Fleet can speak for the old server’s devices.'],
  ['target', 'Target', 'Fleet’s database and its settings.'],
  ['network', 'Network', 'Whether devices will find their way.'],
  ['after', 'Afterwards', 'What has to hold for the time after the switch.'],
] as const;

type Kind = 'blocking' | 'open' | 'settled' | 'passed' | 'unasked';

const KINDS: readonly { readonly kind: Kind; readonly label: string; readonly tone: Tone; readonly note: string }[] = [
  { kind: 'blocking', label: 'Hold apply up', tone: 'bad', note: 'to be settled first' },
  { kind: 'open', label: 'Warnings', tone: 'caution', note: 'nobody has answered' },
  { kind: 'settled', label: 'Acknowledged', tone: 'info', note: 'by name' },
  { kind: 'passed', label: 'Passed', tone: 'good', note: 'nothing to do' },
  { kind: 'unasked', label: 'Not asked', tone: 'quiet', note: 'something is missing for it' },
];

function kindOf({ status, blocking, acknowledgedBy }: CheckRow): Kind {
  if (blocking) return 'blocking';
  if (status === 'pass') return 'passed';
  if (status === 'skipped') return 'unasked';
  return acknowledgedBy !== null || status === 'fail' ? 'settled' : 'open';
}

interface ChecklistProps {
  readonly results: readonly CheckRow[];
  readonly at: number;
  readonly stale: boolean;
}

function Checklist({ results, at, stale }: ChecklistProps): React.JSX.Element {
  const [chosen, setChosen] = useState<Kind | null>(null);
  const of = (kind: Kind): number => results.filter((result) => kindOf(result) === kind).length;
  const shown = chosen === null ? results : results.filter((result) => kindOf(result) === chosen);
  const blocking = of('blocking');
  const unasked = of('unasked');
  return (
    <>
      {stale && (
        <ProblemNote
          severity="warning"
          what="Source or target changed since these checks were run."
          remedy="Run them again; apply runs them once more in any case."
          code="checks-stale"
          actions={[{ id: 'run', label: 'Run again', run: () => void perform('checks', 'checks.run', undefined) }]}
        />
      )}
      <div className="checks-head">
        <p role="status" className="checks-verdict">
          {blocking === 0
            ? unasked === 0
              ? 'Nothing holds apply up.'
              : `Nothing that was asked holds apply up; ${counted(unasked, 'check')} ${unasked === 1 ? 'was' : 'were'} not asked.`
            : `${counted(blocking, 'check')} ${blocking === 1 ? 'holds' : 'hold'} apply up.`}{' '}
          <span className="muted">
            {of('open') > 0 &&
              `${counted(of('open'), 'warning')} ${of('open') === 1 ? 'waits' : 'wait'} for an answer. `}
            Asked <TimeText at={at} as="distance" />.
          </span>
        </p>
        <Stats label="Checks by outcome; each shows only those">
          {KINDS.map(({ kind, label, tone, note }) => (
            <Stat
              key={kind}
              label={label}
              value={of(kind)}
              note={note}
              tone={tone}
              selected={chosen === kind}
              onSelect={() => {
                setChosen(chosen === kind ? null : kind);
              }}
            />
          ))}
        </Stats>
      </div>
      {PHASES.map(([phase, title, sentence]) => {
        const list = shown.filter((result) => result.phase === phase);
        return list.length === 0 ? null : (
          <Panel key={phase} title={title} sentence={sentence} flush>
            <ul className="checks-list">
              {list
                .filter(({ status }) => status !== 'skipped')
                .map((result) => (
                  <CheckItem key={result.id} result={result} />
                ))}
              <Unasked results={list.filter(({ status }) => status === 'skipped')} open={chosen === 'unasked'} />
            </ul>
          </Panel>
        );
      })}
      {shown.length === 0 && <p className="muted">No check is like that.</p>}
    </>
  );
}
