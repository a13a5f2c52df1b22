/** The hand-over: may the old server go, which devices are open, what must be kept alive and by whom. */
import { CircleAlert, CircleCheck, Database, FileInput, RefreshCw, UserCheck } from 'lucide-react';
import { useState } from 'react';
import type { ReportView } from '../../../contract/report';
import { call } from '../../bridge';
import { Button } from '../../components/button';
import { EmptyState } from '../../components/empty-state';
import { FailurePanel } from '../../components/failure-panel';
import { FieldRow, TextField } from '../../components/field';
import { JobPanel } from '../../components/job-panel';
import { Panel } from '../../components/panel';
import '../../components/plain-table.css';
import { ProblemNote } from '../../components/problem-note';
import { Prose } from '../../components/prose';
import { ShortId } from '../../components/short-id';
import { TimeText } from '../../components/time-text';
import { toast } from '../../components/toast';
import { counted, grouped } from '../../format/number';
import { useAnswer } from '../../hooks/use-answer';
import { perform } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import { goAction } from '../go-action';
import { NameDialog } from './name-dialog';
import { changeReport, saveReportDraft, useReportDraft } from './report-draft';
import './report.css';

export function ReportScreen(): React.JSX.Element {
  const read = useAppState((state) => state.source !== null);
  const version = useAppState((state) =>
    JSON.stringify([
      state.workspace?.settings.report,
      state.workspace?.settings.answers,
      state.source?.readAt,
      state.plan?.id,
      state.probes?.at,
      state.watch?.look?.version,
      state.reportedAt,
      state.job === null,
    ]),
  );
  const [turn, setTurn] = useState(0);
  const { reply } = useAnswer('report.view', undefined, `${version} ${turn}`);
  const { failure } = useReportDraft();
  const again = (): void => {
    setTurn((before) => before + 1);
  };
  if (!read)
    return (
      <EmptyState
        icon={UserCheck}
        title="Nothing to hand over yet"
        sentence="The report says of every device whether Fleet has really heard from it, who accepted what, and what must be kept alive for years."
        actions={[goAction('source', 'Read the source first')]}
      />
    );
  return (
    <>
      {failure !== null && <FailurePanel failure={failure} why="What is typed below is not saved." />}
      <JobPanel kinds={['backup']} sentence="The old database is copied and read again; nothing is written to it." />
      {reply?.ok === false && (
        <ProblemNote
          severity="error"
          what={reply.failure.message}
          remedy={reply.failure.remedy}
          code={reply.failure.code}
        />
      )}
      {reply?.ok === true && <Report view={reply.value} onChanged={again} />}
    </>
  );
}

interface ReportProps {
  readonly view: ReportView;
  readonly onChanged: () => void;
}

function Report({ view, onChanged }: ReportProps): React.JSX.Element {
  const { counts, conditions, lookedAt } = view;
  const open = conditions.filter(({ holds }) => !holds).length;
  return (
    <>
      <p className="report-verdict" role="status">
        {open === 0
          ? 'The old server may be switched off.'
          : `The old server must stay: ${counted(open, 'condition')} ${open === 1 ? 'is' : 'are'} open.`}{' '}
        <span className="muted">
          {grouped(counts.migrated)} of {counted(counts.devices, 'device')} proven at Fleet, {grouped(counts.accounted)}{' '}
          accounted for.{' '}
          {lookedAt === null ? (
            'Fleet was not asked yet.'
          ) : (
            <>
              Fleet was asked <TimeText at={lookedAt} as="distance" />.
            </>
          )}
        </span>
      </p>
      {lookedAt === null && (
        <ProblemNote
          severity="info"
          what="Nothing is proven before Fleet is asked about the devices."
          remedy="Watching asks Fleet’s database or its API; read the source once more as well, to see who still calls the old server."
          actions={[goAction('devices', 'Watch the devices')]}
        />
      )}
      <Conditions view={view} onChanged={onChanged} />
      <Behind view={view} onChanged={onChanged} />
      <Obligations view={view} />
    </>
  );
}

// ---------------------------------------------------------------------------------------------------- conditions

