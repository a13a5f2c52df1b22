/** What will bite after the migration: each finding with its remedy, and the devices it concerns. */
import { ArrowLeft, Stethoscope } from 'lucide-react';
import { useState } from 'react';
import type { HealthReport } from '../../../contract/watch';
import { Button } from '../../components/button';
import { Code } from '../../components/code';
import { EmptyState } from '../../components/empty-state';
import { FailurePanel } from '../../components/failure-panel';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { SeverityIcon } from '../../components/severity-icon';
import { TimeText } from '../../components/time-text';
import { counted, grouped } from '../../format/number';
import { useCall } from '../../hooks/use-call';
import { useAppState } from '../../stores/app-state';
import './health-view.css';

interface HealthViewProps {
  readonly onBack: () => void;
  /** Shows one device in the list. */
  readonly onDevice: (udid: string) => void;
}

/** The last report of this window: another look at the list does not lose it. */
let remembered: { readonly workspace: string; readonly report: HealthReport } | null = null;

export function HealthView({ onBack, onDevice }: HealthViewProps): React.JSX.Element {
  const examine = useCall('watch.health');
  const workspace = useAppState((state) => state.workspace?.path ?? '');
  const cannot = useAppState(({ source, workspace: open }) =>
    source?.sample === true
      ? 'The sample has no Fleet to be examined.'
      : (open?.settings.fleet.host ?? '') === ''
        ? 'Only Fleet’s database can be examined; name it at Fleet.'
        : null,
  );
  const run = async (): Promise<void> => {
    const reply = await examine.run(undefined);
    if (reply.ok) remembered = { workspace, report: reply.value };
  };
  const report = examine.value ?? (remembered?.workspace === workspace ? remembered.report : null);
  const button = (
    <Button
      icon={Stethoscope}
      cannot={cannot ?? (examine.pending ? 'Fleet is being examined.' : null)}
      onClick={() => void run()}
    >
      {examine.pending ? 'Examining…' : report === null ? 'Examine' : 'Examine again'}
    </Button>
  );
  return (
    <div className="health" role="region" aria-label="Health">
      <Button variant="quiet" icon={ArrowLeft} className="health-back" onClick={onBack}>
        Back to the devices
      </Button>
      {examine.failure !== null && <FailurePanel failure={examine.failure} />}
      {report === null ? (
        <EmptyState
          icon={Stethoscope}
          title="Not examined yet"
          sentence="Fleet’s tables are looked through for what goes wrong later: certificates nobody renews, renewals that hang, hosts and enrollments that do not fit. Nothing is changed."
          actions={[]}
        />
      ) : null}
      <div className={report === null ? 'health-middle' : 'health-head'}>
        {report !== null && (
          <p className="muted">
            {report.findings.length === 0 ? 'Nothing was found.' : `${counted(report.findings.length, 'finding')}.`}{' '}
            Examined <TimeText at={report.at} />.
          </p>
        )}
        {button}
      </div>
      {report !== null && <Findings report={report} onDevice={onDevice} />}
    </div>
  );
}

interface FindingsProps extends Pick<HealthViewProps, 'onDevice'> {
  readonly report: HealthReport;
}

function Findings({ report, onDevice }: FindingsProps): React.JSX.Element {
  return (
    <>
      <ul className="health-list">
        {report.findings.map((finding) => (
          <li key={finding.code}>
            <ProblemNote
              severity={finding.severity}
              what={`${finding.title}: ${counted(finding.count, 'device')}`}
              why={finding.sentence}
              remedy={finding.remedy}
              code={finding.code}
              plain
            >
              {finding.commands.length > 0 && (
                <Code text={finding.commands.join('\n')} label={`the remedy of ${finding.title}`} />
              )}
              <Subjects finding={finding} onDevice={onDevice} />
            </ProblemNote>
          </li>
        ))}
      </ul>
      {report.well.length > 0 && (
        <div className="health-part">
          <h2>Found well</h2>
          <ul className="health-plain">
            {report.well.map((title) => (
              <li key={title}>
                <SeverityIcon severity="pass" size={14} /> {title}
              </li>
            ))}
          </ul>
        </div>
      )}
      {report.notExamined.length > 0 && (
        <div className="health-part">
          <h2>Not examined</h2>
          <ul className="health-plain">
            {report.notExamined.map(({ code, title, sentence }) => (
              <li key={code}>
                <SeverityIcon severity="skipped" size={14} /> {title}: {sentence}
              </li>
            ))}
          </ul>
          {report.grants.length > 0 && (
            <Code text={report.grants.join('\n')} label="the grants for what was not examined" />
          )}
        </div>
      )}
    </>
  );
}

const FEW = 5;

function Subjects({
  finding,
  onDevice,
}: {
  readonly finding: HealthReport['findings'][number];
  readonly onDevice: (udid: string) => void;
}): React.JSX.Element {
  const [all, setAll] = useState(false);
  const { devices, count } = finding;
  const shown = all ? devices : devices.slice(0, FEW);
  return (
    <>
      <ul className="health-subjects">
        {shown.map(({ udid, host, detail }) => (
          <li key={udid}>
            <button
              type="button"
              className="health-device"
              onClick={() => {
                onDevice(udid);
              }}
            >
              {host ?? 'Without a host name'}
            </button>
            <ShortId value={udid} label="UDID" ends={8} />
            <span className="muted">{detail}</span>
          </li>
        ))}
      </ul>
      {devices.length > FEW && (
        <Button
          variant="quiet"
          className="health-more"
          onClick={() => {
            setAll(!all);
          }}
        >
          {all
            ? 'Show fewer'
            : `Show ${grouped(devices.length)}${count > devices.length ? ` of ${grouped(count)}` : ''}`}
        </Button>
      )}
    </>
  );
}
