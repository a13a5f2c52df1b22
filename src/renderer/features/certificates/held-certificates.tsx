/** The two certificates a migration stands on, as the source holds them, and when everything ends. */
import { KeyRound } from 'lucide-react';
import type { SourceSummary } from '../../../contract/state';
import { Badge } from '../../components/badge';
import { KeyValueList } from '../../components/key-value-list';
import { MonthChart } from '../../components/month-chart';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { TimeText } from '../../components/time-text';
import { distance } from '../../format/time';
import { useNow } from '../../hooks/use-now';
import './held-certificates.css';

const DAY = 86_400_000;
/** Sooner than this wants a look before the switch. */
const SOON = 60 * DAY;

type Certificate = NonNullable<SourceSummary['scepCa']>;

export function HeldCertificates({ source }: { readonly source: SourceSummary }): React.JSX.Element {
  const clock = useNow();
  const now = source.sample ? source.instant : clock;
  const { scepCa, push, expiries } = source;
  return (
    <>
      {expiries.length > 0 && (
        <Panel
          title="Expiries"
          sentence="Identity certificates of the devices that can move, by the month they end in."
        >
          <MonthChart label="Device certificates ending, by month" months={expiries} now={now} unit="certificate" />
        </Panel>
      )}
      <div className="certificates-pair">
        <Panel
          title="SCEP CA"
          sentence="It issued the devices’ identity certificates. Fleet has to serve this very CA, or no device can renew."
        >
          {scepCa === null ? (
            <ProblemNote
              severity="error"
              what="The source holds no SCEP CA."
              why="Fleet could not renew the devices’ certificates, and could not tell that they are its own."
              remedy="Look for the CA’s key and certificate in a backup of the server."
              code="scep-ca-missing"
            />
          ) : (
            <Facts of={scepCa} now={now} soon="Re-issue it with the same key and subject before the move." />
          )}
        </Panel>
        <Panel
          title="Push certificate"
          sentence="Its topic is what the devices listen to. Fleet needs a certificate with the same topic."
        >
          {push === null ? (
            <ProblemNote
              severity="error"
              what="The source holds no push certificate."
              why="Without the same topic no device can be reached."
              remedy="Export it from the old server, or renew it with the Apple account that made it."
              code="push-missing"
            />
          ) : (
            <Facts
              of={push}
              now={now}
              topic={push.topic}
              soon="Renew it with the same Apple account, so that the topic stays."
            />
          )}
        </Panel>
      </div>
    </>
  );
}

interface FactsProps {
  readonly of: Certificate;
  readonly now: number;
  readonly topic?: string | null;
  /** What to do when it ends soon. */
  readonly soon: string;
}

function Facts({ of, now, topic, soon }: FactsProps): React.JSX.Element {
  const { subject, sha256, notBefore, notAfter, keyMatches } = of;
  const ended = notAfter <= now;
  return (
    <div className="certificates-facts">
      {(ended || notAfter - now < SOON) && (
        <ProblemNote
          plain
          severity={ended ? 'error' : 'warning'}
          what={ended ? `It ended ${distance(notAfter, now)}.` : `It ends ${distance(notAfter, now)}.`}
          remedy={soon}
        />
      )}
      {!keyMatches && (
        <ProblemNote
          plain
          severity="error"
          what="The key beside it is not its key."
          why="Fleet could show the certificate, but not use it."
          remedy="Look for the right key in a backup of the server."
        />
      )}
      <Life from={notBefore} to={notAfter} now={now} />
      <KeyValueList
        items={[
          { label: 'Subject', value: <span className="mono">{subject}</span> },
          ...(topic === undefined
            ? []
            : [{ label: 'Topic', value: topic === null ? 'none' : <ShortId value={topic} label="topic" ends={0} /> }]),
          {
            label: 'Valid',
            value: (
              <>
                <TimeText at={notBefore} as="day" /> to <TimeText at={notAfter} as="day" />
              </>
            ),
          },
          {
            label: 'Key',
            value: keyMatches ? (
              <Badge tone="good" icon={KeyRound}>
                There, and it matches
              </Badge>
            ) : (
              <Badge tone="bad" icon={KeyRound}>
                Does not match
              </Badge>
            ),
          },
          { label: 'SHA-256', value: <ShortId value={sha256} label="SHA-256" ends={12} /> },
        ]}
      />
    </div>
  );
}

/** The life of a certificate as a line, with today on it. */
function Life({
  from,
  to,
  now,
}: {
  readonly from: number;
  readonly to: number;
  readonly now: number;
}): React.JSX.Element {
  const gone = Math.min(1, Math.max(0, (now - from) / Math.max(1, to - from)));
  return (
    <div className="certificates-life" aria-hidden>
      <div className="certificates-line">
        <div className="certificates-gone" style={{ width: `${gone * 100}%` }} />
        <div className="certificates-now" style={{ left: `${gone * 100}%` }} />
      </div>
      <div className="certificates-ends">
        <TimeText at={from} as="day" />
        <span>{to > now ? `ends ${distance(to, now)}` : `ended ${distance(to, now)}`}</span>
        <TimeText at={to} as="day" />
      </div>
    </div>
  );
}
