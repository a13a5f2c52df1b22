/** What will be written, device by device: counts that filter, cautions to accept, the rows, the SQL. */
import { FileDiff } from 'lucide-react';
import { useId } from 'react';
import type { PlanSummary } from '../../../contract/state';
import { EmptyState } from '../../components/empty-state';
import { JobPanel } from '../../components/job-panel';
import { Skeleton } from '../../components/skeleton';
import { TabBar, type Tab } from '../../components/tab-bar';
import { useAppState } from '../../stores/app-state';
import { goTo, useRoute } from '../../stores/route';
import { goAction } from '../go-action';
import { Devices } from '../devices/devices-screen';
import { CautionList } from './caution-list';
import { makePlan } from './plan-actions';
import { PlanCounts, PlanSum } from './plan-counts';
import { PlanHead, StaleNote } from './plan-head';
import { SqlView } from './sql-view';
import './plan-screen.css';

export function PlanScreen(): React.JSX.Element {
  const plan = useAppState((state) => state.plan);
  const planning = useAppState((state) => state.job?.kind === 'plan');
  if (plan !== null) return <Plan plan={plan} />;
  if (!planning) return <NoPlan />;
  return (
    <div className="plan-alone">
      <JobPanel kinds={['plan']} sentence="Making a plan only reads; cancelling leaves everything as it was." />
      <Skeleton label="The plan is being made" lines={8} />
    </div>
  );
}

function NoPlan(): React.JSX.Element {
  const read = useAppState((state) => state.source !== null);
  const connected = useAppState((state) => state.fleet !== null);
  const action = !read
    ? goAction('source', 'Read the source first')
    : !connected
      ? goAction('fleet', 'Connect to Fleet first')
      : { id: 'make', label: 'Make the plan', run: () => void makePlan() };
  return (
    <EmptyState
      icon={FileDiff}
      title="No plan yet"
      sentence="A plan compares every device of the source with what stands in Fleet, and says which rows would be written. Making it writes nothing."
      actions={[action]}
    />
  );
}

const VIEWS = ['devices', 'cautions', 'sql'] as const;
type View = (typeof VIEWS)[number];

function Plan({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const query = useRoute((route) => (route.step === 'plan' ? route.query : ''));
  const asked = new URLSearchParams(query).get('view');
  const view = VIEWS.find((name) => name === asked) ?? 'devices';
  const panel = useId();
  const { held } = plan.counts;
  const codes = plan.reasons.filter((reason) => reason.held).length;
  const tabs: readonly Tab<View>[] = [
    { value: 'devices', label: 'Devices' },
    {
      value: 'cautions',
      label: 'Cautions and steps',
      ...(held > 0 ? { count: codes === 0 ? undefined : codes, tone: 'caution' as const } : {}),
    },
    { value: 'sql', label: 'SQL' },
  ];
  return (
    <div className="plan">
      <div className="plan-top">
        <JobPanel kinds={['plan', 'save']} />
        <PlanHead plan={plan} />
        {view !== 'cautions' && <StaleNote plan={plan} />}
        <PlanCounts plan={plan} query={query} />
        <div className="plan-bar">
          <TabBar
            label="Views of the plan"
            tabs={tabs}
            selected={view}
            panel={panel}
            onSelect={(next) => {
              goTo('plan', next === 'devices' ? '' : `view=${next}`);
            }}
          />
          <PlanSum plan={plan} />
        </div>
      </div>
      <div id={panel} className={`plan-view plan-view-${view}`} role="tabpanel" aria-label={view}>
        {view === 'devices' && <Devices step="plan" />}
        {view === 'cautions' && <CautionList plan={plan} />}
        {view === 'sql' && <SqlView planId={plan.id} />}
      </div>
      {/* Below, where it comes while cautions are ticked: nothing then moves under the pointer. */}
      {view === 'cautions' && (
        <div className="plan-foot">
          <StaleNote plan={plan} />
        </div>
      )}
    </div>
  );
}
