/** What a Fleet said on connecting: the server, its schema, what stands there, what the account may do. */
import { Lock, LockOpen } from 'lucide-react';
import type { FleetSummary } from '../../../contract/state';
import { Badge } from '../../components/badge';
import { KeyValueList } from '../../components/key-value-list';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { Stat, Stats } from '../../components/stat';
import { SubjectList } from '../../components/subject-list';
import { TimeText } from '../../components/time-text';
import { counted } from '../../format/number';
import { generationName } from '../../format/words';
import { GrantsPanel } from './grants-panel';

interface FleetFoundProps {
  readonly fleet: FleetSummary;
  /** Beside the server’s title. */
  readonly aside: React.ReactNode;
}

export function FleetFound({ fleet, aside }: FleetFoundProps): React.JSX.Element {
  const { enrollments, hosts, readOnly, triggers, unknownColumns } = fleet;
  return (
    <>
      {readOnly && (
        <ProblemNote
          severity="error"
          what="This server is read-only, so nothing can be written to it."
          why="It is a replica, or it was switched to read_only."
          remedy="Connect to the primary."
          code="read-only"
        />
      )}
      <div className="fleet-found">
        <Panel title="Server" aside={aside}>
          <KeyValueList items={factsOf(fleet)} />
        </Panel>
        <Panel title="What stands there">
          <Stats label="Rows in Fleet">
            <Stat label="Enrollments" value={enrollments.all} note="devices and users" />
            <Stat label="Of a migration" value={enrollments.migrated} tone="info" note="imported before" />
            <Stat label="Fleet’s own" value={enrollments.native} tone="quiet" note="never touched by Slipway" />
            <Stat label="Hosts" value={hosts} note="Macs, iPhones, iPads" />
          </Stats>
        </Panel>
      </div>
      {triggers.length > 0 && (
        <ProblemNote
          severity="warning"
          what={`${counted(triggers.length, 'trigger')} on the tables that are written to. Fleet brings none.`}
          why="A trigger may change rows while they are written; verifying would then show a difference."
          remedy="Ask who put them there, and look at what they do, before you go on."
          code="triggers"
        >
          <SubjectList subjects={triggers} />
        </ProblemNote>
      )}
      {unknownColumns.length > 0 && (
        <ProblemNote
          severity="info"
          what={`${counted(unknownColumns.length, 'column')} Slipway does not know. They keep their defaults.`}
          why="This Fleet is newer than Slipway, or its tables were changed by hand."
          code="unknown-columns"
        >
          <SubjectList subjects={unknownColumns} />
        </ProblemNote>
      )}
      <GrantsPanel grants={fleet.grants} database={fleet.database} />
    </>
  );
}

function factsOf(fleet: FleetSummary): { label: string; value: React.ReactNode }[] {
  const { host, port, database, user, version, serverUuid, tlsCipher, generation, migrationId, connectedAt } = fleet;
  return [
    {
      label: 'Database',
      value: (
        <>
          <b>{database}</b> at{' '}
          <span className="mono">
            {host}:{port}
          </span>
          , as <span className="mono">{user}</span>
        </>
      ),
    },
    {
      label: 'Server',
      value: (
        <>
          MySQL {version} <ShortId value={serverUuid} label="server UUID" />
        </>
      ),
    },
    {
      label: 'Connection',
      value:
        tlsCipher === null ? (
          <Badge tone="caution" icon={LockOpen}>
            Not encrypted
          </Badge>
        ) : (
          <Badge tone="good" icon={Lock}>
            Encrypted, {tlsCipher}
          </Badge>
        ),
    },
    {
      label: 'Schema',
      value: (
        <>
          {generationName(generation)}
          {migrationId !== null && (
            <span className="muted">
              , last migration <span className="mono">{migrationId}</span>
            </span>
          )}
        </>
      ),
    },
    { label: 'Looked at', value: <TimeText at={connectedAt} as="distance" /> },
  ];
}
