/** Controls: the profiles of both sides, what gets in each other’s way, the export, and the removal of what shall go. */
import { SlidersHorizontal } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ControlsView } from '../../../contract/controls';
import { Code } from '../../components/code';
import { EmptyState } from '../../components/empty-state';
import { FailurePanel } from '../../components/failure-panel';
import { CheckField, ChoiceField, FieldRow, Fields } from '../../components/field';
import { JobPanel } from '../../components/job-panel';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Stat, Stats } from '../../components/stat';
import { SubjectList } from '../../components/subject-list';
import { TimeText } from '../../components/time-text';
import { counted } from '../../format/number';
import { useAnswer } from '../../hooks/use-answer';
import { useAppState } from '../../stores/app-state';
import { goAction } from '../go-action';
import { saveControls, useControlsSettings } from './controls-settings';
import { belongTo, setHistory, useControls } from './controls-store';
import { ProfileTable, STANDING_WORDS } from './profile-table';
import { RemovalPanel } from './removal-panel';
import { SentResult } from './sent-result';
import { SettingField } from './setting-field';
import '../../components/plain-table.css';
import '../../components/stack.css';
import './controls.css';

type Standing = ControlsView['rows'][number]['standing'];

export function ControlsScreen(): React.JSX.Element {
  const read = useAppState((state) => state.source !== null);
  const at = useAppState((state) => state.controlsAt);
  const { reply } = useAnswer('controls.view', undefined, at ?? 0);
  const sent = useControls((held) => held.sent);
  useEffect(() => {
    belongTo(at);
  }, [at]);
  if (!read)
    return (
      <EmptyState
        icon={SlidersHorizontal}
        title="Profiles come with the source"
        sentence="At the switch Fleet updates what it knows by its identifier, and leaves everything else on the devices for ever. Here both sides stand beside each other."
        actions={[goAction('source', 'Go to Source')]}
      />
    );
  const view = at !== null && reply?.ok === true ? reply.value : null;
  return (
    <div className="controls">
      {reply?.ok === false && <FailurePanel failure={reply.failure} />}
      <JobPanel kinds={['controls']} sentence="The source and Fleet are only read, unless commands are being sent." />
      <Asked view={view} />
      {view !== null && <Compared view={view} />}
      {sent !== null && <SentResult sent={sent} />}
    </div>
  );
}

/** Which team, and where Fleet’s side comes from. */
function Asked({ view }: { readonly view: ControlsView | null }): React.JSX.Element {
  const { team } = useControlsSettings();
  const history = useControls((held) => held.history);
  const connected = useAppState((state) => state.fleet !== null);
  const named = useAppState(
    (state) => (state.workspace?.settings.fleet.host ?? '') !== '' || state.secrets.held.includes('fleet-token'),
  );
  const teams = view?.teams ?? [];
  const choices = [
    { value: '', label: 'Hosts without a team' },
    ...[...new Set([...teams, ...(team === '' ? [] : [team])])].map((name) => ({ value: name, label: name })),
  ];
  return (
    <Panel title="What is compared">
      <Fields>
        <FieldRow>
          {teams.length > 0 ? (
            <ChoiceField
              label="Fleet’s team"
              value={team}
              choices={choices}
              onChange={(next) => {
                void saveControls({ team: next });
              }}
            />
          ) : (
            <SettingField name="team" label="Fleet’s team" hint="Its name; empty for hosts without a team." />
          )}
        </FieldRow>
        <CheckField
          label="Read which profiles were sent by command"
          hint="The old server keeps the commands it sent, with the profiles in them. It is most of a large database."
          checked={history}
          onChange={setHistory}
        />
      </Fields>
      {!connected && !named && (
        <ProblemNote
          plain
          severity="info"
          what="Fleet is not connected: everything the source has would count as left behind."
          actions={[goAction('fleet', 'Go to Fleet')]}
        />
      )}
    </Panel>
  );
}

function Compared({ view }: { readonly view: ControlsView }): React.JSX.Element {
  const [shown, setShown] = useState<Standing | null>(null);
  const exported = useControls((held) => held.exported);
  const standings = (Object.keys(STANDING_WORDS) as Standing[]).filter((standing) => view.counts[standing] > 0);
  return (
    <>
      <Stats label="Profiles by where they stand">
        {standings.map((standing) => {
          const [label, tone] = STANDING_WORDS[standing];
          return (
            <Stat
              key={standing}
              label={label}
              value={view.counts[standing]}
              tone={tone}
              selected={shown === standing}
              onSelect={() => {
                setShown(shown === standing ? null : standing);
              }}
            />
          );
        })}
      </Stats>
      <p className="muted">
        {view.fleet === 'none'
          ? 'Fleet was not asked'
          : `Beside ${view.team === null ? 'Fleet’s profiles for hosts without a team' : `those of ${view.team.name}`}`}
        , <TimeText at={view.at} />. {view.notes.join(' ')}
      </p>
      {view.grants.length > 0 && <Code text={view.grants.join('\n')} label="the missing grants" />}
      {view.conflicts.length > 0 && (
        <Panel title={counted(view.conflicts.length, 'conflict')} flush>
          <ul className="controls-conflicts" aria-label="Conflicts">
            {view.conflicts.map(({ code, severity, sentence, remedy, identifiers }) => (
              <li key={`${code} ${identifiers.join(' ')}`}>
                <ProblemNote plain severity={severity} what={sentence} remedy={remedy} code={code} />
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <ProfileTable view={view} shown={shown} />
      {exported !== null && (
        <Panel
          title="Exported for Fleet"
          sentence={`${counted(exported.profiles, 'profile')} and ${exported.gitops} in ${exported.folder}. That file is a part of a team file, to be merged into yours.`}
        >
          <div className="stack">
            {exported.withSecrets.length > 0 && (
              <ProblemNote
                plain
                severity="warning"
                what={`${counted(exported.withSecrets.length, 'profile holds', 'profiles hold')} secrets: do not put them into a repository as they are.`}
              >
                <SubjectList subjects={exported.withSecrets} />
              </ProblemNote>
            )}
            {exported.leftOut.map(({ identifier, code, sentence, remedy }) => (
              <ProblemNote
                key={identifier}
                plain
                severity="info"
                what={`${identifier} was left out: ${sentence}`}
                remedy={remedy}
                code={code}
              />
            ))}
          </div>
        </Panel>
      )}
      <RemovalPanel />
    </>
  );
}
