/** Which plan this is, for which target, how old, and whether it still holds. */
import { RefreshCw } from 'lucide-react';
import type { PlanSummary } from '../../../contract/state';
import { ProblemNote } from '../../components/problem-note';
import { ShortId } from '../../components/short-id';
import { TimeText } from '../../components/time-text';
import { generationName } from '../../format/words';
import { useAppState } from '../../stores/app-state';
import { makePlan, planCannot } from './plan-actions';

export function PlanHead({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const { id, madeAt, at, target } = plan;
  return (
    <p className="plan-line">
      <span>
        Plan <ShortId value={id} label="plan id" />
      </span>
      <span>
        made <TimeText at={madeAt} as="distance" />
      </span>
      <span>
        source judged at <TimeText at={at} />
      </span>
      <span>
        for <b>{target.database}</b> at{' '}
        <span className="mono">
          {target.host}:{target.port}
        </span>
        , {generationName(target.generation)}
      </span>
    </p>
  );
}

/** Why the plan no longer holds, and the way on. Nothing while it does. */
export function StaleNote({ plan }: { readonly plan: PlanSummary }): React.JSX.Element | null {
  const cannot = useAppState(planCannot);
  const planning = useAppState((state) => state.job?.kind === 'plan');
  if (plan.stale === null || planning) return null;
  return (
    <ProblemNote
      severity="warning"
      what="This plan is out of date and cannot be applied as it is."
      why={plan.stale}
      code="plan-stale"
      actions={[{ id: 'anew', label: 'Make it anew', icon: RefreshCw, run: () => void makePlan(), cannot }]}
    />
  );
}
