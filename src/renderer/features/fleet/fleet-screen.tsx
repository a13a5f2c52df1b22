/** The target: how it is reached, what stands there, what the account may do. */
import { Pencil, PlugZap, RefreshCw } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../components/button';
import { FailurePanel } from '../../components/failure-panel';
import { JobPanel } from '../../components/job-panel';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { useReveal } from '../../hooks/use-reveal';
import { useAppState } from '../../stores/app-state';
import { isPretend } from '../apply/apply-standing';
import { BadgeChoice } from './badge-choice';
import { ConnectionForm } from './connection-form';
import { connectFleet, useFleetDraft } from './fleet-draft';
import { FleetFound } from './fleet-found';
import { FleetWebForm } from './fleet-web-form';
import './fleet-screen.css';

export function FleetScreen(): React.JSX.Element {
  const fleet = useAppState((state) => state.fleet);
  const [editing, setEditing] = useState(false);
  const shown = fleet === null || editing;
  const failure = useAppState((state) => state.failures.fleet ?? null);
  const top = useReveal<HTMLDivElement>(failure?.message ?? fleet?.connectedAt ?? null);
  return (
    <>
      <div ref={top} className="fleet-top" />
      <FleetFailures />
      <PretendFleet />
      <JobPanel kinds={['connect']} sentence="Connecting reads; nothing is written." />
      {fleet !== null && (
        <FleetFound
          fleet={fleet}
          aside={
            <Button
              icon={Pencil}
              variant="quiet"
              aria-expanded={editing}
              onClick={() => {
                setEditing(!editing);
              }}
            >
              {editing ? 'Put the connection away' : 'Change the connection'}
            </Button>
          }
        />
      )}
      {shown && (
        <div className="fleet-forms">
          <Panel
            title="Database connection"
            sentence="Devices are moved by writing their rows into Fleet’s MySQL. Connecting only reads."
          >
            <ConnectionForm />
          </Panel>
          <div className="fleet-side">
            <Panel
              title="What this Fleet is"
              sentence="Shown at the top left all the time, and asked for again before anything is written."
            >
              <BadgeChoice />
            </Panel>
            <Panel
              title="Fleet’s own address"
              sentence="Optional. With it the checks can ask Fleet itself which SCEP CA and which push topic it serves."
            >
              <FleetWebForm />
            </Panel>
          </div>
        </div>
      )}
    </>
  );
}

/** The sample needs no server: it brings a Fleet that only answers. */
function PretendFleet(): React.JSX.Element | null {
  const pretend = useAppState(isPretend);
  const connected = useAppState((state) => state.fleet !== null);
  const busy = useAppState((state) => (state.job === null ? null : 'Something is under way.'));
  if (!pretend) return null;
  return (
    <ProblemNote
      severity="info"
      what="The sample brings a pretend Fleet, so that a plan can be made with no server at all."
      why={
        connected
          ? 'Nothing can be written to it. To try apply and undo, start a server with npm run demo and name it below.'
          : 'Connect to it without typing anything, or name a server of your own below.'
      }
      actions={
        connected
          ? []
          : [
              {
                id: 'pretend',
                label: 'Connect to the pretend Fleet',
                icon: PlugZap,
                run: () => void connectFleet(),
                cannot: busy,
              },
            ]
      }
    />
  );
}

function FleetFailures(): React.JSX.Element | null {
  const failed = useAppState((state) => state.failures.fleet);
  const busy = useAppState((state) => state.job !== null);
  const { failure } = useFleetDraft();
  if (failure !== null) return <FailurePanel failure={failure} why="What is typed below is not saved." />;
  if (failed === undefined || busy) return null;
  return (
    <FailurePanel
      failure={failed}
      why="Without the connection nothing can be compared, planned or written. What was typed is still there."
      actions={[{ id: 'again', label: 'Connect again', icon: RefreshCw, run: () => void connectFleet() }]}
    />
  );
}
