/** What a plan can do besides rows of devices: shown, and only done where it was chosen. */
import type { PlanSummary } from '../../../contract/state';
import { Panel } from '../../components/panel';
import { ProblemNote } from '../../components/problem-note';
import { Code } from '../../components/code';
import { counted, grouped } from '../../format/number';

export function OptionalSteps({ plan }: { readonly plan: PlanSummary }): React.JSX.Element {
  const { queueLeftovers, serials } = plan;
  if (queueLeftovers === 0 && serials === null) {
    return <Panel title="Optional steps" sentence="There is nothing to do besides the devices’ rows." />;
  }
  return (
    <Panel title="Optional steps" sentence="Besides the devices’ rows. Each is done only where it was chosen." flush>
      {serials !== null && (
        <ProblemNote
          plain
          severity="info"
          what={
            serials.lifted === ''
              ? 'Certificate serials are left as they are.'
              : `Certificate serials are lifted past ${serials.lifted}.`
          }
          why={`Fleet’s next serial is ${serials.targetNext}, the old CA’s is ${serials.sourceNext}. Two certificates of one CA must not share one.`}
          code="serials"
        />
      )}
      {queueLeftovers > 0 && (
        <ProblemNote
          plain
          severity="caution"
          what={`${counted(queueLeftovers, 'command')} of an earlier import ${queueLeftovers === 1 ? 'waits' : 'wait'} in Fleet’s queue.`}
          why={`They would run at the devices’ first contact: ${grouped(queueLeftovers)} rows of nano_enrollment_queue are active.`}
          remedy="This window leaves them as they are. To switch them off, make the plan on the command line:"
          code="queue"
        >
          <Code text="slipway plan SOURCE --fleet … --out plan.json --steps serials,queue" label="the command" />
        </ProblemNote>
      )}
    </Panel>
  );
}