function Conditions({ view, onChanged }: ReportProps): React.JSX.Element {
  const [naming, setNaming] = useState<NamedCondition | null>(null);
  const { draft } = useReportDraft();
  return (
    <Panel
      title="May the old server be switched off"
      sentence="Every condition by itself; what is not known does not hold."
      flush
    >
      <ul className="report-conditions" aria-label="Conditions">
        {view.conditions.map(({ id, holds, sentence, remedy }) => (
          <li key={id} className="report-condition">
            {holds ? (
              <CircleCheck size={16} className="tone-icon tone-good" role="img" aria-label="holds" />
            ) : (
              <CircleAlert size={16} className="tone-icon tone-caution" role="img" aria-label="open" />
            )}
            <div>
              <p>
                <Prose text={sentence} />
              </p>
              {remedy !== '' && (
                <p className="muted">
                  <Prose text={remedy} />
                </p>
              )}
            </div>
            <ConditionAction
              id={id}
              holds={holds}
              confirmed={id in NAMED && draft[NAMED[id as NamedCondition].setting] !== null}
              onName={setNaming}
              onChanged={onChanged}
            />
          </li>
        ))}
      </ul>
      {naming !== null && (
        <NameDialog
          title={NAMED[naming].title}
          sentence={NAMED[naming].sentence}
          hint="When, and where it can be seen."
          act="Confirm it"
          noted={false}
          onClose={() => {
            setNaming(null);
          }}
          onConfirm={async (by, note) => {
            changeReport({ [NAMED[naming].setting]: { by, note } });
            return saveReportDraft();
          }}
        />
      )}
    </Panel>
  );
}

/** Conditions no program can see: somebody confirms them by name. */
const NAMED = {
  redirects: {
    setting: 'redirects',
    title: 'Confirm: the redirects stay',
    sentence: 'The load balancer runs with the configuration for the time without the old server.',
  },
  renewal: {
    setting: 'renewal',
    title: 'Confirm: Fleet renews certificates',
    sentence: 'FLEET_SILENT_MIGRATION_ENROLLMENT_PROFILE is set, and FLEET_MDM_APPLE_SCEP_RENEWAL_DISABLE is not.',
  },
  'own-backup': {
    setting: 'ownBackup',
    title: 'Confirm: the old server is backed up',
    sentence: 'A backup made by its own means lies where secrets are kept, and somebody has looked into it.',
  },
} as const;
type NamedCondition = keyof typeof NAMED;

interface ConditionActionProps {
  readonly id: string;
  readonly holds: boolean;
  readonly confirmed: boolean;
  readonly onName: (what: NamedCondition) => void;
  readonly onChanged: () => void;
}

function ConditionAction({ id, holds, confirmed, onName, onChanged }: ConditionActionProps): React.JSX.Element | null {
  if (id === 'backup')
    return (
      <Button icon={Database} onClick={() => void perform('report', 'report.backUp', undefined).then(onChanged)}>
        {holds ? 'Make another…' : 'Make a backup…'}
      </Button>
    );
  if (id in NAMED)
    return confirmed ? (
      <Button
        variant="quiet"
        onClick={() => {
          changeReport({ [NAMED[id as NamedCondition].setting]: null });
        }}
      >
        Take back
      </Button>
    ) : (
      <Button
        onClick={() => {
          onName(id as NamedCondition);
        }}
      >
        Confirm…
      </Button>
    );
  if (holds) return null;
  if (id === 'probes') {
    const { label, run } = goAction('cutover', 'Probe it');
    return <Button onClick={run}>{label}</Button>;
  }
  if (id === 'callers' || id === 'commands') {
    const { label, run } = goAction('source', 'Read the source');
    return (
      <Button icon={RefreshCw} onClick={run}>
        {label}
      </Button>
    );
  }
  return null;
}

// -------------------------------------------------------------------------------------------------------- behind

const STATES: Readonly<Record<string, string>> = {
  'not-imported': 'not imported',
  waiting: 'waiting',
  stale: 'silent for long',
  lost: 'lost',
  unknown: 'unknown',
};

