/** Agent: who has it, the package and the command that makes it, and its installation through the old server. */
import { PackagePlus } from 'lucide-react';
import type { AgentView } from '../../../contract/controls';
import { EmptyState } from '../../components/empty-state';
import { FailurePanel } from '../../components/failure-panel';
import { JobPanel } from '../../components/job-panel';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Stat, Stats } from '../../components/stat';
import { SubjectList } from '../../components/subject-list';
import { TimeText } from '../../components/time-text';
import type { Tone } from '../../components/tone';
import { counted } from '../../format/number';
import { useAnswer } from '../../hooks/use-answer';
import { useAppState } from '../../stores/app-state';
import { SentResult } from '../controls/sent-result';
import { goAction } from '../go-action';
import { useAgent } from './agent-store';
import { AGENT_WORDS } from './agent-words';
import { CommandPanel } from './command-panel';
import { InstallPanel } from './install-panel';
import { PackagePanel } from './package-panel';
import '../../components/stack.css';
import './agent.css';

type State = keyof AgentView['counts'];

const TONES: Readonly<Record<State, Tone>> = {
  'has-agent': 'good',
  'no-agent': 'caution',
  'no-host': 'caution',
  'not-a-mac': 'quiet',
  'not-enrolled': 'quiet',
  'blocked-at-source': 'quiet',
};

export function AgentScreen(): React.JSX.Element {
  const read = useAppState((state) => state.source !== null);
  const version = useAppState((state) => `${state.agentAt ?? 0} ${state.source?.readAt ?? 0}`);
  const turn = useAgent((held) => held.turn);
  const sent = useAgent((held) => held.sent);
  const { reply } = useAnswer('agent.view', undefined, `${version} ${turn}`);
  if (!read)
    return (
      <EmptyState
        icon={PackagePlus}
        title="The agent comes before the switch"
        sentence="A Mac Fleet has no host of is never renewed. Fleet’s agent makes that host, and the old server can install it while it still leads the devices."
        actions={[goAction('source', 'Go to Source')]}
      />
    );
  return (
    <div className="agent">
      {reply?.ok === false && <FailurePanel failure={reply.failure} />}
      <JobPanel kinds={['agent']} sentence="Fleet is only read, unless commands are being sent." />
      {reply?.ok === true && (
        <>
          <Standing view={reply.value} />
          {sent !== null && <SentResult sent={sent} />}
          <CommandPanel secretFile={reply.value.secretFile} />
          <PackagePanel found={reply.value.package} />
          <InstallPanel />
        </>
      )}
    </div>
  );
}

function Standing({ view }: { readonly view: AgentView }): React.JSX.Element {
  const connected = useAppState((state) => state.fleet !== null);
  if (view.at === null)
    return (
      <Panel title="Who has it">
        <ProblemNote
          plain
          severity="info"
          what="Fleet has not been asked which Macs have its agent."
          remedy={connected ? 'Ask it above.' : 'Connect to Fleet’s database first.'}
          {...(connected ? {} : { actions: [goAction('fleet', 'Go to Fleet')] })}
        />
      </Panel>
    );
  const without = view.counts['no-agent'] + view.counts['no-host'];
  return (
    <Panel
      title={without === 0 ? 'Every Mac has it' : `${counted(without, 'Mac')} without it`}
      sentence={
        without === 0
          ? undefined
          : 'A Mac without a host in Fleet is never renewed, and is let go when its certificate ends.'
      }
    >
      <div className="stack">
        <Stats label="Devices by agent">
          {(Object.keys(TONES) as State[]).map((state) => (
            <Stat key={state} label={AGENT_WORDS[state] ?? state} value={view.counts[state]} tone={TONES[state]} />
          ))}
        </Stats>
        <SubjectList subjects={view.without.map(({ serial, udid }) => serial ?? udid)} />
        <p className="muted">
          Fleet said so <TimeText at={view.at} />.
        </p>
      </div>
    </Panel>
  );
}
