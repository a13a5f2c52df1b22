/** Waves: where devices go now, the ladder, and one button for the next wave. Going back is as visible as going on. */
import { useEffect, useId } from 'react';
import { Waypoints } from 'lucide-react';
import { EmptyState } from '../../components/empty-state';
import { JobPanel } from '../../components/job-panel';
import { ProblemNote } from '../../components/problem-note';
import { TabBar, type Tab } from '../../components/tab-bar';
import { call } from '../../bridge';
import { useAppState } from '../../stores/app-state';
import { goTo, useRoute } from '../../stores/route';
import { isPretend } from '../apply/apply-standing';
import { goAction } from '../go-action';
import { BackDialog } from './back-dialog';
import { HaproxyPanel } from './haproxy-panel';
import { LadderForm } from './ladder-form';
import { MoveDialog } from './move-dialog';
import { MovedResult } from './moved-result';
import { RoutePicture } from './route-picture';
import { SetDialog } from './set-dialog';
import { WakeDialog } from './wake-dialog';
import { WaveLadder } from './wave-ladder';
import { WavePreview } from './wave-preview';
import './waves.css';

const TABS = [
  { value: 'waves', label: 'Where devices go' },
  { value: 'ladder', label: 'Ladder' },
  { value: 'haproxy', label: 'HAProxy' },
] as const satisfies readonly Tab<string>[];
type View = (typeof TABS)[number]['value'];

/** Between two looks at what leads devices, while this screen is open, milliseconds. */
const EVERY = 10_000;

export function WavesScreen(): React.JSX.Element {
  const query = useRoute((route) => (route.step === 'waves' ? route.query : ''));
  const workspace = useAppState((state) => state.workspace?.path ?? null);
  const ladder = useAppState((state) => state.waves.ladder);
  const source = useAppState((state) => state.source !== null);
  const asked = new URLSearchParams(query).get('view');
  const panel = useId();
  useLooking(workspace);
  const view: View = TABS.find(({ value }) => value === asked)?.value ?? 'waves';
  if (!source && ladder === null) return <NoSource />;
  return (
    <div className="waves">
      <TabBar
        label="Parts of Waves"
        tabs={TABS}
        selected={view}
        panel={panel}
        onSelect={(next) => {
          goTo('waves', next === 'waves' ? '' : `view=${next}`);
        }}
      />
      <div
        id={panel}
        role="tabpanel"
        className="waves-view"
        aria-label={TABS.find(({ value }) => value === view)?.label}
      >
        {view === 'waves' && <Standing />}
        {view === 'ladder' && <LadderForm key={ladder?.revision ?? 0} />}
        {view === 'haproxy' && <HaproxyPanel />}
      </div>
      <MoveDialog />
      <BackDialog />
      <SetDialog />
      <WakeDialog />
    </div>
  );
}

/** What leads devices is asked while somebody looks: at once, then every ten seconds. */
function useLooking(workspace: string | null): void {
  const quiet = useAppState((state) => state.job === null);
  useEffect(() => {
    if (workspace === null || !quiet) return undefined;
    const look = (): void => void call('waves.look', undefined);
    look();
    const timer = setInterval(look, EVERY);
    return () => {
      clearInterval(timer);
    };
  }, [workspace, quiet]);
}

function NoSource(): React.JSX.Element {
  return (
    <EmptyState
      icon={Waypoints}
      title="Waves begin with a source"
      sentence="A load balancer leads each device to the old server or to Fleet, and waves move them a few at a time. Who there is to move is read from the source."
      actions={[goAction('source', 'Go to Source')]}
    />
  );
}

function Standing(): React.JSX.Element {
  const ladder = useAppState((state) => state.waves.ladder);
  const preview = useAppState((state) => state.waves.preview);
  const last = useAppState((state) => state.waves.last);
  const problems = useAppState((state) => state.waves.routes?.problems) ?? [];
  const pretend = useAppState(isPretend);
  if (ladder === null) {
    return (
      <EmptyState
        icon={Waypoints}
        title="No ladder yet"
        sentence="A ladder says who moves first and who follows: pilots, a tenth, half, all. Make one, and put HAProxy in front of both servers."
        actions={[
          {
            id: 'make-ladder',
            label: 'Make a ladder',
            run: () => {
              goTo('waves', 'view=ladder');
            },
          },
          {
            id: 'haproxy',
            label: 'HAProxy’s configuration',
            run: () => {
              goTo('waves', 'view=haproxy');
            },
          },
        ]}
      />
    );
  }
  return (
    <>
      {pretend && (
        <ProblemNote
          severity="info"
          what="The sample has no server behind it, so no wave can move here."
          why="Ladder and configuration can be made and looked at."
          code="sample-no-server"
        />
      )}
      {problems.map((problem) => (
        <ProblemNote
          key={`${problem.code} ${problem.instance} ${problem.sentence}`}
          severity="error"
          what={problem.sentence}
          why="Until this is settled no wave moves: nobody could say where its devices would arrive."
          remedy={problem.remedy}
          code={problem.code}
        />
      ))}
      <RoutePicture />
      <JobPanel
        kinds={['wave', 'move']}
        unit="devices"
        sentence="Routes are switched last. What is stopped before is taken up again by the same wave; nothing of it is lost."
      />
      {preview !== null && <WavePreview preview={preview} />}
      {preview === null && last !== null && <MovedResult moved={last} />}
      <WaveLadder ladder={ladder} />
    </>
  );
}