function Behind({ view, onChanged }: ReportProps): React.JSX.Element {
  const { behind, others } = view;
  const [naming, setNaming] = useState<readonly string[] | null>(null);
  const open = behind.filter(({ accounted }) => accounted === null);
  return (
    <Panel
      title="Devices that are not proven at Fleet"
      sentence="Each is looked at, and either comes or gets the name of somebody who says that it stays behind."
      flush
      aside={
        <>
          <Button
            icon={FileInput}
            variant="quiet"
            onClick={() =>
              void perform('report', 'report.takeAccounts', undefined).then((taken) => {
                if (taken !== null) toast(`${counted(taken.devices, 'device')} accounted for`);
                onChanged();
              })
            }
          >
            Take a list in…
          </Button>
          {open.length > 1 && others === 0 && (
            <Button
              icon={UserCheck}
              onClick={() => {
                setNaming(open.map(({ udid }) => udid));
              }}
            >
              Account for all {grouped(open.length)}…
            </Button>
          )}
        </>
      }
    >
      {behind.length === 0 ? (
        <p className="report-none">None: Fleet has heard from every one.</p>
      ) : (
        <div className="report-behind" role="region" aria-label="Devices that are not proven at Fleet" tabIndex={0}>
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">Device</th>
                <th scope="col">State</th>
                <th scope="col">Reasons</th>
                <th scope="col">Accounted for</th>
              </tr>
            </thead>
            <tbody>
              {behind.map(({ udid, name, serial, state, reasons, accounted }) => (
                <tr key={udid}>
                  <th scope="row">
                    {name ?? serial ?? 'a device'} <ShortId value={udid} label="UDID" />
                  </th>
                  <td>{STATES[state] ?? state}</td>
                  <td>
                    {reasons.map((code) => (
                      <code key={code}>{code} </code>
                    ))}
                  </td>
                  <td>
                    {accounted === null ? (
                      <Button
                        variant="quiet"
                        aria-label={`Account for ${name ?? udid}`}
                        onClick={() => {
                          setNaming([udid]);
                        }}
                      >
                        Account for it…
                      </Button>
                    ) : (
                      <>
                        {accounted.by}: {accounted.note}{' '}
                        <Button
                          variant="quiet"
                          aria-label={`Take back: ${name ?? udid}`}
                          onClick={() => void perform('report', 'report.withdraw', { device: udid }).then(onChanged)}
                        >
                          Take back
                        </Button>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {others > 0 && (
            <p className="report-none">
              and {grouped(others)} more; the report lists them all. Take a list in to account for so many.
            </p>
          )}
        </div>
      )}
      {naming !== null && (
        <NameDialog
          title={naming.length === 1 ? 'This device stays behind' : `${grouped(naming.length)} devices stay behind`}
          sentence="They are not at Fleet, and somebody knows why."
          hint="What became of it: wiped, retired, enrolled anew."
          act="Account for it"
          noted
          onClose={() => {
            setNaming(null);
            onChanged();
          }}
          onConfirm={async (by, note) => {
            const reply = await call('report.account', { devices: [...naming], by, note });
            return reply.ok ? null : reply.failure;
          }}
        />
      )}
    </Panel>
  );
}

// --------------------------------------------------------------------------------------------------- obligations

function Obligations({ view }: { readonly view: ReportView }): React.JSX.Element {
  const { draft } = useReportDraft();
  const workspace = useAppState((state) => state.workspace?.name ?? '');
  return (
    <Panel
      title="What must be kept alive"
      sentence="For as long as one migrated device is enrolled. Each needs an owner."
    >
      <div className="stack">
        <FieldRow>
          <TextField
            label="Title of the report"
            placeholder={workspace}
            value={draft.title}
            onChange={(title) => {
              changeReport({ title });
            }}
          />
          <TextField
            label="Prepared by"
            value={draft.preparedBy}
            onChange={(preparedBy) => {
              changeReport({ preparedBy });
            }}
          />
        </FieldRow>
        <table className="plain-table report-obligations">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Until</th>
              <th scope="col">Owner</th>
            </tr>
          </thead>
          <tbody>
            {view.obligations.map(({ id, title, sentence, due }) => (
              <tr key={id}>
                <th scope="row">
                  {title}
                  <p className="muted">{sentence}</p>
                </th>
                <td>
                  {due === null ? (
                    'as long as a device is enrolled'
                  ) : (
                    <>
                      next: <TimeText at={due} as="day" />
                    </>
                  )}
                </td>
                <td>
                  <TextField
                    label={<span className="unseen">Owner of {title}</span>}
                    value={draft.owners[id] ?? ''}
                    onChange={(owner) => {
                      const { [id]: _before, ...rest } = draft.owners;
                      changeReport({ owners: owner === '' ? rest : { ...rest, [id]: owner } });
                    }}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
